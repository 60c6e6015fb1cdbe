//! `check --watch`: the check again, whenever a file changes.

use super::Check;
use crate::{
    authoring::case,
    cli::{End, could_not_run, output},
    finding::io_words,
    templates::watched,
    watch::{Timing, Watch},
};
use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Notify;

/// Erases the screen and what scrolled off it.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J\u{1b}[3J";

/// The most files that are looked at for a change.
const MOST_FILES: usize = 100_000;

/// What tells one state of a file from another: path, inode, length and time of the last change.
type Seen = Vec<(PathBuf, u64, u64, i64, i64)>;

/// Checks, and again after each change. It ends when it is interrupted, or nobody reads it any more.
pub(super) fn watch(check: Check) -> End {
    if let Err(error) = fs::read_dir(&check.directory) {
        let directory = check.directory.display();
        return could_not_run(&format!(
            "{directory}: can't be watched: {}",
            io_words(error.kind())
        ));
    }
    let Ok(runtime) = crate::cli::runtime() else {
        return End::CouldNotRun;
    };
    let (directory, cases) = (check.directory.clone(), check.cases.clone());
    let directories = move || directories(&directory, cases.as_deref());
    let unread = Arc::new(Notify::new());
    let (told, seen) = (Arc::clone(&unread), Mutex::new(None));
    let of_check = directories.clone();
    let look = move || {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = files(&of_check());
        if seen.as_ref() == Some(&now) {
            return;
        }
        *seen = Some(now);
        check.once();
        if output::is_unread() {
            told.notify_one();
        }
    };
    runtime.block_on(async {
        let _watch = Watch::start("the template directory", directories, Timing::default(), look);
        unread.notified().await;
    });
    End::Done
}

impl Check {
    /// Runs one check of many. An error that would end a single check is reported, and watching goes on.
    fn once(&self) {
        if io::stdout().is_terminal() {
            let _ = io::stdout().lock().write_all(CLEAR.as_bytes());
        }
        let _ = self.findings();
        output::message!("watching {} for changes", self.directory.display());
    }
}

/// The directories whose files count.
fn directories(templates: &Path, cases: Option<&Path>) -> Vec<PathBuf> {
    let mut all = watched(templates);
    if let Some(cases) = cases {
        all.push(cases.to_owned());
        all.extend(case::folders(cases).unwrap_or_default());
    }
    all
}

/// The state of the files in these directories.
fn files(directories: &[PathBuf]) -> Seen {
    // What a mount has now is behind `..data`.
    let real = directories.iter().flat_map(|directory| {
        let live = directory.join("..data");
        [directory.clone(), live]
    });
    let entries = real
        .filter_map(|directory| fs::read_dir(directory).ok())
        .flatten();
    let mut seen: Seen = entries
        .take(MOST_FILES)
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let about = fs::metadata(&path).ok()?;
            Some((path, about.ino(), about.len(), about.mtime(), about.mtime_nsec()))
        })
        .collect();
    seen.sort();
    seen
}
