//! `PodTemplateSpec` and `PodSpec`.

use super::convert::{At, Convert, named, required, set};
use crate::{finding::expected, operator::wire};
use k8s_openapi::api::core::v1::{
    HostAlias, PodDNSConfig, PodDNSConfigOption, PodOS, PodReadinessGate, PodResourceClaim,
    PodSchedulingGate, PodSpec, PodTemplateSpec,
};
use serde_json::Value;

impl Convert for wire::PodTemplateSpec {
    type To = Option<Value>;

    fn convert(self, at: &At<'_>) -> Option<Value> {
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

impl Convert for wire::PodSpec {
    type To = PodSpec;

    fn convert(self, at: &At<'_>) -> PodSpec {
        let Self {
            volumes,
            containers,
            ephemeral_containers,
            restart_policy,
            termination_grace_period_seconds,
            active_deadline_seconds,
            dns_policy,
            node_selector,
            service_account_name,
            deprecated_service_account,
            auto_mount_service_account_token,
            node_name,
            host_network,
            host_pid,
            host_ipc,
            share_process_name,
            security_context,
            image_pull_secrets,
            host_name,
            sub_domain,
            affinity,
            scheduler_name,
            tolerations,
            host_aliases,
            priority_class_name,
            priority,
            dns_config,
            readiness_gates,
            runtime_class_name,
            enable_service_links,
            overhead,
            topology_spread_constraints,
            set_host_name_as_fqdn,
            os,
            host_users,
            scheduling_gates,
            resource_claims,
        } = self;
        PodSpec {
            volumes: set(volumes.convert(&at.field("volumes"))),
            containers: containers.convert(&at.field("containers")),
            ephemeral_containers: set(ephemeral_containers.convert(&at.field("ephemeral_containers"))),
            restart_policy: restart_policy.and_then(|wire::RestartPolicy { r#type }| set(r#type)),
            termination_grace_period_seconds,
            active_deadline_seconds,
            dns_policy: named::<wire::DnsPolicy>(dns_policy, &at.field("dns_policy")),
            node_selector: set(node_selector),
            service_account_name: set(service_account_name),
            service_account: set(deprecated_service_account),
            automount_service_account_token: auto_mount_service_account_token,
            node_name: set(node_name),
            host_network: set(host_network),
            host_pid: set(host_pid),
            host_ipc: set(host_ipc),
            share_process_namespace: share_process_name,
            security_context: security_context.convert(&at.field("security_context")),
            image_pull_secrets: set(image_pull_secrets.convert(&at.field("image_pull_secrets"))),
            hostname: set(host_name),
            subdomain: set(sub_domain),
            affinity: affinity.convert(&at.field("affinity")),
            scheduler_name: set(scheduler_name),
            tolerations: set(tolerations.convert(&at.field("tolerations"))),
            host_aliases: set(host_aliases.convert(&at.field("host_aliases"))),
            priority_class_name: set(priority_class_name),
            priority,
            dns_config: dns_config.convert(&at.field("dns_config")),
            readiness_gates: set(readiness_gates.convert(&at.field("readiness_gates"))),
            runtime_class_name,
            enable_service_links,
            overhead: set(overhead.convert(&at.field("overhead"))),
            topology_spread_constraints: set(
                topology_spread_constraints.convert(&at.field("topology_spread_constraints"))
            ),
            set_hostname_as_fqdn: set_host_name_as_fqdn,
            os: os.convert(&at.field("os")),
            host_users,
            scheduling_gates: set(scheduling_gates.convert(&at.field("scheduling_gates"))),
            resource_claims: set(resource_claims.convert(&at.field("resource_claims"))),
            ..PodSpec::default()
        }
    }
}

impl Convert for wire::PodDnsConfig {
    type To = PodDNSConfig;

    fn convert(self, at: &At<'_>) -> PodDNSConfig {
        let Self {
            name_servers,
            searches,
            options,
        } = self;
        PodDNSConfig {
            nameservers: set(name_servers),
            searches: set(searches),
            options: set(options.convert(&at.field("options"))),
        }
    }
}

impl Convert for wire::PodDnsConfigOption {
    type To = PodDNSConfigOption;

    fn convert(self, _: &At<'_>) -> PodDNSConfigOption {
        let Self { name, value } = self;
        PodDNSConfigOption {
            name: set(name),
            value: set(value),
        }
    }
}

impl Convert for wire::HostAlias {
    type To = HostAlias;

    fn convert(self, _: &At<'_>) -> HostAlias {
        let Self { ip, host_names } = self;
        HostAlias {
            ip,
            hostnames: set(host_names),
        }
    }
}

impl Convert for wire::PodReadinessGate {
    type To = PodReadinessGate;

    fn convert(self, at: &At<'_>) -> PodReadinessGate {
        let Self { condition_type } = self;
        PodReadinessGate {
            condition_type: required::<wire::PodConditionType>(condition_type, &at.field("condition_type")),
        }
    }
}

impl Convert for wire::PodSchedulingGate {
    type To = PodSchedulingGate;

    fn convert(self, _: &At<'_>) -> PodSchedulingGate {
        let Self { name } = self;
        PodSchedulingGate { name }
    }
}

impl Convert for wire::PodOs {
    type To = PodOS;

    fn convert(self, _: &At<'_>) -> PodOS {
        let Self { name } = self;
        PodOS { name }
    }
}

impl Convert for wire::PodResourceClaim {
    type To = PodResourceClaim;

    /// Since Kubernetes 1.31 what was under `source` stands beside the name.
    fn convert(self, _: &At<'_>) -> PodResourceClaim {
        let Self { name, source } = self;
        let wire::ClaimSource {
            resource_claim_name,
            resource_claim_template_name,
        } = source.unwrap_or_default();
        PodResourceClaim {
            name,
            resource_claim_name,
            resource_claim_template_name,
        }
    }
}
