//! `DriverSpec`, `ExecutorSpec`, and what they have in common.

use super::convert::{At, Convert, convert_fields};
use crate::{
    finding::expected,
    operator::{
        application::{DriverSpec, ExecutorSpec, GpuSpec, NamePath, Port, SecretInfo, SparkPodSpec},
        wire,
    },
};
use serde_json::Value;

convert_fields! {
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

/// A template in the messages is what a file would have: JSON.
fn json(template: Option<wire::PodTemplateSpec>, at: &At<'_>) -> Option<Value> {
    template.convert(at).flatten()
}

fn port_number(text: String, at: &At<'_>) -> i32 {
    text.parse().unwrap_or_else(|_| {
        at.problem(expected("a port number").shown(&text));
        0
    })
}
