//! An object without what differs in each submission, and without what has no meaning: where the same input may come
//! out twice, this is the same.

use crate::{
    kubernetes::{ASSIGNED_BY_SERVER, annotations},
    spark::submission::properties,
    strict,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The volume that admission mounts for the `ServiceAccount`'s token: five characters of chance follow.
const TOKEN: &str = "kube-api-access-";

/// The object in its canonical form.
pub(super) fn canonical(mut object: Value) -> Value {
    let is_pod = object.get("kind").and_then(Value::as_str) == Some("Pod");
    if let Value::Object(fields) = &mut object {
        fields.remove("status");
    }
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.retain(|field, _| field != "namespace" && !ASSIGNED_BY_SERVER.contains(&field.as_str()));
        // That of a Pod is the application; that of the others is the Pod, whose uid is the live one's.
        if !is_pod {
            metadata.remove("ownerReferences");
        }
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            annotations.retain(|key, _| !key.starts_with(annotations::PREFIX));
        }
    }
    if is_pod {
        pod(&mut object);
    }
    if let Some(Value::Object(files)) = object.get_mut("data") {
        for (name, content) in files.iter_mut() {
            if let Value::String(text) = content {
                *content = file(name, text);
            }
        }
    }
    without_empty(object)
}

/// What the scheduler and chance write into a Pod, and lists whose order says nothing.
fn pod(object: &mut Value) {
    let Some(Value::Object(spec)) = object.get_mut("spec") else {
        return;
    };
    spec.remove("nodeName");
    let mut renamed = BTreeMap::new();
    for container in each(spec, "containers").chain([]) {
        for variable in items(container, "env") {
            if variable.get("name").and_then(Value::as_str) == Some("SPARK_LOCAL_DIRS")
                && let Some(Value::String(value)) = variable.get_mut("value")
            {
                // Spark shuffles them.
                let mut directories: Vec<_> = value.split(',').collect();
                directories.sort_unstable();
                *value = directories.join(",");
            }
        }
        rename_mounts(container, &mut renamed);
    }
    for container in each(spec, "initContainers") {
        rename_mounts(container, &mut renamed);
    }
    for volume in each(spec, "volumes") {
        if let Some(Value::String(name)) = volume.get_mut("name")
            && let Some(other) = renamed.get(name)
        {
            name.clone_from(other);
        }
        // As the file system lists HADOOP_CONF_DIR.
        if volume.get("name").and_then(Value::as_str) == Some("hadoop-properties")
            && let Some(Value::Array(files)) = volume.pointer_mut("/configMap/items")
        {
            files.sort_by_key(ToString::to_string);
        }
    }
}

/// The numbers of local directories follow their shuffled order, the token's name is chance: both are named by their path.
fn rename_mounts(container: &mut Value, renamed: &mut BTreeMap<String, String>) {
    for mount in items(container, "volumeMounts") {
        let path = mount.get("mountPath").map(Value::to_string).unwrap_or_default();
        if let Some(Value::String(name)) = mount.get_mut("name")
            && (name.starts_with("spark-local-dir-") || name.starts_with(TOKEN))
        {
            let by_path = format!("at {path}");
            renamed.insert(std::mem::replace(name, by_path.clone()), by_path);
        }
    }
}

fn each<'v>(fields: &'v mut Map<String, Value>, list: &str) -> impl Iterator<Item = &'v mut Value> {
    fields
        .get_mut(list)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

fn items<'v>(value: &'v mut Value, list: &str) -> impl Iterator<Item = &'v mut Value> {
    value
        .get_mut(list)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

/// A file of a `ConfigMap` as its reader understands it.
fn file(name: &str, text: &str) -> Value {
    match name {
        "spark.properties" => match properties::read(text) {
            Ok(mut properties) => {
                properties.remove("spark.app.submitTime");
                properties
                    .into_iter()
                    .map(|(key, value)| (key, Value::from(value)))
                    .collect::<Map<_, _>>()
                    .into()
            }
            Err(_) => text.into(),
        },
        "podspec-configmap-key" => strict::parse_yaml(text).unwrap_or_else(|_| text.into()),
        _ => text.into(),
    }
}

/// Empty lists and mappings are left out by one and written by another; but `emptyDir: {}` and the like, which have
/// neither, say something.
fn without_empty(value: Value) -> Value {
    const SAY_NOTHING: [&str; 2] = ["annotations", "labels"];
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(field, value)| (field, without_empty(value)))
            .filter(|(field, value)| match value {
                Value::Null => false,
                Value::Array(items) => !items.is_empty(),
                Value::Object(inner) => !(inner.is_empty() && SAY_NOTHING.contains(&field.as_str())),
                _ => true,
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(without_empty).collect(),
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_differs_each_time_is_gone_and_what_counts_is_not() {
        let pod = |dirs: &str, token: &str, first: u32, second: u32, image: &str| {
            json!({"kind": "Pod", "metadata": {"name": "d", "uid": token, "annotations": {"native-submit/plan-hash": token}},
                "spec": {"nodeName": token, "containers": [{"image": image, "env": [{"name": "SPARK_LOCAL_DIRS", "value": dirs}],
                    "volumeMounts": [
                        {"name": format!("kube-api-access-{token}"), "mountPath": "/var/run/secrets"},
                        {"name": format!("spark-local-dir-{first}"), "mountPath": "/a"},
                        {"name": format!("spark-local-dir-{second}"), "mountPath": "/b"},
                    ]}],
                    "volumes": [{"name": format!("spark-local-dir-{first}"), "emptyDir": {}},
                        {"name": format!("spark-local-dir-{second}"), "hostPath": {"path": "/x"}},
                        {"name": format!("kube-api-access-{token}")}]},
                "status": {"phase": token}})
        };
        let one = canonical(pod("/a,/b", "abcde", 1, 2, "spark"));
        let mut two = canonical(pod("/b,/a", "fghij", 2, 1, "spark"));
        assert_eq!(one, two);
        assert_eq!(one["spec"]["volumes"][0]["emptyDir"], json!({}));
        two = canonical(pod("/a,/b", "abcde", 1, 2, "other"));
        assert_ne!(one, two);
    }

    #[test]
    fn properties_are_compared_as_a_mapping_without_the_submit_time() {
        let map = |text: &str| canonical(json!({"kind": "ConfigMap", "data": {"spark.properties": text}}));
        assert_eq!(
            map("#a\na=1\nb=2\nspark.app.submitTime=1\n"),
            map("b=2\na=1\nspark.app.submitTime=2\n")
        );
        assert_ne!(map("a=1\n"), map("a=2\n"));
    }
}
