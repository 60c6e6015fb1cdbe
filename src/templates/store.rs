//! Which template set is live, and what became of the last attempt to change it.
//!
//! A set goes live only after it compiled *and* rendered the samples to manifests that pass the checks, but for the built-in one,
//! which the golden files pin. Otherwise the last good one stays; other sets are not held up by it. Who renders takes one set and keeps it for all documents of a submission.

use super::{
    DEFAULT_SET, PolicyError, TemplateSet,
    directory::{self, Contents, DirectoryError},
    files::Files,
    parts::Parts,
    sets::{SetOptions, TemplateSets},
    state::{Held, PoliciesFailed, PolicyFailed, SetState, Status, Tally},
    worker::{Kind, Pool, Workers},
};
use crate::{
    finding::answer,
    watch::{Timing, Watch},
};
use arc_swap::ArcSwap;
use clap::ValueEnum;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};
use tokio::sync::watch;

/// Renders and checks the samples of all application types with a set that is to go live. Its findings have
/// template, line and message, and no text of the templates.
pub type Probe = Arc<dyn Fn(&TriedSet<'_>) -> Result<(), Vec<String>> + Send + Sync>;

/// A set that is to go live, and what it was made of.
#[derive(Debug, Clone, Copy)]
pub struct TriedSet<'t> {
    /// The set.
    pub set: &'t TemplateSet,
    pub(crate) parts: Parts<'t>,
    /// Where it is rendered; none if in this process.
    pub(crate) workers: Option<&'t Workers>,
}

/// How long after an attempt that a busy machine may have ended the same files are tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// What to do when the template directory is bad at the start (`TEMPLATE_FALLBACK`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fallback {
    /// Serve with the built-in templates, and warn. No policy holds if the folder always has an error.
    Builtin,
    /// Refuse submissions, retryably, until the directory is good.
    Refuse,
}

/// Why a set doesn't go live.
struct FailedAttempt {
    reason: String,
    /// Whether a busy machine may be to blame.
    may_succeed_later: bool,
}

/// Holds the live template sets.
pub struct TemplateStore {
    options: SetOptions,
    probe: Probe,
    fallback: Fallback,
    /// Where an admin's templates are rendered for submissions.
    workers: Option<Arc<Pool>>,
    live: ArcSwap<TemplateSets>,
    status: watch::Sender<Status>,
    /// Lets one attempt run at a time.
    held: Mutex<Held>,
    policies_failed: Mutex<PoliciesFailed>,
}

impl TemplateStore {
    /// A store whose sets are tried for the first time by [`TemplateStore::watch`] or [`TemplateStore::reload`].
    ///
    /// Without a directory (`TEMPLATE_DIR`) the built-in templates are live at once.
    pub fn new(options: impl Into<SetOptions>, probe: Probe, fallback: Fallback) -> Self {
        let options = options.into();
        let none = TemplateSets {
            sets: BTreeMap::new(),
            rules: options.rules.clone(),
            complete: false,
        };
        let store = Self {
            workers: options.rendering.pool(Kind::Live),
            options,
            probe,
            fallback,
            live: ArcSwap::from_pointee(none),
            status: watch::Sender::default(),
            held: Mutex::default(),
            policies_failed: Mutex::default(),
        };
        if store.directory().is_none() {
            store.reload();
        }
        store
    }

    /// A store whose sets were tried once.
    ///
    /// Never fails: what is wrong is in [`TemplateStore::status`], and for [`Fallback::Refuse`] in
    /// [`TemplateStore::current`]. Blocks while it reads and probes.
    pub fn start(options: impl Into<SetOptions>, probe: Probe, fallback: Fallback) -> Self {
        let store = Self::new(options, probe, fallback);
        if store.directory().is_some() {
            store.reload();
        }
        store
    }

    /// The live sets. Rendering calls this once for each submission.
    pub fn current(&self) -> Arc<TemplateSets> {
        self.live.load_full()
    }

    /// What is live, and what became of the last attempt.
    pub fn status(&self) -> Status {
        let workers = self.workers.as_ref();
        Status {
            limits_passed: workers.map(|workers| workers.passed()).unwrap_or_default(),
            policies_failed: self
                .policies_failed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            ..self.status.borrow().clone()
        }
    }

