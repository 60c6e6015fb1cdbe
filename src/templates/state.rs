//! What is known of each set, and how it is logged.

use super::{DEFAULT_SET, LimitsPassed, SetsError, TemplateSet, directory::OddEntry};
use crate::{finding::answer, limits::ANSWER_BYTES};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// What is live, and what became of the last attempt. Holds neither values nor the templates' text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// The id of the live default set; none if none is.
    pub live: Option<String>,
    /// Each set by name.
    pub sets: BTreeMap<String, SetStatus>,
    /// How many sets have gone live since the start.
    pub generation: u64,
    /// Whether the directory as a whole can't be read.
    pub unreadable: bool,
    /// The sets that `TEMPLATE_SETS` names and that are not there; each is among `sets` too.
    pub missing: Vec<String>,
    /// Why not everything is live that is to be: the directory's files, the sets of `TEMPLATE_SETS`; none if all is.
    pub last_error: Option<String>,
    /// The id of the set that the last attempt rejected, if it came so far as to have one.
    pub rejected: Option<String>,
    /// When the last attempt was made; looking at unchanged files is none.
    pub last_attempt: Option<SystemTime>,
    /// How many attempts made a set live, the first one included.
    pub reloads_succeeded: u64,
    /// How many attempts failed.
    pub reloads_failed: u64,
    /// What is odd about the live sets' files but not wrong.
    pub warnings: Vec<String>,
    /// Whether each set of the directory was tried once.
    pub complete: bool,
    /// Submissions on which a live set's template passed a limit.
    pub limits_passed: LimitsPassed,
    /// Submissions on which a policy ended in an error.
    pub policies_failed: PoliciesFailed,
}

/// How often a policy ended in an error, by set and policy.
pub type PoliciesFailed = BTreeMap<(String, String), PolicyFailed>;

/// Submissions on which a policy ended in an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFailed {
    /// How many.
    pub count: u64,
    /// When the last one was.
    pub last: SystemTime,
    /// What went wrong then, without values.
    pub error: String,
}

impl Status {
    /// Whether the default set was tried, with whatever outcome.
    pub(crate) fn tried_default(&self) -> bool {
        let default = self.sets.get(DEFAULT_SET);
        default.is_some_and(|set| set.live.is_some() || set.error.is_some()) || self.unreadable
    }
}

/// What is live of one set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetStatus {
    /// The id that serves; none if none does.
    pub live: Option<String>,
    /// The id that was rejected, if the files came so far as to have one.
    pub rejected: Option<String>,
    /// Why.
    pub error: Option<String>,
    /// Since when the live one serves.
    pub since: Option<SystemTime>,
}

/// What is known of the directory.
#[derive(Default)]
pub(super) struct Held {
    pub(super) sets: BTreeMap<String, SetState>,
    /// Why the directory as a whole can't be read.
    pub(super) unreadable: Option<String>,
    /// Whether each set was tried once.
    pub(super) complete: bool,
}

/// What is known of one set.
#[derive(Default)]
pub(super) struct SetState {
    /// When what was rejected is tried again, where the machine may be to blame.
    pub(super) again: Option<Instant>,
    /// How long the last attempt took.
    pub(super) took: Duration,
    pub(super) live: Option<Arc<TemplateSet>>,
    /// The id of what was tried last in place of the set (`TEMPLATE_FALLBACK=builtin`), if what is live is no set of the admin's.
    pub(super) fallback: Option<String>,
    /// When it went live.
    pub(super) since: Option<SystemTime>,
    pub(super) rejected: Option<String>,
    pub(super) error: Option<String>,
    pub(super) warnings: Vec<String>,
}

/// What one look at the directory changed.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) live: u64,
    pub(super) failed: u64,
    pub(super) fallen_back: u64,
    pub(super) attempted: bool,
}

