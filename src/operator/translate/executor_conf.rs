//! What the operator's webhook gives an executor last, and Spark would overwrite in a pod template: carried by the conf key
//! that has the same effect, else a warning says so.

use crate::spark::submission::{Feature, PodAdditions, SparkConf, Submission, blanks};
use serde_json::Value;

/// Variables that Spark sets behind the template's and before those of the conf.
const BEFORE_CONF: [&str; 8] = [
    "SPARK_USER",
    "SPARK_DRIVER_URL",
    "SPARK_EXECUTOR_CORES",
    "SPARK_EXECUTOR_MEMORY",
    "SPARK_APPLICATION_ID",
    "SPARK_CONF_DIR",
    "SPARK_EXECUTOR_ID",
    "SPARK_RESOURCE_PROFILE_ID",
];

/// Variables that Spark sets behind all others.
const LAST: [&str; 3] = [
    "SPARK_EXECUTOR_POD_IP",
    "SPARK_EXECUTOR_POD_NAME",
    "SPARK_LOCAL_DIRS",
];

/// Carries what of these `additions` to the executors' template Spark would overwrite.
pub(super) fn carry(submission: &mut Submission, additions: &PodAdditions) {
    grace_period(submission, additions);
    privilege_escalation(submission, additions);
    let conf = &submission.conf;
    let mut warnings = Vec::new();
    if additions.limits.contains_key("memory") {
        warnings.push(
            "spec.executor.memoryLimit: has no effect: without the operator's webhook the limit of an executor is what Spark \
             asks for (spec.executor.memory and memoryOverhead); set memoryOverhead to raise both"
                .to_owned(),
        );
    }
    let decommissions = conf
        .get("spark.decommission.enabled")
        .is_some_and(|value| blanks::trim(value).eq_ignore_ascii_case("true"));
    if decommissions && additions.container.contains_key("lifecycle") {
        warnings.push(
            "spec.executor.lifecycle: has no effect: with spark.decommission.enabled Spark sets the lifecycle of executors \
             itself; name the script in spark.kubernetes.decommission.script"
                .to_owned(),
        );
    }
    for entry in &additions.env {
        warnings.extend(variable(&mut submission.conf, entry));
    }
    submission.warnings.extend(warnings);
}

fn grace_period(submission: &mut Submission, additions: &PodAdditions) {
    if submission.spark_version.has(Feature::ExecutorGracePeriod)
        && let Some(seconds) = additions.spec.get("terminationGracePeriodSeconds")
    {
        submission.conf.set(
            "spark.kubernetes.executor.terminationGracePeriodSeconds",
            format!("{seconds}s"),
        );
    }
}

fn privilege_escalation(submission: &mut Submission, additions: &PodAdditions) {
    let Some(context) = additions.container.get("securityContext") else {
        return;
    };
    let given = context.get("allowPrivilegeEscalation").and_then(Value::as_bool);
    // With all rights the field is absent or true: Spark's own false would make Kubernetes refuse the Pod.
    let allowed = given.or_else(|| has_all_rights(context).then_some(true));
    if submission.spark_version.has(Feature::AllowPrivilegeEscalation)
        && let Some(allowed) = allowed
    {
        submission.conf.set(
            "spark.kubernetes.executor.securityContext.allowPrivilegeEscalation",
            allowed.to_string(),
        );
    }
}

fn has_all_rights(context: &Value) -> bool {
    let added = context["capabilities"]["add"].as_array();
    let is_admin = |capability: &Value| capability == "CAP_SYS_ADMIN";
    context["privileged"] == true || added.is_some_and(|added| added.iter().any(is_admin))
}

/// A variable that the conf or Spark sets too becomes one of the conf, or a warning says why not.
fn variable(conf: &mut SparkConf, entry: &Value) -> Option<String> {
    let name = entry["name"].as_str()?;
    let plain = format!("spark.executorEnv.{name}");
    let secret = format!("spark.kubernetes.executor.secretKeyRef.{name}");
    let told = |other: &str| {
        Some(format!(
            "spec.executor.env: {} has no effect: {other} sets it for executors, and comes last",
            crate::redaction::shown(name)
        ))
    };
    if LAST.contains(&name) {
        return told("Spark");
    }
    let by_conf = [&plain, &secret].into_iter().find(|key| conf.get(key).is_some());
    if by_conf.is_none() && !BEFORE_CONF.contains(&name) {
        return None;
    }
    let reference = &entry["valueFrom"]["secretKeyRef"];
    let (key, value) = if let Some(value) = entry["value"].as_str() {
        (plain.clone(), value.to_owned())
    } else if let (Some(secret_name), Some(secret_key)) =
        (reference["name"].as_str(), reference["key"].as_str())
    {
        (secret.clone(), format!("{secret_name}:{secret_key}"))
    } else if entry["valueFrom"].is_null() {
        (plain.clone(), String::new())
    } else {
        return told(by_conf.map_or("Spark", String::as_str));
    };
    conf.remove(&plain);
    conf.remove(&secret);
    conf.set(key, value);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn conf(entries: &[(&str, &str)]) -> SparkConf {
        entries.iter().copied().collect()
    }

    #[test]
    fn a_variable_that_conf_or_spark_sets_too_goes_by_conf() {
        let plain = "spark.executorEnv.X";
        let secret = "spark.kubernetes.executor.secretKeyRef.X";
        for (given, entry, expected) in [
            (conf(&[]), json!({"name": "X", "value": "env"}), conf(&[])),
            (
                conf(&[(plain, "conf")]),
                json!({"name": "X", "value": "env"}),
                conf(&[(plain, "env")]),
            ),
            (
                conf(&[(secret, "a:b")]),
                json!({"name": "X", "value": "env"}),
                conf(&[(plain, "env")]),
            ),
            (
                conf(&[(plain, "conf")]),
                json!({"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}),
                conf(&[(secret, "s:k")]),
            ),
            (
                conf(&[]),
                json!({"name": "SPARK_CONF_DIR", "value": "/etc/spark/conf"}),
                conf(&[("spark.executorEnv.SPARK_CONF_DIR", "/etc/spark/conf")]),
            ),
        ] {
            let mut changed = given;
            assert_eq!(variable(&mut changed, &entry), None, "{entry}");
            assert_eq!(changed, expected, "{entry}");
        }
    }

    #[test]
    fn a_variable_that_no_conf_can_say_is_reported_by_its_name() {
        let field = json!({"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}});
        for (given, entry, by) in [
            (
                conf(&[("spark.executorEnv.X", "conf")]),
                field,
                "spark.executorEnv.X",
            ),
            (
                conf(&[]),
                json!({"name": "SPARK_LOCAL_DIRS", "value": "/d"}),
                "Spark",
            ),
        ] {
            let mut unchanged = given.clone();
            let warning = variable(&mut unchanged, &entry).unwrap();
            assert!(
                warning.contains(by) && warning.contains("spec.executor.env"),
                "{warning}"
            );
            assert_eq!(unchanged, given);
        }
    }
}
