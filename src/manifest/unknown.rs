//! Fields that this program's Kubernetes types don't know.
//!
//! In an admin's template such a field is a misspelling. In a pod template that came with a request it may be
//! the field of a newer Kubernetes, and is passed on (CONTRACT 4). What came with a request is told apart by
//! its generalised path, without list indices: the plan moves containers and volumes to other places.

use crate::strict;
use k8s_openapi::{api::core::v1::PodSpec, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

/// A pod template as Spark reads it: a Pod, or its metadata and spec alone.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "read for what is wrong with it, not for its values")]
pub(crate) struct PodTemplate {
    api_version: Option<String>,
    kind: Option<String>,
    metadata: Option<ObjectMeta>,
    spec: Option<PodSpec>,
    status: Option<IgnoredAny>,
}

/// The generalised paths of the fields of a pod template that Kubernetes' types don't know, each once.
///
/// ```
/// let template = serde_json::json!({"spec": {"containers": [{"name": "a", "futureField": 1}]}});
/// assert_eq!(native_submit::manifest::unknown_fields(&template), ["spec.containers[].futureField"]);
/// ```
pub fn unknown_fields(pod_template: &Value) -> Vec<String> {
    let problems = strict::read::<PodTemplate>(pod_template).problems;
    let mut paths: Vec<String> = problems
        .iter()
        .filter(|problem| problem.unknown_field)
        .map(|problem| generalised(&problem.path))
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// A field path without its list indices: `spec.containers[0].image` becomes `spec.containers[].image`. Quoted
/// names stay as they are.
pub fn generalised(path: &str) -> String {
    let mut general = String::with_capacity(path.len());
    let (mut quoted, mut escaped) = (false, false);
    let mut index = false;
    for character in path.chars() {
        index = !quoted && character.is_ascii_digit() && (index || general.ends_with('['));
        if character == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = character == '\\' && !escaped;
        if !index {
            general.push(character);
        }
    }
    general
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_generalised_path_has_no_indices() {
        for (path, general) in [
            ("spec.containers[0].image", "spec.containers[].image"),
            ("a[12][3].b", "a[][].b"),
            ("a[\"x[0]\"].b[1]", "a[\"x[0]\"].b[]"),
            ("a[\"0\"]", "a[\"0\"]"),
            ("a[\"\\\"[0]\"][0]", "a[\"\\\"[0]\"][]"),
            ("a0.b1", "a0.b1"),
            ("", ""),
        ] {
            assert_eq!(generalised(path), general);
        }
    }

    #[test]
    fn unknown_fields_are_found_beside_wrong_types() {
        let template = json!({
            "metadata": {"future": 1},
            "spec": {
                "priority": "high",
                "containers": [{"name": "a", "futureField": {"x": 1}}, {"name": "b", "futureField": 2}],
            },
        });
        assert_eq!(
            unknown_fields(&template),
            ["metadata.future", "spec.containers[].futureField"]
        );
    }
}
