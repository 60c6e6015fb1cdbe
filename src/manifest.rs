//! Rendered text made into Kubernetes objects: strictly parsed, checked by rules, stamped with what identifies
//! the submission.

use k8s_openapi::api::{
    core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service},
    networking::v1::NetworkPolicy,
};
use serde_json::Value;

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
    pub warnings: Vec<String>,
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
    /// The object as text was parsed, unknown fields that may pass included: this is what is sent.
    pub value: Value,
    /// The object as Kubernetes' type: this is what was checked.
    pub object: Object,
}

/// The kinds of object that a submission is made of.
#[derive(Debug, Clone)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum Object {
    Pod(Pod),
    Service(Service),
    ConfigMap(ConfigMap),
    Secret(Secret),
    PersistentVolumeClaim(PersistentVolumeClaim),
    NetworkPolicy(NetworkPolicy),
}
