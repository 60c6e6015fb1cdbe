//! Pod templates: what a user's pods start from.

pub(super) mod java;
pub(super) mod yaml;

use super::{refusal::Refusal, version::SparkVersion};
use crate::{
    kubernetes::{drop_nulls, within_limits},
    limits::{Budget, UNKNOWN_FIELDS},
    spark::submission::Feature,
    strict::{self, Reading, UnknownFields},
};
use k8s_openapi::{api::core::v1::PodSpec, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Map, Value};

/// A pod template as it was given, unknown fields included: newer clusters may know them.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
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

impl PodTemplate {
    /// Takes a pod template out of a request or a `SparkApplication`; `subject` names the field.
    pub fn from_value(subject: &str, value: Value, unknown: UnknownFields) -> Result<Self, Refusal> {
        if let Some(spec) = value["spec"].as_object() {
            within_limits(spec, 0, &format!("{subject}.spec"))?;
        }
        let reading = strict::check::<PodDocument>(&value);
        // The operator would write `containers: null` for a list that is missing, which Spark can't load.
        if !value["spec"]["containers"].is_array() && reading.errors.is_empty() {
            return Err(not_loaded(
                subject,
                "spec.containers is missing; an empty list is enough",
            ));
        }
        Self::read(subject, value, reading, unknown)
    }

    /// Takes a pod template out of a file's text, as the given version of Spark reads it. In a file an unknown field is an
    /// error: it is most likely misspelled, and what it was to say would be lost in silence.
    pub(super) fn from_yaml(
        subject: &str,
        text: &str,
        version: &SparkVersion,
        budget: &mut Budget,
    ) -> Result<Self, Refusal> {
        Self::read_yaml(subject, text, version, UnknownFields::Refuse, budget)
    }

    /// As the given version of Spark reads a template's text.
    ///
    /// # Errors
    /// Where Spark can't load it, or it is larger than what is left of `budget`.
    pub(crate) fn read_yaml(
        subject: &str,
        text: &str,
        version: &SparkVersion,
        unknown: UnknownFields,
        budget: &mut Budget,
    ) -> Result<Self, Refusal> {
        let value = yaml::read(text, budget).map_err(|unread| match unread {
            yaml::YamlError::OverLimit(over) => over.below(subject).into(),
            yaml::YamlError::Problem(what) => not_loaded(subject, &what),
        })?;
        Self::of_document(subject, value, version, unknown)
    }

    /// As the given version of Spark makes a Pod of a document that it read. Of the text that
    /// [`write::to_yaml`](crate::kubernetes::write::to_yaml) makes of a value, it reads that value.
    ///
    /// # Errors
    /// Where Spark can't load it.
    pub(crate) fn of_document(
        subject: &str,
        mut value: Value,
        version: &SparkVersion,
        unknown: UnknownFields,
    ) -> Result<Self, Refusal> {
        let refused = |what: &str| not_loaded(subject, what);
        if let Some(spec) = value.get("spec").and_then(Value::as_object) {
            within_limits(spec, 0, &format!("{subject}.spec"))?;
        }
        if value
            .get("spec")
            .and_then(|spec| spec.get("containers"))
            .is_some_and(Value::is_null)
        {
            return Err(refused("spec.containers is null; an empty list is enough"));
        }
        drop_nulls(&mut value);
        let octal_modes = version.has(Feature::OctalModes);
        let reading = strict::check_coerced::<PodDocument>(
            &mut value,
            strict::Coercion {
                scalar: &|value, wanted, field| java::coerced(value, wanted, field, octal_modes),
                is_quantity: java::is_quantity,
            },
        );
        if !value["spec"].is_object() && reading.errors.is_empty() {
            return Err(refused("spec is missing"));
        }
        Self::read(subject, value, reading, unknown)
    }

    fn read(
        subject: &str,
        mut value: Value,
        reading: Reading<()>,
        unknown: UnknownFields,
    ) -> Result<Self, Refusal> {
        let unknown_fields = reading.generalised();
        UNKNOWN_FIELDS.holds(subject, unknown_fields.len())?;
        let problems = reading.problems_if(unknown == UnknownFields::Refuse);
        if !problems.is_empty() {
            return Err(not_loaded(subject, &problems.in_one_line()));
        }
        // Spark would post a body of this kind to the pods, which the API server refuses.
        if value
            .get("kind")
            .is_some_and(|kind| !["Pod", "PodTemplate"].iter().any(|known| kind == known))
        {
            return Err(not_loaded(subject, "kind is not Pod"));
        }
        drop_nulls(&mut value);
        let Value::Object(mut other) = value else {
            return Err(not_loaded(subject, "expected a mapping"));
        };
        let mut take = |field: &str| match other.remove(field) {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        };
        let (metadata, spec) = (take("metadata"), take("spec"));
        Ok(Self {
            metadata,
            spec,
            other,
            unknown_fields,
        })
    }
}

