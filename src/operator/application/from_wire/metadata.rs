//! `ObjectMeta`.

use super::convert::{Convert, MessagePlace, convert_fields};
use crate::{finding::expected, operator::wire};
use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta, OwnerReference, Time},
    jiff::Timestamp,
};
use serde_json::Value;

convert_fields! {
    ObjectMeta => ObjectMeta {
        name: set, generate_name: set, namespace: set, self_link: set, uid: set,
        resource_version: set, generation: set, creation_timestamp: via(time),
        deletion_timestamp: via(time), deletion_grace_period_seconds, labels: set, annotations: set,
        owner_references: list, finalizers: set, managed_fields: list,
    }
    OwnerReference => OwnerReference {
        api_version, kind, name, uid, controller, block_owner_deletion,
    }
    ManagedFieldsEntry => ManagedFieldsEntry {
        manager: set, operation: named(ManagedFieldsOperationType), api_version: set,
        my_time as time: via(time), fields_type: set, fields_v1: part,
        sub_resource as subresource: set,
    }
}

fn time(timestamp: Option<prost_types::Timestamp>, at: &MessagePlace<'_>) -> Option<Time> {
    let prost_types::Timestamp { seconds, nanos } = timestamp?;
    Timestamp::new(seconds, nanos)
        .inspect_err(|_| at.problem(expected("a point in time").kind("one out of range")))
        .ok()
        .map(Time)
}

impl Convert for wire::FieldsV1 {
    type To = FieldsV1;

    /// Nothing reads managed fields, so what isn't JSON is kept as text rather than refused.
    fn convert(self, _: &MessagePlace<'_>) -> FieldsV1 {
        let Self { raw } = self;
        FieldsV1(serde_json::from_str(&raw).unwrap_or(Value::String(raw)))
    }
}
