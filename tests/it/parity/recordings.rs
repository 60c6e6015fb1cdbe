//! Parity: what real `spark-submit` created, against what we would create for the same arguments.
//!
//! Each case in `tests/parity/cases` is one command line with its recordings, one for each Spark version
//! (`tests/parity/README.md` has the format). The comparison is strict: objects by kind and name, maps as maps,
//! properties parsed, the executors' pod template as YAML, arguments as a list, env in order. A case that differs
//! must stand in `docs/parity.md` with its reason and differ in what its row names alone, and a case that stands there
//! must differ. Objects that our checks refuse are compared too: all else in them is what spark-submit sends.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

// By its path: a folder of this test's own name is there too.

#[path = "../../parity/page.rs"]
mod page;

use crate::support::parity_case::{Case, SPARK_HOME, cases};
use native_submit::{spark::submission::properties, strict};
use page::{Difference, Page};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Objects by kind and name.
type Objects = BTreeMap<String, Value>;

/// How a case ended.
struct Ending {
    /// The message, where it was refused.
    refusal: Option<String>,
    /// The objects; where it was refused, those that would have been sent.
    objects: Option<Objects>,
}

fn recorded(case: &Case, version: &str, recording: &Value) -> Option<Ending> {
    let error = recording["error"].as_str().unwrap_or_default();
    if error.contains("Exception in thread \"main\" io.fabric8") && !case.has_faults() {
        // A master that the recorder could not reach: nothing of it was recorded.
        return None;
    }
    if recording["exit_code"] != 0 {
        // Failed by an API server that was set to fail: nothing of the objects is left to compare.
        return (!case.has_faults()).then(|| Ending {
            refusal: Some(error.to_owned()),
            objects: None,
        });
    }
    // --help, --kill, --status and --version submit nothing.
    Some(Ending {
        refusal: None,
        objects: Some(by_name(case.objects(version)?.into_iter())),
    })
}

fn ours(case: &Case, version: &str) -> Ending {
    let files = case.lay_out();
    let (refusal, ours) = match case.manifests(&files, version) {
        Ok(manifests) => {
            let objects = std::iter::once(manifests.driver_pod)
                .chain(manifests.owned)
                .map(|manifest| (manifest.role, manifest.value))
                .collect();
            (None, Some((manifests.identity.application_id, objects)))
        }
        Err(refused) => (Some(refused.message), case.unchecked(&files, version)),
    };
    let objects = ours.map(|(application_id, objects)| {
        by_name(objects.iter().map(|(_, object)| {
            let mut text = object.to_string();
            for (given, real) in &files.moved {
                text = text.replace(real, given);
            }
            serde_json::from_str(&anonymous(&text, &application_id, &objects, &files.work)).unwrap()
        }))
    });
    Ending { refusal, objects }
}

/// Puts the recordings' placeholders where names were generated.
fn anonymous(text: &str, application_id: &str, objects: &[(String, Value)], work: &Path) -> String {
    let object = |role: &str| {
        objects
            .iter()
            .find(|(other, _)| other == role)
            .map(|(_, object)| object)
    };
    let suffix = object("configmap-driver")
        .and_then(|object| object["metadata"]["name"].as_str())
        .unwrap()
        .trim_start_matches("spark-drv-")
        .trim_end_matches("-conf-map");
    let pod = object("pod-driver").unwrap();
    let local = pod["spec"]["volumes"].to_string() + &pod.to_string();
    let uuid = local
        .find("/var/data/spark-")
        .map(|at| local[at + 16..at + 16 + 36].to_owned());
    let mut text = text
        .replace(work.to_str().unwrap(), "{{WORK}}")
        .replace(application_id, "spark-<APPID>")
        .replace(suffix, "<ID>")
        .replace("49732", "<PORT>")
        .replace(SPARK_HOME, "{{SPARK_HOME}}");
    // A name that starts with the suffix itself has its first digit made a letter.
    text = text.replace(&format!("x{}", &suffix[1..]), "<ID>");
    match uuid {
        Some(uuid) => text.replace(&uuid, "<UUID>"),
        None => text,
    }
}

