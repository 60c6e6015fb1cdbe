use super::*;
use crate::{kubernetes::ObjectKind, manifest::Identity};
use serde_json::Value;
use serde_json::json;

fn submission(pod_name: &str, image: &str, owned: &[&str]) -> Arc<Manifests> {
    let kind = |role: &str| match role.split('-').next() {
        Some("secret") => "Secret",
        Some("pod") => "Pod",
        _ => "ConfigMap",
    };
    let manifest = |role: &str, value: Value| Manifest {
        role: role.to_owned(),
        kind: ObjectKind::known(kind(role)).unwrap(),
        value,
    };
    Arc::new(Manifests {
        identity: Identity {
            namespace: "ns".into(),
            pod_name: pod_name.into(),
            application_id: "spark-1".into(),
            application_name: "pi".into(),
            submission_id: "id-1".into(),
            plan_hash: format!("{image} {owned:?}"),
            template_set: "default@1".into(),
        },
        driver_pod: manifest("pod-driver", json!({"kind": "Pod", "spec": {"image": image}})),
        owned: owned
            .iter()
            .map(|role| manifest(role, json!({"kind": role, "data": {"a": "yes"}})))
            .collect(),
        warnings: crate::finding::Warnings::default(),
        executor: Err(crate::templates::NoExecutor(String::new())),
        left_to_webhook: crate::spark::submission::LeftToWebhook::Nothing,
    })
}

/// All that is in a directory, hidden files too.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

async fn outcome(sink: &DirectorySink, manifests: Arc<Manifests>) -> Outcome {
    sink.apply(manifests, None).await.unwrap().outcome
}

#[tokio::test]
async fn one_file_for_each_object_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    let sink = DirectorySink::new(&out, Layout::Flat);
    let manifests = submission("pi-driver", "spark", &["configmap-driver", "service-driver"]);
    let submitted = sink.apply(manifests.clone(), None).await.unwrap();
    assert_eq!((submitted.outcome, submitted.pod_uid), (Outcome::Written, None));
    assert_eq!(
        submitted.objects[0],
        out.join("pod-driver.yaml").display().to_string()
    );
    assert_eq!(
        names(&out),
        [
            ".native-submit",
            "configmap-driver.yaml",
            "pod-driver.yaml",
            "service-driver.yaml"
        ]
    );
    let text = fs::read_to_string(out.join("pod-driver.yaml")).unwrap();
    assert_eq!(
        crate::strict::parse_yaml(&text).unwrap(),
        manifests.driver_pod.value
    );

    assert_eq!(outcome(&sink, manifests).await, Outcome::Found);
}

#[tokio::test]
async fn a_changed_submission_replaces_its_files_and_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let sink = DirectorySink::new(directory.path(), Layout::Flat);
    fs::write(directory.path().join("service-account.yaml"), "theirs").unwrap();
    let first = submission(
        "pi-driver",
        "spark:1",
        &["configmap-driver", "networkpolicy-driver"],
    );
    assert_eq!(outcome(&sink, first).await, Outcome::Written);

    let second = submission("pi-driver", "spark:2", &["configmap-driver"]);
    assert_eq!(outcome(&sink, second.clone()).await, Outcome::Written);
    assert_eq!(
        names(directory.path()),
        [
            ".native-submit",
            "configmap-driver.yaml",
            "pod-driver.yaml",
            "service-account.yaml"
        ]
    );
    assert!(
        fs::read_to_string(directory.path().join("pod-driver.yaml"))
            .unwrap()
            .contains("spark:2")
    );

    fs::remove_file(directory.path().join("configmap-driver.yaml")).unwrap();
    assert_eq!(
        outcome(&sink, second).await,
        Outcome::Written,
        "what is missing is written again"
    );
}

#[tokio::test]
async fn a_directory_of_another_submission_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let sink = DirectorySink::new(directory.path(), Layout::Flat);
    outcome(&sink, submission("pi-driver", "spark", &[])).await;
    let error = sink
        .apply(submission("other-driver", "spark", &[]), None)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ApplyError::DirectoryTaken { found, .. } if found == "ns/pi-driver"),
        "{error}"
    );
    assert_eq!(error.code().http_status(), 409);
}

#[tokio::test]
async fn with_a_directory_for_each_submission_they_live_side_by_side() {
    let directory = tempfile::tempdir().unwrap();
    let sink = DirectorySink::new(directory.path(), Layout::PerSubmission);
    for pod in ["a-driver", "b-driver"] {
        assert_eq!(
            outcome(&sink, submission(pod, "spark", &["configmap-driver"])).await,
            Outcome::Written
        );
        assert!(
            directory
                .path()
                .join("ns")
                .join(pod)
                .join("pod-driver.yaml")
                .is_file()
        );
    }
}

