//! What driver and executors have in common.

use super::record::{inlined_record, record};
use k8s_openapi::api::core::v1::{
    Affinity, Container, EnvFromSource, EnvVar, HostAlias, PodDNSConfig, PodSecurityContext, SecurityContext,
    Toleration, VolumeMount,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

inlined_record! {
    /// What driver and executors have in common. The conf keys are given for the driver; those of the executors
    /// have `executor` in its place.
    pub struct SparkPodSpec {
        /// A pod template, from Spark 3.0. Kept as it was given, because the CRD takes any field here; it is
        /// checked against Kubernetes' `PodTemplateSpec` when the application is read.
        template: Option<Value> = "template",
        /// `spark.driver.cores`.
        cores: Option<i32> = "cores",
        /// A Kubernetes quantity: `spark.kubernetes.driver.limit.cores`.
        core_limit: Option<String> = "coreLimit",
        /// In Java's units, such as `512m` or `2g`: `spark.driver.memory`.
        memory: Option<String> = "memory",
        /// In Java's units or a Kubernetes quantity: the Spark container's memory limit.
        memory_limit: Option<String> = "memoryLimit",
        /// In Java's units: `spark.driver.memoryOverhead`.
        memory_overhead: Option<String> = "memoryOverhead",
        /// GPUs.
        gpu: Option<GpuSpec> = "gpu",
        /// The image; else `spec.image`: `spark.kubernetes.driver.container.image`.
        image: Option<String> = "image",
        /// `ConfigMap`s to mount.
        config_maps: Vec<NamePath> = "configMaps",
        /// Secrets to mount: `spark.kubernetes.driver.secrets.*`.
        secrets: Vec<SecretInfo> = "secrets",
        /// The environment.
        env: Vec<EnvVar> = "env",
        /// The environment in its deprecated form: `spark.kubernetes.driverEnv.*`, `spark.executorEnv.*`.
        env_vars: BTreeMap<String, String> = "envVars",
        /// `ConfigMap`s and Secrets as environment.
        env_from: Vec<EnvFromSource> = "envFrom",
        /// Keys of Secrets as environment, deprecated: `spark.kubernetes.driver.secretKeyRef.*`.
        env_secret_key_refs: BTreeMap<String, NameKey> = "envSecretKeyRefs",
        /// Labels of the Pod: `spark.kubernetes.driver.label.*`.
        labels: BTreeMap<String, String> = "labels",
        /// Annotations of the Pod: `spark.kubernetes.driver.annotation.*`.
        annotations: BTreeMap<String, String> = "annotations",
        /// Mounts of `spec.volumes`.
        volume_mounts: Vec<VolumeMount> = "volumeMounts",
        /// Node and pod affinity.
        affinity: Option<Affinity> = "affinity",
        /// Tolerations.
        tolerations: Vec<Toleration> = "tolerations",
        /// The Pod's security context.
        pod_security_context: Option<PodSecurityContext> = "podSecurityContext",
        /// The Spark container's security context.
        security_context: Option<SecurityContext> = "securityContext",
        /// The scheduler, where `spec.batchScheduler` names none.
        scheduler_name: Option<String> = "schedulerName",
        /// Containers beside the Spark container.
        sidecars: Vec<Container> = "sidecars",
        /// Containers before the Spark container.
        init_containers: Vec<Container> = "initContainers",
        /// Whether the Pod uses its node's network.
        host_network: Option<bool> = "hostNetwork",
        /// Node labels that the Pod needs. Not together with `spec.nodeSelector`.
        node_selector: BTreeMap<String, String> = "nodeSelector",
        /// DNS.
        dns_config: Option<PodDNSConfig> = "dnsConfig",
        /// Seconds.
        termination_grace_period_seconds: Option<i64> = "terminationGracePeriodSeconds",
        /// `spark.kubernetes.authenticate.driver.serviceAccountName`.
        service_account: Option<String> = "serviceAccount",
        /// Entries of `/etc/hosts`.
        host_aliases: Vec<HostAlias> = "hostAliases",
        /// Whether the containers of the Pod see each other's processes.
        share_process_namespace: Option<bool> = "shareProcessNamespace",
    }
}

record! {
    /// GPUs of one kind.
    pub struct GpuSpec {
        /// The resource, such as `nvidia.com/gpu`.
        name: String = "name",
        /// How many.
        quantity: i64 = "quantity",
    }

    /// Something to mount.
    pub struct NamePath {
        /// Its name.
        name: String = "name",
        /// Where to mount it.
        path: String = "path",
    }

    /// A key of a Secret.
    pub struct NameKey {
        /// The Secret.
        name: String = "name",
        /// The key in it.
        key: String = "key",
    }

    /// A Secret to mount.
    pub struct SecretInfo {
        /// The Secret.
        name: String = "name",
        /// Where to mount it.
        path: String = "path",
        /// What is in it; absent is the same as [`SecretType::Generic`].
        secret_type: Option<SecretType> = "secretType",
    }
}

/// What is in a Secret, and so which environment variable points at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum SecretType {
    /// `GOOGLE_APPLICATION_CREDENTIALS` is its file `key.json`.
    GcpServiceAccount,
    /// `HADOOP_TOKEN_FILE_LOCATION` is its file `hadoop.token`.
    HadoopDelegationToken,
    /// Nothing points at it.
    Generic,
    /// Another name: the CRD takes any, and nothing points at it.
    Other(String),
}

impl SecretType {
    /// The name in JSON.
    pub fn name(&self) -> &str {
        match self {
            Self::GcpServiceAccount => "GCPServiceAccount",
            Self::HadoopDelegationToken => "HadoopDelegationToken",
            Self::Generic => "Generic",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for SecretType {
    fn from(name: String) -> Self {
        [
            Self::GcpServiceAccount,
            Self::HadoopDelegationToken,
            Self::Generic,
        ]
        .into_iter()
        .find(|known| known.name() == name)
        .unwrap_or(Self::Other(name))
    }
}

impl From<SecretType> for String {
    fn from(kind: SecretType) -> Self {
        kind.name().to_owned()
    }
}
