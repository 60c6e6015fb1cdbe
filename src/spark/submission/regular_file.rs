//! Files that are read for a submission: regular ones of a bounded length, so that reading one always ends, and soon.

use crate::{
    limits::{FILE, Limit},
    regular_file,
};
use rustix::fs::OFlags;
use std::{
    fs::File,
    io::{self, ErrorKind, Read as _},
    os::fd::AsRawFd as _,
    path::Path,
};

/// Why a file was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubmitterFileError {
    /// It is a directory, a pipe, a device or a socket.
    NotRegular,
    /// It is longer than this limit.
    TooLong(Limit),
    /// It can't be opened or read.
    Failed(ErrorKind),
}

impl From<io::Error> for SubmitterFileError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.kind())
    }
}

/// Reads a regular file of at most [`FILE`] bytes.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, SubmitterFileError> {
    contents(open(path, OFlags::empty())?)
}

/// As [`read`], of a path without links. One that was put there meanwhile is not followed.
pub(super) fn read_there(path: &Path) -> Result<Vec<u8>, SubmitterFileError> {
    let file = open(path, OFlags::NOFOLLOW)?;
    // A directory on the way may have become a link, too.
    let opened = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    if opened != path {
        return Err(SubmitterFileError::Failed(ErrorKind::NotFound));
    }
    contents(file)
}

fn open(path: &Path, more: OFlags) -> Result<File, SubmitterFileError> {
    regular_file::open(path, more)?.ok_or(SubmitterFileError::NotRegular)
}

/// What is in it, as it was opened: a name may come to mean another file, this one stays.
fn contents(file: File) -> Result<Vec<u8>, SubmitterFileError> {
    let most = FILE.most as u64;
    if file.metadata()?.len() > most {
        return Err(SubmitterFileError::TooLong(FILE));
    }
    let mut contents = Vec::new();
    // It may grow while it is read.
    file.take(most + 1).read_to_end(&mut contents)?;
    if contents.len() as u64 > most {
        return Err(SubmitterFileError::TooLong(FILE));
    }
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_was_put_in_the_place_of_a_file_or_directory_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        std::fs::write(root.join("real/file"), "x").unwrap();
        std::os::unix::fs::symlink("real/file", root.join("link")).unwrap();
        std::os::unix::fs::symlink("real", root.join("directory")).unwrap();
        assert_eq!(read_there(&root.join("real/file")).unwrap(), b"x");
        for through_a_link in ["link", "directory/file"] {
            let path = root.join(through_a_link);
            assert_eq!(read(&path).unwrap(), b"x");
            assert!(
                matches!(read_there(&path), Err(SubmitterFileError::Failed(_))),
                "{through_a_link}"
            );
        }
    }
}
