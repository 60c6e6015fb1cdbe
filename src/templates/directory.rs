//! The files of a template directory, read as one state of it.
//!
//! The kubelet updates a `ConfigMap` mount by renaming a symlink, `..data`, to a new directory. So the link is read
//! once, everything is read beneath what it points at, and if it points elsewhere afterwards all is read again.
//! A directory without `..data` is read as it is.
//!
//! Only regular files that really are in the directory are read, whatever links lead to.
//!
//! A folder in it is a set by that name: one that the mount itself has (a projected volume with paths), and then of the
//! same state; or a directory of its own, which may be another mount.

use super::{
    files::{ALWAYS, Files, is_part, is_template},
    parts::DEFAULT_SET,
    vocabulary::nearest,
};
use crate::{finding::io_words, regular_file};
use rustix::fs::OFlags;
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fmt, fs, io,
    io::Read as _,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
};

/// The symlink that the kubelet's atomic writer renames.
const LIVE: &str = "..data";

/// The most bytes of all files together. A `ConfigMap` holds 1 MiB; a projected volume may join several.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// The most entries of the directory.
const MOST_ENTRIES: usize = 1000;

/// The most sets.
const MOST_SETS: usize = 100;

/// The longest name of a set.
const LONGEST_NAME: usize = 63;

/// How often a directory that changes while it is read is read again.
const ATTEMPTS: usize = 5;

/// What a template directory holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contents {
    /// The templates, and the exemptions of policies, by file name.
    pub files: Files,
    /// What is odd about its entries, such as those that are left out.
    pub odd: Vec<OddEntry>,
}

/// An entry of a template directory of which its author must know something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OddEntry {
    /// Its path in the template directory.
    pub path: PathBuf,
    /// What is odd about it.
    pub what: String,
}

impl fmt::Display for OddEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

impl Contents {
    /// As those of a folder of the template directory.
    fn of_folder(mut self, name: &str) -> Self {
        for entry in &mut self.odd {
            entry.path = Path::new(name).join(&entry.path);
        }
        self
    }

    /// Whether there is no template, whatever else there is: exemptions alone are none.
    pub(crate) fn has_no_template(&self) -> bool {
        !self.files.keys().any(|name| is_template(name))
    }
}

/// One state of each set, or why it can't be read.
pub(crate) type Sets = BTreeMap<String, Result<Contents, DirectoryError>>;

/// Why a template directory can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DirectoryError {
    #[error("the template directory {path} can't be read: {}", io_words(*error))]
    Directory { path: String, error: io::ErrorKind },
    #[error("the template directory has no template: no file in it ends in `.j2`")]
    Empty,
    #[error(
        "the folder `{0}` has no template: no file in it ends in `.j2`; remove the folder to do without it"
    )]
    EmptyFolder(String),
    #[error("{name}: can't be read: {}", io_words(*error))]
    File { name: String, error: io::ErrorKind },
    #[error("{0}: expected a regular file, found another kind of file")]
    NoFile(String),
    #[error("{0}: leads to a file outside of the template directory")]
    Outside(String),
    #[error("the folder `{ALWAYS}`, which applies to every set: {0}")]
    Always(Box<Self>),
    #[error("the folder leads outside of the template directory")]
    FolderOutside,
    #[error("{0}: a template's file name must be UTF-8")]
    Name(String),
    #[error("expected at most {MOST_BYTES} bytes of files in all, found more")]
    TooLarge,
    #[error("expected at most {MOST_ENTRIES} entries in the directory, found more")]
    TooMany,
    #[error("the directory changed while it was read, {ATTEMPTS} times in a row")]
    Restless,
    #[error("expected at most {MOST_SETS} template sets, found more")]
    TooManySets,
    #[error(
        "the default set's templates are in the template directory itself and in its folder `{DEFAULT_SET}`"
    )]
    TwoDefaults,
}

impl DirectoryError {
    /// Why this directory can't be read.
    fn of(directory: &Path) -> impl Fn(io::Error) -> Self {
        let path = directory.display().to_string();
        move |error| Self::Directory {
            path: path.clone(),
            error: error.kind(),
        }
    }
}

