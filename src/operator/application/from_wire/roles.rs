//! `DriverSpec`, `ExecutorSpec`, and what they have in common.

use super::convert::{At, Convert, set, typed};
use crate::{
    finding::expected,
    operator::{
        application::{DriverSpec, ExecutorSpec, GpuSpec, NamePath, Port, SecretInfo, SparkPodSpec},
        wire,
    },
};
use std::collections::BTreeMap;

impl Convert for wire::DriverSpec {
    type To = DriverSpec;

    fn convert(self, at: &At<'_>) -> DriverSpec {
        let Self {
            spark_pod_spec,
            pod_name,
            core_request,
            java_options,
            life_cycle,
            kubernetes_master,
            service_annotations,
            service_labels,
            ports,
            priority_class_name,
        } = self;
        DriverSpec {
            pod_name,
            core_request,
            java_options,
            lifecycle: life_cycle.convert(&at.field("life_cycle")),
            kubernetes_master,
            service_annotations,
            service_labels,
            ports: ports.convert(&at.field("ports")),
            priority_class_name,
            pod: spark_pod_spec
                .unwrap_or_default()
                .convert(&at.field("spark_pod_spec")),
        }
    }
}

impl Convert for wire::ExecutorSpec {
    type To = ExecutorSpec;

    fn convert(self, at: &At<'_>) -> ExecutorSpec {
        let Self {
            spark_pod_spec,
            instances,
            core_request,
            java_options,
            life_cycle,
            delete_on_termination,
            ports,
            priority_class_name,
        } = self;
        ExecutorSpec {
            instances,
            core_request,
            java_options,
            lifecycle: life_cycle.convert(&at.field("life_cycle")),
            delete_on_termination,
            ports: ports.convert(&at.field("ports")),
            priority_class_name,
            pod: spark_pod_spec
                .unwrap_or_default()
                .convert(&at.field("spark_pod_spec")),
        }
    }
}

impl Convert for wire::SparkPodSpec {
    type To = SparkPodSpec;

    fn convert(self, at: &At<'_>) -> SparkPodSpec {
        let Self {
            template,
            cores,
            core_limit,
            memory,
            memory_overhead,
            gpu,
            image,
            configmaps,
            secrets,
            env,
            env_vars,
            env_from,
            labels,
            annotations,
            volume_mounts,
            affinity,
            tolerations,
            pod_security_context,
            security_context,
            scheduler_name,
            sidecars,
            init_containers,
            host_network,
            node_selector,
            dns_config,
            termination_grace_period_seconds,
            service_account,
            host_aliases,
            share_process_namespace,
        } = self;
        SparkPodSpec {
            template: template.and_then(|template| template.convert(&at.field("template"))),
            cores,
            core_limit: set(core_limit),
            memory: set(memory),
            memory_overhead: set(memory_overhead),
            gpu: gpu.convert(&at.field("gpu")),
            image: set(image),
            config_maps: configmaps.convert(&at.field("configmaps")),
            secrets: secrets.convert(&at.field("secrets")),
            env: env.convert(&at.field("env")),
            env_vars,
            env_from: env_from.convert(&at.field("env_from")),
            labels,
            annotations,
            volume_mounts: volume_mounts.convert(&at.field("volume_mounts")),
            affinity: affinity.convert(&at.field("affinity")),
            tolerations: tolerations.convert(&at.field("tolerations")),
            pod_security_context: pod_security_context.convert(&at.field("pod_security_context")),
            security_context: security_context.convert(&at.field("security_context")),
            scheduler_name,
            sidecars: sidecars.convert(&at.field("sidecars")),
            init_containers: init_containers.convert(&at.field("init_containers")),
            host_network,
            node_selector,
            dns_config: dns_config.convert(&at.field("dns_config")),
            termination_grace_period_seconds: set(termination_grace_period_seconds),
            service_account,
            host_aliases: host_aliases.convert(&at.field("host_aliases")),
            share_process_namespace,
            // The messages don't have these.
            memory_limit: None,
            env_secret_key_refs: BTreeMap::new(),
        }
    }
}

impl Convert for wire::GpuSpec {
    type To = GpuSpec;

    fn convert(self, _: &At<'_>) -> GpuSpec {
        let Self { name, quantity } = self;
        GpuSpec { name, quantity }
    }
}

impl Convert for wire::NamePath {
    type To = NamePath;

    fn convert(self, _: &At<'_>) -> NamePath {
        let Self { name, path } = self;
        NamePath { name, path }
    }
}

impl Convert for wire::SecretInfo {
    type To = SecretInfo;

    fn convert(self, at: &At<'_>) -> SecretInfo {
        let Self { name, path, r#type } = self;
        SecretInfo {
            name,
            path,
            secret_type: typed::<wire::SecretType, _>(r#type, &at.field("type")),
        }
    }
}

impl Convert for wire::Ports {
    type To = Port;

    fn convert(self, at: &At<'_>) -> Port {
        let Self {
            name,
            protocol,
            container_port,
        } = self;
        let number = container_port.parse().unwrap_or_else(|_| {
            at.field("container_port")
                .problem(expected("a port number").shown(&container_port));
            0
        });
        Port {
            name,
            protocol,
            container_port: number,
        }
    }
}
