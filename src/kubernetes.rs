//! Kubernetes' rules: names, quantities, what its API server refuses, patches, differences, and YAML.

pub(crate) mod at;
mod diff;
mod extra_kind;
mod finding;
pub(crate) mod grammar;
pub(crate) mod patch;
mod pod_fields;
mod quantity;
pub(crate) mod rules;
pub(crate) mod write;

pub use diff::{Difference, differences};
pub use extra_kind::{CustomKind, ExtraKind};
pub use finding::{Finding, Findings, Subject};
pub use write::{to_documents, to_json_list, to_yaml};

pub(crate) use diff::{ASSIGNED_BY_SERVER, ITEM_KEYS};
pub(crate) use pod_fields::{append, extend, within_limits};
pub(crate) use quantity::Quantity;
pub(crate) use rules::A_VOLUME;
