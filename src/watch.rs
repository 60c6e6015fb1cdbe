//! Notices that mounted files changed.
//!
//! Their directories are watched, not the files: a watch on a file, or on `..data`, is dead after the kubelet's
//! first swap. Events are hints only; what counts is the files' content. Because hints can be lost (inotify's
//! limits, odd mounts), the files are looked at now and then without one.
//!
//! A directory may be removed and made again, which ends the watch on it. So the directories above it are watched too, for what
//! happens to it alone, and all are watched anew after each look: nothing tells a new directory from the old one for sure, for it
//! may have the same number.

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time,
};

/// When the files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long after the first hint, so that a swap's other events are over.
    pub debounce: Duration,
    /// How often without a hint.
    pub poll: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            debounce: Duration::from_millis(250),
            poll: Duration::from_secs(15),
        }
    }
}

/// A running watch. It ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    /// Calls `look`, which may block, when something in the directories changed, and now and then. `what` names the
    /// directories in the log; which they are is read again after each change. Must be called inside a Tokio runtime.
    pub fn start(
        what: &'static str,
        directories: impl Fn() -> Vec<PathBuf> + Send + 'static,
        timing: Timing,
        look: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let watched = directories();
        for directory in &watched {
            if !directory.join("..data").exists() {
                tracing::info!(
                    directory = %directory.display(),
                    "no `..data` in {what}: if its files are mounted with subPath, changes never arrive"
                );
            }
        }
        let look: Arc<dyn Fn() + Send + Sync> = Arc::new(look);
        let task = tokio::spawn(async move {
            let (hint, mut hints) = mpsc::channel(1);
            let mut watcher = watch(&watched, &hint);
            let mut is_watched = log_change(what, &watcher, true);
            // What changed since the caller's first look, before anything was watched.
            blocking(&look).await;
            loop {
                // The sender lives as long as this task, so `recv` never ends.
                let polled = time::timeout(timing.poll, hints.recv()).await.is_err();
                if !polled {
                    time::sleep(timing.debounce).await;
                    // What came meanwhile belongs to the same change.
                    let _ = hints.try_recv();
                }
                // Before the look, so that it sees what changed while nothing was watched.
                watcher = watch(&directories(), &hint);
                is_watched = log_change(what, &watcher, is_watched);
                blocking(&look).await;
            }
        });
        Self { task }
    }
}

/// The directories above these.
fn above(directories: &[PathBuf]) -> BTreeSet<PathBuf> {
    let absolute = directories
        .iter()
        .filter_map(|path| std::path::absolute(path).ok());
    absolute
        .flat_map(|path| path.ancestors().skip(1).map(Path::to_owned).collect::<Vec<_>>())
        .filter(|above| !directories.contains(above))
        .collect()
}

/// In a thread of its own: the end of the runtime would wait for a look in one of the runtime's.
async fn blocking(look: &Arc<dyn Fn() + Send + Sync>) {
    let look = Arc::clone(look);
    let (done, ended) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new().name("look".to_owned());
    let started = thread.spawn(move || {
        look();
        drop(done);
    });
    // Without a thread, and where it panics, the next round tries again.
    if started.is_ok() {
        let _ = ended.await;
    }
}

/// Says once that polling has to do; whether it need not.
fn log_change(what: &'static str, watcher: &notify::Result<RecommendedWatcher>, was_watched: bool) -> bool {
    if let (Err(error), true) = (watcher, was_watched) {
        tracing::warn!("{what} is polled, not watched: {:?}", error.kind);
    }
    watcher.is_ok()
}

/// Sends a hint for each event.
fn watch(directories: &[PathBuf], hint: &mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let hint = hint.clone();
    let watched: Vec<_> = directories
        .iter()
        .filter_map(|path| std::path::absolute(path).ok())
        .collect();
    let concerns = move |event: &notify::Event| {
        let of = |path: &PathBuf| {
            watched
                .iter()
                .any(|watched| path.starts_with(watched) || watched.starts_with(path))
        };
        event.need_rescan() || event.paths.is_empty() || event.paths.iter().any(of)
    };
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let concerns = match &event {
            // Our own reading is an access.
            Ok(event) => !matches!(event.kind, EventKind::Access(_)) && concerns(event),
            Err(_) => true,
        };
        if concerns {
            // Full means that a hint is waiting already.
            let _ = hint.try_send(());
        }
    });
    watcher.and_then(|mut watcher| {
        // Those above first: what isn't there yet is seen when it comes.
        for directory in above(directories) {
            // One that may not be read, or isn't there, tells nothing; polling is left.
            let _ = watcher.watch(&directory, RecursiveMode::NonRecursive);
        }
        for directory in directories.iter().filter(|directory| directory.exists()) {
            let directory = std::path::absolute(directory)?;
            watcher.watch(&directory, RecursiveMode::NonRecursive)?;
        }
        Ok(watcher)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, sync::Mutex};

    /// Polling would take an hour.
    const BY_EVENT: Timing = Timing {
        debounce: Duration::from_millis(20),
        poll: Duration::from_secs(3600),
    };

    #[tokio::test]
    async fn a_directory_that_is_removed_and_made_again_is_watched_still() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("above/templates");
        fs::create_dir_all(&directory).unwrap();
        let seen = Arc::new(Mutex::new(String::new()));
        let (watched, looked, noted) = (directory.clone(), directory.clone(), Arc::clone(&seen));
        let _watch = Watch::start(
            "a directory",
            move || vec![watched.clone()],
            BY_EVENT,
            move || *noted.lock().unwrap() = fs::read_to_string(looked.join("file")).unwrap_or_default(),
        );
        for (round, removed) in [&directory, directory.parent().unwrap(), &directory]
            .iter()
            .enumerate()
        {
            fs::create_dir_all(&directory).unwrap();
            // The second change comes after a pause: by then only the new directory's own watch can tell of it.
            for change in ["a", "b"] {
                let text = format!("{round}{change}");
                fs::write(directory.join("file"), &text).unwrap();
                let noticed = async {
                    while *seen.lock().unwrap() != text {
                        time::sleep(Duration::from_millis(10)).await;
                    }
                };
                let noticed = time::timeout(Duration::from_secs(30), noticed).await;
                assert!(noticed.is_ok(), "{text}: {}", seen.lock().unwrap());
                time::sleep(BY_EVENT.debounce * 5).await;
            }
            fs::remove_dir_all(removed).unwrap();
        }
    }
}
