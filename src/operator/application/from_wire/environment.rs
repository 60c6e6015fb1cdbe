//! Environment variables and what they refer to.

use super::convert::{At, Convert, set};
use crate::operator::wire;
use k8s_openapi::api::core::v1::{
    ConfigMapEnvSource, ConfigMapKeySelector, EnvFromSource, EnvVar, EnvVarSource, LocalObjectReference,
    ObjectFieldSelector, ResourceFieldSelector, SecretEnvSource, SecretKeySelector,
};

impl Convert for wire::EnvVar {
    type To = EnvVar;

    fn convert(self, at: &At<'_>) -> EnvVar {
        let Self {
            name,
            value,
            value_from,
        } = self;
        EnvVar {
            name,
            value: set(value),
            value_from: value_from.convert(&at.field("value_from")),
        }
    }
}

impl Convert for wire::EnvVarSource {
    type To = EnvVarSource;

    fn convert(self, at: &At<'_>) -> EnvVarSource {
        let Self {
            field_ref,
            resource_field_ref,
            config_map_key_ref,
            secret_key_ref,
        } = self;
        EnvVarSource {
            field_ref: field_ref.convert(&at.field("field_ref")),
            resource_field_ref: resource_field_ref.convert(&at.field("resource_field_ref")),
            config_map_key_ref: config_map_key_ref.convert(&at.field("config_map_key_ref")),
            secret_key_ref: secret_key_ref.convert(&at.field("secret_key_ref")),
            ..EnvVarSource::default()
        }
    }
}

impl Convert for wire::ObjectFieldSelector {
    type To = ObjectFieldSelector;

    fn convert(self, _: &At<'_>) -> ObjectFieldSelector {
        let Self {
            api_version,
            field_path,
        } = self;
        ObjectFieldSelector {
            api_version: set(api_version),
            field_path,
        }
    }
}

impl Convert for wire::ResourceFieldSelector {
    type To = ResourceFieldSelector;

    fn convert(self, at: &At<'_>) -> ResourceFieldSelector {
        let Self {
            container_name,
            resource,
            divisor,
        } = self;
        ResourceFieldSelector {
            container_name: set(container_name),
            resource,
            divisor: divisor.convert(&at.field("divisor")),
        }
    }
}

impl Convert for wire::ConfigMapKeySelector {
    type To = ConfigMapKeySelector;

    fn convert(self, _: &At<'_>) -> ConfigMapKeySelector {
        let Self {
            local_object_reference,
            key,
            optional,
        } = self;
        ConfigMapKeySelector {
            name: name_of(local_object_reference),
            key,
            optional,
        }
    }
}

impl Convert for wire::SecretKeySelector {
    type To = SecretKeySelector;

    fn convert(self, _: &At<'_>) -> SecretKeySelector {
        let Self {
            local_object_reference,
            key,
            optional,
        } = self;
        SecretKeySelector {
            name: name_of(local_object_reference),
            key,
            optional,
        }
    }
}

impl Convert for wire::EnvFromSource {
    type To = EnvFromSource;

    fn convert(self, at: &At<'_>) -> EnvFromSource {
        let Self {
            prefix,
            config_map_ref,
            secret_ref,
        } = self;
        EnvFromSource {
            prefix: set(prefix),
            config_map_ref: config_map_ref.convert(&at.field("config_map_ref")),
            secret_ref: secret_ref.convert(&at.field("secret_ref")),
        }
    }
}

impl Convert for wire::ConfigMapEnvSource {
    type To = ConfigMapEnvSource;

    fn convert(self, _: &At<'_>) -> ConfigMapEnvSource {
        let Self {
            local_object_reference,
            optional,
        } = self;
        ConfigMapEnvSource {
            name: name_of(local_object_reference),
            optional,
        }
    }
}

impl Convert for wire::SecretEnvSource {
    type To = SecretEnvSource;

    fn convert(self, _: &At<'_>) -> SecretEnvSource {
        let Self {
            local_object_reference,
            optional,
        } = self;
        SecretEnvSource {
            name: name_of(local_object_reference),
            optional,
        }
    }
}

impl Convert for wire::LocalObjectReference {
    type To = LocalObjectReference;

    fn convert(self, _: &At<'_>) -> LocalObjectReference {
        let Self { name } = self;
        LocalObjectReference { name }
    }
}

/// Kubernetes inlines the reference.
fn name_of(reference: Option<wire::LocalObjectReference>) -> String {
    let wire::LocalObjectReference { name } = reference.unwrap_or_default();
    name
}
