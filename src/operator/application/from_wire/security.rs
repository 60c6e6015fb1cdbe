//! Security contexts.

use super::convert::convert_fields;
use k8s_openapi::api::core::v1::{
    Capabilities, PodSecurityContext, SELinuxOptions, SeccompProfile, SecurityContext, Sysctl,
    WindowsSecurityContextOptions,
};

convert_fields! {
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
