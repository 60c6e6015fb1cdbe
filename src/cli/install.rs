//! `native-submit install`

use super::{End, report, spark_submit};
use crate::finding::error_words;
use crate::whole_file;
use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// The arguments of `install`.
#[derive(Debug, clap::Args)]
pub(super) struct Install {
    /// Directory for the copy, such as a volume that the operator's container mounts over its spark-submit. A file spark-submit
    /// in it is replaced
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Install {
    pub(super) fn run(self) -> End {
        match copy_into(&self.directory) {
            Ok(path) => super::print(&format!("{}\n", path.display())),
            Err(error) => report(&format!("{}: {}", self.directory.display(), error_words(&error))),
        }
    }
}

/// Whole or not at all: a reader never meets half a binary.
fn copy_into(directory: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(directory)?;
    let path = directory.join(spark_submit::NAME);
    let mut ours = fs::File::open(std::env::current_exe()?)?;
    whole_file::replace(&path, 0o755, |file| {
        io::copy(&mut ours, file)?;
        // Whatever the umask is: another user runs it.
        file.set_permissions(fs::Permissions::from_mode(0o755))
    })?;
    Ok(path)
}