/// Objects in a form in which only what matters differs.
fn by_name(objects: impl Iterator<Item = Value>) -> BTreeMap<String, Value> {
    let mut objects: Vec<_> = objects.filter(|object| !object.is_null()).collect();
    name_claims_by_volume(&mut objects);
    objects
        .into_iter()
        .map(|mut object| {
            let kind = object["kind"].as_str().unwrap().to_owned();
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let metadata = object["metadata"].as_object_mut().unwrap();
            // The namespace is in the URL that Spark posts to; ours is in the object too.
            metadata.remove("namespace");
            if kind != "Pod" {
                metadata.remove("ownerReferences");
            }
            if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
                annotations.retain(|key, _| !key.starts_with("native-submit/"));
                if annotations.is_empty() {
                    metadata.remove("annotations");
                }
            }
            order_local_dirs(&mut object);
            name_local_dirs_by_path(&mut object);
            order_hadoop_files(&mut object);
            for (key, value) in object["data"].as_object_mut().into_iter().flatten() {
                if kind == "ConfigMap" {
                    *value = parsed(key, value.as_str().unwrap());
                }
            }
            (format!("{kind}/{name}"), without_empty(object))
        })
        .collect()
}

/// The number in `…-driver-pvc-<n>` is a volume's place in the hash order of a Scala version. A claim is named here by
/// the volume that uses it instead; one that no volume uses keeps its number.
fn name_claims_by_volume(objects: &mut [Value]) {
    let mut names = BTreeMap::new();
    for object in objects.iter_mut() {
        for volume in object["spec"]["volumes"].as_array_mut().into_iter().flatten() {
            let by_volume = format!("driver-pvc of {}", volume["name"]);
            let Some(claim) = volume.pointer_mut("/persistentVolumeClaim/claimName") else {
                continue;
            };
            let name = claim.as_str().unwrap().to_owned();
            if let Some((prefix, number)) = name.rsplit_once("driver-pvc-")
                && number.parse::<usize>().is_ok()
            {
                *claim = format!("{prefix}{by_volume}").into();
                names.insert(name, claim.clone());
            }
        }
    }
    for object in objects
        .iter_mut()
        .filter(|object| object["kind"] == "PersistentVolumeClaim")
    {
        let name = &mut object["metadata"]["name"];
        if let Some(by_volume) = name.as_str().and_then(|name| names.get(name)) {
            *name = by_volume.clone();
        }
    }
}

/// Spark shuffles its local directories; their order says nothing.
fn order_local_dirs(object: &mut Value) {
    for container in object["spec"]["containers"].as_array_mut().into_iter().flatten() {
        for variable in container["env"].as_array_mut().into_iter().flatten() {
            if variable["name"] == "SPARK_LOCAL_DIRS" {
                let mut directories: Vec<_> = variable["value"].as_str().unwrap().split(',').collect();
                directories.sort_unstable();
                variable["value"] = directories.join(",").into();
            }
        }
    }
}

/// The numbers in their volumes' names follow the shuffled order.
fn name_local_dirs_by_path(object: &mut Value) {
    let mut names = BTreeMap::new();
    for container in object["spec"]["containers"].as_array_mut().into_iter().flatten() {
        for mount in container["volumeMounts"].as_array_mut().into_iter().flatten() {
            if let Some(name) = mount["name"]
                .as_str()
                .filter(|name| name.starts_with("spark-local-dir-"))
            {
                let by_path = format!("spark-local-dir at {}", mount["mountPath"]);
                names.insert(name.to_owned(), by_path.clone());
                mount["name"] = by_path.into();
            }
        }
    }
    for volume in object["spec"]["volumes"].as_array_mut().into_iter().flatten() {
        if let Some(by_path) = volume["name"].as_str().and_then(|name| names.get(name)) {
            volume["name"] = by_path.as_str().into();
        }
    }
}

/// The files of `HADOOP_CONF_DIR` come as its file system lists them; every other list of files has an order.
fn order_hadoop_files(object: &mut Value) {
    for volume in object["spec"]["volumes"].as_array_mut().into_iter().flatten() {
        if volume["name"] == "hadoop-properties"
            && let Some(items) = volume["configMap"]["items"].as_array_mut()
        {
            items.sort_by_key(|item| item["key"].to_string());
        }
    }
}

