//! What differs between what an application becomes here and there: object by object, field by field.

use super::{case::EXECUTOR, live, mask::Secrets};
use crate::{
    kubernetes::{Difference, differences},
    manifest::Manifests,
    spark::submission::properties,
    strict,
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What became of one object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObjectDiff {
    /// The object, kind and name: `Pod/spark-pi-driver`.
    pub object: String,
    /// What became of it.
    #[serde(flatten)]
    pub change: Change,
}

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum Change {
    /// Only the right side has it.
    Added {
        /// The object.
        value: Value,
    },
    /// Only the left side has it.
    Removed {
        /// The object.
        value: Value,
    },
    /// Both have it, and fields of it differ.
    Changed {
        /// The fields.
        fields: Vec<FieldDiff>,
    },
}

/// A field that differs; what a side hasn't is null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldDiff {
    /// Where.
    pub path: String,
    /// What the left side has there.
    pub from: Option<Value>,
    /// What the right side has there.
    pub to: Option<Value>,
}

impl From<Difference> for FieldDiff {
    fn from(difference: Difference) -> Self {
        Self {
            path: difference.path,
            from: difference.left,
            to: difference.right,
        }
    }
}

/// Objects, each by what it is known by on both sides.
pub type Objects = BTreeMap<String, Value>;

/// What two template sets make, by role, the executor Pod and its claims among it. What native-submit notes on a Pod of itself is
/// no difference.
pub fn of_manifests(manifests: &Manifests) -> Objects {
    let executor = manifests.executor_for_show().into_iter().enumerate();
    let executor = executor.map(|(index, object)| match index {
        0 => (format!("{EXECUTOR}.yaml"), object),
        claim => (format!("{EXECUTOR}-claim-{claim}.yaml"), object),
    });
    manifests
        .for_files()
        .chain(executor)
        .map(|(file, object)| (file, readable(without_notes(object))))
        .collect()
}

/// Objects of the cluster or for it, without what the API server adds to them by itself.
pub fn as_on_cluster(objects: impl IntoIterator<Item = (String, Value)>) -> Objects {
    objects
        .into_iter()
        .map(|(key, object)| (key, live::normal(readable(without_notes(object)))))
        .collect()
}

/// Hides the secrets of both sides, so that a difference of theirs is still one.
pub fn hide_secrets(from: &mut Objects, to: &mut Objects) {
    let secrets = Secrets::of_objects(from.values().chain(to.values()));
    let mut nothing = Value::Null;
    for (key, left) in from.iter_mut() {
        secrets.hide_both(left, to.get_mut(key).unwrap_or(&mut nothing));
    }
    for (_, right) in to.iter_mut().filter(|(key, _)| !from.contains_key(*key)) {
        secrets.hide(right);
    }
}

/// All differences, in the order of the keys.
pub fn compare(from: &Objects, to: &Objects) -> Vec<ObjectDiff> {
    let mut keys: Vec<_> = from.keys().chain(to.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter_map(|key| {
            let (change, object) = match (from.get(key), to.get(key)) {
                (Some(left), Some(right)) => {
                    let fields = differences(left, right);
                    let fields: Vec<_> = fields
                        .into_iter()
                        .filter(|field| !live::means_the_same(field))
                        .collect();
                    if fields.is_empty() {
                        return None;
                    }
                    let fields = fields.into_iter().map(FieldDiff::from).collect();
                    (Change::Changed { fields }, right)
                }
                (Some(left), None) => (Change::Removed { value: left.clone() }, left),
                (None, right) => {
                    let right = right?;
                    (Change::Added { value: right.clone() }, right)
                }
            };
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
            let made_by_driver = if key.starts_with(EXECUTOR) {
                " (Spark's driver makes it)"
            } else {
                ""
            };
            Some(ObjectDiff {
                object: format!("{}/{}{made_by_driver}", text("/kind"), text("/metadata/name")),
                change,
            })
        })
        .collect()
}

/// Without the annotations by which native-submit knows its own: the template set's hash differs with every space.
fn without_notes(mut object: Value) -> Value {
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") {
        annotations.retain(|key, _| !key.starts_with("native-submit/"));
        if annotations.is_empty() {
            drop(object.pointer_mut("/metadata").map(|metadata| {
                metadata
                    .as_object_mut()
                    .map(|metadata| metadata.remove("annotations"))
            }));
        }
    }
    object
}

/// With the texts of a `ConfigMap` read, where they are properties or a manifest: their lines are fields too.
fn readable(mut object: Value) -> Value {
    if object["kind"] == "ConfigMap"
        && let Some(Value::Object(data)) = object.get_mut("data")
    {
        for (key, value) in data.iter_mut() {
            if let Some(read) = value.as_str().and_then(|text| read(key, text)) {
                *value = read;
            }
        }
    }
    object
}

/// What a text of a `ConfigMap` holds under this key, if it is properties or a manifest.
pub(super) fn read(key: &str, text: &str) -> Option<Value> {
    if key.ends_with(".properties") {
        let properties = properties::read(text).ok()?;
        let fields: Map<_, _> = properties
            .into_iter()
            .map(|(key, value)| (key, Value::from(value)))
            .collect();
        return Some(fields.into());
    }
    let value = strict::parse_yaml(text).ok()?;
    (value.get("spec").is_some() || value.get("metadata").is_some()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn properties_and_carried_manifests_are_compared_field_by_field() {
        let config_map = |properties: &str, template: &str| {
            let object = json!({
                "kind": "ConfigMap", "metadata": {"name": "c"},
                "data": {"spark.properties": properties, "pod": template, "core-site.xml": "<a/>"},
            });
            [("c".to_owned(), readable(object))].into()
        };
        let from: Objects = config_map("a=1\nb=2\n", "spec:\n  x: 1\n");
        let to = config_map("b=3\na=1\n", "spec: {x: 2}\n");
        let [
            ObjectDiff {
                object,
                change: Change::Changed { fields },
            },
        ] = &compare(&from, &to)[..]
        else {
            panic!("one object differs");
        };
        let paths: Vec<_> = fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(object, "ConfigMap/c");
        assert_eq!(paths, ["data.pod.spec.x", "data[\"spark.properties\"].b"]);
    }

    #[test]
    fn what_native_submit_notes_is_no_difference() {
        let pod = |set: &str| json!({"metadata": {"annotations": {"native-submit/template-set": set}}});
        assert_eq!(without_notes(pod("a")), without_notes(pod("b")));
    }
}
