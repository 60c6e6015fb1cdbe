//! The kinds that further objects of a template set may have, of which an admin allows some.

use std::{fmt, str::FromStr};

/// A kind of further object (`ALLOWED_EXTRA_KINDS`). All have a namespace, so that the driver Pod can own them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ExtraKind {
    ConfigMap,
    Ingress,
    NetworkPolicy,
    PersistentVolumeClaim,
    PodDisruptionBudget,
    Secret,
    Service,
}

impl ExtraKind {
    /// All that there are.
    pub const ALL: [Self; 7] = [
        Self::ConfigMap,
        Self::Ingress,
        Self::NetworkPolicy,
        Self::PersistentVolumeClaim,
        Self::PodDisruptionBudget,
        Self::Secret,
        Self::Service,
    ];

    /// Its name, as under `kind`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Ingress => "Ingress",
            Self::NetworkPolicy => "NetworkPolicy",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::Secret => "Secret",
            Self::Service => "Service",
        }
    }

    /// The names of these kinds, as they are listed in messages.
    pub(crate) fn names(kinds: &[Self]) -> String {
        let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
        names.join(", ")
    }
}

impl fmt::Display for ExtraKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ExtraKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("allowed is {}", Self::names(&Self::ALL)))
    }
}
