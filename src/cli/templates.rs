//! What the commands for authors of templates have in common.

use super::{End, report};
use crate::templates::{SetOptions, TemplateSets};

/// The sets of a directory, or the built-in one, compiled; their samples are not rendered.
pub(super) fn load(options: &SetOptions) -> Result<TemplateSets, End> {
    TemplateSets::load(options).map_err(|error| match &options.directory {
        Some(directory) => report(&format!("{}:\n{error}", directory.display())),
        None => report(&error),
    })
}
