//! The files of a template directory, read as one state of it.
//!
//! The kubelet updates a `ConfigMap` mount by renaming a symlink, `..data`, to a new directory. So the link is read
//! once, everything is read beneath what it points at, and if it points elsewhere afterwards all is read again.
//! A directory without `..data` is read as it is.

use super::set::is_template;
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

/// The symlink that the kubelet's atomic writer renames.
const LIVE: &str = "..data";

/// The most bytes of all files together. A `ConfigMap` holds 1 MiB; a projected volume may join several.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// The most entries of the directory.
const MOST_ENTRIES: usize = 1000;

/// How often a directory that changes while it is read is read again.
const ATTEMPTS: usize = 5;

/// What a template directory holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contents {
    /// The templates by file name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What was left out, and why.
    pub ignored: Vec<String>,
    /// Whether it is a mount that the kubelet updates.
    pub has_live_link: bool,
}

/// Why a template directory can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    #[error("the template directory can't be read: {0}")]
    Directory(io::ErrorKind),
    #[error("{name}: can't be read: {error}")]
    File { name: String, error: io::ErrorKind },
    #[error("{0}: a template's file name must be UTF-8")]
    Name(String),
    #[error("the files have over {MOST_BYTES} bytes in all")]
    TooLarge,
    #[error("the directory has over {MOST_ENTRIES} entries")]
    TooMany,
    #[error("the directory changed while it was read, {ATTEMPTS} times in a row")]
    Restless,
}

/// Reads one state of the directory.
pub(crate) fn read(directory: &Path) -> Result<Contents, DirectoryError> {
    for _ in 0..ATTEMPTS {
        let live = live(directory)?;
        let base = live
            .as_ref()
            .map_or_else(|| directory.to_owned(), |live| directory.join(live));
        let outcome = read_files(&base, live.is_some());
        if self::live(directory)? == live {
            return outcome;
        }
    }
    Err(DirectoryError::Restless)
}

/// What `..data` points at, if it is there.
fn live(directory: &Path) -> Result<Option<PathBuf>, DirectoryError> {
    match fs::read_link(directory.join(LIVE)) {
        Ok(target) => Ok(Some(target)),
        // Not there, or no symlink: a plain directory.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::InvalidInput
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(DirectoryError::Directory(error.kind())),
    }
}

fn read_files(base: &Path, has_live_link: bool) -> Result<Contents, DirectoryError> {
    let failed = |error: io::Error| DirectoryError::Directory(error.kind());
    let mut contents = Contents {
        files: BTreeMap::new(),
        ignored: Vec::new(),
        has_live_link,
    };
    let mut left = MOST_BYTES;
    for (index, entry) in fs::read_dir(base).map_err(failed)?.enumerate() {
        if index == MOST_ENTRIES {
            return Err(DirectoryError::TooMany);
        }
        let entry = entry.map_err(failed)?;
        let Some(name) = name(&entry.file_name())? else {
            continue;
        };
        if !is_template(&name) {
            contents
                .ignored
                .push(format!("{name}: ignored, because its name doesn't end in `.j2`"));
            continue;
        }
        let bytes = read_file(&entry.path(), left).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => DirectoryError::TooLarge,
            error => DirectoryError::File {
                name: name.clone(),
                error,
            },
        })?;
        left = left.saturating_sub(bytes.len() as u64);
        contents.files.insert(name, bytes);
    }
    contents.ignored.sort();
    Ok(contents)
}

/// The file's name; none for those that the kubelet keeps to itself.
fn name(name: &OsStr) -> Result<Option<String>, DirectoryError> {
    let lossy = name.to_string_lossy();
    match name.to_str() {
        Some(name) if name.starts_with("..") => Ok(None),
        Some(name) => Ok(Some(name.to_owned())),
        None if is_template(&lossy) => Err(DirectoryError::Name(lossy.escape_debug().to_string())),
        None => Ok(None),
    }
}

fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // Looked at before it is opened: opening a named pipe would wait for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn message(directory: &Path) -> String {
        read(directory).unwrap_err().to_string()
    }

    #[test]
    fn a_plain_directory_is_read_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("secret.yaml.j2"), "a").unwrap();
        fs::write(directory.path().join("README.md"), "b").unwrap();
        fs::create_dir(directory.path().join("..2026")).unwrap();
        let contents = read(directory.path()).unwrap();
        assert_eq!(
            contents.files,
            [("secret.yaml.j2".to_owned(), b"a".to_vec())].into()
        );
        assert_eq!(
            contents.ignored,
            ["README.md: ignored, because its name doesn't end in `.j2`"]
        );
        assert!(!contents.has_live_link);
    }

    #[test]
    fn what_the_live_link_points_at_counts_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        fs::create_dir(path.join("..1")).unwrap();
        fs::write(path.join("..1/secret.yaml.j2"), "live").unwrap();
        fs::write(path.join("configmap.yaml.j2"), "stray").unwrap();
        symlink("..1", path.join("..data")).unwrap();
        symlink("..data/secret.yaml.j2", path.join("secret.yaml.j2")).unwrap();
        let contents = read(path).unwrap();
        assert_eq!(
            contents.files,
            [("secret.yaml.j2".to_owned(), b"live".to_vec())].into()
        );
        assert!(contents.has_live_link);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert_eq!(
            message(&path.join("nope")),
            "the template directory can't be read: entity not found"
        );

        symlink("gone", path.join("secret.yaml.j2")).unwrap();
        assert_eq!(message(path), "secret.yaml.j2: can't be read: entity not found");
        fs::remove_file(path.join("secret.yaml.j2")).unwrap();

        fs::create_dir(path.join("secret.yaml.j2")).unwrap();
        assert_eq!(message(path), "secret.yaml.j2: can't be read: is a directory");
        fs::remove_dir(path.join("secret.yaml.j2")).unwrap();

        fs::write(path.join("secret.yaml.j2"), vec![b'a'; 3 << 20]).unwrap();
        fs::write(path.join("configmap.yaml.j2"), vec![b'a'; 2 << 20]).unwrap();
        assert_eq!(message(path), "the files have over 4194304 bytes in all");

        symlink("..gone", path.join("..data")).unwrap();
        assert_eq!(
            message(path),
            "the template directory can't be read: entity not found"
        );
    }

    #[test]
    fn a_name_that_is_no_text_is_an_error_only_for_a_template() {
        use std::os::unix::ffi::OsStrExt as _;
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(OsStr::from_bytes(b"a\xff")), "").unwrap();
        assert!(read(directory.path()).is_ok());
        fs::write(directory.path().join(OsStr::from_bytes(b"a\xff.j2")), "").unwrap();
        assert!(message(directory.path()).ends_with("must be UTF-8"));
    }
}