/// The value of a `ConfigMap`'s key as its reader understands it.
fn parsed(key: &str, text: &str) -> Value {
    match key {
        "spark.properties" => {
            let mut properties = properties::read(text).unwrap();
            properties.insert("spark.app.submitTime".to_owned(), "<MS>".to_owned());
            serde_json::to_value(properties).unwrap()
        }
        "podspec-configmap-key" => strict::parse_yaml(text).map_or_else(|_| text.into(), without_empty),
        _ => text.into(),
    }
}

/// fabric8 leaves empty lists and maps out; `emptyDir: {}` and the like say something.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, without_empty(value)))
            .filter(|(_, value)| !value.is_null() && value != &Value::Array(Vec::new()))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(list) => list.into_iter().map(without_empty).collect(),
        scalar => scalar,
    }
}

/// What is different; empty where nothing is.
fn compare(recorded: &Ending, ours: &Ending) -> Vec<Difference> {
    let refusal = match (&recorded.refusal, &ours.refusal) {
        (Some(_), Some(_)) | (None, None) => None,
        (None, Some(refusal)) => Some(format!("spark-submit takes it, we refuse: {refusal}")),
        (Some(error), None) => Some(format!("spark-submit refuses, we take it: {error}")),
    };
    let mut found: Vec<_> = refusal.map(Difference::Refusal).into_iter().collect();
    let (Some(recorded), Some(ours)) = (&recorded.objects, &ours.objects) else {
        return found;
    };
    let names: BTreeSet<_> = recorded.keys().chain(ours.keys()).collect();
    for name in names {
        let object = |objects: &Objects| objects.get(name).cloned().unwrap_or_default();
        let differences = native_submit::kubernetes::differences(&object(recorded), &object(ours));
        found.extend(differences.into_iter().map(|difference| named(name, &difference)));
    }
    found
}

fn named(object: &str, difference: &native_submit::kubernetes::Difference) -> Difference {
    let show = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
    Difference::Object {
        path: format!("{object} {}", difference.path),
        values: format!(
            "spark-submit {}, ours {}",
            show(&difference.left),
            show(&difference.right)
        ),
    }
}

#[test]
fn what_we_create_is_what_spark_submit_creates_or_is_documented() {
    let page = Page::read();
    let mut differing = BTreeSet::new();
    let mut not_allowed = Vec::new();
    let (mut compared, mut left_out) = (0, 0);
    for case in cases() {
        for (version, recording) in case.recordings() {
            let Some(recorded) = recorded(&case, &version, &recording) else {
                left_out += 1;
                continue;
            };
            compared += 1;
            for difference in compare(&recorded, &ours(&case, &version)) {
                differing.insert(case.name.clone());
                if !page.allows(&case.name, &difference) {
                    not_allowed.push(format!("{} {version}: {difference}", case.name));
                }
            }
        }
    }
    println!(
        "{compared} recordings compared; {left_out} left out, which failed by an injected fault or submitted nothing"
    );
    assert!(compared > 0, "no case was found");
    if std::env::var_os("PARITY_CASES").is_none() {
        let count = format!("{},{:03}", compared / 1000, compared % 1000);
        for (name, page, says) in [
            (
                "README.md",
                include_str!("../../../README.md"),
                format!("on {count} recorded submissions"),
            ),
            (
                "docs/parity.md",
                include_str!("../../../docs/parity.md"),
                format!("makes {count} submissions"),
            ),
        ] {
            assert!(page.contains(&says), "{name} doesn't say: {says}");
        }
    }
    assert!(
        not_allowed.is_empty(),
        "differences that docs/parity.md does not have:\n{}",
        not_allowed.join("\n")
    );
    let stale: Vec<_> = page.cases().filter(|name| !differing.contains(*name)).collect();
    assert!(
        stale.is_empty() || std::env::var_os("PARITY_CASES").is_some(),
        "docs/parity.md lists cases that don't differ: {stale:?}"
    );
}
