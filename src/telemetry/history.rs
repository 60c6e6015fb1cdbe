//! The last submissions of a server, for its status page. In memory alone, and with no value of an application.

use super::{Stage, Stages};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

/// How many are kept.
const MOST: usize = 100;

/// A submission that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct PastSubmission {
    /// When it ended.
    pub at: SystemTime,
    /// How it came: `grpc`, `rest` or `drop-in`.
    pub entry_point: &'static str,
    /// Namespace and name of the application, as far as they are known and are names.
    pub namespace: String,
    /// Its name.
    pub application: String,
    /// The set that it was rendered with, `default@0123456789ab`, if it came so far.
    pub template_set: Option<String>,
    /// What became of it: `created`, `found`, …, or why it failed.
    pub outcome: &'static str,
    /// The code of its failure.
    pub code: Option<&'static str>,
    /// The milliseconds of each stage, in the order of [`Stage::ALL`].
    pub stages: [f64; Stage::ALL.len()],
}

impl PastSubmission {
    /// One that is about to end, with the time that its stages took; nothing else is known of it yet.
    pub fn timed(entry_point: &'static str, stages: &Stages) -> Self {
        Self {
            at: SystemTime::now(),
            entry_point,
            namespace: String::new(),
            application: String::new(),
            template_set: stages.template_set().map(str::to_owned),
            outcome: "",
            code: None,
            stages: Stage::ALL.map(|stage| stages.milliseconds(stage)),
        }
    }
}

/// The last submissions, the newest last.
#[derive(Debug, Default)]
pub struct History(Mutex<VecDeque<PastSubmission>>);

impl History {
    /// Keeps one, in place of the oldest where there are many.
    pub fn keep(&self, submission: PastSubmission) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back(submission);
    }

    /// All that are kept, the newest first.
    pub fn newest_first(&self) -> Vec<PastSubmission> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hundred_are_kept_newest_first() {
        let history = History::default();
        for index in 0..150 {
            let mut submission = PastSubmission::timed("grpc", &Stages::default());
            submission.application = index.to_string();
            history.keep(submission);
        }
        let kept = history.newest_first();
        assert_eq!(kept.len(), 100);
        assert_eq!(
            (&kept[0].application[..], &kept[99].application[..]),
            ("149", "50")
        );
    }
}
