//! What the commands for authors of templates have in common.

use super::{End, report};
use crate::templates::{TemplateSet, read_directory};
use std::path::Path;

/// The set of a directory, compiled; its samples are not rendered.
fn load(directory: &Path) -> Result<TemplateSet, End> {
    let contents =
        read_directory(directory).map_err(|error| report(&format!("{}: {error}", directory.display())))?;
    TemplateSet::load(&contents.files).map_err(|error| report(&format!("{}:\n{error}", directory.display())))
}

/// The set of a directory, or the built-in one.
pub(super) fn load_or_builtin(directory: Option<&Path>) -> Result<TemplateSet, End> {
    match directory {
        Some(directory) => load(directory),
        None => TemplateSet::builtin().map_err(|error| report(&error)),
    }
}
