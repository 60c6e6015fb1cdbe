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
    let length = file.metadata()?.len();
    bounded_text(file, Some(length))
}

/// Reads as much as the longest list of applications may have, in memory that is taken once: a text that grows would be there twice
/// while it is moved. What is longer is refused before it is read, where its length is known.
///
/// # Errors
/// Where it is longer, not UTF-8, or can't be read.
pub(crate) fn bounded_text(source: impl io::Read, length: Option<u64>) -> io::Result<String> {
    let most = APPLICATION_LIST.most;
    let holds = |length: usize| {
        let held = APPLICATION_LIST.holds("", length);
        held.map_err(|over| io::Error::new(io::ErrorKind::FileTooLarge, over))
    };
    let length = length.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    holds(length.unwrap_or_default())?;
    let mut text = String::new();
    // Memory that nothing is written to is not taken.
    text.try_reserve_exact(length.unwrap_or(most) + 1)
        .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    source.take(most as u64 + 1).read_to_string(&mut text)?;
    holds(text.len())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_refused_before_it_is_read_and_memory_is_taken_once() {
        struct Unread;
        impl io::Read for Unread {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("it is read");
            }
        }
        let most = APPLICATION_LIST.most as u64;
        let error = bounded_text(Unread, Some(most + 1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        let text = "a".repeat(100_000);
        let read = bounded_text(text.as_bytes(), Some(100_000)).unwrap();
        assert_eq!((read.len(), read.capacity()), (100_000, 100_001));
        // A file that grows, and a pipe.
        assert_eq!(bounded_text(text.as_bytes(), Some(1)).unwrap().len(), 100_000);
        let piped = bounded_text(text.as_bytes(), None).unwrap();
        assert_eq!(
            (piped.len(), piped.capacity()),
            (100_000, APPLICATION_LIST.most + 1)
        );
        let endless = bounded_text(io::repeat(b'a'), Some(0)).unwrap_err();
        assert_eq!(endless.kind(), io::ErrorKind::FileTooLarge);
    }
}
