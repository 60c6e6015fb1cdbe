//! The decisions of one submission, made but not yet formatted: what the templates see.
//!
//! A [`DriverPlan`] is a public contract: its serialized form is the context of every template. Field names and
//! meanings change only with [`CONTEXT_VERSION`]. Where Kubernetes has a shape for a thing (an env entry, a
//! volume, a mount), the plan holds that shape as JSON, so that a template prints it through.

mod basic;
mod command;
mod config_map;
mod container;
mod credentials;
mod draft;
mod executor;
mod executor_template;
mod hadoop;
mod identity;
mod kerberos;
mod local_dirs;
mod network_policy;
mod placement;
mod pod;
mod resources;
mod secrets;
mod service;
mod steps;
#[cfg(test)]
mod tests;
mod volcano;
mod volumes;

pub(crate) use command::PROPERTIES_PATH;
pub use executor::{
    DRIVER_HOST, DRIVER_IP, ExecutorPod, ExecutorSource, GENERATED_SECRET, IMAGE_OF_CODE, NoExecutorPod,
    executor_pod,
};
pub(crate) use executor_template::{
    Loaded, MOUNT as EXECUTOR_TEMPLATE_MOUNT, carries_executor_template, loaded as loaded_executor_template,
};
pub use steps::plan;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The version of the template context. It grows when a field is removed or changes its meaning.
pub const CONTEXT_VERSION: u32 = 1;

/// Everything that is to be created for one submission. Templates see it as their context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DriverPlan {
    /// The version of this context, [`CONTEXT_VERSION`].
    pub context_version: u32,
    /// What is submitted, and as what.
    pub application: ApplicationPlan,
    /// The driver Pod, without its driver container.
    pub pod: PodPlan,
    /// The driver container, which comes last in the Pod's list.
    pub driver: ContainerPlan,
    /// The headless Service by which executors reach the driver; absent where the conf excludes that step.
    pub service: Option<ServicePlan>,
    /// The driver's `ConfigMap`: `spark.properties` and the files of `SPARK_CONF_DIR`.
    pub config_map: ConfigMapPlan,
    /// The effective Spark properties, as the driver reads them.
    #[schemars(extend("x-unit" = "as Spark writes each: `1g`, `30s`, `true`"))]
    pub properties: BTreeMap<String, String>,
    /// The executor pod template that the driver reads; absent where none was given.
    pub executor: Option<ExecutorPlan>,
    /// Further `ConfigMap`s that the driver mounts: Hadoop configuration, krb5.conf.
    pub config_maps: Vec<ConfigMapPlan>,
    /// Secrets that the driver mounts: credentials, keytab.
    pub secrets: Vec<SecretPlan>,
    /// Claims made on demand for the driver's volumes.
    pub persistent_volume_claims: Vec<PersistentVolumeClaimPlan>,
    /// Who may reach the executors; from Spark 4.2.
    pub network_policy: Option<NetworkPolicyPlan>,
    /// The driver's gang for Volcano's scheduler, where the conf asks for it; from Spark 4.2.
    pub pod_group: Option<PodGroupPlan>,
    /// The hash that identifies the submission, if this plan has additions; templates don't see it.
    #[serde(skip)]
    pub known_by: Option<String>,
}

/// What is submitted, and as what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApplicationPlan {
    /// The Spark application id, `spark-` and 32 hex digits: `spark.app.id` and the label `spark-app-selector`.
    pub id: String,
    /// The application's name, `spark.app.name`.
    pub name: String,
    /// `java` (Scala too), `python` or `r`: `spark.kubernetes.resource.type`.
    pub resource_type: ResourceType,
    /// The Spark version that the manifests are made for.
    pub spark_version: String,
    /// The namespace of all objects.
    pub namespace: String,
    /// The caller's id for this attempt.
    pub submission_id: String,
    /// The labels of the `SparkApplication`; empty where there is none.
    pub labels: BTreeMap<String, String>,
    /// The annotations of the `SparkApplication`.
    pub annotations: BTreeMap<String, String>,
}

/// The kind of primary resource, in the words of `spark.kubernetes.resource.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResourceType {
    /// A jar, of Java or Scala.
    Java,
    /// A `.py` file.
    Python,
    /// A `.R` or `.r` file.
    R,
}

/// The driver Pod, without its driver container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PodPlan {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.labels`: the pod template's, the conf's, and Spark's own.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`: the pod template's and the conf's.
    pub annotations: BTreeMap<String, String>,
    /// `metadata.ownerReferences`: the `SparkApplication`, where its uid is known.
    pub owner_references: Vec<Value>,
    /// What else the pod template has under `metadata`.
    pub other_metadata: Map<String, Value>,
    /// `spec.restartPolicy`, always `Never`.
    pub restart_policy: String,
    /// `spec.serviceAccountName`, where the conf names one.
    pub service_account: Option<String>,
    /// `spec.schedulerName`, where the conf names one.
    pub scheduler_name: Option<String>,
    /// `spec.nodeSelector`.
    pub node_selector: BTreeMap<String, String>,
    /// `spec.imagePullSecrets`, each `{"name": …}`.
    pub image_pull_secrets: Vec<Value>,
    /// `spec.initContainers`.
    pub init_containers: Vec<Value>,
    /// The containers beside the driver, in order.
    pub sidecars: Vec<Value>,
    /// `spec.volumes`.
    pub volumes: Vec<Value>,
    /// What else the pod template has under `spec` (affinity, tolerations, security context, …).
    pub other_spec: Map<String, Value>,
    /// What else the pod template has beside `metadata` and `spec`: fields that a newer Kubernetes may know.
    pub other: Map<String, Value>,
}

