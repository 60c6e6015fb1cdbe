//! Template sets: the built-in templates, an admin's overrides, and their hot reload.
//!
//! A [`TemplateSet`] is compiled once and never changed. It makes [`Rendered`] text of a
//! [`DriverPlan`](crate::plan::DriverPlan), which is all that a template sees, and writes every value as JSON.

mod builtin;
mod directory;
mod environment;
mod error;
mod escape;
mod filters;
mod inspect;
mod markup;
mod render;
#[cfg(test)]
mod sample;
mod set;
mod store;
#[cfg(test)]
mod tests;
mod vocabulary;

pub(crate) use directory::{DirectoryError, read as read_directory};
pub(crate) use inspect::{builtin_sources, callable, try_out};
pub(crate) use markup::{
    marks::{Mark, marked, unmarked},
    outline::Outline,
};
pub(crate) use set::is_template;

pub use error::{LoadError, Place, SourceLine, TemplateError, TemplateErrorKind};
pub use set::TemplateSet;
pub use store::{Fallback, NoTemplateSet, Probe, Status, TemplateStore};

/// The text of all documents of one submission, all from one template set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The set that they came from: its name and content hash, `default@0123456789ab`.
    pub template_set: String,
    /// The documents: the driver Pod first, then what it owns in the order of creation.
    pub documents: Vec<Document>,
}

/// One rendered object.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is for, and so the name of its file without `.yaml`: `pod-driver`, `service-driver`,
    /// `configmap-driver`, `configmap-executor-template`, ….
    pub role: String,
    /// The template that wrote it, for messages: `driver-pod.yaml.j2`.
    pub template: String,
    /// The text, YAML.
    pub text: String,
}

/// Without the text, which has the values of Secrets and of the conf.
impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document")
            .field("role", &self.role)
            .field("template", &self.template)
            .field("text", &crate::redaction::hidden(&self.text))
            .finish()
    }
}
