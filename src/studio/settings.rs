//! What studio is given.

use crate::{operator::application::ApplicationDocument, templates::SetOptions};
use std::{fmt, path::PathBuf, sync::Arc};

/// Reads the applications of the files that studio was given; each has a label.
pub type ReadApplications = Arc<dyn Fn() -> Vec<(String, Result<ApplicationDocument, String>)> + Send + Sync>;

/// What studio is given.
#[derive(Clone)]
pub struct StudioSettings {
    /// The template directory.
    pub directory: PathBuf,
    /// How its sets are made and chosen; its directory is the one above.
    pub options: SetOptions,
    /// The directory with golden cases; without, none can be saved.
    pub cases: Option<PathBuf>,
    /// The templates to compare with, in place of git's HEAD.
    pub from: Option<PathBuf>,
    /// The files and directories with applications.
    pub files: Vec<PathBuf>,
    /// Reads those.
    pub read: ReadApplications,
    /// Whether the values of secrets are shown.
    pub show_secrets: bool,
}

impl fmt::Debug for StudioSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StudioSettings")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}
