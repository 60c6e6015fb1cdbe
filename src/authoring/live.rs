//! Objects as the API server keeps them, without what it adds by itself: so that what is left can be compared with
//! what is sent.
//!
//! The rules are those of Kubernetes' defaulting functions (`pkg/apis/core/v1/defaults.go`) and of its admission plugins
//! that are on by default (`ServiceAccount`, `DefaultTolerationSeconds`, `Priority`). Both sides are treated alike.

use crate::kubernetes::{ASSIGNED_BY_SERVER, Difference, Quantity};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The metadata that controllers add, and that follows from the others' uid.
const OF_OTHERS: [&str; 2] = ["ownerReferences", "finalizers"];

/// What the scheduler and admission plugins write into a specification.
const FILLED_IN: [&str; 7] = [
    "nodeName",
    "priority",
    "preemptionPolicy",
    "serviceAccount",
    "clusterIPs",
    "volumeName",
    "nodePort",
];

/// Where a Pod finds its token.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A field's value where nothing else is said, wherever the field is.
fn defaults() -> [(&'static str, Value); 23] {
    [
        ("dnsPolicy", json!("ClusterFirst")),
        ("schedulerName", json!("default-scheduler")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("enableServiceLinks", json!(true)),
        ("serviceAccountName", json!("default")),
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
        ("protocol", json!("TCP")),
        ("defaultMode", json!(420)),
        ("timeoutSeconds", json!(1)),
        ("periodSeconds", json!(10)),
        ("successThreshold", json!(1)),
        ("failureThreshold", json!(3)),
        ("scheme", json!("HTTP")),
        ("sessionAffinity", json!("None")),
        ("internalTrafficPolicy", json!("Cluster")),
        ("volumeMode", json!("Filesystem")),
        ("policyTypes", json!(["Ingress"])),
        ("recursiveReadOnly", json!("Disabled")),
        ("divisor", json!("0")),
        ("hostNetwork", json!(false)),
        ("hostPID", json!(false)),
        ("hostIPC", json!(false)),
    ]
}

/// An object without what the API server adds.
pub(super) fn normal(mut object: Value) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.remove("status");
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            metadata.retain(|key, _| {
                !ASSIGNED_BY_SERVER.contains(&key.as_str()) && !OF_OTHERS.contains(&key.as_str())
            });
            if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
                annotations.retain(|key, _| {
                    !key.contains("kubernetes.io/bind-completed") && !key.starts_with("pv.")
                });
            }
        }
        if fields.get("kind") == Some(&json!("Service"))
            && let Some(Value::Object(spec)) = fields.get_mut("spec")
            && spec.get("type") == Some(&json!("ClusterIP"))
        {
            spec.remove("type");
        }
        if let Some(Value::Object(data)) = fields.get_mut("data")
            && let Some(Value::Object(properties)) = data.get_mut("spark.properties")
        {
            // The moment of the submission.
            properties.remove("spark.app.submitTime");
        }
        for part in ["spec", "metadata"] {
            if let Some(value) = fields.get_mut(part) {
                *value = plain(std::mem::take(value));
            }
        }
    }
    object
}

fn plain(value: Value) -> Value {
    match value {
        Value::Object(fields) => mapping(fields),
        Value::Array(items) => {
            let items = items.into_iter().filter(|item| !is_added(item)).map(plain);
            items.collect()
        }
        other => other,
    }
}

fn mapping(mut fields: Map<String, Value>) -> Value {
    for (name, default) in defaults() {
        if fields.get(name) == Some(&default) {
            fields.remove(name);
        }
    }
    fields.retain(|name, _| !FILLED_IN.contains(&name.as_str()));
    if fields.get("targetPort").is_some() && fields.get("targetPort") == fields.get("port") {
        fields.remove("targetPort");
    }
    if fields.contains_key("fieldPath") && fields.get("apiVersion") == Some(&json!("v1")) {
        fields.remove("apiVersion");
    }
    if fields.get("type") == Some(&json!("")) {
        fields.remove("type");
    }
    if let Some(default) = fields.get("image").and_then(Value::as_str).map(pull_policy)
        && fields.get("imagePullPolicy") == Some(&json!(default))
    {
        fields.remove("imagePullPolicy");
    }
    let fields = fields.into_iter().map(|(name, value)| {
        let value = match (name.as_str(), plain(value)) {
            ("env", Value::Array(items)) => last_of_each(items),
            ("tolerations", Value::Array(mut items)) => {
                items.sort_by_key(Value::to_string);
                items.into()
            }
            (_, value) => value,
        };
        (name, value)
    });
    let is_there = |value: &Value| match value {
        Value::Null => false,
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    };
    fields
        .filter(|(name, value)| is_there(value) || name == "emptyDir")
        .collect::<Map<_, _>>()
        .into()
}

