//! What is to be submitted: the intent, exactly as the arguments of `spark-submit` say it, from each entry point.

pub mod arguments;
pub(crate) mod blanks;
mod conf;
mod context;
mod distribution;
mod excluded_steps;
mod files;
mod hadoop_user;
mod id;
mod image_version;
mod java_options;
mod known_keys;
mod placeholders;
mod pod_additions;
mod pod_group;
mod pod_template;
pub mod properties;
mod refusal;
mod regular_file;
pub(crate) mod resolve;
mod spark_env;
pub(crate) mod units;
mod uri;
mod version;

pub use crate::{kubernetes::annotations::TEMPLATE_SET as TEMPLATE_SET_ANNOTATION, strict::UnknownFields};
pub use arguments::SparkSubmitArguments;
pub use conf::{ConfReader, SparkConf};
pub use context::{EntryPoint, ExecutorCheck, NamespaceMetadata, Reach, SubmitterContext};
pub use files::{NamedFile, SubmitterFiles};
pub use id::SubmissionId;
pub use pod_additions::{LeftToWebhook, PodAdditions, WebhookAdditions};
pub use pod_group::PodGroupTemplate;
pub use pod_template::PodTemplate;
pub use refusal::Refusal;
pub(crate) use resolve::{MAIN_FILE, SUBMISSION_CREDENTIALS, SUBMISSION_ID_KEY};
pub use resolve::{MergedArguments, Outline, Request, operation_conf, resolve};
pub use version::{Feature, NotAVersion, SparkVersion};

pub(crate) use conf::{refers, refers_to_process};
pub(crate) use excluded_steps::ExcludedSteps;
pub(crate) use files::is_config_map_key;
pub(crate) use hadoop_user::short_name;
pub(crate) use pod_template::PodDocument;
pub(crate) use refusal::wrong;
pub(crate) use uri::not_a_uri;

use crate::finding::Warnings;
use serde::{Deserialize, Serialize};

/// One application to be submitted, with everything that was read from files and environment already in it.
///
/// It goes from the drop-in to a server as JSON, between processes of one release.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Submission {
    /// The caller's id of this attempt; all generated names follow from it.
    pub id: SubmissionId,
    /// The Spark version that the manifests are made for.
    pub spark_version: SparkVersion,
    /// Where the driver is to run: `spark.kubernetes.namespace`, expanded. In `conf` it stays as given, for so Spark
    /// writes it to the driver's properties.
    namespace: String,
    /// The complete conf, as Spark's `prepareSubmitEnvironment` leaves it.
    pub conf: SparkConf,
    /// The main application file.
    pub resource: PrimaryResource,
    /// The class that the driver runs: the application's, or Spark's runner for Python and R.
    pub main_class: String,
    /// The application's arguments.
    pub arguments: Vec<String>,
    /// The user that the driver impersonates.
    pub proxy_user: Option<String>,
    /// What the driver Pod starts from.
    pub driver_template: Option<PodTemplate>,
    /// What the executors start from; the driver reads it.
    pub executor_template: Option<PodTemplate>,
    /// What the driver's `PodGroup` starts from, where the conf asks for Volcano's step.
    pub pod_group: Option<PodGroupTemplate>,
    /// What the operator's webhook would add to the driver, where that is left to us.
    pub driver_additions: PodAdditions,
    /// What the operator's webhook will add to driver and executors, where it is left to that.
    #[serde(default)]
    pub left_to_webhook: LeftToWebhook,
    /// Further `ConfigMap`s that the driver owns.
    pub config_maps: Vec<OwnConfigMap>,
    /// Files of the submitter that go to the driver.
    pub files: SubmitterFiles,
    /// The template set that the application's annotation asks for.
    #[serde(default)]
    pub template_set: Option<String>,
    /// The labels of the `SparkApplication`, for policies; none where there is none.
    #[serde(default)]
    pub application_labels: std::collections::BTreeMap<String, String>,
    /// Its annotations.
    #[serde(default)]
    pub application_annotations: std::collections::BTreeMap<String, String>,
    /// The application's volumes that a role doesn't mount, and so its Pod doesn't have: for the message about a mount of one.
    #[serde(default)]
    pub unmounted_volumes: Vec<UnmountedVolume>,
    /// What is odd but not wrong, for the log and the reply.
    pub warnings: Warnings,
}

/// A volume of `spec.volumes` that a role doesn't mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmountedVolume {
    /// Its name.
    pub name: String,
    /// The field that would give it to the Pod: `spec.driver.volumeMounts`.
    pub field: String,
}

impl Submission {
    /// The namespace that the driver is to run in; never empty.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Fields of the templates and additions that Kubernetes' and Volcano's types don't have, by path without list indices.
    pub fn unknown_fields(&self) -> Vec<String> {
        let templates = [&self.driver_template, &self.executor_template];
        templates
            .into_iter()
            .flatten()
            .map(|template| &template.unknown_fields)
            .chain([&self.driver_additions.unknown_fields])
            .chain(self.pod_group.iter().map(|template| &template.unknown_fields))
            .flatten()
            .cloned()
            .collect()
    }
}

/// A `ConfigMap` that the driver owns.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnConfigMap {
    /// What it is for; names the object's file.
    pub role: String,
    /// The name.
    pub name: String,
    /// The data.
    pub data: std::collections::BTreeMap<String, String>,
}

impl std::fmt::Debug for OwnConfigMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConfigMap {} ({:?})", self.name, self.data.keys())
    }
}

/// The main application file, classified by its name as Spark does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrimaryResource {
    /// A jar, or none where the class is on the image's class path (`spark-internal`).
    Java(Option<String>),
    /// A `.py` file.
    Python(String),
    /// A `.R` or `.r` file.
    R(String),
}
