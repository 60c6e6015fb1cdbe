//! Template sets: the built-in templates, an admin's overrides, and their hot reload.

/// The text of all documents of one submission, all from one template set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The set that they came from: its name and content hash, `default@0123456789ab`.
    pub template_set: String,
    /// The documents: the driver Pod first, then what it owns in the order of creation.
    pub documents: Vec<Document>,
}

/// One rendered object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is for, and so the name of its file without `.yaml`: `pod-driver`, `service-driver`,
    /// `configmap-driver`, `configmap-executor-template`, ….
    pub role: String,
    /// The template that wrote it, for messages: `driver-pod.yaml.j2`.
    pub template: String,
    /// The text, YAML.
    pub text: String,
}
