use super::*;
use serde_json::json;

fn pod() -> Value {
    json!({
        "metadata": {
            "labels": {"a": "1", "b": "2"},
            "ownerReferences": [{"uid": "1", "name": "o"}],
            "finalizers": ["f/1"],
        },
        "spec": {
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"key": "x"}],
            "volumes": [{"name": "v", "emptyDir": {}}],
            "containers": [
                {"name": "side", "image": "s"},
                {
                    "name": "driver", "image": "spark",
                    "args": ["driver"],
                    "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
                    "ports": [{"containerPort": 4040, "name": "ui"}],
                    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                },
            ],
        },
    })
}

#[test]
fn a_patch_changes_what_it_names() {
    let table = [
        (
            json!({"metadata": {"labels": {"c": "3"}}}),
            "/metadata/labels",
            json!({"a": "1", "b": "2", "c": "3"}),
        ),
        (
            json!({"metadata": {"labels": {"a": null}}}),
            "/metadata/labels",
            json!({"b": "2"}),
        ),
        (
            json!({"metadata": {"labels": {"$patch": "replace", "z": "1"}}}),
            "/metadata/labels",
            json!({"z": "1"}),
        ),
        (
            json!({"metadata": {"ownerReferences": [{"uid": "2"}, {"uid": "1", "name": "p"}]}}),
            "/metadata/ownerReferences",
            json!([{"uid": "1", "name": "p"}, {"uid": "2"}]),
        ),
        (
            json!({"metadata": {"finalizers": ["f/2", "f/1"]}}),
            "/metadata/finalizers",
            json!(["f/1", "f/2"]),
        ),
        (
            json!({"spec": {"tolerations": [{"key": "y"}]}}),
            "/spec/tolerations",
            json!([{"key": "y"}]),
        ),
        (
            json!({"spec": {"priorityClassName": "high"}}),
            "/spec/priorityClassName",
            json!("high"),
        ),
        (
            json!({"spec": {"containers": [{"name": "driver", "env": [{"name": "A", "value": "3"}]}]}}),
            "/spec/containers/1/env",
            json!([{"name": "A", "value": "1"}, {"name": "A", "value": "3"}]),
        ),
        (
            json!({"spec": {"containers": [{"name": "driver", "ports": [{"containerPort": 9, "name": "x"}]}]}}),
            "/spec/containers/1/ports",
            json!([{"containerPort": 4040, "name": "ui"}, {"containerPort": 9, "name": "x"}]),
        ),
        (
            json!({"spec": {"containers": [{"name": "log", "image": "l"}]}}),
            "/spec/containers/1",
            json!({"name": "log", "image": "l"}),
        ),
        (
            json!({"spec": {"containers": [{"name": "side", "$patch": "delete"}]}}),
            "/spec/containers/0/name",
            json!("driver"),
        ),
        (
            json!({"spec": {"containers": [{"name": "side", "$patch": "replace", "image": "t"}]}}),
            "/spec/containers/0",
            json!({"name": "side", "image": "t"}),
        ),
        (
            json!({"spec": {"volumes": [{"$patch": "replace"}, {"name": "w", "emptyDir": {}}]}}),
            "/spec/volumes",
            json!([{"name": "w", "emptyDir": {}}]),
        ),
        (
            json!({"spec": {"imagePullSecrets": [{"name": "r"}]}}),
            "/spec/imagePullSecrets",
            json!([{"name": "r"}]),
        ),
    ];
    for (patch, pointer, expected) in table {
        let mut object = pod();
        merge(&mut object, patch.clone(), Containers::BeforeLast).unwrap();
        assert_eq!(object.pointer(pointer), Some(&expected), "{patch}");
    }
}

#[test]
fn what_has_no_meaning_is_refused() {
    for (patch, path) in [
        (json!([1]), ""),
        (json!({"metadata": {"$patch": "delete"}}), "metadata"),
        (
            json!({"metadata": {"$retainKeys": ["a"]}}),
            "metadata[\"$retainKeys\"]",
        ),
        (
            json!({"spec": {"containers": [{"image": "x"}]}}),
            "spec.containers[0]",
        ),
        (json!({"spec": {"containers": ["x"]}}), "spec.containers[0]"),
        (
            json!({"spec": {"tolerations": [{"key": "x", "$patch": "delete"}]}}),
            "spec.tolerations[0]",
        ),
    ] {
        assert_eq!(
            merge(&mut pod(), patch.clone(), Containers::Behind)
                .unwrap_err()
                .path,
            path,
            "{patch}"
        );
    }
}

#[test]
fn it_is_known_what_a_patch_touched() {
    let patch = json!({
        "metadata": {"labels": {"a": null, "c": "3"}},
        "spec": {"containers": [{"name": "log"}, {"name": "driver", "image": "y"}]},
    });
    let touched = merge(&mut pod(), patch, Containers::BeforeLast).unwrap();
    for (path, covered) in [
        ("metadata.labels", true),
        ("metadata.labels.a", true),
        ("metadata.labels.c", true),
        ("metadata.labels.b", false),
        ("spec.containers[1].image", true),
        ("spec.containers[2].image", true),
        ("spec.containers[2].imagePullPolicy", false),
        ("spec.containers[0].image", false),
        ("spec", false),
    ] {
        assert_eq!(touched.in_patch(path).is_some(), covered, "{path}: {touched:?}");
    }
}
