//! Notices that the template directory changed.
//!
//! The directory itself is watched, not its files: a watch on a file, or on `..data`, is dead after the kubelet's
//! first swap. Events are hints only; what counts is the files' content. Because hints can be lost (inotify's
//! limits, odd mounts), the directory is looked at now and then without one.

use super::store::TemplateStore;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{sync::mpsc, task::JoinHandle, time};

/// When the directory is looked at.
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
    /// Watches the store's directory, if it has one. Must be called inside a Tokio runtime.
    pub fn start(store: Arc<TemplateStore>, timing: Timing) -> Option<Self> {
        let directory = store.directory()?.to_owned();
        if !directory.join("..data").exists() {
            tracing::info!(
                directory = %directory.display(),
                "no `..data` in the template directory: if its files are mounted with subPath, changes never arrive"
            );
        }
        let task = tokio::spawn(async move {
            let (hint, mut hints) = mpsc::channel(1);
            let mut watcher = watch(&directory, &hint);
            // What changed since the store's first look, before anything was watched.
            reload(&store).await;
            loop {
                // The sender lives as long as this task, so `recv` never ends.
                if let Ok(Some(())) = time::timeout(timing.poll, hints.recv()).await {
                    time::sleep(timing.debounce).await;
                    // What came meanwhile belongs to the same change.
                    let _ = hints.try_recv();
                } else if watcher.is_none() || !directory.is_dir() {
                    watcher = watch(&directory, &hint);
                }
                reload(&store).await;
            }
        });
        Some(Self { task })
    }
}

async fn reload(store: &Arc<TemplateStore>) {
    let store = Arc::clone(store);
    // It doesn't panic and isn't aborted; if it were, the next round tries again.
    let _ = tokio::task::spawn_blocking(move || store.reload()).await;
}

/// Sends a hint for each event; none if the directory can't be watched, and then polling has to do.
fn watch(directory: &Path, hint: &mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let hint = hint.clone();
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Our own reading is an access.
        if !matches!(event, Ok(ref event) if matches!(event.kind, EventKind::Access(_))) {
            // Full means that a hint is waiting already.
            let _ = hint.try_send(());
        }
    });
    let outcome = watcher.and_then(|mut watcher| {
        watcher.watch(directory, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    if let Err(error) = &outcome {
        tracing::warn!("the template directory is polled, not watched: {:?}", error.kind);
    }
    outcome.ok()
}
