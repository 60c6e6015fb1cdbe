//! Which template set is live, and what became of the last attempt to change it.
//!
//! A set goes live only after it compiled *and* rendered the samples to manifests that pass the checks, but for the built-in one,
//! which the golden files pin. Otherwise the last good one stays; other sets are not held up by it. Who renders takes one set and keeps it for all documents of a submission.

use super::{
    DEFAULT_SET, TemplateSet,
    directory::{self, Contents, DirectoryError},
    files::Files,
    set::Parts,
    sets::{SetOptions, TemplateSets},
    state::{Held, State, Status, Tally},
};
use crate::watch::{Timing, Watch};
use arc_swap::ArcSwap;
use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
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

/// Holds the live template sets.
pub struct TemplateStore {
    options: SetOptions,
    probe: Probe,
    fallback: Fallback,
    live: ArcSwap<TemplateSets>,
    status: watch::Sender<Status>,
    /// Lets one attempt run at a time.
    held: Mutex<Held>,
}

impl TemplateStore {
    /// Reads the directory (`TEMPLATE_DIR`; none: the built-in templates alone) for the first time.
    ///
    /// Never fails: what is wrong is in [`TemplateStore::status`], and for [`Fallback::Refuse`] in
    /// [`TemplateStore::current`]. Blocks while it reads and probes.
    pub fn start(options: impl Into<SetOptions>, probe: Probe, fallback: Fallback) -> Self {
        let options = options.into();
        let none = TemplateSets {
            sets: BTreeMap::new(),
            rules: options.rules.clone(),
        };
        let store = Self {
            options,
            probe,
            fallback,
            live: ArcSwap::from_pointee(none),
            status: watch::Sender::default(),
            held: Mutex::default(),
        };
        store.reload();
        for set in store.status().missing {
            tracing::warn!(
                set,
                "TEMPLATE_SETS names a set that is not there: who is to have it is refused"
            );
        }
        store
    }

    /// The live sets. Whoever renders calls this once a submission.
    pub fn current(&self) -> Arc<TemplateSets> {
        self.live.load_full()
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
        self.options.directory.as_deref()
    }

    /// Whether an application's annotation says anything about its set.
    pub fn heeds_annotation(&self) -> bool {
        self.options.directory.is_some()
    }

    /// Looks at the directory, if there is one, whenever it or a set's folder changes, and now and then.
    pub fn watch(self: &Arc<Self>, timing: Timing) -> Option<Watch> {
        let directory = self.directory()?.to_owned();
        let store = Arc::clone(self);
        Some(Watch::start(
            "the template directory",
            move || directory::watched(&directory),
            timing,
            move || store.reload(),
        ))
    }

    /// Looks at the files; each set that changed since its last attempt is tried, and goes live by itself. Blocks.
    ///
    /// The default set first, for the others build on the one that is live.
    pub fn reload(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tally = Tally::default();
        match self.directory().map(directory::read_sets).transpose() {
            Ok(sets) => {
                held.unreadable = None;
                self.look(&mut held.sets, sets.unwrap_or_default(), &mut tally);
            }
            Err(error) => {
                let reason = Some(error.to_string());
                // A directory that stays unreadable is looked at again and again: told once.
                if held.unreadable != reason {
                    tracing::error!("no template set can be read: {error}");
                    (tally.failed, tally.attempted) = (1, true);
                    held.unreadable = reason;
                }
                self.fall_back(held.sets.entry(DEFAULT_SET.to_owned()).or_default(), &mut tally);
            }
        }
        self.publish(&held, &tally);
    }

    fn look(&self, states: &mut BTreeMap<String, State>, mut sets: directory::Sets, tally: &mut Tally) {
        let none = Files::new();
        let empty = || {
            Ok(Contents {
                files: Files::new(),
                ignored: Vec::new(),
            })
        };
        let default = sets.remove(DEFAULT_SET).unwrap_or_else(empty);
        states.retain(|name, _| {
            let stays = name == DEFAULT_SET || sets.contains_key(name);
            if !stays {
                tracing::warn!(set = name, "the template set is gone");
            }
            stays
        });
        let state = states.entry(DEFAULT_SET.to_owned()).or_default();
        self.attempt(state, DEFAULT_SET, default, &none, tally);
        self.fall_back(state, tally);
        let base = state.live.clone();
        for (name, contents) in sets {
            let state = states.entry(name.clone()).or_default();
            match &base {
                Some(base) => self.attempt(state, &name, contents, base.files(), tally),
                None => state.error = Some("the default set, on which it builds, is not live".to_owned()),
            }
        }
    }

    /// Tries to make one set live, if its files changed.
    fn attempt(
        &self,
        state: &mut State,
        name: &str,
        contents: Result<Contents, DirectoryError>,
        default: &Files,
        tally: &mut Tally,
    ) {
        let contents = match contents {
            Ok(contents) => contents,
            Err(error) => return state.reject(name, None, error.to_string(), tally),
        };
        let parts = Parts {
            name,
            files: &contents.files,
            default,
            extra_kinds: &self.options.extra_kinds,
        };
        let id = parts.id();
        if state.rejected.as_ref() == Some(&id) {
            return;
        }
        if state.live.as_ref().is_some_and(|live| live.id() == id) {
            return state.accept_live(&id);
        }
        // What nobody changed is what the golden files pin.
        let is_builtin = contents.files.is_empty() && default.is_empty();
        let outcome = match TemplateSet::load_parts(parts) {
            Ok(set) if is_builtin => Ok(set),
            Ok(set) => self.probed(&set).map(|()| set),
            Err(error) => Err(error.brief()),
        };
        match outcome {
            Ok(set) => state.go_live(set, &contents.ignored, tally),
            Err(reason) => state.reject(name, Some(id), reason, tally),
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

    /// Where no default set ever went live, the built-in one serves, if the admin wants that. No named set is ever
    /// replaced so: it may be what keeps a team's drivers in bounds.
    fn fall_back(&self, state: &mut State, tally: &mut Tally) {
        if state.live.is_some() || self.fallback == Fallback::Refuse {
            return;
        }
        match TemplateSet::builtin() {
            Ok(set) => {
                tracing::warn!(template_set = %set.id(), "serving the built-in templates instead");
                state.live = Some(Arc::new(set));
                tally.fallen_back += 1;
            }
            Err(error) => state.reject(DEFAULT_SET, None, error.brief(), tally),
        }
    }

    /// Shows what is live now to those who render, and then to those who watch.
    fn publish(&self, held: &Held, tally: &Tally) {
        let error = |state: &State| {
            state
                .error
                .clone()
                .or_else(|| held.unreadable.clone())
                .unwrap_or_default()
        };
        let sets = held.sets.iter().map(|(name, state)| {
            let set = state.live.clone().ok_or_else(|| error(state));
            (name.clone(), set)
        });
        self.live.store(Arc::new(TemplateSets {
            sets: sets.collect(),
            rules: self.options.rules.clone(),
        }));
        self.status.send_if_modified(|status| {
            let mut new = held.status(self.options.rules.named());
            new.generation = status.generation + tally.live + tally.fallen_back;
            new.reloads_succeeded = status.reloads_succeeded + tally.live;
            new.reloads_failed = status.reloads_failed + tally.failed;
            new.last_attempt = if tally.attempted {
                Some(SystemTime::now())
            } else {
                status.last_attempt
            };
            let modified = new != *status;
            *status = new;
            modified
        });
    }
}

impl fmt::Debug for TemplateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateStore")
            .field("options", &self.options)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