/// Whether an admission plugin adds such an item to a list: the token's volume and mount, and two tolerations.
fn is_added(item: &Value) -> bool {
    let token = item["name"]
        .as_str()
        .is_some_and(|name| name.starts_with("kube-api-access-"));
    let not_ready = item["tolerationSeconds"] == 300
        && item["effect"] == "NoExecute"
        && ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
            .iter()
            .any(|key| item["key"] == *key);
    token || not_ready || item["mountPath"] == TOKEN_PATH
}

/// Of variables of the same name the last one counts.
fn last_of_each(items: Vec<Value>) -> Value {
    let mut seen = BTreeSet::new();
    let mut kept: Vec<_> = items
        .into_iter()
        .rev()
        .filter(|item| seen.insert(item["name"].to_string()))
        .collect();
    kept.reverse();
    kept.into()
}

/// `Always` for an image without a tag or with `latest`.
fn pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or(image);
    let is_latest = !name.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    if is_latest { "Always" } else { "IfNotPresent" }
}

/// Whether two values are the same quantity, where one is expected: `1024Mi` and `1Gi`.
pub(super) fn means_the_same(difference: &Difference) -> bool {
    let has_quantities = ["requests", "limits", "sizeLimit", "storage"]
        .iter()
        .any(|name| difference.path.contains(name));
    let quantity = |value: &Option<Value>| value.as_ref().and_then(Quantity::of);
    let (left, right) = (quantity(&difference.left), quantity(&difference.right));
    has_quantities && left.is_some() && left == right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_server_adds_is_no_difference() {
        let sent = json!({
            "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}},
            "spec": {
                "containers": [{
                    "name": "c", "image": "spark:4", "ports": [{"containerPort": 1}],
                    "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
                }],
                "tolerations": [{"key": "x"}],
                "volumes": [{"name": "v", "emptyDir": {}}, {"name": "m", "configMap": {"name": "m"}}],
            },
        });
        let live = json!({
            "kind": "Pod",
            "metadata": {"name": "p", "labels": {"a": "b"}, "uid": "u", "resourceVersion": "1", "managedFields": [{}]},
            "spec": {
                "containers": [{
                    "name": "c", "image": "spark:4", "imagePullPolicy": "IfNotPresent", "resources": {},
                    "ports": [{"containerPort": 1, "protocol": "TCP"}],
                    "env": [{"name": "A", "value": "2"}],
                    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                    "volumeMounts": [{"name": "kube-api-access-x", "mountPath": TOKEN_PATH, "readOnly": true}],
                }],
                "tolerations": [
                    {"key": "x"},
                    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute",
                     "tolerationSeconds": 300},
                ],
                "volumes": [
                    {"name": "v", "emptyDir": {}},
                    {"name": "m", "configMap": {"name": "m", "defaultMode": 420}},
                    {"name": "kube-api-access-x", "projected": {}},
                ],
                "nodeName": "n", "dnsPolicy": "ClusterFirst", "securityContext": {}, "priority": 0,
                "serviceAccountName": "default", "serviceAccount": "default",
            },
            "status": {"phase": "Running"},
        });
        assert_eq!(normal(sent), normal(live));
    }

    #[test]
    fn what_differs_stays() {
        let pod = |policy: &str, seconds: u32| {
            normal(json!({"kind": "Pod", "spec": {
                "containers": [{"name": "c", "image": "spark", "imagePullPolicy": policy}],
                "terminationGracePeriodSeconds": seconds,
            }}))
        };
        assert_ne!(pod("Always", 30), pod("IfNotPresent", 30));
        assert_ne!(pod("Always", 30), pod("Always", 31));
    }

    #[test]
    fn equal_quantities_mean_the_same() {
        let difference = |path: &str, left: &str, right: &str| Difference {
            path: path.to_owned(),
            left: Some(json!(left)),
            right: Some(json!(right)),
        };
        assert!(means_the_same(&difference(
            "spec.a.requests.memory",
            "1024Mi",
            "1Gi"
        )));
        assert!(!means_the_same(&difference(
            "spec.a.requests.memory",
            "1024Mi",
            "2Gi"
        )));
        assert!(!means_the_same(&difference(
            "metadata.labels.memory",
            "1024Mi",
            "1Gi"
        )));
    }

    #[test]
    fn the_pull_policy_follows_from_the_tag() {
        let table = [
            ("spark", "Always"),
            ("host:5000/spark", "Always"),
            ("spark:latest", "Always"),
            ("spark:4", "IfNotPresent"),
            ("spark@sha256:00", "IfNotPresent"),
        ];
        for (image, policy) in table {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }
}
