//! Template sets: the built-in templates, an admin's overrides, and their hot reload.
//!
//! A [`TemplateSet`] is compiled once and never changed. It makes [`Rendered`] text of a
//! [`DriverPlan`](crate::spark::plan::DriverPlan), which is all that a template sees, and writes every value as JSON.

mod analysis;
mod builtin;
mod choice;
mod compiled;
mod directory;
mod environment;
mod error;
mod escape;
mod files;
mod filters;
mod inspect;
mod markup;
mod newer_fields;
mod parts;
mod policy;
mod policy_names;
mod render;
#[cfg(test)]
mod sample;
mod set;
mod sets;
mod sources;
mod stack;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod typed;
mod variables;
mod vocabulary;
mod worker;
mod writing;

pub(crate) use analysis::{MacroUses, Site, sites};
pub(crate) use directory::{
    Contents, DirectoryError, OddEntry, Sets, is_empty as has_no_template, is_set_name, read_sets,
    take_always, watched,
};
pub(crate) use files::{Files, is_policy, is_template};
pub(crate) use inspect::{builtin_sources, callable, try_out};
pub(crate) use markup::{
    marks::{Mark, marked, unmarked},
    outline::TemplateOutline,
};
pub(crate) use parts::Parts;
pub(crate) use policy_names::of_policies;
pub(crate) use worker::{NAME as RENDER_WORKER, Workers, of_command as workers, run as run_render_worker};

use serde::{Deserialize, Serialize};

use crate::kubernetes::ObjectKind;

pub use choice::{SetAnnotation, SetRule, SetRules};
pub use error::{ErrorPlace, LoadError, SourceLine, TemplateError, TemplateErrorKind};
pub use files::{ALWAYS, EXEMPT};
pub use newer_fields::NewerFields;
pub use parts::DEFAULT_SET;
pub use policy::{
    Exemption, Finished, Judgement, NoExecutor, PolicyError, PolicyMode, PolicyName, SubmissionFacts,
    UnknownNamespace, Verdict,
};
pub use set::TemplateSet;
pub use sets::{NoTemplateSet, SetOptions, SetsError, TemplateSets, Unchosen};
pub use state::{PoliciesFailed, PolicyFailed, SetStatus, Status};
pub use store::{Fallback, Probe, TemplateStore, TriedSet};
pub use worker::{
    Heap, LimitsPassed, Passed, RenderError, Rendering, WorkerUnavailable, warn_of_little_memory,
};

/// The text of all documents of one submission, all from one template set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendered {
    /// The set that they came from: its name and content hash, `default@0123456789ab`.
    pub template_set: String,
    /// The documents: the driver Pod first, then what it owns in the order of creation.
    pub documents: Vec<Document>,
    /// The kinds that additional objects may have.
    pub extra_kinds: Vec<ObjectKind>,
    /// What becomes of a field that the types of those kinds don't have.
    pub newer_fields: NewerFields,
}

/// What the role of an additional object begins with: `extra-budget` is what `budget.yaml.j2` wrote.
pub const EXTRA_ROLE: &str = "extra-";

/// One rendered object.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// What it is for, and so the name of its file without `.yaml`: `pod-driver`, `service-driver`,
    /// `configmap-driver`, `configmap-executor-template`, ….
    pub role: String,
    /// The template that wrote it, for messages: `driver-pod.yaml.j2`.
    pub template: String,
    /// The text, YAML.
    pub text: String,
    /// What is merged onto it, the strongest last: the default set's patch, the named set's, the layer `always`'.
    pub patches: Vec<Patch>,
    /// Where this `ConfigMap` carries the executor pod template: where that comes from.
    pub carried: Option<Carried>,
}

/// The text that a `ConfigMap` carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The template that wrote it, for messages: `executor-pod.yaml.j2`.
    pub template: String,
    /// What is merged onto it, the strongest last.
    pub patches: Vec<Patch>,
}

/// The text of a `*.patch.yaml.j2`: the part of an object that it adds or changes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// The template that wrote it, for messages: `driver-pod.patch.yaml.j2`.
    pub template: String,
    /// The text, YAML.
    pub text: String,
    /// Whether it is of the layer `always`, which is to hold whatever an application says.
    pub always: bool,
}

impl std::fmt::Debug for Patch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patch")
            .field("template", &self.template)
            .field("text", &crate::redaction::hidden(&self.text))
            .field("always", &self.always)
            .finish()
    }
}

/// Without the text, which has the values of Secrets and of the conf.
impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document")
            .field("role", &self.role)
            .field("template", &self.template)
            .field("text", &crate::redaction::hidden(&self.text))
            .field("patches", &self.patches)
            .field("carried", &self.carried)
            .finish()
    }
}