fn not_loaded(subject: &str, what: &str) -> Refusal {
    Refusal::new(subject, format!("Could not load pod from template file: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn from_file(text: &str, version: &str) -> Result<PodTemplate, String> {
        let version = version.parse().unwrap();
        PodTemplate::from_yaml("k", text, &version, &mut Budget::default())
            .map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_quantity_that_spark_cannot_read_is_refused_wherever_it_stands() {
        for (version, quantity, loads) in [
            ("3.5.9", "''", false),
            ("4.3.0", "''", false),
            ("4.3.0", "1e3m", false),
            // Kubernetes has no such quantity either; but that is said of the Pod.
            ("4.3.0", "abc", true),
            ("4.3.0", "' '", true),
        ] {
            for (start, end) in [
                ("spec: {containers: [{resources: {requests: {memory: ", "}}}]}"),
                ("spec: {containers: [{resources: {limits: {cpu: ", "}}}]}"),
                ("spec: {overhead: {cpu: ", "}, containers: []}"),
                (
                    "spec: {volumes: [{name: a, emptyDir: {sizeLimit: ",
                    "}}], containers: []}",
                ),
            ] {
                let read = from_file(&format!("{start}{quantity}{end}"), version);
                assert_eq!(read.is_ok(), loads, "{version} {start}{quantity}: {read:?}");
                if let Err(error) = read {
                    assert!(error.contains(": expected a quantity, found "), "{error}");
                }
            }
        }
    }

    #[test]
    fn a_field_that_kubernetes_does_not_have_is_refused_in_a_file_and_kept_from_a_request() {
        let yaml = "spec:\n  containers:\n  - name: a\n    imagee: x\nextra: 1\n";
        let value = strict::parse_yaml(yaml).unwrap();
        let kept = PodTemplate::from_value("k", value.clone(), UnknownFields::Pass).unwrap();
        assert_eq!(kept.unknown_fields, ["extra", "spec.containers[].imagee"]);
        assert_eq!(kept.spec["containers"][0]["imagee"], "x");
        assert_eq!(kept.other["extra"], 1);
        let refused = PodTemplate::from_value("k", value, UnknownFields::Refuse).unwrap_err();
        for error in [from_file(yaml, "4.0.4").unwrap_err(), refused.to_string()] {
            assert!(
                error.contains("spec.containers[0].imagee: unknown field; did you mean `image`?"),
                "{error}"
            );
        }
    }

    #[test]
    fn scalars_of_a_file_become_what_their_fields_are() {
        let yaml = "metadata: {labels: {n: 1, o: 010, f: 1.50}}\n\
                    spec:\n  terminationGracePeriodSeconds: 1.0\n  hostNetwork: \"true\"\n  overhead: {cpu: 0.25}\n  \
                    containers: [{name: 5, env: [{name: A, value: true}]}]\n  \
                    volumes: [{name: v, secret: {defaultMode: 0400}}]\n";
        for (version, mode) in [("3.5.9", 400), ("4.0.4", 256)] {
            let template = from_file(yaml, version).unwrap();
            assert_eq!(
                template.metadata["labels"],
                json!({"n": "1", "o": "010", "f": "1.5"})
            );
            assert_eq!(
                Value::Object(template.spec),
                json!({
                    "terminationGracePeriodSeconds": 1, "hostNetwork": true, "overhead": {"cpu": "0.25"},
                    "containers": [{"name": "5", "env": [{"name": "A", "value": "true"}]}],
                    "volumes": [{"name": "v", "secret": {"defaultMode": mode}}],
                })
            );
        }
    }

    #[test]
    fn every_scalar_that_does_not_fit_is_named_and_those_that_do_are_not() {
        let error = from_file(
            "metadata: {labels: {a: 1}}\nspec: {hostNetwork: no, priority: soon, containers: [{name: 1}]}",
            "4.0.4",
        )
        .unwrap_err();
        assert!(
            error.contains("spec.hostNetwork: expected a boolean")
                && error.contains("spec.priority: expected an integer, found a string")
                && !error.contains("labels")
                && !error.contains("name"),
            "{error}"
        );
    }

    #[test]
    fn containers_may_be_missing_in_a_file_and_not_in_an_application() {
        assert_eq!(from_file("spec: {}", "4.0.4").unwrap().spec, Map::new());
        let error = PodTemplate::from_value("k", json!({"spec": {}}), UnknownFields::Pass).unwrap_err();
        assert!(
            error.to_string().contains("spec.containers is missing"),
            "{error}"
        );
    }

    #[test]
    fn nulls_are_absent_fields() {
        let template = from_file(
            "metadata: {annotations: {a: null, b: x}}\nspec: {volumes: null, containers: []}\nstatus: null",
            "4.0.4",
        )
        .unwrap();
        assert_eq!(
            Value::Object(template.metadata),
            json!({"annotations": {"b": "x"}})
        );
        assert_eq!(Value::Object(template.spec), json!({"containers": []}));
        assert_eq!(template.other, Map::new());
    }

    #[test]
    fn what_is_not_a_pod_is_refused() {
        for yaml in [
            "",
            "just a string",
            "[]",
            "spec: []",
            "spec:",
            "kind: Deployment\napiVersion: apps/v1\nspec: {containers: []}",
            "a: [",
            "spec: {containers: null}",
            "metadata: {}",
            "kind: PodTemplate\ntemplate: {spec: {containers: []}}",
            "spec: {containers: []}\n---\nspec: {containers: []}",
        ] {
            let error = from_file(yaml, "4.0.4").unwrap_err();
            assert!(
                error.starts_with("k: Could not load pod from template file"),
                "{error}"
            );
        }
    }
}
