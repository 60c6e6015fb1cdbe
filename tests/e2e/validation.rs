//! What the checks of `src/manifest` refuse and take, against what a real API server (`tests/e2e/up`) refuses and takes:
//! every case of `tests/parity`, as a dry run.
#![allow(clippy::unwrap_used)]

use crate::support::{
    control_plane::{ControlPlane, knows, name_of},
    parity_case::{Case, Refused, cases},
};
use futures::{StreamExt, stream};
use serde_json::Value;
use std::{fs, path::Path};

/// The Spark version whose recordings are sent.
const VERSION: &str = "4.3.0";

/// How many cases are sent at once.
const AT_ONCE: usize = 8;

/// What no check of ours looks at, because the API server alone says it well enough: nothing exists yet when it does.
const LEFT_TO_THE_SERVER: [(&str, &str); 1] = [(
    "template-volume-types",
    "spec.volumes[11].iscsi.iqn: Invalid value",
)];

/// What became of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    BothTake,
    BothRefuse,
    LeftToTheServer,
    /// We refuse it for a reason that is not the API server's: Spark refuses it too, or it needs a JVM.
    NotTheServers,
}

#[tokio::test]
async fn we_refuse_what_the_api_server_refuses_and_nothing_else() {
    let plane = ControlPlane::connect().await;
    let results: Vec<_> = stream::iter(cases())
        .map(|case| {
            let plane = plane.clone();
            async move { (case.name.clone(), judge(&plane, &case).await) }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;

    let count = |verdict| results.iter().filter(|(_, found)| *found == Ok(verdict)).count();
    let (taken, refused) = (count(Verdict::BothTake), count(Verdict::BothRefuse));
    println!(
        "{} cases: {taken} taken by both, {refused} refused by both",
        results.len()
    );
    let wrong: Vec<_> = results
        .iter()
        .filter_map(|(name, found)| found.as_ref().err().map(|what| format!("{name}: {what}")))
        .collect();
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(taken >= 500 && refused >= 40, "too few cases were compared");
    assert_eq!(count(Verdict::LeftToTheServer), LEFT_TO_THE_SERVER.len());
}

/// Compares our verdict on a case with the API server's; an error says where they differ.
async fn judge(plane: &ControlPlane, case: &Case) -> Result<Verdict, String> {
    match case.manifests(&case.lay_out(), VERSION) {
        Ok(manifests) => {
            let objects: Vec<_> = manifests.for_files().map(|(_, object)| object).collect();
            match refusal(plane, &manifests.identity.namespace, objects).await {
                None => Ok(Verdict::BothTake),
                Some(refusal)
                    if LEFT_TO_THE_SERVER
                        .iter()
                        .any(|(name, said)| *name == case.name && refusal.contains(said)) =>
                {
                    Ok(Verdict::LeftToTheServer)
                }
                Some(refusal) => Err(format!("we take it, the API server refuses {refusal}")),
            }
        }
        Err(refused) => {
            let Some(objects) = case.objects(VERSION).filter(|_| is_the_servers(case, &refused)) else {
                return Ok(Verdict::NotTheServers);
            };
            let objects: Vec<_> = objects.iter().map(filled).collect();
            let mut wrong = refusal(plane, "default", objects.clone()).await;
            if wrong.is_none() {
                wrong = refusal_by_storage(plane, objects).await;
            }
            match wrong {
                Some(_) => Ok(Verdict::BothRefuse),
                None => Err(format!("the API server takes it, we refuse: {}", refused.message)),
            }
        }
    }
}

/// Whether we say that the API server would refuse it: the checks of objects do, and where `docs/parity.md` has the case, its
/// reason decides.
fn is_the_servers(case: &Case, refused: &Refused) -> bool {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/parity.md")).unwrap();
    let row = format!("| `{}` |", case.name);
    match text.lines().find(|line| line.starts_with(&row)) {
        Some(line) => line.contains("the API server refuses") || line.contains("| 422, "),
        None => refused.reason == "manifest",
    }
}

/// The first refusal of the API server among these objects.
async fn refusal(plane: &ControlPlane, default_namespace: &str, objects: Vec<Value>) -> Option<String> {
    for object in objects.iter().filter(|object| knows(object)) {
        let namespace = object["metadata"]["namespace"]
            .as_str()
            .unwrap_or(default_namespace);
        plane.ensure_namespace(namespace).await;
        if object["kind"] == "Pod" {
            plane.prepare_for(namespace, object).await;
        }
        if let Err(status) = plane.dry_run(namespace, object).await {
            return Some(format!(
                "{} ({}): {}",
                name_of(object),
                status.code,
                status.message
            ));
        }
    }
    None
}

/// What a dry run doesn't find, because nothing is stored: so the objects are created, in a namespace of their own.
async fn refusal_by_storage(plane: &ControlPlane, objects: Vec<Value>) -> Option<String> {
    let namespace = plane.namespace("storage").await;
    let mut refusal = None;
    for mut object in objects.into_iter().filter(knows) {
        object["metadata"]["namespace"] = namespace.as_str().into();
        if object["kind"] == "Pod" {
            plane.prepare_for(&namespace, &object).await;
        }
        if let Err(status) = plane.create(&namespace, &object).await {
            refusal = Some(format!(
                "{} ({}): {}",
                name_of(&object),
                status.code,
                status.message
            ));
            break;
        }
    }
    plane.remove_namespace(&namespace).await;
    refusal
}

/// A recorded object with something that can be where the recording has a placeholder.
fn filled(object: &Value) -> Value {
    let text = object
        .to_string()
        .replace("<APPID>", "0123456789abcdef0123456789abcdef")
        .replace("<ID>", "a123456789abcdef")
        .replace("<UUID>", "3f2504e0-4f89-41d3-9a0c-0305e82c3301")
        .replace("<PORT>", "6443");
    serde_json::from_str(&text).unwrap()
}
