//! Policies: templates that look at the finished objects of a submission and may refuse it.
//!
//! A policy runs last, over the objects as they are sent and over the executor Pod as Spark will make it. It writes nothing:
//! `refuse("text")` and `warn("text")` are recorded, and the policy goes on, so that an author learns of all refusals at once.

mod engine;
mod exemptions;

pub(super) use engine::{Policies, mode, written};
pub use exemptions::Exemption;
pub(super) use exemptions::{Names, read as exemptions};

use super::TemplateError;
use crate::spark::submission::NamespaceMetadata;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What policies see of a submission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// Every object by its role: the driver Pod first, then what it owns.
    pub objects: Vec<(String, Value)>,
    /// The Pod of the first executor, as Spark will make it.
    pub executor: Result<Value, NoExecutor>,
    /// Why it isn't known what the operator's webhook will add to the Pods, where it isn't.
    pub without_webhook: Option<String>,
    /// Fields of the driver Pod that Kubernetes' types here don't have, by path.
    pub unknown_of_driver: Vec<String>,
    /// The same of the executor Pod.
    pub unknown_of_executor: Vec<String>,
    /// What is known of the submission beside its objects.
    pub submission: SubmissionFacts,
    /// The metadata of the namespace.
    pub namespace: Result<NamespaceMetadata, UnknownNamespace>,
}

/// Why a namespace's labels and annotations are not known, for an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error(
    "namespace: expected labels and annotations that are known, because a policy reads them; {0}; a policy may ask namespace.known \
     first"
)]
pub struct UnknownNamespace(pub String);

/// What policies see of the namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "namespace")]
pub(super) struct NamespaceFacts {
    /// Whether the rest is known.
    known: bool,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

/// Why the executor Pod is not known before the driver runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoExecutor(pub String);

/// What is known of a submission beside its objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "submission")]
pub struct SubmissionFacts {
    /// The namespace of all objects.
    pub namespace: String,
    /// The application's name.
    pub name: String,
    /// `Java`, `Python` or `R`. Scala is Java here: `spark-submit` knows no difference.
    #[serde(rename = "type")]
    pub kind: String,
    /// The Spark version.
    pub spark_version: String,
    /// The user who submits.
    pub user: String,
    /// How it came: `grpc`, `rest`, `spark-submit` or `command-line`.
    pub entry_point: String,
    /// The labels of the `SparkApplication`; empty where there is none.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

impl PolicyMode {
    /// The mode as the first line of a policy says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Audit => "audit",
        }
    }
}

/// Whether a policy's refusals hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyMode {
    /// They do.
    Enforce,
    /// They become warnings (`# mode: audit`).
    Audit,
}

/// What a policy said of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The policy's file, with its layer: `always/no-host-path.policy.j2`.
    pub policy: String,
    /// The line, where it is known: of a template's own `refuse("text")`.
    pub line: Option<usize>,
    /// Whether it refuses; else it warns.
    pub refuses: bool,
    /// Whether its refusals hold.
    pub mode: PolicyMode,
    /// The exemption of the submission's namespace from this policy, if there is one: then its refusals don't hold.
    pub exempt: Option<Exemption>,
    /// The admin's words.
    pub text: String,
}

impl Verdict {
    /// Whether the submission is refused for it.
    pub fn holds(&self) -> bool {
        self.refuses && self.mode == PolicyMode::Enforce && self.exempt.is_none()
    }
}

/// A policy that ended in an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{error}")]
pub struct PolicyError {
    /// The policy's file, with its layer.
    pub policy: String,
    /// Whether its refusals would have held.
    pub mode: PolicyMode,
    /// The exemption of the submission's namespace from this policy.
    pub exempt: Option<Exemption>,
    /// What went wrong, for the admin.
    pub error: TemplateError,
}

impl PolicyError {
    /// Whether the submission is refused for it: a refusal would have held.
    pub fn holds(&self) -> bool {
        self.mode == PolicyMode::Enforce && self.exempt.is_none()
    }
}

/// A policy of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyName {
    /// Its file, with its layer: `always/no-host-path.policy.j2`.
    pub policy: String,
    /// Whether its refusals hold.
    pub mode: PolicyMode,
}

/// What all policies of a set said of a submission.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// What they said, in their order.
    pub verdicts: Vec<Verdict>,
    /// Those that ended in an error.
    pub errors: Vec<PolicyError>,
}
