//! The sets of `deploy/templates` on a real control plane (`tests/e2e/up`): what `check` and `diff` ask of it, and what becomes of
//! additional objects.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use crate::support::control_plane::{ControlPlane, kubeconfig};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const SETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/templates/sets");

/// Exit code and all output.
fn run(work: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_native-submit"))
        .args(arguments)
        .current_dir(work)
        .env("KUBECONFIG", kubeconfig())
        .env("ALLOWED_EXTRA_KINDS", "NetworkPolicy,PodDisruptionBudget")
        .output()
        .unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), text)
}

/// A case for a set, in a namespace.
fn case(work: &Path, namespace: &str, set: &str) -> PathBuf {
    let folder = work.join("cases").join(set);
    std::fs::create_dir_all(&folder).unwrap();
    let mut application: Value = serde_yaml::from_str(include_str!("../../examples/spark-pi.yaml")).unwrap();
    application["metadata"]["namespace"] = namespace.into();
    application["metadata"]["name"] = set.into();
    application["metadata"]["annotations"] = json!({"native-submit/template-set": set});
    let path = folder.join("application.yaml");
    std::fs::write(&path, application.to_string()).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_sets_are_taken_and_their_objects_go_with_the_driver() {
    let plane = ControlPlane::connect().await;
    let namespace = plane.namespace("sets").await;
    plane.let_drivers_run(&namespace, "spark-operator-spark").await;
    let work = tempfile::tempdir().unwrap();
    let work = work.path();
    for (set, extra) in [
        ("gpu", None),
        ("team-data", Some(("PodDisruptionBudget", "team-data-driver"))),
        ("restricted", Some(("NetworkPolicy", "restricted-driver-ingress"))),
    ] {
        let file = case(work, &namespace, set);
        let file = file.to_str().unwrap();
        let (code, said) = run(work, &["submit", file, "--template-dir", SETS]);
        assert_eq!(code, 0, "{said}");
        let pod = plane
            .get("Pod", &namespace, &format!("{set}-driver"))
            .await
            .unwrap();
        let annotation = &pod["metadata"]["annotations"]["native-submit/template-set"];
        assert!(annotation.as_str().unwrap().starts_with(set), "{annotation}");
        if let Some((kind, name)) = extra {
            let object = plane.get(kind, &namespace, name).await.unwrap();
            assert_eq!(
                object["metadata"]["ownerReferences"][0]["uid"],
                pod["metadata"]["uid"]
            );
        }
        let (code, said) = run(work, &["diff", "--live", "--to", SETS, file]);
        assert_eq!(code, 0, "{said}");
        plane.delete(&pod).await.unwrap();
    }
    // The garbage collector takes what the drivers owned.
    plane.until_empty(&namespace).await;
    plane.remove_namespace(&namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_what_the_api_server_says() {
    let plane = ControlPlane::connect().await;
    let namespace = plane.namespace("restricted").await;
    plane.let_drivers_run(&namespace, "spark-operator-spark").await;
    let level = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let request = http::Request::patch(format!("/api/v1/namespaces/{namespace}"))
        .header(http::header::CONTENT_TYPE, "application/merge-patch+json")
        .body(level.to_string().into_bytes())
        .unwrap();
    plane.client.request::<Value>(request).await.unwrap();
    let work = tempfile::tempdir().unwrap();
    let work = work.path();
    case(work, &namespace, "restricted");
    let ask = ["check", SETS, "--cases", "cases", "--server-dry-run"];
    let (code, said) = run(work, &ask);
    assert_eq!(
        code, 0,
        "the set meets the Pod Security Standard that it is named after: {said}"
    );

    let set = work.join("sets/restricted");
    std::fs::create_dir_all(&set).unwrap();
    std::fs::write(set.join("_a.j2"), "x").unwrap();
    let (code, said) = run(work, &["check", "sets", "--cases", "cases", "--server-dry-run"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("sets/restricted: Pod Security level `restricted:latest`"),
        "{said}"
    );
    assert!(said.contains("runAsNonRoot"), "{said}");
    plane.until_empty(&namespace).await;
    plane.remove_namespace(&namespace).await;
}
