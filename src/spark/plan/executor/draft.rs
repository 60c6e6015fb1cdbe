//! An executor Pod in the making.

use super::{ExecutorPod, ExecutorSource, NoExecutorPod};
use crate::{
    hash::hex,
    kubernetes::{append, grammar::is_dns_part},
    spark::{
        plan::{
            PersistentVolumeClaimPlan,
            identity::{digest, label, resource_prefix},
            pod::SparkPod,
        },
        submission::{ConfReader, Feature, Refusal},
    },
};
use serde_json::{Map, Value, json};

/// The executor that is looked at: a driver counts from 1.
pub(super) const ID: &str = "1";

/// Stands for the IP of the driver Pod.
pub const DRIVER_IP: &str = "ip-of-the-driver-pod";

/// Stands for the driver's host name, where no Service gives it one.
pub const DRIVER_HOST: &str = "host-name-of-the-driver-pod";

/// Stands for the secret that the driver generates for its executors.
pub const GENERATED_SECRET: &str = "generated-by-the-driver";

/// Stands for an image that only the application's code can name.
pub const IMAGE_OF_CODE: &str = "set-by-the-application";

/// Where an executor finds its conf.
pub(super) const CONF_DIR: &str = "/opt/spark/conf";

/// How long a prefix may be: an executor's name is `<prefix>-exec-<id>`, with an id of up to 10 digits.
const LONGEST_PREFIX: usize = 237;

/// What the steps work on.
pub(super) struct Draft<'a> {
    pub(super) source: &'a ExecutorSource<'a>,
    pub(super) conf: ConfReader<'a>,
    /// `spark.app.id`.
    pub(super) application_id: String,
    /// The application's name as a label value.
    pub(super) application_label: String,
    /// What the names of the executors start with.
    pub(super) prefix: String,
    /// The `ConfigMap` that the driver makes for its executors.
    pub(super) config_map: String,
    pub(super) pod: SparkPod,
    pub(super) claims: Vec<PersistentVolumeClaimPlan>,
    pub(super) missing: Vec<Refusal>,
    pub(super) lacking: Vec<Refusal>,
    pub(super) never: Vec<Refusal>,
}

impl<'a> Draft<'a> {
    pub(super) fn start(source: &'a ExecutorSource<'a>, conf: ConfReader<'a>) -> Result<Self, NoExecutorPod> {
        let application_id = conf.raw().get("spark.app.id").unwrap_or_default().to_owned();
        let application_name = conf.raw().get("spark.app.name").unwrap_or("spark");
        // The driver draws it at random.
        let suffix = hex(&digest(&application_id, "executors"), 8);
        let given = conf.text(PREFIX)?;
        let prefix = given.unwrap_or_else(|| resource_prefix(&format!("{application_name}-{suffix}")));
        if !is_prefix(&prefix) {
            return Err(conf
                .wrong(
                    PREFIX,
                    &prefix,
                    "a DNS subdomain name of at most 237 characters: the names of executors start with it",
                )
                .into());
        }
        let container = conf.text("spark.kubernetes.executor.podTemplateContainerName")?;
        let pod = source
            .template
            .map(|template| SparkPod::from_template(template, container.as_deref()));
        Ok(Self {
            source,
            conf,
            application_label: label(application_name),
            prefix,
            config_map: format!("spark-exec-{suffix}-conf-map"),
            application_id,
            pod: pod.unwrap_or_default(),
            claims: Vec::new(),
            missing: Vec::new(),
            lacking: Vec::new(),
            never: Vec::new(),
        })
    }

    /// Whether the driver's Spark version does a thing.
    pub(super) fn has(&self, feature: Feature) -> bool {
        self.source.version.has(feature)
    }

    /// Replaces `{{APP_ID}}` and `{{EXECUTOR_ID}}`.
    pub(super) fn fill_placeholders(&self, text: &str) -> String {
        text.replace("{{APP_ID}}", &self.application_id)
            .replace("{{EXECUTOR_ID}}", ID)
    }

    /// The namespace of the executors; the driver posts them there whatever their template says. One that its environment
    /// names isn't known.
    pub(super) fn namespace(&self) -> Result<Option<String>, Refusal> {
        let namespace = self.conf.text("spark.kubernetes.namespace")?;
        let namespace = namespace.unwrap_or_else(|| "default".to_owned());
        Ok(Some(namespace).filter(|namespace| !namespace.contains("${")))
    }

    /// The Pod with the Spark container last, and the claims.
    pub(super) fn finish(mut self) -> ExecutorPod {
        append(
            &mut self.pod.spec,
            "containers",
            [Value::Object(std::mem::take(&mut self.pod.container))],
        );
        let mut pod = Map::from_iter([
            ("apiVersion".to_owned(), Value::from("v1")),
            ("kind".to_owned(), "Pod".into()),
            ("metadata".to_owned(), self.pod.metadata.into()),
            ("spec".to_owned(), self.pod.spec.into()),
        ]);
        pod.extend(self.pod.other);
        let namespace = pod["metadata"].get("namespace").cloned();
        ExecutorPod {
            pod: pod.into(),
            claims: self
                .claims
                .into_iter()
                .map(|plan| claim(plan, namespace.as_ref()))
                .collect(),
            missing: self.missing,
            lacking: self.lacking,
            never: self.never,
        }
    }
}

const PREFIX: &str = "spark.kubernetes.executor.podNamePrefix";

/// Spark's check of `spark.kubernetes.executor.podNamePrefix`.
fn is_prefix(prefix: &str) -> bool {
    prefix.len() <= LONGEST_PREFIX && prefix.split('.').all(is_dns_part)
}

fn claim(plan: PersistentVolumeClaimPlan, namespace: Option<&Value>) -> Value {
    let mut metadata = Map::from_iter([
        ("name".to_owned(), Value::from(plan.name)),
        ("labels".to_owned(), json!(plan.labels)),
    ]);
    metadata.extend(namespace.map(|namespace| ("namespace".to_owned(), namespace.clone())));
    if !plan.annotations.is_empty() {
        metadata.insert("annotations".to_owned(), json!(plan.annotations));
    }
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": {
            "accessModes": plan.access_modes,
            "resources": {"requests": {"storage": plan.storage}},
            "storageClassName": plan.storage_class,
        },
    })
}