impl Held {
    /// Those of these names that are no set of the directory.
    pub(super) fn missing<'n>(&self, named: impl Iterator<Item = &'n str>) -> BTreeSet<&'n str> {
        named.filter(|name| !self.sets.contains_key(*name)).collect()
    }

    /// What is live and what is wrong, where these sets are to be there too; counts and times are the caller's.
    pub(super) fn status<'n>(&self, named: impl Iterator<Item = &'n str>) -> Status {
        let missing = if self.complete {
            self.missing(named)
        } else {
            BTreeSet::new()
        };
        let default = self.sets.get(DEFAULT_SET);
        let errors = self
            .sets
            .iter()
            .filter_map(|(name, state)| match (&state.error, name.as_str()) {
                (Some(error), DEFAULT_SET) => Some(error.clone()),
                (Some(error), name) => Some(format!("set `{name}`: {error}")),
                (None, _) => None,
            });
        let absent = |name: &&str| SetsError::Missing((*name).to_owned()).to_string();
        let errors: Vec<_> = self.unreadable.iter().cloned().chain(errors).collect();
        let errors: Vec<_> = errors.into_iter().chain(missing.iter().map(absent)).collect();
        let not_there = missing.iter().map(|name| {
            let status = SetStatus {
                error: Some(absent(name)),
                ..SetStatus::default()
            };
            ((*name).to_owned(), status)
        });
        let sets = self.sets.iter().map(|(name, state)| {
            let status = SetStatus {
                live: state.live.as_ref().map(|live| live.id().to_owned()),
                rejected: state.rejected.clone(),
                error: state.error.clone(),
                since: state.since,
            };
            (name.clone(), status)
        });
        Status {
            live: default
                .and_then(|state| state.live.as_ref())
                .map(|live| live.id().to_owned()),
            last_error: (!errors.is_empty()).then(|| errors.join("\n")),
            rejected: self.sets.values().find_map(|state| state.rejected.clone()),
            warnings: self
                .sets
                .values()
                .flat_map(|state| state.warnings.clone())
                .collect(),
            sets: sets.chain(not_there).collect(),
            unreadable: self.unreadable.is_some(),
            complete: self.complete,
            missing: missing.iter().map(|name| (*name).to_owned()).collect(),
            ..Status::default()
        }
    }
}

impl SetState {
    /// Whether the set of this id was rejected, and need not be tried again now.
    pub(super) fn is_rejected(&self, id: &str) -> bool {
        let due = self.again.is_some_and(|again| again <= Instant::now());
        !due && self.rejected.as_deref() == Some(id)
    }

    /// The files are those of the live set again.
    pub(super) fn accept_live(&mut self, id: &str) {
        if self.error.is_some() {
            tracing::info!(live = id, "the template directory holds the live set again");
            self.error = None;
            self.rejected = None;
        }
    }

    pub(super) fn go_live(&mut self, set: TemplateSet, odd: &[OddEntry], tally: &mut Tally) {
        let odd = odd.iter().map(OddEntry::to_string);
        let warnings: Vec<_> = odd.chain(set.warnings().iter().cloned()).collect();
        for warning in &warnings {
            tracing::warn!(template_set = %set.id(), "{warning}");
        }
        tracing::info!(template_set = %set.id(), "template set is live");
        *self = Self {
            live: Some(Arc::new(set)),
            since: Some(SystemTime::now()),
            warnings,
            took: self.took,
            ..Self::default()
        };
        tally.live += 1;
        tally.attempted = true;
    }

    pub(super) fn reject(
        &mut self,
        name: &str,
        rejected: Option<String>,
        mut reason: String,
        tally: &mut Tally,
    ) {
        if reason.len() > ANSWER_BYTES {
            reason = answer(&reason).into_owned();
        }
        // What stays unreadable is read again and again, but logged once.
        if rejected.is_none() && self.rejected.is_none() && self.error.as_ref() == Some(&reason) {
            return;
        }
        let live = self.live.as_ref().map(|live| live.id());
        tracing::error!(set = name, live, rejected, "template set rejected: {reason}");
        tally.failed += 1;
        tally.attempted = true;
        self.rejected = rejected;
        self.error = Some(reason);
    }
}
