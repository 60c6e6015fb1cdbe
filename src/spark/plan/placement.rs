//! Where a pod may run and who may pull its images: what driver and executors have alike (Spark's `BasicDriverFeatureStep` and
//! `BasicExecutorFeatureStep`).

use crate::{
    kubernetes::{append, extend},
    spark::submission::{ConfReader, Refusal},
};
use serde_json::{Map, Value, json};

/// Node selector, image pull secrets and scheduler of a pod, as the conf has them.
pub(super) struct Placement {
    node_selector: Vec<(String, Value)>,
    pull_secrets: Vec<String>,
    scheduler: Option<String>,
}

impl Placement {
    /// Reads them for `driver` or `executor`, whose own keys count more than those of all pods.
    ///
    /// # Errors
    /// A value that can't be expanded.
    pub(super) fn read(conf: ConfReader<'_>, role: &str) -> Result<Self, Refusal> {
        let of_role = format!("spark.kubernetes.{role}.node.selector.");
        let selected = conf.raw().below("spark.kubernetes.node.selector.");
        let selected = selected.chain(conf.raw().below(&of_role));
        let node_selector = selected.map(|(label, value)| (label.to_owned(), value.into()));
        let scheduler = format!("spark.kubernetes.{role}.scheduler.name");
        Ok(Self {
            node_selector: node_selector.collect(),
            pull_secrets: conf.list("spark.kubernetes.container.image.pullSecrets")?,
            scheduler: conf
                .first(&[&scheduler, "spark.kubernetes.scheduler.name"])?
                .map(|(_, scheduler)| scheduler),
        })
    }

    /// Adds them to what the pod template has.
    pub(super) fn write_to(self, spec: &mut Map<String, Value>) {
        extend(spec, "nodeSelector", self.node_selector);
        let pull_secrets = self.pull_secrets.iter().map(|name| json!({ "name": name }));
        append(spec, "imagePullSecrets", pull_secrets);
        if let Some(scheduler) = self.scheduler {
            spec.insert("schedulerName".to_owned(), scheduler.into());
        }
    }
}
