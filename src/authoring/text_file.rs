//! The files of a case: regular ones, so that reading one always ends.

use crate::{limits::APPLICATION_LIST, regular_file};
use rustix::fs::OFlags;
use std::{
    io::{self, Read as _},
    path::Path,
};

/// Reads a regular file.
///
/// # Errors
/// Where it is another kind of file, too long, not UTF-8, or can't be read.
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    let file = regular_file::open(path, OFlags::empty())?.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "expected a regular file, found another kind of file",
        )
    })?;
    let most = APPLICATION_LIST.most as u64;
    let mut text = String::new();
    file.take(most + 1).read_to_string(&mut text)?;
    let held = APPLICATION_LIST.holds("", text.len());
    held.map_err(|over| io::Error::new(io::ErrorKind::FileTooLarge, over))?;
    Ok(text)
}
