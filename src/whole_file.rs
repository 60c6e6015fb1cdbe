//! Files that appear whole or not at all, and never through a link that somebody else put there.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};
use uuid::Uuid;

/// Makes or replaces the file `path`, with the permissions `mode` less the umask: `fill` writes a new file beside it, which is
/// flushed and then renamed. A reader sees the old file or the new one.
///
/// The new file's name can't be guessed, and a name that is taken is an error; a link at `path` is replaced. So a link is
/// never followed, because others may write to the directory.
pub(crate) fn replace(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let name = name.to_string_lossy();
    let staged = directory.join(unguessable(name.trim_start_matches('.')));
    let written = fill_new(&staged, mode, fill)
        .and_then(|()| fs::rename(&staged, path))
        // A rename lasts once its directory is flushed.
        .and_then(|()| File::open(directory)?.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(&staged);
    }
    written
}

/// The name of a hidden file that nobody can have put there before.
pub(crate) fn unguessable(suffix: &str) -> String {
    // 62 random bits; short, because a socket's path may have 108 bytes.
    let (_, random) = Uuid::new_v4().as_u64_pair();
    format!(".{random:016x}.{suffix}")
}

fn fill_new(path: &Path, mode: u32, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
    fill(&mut file)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Write as _, os::unix::fs::symlink};

    #[test]
    fn a_planted_link_is_replaced_and_never_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, outside) = (folder.path().join("out.yaml"), folder.path().join("outside"));
        fs::write(&outside, "kept").unwrap();
        for planted in ["out.yaml", ".out.yaml", "out.tmp", ".out.yaml.tmp"] {
            symlink(&outside, folder.path().join(planted)).unwrap();
        }
        for text in ["first", "second"] {
            replace(&path, 0o600, |file| file.write_all(text.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert!(!path.is_symlink());
        }
        assert_eq!(fs::read_to_string(&outside).unwrap(), "kept");
        let failed = replace(&path, 0o600, |_| Err(io::ErrorKind::StorageFull.into()));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            5,
            "nothing is left over"
        );
    }

    #[test]
    fn a_name_that_is_taken_is_an_error_even_if_it_is_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, outside) = (folder.path().join("staged"), folder.path().join("outside"));
        symlink(&outside, &path).unwrap();
        let taken = fill_new(&path, 0o600, |_| Ok(()));
        assert_eq!(taken.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(!outside.exists());
    }
}
