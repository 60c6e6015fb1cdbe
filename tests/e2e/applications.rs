//! Each application of `golden/` on a real control plane (`tests/e2e/up`): its objects are taken, belong to it, are
//! found again, and go when it goes.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::support::{
    control_plane::{ControlPlane, name_of},
    golden_case,
};
use native_submit::{
    cluster::{ClusterSettings, ClusterSink, Outcome},
    manifest::Manifests,
    operator::{Origin, Webhook},
    spark::submission::{self, SubmissionId, SubmitterContext},
    submitter,
    templates::TemplateSet,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, path::Path, sync::Arc};

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
