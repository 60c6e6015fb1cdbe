//! Containers and ephemeral containers.

use super::convert::{At, Convert, convert_fields, set};
use crate::operator::wire;
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, ContainerResizePolicy, EphemeralContainer, ResourceClaim, ResourceRequirements,
    VolumeDevice,
};

convert_fields! {
    Container => Container {
        name, image: set, command: set, args: set, working_dir: set, ports: list, env_from: list,
        env: list, resources: part, resize_policy: list,
        restart_policy: named(ContainerRestartPolicy), volume_mounts: list, volume_devices: list,
        liveness_probe: part, readiness_probe: part, startup_probe: part,
        life_cycle as lifecycle: part, termination_message_path: set,
        termination_message_policy: named(TerminationMessagePolicy),
        image_pull_policy: named(PullPolicy), security_context: part, stdin: set, stdin_once: set,
        tty: set,
        ..rest
    }
    EphemeralContainerCommon => EphemeralContainer {
        name, image: set, command: set, args: set, working_dir: set, ports: list, env_from: list,
        env: list, resources: part, resize_policy: list,
        restart_policy: named(ContainerRestartPolicy), volume_mounts: list, volume_devices: list,
        readiness_probe: part, life_cycle as lifecycle: part, termination_message_path: set,
        termination_message_policy: named(TerminationMessagePolicy),
        image_pull_policy: named(PullPolicy), security_context: part, stdin: set, stdin_once: set,
        tty: set,
        ..rest
    }
    ContainerPort => ContainerPort {
        name: set, host_port: set, container_port, protocol: named(Protocol), host_ip: set,
    }
    VolumeDevice => VolumeDevice { device_path, name }
    ResourceRequirements => ResourceRequirements { limits: list, requests: list, claims: list }
    ResourceClaim => ResourceClaim { name, ..absent(request) }
    ContainerResizePolicy => ContainerResizePolicy {
        resource_name, restart_policy: required(ResourceResizeRestartPolicy),
    }
}

impl Convert for wire::EphemeralContainer {
    type To = EphemeralContainer;

    fn convert(self, at: &At<'_>) -> EphemeralContainer {
        let Self {
            ephemeral_container_common,
            target_container_name,
        } = self;
        EphemeralContainer {
            target_container_name: set(target_container_name),
            ..ephemeral_container_common
                .unwrap_or_default()
                .convert(&at.field("ephemeral_container_common"))
        }
    }
}
