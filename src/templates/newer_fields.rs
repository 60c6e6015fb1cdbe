//! Fields that templates write and Kubernetes' types here don't have.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What becomes of a field in a template's object that the types of this release don't have. It is a misspelling, or the cluster
/// is newer than this release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum NewerFields {
    /// The template set is rejected, and a submission refused.
    #[default]
    Refuse,
    /// It is kept, sent to the API server and warned of.
    Warn,
}
