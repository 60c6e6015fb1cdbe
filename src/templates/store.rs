//! Which template set is live, and what became of the last attempt to change it.
//!
//! A set goes live only after it compiled *and* rendered the samples to manifests that pass the checks. Otherwise
//! the last good one stays. Who renders takes one set and keeps it for all documents of a submission.

use super::{TemplateSet, directory, set};
use crate::watch::{Timing, Watch};
use arc_swap::ArcSwapOption;
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};
use tokio::sync::watch;

/// Renders and checks the samples of all application types with a set that is to go live. Its findings have
/// template, line and message, and no text of the templates.
pub type Probe = Arc<dyn Fn(&TemplateSet) -> Result<(), Vec<String>> + Send + Sync>;

/// What is served when the set is bad from the start (`TEMPLATE_FALLBACK`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// The built-in templates, with a warning.
    Builtin,
    /// Nothing: submissions are refused until the set is good.
    Refuse,
}

/// No set is live: the one that was there at the start was rejected, and the fallback is [`Fallback::Refuse`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no template set is live: {reason}")]
pub struct NoTemplateSet {
    /// Why the set was rejected: template, line and message.
    pub reason: String,
}

/// What is live, and what became of the last attempt. Holds neither values nor the templates' text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// The id of the live set; none if none is.
    pub live: Option<String>,
    /// How many sets have gone live since the start.
    pub generation: u64,
    /// Why the last attempt failed; none if it didn't.
    pub last_error: Option<String>,
    /// The id of the set that the last attempt rejected, if it came so far as to have one.
    pub rejected: Option<String>,
    /// When the last attempt was made; looking at unchanged files is none.
    pub last_attempt: Option<SystemTime>,
    /// How many attempts made a set live, the first one included.
    pub reloads_succeeded: u64,
    /// How many attempts failed.
    pub reloads_failed: u64,
    /// What is odd about the live set's files but not wrong.
    pub warnings: Vec<String>,
}

/// Holds the live template set.
pub struct TemplateStore {
    directory: Option<PathBuf>,
    probe: Probe,
    live: ArcSwapOption<TemplateSet>,
    status: watch::Sender<Status>,
    /// Lets one attempt run at a time.
    attempt: Mutex<()>,
}

impl TemplateStore {
    /// Reads the directory (`TEMPLATE_DIR`; none: the built-in templates alone) for the first time.
    ///
    /// Never fails: what is wrong is in [`TemplateStore::status`], and for [`Fallback::Refuse`] in
    /// [`TemplateStore::current`]. Blocks while it reads and probes.
    pub fn start(directory: Option<PathBuf>, probe: Probe, fallback: Fallback) -> Self {
        let store = Self {
            directory,
            probe,
            live: ArcSwapOption::empty(),
            status: watch::Sender::default(),
            attempt: Mutex::default(),
        };
        store.reload();
        if store.live.load().is_none() && fallback == Fallback::Builtin {
            store.fall_back();
        }
        store
    }

    /// The live set. Whoever renders calls this once a submission.
    pub fn current(&self) -> Result<Arc<TemplateSet>, NoTemplateSet> {
        self.live.load_full().ok_or_else(|| NoTemplateSet {
            reason: self.status().last_error.unwrap_or_default(),
        })
    }

    /// What is live, and what became of the last attempt.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Tells of each change of the status.
    pub fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// The directory that is watched.
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// Looks at the directory, if there is one, whenever it changes, and now and then.
    pub fn watch(self: &Arc<Self>, timing: Timing) -> Option<Watch> {
        let directory = self.directory()?.to_owned();
        let store = Arc::clone(self);
        let look = move || store.reload();
        Some(Watch::start(
            "the template directory",
            vec![directory],
            timing,
            look,
        ))
    }

    /// Looks at the files and, if they changed since the last attempt, tries to make them live. Blocks.
    pub fn reload(&self) {
        let _one_at_a_time = self.attempt.lock().unwrap_or_else(PoisonError::into_inner);
        let read = self.directory.as_deref().map(directory::read).transpose();
        let (files, ignored) = match read {
            Ok(contents) => contents
                .map(|contents| (contents.files, contents.ignored))
                .unwrap_or_default(),
            Err(error) => return self.reject(None, error.to_string()),
        };
        let id = set::id_of(&files);
        let status = self.status();
        if status.rejected.as_ref() == Some(&id) {
            return;
        }
        if status.live.as_ref() == Some(&id) {
            return self.accept_live(&status);
        }
        let outcome = match TemplateSet::load(&files) {
            Ok(set) => self.probed(&set).map(|()| set),
            Err(error) => Err(error.brief()),
        };
        match outcome {
            Ok(set) => self.go_live(set, &ignored),
            Err(reason) => self.reject(Some(id), reason),
        }
    }

    fn probed(&self, set: &TemplateSet) -> Result<(), String> {
        // A probe that panics has found a set that must not go live.
        let probe = std::panic::AssertUnwindSafe(|| (self.probe)(set));
        match std::panic::catch_unwind(probe) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(findings)) => Err(findings.join("\n")),
            Err(_) => Err("rendering the samples panicked".to_owned()),
        }
    }

    /// The files are those of the live set again.
    fn accept_live(&self, status: &Status) {
        if status.last_error.is_some() {
            tracing::info!(
                live = status.live,
                "the template directory holds the live set again"
            );
            self.status.send_modify(|status| {
                status.last_error = None;
                status.rejected = None;
            });
        }
    }

    fn go_live(&self, set: TemplateSet, ignored: &[String]) {
        let id = set.id().to_owned();
        let warnings = [ignored, set.warnings()].concat();
        for warning in &warnings {
            tracing::warn!(template_set = %id, "{warning}");
        }
        self.live.store(Some(Arc::new(set)));
        tracing::info!(template_set = %id, "template set is live");
        self.status.send_modify(|status| {
            status.generation += 1;
            status.reloads_succeeded += 1;
            status.last_attempt = Some(SystemTime::now());
            status.last_error = None;
            status.rejected = None;
            status.warnings = warnings;
            status.live = Some(id);
        });
    }

    fn reject(&self, rejected: Option<String>, reason: String) {
        let status = self.status();
        // A directory that stays unreadable is looked at again and again: told once.
        if rejected.is_none() && status.rejected.is_none() && status.last_error.as_ref() == Some(&reason) {
            return;
        }
        tracing::error!(live = status.live, rejected, "template set rejected: {reason}");
        self.status.send_modify(|status| {
            status.reloads_failed += 1;
            status.last_attempt = Some(SystemTime::now());
            status.rejected = rejected;
            status.last_error = Some(reason);
        });
    }

    fn fall_back(&self) {
        match TemplateSet::builtin() {
            Ok(set) => {
                let id = set.id().to_owned();
                tracing::warn!(template_set = %id, "serving the built-in templates instead");
                self.live.store(Some(Arc::new(set)));
                self.status.send_modify(|status| {
                    status.generation += 1;
                    status.live = Some(id);
                });
            }
            Err(error) => self.reject(None, error.brief()),
        }
    }
}

impl fmt::Debug for TemplateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateStore")
            .field("directory", &self.directory)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
