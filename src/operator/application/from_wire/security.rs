//! Security contexts.

use super::convert::{At, Convert, named, required, set};
use crate::operator::wire;
use k8s_openapi::api::core::v1::{
    Capabilities, PodSecurityContext, SELinuxOptions, SeccompProfile, SecurityContext, Sysctl,
    WindowsSecurityContextOptions,
};

impl Convert for wire::PodSecurityContext {
    type To = PodSecurityContext;

    fn convert(self, at: &At<'_>) -> PodSecurityContext {
        let Self {
            se_linux_options,
            windows_security_context_options,
            run_as_user,
            run_as_group,
            run_as_nonroot,
            supplemental_groups,
            fs_group,
            sys_ctl,
            fs_group_change_policy,
            sec_comp_profile,
        } = self;
        PodSecurityContext {
            se_linux_options: se_linux_options.convert(&at.field("se_linux_options")),
            windows_options: windows_security_context_options
                .convert(&at.field("windows_security_context_options")),
            run_as_user,
            run_as_group,
            run_as_non_root: run_as_nonroot,
            supplemental_groups: set(supplemental_groups),
            fs_group,
            sysctls: set(sys_ctl.convert(&at.field("sys_ctl"))),
            fs_group_change_policy: named::<wire::PodFsGroupChangePolicy>(
                fs_group_change_policy,
                &at.field("fs_group_change_policy"),
            ),
            seccomp_profile: sec_comp_profile.convert(&at.field("sec_comp_profile")),
            ..PodSecurityContext::default()
        }
    }
}

impl Convert for wire::Sysctl {
    type To = Sysctl;

    fn convert(self, _: &At<'_>) -> Sysctl {
        let Self { name, value } = self;
        Sysctl { name, value }
    }
}

impl Convert for wire::SecurityContext {
    type To = SecurityContext;

    fn convert(self, at: &At<'_>) -> SecurityContext {
        let Self {
            capabilities,
            privileged,
            se_linux_options,
            windows_security_context_options,
            run_as_user,
            run_as_group,
            run_as_non_root,
            read_only_file_system,
            allow_privilege_escalation,
            proc_mount,
            sec_comp_profile,
        } = self;
        SecurityContext {
            capabilities: capabilities.convert(&at.field("capabilities")),
            privileged,
            se_linux_options: se_linux_options.convert(&at.field("se_linux_options")),
            windows_options: windows_security_context_options
                .convert(&at.field("windows_security_context_options")),
            run_as_user,
            run_as_group,
            run_as_non_root,
            read_only_root_filesystem: read_only_file_system,
            allow_privilege_escalation,
            proc_mount: named::<wire::ProcMountType>(proc_mount, &at.field("proc_mount")),
            seccomp_profile: sec_comp_profile.convert(&at.field("sec_comp_profile")),
            ..SecurityContext::default()
        }
    }
}

impl Convert for wire::Capabilities {
    type To = Capabilities;

    fn convert(self, _: &At<'_>) -> Capabilities {
        let Self { add, drop } = self;
        Capabilities {
            add: set(add),
            drop: set(drop),
        }
    }
}

impl Convert for wire::SeLinuxOptions {
    type To = SELinuxOptions;

    fn convert(self, _: &At<'_>) -> SELinuxOptions {
        let Self {
            user,
            role,
            r#type,
            level,
        } = self;
        SELinuxOptions {
            user: set(user),
            role: set(role),
            type_: set(r#type),
            level: set(level),
        }
    }
}

impl Convert for wire::WindowsSecurityContextOptions {
    type To = WindowsSecurityContextOptions;

    fn convert(self, _: &At<'_>) -> WindowsSecurityContextOptions {
        let Self {
            gmsa_credential_spec_name,
            gmsa_credential_spec,
            run_as_user_name,
            host_process,
        } = self;
        WindowsSecurityContextOptions {
            gmsa_credential_spec_name,
            gmsa_credential_spec,
            run_as_user_name,
            host_process,
        }
    }
}

impl Convert for wire::SeccompProfile {
    type To = SeccompProfile;

    fn convert(self, at: &At<'_>) -> SeccompProfile {
        let Self {
            r#type,
            local_host_profile,
        } = self;
        SeccompProfile {
            type_: required::<wire::SeccompProfileType>(r#type, &at.field("type")),
            localhost_profile: local_host_profile,
        }
    }
}
