use super::*;
use crate::{
    kubernetes::ObjectKind,
    manifest::{Identity, Manifest},
};

fn wanted() -> Manifests {
    Manifests {
        identity: Identity {
            namespace: "ns".into(),
            pod_name: "pi-driver".into(),
            application_id: "spark-1".into(),
            application_name: "pi".into(),
            submission_id: "id-1".into(),
            plan_hash: "v2:plan-1".into(),
            template_set: "default@1".into(),
        },
        driver_pod: Manifest {
            role: "pod-driver".into(),
            value: json!({
                "metadata": {"name": "pi-driver", "ownerReferences": [owner("SparkApplication", "app-uid")]},
                "spec": {"containers": [{"name": "sidecar"}, {"name": "main"}]},
            }),
            kind: ObjectKind::known("Pod").unwrap(),
        },
        owned: Vec::new(),
        warnings: crate::finding::Warnings::default(),
        executor: Err(crate::templates::NoExecutor(String::new())),
        left_to_webhook: crate::spark::submission::LeftToWebhook::Nothing,
    }
}

fn owner(kind: &str, uid: &str) -> Value {
    json!({"apiVersion": "v1", "kind": kind, "name": "pi-driver", "uid": uid, "controller": true})
}

fn marked(id: &str, plan: &str, set: &str) -> Value {
    json!({"annotations": {SUBMISSION_ID: id, PLAN_HASH: plan, TEMPLATE_SET: set}})
}

/// A driver that has only just been created, that waits for its `ConfigMap`, and that runs.
fn phases() -> [(&'static str, Value, bool); 8] {
    let status = |state: Value| json!({"containerStatuses": [{"name": "main", "state": state}]});
    [
        ("new", json!({}), false),
        ("pending", json!({"phase": "Pending"}), false),
        (
            "waiting",
            status(json!({"waiting": {"reason": "ContainerCreating"}})),
            false,
        ),
        ("evicted before it ran", json!({"phase": "Failed"}), false),
        ("running", status(json!({"running": {}})), true),
        ("ended", status(json!({"terminated": {"exitCode": 1}})), true),
        (
            "restarting",
            json!({"containerStatuses": [{"name": "main", "state": {"waiting": {}}, "restartCount": 1}]}),
            true,
        ),
        ("running, without statuses", json!({"phase": "Running"}), true),
    ]
}

#[test]
fn whether_the_driver_has_started() {
    for (name, status, started) in phases() {
        assert_eq!(
            LiveObject(json!({"status": status})).started("main"),
            started,
            "{name}"
        );
    }
    let sidecar = json!({"status": {"containerStatuses": [
        {"name": "sidecar", "state": {"running": {}}},
        {"name": "main", "state": {"waiting": {}}},
    ]}});
    assert!(
        !LiveObject(sidecar.clone()).started("main"),
        "a sidecar is not the driver"
    );
    assert!(
        LiveObject(sidecar).started("unheard-of"),
        "where the driver is not known, any container counts"
    );
}

#[test]
fn whose_a_found_pod_is() {
    let mut ending = marked("id-1", "v2:plan-1", "default@1");
    ending["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let mut sibling = marked("id-2", "v2:plan-1", "default@1");
    sibling["ownerReferences"] = json!([owner("SparkApplication", "app-uid")]);
    let mut stranger = sibling.clone();
    stranger["ownerReferences"] = json!([owner("SparkApplication", "other-uid")]);
    let labelled = |id: &str| json!({"labels": {SUBMISSION_ID_LABEL: id}});
    let mut kubectl = marked("id-1", "v2:plan-1", "default@1");
    kubectl["annotations"][CALL_ANNOTATION] = json!("any");
    let cases = [
        ("same", marked("id-1", "v2:plan-1", "default@1"), Ownership::Same),
        ("by any call", kubectl, Ownership::Same),
        ("being deleted", ending, Ownership::Ending),
        (
            "other plan",
            marked("id-1", "v2:plan-2", "default@1"),
            Ownership::Differs,
        ),
        (
            "other plan and templates",
            marked("id-1", "v2:plan-2", "default@2"),
            Ownership::Differs,
        ),
        (
            "other templates",
            marked("id-1", "v2:plan-1", "default@2"),
            Ownership::SameByOther,
        ),
        (
            "another format of the hash",
            marked("id-1", "v1:plan-1", "default@1"),
            Ownership::SameByOther,
        ),
        (
            "a hash without a format",
            marked("id-1", "plan-2", "default@1"),
            Ownership::SameByOther,
        ),
        ("by spark-submit", labelled("id-1"), Ownership::SameBySpark),
        ("by spark-submit, other id", labelled("id-2"), Ownership::Another),
        ("other id, same owner", sibling, Ownership::Sibling),
        ("other id, other owner", stranger, Ownership::Another),
        (
            "other id, no owner",
            marked("id-2", "v2:plan-1", "default@1"),
            Ownership::Another,
        ),
        ("nobody's", json!({}), Ownership::Another),
    ];
    for (name, metadata, verdict) in cases {
        let found = LiveObject(json!({"metadata": metadata}));
        assert_eq!(judge(&found, &wanted()), verdict, "{name}");
    }
}

#[test]
fn the_list_of_objects_is_written_and_read_back() {
    let owned = [
        Target::owned("services/a", "ns").unwrap(),
        Target::owned("configmaps/b", "ns").unwrap(),
    ];
    let call = CallName::new();
    for pod in [
        json!({"metadata": {}}),
        json!({"metadata": {"annotations": {"x": "y", CALL_ANNOTATION: "forged", OBJECTS_ANNOTATION: "forged"}}}),
    ] {
        let found = LiveObject(as_sent(&pod, &owned, &call));
        assert_eq!(found.objects("ns"), Listed::These(owned.to_vec()));
        assert!(found.is_of(&call), "no template can forge it");
        assert_eq!(
            found.annotation("x"),
            pod.pointer("/metadata/annotations/x").and_then(Value::as_str)
        );
    }
    assert_eq!(
        LiveObject(as_sent(&json!({"metadata": {}}), &[], &call)).objects("ns"),
        Listed::These(vec![])
    );
    assert_eq!(LiveObject(json!({"metadata": {}})).objects("ns"), Listed::Nothing);
    let newer = json!({"metadata": {"annotations": {OBJECTS_ANNOTATION: "leases/a"}}});
    assert_eq!(
        LiveObject(newer).objects("ns"),
        Listed::Unreadable,
        "an unknown resource is not skipped"
    );
}

#[test]
fn what_an_earlier_pod_left() {
    let owned = |owners: Value| LiveObject(json!({"metadata": {"ownerReferences": owners}}));
    for (owners, left) in [
        (json!([owner("Pod", "old")]), true),
        (json!([owner("Pod", "new")]), false),
        (json!([owner("Pod", "old"), owner("Pod", "new")]), false),
        (json!([owner("Deployment", "old")]), false),
        (json!([]), false),
    ] {
        assert_eq!(
            owned(owners.clone()).left_by_earlier_pod("pi-driver", "new"),
            left,
            "{owners}"
        );
    }
}

#[test]
fn the_pod_becomes_the_only_owner() {
    let object = owned_by_pod(
        &json!({"metadata": {"name": "a", "ownerReferences": [owner("x", "y")]}}),
        "pi",
        "u",
    );
    assert_eq!(
        object["metadata"]["ownerReferences"],
        json!([{"apiVersion": "v1", "kind": "Pod", "name": "pi", "uid": "u", "controller": true}])
    );
}
