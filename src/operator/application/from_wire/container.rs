//! Containers and ephemeral containers, their environment, and security contexts.

use super::convert::{MessagePlace, convert_fields};
use crate::operator::wire;
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapEnvSource, ConfigMapKeySelector, Container, ContainerPort, ContainerResizePolicy,
    EnvFromSource, EnvVar, EnvVarSource, EphemeralContainer, LocalObjectReference, ObjectFieldSelector,
    PodSecurityContext, ResourceClaim, ResourceFieldSelector, ResourceRequirements, SELinuxOptions,
    SeccompProfile, SecretEnvSource, SecretKeySelector, SecurityContext, Sysctl, VolumeDevice,
    WindowsSecurityContextOptions,
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
    EphemeralContainer => EphemeralContainer { target_container_name: set, ephemeral_container_common: rest }
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

    EnvVar => EnvVar { name, value: set, value_from: part }
    EnvVarSource => EnvVarSource {
        field_ref: part, resource_field_ref: part, config_map_key_ref: part, secret_key_ref: part,
        ..rest
    }
    ObjectFieldSelector => ObjectFieldSelector { api_version: set, field_path }
    ResourceFieldSelector => ResourceFieldSelector { container_name: set, resource, divisor: part }
    ConfigMapKeySelector => ConfigMapKeySelector {
        local_object_reference as name: via(name_of), key, optional,
    }
    SecretKeySelector => SecretKeySelector {
        local_object_reference as name: via(name_of), key, optional,
    }
    EnvFromSource => EnvFromSource { prefix: set, config_map_ref: part, secret_ref: part }
    ConfigMapEnvSource => ConfigMapEnvSource {
        local_object_reference as name: via(name_of), optional,
    }
    SecretEnvSource => SecretEnvSource { local_object_reference as name: via(name_of), optional }
    LocalObjectReference => LocalObjectReference { name }

    PodSecurityContext => PodSecurityContext {
        se_linux_options: part, windows_security_context_options as windows_options: part,
        run_as_user, run_as_group, run_as_nonroot as run_as_non_root, supplemental_groups: set,
        fs_group, sys_ctl as sysctls: list, fs_group_change_policy: named(PodFsGroupChangePolicy),
        sec_comp_profile as seccomp_profile: part,
        ..rest
    }
    Sysctl => Sysctl { name, value }
    SecurityContext => SecurityContext {
        capabilities: part, privileged, se_linux_options: part,
        windows_security_context_options as windows_options: part, run_as_user, run_as_group,
        run_as_non_root, read_only_file_system as read_only_root_filesystem,
        allow_privilege_escalation, proc_mount: named(ProcMountType),
        sec_comp_profile as seccomp_profile: part,
        ..rest
    }
    Capabilities => Capabilities { add: set, drop: set }
    SeLinuxOptions => SELinuxOptions { user: set, role: set, r#type as type_: set, level: set }
    WindowsSecurityContextOptions => WindowsSecurityContextOptions {
        gmsa_credential_spec_name, gmsa_credential_spec, run_as_user_name, host_process,
    }
    SeccompProfile => SeccompProfile {
        r#type as type_: required(SeccompProfileType), local_host_profile as localhost_profile,
    }
}

/// Kubernetes inlines the reference.
fn name_of(reference: Option<wire::LocalObjectReference>, _: &MessagePlace<'_>) -> String {
    let wire::LocalObjectReference { name } = reference.unwrap_or_default();
    name
}