#[tokio::test]
async fn a_name_cannot_leave_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    for bad in ["../x", "a/b", "..", ""] {
        let sink = DirectorySink::new(directory.path().join("out"), Layout::PerSubmission);
        assert!(
            sink.apply(submission(bad, "spark", &[]), None).await.is_err(),
            "{bad}"
        );
        let sink = DirectorySink::new(directory.path().join("out"), Layout::Flat);
        assert!(
            sink.apply(submission("pi-driver", "spark", &[bad]), None)
                .await
                .is_err(),
            "{bad}"
        );
    }
    assert_eq!(names(directory.path()), ["out"]);
    assert_eq!(names(&directory.path().join("out")), Vec::<String>::new());
}

#[tokio::test]
async fn a_tampered_index_deletes_nothing_outside() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(directory.path().join("precious"), "").unwrap();
    fs::write(
        out.join(INDEX),
        r#"{"pod": "ns/pi-driver", "files": ["../precious"]}"#,
    )
    .unwrap();
    outcome(
        &DirectorySink::new(&out, Layout::Flat),
        submission("pi-driver", "spark", &[]),
    )
    .await;
    assert!(directory.path().join("precious").exists());
}

/// A set that cannot be finished has no Pod, so nothing of it runs.
#[tokio::test]
async fn a_failure_leaves_no_pod() {
    let directory = tempfile::tempdir().unwrap();
    let sink = DirectorySink::new(directory.path(), Layout::Flat);
    outcome(&sink, submission("pi-driver", "spark:1", &["configmap-driver"])).await;
    // A directory in the place of a file cannot be renamed over.
    fs::create_dir(directory.path().join("service-driver.yaml")).unwrap();
    let second = submission("pi-driver", "spark:2", &["configmap-driver", "service-driver"]);
    let error = sink.apply(second.clone(), None).await.unwrap_err();
    assert!(matches!(error, ApplyError::File { .. }), "{error}");
    assert_eq!(
        names(directory.path()),
        [".native-submit", "configmap-driver.yaml", "service-driver.yaml"],
        "and nothing half written"
    );

    fs::remove_dir(directory.path().join("service-driver.yaml")).unwrap();
    assert_eq!(outcome(&sink, second).await, Outcome::Written);
}

#[cfg(unix)]
#[tokio::test]
async fn secrets_are_for_their_owner_and_symlinks_are_not_followed() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    fs::create_dir(&out).unwrap();
    let outside = directory.path().join("outside");
    fs::write(&outside, "kept").unwrap();
    symlink(&outside, out.join("configmap-driver.yaml")).unwrap();
    let sink = DirectorySink::new(&out, Layout::Flat);
    outcome(
        &sink,
        submission("pi-driver", "spark", &["configmap-driver", "secret-keytab"]),
    )
    .await;
    assert_eq!(fs::read_to_string(&outside).unwrap(), "kept");
    let mode = fs::metadata(out.join("secret-keytab.yaml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0);
}

#[tokio::test]
async fn a_link_in_place_of_a_submissions_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (out, outside) = (directory.path().join("out"), directory.path().join("outside"));
    fs::create_dir(&outside).unwrap();
    for planted in ["ns", "ns/pi-driver"] {
        let link = out.join(planted);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&outside, &link).unwrap();
        let sink = DirectorySink::new(&out, Layout::PerSubmission);
        let manifests = submission("pi-driver", "spark", &["configmap-driver"]);
        let error = sink.apply(manifests, None).await.unwrap_err();
        assert!(
            error.to_string().ends_with("expected a directory, found a link"),
            "{error}"
        );
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        fs::remove_file(link).unwrap();
    }
}

#[tokio::test]
async fn the_same_submission_at_another_time_is_found_and_its_files_stay() {
    let directory = tempfile::tempdir().unwrap();
    let sink = DirectorySink::new(directory.path(), Layout::Flat);
    let at = |time: &str| {
        let mut manifests = (*submission("pi-driver", "spark", &["configmap-driver"])).clone();
        manifests.owned[0].value["data"]["spark.app.submitTime"] = json!(time);
        Arc::new(manifests)
    };
    let text = || fs::read_to_string(directory.path().join("configmap-driver.yaml")).unwrap();
    assert_eq!(outcome(&sink, at("1")).await, Outcome::Written);
    let again = sink.apply(at("2"), None).await.unwrap();
    assert!(again.duplicate(), "{again:?}");
    assert!(text().contains("'1'") || text().contains("\"1\""), "{}", text());
    // Another template set is another outcome, and so is a file that somebody changed or removed.
    let mut other = (*at("3")).clone();
    other.identity.template_set = "default@2".into();
    assert_eq!(outcome(&sink, Arc::new(other)).await, Outcome::Written);
    assert_eq!(outcome(&sink, at("4")).await, Outcome::Written);
    fs::write(directory.path().join("configmap-driver.yaml"), "changed").unwrap();
    assert_eq!(outcome(&sink, at("5")).await, Outcome::Written);
    fs::remove_file(directory.path().join("configmap-driver.yaml")).unwrap();
    assert_eq!(outcome(&sink, at("6")).await, Outcome::Written);
    assert_eq!(outcome(&sink, at("7")).await, Outcome::Found);
}
