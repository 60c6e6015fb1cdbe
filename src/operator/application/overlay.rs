//! A request laid over the live application: the request wins in each field that it carries, and the live
//! object has the rest.

use super::{ApplicationError, Parsed, SparkApplication, UnknownFields, from_value};
use serde_json::{Map, Value};

/// The parts that are laid over each other field by field. Every other field, maps and Kubernetes' own types among
/// them, is a whole: a client that sends it sends all of it.
const PARTS: &[&str] = &[
    "/metadata",
    "/spec",
    "/spec/batchSchedulerOptions",
    "/spec/deps",
    "/spec/driver",
    "/spec/dynamicAllocation",
    "/spec/executor",
    "/spec/monitoring",
    "/spec/monitoring/prometheus",
    "/spec/restartPolicy",
    "/spec/sparkUIOptions",
];

/// The live application with what `request` has in place of its own.
///
/// # Errors
/// What in the live object isn't of the type, as for every application that is read.
pub fn overlay(
    request: &SparkApplication,
    live: Value,
    unknown_fields: UnknownFields,
) -> Result<Parsed, ApplicationError> {
    let mut merged = live;
    if let (Ok(Value::Object(request)), Value::Object(fields)) = (serde_json::to_value(request), &mut merged)
    {
        lay_over(fields, request, "");
    }
    from_value(merged, unknown_fields)
}

fn lay_over(under: &mut Map<String, Value>, over: Map<String, Value>, place: &str) {
    for (field, value) in over {
        let place = format!("{place}/{field}");
        match (under.get_mut(&field), value) {
            (Some(Value::Object(under)), Value::Object(over)) if PARTS.contains(&place.as_str()) => {
                lay_over(under, over, &place);
            }
            (_, value) => {
                under.insert(field, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn live() -> Value {
        json!({
            "apiVersion": "sparkoperator.k8s.io/v1beta2",
            "kind": "SparkApplication",
            "metadata": {"name": "pi", "namespace": "jobs", "uid": "u1", "labels": {"team": "a"}},
            "spec": {
                "sparkVersion": "4.0.1",
                "sparkConf": {"a": "1", "b": "2"},
                "dynamicAllocation": {"enabled": true, "shuffleTrackingEnabled": false, "maxExecutors": 9},
                "driver": {"memory": "1g", "affinity": {"nodeAffinity": {}}, "env": [{"name": "A", "value": "live"}]},
                "executor": {"instances": 2, "tolerations": [{"key": "spot"}]},
                "newerThanUs": 1,
            },
            "status": {"submissionID": "old"},
        })
    }

    #[test]
    fn the_request_wins_where_it_says_something_and_the_live_object_has_the_rest() {
        let request: SparkApplication = serde_json::from_value(json!({
            "apiVersion": "sparkoperator.k8s.io/v1beta2",
            "kind": "SparkApplication",
            "metadata": {"name": "pi", "namespace": "jobs", "labels": {"queue": "q"}},
            "spec": {
                "sparkConf": {"a": "request"},
                "dynamicAllocation": {"enabled": true, "maxExecutors": 3},
                "driver": {"memory": "2g"},
                "executor": {"instances": 5},
            },
        }))
        .unwrap();
        let parsed = overlay(&request, live(), UnknownFields::Pass).unwrap();
        let spec = &parsed.application.spec;
        assert_eq!(parsed.application.uid(), Some("u1"));
        assert_eq!(
            serde_json::to_value(&parsed.application.metadata.labels).unwrap(),
            json!({"queue": "q"})
        );
        assert_eq!(spec.spark_version.as_deref(), Some("4.0.1"));
        assert_eq!(
            serde_json::to_value(&spec.spark_conf).unwrap(),
            json!({"a": "request"})
        );
        let allocation = spec.dynamic_allocation.as_ref().unwrap();
        assert_eq!(allocation.max_executors, Some(3));
        assert_eq!(allocation.shuffle_tracking_enabled, Some(false));
        assert_eq!(spec.driver.pod.memory.as_deref(), Some("2g"));
        assert!(spec.driver.pod.affinity.is_some());
        assert_eq!(spec.driver.pod.env.len(), 1);
        assert_eq!(spec.executor.instances, Some(5));
        assert_eq!(spec.executor.pod.tolerations.len(), 1);
        assert_eq!(parsed.warnings.len(), 1, "{:?}", parsed.warnings);
    }

    #[test]
    fn the_parts_are_the_records_that_the_types_nest() {
        // A part that the types don't have would be a slip of this list.
        use crate::operator::application::{MonitoringSpec, SparkApplicationSpec};
        for part in PARTS {
            let known = match part.split('/').collect::<Vec<_>>()[..] {
                ["", "metadata" | "spec"] => true,
                ["", "spec", field] => SparkApplicationSpec::FIELDS.contains(&field),
                ["", "spec", "monitoring", field] => MonitoringSpec::FIELDS.contains(&field),
                _ => false,
            };
            assert!(known, "{part}");
        }
    }
}