/// The driver container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerPlan {
    /// The container's name; `spark-kubernetes-driver` unless the pod template names it.
    pub name: String,
    /// The image.
    pub image: String,
    /// `Always`, `IfNotPresent` or `Never`.
    pub image_pull_policy: String,
    /// The arguments of the image's entrypoint.
    pub args: Vec<String>,
    /// The environment in order; of entries of the same name the last one counts.
    pub env: Vec<Value>,
    /// The ports.
    pub ports: Vec<Value>,
    /// Requests and limits.
    pub resources: ResourcesPlan,
    /// The volume mounts.
    pub volume_mounts: Vec<Value>,
    /// What else the pod template has for this container (command, probes, envFrom, securityContext, …).
    pub other: Map<String, Value>,
}

/// Requests and limits of the driver container, as Kubernetes quantities.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourcesPlan {
    /// `resources.requests`.
    #[schemars(extend("x-unit" = "Kubernetes quantity: bytes for memory, cores for cpu"))]
    pub requests: BTreeMap<String, Value>,
    /// `resources.limits`.
    #[schemars(extend("x-unit" = "Kubernetes quantity: bytes for memory, cores for cpu"))]
    pub limits: BTreeMap<String, Value>,
    /// What else the pod template has under `resources`.
    pub other: Map<String, Value>,
}

/// The driver's headless Service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServicePlan {
    /// The name: at most 63 characters.
    pub name: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
    /// The selector: all labels of the driver Pod.
    pub selector: BTreeMap<String, String>,
    /// `IPv4` or `IPv6`, or both.
    pub ip_families: Vec<String>,
    /// `SingleStack`, `PreferDualStack` or `RequireDualStack`.
    pub ip_family_policy: String,
    /// `spec.publishNotReadyAddresses`; absent before Spark 4.3.
    pub publish_not_ready_addresses: Option<bool>,
    /// The ports.
    pub ports: Vec<Value>,
}

/// A `ConfigMap` that the driver mounts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigMapPlan {
    /// What it is for: `driver`, `hadoop`, `krb5`. Names the object's file.
    pub role: String,
    /// The name.
    pub name: String,
    /// The data, as text.
    pub data: BTreeMap<String, String>,
}

/// The executor pod template, and the `ConfigMap` that carries it to the driver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutorPlan {
    /// The name of the container that Spark runs in: `spark-kubernetes-executor` unless the pod template names it.
    pub name: String,
    /// The name of the `ConfigMap`.
    pub config_map_name: String,
    /// The key in it.
    pub key: String,
    /// `metadata` of the pod template.
    pub metadata: Map<String, Value>,
    /// `spec` of the pod template.
    pub spec: Map<String, Value>,
    /// What else the pod template has (`apiVersion`, `kind`).
    pub other: Map<String, Value>,
}

/// A Secret that the driver mounts.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecretPlan {
    /// What it is for: `credentials`, `keytab`. Names the object's file.
    pub role: String,
    /// The name.
    pub name: String,
    /// The data, base64.
    #[schemars(extend("x-unit" = "base64"))]
    pub data: BTreeMap<String, String>,
}

impl std::fmt::Debug for SecretPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys: Vec<_> = self.data.keys().collect();
        f.debug_struct("SecretPlan")
            .field("role", &self.role)
            .field("name", &self.name)
            .field("keys", &keys)
            .finish()
    }
}

/// A claim for a volume of the driver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PersistentVolumeClaimPlan {
    /// The name, to which the driver's volume refers.
    pub name: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
    /// `spec.storageClassName`.
    pub storage_class: String,
    /// `spec.accessModes`.
    pub access_modes: Vec<String>,
    /// The requested size, a Kubernetes quantity.
    #[schemars(extend("x-unit" = "Kubernetes quantity, bytes"))]
    pub storage: String,
}

/// Who may reach the executors: the pods of the same application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkPolicyPlan {
    /// The name.
    pub name: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The pods that it protects.
    pub pod_selector: BTreeMap<String, String>,
    /// The pods that may reach them.
    pub from_pod_selector: BTreeMap<String, String>,
}

/// A `PodGroup` of Volcano's, `scheduling.volcano.sh/v1beta1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PodGroupPlan {
    /// The name, which the driver Pod has as an annotation.
    pub name: String,
    /// What else its template has under `metadata`.
    pub other_metadata: Map<String, Value>,
    /// `spec` of its template.
    pub spec: Map<String, Value>,
    /// What else its template has.
    pub other: Map<String, Value>,
}
