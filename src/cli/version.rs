//! What `--version` says.

use crate::{
    kubernetes::TYPES_VERSION,
    spark::{plan::CONTEXT_VERSION, submission::SparkVersion},
};
use std::sync::OnceLock;

/// The long text: what was built, of what, and for what. `commit` is empty if it isn't known.
pub(super) fn long(commit: &str) -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let commit = if commit.is_empty() { "unknown" } else { commit };
        format!(
            "{}\ncommit: {commit}\nSpark versions: {} to {}\nKubernetes types: {TYPES_VERSION}\ntemplate context: {CONTEXT_VERSION}",
            env!("CARGO_PKG_VERSION"),
            SparkVersion::oldest(),
            SparkVersion::newest(),
        )
    })
}
