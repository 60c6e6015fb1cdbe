//! Kubernetes' rules: names, quantities, what its API server refuses, patches, differences, and YAML.

/// The version of Kubernetes whose types fields are checked by: that of k8s-openapi's feature in Cargo.toml.
pub(crate) const TYPES_VERSION: &str = "1.37";

pub(crate) mod annotations;
pub(crate) mod at;
pub(crate) mod closed_kinds;
mod diff;
mod finding;
pub(crate) mod grammar;
pub(crate) mod kinds;
mod nulls;
pub(crate) mod patch;
mod pod_fields;
mod pod_group;
mod quantity;
pub(crate) mod rules;
mod shape;
pub(crate) mod write;

pub use diff::{Difference, differences};
pub use finding::{Finding, Findings, Subject};
pub use kinds::{CustomKind, KnownKind, ObjectKind};
pub use pod_group::PodGroup;
pub use write::{to_documents, to_json_list, to_yaml};

pub(crate) use diff::{ASSIGNED_BY_SERVER, ITEM_KEYS};
pub(crate) use nulls::drop_nulls;
pub(crate) use pod_fields::{append, extend, within_limits};
pub(crate) use quantity::Quantity;
pub(crate) use rules::A_VOLUME;
pub(crate) use shape::{Fields, Scalar, Shape};
