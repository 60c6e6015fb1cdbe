//! `PodTemplateSpec` and `PodSpec`.

use super::convert::{Convert, MessagePlace, convert_fields, set};
use crate::{finding::expected, operator::wire};
use k8s_openapi::api::core::v1::{
    HostAlias, PodDNSConfig, PodDNSConfigOption, PodOS, PodReadinessGate, PodResourceClaim,
    PodSchedulingGate, PodSpec, PodTemplateSpec,
};
use serde_json::Value;

impl Convert for wire::PodTemplateSpec {
    type To = Option<Value>;

    fn convert(self, at: &MessagePlace<'_>) -> Option<Value> {
        let Self {
            object_meta,
            pod_spec,
        } = self;
        let template = PodTemplateSpec {
            metadata: object_meta.convert(&at.field("object_meta")),
            spec: pod_spec.convert(&at.field("pod_spec")),
        };
        serde_json::to_value(template)
            .inspect_err(|_| at.problem(expected("what can be written as JSON")))
            .ok()
    }
}

convert_fields! {
    PodSpec => PodSpec {
        volumes: list, containers: part, ephemeral_containers: list,
        restart_policy: via(restart_type), termination_grace_period_seconds, active_deadline_seconds, dns_policy: named(DnsPolicy),
        node_selector: set, service_account_name: set,
        deprecated_service_account as service_account: set,
        auto_mount_service_account_token as automount_service_account_token, node_name: set,
        host_network: set, host_pid: set, host_ipc: set,
        share_process_name as share_process_namespace, security_context: part,
        image_pull_secrets: list, host_name as hostname: set, sub_domain as subdomain: set,
        affinity: part, scheduler_name: set, tolerations: list, host_aliases: list,
        priority_class_name: set, priority, dns_config: part, readiness_gates: list,
        runtime_class_name, enable_service_links, overhead: list, topology_spread_constraints: list,
        set_host_name_as_fqdn as set_hostname_as_fqdn, os: part, host_users, scheduling_gates: list,
        resource_claims: list,
        ..rest
    }
    PodDnsConfig => PodDNSConfig { name_servers as nameservers: set, searches: set, options: list }
    PodDnsConfigOption => PodDNSConfigOption { name: set, value: set }
    HostAlias => HostAlias { ip, host_names as hostnames: set }
    PodReadinessGate => PodReadinessGate { condition_type: required(PodConditionType) }
    PodSchedulingGate => PodSchedulingGate { name }
    PodOs => PodOS { name }
    // Since Kubernetes 1.31 what was under `source` stands beside the name.
    PodResourceClaim => PodResourceClaim { name, source: rest }
    ClaimSource => PodResourceClaim { resource_claim_name, resource_claim_template_name, ..rest }
}

/// The message of the application's restart policy, of which a Pod has the type only.
fn restart_type(policy: Option<wire::RestartPolicy>, _: &MessagePlace<'_>) -> Option<String> {
    policy.and_then(|wire::RestartPolicy { r#type }| set(r#type))
}
