//! A plan in the making: the pod, the properties, and the objects beside it, which the steps fill in turn.

use super::{
    ConfigMapPlan, ExecutorPlan, NetworkPolicyPlan, PersistentVolumeClaimPlan, PodGroupPlan, SecretPlan,
    ServicePlan, identity::Names, pod::SparkPod,
};
use crate::spark::submission::{ConfReader, Feature, PrimaryResource, Refusal, Submission, SubmitterContext};
use std::collections::BTreeMap;

/// What the steps work on.
pub(super) struct Draft<'a> {
    pub(super) submission: &'a Submission,
    pub(super) context: &'a SubmitterContext,
    pub(super) conf: ConfReader<'a>,
    pub(super) names: Names,
    pub(super) pod: SparkPod,
    pub(super) properties: BTreeMap<String, String>,
    pub(super) service: Option<ServicePlan>,
    pub(super) executor: Option<ExecutorPlan>,
    pub(super) config_maps: Vec<ConfigMapPlan>,
    pub(super) secrets: Vec<SecretPlan>,
    pub(super) persistent_volume_claims: Vec<PersistentVolumeClaimPlan>,
    pub(super) network_policy: Option<NetworkPolicyPlan>,
    pub(super) pod_group: Option<PodGroupPlan>,
}

impl<'a> Draft<'a> {
    /// A draft before the first step: the user's pod template, and the conf as properties.
    pub(super) fn start(submission: &'a Submission, context: &'a SubmitterContext) -> Result<Self, Refusal> {
        let conf = ConfReader::new(&submission.conf, context);
        let container_name = conf.text("spark.kubernetes.driver.podTemplateContainerName")?;
        let pod = match &submission.driver_template {
            Some(template) => SparkPod::from_template(template, container_name.as_deref()),
            None => SparkPod::default(),
        };
        Ok(Self {
            submission,
            context,
            conf,
            names: Names::new(conf, submission.namespace(), &submission.id)?,
            pod,
            properties: submission.conf.to_map(),
            service: None,
            executor: None,
            config_maps: submission
                .config_maps
                .iter()
                .map(|own| ConfigMapPlan {
                    role: own.role.clone(),
                    name: own.name.clone(),
                    data: own.data.clone(),
                })
                .collect(),
            secrets: Vec::new(),
            persistent_volume_claims: Vec::new(),
            network_policy: None,
            pod_group: None,
        })
    }

    /// Whether the submission's Spark version does a thing.
    pub(super) fn has(&self, feature: Feature) -> bool {
        self.submission.spark_version.has(feature)
    }

    /// Python and R processes need memory beside the JVM's.
    pub(super) fn is_jvm(&self) -> bool {
        matches!(self.submission.resource, PrimaryResource::Java(_))
    }

    /// Sets a property that the driver reads; a later step wins.
    pub(super) fn set_property(&mut self, key: &str, value: impl Into<String>) {
        self.properties.insert(key.to_owned(), value.into());
    }

    /// Replaces `{{APP_ID}}`, and `{{EXECUTOR_ID}}` by nothing, for a driver is no executor.
    pub(super) fn fill_placeholders(&self, text: &str) -> String {
        text.replace("{{APP_ID}}", &self.names.application_id)
            .replace("{{EXECUTOR_ID}}", "")
    }
}
