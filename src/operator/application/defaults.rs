//! The operator's defaulting webhook (`SetSparkApplicationDefaults`), which doesn't run where the operator's webhook
//! is off, nor for an application that never was on the cluster.

use super::{
    ApplicationType, DeployMode, RestartPolicyType, SparkApplication, SparkApplicationSpec, SparkPodSpec,
};
use std::collections::BTreeMap;

const DEFAULT_CORES: i32 = 1;
const DEFAULT_MEMORY: &str = "1g";
const DEFAULT_INSTANCES: i32 = 1;
const DEFAULT_RETRY_INTERVAL_SECONDS: i64 = 5;

/// Fills in what the operator's defaulting webhook fills in, and nothing else. What is set stays.
///
/// It keeps a quirk of the operator: dynamic allocation that only `sparkConf` switches on isn't seen, because the
/// operator looks for the key in lower case (`spark.dynamicallocation.enabled`). Such an application gets one
/// executor to start with, as it does from the operator.
pub fn apply_defaults(application: &mut SparkApplication) {
    let spec = &mut application.spec;
    spec.type_.get_or_insert(ApplicationType::Scala);
    spec.mode.get_or_insert(DeployMode::Cluster);
    default_restart_policy(spec);
    default_size(&mut spec.driver.pod, &spec.spark_conf, "driver");
    default_size(&mut spec.executor.pod, &spec.spark_conf, "executor");
    default_executors(spec);
}

fn default_restart_policy(spec: &mut SparkApplicationSpec) {
    let policy = &mut spec.restart_policy;
    if *policy.type_.get_or_insert(RestartPolicyType::Never) != RestartPolicyType::Never {
        policy
            .on_failure_retry_interval
            .get_or_insert(DEFAULT_RETRY_INTERVAL_SECONDS);
        policy
            .on_submission_failure_retry_interval
            .get_or_insert(DEFAULT_RETRY_INTERVAL_SECONDS);
    }
}

fn default_size(pod: &mut SparkPodSpec, conf: &BTreeMap<String, String>, role: &str) {
    if !conf.contains_key(&format!("spark.{role}.cores")) {
        pod.cores.get_or_insert(DEFAULT_CORES);
    }
    if !conf.contains_key(&format!("spark.{role}.memory")) {
        pod.memory.get_or_insert_with(|| DEFAULT_MEMORY.to_owned());
    }
}

fn default_executors(spec: &mut SparkApplicationSpec) {
    if let Some(allocation) = &mut spec.dynamic_allocation
        && allocation.enabled
    {
        allocation.shuffle_tracking_enabled.get_or_insert(true);
    }
    let dynamic = spec.dynamic_allocation.as_ref().is_some_and(|a| a.enabled)
        || spec
            .spark_conf
            .get("spark.dynamicallocation.enabled")
            .is_some_and(|value| is_true_to_go(value));
    let counted = spec
        .spark_conf
        .get("spark.executor.instances")
        .is_some_and(|n| !n.is_empty());
    if !dynamic && !counted {
        spec.executor.instances.get_or_insert(DEFAULT_INSTANCES);
    }
}

/// Go's `strconv.ParseBool`.
fn is_true_to_go(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::application::{DynamicAllocation, RestartPolicy};

    fn with_conf(conf: &[(&str, &str)]) -> SparkApplication {
        let mut application = SparkApplication::default();
        application.spec.spark_conf = conf
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        application
    }

    fn defaulted(mut application: SparkApplication) -> SparkApplicationSpec {
        apply_defaults(&mut application);
        application.spec
    }

    #[test]
    fn an_empty_application_gets_all_defaults() {
        let spec = defaulted(SparkApplication::default());
        assert_eq!(spec.type_, Some(ApplicationType::Scala));
        assert_eq!(spec.mode, Some(DeployMode::Cluster));
        assert_eq!(
            spec.restart_policy,
            RestartPolicy {
                type_: Some(RestartPolicyType::Never),
                ..RestartPolicy::default()
            }
        );
        for pod in [&spec.driver.pod, &spec.executor.pod] {
            assert_eq!((pod.cores, pod.memory.as_deref()), (Some(1), Some("1g")));
        }
        assert_eq!(spec.executor.instances, Some(1));
        assert_eq!(spec.dynamic_allocation, None);
    }

    #[test]
    fn what_is_set_stays() {
        let mut application = SparkApplication::default();
        application.spec.type_ = Some(ApplicationType::R);
        application.spec.mode = Some(DeployMode::Client);
        application.spec.restart_policy.type_ = Some(RestartPolicyType::OnFailure);
        application.spec.restart_policy.on_failure_retry_interval = Some(9);
        application.spec.driver.pod.cores = Some(3);
        application.spec.executor.pod.memory = Some("7g".to_owned());
        application.spec.executor.instances = Some(4);
        let spec = defaulted(application);
        assert_eq!(spec.type_, Some(ApplicationType::R));
        assert_eq!(spec.mode, Some(DeployMode::Client));
        assert_eq!(spec.restart_policy.on_failure_retry_interval, Some(9));
        assert_eq!(spec.restart_policy.on_submission_failure_retry_interval, Some(5));
        assert_eq!(spec.driver.pod.cores, Some(3));
        assert_eq!(spec.executor.pod.memory.as_deref(), Some("7g"));
        assert_eq!(spec.executor.instances, Some(4));
    }

    #[test]
    fn the_conf_keeps_sizes_from_being_defaulted() {
        let spec = defaulted(with_conf(&[
            ("spark.driver.cores", "2"),
            ("spark.driver.memory", "2g"),
            ("spark.executor.cores", ""),
            ("spark.executor.memory", ""),
        ]));
        for pod in [&spec.driver.pod, &spec.executor.pod] {
            assert_eq!((pod.cores, pod.memory.as_deref()), (None, None));
        }
    }

    #[test]
    fn instances_are_defaulted_only_where_nothing_else_counts_executors() {
        type Case<'a> = (&'a [(&'a str, &'a str)], Option<bool>, Option<i32>);
        let cases: &[Case] = &[
            (&[("spark.executor.instances", "5")], None, None),
            (&[("spark.executor.instances", "")], None, Some(1)),
            (&[], Some(true), None),
            (&[], Some(false), Some(1)),
            // The operator's quirk: this key is not recognised, its lower-case form is.
            (&[("spark.dynamicAllocation.enabled", "true")], None, Some(1)),
            (&[("spark.dynamicallocation.enabled", "true")], None, None),
            (&[("spark.dynamicallocation.enabled", "yes")], None, Some(1)),
        ];
        for (conf, enabled, expected) in cases {
            let mut application = with_conf(conf);
            application.spec.dynamic_allocation = enabled.map(|enabled| DynamicAllocation {
                enabled,
                ..DynamicAllocation::default()
            });
            let spec = defaulted(application);
            assert_eq!(spec.executor.instances, *expected, "{conf:?} {enabled:?}");
            let tracking = spec
                .dynamic_allocation
                .and_then(|allocation| allocation.shuffle_tracking_enabled);
            assert_eq!(tracking, enabled.filter(|on| *on), "{conf:?} {enabled:?}");
        }
    }
}
