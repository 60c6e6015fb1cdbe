//! The `SparkApplication` of the operator's API `sparkoperator.k8s.io/v1beta2`: types, reading, defaults,
//! validation, and the conversion from the gRPC messages.
//!
//! The Kubernetes parts are the types of `k8s_openapi`; only `template` is kept as it was given. Each struct lists
//! its JSON names in `FIELDS`.
//!
//! ```
//! use native_submit::operator::application::{self, UnknownFields};
//!
//! let text = "
//! apiVersion: sparkoperator.k8s.io/v1beta2
//! kind: SparkApplication
//! metadata: {name: pi}
//! spec:
//!   sparkVersion: 4.0.0
//!   image: apache/spark:4.0.0
//!   mainClass: org.apache.spark.examples.SparkPi
//!   mainApplicationFile: local:///opt/spark/examples/jars/spark-examples.jar
//!   driver: {memory: 512m}
//!   executor: {instances: 2}
//! ";
//! let mut application = application::parse(text, UnknownFields::Refuse)?.application;
//! application::apply_defaults(&mut application);
//! application::validate(&application)?;
//! assert_eq!(application.spec.driver.pod.memory.as_deref(), Some("512m"));
//! assert_eq!(application.spec.executor.pod.memory.as_deref(), Some("1g"));
//! # Ok::<(), application::ApplicationError>(())
//! ```

mod defaults;
mod documents;
mod dynamic_allocation;
mod error;
mod exposure;
mod from_wire;
mod generate_name;
mod kept;
mod monitoring;
mod overlay;
mod pod_spec;
mod read;
mod record;
mod reference;
mod restart;
mod roles;
mod spec;
mod validate;

pub use crate::strict::UnknownFields;
pub use defaults::apply_defaults;
pub use documents::{
    ApplicationDocument, TakeDocument, documents, each_document, is_empty_list, may_have_application,
    none as no_application,
};
pub use dynamic_allocation::DynamicAllocation;
pub use error::ApplicationError;
pub use exposure::{DriverIngressConfiguration, SparkUiConfiguration};
pub use from_wire::from_wire;
pub use kept::KeptFields;
pub use monitoring::{MonitoringSpec, PrometheusSpec};
pub use overlay::overlay;
pub use pod_spec::{GpuSpec, NameKey, NamePath, SecretInfo, SecretType, SparkPodSpec};
pub use read::{Parsed, few_volumes, from_value, parse};
pub use reference::ApplicationReference;
pub use restart::{RestartPolicy, RestartPolicyType};
pub use roles::{DriverSpec, ExecutorSpec, Port};
pub use spec::{
    ApplicationType, BatchSchedulerConfiguration, Dependencies, DeployMode, SparkApplicationSpec,
};
pub(crate) use validate::NEVER_IN_CONF;
pub use validate::{validate, warnings};

use crate::limits::Budget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

/// The one API version that is read.
pub const API_VERSION: &str = "sparkoperator.k8s.io/v1beta2";

/// The one kind that is read.
pub const KIND: &str = "SparkApplication";

/// A `SparkApplication`. Its `status` is the operator's own and is not kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SparkApplication {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always [`KIND`].
    pub kind: String,
    /// Name, namespace, uid, labels and annotations.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What to run and how.
    #[serde(default)]
    pub spec: SparkApplicationSpec,
    /// What the types don't have of it.
    #[serde(skip)]
    pub kept: KeptFields,
    /// What reading it left of the submission's budget.
    #[serde(skip)]
    pub budget: Budget,
}

impl Default for SparkApplication {
    fn default() -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            metadata: ObjectMeta::default(),
            spec: SparkApplicationSpec::default(),
            kept: KeptFields::default(),
            budget: Budget::default(),
        }
    }
}

impl SparkApplication {
    /// `metadata.name`; empty where there is none, which [`validate()`] refuses.
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// `metadata.namespace`, or `default` where there is none, as kubectl without a context's namespace and
    /// `spark.kubernetes.namespace` have it.
    pub fn namespace(&self) -> &str {
        match self.metadata.namespace.as_deref() {
            None | Some("") => "default",
            Some(namespace) => namespace,
        }
    }

    /// `metadata.uid`, where it is known. An owner reference needs it.
    pub fn uid(&self) -> Option<&str> {
        self.metadata.uid.as_deref().filter(|uid| !uid.is_empty())
    }
}
