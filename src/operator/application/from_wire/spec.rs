//! `SparkApplicationSpec` and the parts that are the operator's own.

use super::convert::{Convert, MessagePlace, by_name, convert_fields};
use crate::{
    finding::expected,
    operator::{
        application::{
            BatchSchedulerConfiguration, Dependencies, DriverIngressConfiguration, DriverSpec,
            DynamicAllocation, ExecutorSpec, GpuSpec, MonitoringSpec, NamePath, Port, PrometheusSpec,
            RestartPolicy, RestartPolicyType, SecretInfo, SparkApplicationSpec, SparkPodSpec,
            SparkUiConfiguration,
        },
        wire,
    },
};
use k8s_openapi::api::networking::v1::IngressTLS;
use serde_json::Value;

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

    DriverSpec => DriverSpec {
        pod_name, core_request, java_options, life_cycle as lifecycle: part, kubernetes_master,
        service_annotations, service_labels, ports: part, priority_class_name,
        spark_pod_spec as pod: always,
    }
    ExecutorSpec => ExecutorSpec {
        instances, core_request, java_options, life_cycle as lifecycle: part, delete_on_termination,
        ports: part, priority_class_name, spark_pod_spec as pod: always,
    }
    SparkPodSpec => SparkPodSpec {
        template: via(json), cores, core_limit: set, memory: set, memory_overhead: set, gpu: part, image: set,
        configmaps as config_maps: part, secrets: part, env: part, env_vars, env_from: part, labels,
        annotations, volume_mounts: part, affinity: part, tolerations: part,
        pod_security_context: part, security_context: part, scheduler_name, sidecars: part,
        init_containers: part, host_network, node_selector, dns_config: part,
        termination_grace_period_seconds: set, service_account, host_aliases: part,
        share_process_namespace,
        ..absent(memory_limit, env_secret_key_refs)
    }
    GpuSpec => GpuSpec { name, quantity }
    NamePath => NamePath { name, path }
    SecretInfo => SecretInfo { name, path, r#type as secret_type: typed(SecretType) }
    Ports => Port { name, protocol, container_port: via(port_number) }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the table hands over a field as it is"
)]
fn restart_type(name: String, at: &MessagePlace<'_>) -> Option<RestartPolicyType> {
    let policy = by_name(&name);
    if policy.is_none() && !name.is_empty() {
        at.problem(expected("one of Never, Always, OnFailure").shown(&name));
    }
    policy
}

/// A template in the messages is what a file would have: JSON.
fn json(template: Option<wire::PodTemplateSpec>, at: &MessagePlace<'_>) -> Option<Value> {
    template.convert(at).flatten()
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the table hands over a field as it is"
)]
fn port_number(text: String, at: &MessagePlace<'_>) -> i32 {
    text.parse().unwrap_or_else(|_| {
        at.problem(expected("a port number").shown(&text));
        0
    })
}
