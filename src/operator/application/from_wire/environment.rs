//! Environment variables and what they refer to.

use super::convert::{At, convert_fields};
use crate::operator::wire;
use k8s_openapi::api::core::v1::{
    ConfigMapEnvSource, ConfigMapKeySelector, EnvFromSource, EnvVar, EnvVarSource, LocalObjectReference,
    ObjectFieldSelector, ResourceFieldSelector, SecretEnvSource, SecretKeySelector,
};

convert_fields! {
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
}

/// Kubernetes inlines the reference.
fn name_of(reference: Option<wire::LocalObjectReference>, _: &At<'_>) -> String {
    let wire::LocalObjectReference { name } = reference.unwrap_or_default();
    name
}
