//! Rendered text made into Kubernetes objects: strictly parsed, checked by rules, stamped with what identifies
//! the submission.
//!
//! A key whose value is null counts as not written, in each document of a kind that has a type here, and in the executor pod
//! template: it is dropped after the checks, which see that it is there (an unknown field is one with null, too, and a label can't
//! be null). In a patch null removes what the template wrote. In a document of another kind it stays, for such a kind may give it a
//! meaning.
//!
//! [`check()`] is the stage: rendered text in, [`Manifests`] or all [`Findings`](crate::kubernetes::Findings) out. It touches
//! neither the cluster nor the file system.

mod check;
mod executor;
mod finished;
mod known;
mod patched;
mod policy_view;
#[cfg(test)]
mod sample;
mod spark_needs;
mod stamp;

#[cfg(test)]
pub(crate) use crate::kubernetes::drop_nulls;
pub use check::{Terms, check};
pub use executor::executor_pod;
pub use finished::FinishedPods;
pub(crate) use known::field_problems;
pub(crate) use patched::unchecked;
pub use policy_view::{Beside, finished};
pub(crate) use spark_needs::{THE_ARGUMENTS, THE_DRIVER_CONTAINER, THE_LABEL};
pub use stamp::plan_hash;
pub(crate) use stamp::same_plan;

use crate::{
    finding::Warnings,
    kubernetes::{ObjectKind, annotations::NOT_CREATED, kinds::Kind},
    spark::{plan::ExecutorPod, submission::LeftToWebhook},
    templates::NoExecutor,
};
use serde_json::Value;
use std::borrow::Cow;

/// The objects of one submission, checked and ready to be applied.
#[derive(Debug, Clone)]
pub struct Manifests {
    /// What identifies the submission; also written to the Pod as annotations.
    pub identity: Identity,
    /// The driver Pod.
    pub driver_pod: Manifest,
    /// What the driver Pod owns, in the order of creation that Spark has. No owner references yet: the Pod's
    /// uid is not known before it exists.
    pub owned: Vec<Manifest>,
    /// What is odd but not wrong, for the log.
    pub warnings: Warnings,
    /// What the driver will make as its first executor, after the operator's webhook; else why it can't be known before the driver
    /// runs. Nobody creates it here.
    pub executor: Result<ExecutorPod, NoExecutor>,
    /// What the operator's webhook will add to the pods.
    pub left_to_webhook: LeftToWebhook,
}

/// What identifies a submission on the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The namespace of all objects.
    pub namespace: String,
    /// The driver Pod's name.
    pub pod_name: String,
    /// The Spark application id.
    pub application_id: String,
    /// The application's name.
    pub application_name: String,
    /// Annotation `native-submit/submission-id`.
    pub submission_id: String,
    /// Annotation `native-submit/plan-hash`: the plan without the submit time.
    pub plan_hash: String,
    /// Annotation `native-submit/template-set`: the set's name and its content hash, `default@0123456789ab`.
    pub template_set: String,
}

/// One object.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// What it is for, and so the name of its file without `.yaml`: `pod-driver`, `configmap-driver`, ….
    pub role: String,
    /// The object as text was parsed and checked, unknown fields that may pass included: this is what is sent.
    pub value: Value,
    /// Its kind.
    pub kind: ObjectKind,
}

impl Manifest {
    /// Whether it must be there before the Pod: Volcano looks for a Pod's `PodGroup` as soon as the Pod comes.
    pub fn precedes_pod(&self) -> bool {
        self.kind.kind() == Kind::PodGroup
    }
}

impl Manifests {
    /// The Pods as they will run, with what the operator's webhook adds: with the webhook off it is in `driver_pod` and in the
    /// executors' template; with the webhook on it is added here, and not sent.
    pub fn finished_pods(&self) -> FinishedPods<'_> {
        let sent = &self.driver_pod.value;
        FinishedPods {
            driver: finished::after_webhook(sent, &self.left_to_webhook)
                .map_or(Cow::Borrowed(sent), Cow::Owned),
            executor: self.executor.as_ref().ok(),
            without_webhook: match &self.left_to_webhook {
                LeftToWebhook::Unknown(why) => Some(why),
                LeftToWebhook::Nothing | LeftToWebhook::Additions(_) => None,
            },
        }
    }

    /// The executor Pod and its claims as they are shown: with an annotation that says that nobody has created them.
    pub fn executor_for_show(&self) -> Vec<Value> {
        let executor = self.executor.iter();
        let mut objects: Vec<_> = executor
            .flat_map(|executor| std::iter::once(&executor.pod).chain(&executor.claims))
            .cloned()
            .collect();
        for object in &mut objects {
            object["metadata"]["annotations"][NOT_CREATED] = "Spark's driver makes executors".into();
        }
        objects
    }

    /// The objects as files have them, the Pod first but for what must precede it: the file's name, and the object
    /// with its namespace.
    ///
    /// Owner references to the Pod are not among them: its uid doesn't exist before the Pod does.
    pub fn for_files(&self) -> impl Iterator<Item = (String, Value)> {
        let preceding = self.owned.iter().filter(|manifest| manifest.precedes_pod());
        preceding
            .chain([&self.driver_pod])
            .chain(self.owned.iter().filter(|manifest| !manifest.precedes_pod()))
            .map(|manifest| {
                let mut value = manifest.value.clone();
                if let Some(Value::Object(metadata)) = value.get_mut("metadata") {
                    metadata.insert(
                        "namespace".to_owned(),
                        Value::from(self.identity.namespace.as_str()),
                    );
                }
                (format!("{}.yaml", manifest.role), value)
            })
    }
}