/// Reads all sets; an error where the directory itself can't be read.
pub(crate) fn read_sets(directory: &Path) -> Result<Sets, DirectoryError> {
    let root = root(directory)?;
    let mut sets = settled(directory, |base| {
        let mut sets = Sets::new();
        if base != directory {
            for (name, folder) in folders(base)? {
                let contents = read_folder(&folder, &root).map(|contents| contents.of_folder(&name));
                sets.insert(name, contents);
            }
        }
        let default = read_files(base, &root, Folders::AreSets);
        Ok((sets, default))
    })
    .map(|(mut sets, default)| {
        let folder = sets.remove(DEFAULT_SET);
        sets.insert(DEFAULT_SET.to_owned(), one_default(default, folder));
        sets
    })?;
    for (name, folder) in own_folders(directory)? {
        let contents = settled(&folder, |base| read_folder(base, &root));
        let contents = contents.map(|contents| contents.of_folder(&name));
        if name == DEFAULT_SET {
            let beside = sets
                .remove(DEFAULT_SET)
                .unwrap_or(Err(DirectoryError::TwoDefaults));
            sets.insert(name, one_default(beside, Some(contents)));
        } else {
            sets.insert(name, contents);
        }
    }
    if sets.len() > MOST_SETS {
        return Err(DirectoryError::TooManySets);
    }
    for (name, contents) in &mut sets {
        // What an admin emptied, a `ConfigMap` for one, is no wish to do without what it held: it may be a policy.
        let is_folder = name != DEFAULT_SET || directory.join(DEFAULT_SET).is_dir();
        let is_empty = |contents: &Contents| {
            contents.has_no_template()
                && (contents.odd.is_empty() || [ALWAYS, DEFAULT_SET].contains(&name.as_str()))
        };
        if is_folder && contents.as_ref().is_ok_and(is_empty) {
            *contents = Err(DirectoryError::EmptyFolder(name.clone()));
        }
        if let (Ok(contents), Some(meant)) = (contents.as_mut(), misspelled(name)) {
            contents.odd.push(OddEntry {
                path: name.into(),
                what: format!(
                    "a set that only those submissions get for which it is chosen; did you mean `{meant}`?"
                ),
            });
        }
    }
    Ok(sets)
}

/// Takes the layer that applies to every submission out of what was read; it is no set.
///
/// # Errors
/// Where its folder is there and can't be read.
pub(crate) fn take_always(sets: &mut Sets) -> Result<Contents, DirectoryError> {
    let none = Contents {
        files: Files::new(),
        odd: Vec::new(),
    };
    let always = sets.remove(ALWAYS).unwrap_or(Ok(none));
    always.map_err(|error| DirectoryError::Always(Box::new(error)))
}

/// Reads all sets; an error also where there is no template in any of them.
///
/// A mounted template directory must have templates: without any, something is missing, such as the `ConfigMap`.
pub(crate) fn read_filled_sets(directory: &Path) -> Result<Sets, DirectoryError> {
    let sets = read_sets(directory)?;
    if is_empty(&sets) {
        return Err(DirectoryError::Empty);
    }
    Ok(sets)
}

/// Whether there is no template in any set.
pub(crate) fn is_empty(sets: &Sets) -> bool {
    sets.values()
        .all(|contents| contents.as_ref().is_ok_and(Contents::has_no_template))
}

/// The directories whose changes matter: the template directory, and each of its folders that may be another mount.
pub(crate) fn watched(directory: &Path) -> Vec<PathBuf> {
    let folders = own_folders(directory).unwrap_or_default();
    std::iter::once(directory.to_owned())
        .chain(folders.into_values())
        .collect()
}

/// Where a folder holds the default set, there are no templates beside it.
fn one_default(
    beside: Result<Contents, DirectoryError>,
    folder: Option<Result<Contents, DirectoryError>>,
) -> Result<Contents, DirectoryError> {
    match (beside, folder) {
        (beside, None) => beside,
        (Ok(beside), Some(folder)) if beside.files.is_empty() => folder.map(|mut folder| {
            folder.odd.extend(beside.odd);
            folder
        }),
        (Ok(_), Some(_)) => Err(DirectoryError::TwoDefaults),
        (Err(error), Some(_)) => Err(error),
    }
}

/// Reads one state of one directory.
#[cfg(test)]
pub(super) fn read(directory: &Path) -> Result<Contents, DirectoryError> {
    let root = root(directory)?;
    settled(directory, |base| read_files(base, &root, Folders::AreSets))
}

/// Where the directory really is. Only what is below is read: a link to anything else, such as a file of `/proc`, would put its
/// text into Pods. A folder that is a mount of its own is below.
fn root(directory: &Path) -> Result<PathBuf, DirectoryError> {
    fs::canonicalize(directory).map_err(DirectoryError::of(directory))
}

/// Reads a set's folder.
fn read_folder(folder: &Path, root: &Path) -> Result<Contents, DirectoryError> {
    let real = fs::canonicalize(folder).map_err(DirectoryError::of(folder))?;
    if !real.starts_with(root) {
        return Err(DirectoryError::FolderOutside);
    }
    read_files(folder, root, Folders::AreNothing)
}

