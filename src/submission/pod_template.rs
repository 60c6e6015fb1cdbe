//! Pod templates: what a user's pods start from.

use super::refusal::Refusal;
use crate::strict;
use k8s_openapi::{api::core::v1::PodSpec, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

/// A pod template as it was given, unknown fields included: newer clusters may know them (CONTRACT 4).
#[derive(Clone, Default, PartialEq)]
pub struct PodTemplate {
    /// `metadata`.
    pub metadata: Map<String, Value>,
    /// `spec`.
    pub spec: Map<String, Value>,
    /// What else the document has: `apiVersion`, `kind`.
    pub other: Map<String, Value>,
    /// The fields that Kubernetes' types don't have, by path without list indices.
    pub unknown_fields: Vec<String>,
}

impl std::fmt::Debug for PodTemplate {
    /// Env and annotations may be secrets, so only the shape is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PodTemplate")
            .field("metadata", &self.metadata.keys())
            .field("spec", &self.spec.keys())
            .finish_non_exhaustive()
    }
}

/// A pod template as Spark reads it: a Pod, or its metadata and spec alone.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "read for what is wrong with it, not for its values")]
pub(crate) struct PodDocument {
    api_version: Option<String>,
    kind: Option<String>,
    metadata: Option<ObjectMeta>,
    spec: Option<PodSpec>,
    status: Option<IgnoredAny>,
}

/// Whether unknown fields are errors (a file) or pass with a warning (a request).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownFields {
    /// They are errors.
    Refuse,
    /// They are kept, and listed.
    Keep,
}

impl PodTemplate {
    /// Takes a pod template out of a request or a `SparkApplication`; `subject` names the field.
    pub fn from_value(subject: &str, value: Value, unknown: UnknownFields) -> Result<Self, Refusal> {
        let problems = strict::read::<PodDocument>(&value).problems;
        let errors: Vec<_> = problems
            .iter()
            .filter(|problem| !problem.unknown_field || unknown == UnknownFields::Refuse)
            .map(ToString::to_string)
            .collect();
        if !errors.is_empty() {
            return Err(Refusal::new(
                subject,
                format!("Could not load pod from template file: {}", errors.join("; ")),
            ));
        }
        if value
            .get("kind")
            .is_some_and(|kind| !["Pod", "PodTemplate"].iter().any(|known| kind == known))
        {
            return Err(Refusal::new(
                subject,
                "Could not load pod from template file: kind is not Pod",
            ));
        }
        let Value::Object(mut other) = without_nulls(value) else {
            return Err(Refusal::new(
                subject,
                "Could not load pod from template file: it is not a Pod",
            ));
        };
        if !other
            .get("spec")
            .is_some_and(|spec| spec["containers"].is_array())
        {
            return Err(Refusal::new(
                subject,
                "Could not load pod from template file: spec.containers is missing; an empty list is enough",
            ));
        }
        let mut take = |field: &str| match other.remove(field) {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        };
        let (metadata, spec) = (take("metadata"), take("spec"));
        let unknown_fields = problems
            .iter()
            .map(|problem| strict::generalised(&problem.path))
            .collect();
        Ok(Self {
            metadata,
            spec,
            other,
            unknown_fields,
        })
    }

    /// Takes a pod template out of a file's text.
    pub fn from_yaml(subject: &str, text: &str) -> Result<Self, Refusal> {
        let value = strict::parse_yaml(text).map_err(|problem| {
            Refusal::new(
                subject,
                format!("Could not load pod from template file: {}", problem.message),
            )
        })?;
        Self::from_value(subject, value, UnknownFields::Refuse)
    }
}

/// A null is an absent field, to Kubernetes as to Spark.
pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, without_nulls(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(list) => list.into_iter().map(without_nulls).collect(),
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_field_is_refused_in_a_file_and_kept_from_a_request() {
        let yaml = "spec:\n  containers:\n  - name: a\n    imagee: x\n";
        let error = PodTemplate::from_yaml("k", yaml).unwrap_err().to_string();
        assert!(
            error.contains("spec.containers[0].imagee: unknown field; did you mean `image`?"),
            "{error}"
        );
        let value = strict::parse_yaml(yaml).unwrap();
        let kept = PodTemplate::from_value("k", value, UnknownFields::Keep).unwrap();
        assert_eq!(kept.unknown_fields, ["spec.containers[].imagee"]);
        assert_eq!(kept.spec["containers"][0]["imagee"], "x");
    }

    #[test]
    fn what_is_not_a_pod_is_refused() {
        for yaml in [
            "just a string",
            "[]",
            "spec: []",
            "kind: Deployment\napiVersion: apps/v1",
            "a: [",
            "spec: {}",
            "metadata: {}",
        ] {
            let error = PodTemplate::from_yaml("k", yaml).unwrap_err().to_string();
            assert!(
                error.starts_with("k: Could not load pod from template file"),
                "{error}"
            );
        }
    }
}
