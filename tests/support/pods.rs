//! Pods as the API server keeps them, compared by what they mean.
// Each test uses a part of it.
#![allow(dead_code, clippy::unwrap_used)]

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The label by which the operator knows its Pods.
pub(crate) const LAUNCHED: &str = "sparkoperator.k8s.io/launched-by-spark-operator";

/// Without what differs by chance, and with lists as what they mean: env by its last entry, the rest by name, tolerations
/// in any order.
pub(crate) fn normal(mut pod: Value) -> Value {
    let metadata = pod["metadata"].as_object_mut().unwrap();
    for generated in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "managedFields",
        "generation",
    ] {
        metadata.remove(generated);
    }
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        annotations.retain(|key, _| !key.starts_with("native-submit/"));
    }
    if let Some(Value::Object(labels)) = metadata.get_mut("labels") {
        labels.remove(LAUNCHED);
    }
    if let Some(Value::Array(tolerations)) = pod.pointer_mut("/spec/tolerations") {
        tolerations.sort_by_key(Value::to_string);
    }
    by_name(&mut pod)
}

fn by_name(value: &mut Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter_mut()
            .map(|(field, value)| (field.clone(), by_name(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter_mut().map(by_name).collect();
            let keyed: Option<BTreeMap<String, Value>> = items
                .iter()
                .map(|item| {
                    let key = item.get("mountPath").or(item.get("name"))?.as_str()?;
                    // The token's volume has a name by chance.
                    let key = if key.starts_with("kube-api-access-") {
                        "token"
                    } else {
                        key
                    };
                    let mut item = item.clone();
                    if item["name"]
                        .as_str()
                        .is_some_and(|name| name.starts_with("kube-api-access-"))
                    {
                        item["name"] = "token".into();
                    }
                    Some((key.to_owned(), item))
                })
                .collect();
            match keyed {
                Some(keyed) => json!(keyed),
                None => items.into(),
            }
        }
        other => other.take(),
    }
}

/// Where two values differ: the path, and both.
pub(crate) fn differing(path: &str, one: &Value, other: &Value) -> Vec<(String, Value, Value)> {
    if one == other {
        return Vec::new();
    }
    if let (Value::Object(a), Value::Object(b)) = (one, other) {
        let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
        return keys
            .into_iter()
            .flat_map(|key| {
                let at = |fields: &Map<String, Value>| fields.get(key).cloned().unwrap_or_default();
                differing(&format!("{path}.{key}"), &at(a), &at(b))
            })
            .collect();
    }
    vec![(path.to_owned(), one.clone(), other.clone())]
}

/// The lists of a Pod or a container whose items have one field each that no other item has. Variables are not among them: the webhook
/// writes `SPARK_CONF_DIR` behind Spark's own, and the last counts.
const ONCE: [(&str, &str); 6] = [
    ("containers", "name"),
    ("initContainers", "name"),
    ("volumes", "name"),
    ("imagePullSecrets", "name"),
    ("volumeMounts", "mountPath"),
    ("ports", "name"),
];

/// What stands twice in a list of a Pod's spec: two items of one name, or two that are the same.
pub(crate) fn doubled(pod: &Value) -> Vec<String> {
    let mut found = Vec::new();
    twice("spec", &pod["spec"], &mut found);
    found
}

fn twice(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                let path = format!("{path}.{field}");
                let key = ONCE.iter().find(|(list, _)| list == field).map(|(_, key)| *key);
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                // What an application repeats itself in its arguments is its own.
                let items = if ["args", "command"].contains(&field.as_str()) {
                    &[]
                } else {
                    items
                };
                for (index, item) in items.iter().enumerate() {
                    let same = |other: &Value| match key.and_then(|key| item.get(key)) {
                        Some(name) => key.and_then(|key| other.get(key)) == Some(name),
                        None => other == item,
                    };
                    if items[..index].iter().any(same) {
                        found.push(format!("{path}: {item} is there twice"));
                    }
                }
                twice(&path, value, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                twice(&format!("{path}[{index}]"), item, found);
            }
        }
        _ => {}
    }
}
