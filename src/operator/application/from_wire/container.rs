//! Containers and ephemeral containers.

use super::convert::{At, Convert, named, required, set};
use crate::operator::wire;
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, ContainerResizePolicy, EphemeralContainer, ResourceClaim, ResourceRequirements,
    VolumeDevice,
};

impl Convert for wire::Container {
    type To = Container;

    fn convert(self, at: &At<'_>) -> Container {
        let Self {
            name,
            image,
            command,
            args,
            working_dir,
            ports,
            env_from,
            env,
            resources,
            resize_policy,
            restart_policy,
            volume_mounts,
            volume_devices,
            liveness_probe,
            readiness_probe,
            startup_probe,
            life_cycle,
            termination_message_path,
            termination_message_policy,
            image_pull_policy,
            security_context,
            stdin,
            stdin_once,
            tty,
        } = self;
        Container {
            name,
            image: set(image),
            command: set(command),
            args: set(args),
            working_dir: set(working_dir),
            ports: set(ports.convert(&at.field("ports"))),
            env_from: set(env_from.convert(&at.field("env_from"))),
            env: set(env.convert(&at.field("env"))),
            resources: resources.convert(&at.field("resources")),
            resize_policy: set(resize_policy.convert(&at.field("resize_policy"))),
            restart_policy: named::<wire::ContainerRestartPolicy>(
                restart_policy,
                &at.field("restart_policy"),
            ),
            volume_mounts: set(volume_mounts.convert(&at.field("volume_mounts"))),
            volume_devices: set(volume_devices.convert(&at.field("volume_devices"))),
            liveness_probe: liveness_probe.convert(&at.field("liveness_probe")),
            readiness_probe: readiness_probe.convert(&at.field("readiness_probe")),
            startup_probe: startup_probe.convert(&at.field("startup_probe")),
            lifecycle: life_cycle.convert(&at.field("life_cycle")),
            termination_message_path: set(termination_message_path),
            termination_message_policy: named::<wire::TerminationMessagePolicy>(
                termination_message_policy,
                &at.field("termination_message_policy"),
            ),
            image_pull_policy: named::<wire::PullPolicy>(image_pull_policy, &at.field("image_pull_policy")),
            security_context: security_context.convert(&at.field("security_context")),
            stdin: set(stdin),
            stdin_once: set(stdin_once),
            tty: set(tty),
            ..Container::default()
        }
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

impl Convert for wire::EphemeralContainerCommon {
    type To = EphemeralContainer;

    fn convert(self, at: &At<'_>) -> EphemeralContainer {
        let Self {
            name,
            image,
            command,
            args,
            working_dir,
            ports,
            env_from,
            env,
            resources,
            resize_policy,
            restart_policy,
            volume_mounts,
            volume_devices,
            readiness_probe,
            life_cycle,
            termination_message_path,
            termination_message_policy,
            image_pull_policy,
            security_context,
            stdin,
            stdin_once,
            tty,
        } = self;
        EphemeralContainer {
            name,
            image: set(image),
            command: set(command),
            args: set(args),
            working_dir: set(working_dir),
            ports: set(ports.convert(&at.field("ports"))),
            env_from: set(env_from.convert(&at.field("env_from"))),
            env: set(env.convert(&at.field("env"))),
            resources: resources.convert(&at.field("resources")),
            resize_policy: set(resize_policy.convert(&at.field("resize_policy"))),
            restart_policy: named::<wire::ContainerRestartPolicy>(
                restart_policy,
                &at.field("restart_policy"),
            ),
            volume_mounts: set(volume_mounts.convert(&at.field("volume_mounts"))),
            volume_devices: set(volume_devices.convert(&at.field("volume_devices"))),
            readiness_probe: readiness_probe.convert(&at.field("readiness_probe")),
            lifecycle: life_cycle.convert(&at.field("life_cycle")),
            termination_message_path: set(termination_message_path),
            termination_message_policy: named::<wire::TerminationMessagePolicy>(
                termination_message_policy,
                &at.field("termination_message_policy"),
            ),
            image_pull_policy: named::<wire::PullPolicy>(image_pull_policy, &at.field("image_pull_policy")),
            security_context: security_context.convert(&at.field("security_context")),
            stdin: set(stdin),
            stdin_once: set(stdin_once),
            tty: set(tty),
            ..EphemeralContainer::default()
        }
    }
}

impl Convert for wire::ContainerPort {
    type To = ContainerPort;

    fn convert(self, at: &At<'_>) -> ContainerPort {
        let Self {
            name,
            host_port,
            container_port,
            protocol,
            host_ip,
        } = self;
        ContainerPort {
            name: set(name),
            host_port: set(host_port),
            container_port,
            protocol: named::<wire::Protocol>(protocol, &at.field("protocol")),
            host_ip: set(host_ip),
        }
    }
}

impl Convert for wire::VolumeDevice {
    type To = VolumeDevice;

    fn convert(self, _: &At<'_>) -> VolumeDevice {
        let Self { name, device_path } = self;
        VolumeDevice { device_path, name }
    }
}

impl Convert for wire::ResourceRequirements {
    type To = ResourceRequirements;

    fn convert(self, at: &At<'_>) -> ResourceRequirements {
        let Self {
            limits,
            requests,
            claims,
        } = self;
        ResourceRequirements {
            limits: set(limits.convert(&at.field("limits"))),
            requests: set(requests.convert(&at.field("requests"))),
            claims: set(claims.convert(&at.field("claims"))),
        }
    }
}

impl Convert for wire::ResourceClaim {
    type To = ResourceClaim;

    fn convert(self, _: &At<'_>) -> ResourceClaim {
        let Self { name } = self;
        ResourceClaim { name, request: None }
    }
}

impl Convert for wire::ContainerResizePolicy {
    type To = ContainerResizePolicy;

    fn convert(self, at: &At<'_>) -> ContainerResizePolicy {
        let Self {
            resource_name,
            restart_policy,
        } = self;
        ContainerResizePolicy {
            resource_name,
            restart_policy: required::<wire::ResourceResizeRestartPolicy>(
                restart_policy,
                &at.field("restart_policy"),
            ),
        }
    }
}
