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
mod known;
mod nulls;
mod patched;
#[cfg(test)]
mod sample;
mod spark_needs;
mod stamp;

pub use check::check;
pub use executor::executor_pod;
pub(crate) use known::{field_problems, kinds};
#[cfg(test)]
pub(crate) use nulls::drop_nulls;
pub(crate) use stamp::same_plan;
pub use stamp::{PLAN_HASH, SUBMISSION_ID, TEMPLATE_SET, plan_hash};

use crate::{finding::Warnings, kubernetes::CustomKind, spark::plan::ExecutorPod};
use serde_json::Value;

/// The annotation of objects that are only shown.
pub(crate) const NOT_CREATED: &str = "native-submit/not-created";

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
    /// What the driver will make as its first executor; absent where only the driver can know it. Nobody creates it here.
    pub executor: Option<ExecutorPod>,
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
    pub object: Object,
}

/// The kinds of object that a submission is made of. A template set can add some.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Object {
    Pod,
    Service,
    ConfigMap,
    Secret,
    PersistentVolumeClaim,
    NetworkPolicy,
    PodGroup,
    Ingress,
    PodDisruptionBudget,
    /// One that only the admin's templates write; of it no more than its metadata was checked.
    Custom(CustomKind),
}

impl Manifest {
    /// Whether it must be there before the Pod: Volcano looks for a Pod's `PodGroup` as soon as the Pod comes.
    pub fn precedes_pod(&self) -> bool {
        matches!(self.object, Object::PodGroup)
    }
}

impl Manifests {
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
