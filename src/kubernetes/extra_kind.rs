//! The kinds that further objects of a template set may have, of which an admin allows some.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A kind of further object (`ALLOWED_EXTRA_KINDS`). All have a namespace, so that the driver Pod can own them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ExtraKind {
    ConfigMap,
    Ingress,
    NetworkPolicy,
    PersistentVolumeClaim,
    PodDisruptionBudget,
    Secret,
    Service,
    Custom(CustomKind),
}

/// A kind that Kubernetes itself doesn't have, as its `CustomResourceDefinition` names it.
///
/// Written `KIND=PLURAL.GROUP/VERSION`: `ServiceMonitor=servicemonitors.monitoring.coreos.com/v1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CustomKind {
    /// `spec.names.kind`.
    pub kind: String,
    /// `spec.names.plural`.
    pub plural: String,
    /// `spec.group`.
    pub group: String,
    /// One of `spec.versions`.
    pub version: String,
}

impl CustomKind {
    /// Group and version, as under `apiVersion`.
    pub fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }
}

impl ExtraKind {
    /// All of Kubernetes' own that there are.
    pub const KNOWN: [Self; 7] = [
        Self::ConfigMap,
        Self::Ingress,
        Self::NetworkPolicy,
        Self::PersistentVolumeClaim,
        Self::PodDisruptionBudget,
        Self::Secret,
        Self::Service,
    ];

    /// Its name, as under `kind`.
    pub fn name(&self) -> &str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Ingress => "Ingress",
            Self::NetworkPolicy => "NetworkPolicy",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::Secret => "Secret",
            Self::Service => "Service",
            Self::Custom(custom) => &custom.kind,
        }
    }

    /// The names of these kinds, as they are listed in messages.
    pub(crate) fn names(kinds: &[Self]) -> String {
        let names: Vec<_> = kinds.iter().map(Self::name).collect();
        names.join(", ")
    }
}

/// As it is written in the setting.
impl fmt::Display for ExtraKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Custom(custom) => {
                let CustomKind {
                    kind,
                    plural,
                    group,
                    version,
                } = custom;
                write!(f, "{kind}={plural}.{group}/{version}")
            }
            known => f.write_str(known.name()),
        }
    }
}

impl FromStr for ExtraKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::KNOWN.into_iter().find(|kind| kind.name() == text);
        known.or_else(|| custom(text).map(Self::Custom)).ok_or_else(|| {
            format!(
                "allowed is {}, and a kind of a CustomResourceDefinition as KIND=PLURAL.GROUP/VERSION",
                Self::names(&Self::KNOWN)
            )
        })
    }
}

fn custom(text: &str) -> Option<CustomKind> {
    let (kind, resource) = text.split_once('=')?;
    let (name, version) = resource.split_once('/')?;
    let (plural, group) = name.split_once('.')?;
    let is_kind = kind.starts_with(|first: char| first.is_ascii_uppercase())
        && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_of_kubernetes = ExtraKind::KNOWN.iter().any(|known| known.name() == kind) || kind == "Pod";
    let parts = group.split('.').chain([plural, version]);
    // A group without a dot is Kubernetes' own: a template that makes a RoleBinding would hand out rights.
    let is_own = !group.contains('.') || group.ends_with(".k8s.io");
    let is_good = is_kind && !is_of_kubernetes && !is_own && parts.into_iter().all(is_label);
    is_good.then(|| CustomKind {
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        group: group.to_owned(),
        version: version.to_owned(),
    })
}

/// Whether it is a DNS label, and so a segment of a path that means only itself.
fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.bytes().all(|byte| plain(byte) || byte == b'-')
        && text.bytes().next().is_some_and(plain)
        && text.bytes().next_back().is_some_and(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_one_of_kubernetes_or_written_out() {
        let monitor = "ServiceMonitor=servicemonitors.monitoring.coreos.com/v1";
        for text in ["NetworkPolicy", "PodDisruptionBudget", monitor] {
            assert_eq!(text.parse::<ExtraKind>().unwrap().to_string(), text);
        }
        let kind: ExtraKind = monitor.parse().unwrap();
        let ExtraKind::Custom(custom) = kind else {
            panic!("{kind:?}")
        };
        assert_eq!(custom.api_version(), "monitoring.coreos.com/v1");
        for text in [
            "",
            "networkpolicy",
            "Pod",
            "RoleBinding",
            "RoleBinding=rolebindings.rbac.authorization.k8s.io/v1",
            "Job=jobs.batch/v1",
            "Secret=secrets.example.com/v1",
            "ServiceMonitor=servicemonitors",
            "ServiceMonitor=service/monitors.example.com/v1",
            "ServiceMonitor=servicemonitors.example.com/../v1",
            "ServiceMonitor=servicemonitors..example.com/v1",
        ] {
            assert!(text.parse::<ExtraKind>().is_err(), "{text}");
        }
    }
}
