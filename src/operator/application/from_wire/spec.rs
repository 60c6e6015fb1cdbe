//! `SparkApplicationSpec`, and what is only in it.

use super::convert::{At, by_name, convert_fields};
use crate::{
    finding::expected,
    operator::application::{
        BatchSchedulerConfiguration, Dependencies, DriverIngressConfiguration, DynamicAllocation,
        MonitoringSpec, PrometheusSpec, RestartPolicy, RestartPolicyType, SparkApplicationSpec,
        SparkUiConfiguration,
    },
};
use k8s_openapi::api::networking::v1::IngressTLS;

convert_fields! {
    SparkApplicationSpec => SparkApplicationSpec {
        r#type as type_: typed(SparkApplicationType), mode: typed(DeployMode), image,
        image_pull_policy, image_pull_secrets, spark_conf, hadoop_conf, spark_config_map,
        hadoop_config_map, arguments, main_class, main_application_file, proxy_user,
        failure_retries, retry_interval, memory_overhead_factor, monitoring: part, batch_scheduler,
        time_to_live_seconds, batch_scheduler_configuration as batch_scheduler_options: part,
        driver: always, executor: always, volumes: part, deps: always, dynamic_allocation: part,
        python_version: set, spark_version: set, restart_policy: always,
        spark_ui_configuration as spark_ui_options: part,
        driver_ingress_configuration as driver_ingress_options: part,
        ..absent(suspend, node_selector, driver_pod_disruption_budget)
    }
    Dependencies => Dependencies {
        jars, files, py_files, packages, exclude_packages, repositories, archives,
    }
    RestartPolicy => RestartPolicy { r#type as type_: via(restart_type), ..rest }
    DynamicAllocation => DynamicAllocation {
        enabled, initial_executors: set, min_executors: set, max_executors: set,
        shuffle_tracking_timeout: set,
        ..absent(shuffle_tracking_enabled)
    }
    MonitoringSpec => MonitoringSpec {
        expose_driver_metrics, expose_executor_metrics, metrics_properties, metrics_properties_file,
        prometheus: part,
    }
    PrometheusSpec => PrometheusSpec {
        jmx_exporter_jar, port, port_name, config_file, configuration,
    }
    BatchSchedulerConfiguration => BatchSchedulerConfiguration {
        queue, priority_class_name, resources: part,
    }
    SparkUiConfiguration => SparkUiConfiguration {
        service_port, service_port_name, service_type: named(ServiceType), service_annotations,
        service_labels, ingress_annotations, ingress_tls: part,
    }
    DriverIngressConfiguration => DriverIngressConfiguration {
        service_port, service_port_name, service_type: named(ServiceType), service_annotations,
        service_labels, ingress_url_format: set, ingress_annotations, ingress_tls: part,
    }
    IngressTls => IngressTLS { hosts: set, secret_name: set }
}

fn restart_type(name: String, at: &At<'_>) -> Option<RestartPolicyType> {
    let policy = by_name(&name);
    if policy.is_none() && !name.is_empty() {
        at.problem(expected("one of Never, Always, OnFailure").shown(&name));
    }
    policy
}
