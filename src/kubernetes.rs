//! Kubernetes' rules: names, quantities, what its API server refuses, patches, differences, and YAML.

pub(crate) mod annotations;
pub(crate) mod at;
mod diff;
mod extra_kind;
mod finding;
pub(crate) mod grammar;
mod nulls;
pub(crate) mod patch;
mod pod_fields;
mod quantity;
pub(crate) mod rules;
pub(crate) mod write;

pub use diff::{Difference, differences};
pub use extra_kind::{CustomKind, ExtraKind};
pub use finding::{Finding, Findings, Subject};
pub use write::{to_documents, to_json_list, to_yaml};

pub(crate) use diff::ASSIGNED_BY_SERVER;
pub(crate) use nulls::drop_nulls;
pub(crate) use pod_fields::{append, extend, within_limits};
pub(crate) use quantity::Quantity;
