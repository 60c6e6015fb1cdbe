//! What the commands for authors of templates have in common.

use super::{End, report};
use crate::templates::{SetOptions, SetsError, TemplateSets};

/// The sets of a directory, or the built-in one, compiled; their samples are not rendered.
pub(super) fn load(options: &SetOptions) -> Result<TemplateSets, End> {
    TemplateSets::load(options).map_err(|error| match &options.directory {
        Some(directory) if !matches!(error, SetsError::Directory(_)) => {
            report(&format!("{}:\n{error}", directory.display()))
        }
        _ => report(&error),
    })
}
