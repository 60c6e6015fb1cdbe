//! Regular files, so that reading one always ends.

use rustix::fs::{Mode, OFlags};
use std::{fs::File, io, path::Path};

/// Opens a file, with `more` flags, and doesn't wait for the writer of a pipe; none where it is a directory, a pipe, a device or a
/// socket. It is looked at as it was opened: a name may come to mean another file.
///
/// # Errors
/// Where it can't be opened.
pub(crate) fn open(path: &Path, more: OFlags) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | more;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let is_regular = file.metadata()?.is_file();
    Ok(is_regular.then_some(file))
}
