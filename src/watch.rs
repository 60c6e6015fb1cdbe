//! Notices that mounted files changed.
//!
//! Their directories are watched, not the files: a watch on a file, or on `..data`, is dead after the kubelet's
//! first swap. Events are hints only; what counts is the files' content. Because hints can be lost (inotify's
//! limits, odd mounts), the files are looked at now and then without one.

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{sync::mpsc, task::JoinHandle, time};

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
    /// directories in the log; which they are is asked again after each change. Must be called inside a Tokio runtime.
    pub fn start(
        what: &'static str,
        directories: impl Fn() -> Vec<PathBuf> + Send + 'static,
        timing: Timing,
        look: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let mut watched = directories();
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
            let mut watcher = watch(what, &watched, &hint);
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
                let lost = watcher.is_none() || watched.iter().any(|directory| !directory.is_dir());
                let now = directories();
                if now != watched || (polled && lost) {
                    watched = now;
                    // Before the look, so that it sees what changed while nothing was watched.
                    watcher = watch(what, &watched, &hint);
                }
                blocking(&look).await;
            }
        });
        Self { task }
    }
}

async fn blocking(look: &Arc<dyn Fn() + Send + Sync>) {
    let look = Arc::clone(look);
    // It doesn't panic and isn't aborted; if it were, the next round tries again.
    let _ = tokio::task::spawn_blocking(move || look()).await;
}

/// Sends a hint for each event; none if a directory can't be watched, and then polling has to do.
fn watch(what: &'static str, directories: &[PathBuf], hint: &mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let hint = hint.clone();
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Our own reading is an access.
        if !matches!(event, Ok(ref event) if matches!(event.kind, EventKind::Access(_))) {
            // Full means that a hint is waiting already.
            let _ = hint.try_send(());
        }
    });
    let outcome = watcher.and_then(|mut watcher| {
        for directory in directories {
            watcher.watch(directory, RecursiveMode::NonRecursive)?;
        }
        Ok(watcher)
    });
    if let Err(error) = &outcome {
        tracing::warn!("{what} is polled, not watched: {:?}", error.kind);
    }
    outcome.ok()
}
