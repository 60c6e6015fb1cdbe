//! The feature steps that a conf leaves out.

use super::{conf::ConfReader, refusal::Refusal, version::Feature, version::SparkVersion};

/// The package of Spark's own steps.
const PACKAGE: &str = "org.apache.spark.deploy.k8s.features.";

/// The steps that Spark doesn't apply. It makes them all the same, so what a step's constructor refuses is refused.
#[derive(Debug, Clone)]
pub(crate) struct ExcludedSteps(Vec<String>);

impl ExcludedSteps {
    /// The conf key for the steps of a driver.
    pub(crate) const OF_DRIVER: &'static str = "spark.kubernetes.driver.pod.excludedFeatureSteps";

    /// The conf key for the steps of an executor.
    pub(crate) const OF_EXECUTOR: &'static str = "spark.kubernetes.executor.pod.excludedFeatureSteps";

    /// What `key` names; nothing in a Spark version that doesn't know the key.
    ///
    /// # Errors
    /// Where the value can't be expanded, or has too many items.
    pub(crate) fn read(key: &str, conf: ConfReader<'_>, version: &SparkVersion) -> Result<Self, Refusal> {
        if version.has(Feature::ExcludedFeatureSteps) {
            conf.list(key).map(Self)
        } else {
            Ok(Self(Vec::new()))
        }
    }

    /// Whether Spark's own step of this class, without its package, is left out.
    pub(crate) fn has(&self, class: &str) -> bool {
        let excluded = self.0.iter();
        excluded
            .filter_map(|name| name.strip_prefix(PACKAGE))
            .any(|name| name == class)
    }
}
