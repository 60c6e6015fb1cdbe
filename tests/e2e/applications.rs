//! Each application of `golden/` on a real control plane (`tests/e2e/up`): its objects are taken, belong to it, are
//! found again, and go when it goes.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::support::{
    control_plane::{ControlPlane, name_of},
    golden_case,
};
use native_submit::{
    cluster::{ClusterSettings, ClusterSink, Outcome, ResourceVersion},
    manifest::Manifests,
    operator::{Origin, Webhook},
    spark::submission::{self, SubmissionId, SubmitterContext},
    submitter,
    templates::TemplateSet,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// The case's application as it is on the API server: in this namespace, with a uid.
async fn create_application(plane: &ControlPlane, folder: &Path, namespace: &str) -> Value {
    let object = golden_case::application(folder, namespace);
    plane
        .create(namespace, &object)
        .await
        .unwrap_or_else(|status| panic!("{}: the CRD refuses it: {}", folder.display(), status.message))
}

fn manifests(live: &Value) -> Manifests {
    let context = SubmitterContext::golden();
    let origin = Origin {
        webhook: Webhook::Off,
        operator: false,
        unknown_fields: submission::UnknownFields::Refuse,
    };
    let parsed = golden_case::parsed(live);
    let submission = submitter::intent(parsed.application, SubmissionId::nil(), origin, &context).unwrap();
    submitter::manifests(&submission, &context, &TemplateSet::builtin().unwrap()).unwrap()
}

#[tokio::test]
async fn every_golden_application_is_taken_found_again_and_collected() {
    let plane = ControlPlane::connect().await;
    // At once, for most of the time goes in waiting for the garbage collector.
    futures::future::join_all(
        golden_case::folders()
            .iter()
            .map(|folder| life_of(&plane, folder)),
    )
    .await;
}

/// The API server's cache answers a read that names a version. One that it will never have isn't waited for.
#[tokio::test]
async fn the_live_application_is_as_new_as_the_caller_saw_it() {
    let plane = ControlPlane::connect().await;
    let sink = ClusterSink::new(plane.client.clone(), ClusterSettings::default());
    let namespace = plane.namespace("live").await;
    let folders = golden_case::folders();
    let mut seen = create_application(&plane, &folders[0], &namespace).await;
    let name = seen["metadata"]["name"].as_str().unwrap().to_owned();
    let version =
        |object: &Value| ResourceVersion::new(object["metadata"]["resourceVersion"].as_str().unwrap());
    for number in 0..20 {
        seen["metadata"]["labels"] = json!({"number": number.to_string()});
        plane.replace(&namespace, &seen).await;
        seen = plane.get("SparkApplication", &namespace, &name).await.unwrap();
        seen["apiVersion"] = "sparkoperator.k8s.io/v1beta2".into();
        seen["kind"] = "SparkApplication".into();
        let live = sink
            .live_application(&namespace, &name, version(&seen).as_ref(), None)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(live.value["metadata"]["labels"]["number"], number.to_string());
        assert_eq!(live.uid, seen["metadata"]["uid"].as_str().unwrap());
    }
    let begun = Instant::now();
    let never = ResourceVersion::new("9000000000000000000");
    let live = sink
        .live_application(&namespace, &name, never.as_ref(), None)
        .await;
    assert!(live.unwrap().is_some());
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "the API server itself waits for 3 s"
    );
    plane.delete(&seen).await.unwrap();
    // The API server's cache learns of a deletion a moment later; until then it is as if the call had come before it.
    let (begun, last) = (Instant::now(), version(&seen));
    loop {
        let live = sink.live_application(&namespace, &name, last.as_ref(), None);
        match live.await.unwrap() {
            None => break,
            Some(live) => assert!(begun.elapsed() < Duration::from_secs(10), "{live:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// From the application's creation to its deletion.
async fn life_of(plane: &ControlPlane, folder: &Path) {
    let case = folder.file_name().unwrap().to_str().unwrap();
    let sink = ClusterSink::new(plane.client.clone(), ClusterSettings::default());
    let namespace = plane.namespace("golden").await;
    let application = create_application(plane, folder, &namespace).await;
    let manifests = Arc::new(manifests(&application));
    plane.prepare_for(&namespace, &manifests.driver_pod.value).await;

    for (file, object) in manifests.for_files() {
        let asked = plane.dry_run_strictly(&namespace, &object).await;
        asked.unwrap_or_else(|status| panic!("{case} {file}: {}", status.message));
    }
    let first = sink.apply(Arc::clone(&manifests), None).await;
    let first = first.unwrap_or_else(|error| panic!("{case}: the API server refuses it: {error}"));
    assert_eq!(first.outcome, Outcome::Created, "{case}");
    let objects = plane.objects(&namespace).await;
    let expected: BTreeSet<_> = std::iter::once(&manifests.driver_pod)
        .chain(&manifests.owned)
        .map(|manifest| name_of(&manifest.value))
        .chain([name_of(&application)])
        .collect();
    let found: BTreeSet<_> = objects.iter().map(name_of).collect();
    assert_eq!(found, expected, "{case}");
    for object in &objects {
        assert_owner(object, &application, first.pod_uid.as_deref(), case);
    }

    let again = sink.apply(manifests, None).await.unwrap();
    assert_eq!(again.outcome, Outcome::Found, "{case}");
    assert_eq!(again.pod_uid, first.pod_uid, "{case}");
    assert_eq!(plane.objects(&namespace).await.len(), objects.len(), "{case}");

    plane.delete(&application).await.unwrap();
    plane.until_empty(&namespace).await;
    plane.remove_namespace(&namespace).await;
}

/// The application owns the driver Pod, and the Pod all else.
fn assert_owner(object: &Value, application: &Value, pod_uid: Option<&str>, case: &str) {
    let expected = match object["kind"].as_str() {
        Some("SparkApplication") => return,
        Some("Pod") => application["metadata"]["uid"].clone(),
        _ => json!(pod_uid),
    };
    let owners = object["metadata"]["ownerReferences"].as_array();
    let uids: Vec<_> = owners.into_iter().flatten().map(|owner| &owner["uid"]).collect();
    assert_eq!(uids, [&expected], "{case}: {}", name_of(object));
}