    /// Counts policies of a set that ended in an error on a submission.
    pub fn policies_failed(&self, set: &TemplateSet, errors: &[PolicyError]) {
        let name = set.id().split('@').next().unwrap_or_default();
        let mut failed = self
            .policies_failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for error in errors {
            let failed = failed
                .entry((name.to_owned(), error.policy.clone()))
                .or_insert(PolicyFailed {
                    count: 0,
                    last: SystemTime::UNIX_EPOCH,
                    error: String::new(),
                });
            failed.count += 1;
            failed.last = SystemTime::now();
            failed.error = answer(&error.error.brief()).into_owned();
        }
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
    /// The default set comes first, for the others build on the one that is live. The files are looked at again after each
    /// attempt, so that a set that takes long to try delays a change of the default set by one attempt at most.
    pub fn reload(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tried = BTreeSet::new();
        loop {
            let mut tally = Tally::default();
            let next = self.step(&mut held, &tried, &mut tally);
            if next.is_none() && !held.complete {
                held.complete = true;
                for set in held.missing(self.options.rules.named()) {
                    tracing::warn!(
                        set,
                        "TEMPLATE_SETS names a set that is not there: who is to have it is refused"
                    );
                }
            }
            self.publish(&held, &tally);
            let Some(next) = next else { return };
            if next != DEFAULT_SET {
                tried.remove(DEFAULT_SET);
            }
            tried.insert(next);
        }
    }

    /// Looks at the files, and tries one set that changed and is not among those that were tried; which one.
    fn step(&self, held: &mut Held, tried: &BTreeSet<String>, tally: &mut Tally) -> Option<String> {
        let sets = match self.directory().map(directory::read_filled_sets).transpose() {
            Ok(sets) => sets.unwrap_or_default(),
            Err(error) => {
                let reason = Some(error.to_string());
                // A directory that stays unreadable is read again and again, but logged once.
                if held.unreadable != reason {
                    tracing::error!("no template set can be read: {error}");
                    (tally.failed, tally.attempted) = (1, true);
                    held.unreadable = reason;
                }
                self.fall_back(held.sets.entry(DEFAULT_SET.to_owned()).or_default(), None, tally);
                return None;
            }
        };
        held.unreadable = None;
        self.look(&mut held.sets, sets, tried, tally)
    }

    fn look(
        &self,
        states: &mut BTreeMap<String, SetState>,
        mut sets: directory::Sets,
        tried: &BTreeSet<String>,
        tally: &mut Tally,
    ) -> Option<String> {
        let none = Files::new();
        let empty = || {
            Ok(Contents {
                files: Files::new(),
                odd: Vec::new(),
            })
        };
        let always = directory::take_always(&mut sets);
        let mut default = sets.remove(DEFAULT_SET).unwrap_or_else(empty);
        if let (Ok(default), Ok(always)) = (&mut default, &always) {
            default.odd.extend(always.odd.iter().cloned());
        }
        let always = always.map(|always| always.files);
        states.retain(|name, _| {
            let stays = name == DEFAULT_SET || sets.contains_key(name);
            if !stays {
                tracing::warn!(set = name, "the template set is gone");
            }
            stays
        });
        let state = states.entry(DEFAULT_SET.to_owned()).or_default();
        if !tried.contains(DEFAULT_SET) {
            let attempted = self.attempt(state, DEFAULT_SET, default, (&none, &always), tally);
            self.fall_back(state, always.as_ref().ok(), tally);
            if attempted {
                return Some(DEFAULT_SET.to_owned());
            }
        }
        let base = state.live.clone();
        // Those that took long the last time come last.
        let mut sets: Vec<_> = sets
            .into_iter()
            .filter(|(name, _)| !tried.contains(name))
            .collect();
        sets.sort_by_key(|(name, _)| states.get(name).map(|state| state.took));
        for (name, contents) in sets {
            let state = states.entry(name.clone()).or_default();
            match &base {
                Some(base) => {
                    if self.attempt(state, &name, contents, (base.files(), &always), tally) {
                        return Some(name);
                    }
                }
                None => state.error = Some("the default set, on which it builds, is not live".to_owned()),
            }
        }
        None
    }

    /// Tries to make one set live, if its files changed; whether they did.
    fn attempt(
        &self,
        state: &mut SetState,
        name: &str,
        contents: Result<Contents, DirectoryError>,
        (default, always): (&Files, &Result<Files, DirectoryError>),
        tally: &mut Tally,
    ) -> bool {
        let both = contents.and_then(|contents| Ok((contents, always.as_ref().map_err(Clone::clone)?)));
        let (contents, always) = match both {
            Ok(both) => both,
            Err(error) => {
                state.reject(name, None, error.to_string(), tally);
                return false;
            }
        };
        let parts = Parts {
            name,
            files: &contents.files,
            default,
            always,
            extra_kinds: &self.options.extra_kinds,
            newer_fields: self.options.newer_fields,
        };
        let id = parts.id();
        if state.is_rejected(&id) {
            return false;
        }
        if state.live.as_ref().is_some_and(|live| live.id() == id) {
            state.accept_live(&id);
            return false;
        }
        let start = Instant::now();
        let outcome = self.tried(parts);
        state.took = start.elapsed();
        match outcome {
            Ok(set) => state.go_live(set, &contents.odd, tally),
            Err(failed) => {
                state.reject(name, Some(id), failed.reason, tally);
                state.again = failed.may_succeed_later.then(|| Instant::now() + AGAIN);
            }
        }
        true
    }

    /// The set of these files, if it may go live.
    fn tried(&self, parts: Parts<'_>) -> Result<TemplateSet, FailedAttempt> {
        let workers = self.options.rendering.pool(Kind::Probe);
        let failed = |reason| FailedAttempt {
            reason,
            may_succeed_later: workers
                .as_ref()
                .is_some_and(|workers| workers.may_succeed_later()),
        };
        let loaded = TemplateSet::load_in(parts, workers.as_ref());
        let set = loaded.map_err(|error| failed(error.brief()))?;
        // What nobody changed is what the golden files pin.
        if !parts.is_builtin() {
            let tried = TriedSet {
                set: &set,
                parts,
                workers: workers.as_ref(),
            };
            self.probed(&tried).map_err(failed)?;
        }
        Ok(set.moved_to(self.workers.as_ref()))
    }

    fn probed(&self, tried: &TriedSet<'_>) -> Result<(), String> {
        // A probe that panics has found a set that must not go live.
        let probe = std::panic::AssertUnwindSafe(|| (self.probe)(tried));
        match std::panic::catch_unwind(probe) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(findings)) => Err(findings.join("\n")),
            Err(_) => Err("rendering the samples panicked".to_owned()),
        }
    }

    /// Where no default set ever went live, the built-in one serves, if the admin wants that, with the layer `always` as far as
    /// that is good: it may be a policy. No named set is ever replaced so: it may be what keeps a team's drivers in bounds.
    fn fall_back(&self, state: &mut SetState, always: Option<&Files>, tally: &mut Tally) {
        let is_own = state.live.is_some() && state.fallback.is_none();
        if is_own || self.fallback == Fallback::Refuse {
            return;
        }
        let none = Files::new();
        let parts = Parts {
            name: DEFAULT_SET,
            files: &none,
            default: &none,
            always: always.unwrap_or(&none),
            extra_kinds: &self.options.extra_kinds,
            newer_fields: self.options.newer_fields,
        };
        let id = parts.id();
        let is_live = state.live.as_ref().is_some_and(|live| live.id() == id);
        if state.fallback.replace(id.clone()).as_ref() == Some(&id) || is_live {
            return;
        }
        let serves = state.live.is_some();
        // The last good layer stays where there is none any more, or a bad one.
        if serves && parts.is_builtin() {
            return;
        }
        let set = match self.tried(parts) {
            Ok(set) => Ok(set),
            Err(_) if serves => return,
            Err(_) => TemplateSet::builtin(),
        };
        match set {
            Ok(set) => {
                tracing::warn!(template_set = %set.id(), "serving the built-in templates instead");
                state.live = Some(Arc::new(set));
                state.since = Some(SystemTime::now());
                tally.fallen_back += 1;
            }
            Err(error) => state.reject(DEFAULT_SET, None, error.brief(), tally),
        }
    }

    /// Shows what is live now to those who render, and then to those who watch.
    fn publish(&self, held: &Held, tally: &Tally) {
        let error = |state: &SetState| {
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
            complete: held.complete,
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