/// What `read` makes of the live state, which is still the live one afterwards.
fn settled<T>(
    directory: &Path,
    read: impl Fn(&Path) -> Result<T, DirectoryError>,
) -> Result<T, DirectoryError> {
    for _ in 0..ATTEMPTS {
        let live = live(directory)?;
        let base = live
            .as_ref()
            .map_or_else(|| directory.to_owned(), |live| directory.join(live));
        let outcome = read(&base);
        if self::live(directory)? == live {
            return outcome;
        }
    }
    Err(DirectoryError::Restless)
}

/// The folders of a directory that are no part of its own mount, where it is one: those of the mount are links.
fn own_folders(directory: &Path) -> Result<BTreeMap<String, PathBuf>, DirectoryError> {
    let is_mount = live(directory)?.is_some();
    let mut folders = folders(directory)?;
    folders.retain(|_, folder| !is_mount || !folder.is_symlink());
    Ok(folders)
}

/// The folders of a directory that are sets by their names.
fn folders(directory: &Path) -> Result<BTreeMap<String, PathBuf>, DirectoryError> {
    let failed = DirectoryError::of(directory);
    let mut folders = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(&failed)?.take(MOST_ENTRIES) {
        let entry = entry.map_err(&failed)?;
        if let Some(name) = entry.file_name().to_str()
            && is_set_name(name)
            && entry.path().is_dir()
        {
            folders.insert(name.to_owned(), entry.path());
        }
    }
    Ok(folders)
}

/// The folder of a special meaning that the name of a set is like.
fn misspelled(name: &str) -> Option<&'static str> {
    let special = [ALWAYS, DEFAULT_SET];
    nearest(name, &special).filter(|_| !special.contains(&name))
}

/// Whether a set may have this name: a DNS label.
pub(crate) fn is_set_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= LONGEST_NAME
        && name.bytes().all(|byte| plain(byte) || byte == b'-')
        && name.bytes().next().is_some_and(plain)
        && name.bytes().next_back().is_some_and(plain)
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
        Err(error) => Err(DirectoryError::of(directory)(error)),
    }
}

/// What the folders beside the files are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Folders {
    /// Sets, of the template directory.
    AreSets,
    /// Nothing: a set has files alone.
    AreNothing,
}

fn read_files(base: &Path, root: &Path, folders: Folders) -> Result<Contents, DirectoryError> {
    let failed = DirectoryError::of(base);
    let mut contents = Contents {
        files: Files::new(),
        odd: Vec::new(),
    };
    let mut left = MOST_BYTES;
    for (index, entry) in fs::read_dir(base).map_err(&failed)?.enumerate() {
        if index == MOST_ENTRIES {
            return Err(DirectoryError::TooMany);
        }
        let entry = entry.map_err(&failed)?;
        let Some(name) = name(&entry.file_name())? else {
            continue;
        };
        if !is_part(&name) {
            let why = match (entry.path().is_dir(), folders) {
                (false, _) => "its name doesn't end in `.j2`",
                (true, Folders::AreNothing) => {
                    "it is a folder in a set's folder; only files in the set's own folder count"
                }
                (true, Folders::AreSets) if !is_set_name(&name) => {
                    "a set's name has lowercase letters, digits and `-` only"
                }
                (true, Folders::AreSets) => continue,
            };
            contents.odd.push(OddEntry {
                path: name.into(),
                what: format!("ignored, because {why}"),
            });
            continue;
        }
        let bytes = match read_file(&entry.path(), root, left) {
            Ok(Read::Bytes(bytes)) => bytes,
            Ok(Read::TooLarge) => return Err(DirectoryError::TooLarge),
            Ok(Read::NoFile) => return Err(DirectoryError::NoFile(name)),
            Ok(Read::Outside) => return Err(DirectoryError::Outside(name)),
            Err(error) => {
                let error = error.kind();
                return Err(DirectoryError::File { name, error });
            }
        };
        left = left.saturating_sub(bytes.len() as u64);
        contents.files.insert(name, bytes);
    }
    contents.odd.sort();
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

/// What became of a file.
enum Read {
    Bytes(Vec<u8>),
    TooLarge,
    NoFile,
    Outside,
}

fn read_file(path: &Path, root: &Path, most: u64) -> io::Result<Read> {
    // Looked at before it is opened, for opening a device may do something; and opened without waiting, for by then it may have
    // become a named pipe.
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Ok(Read::NoFile);
    }
    let Some(file) = regular_file::open(path, OFlags::empty())? else {
        return Ok(Read::NoFile);
    };
    // Of the open file: what the path leads to may change meanwhile.
    let opened = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    if !opened.starts_with(root) {
        return Ok(Read::Outside);
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Ok(Read::TooLarge);
    }
    Ok(Read::Bytes(bytes))
}

#[cfg(test)]
mod tests;
