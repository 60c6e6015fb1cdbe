//! `ObjectMeta`.

use super::convert::{At, Convert, named, set};
use crate::{finding::expected, operator::wire};
use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta, OwnerReference, Time},
    jiff::Timestamp,
};
use serde_json::Value;

impl Convert for wire::ObjectMeta {
    type To = ObjectMeta;

    fn convert(self, at: &At<'_>) -> ObjectMeta {
        let Self {
            name,
            generate_name,
            namespace,
            self_link,
            uid,
            resource_version,
            generation,
            creation_timestamp,
            deletion_timestamp,
            deletion_grace_period_seconds,
            labels,
            annotations,
            owner_references,
            finalizers,
            managed_fields,
        } = self;
        ObjectMeta {
            name: set(name),
            generate_name: set(generate_name),
            namespace: set(namespace),
            self_link: set(self_link),
            uid: set(uid),
            resource_version: set(resource_version),
            generation: set(generation),
            creation_timestamp: time(creation_timestamp, &at.field("creation_timestamp")),
            deletion_timestamp: time(deletion_timestamp, &at.field("deletion_timestamp")),
            deletion_grace_period_seconds,
            labels: set(labels),
            annotations: set(annotations),
            owner_references: set(owner_references.convert(&at.field("owner_references"))),
            finalizers: set(finalizers),
            managed_fields: set(managed_fields.convert(&at.field("managed_fields"))),
        }
    }
}

fn time(timestamp: Option<prost_types::Timestamp>, at: &At<'_>) -> Option<Time> {
    let prost_types::Timestamp { seconds, nanos } = timestamp?;
    Timestamp::new(seconds, nanos)
        .inspect_err(|_| at.problem(expected("a point in time").kind("one out of range")))
        .ok()
        .map(Time)
}

impl Convert for wire::OwnerReference {
    type To = OwnerReference;

    fn convert(self, _: &At<'_>) -> OwnerReference {
        let Self {
            api_version,
            kind,
            name,
            uid,
            controller,
            block_owner_deletion,
        } = self;
        OwnerReference {
            api_version,
            kind,
            name,
            uid,
            controller,
            block_owner_deletion,
        }
    }
}

impl Convert for wire::ManagedFieldsEntry {
    type To = ManagedFieldsEntry;

    fn convert(self, at: &At<'_>) -> ManagedFieldsEntry {
        let Self {
            manager,
            operation,
            api_version,
            my_time,
            fields_type,
            fields_v1,
            sub_resource,
        } = self;
        ManagedFieldsEntry {
            manager: set(manager),
            operation: named::<wire::ManagedFieldsOperationType>(operation, &at.field("operation")),
            api_version: set(api_version),
            time: time(my_time, &at.field("my_time")),
            fields_type: set(fields_type),
            fields_v1: fields_v1.convert(&at.field("fields_v1")),
            subresource: set(sub_resource),
        }
    }
}

impl Convert for wire::FieldsV1 {
    type To = FieldsV1;

    /// Nothing reads managed fields, so what isn't JSON is kept as text rather than refused.
    fn convert(self, _: &At<'_>) -> FieldsV1 {
        let Self { raw } = self;
        FieldsV1(serde_json::from_str(&raw).unwrap_or(Value::String(raw)))
    }
}
