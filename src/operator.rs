//! The Spark operator's rules: its `SparkApplication`, how it becomes a submission, what its webhook adds, its labels, and
//! what a request to a service must not say.

pub mod application;
mod request;
mod reserved_labels;
mod translate;
pub mod wire;

pub use translate::{
    Origin, Webhook, add_for_webhook, add_metadata, add_owner, operator_labels, submission as submission_of,
};

pub use request::resolve;

pub(crate) use reserved_labels::check_template as check_template_labels;
pub(crate) use translate::executor_template;
