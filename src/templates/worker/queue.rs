//! The queue before render workers: who waits, who is at work, and who comes next.
//!
//! Neither one set nor one namespace gets more than half of it, and the namespace with the fewest tasks at work comes next:
//! templates that take long hold up their own users first.

use super::{
    WorkerUnavailable,
    fault::Fault,
    process::{Exchange, Worker},
    protocol::Loaded,
};
use crate::{
    spark::plan::DriverPlan,
    templates::{Finished, Judgement, LoadError, Rendered, TemplateError, parts::Source},
};
use futures::channel::oneshot;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// The most tasks that wait.
const QUEUE: usize = 256;

/// How long a task waits for a worker.
const MOST_WAIT: Duration = Duration::from_secs(10);

/// How long a set and a namespace whose submission passed a limit get one worker at most.
const SUSPECT: Duration = Duration::from_secs(60);

/// The queue, and the workers behind it.
#[derive(Default)]
pub(super) struct Queue {
    /// Each thread starts a worker where none is idle; so there are never more workers than threads.
    pub(super) threads: usize,
    /// Workers without a task.
    pub(super) idle: Vec<Worker>,
    pub(super) waiting: VecDeque<Waiting>,
    /// Exchanges that a caller began and that take long; their keys are among `working`.
    pub(super) begun: VecDeque<Begun>,
    /// Whose tasks workers have now; never more than there are threads.
    pub(super) working: Vec<Key>,
    suspects: BTreeMap<Key, Instant>,
    pub(super) passed: LimitsPassed,
    /// What ended a probe.
    pub(super) ended_by: Option<Fault>,
    pub(super) closed: bool,
}

/// How often a template passed a limit, by set and limit.
pub type LimitsPassed = BTreeMap<(String, &'static str), Passed>;

/// Submissions on which a template passed a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// How many.
    pub count: u64,
    /// When the last one did.
    pub last: SystemTime,
}

/// Whose task it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) set: String,
    /// Empty where a set is loaded only.
    pub(super) namespace: String,
}

/// A task that waits for a worker.
pub(super) struct Waiting {
    pub(super) key: Key,
    pub(super) since: Instant,
    pub(super) task: Task,
    pub(super) reply: oneshot::Sender<Result<Done, Failure>>,
}

/// A task that a worker has already.
pub(super) struct Begun {
    pub(super) task: Waiting,
    pub(super) worker: Worker,
    pub(super) exchange: Exchange,
}

/// What a thread does next.
pub(super) enum Next {
    Task(Waiting),
    Begun(Begun),
}

/// What a worker is to do.
pub(super) enum Task {
    Load(Arc<Source>),
    Render(Arc<Source>, Arc<DriverPlan>),
    Judge(Arc<Source>, Arc<Finished>),
}

impl Task {
    pub(super) fn source(&self) -> &Source {
        match self {
            Self::Load(source) | Self::Render(source, _) | Self::Judge(source, _) => source,
        }
    }
}

/// What a worker did.
pub(super) enum Done {
    Loaded(Loaded),
    Rendered(Rendered),
    Judged(Judgement),
}

/// Why it didn't.
pub(super) enum Failure {
    Load(LoadError),
    Template(TemplateError),
    Fault(Fault),
    Unavailable(WorkerUnavailable),
}

impl Failure {
    pub(super) fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable(WorkerUnavailable(why.into()))
    }
}

impl Queue {
    /// Whether a task may wait: one set, and one namespace, have half of the queue at most.
    pub(super) fn room_for(&self, key: &Key) -> Result<(), Failure> {
        let count =
            |of: &dyn Fn(&Key) -> bool| self.waiting.iter().filter(|waiting| of(&waiting.key)).count();
        let half = QUEUE / 2;
        if self.waiting.len() >= QUEUE {
            return Err(Failure::unavailable(format!(
                "over capacity: {QUEUE} submissions wait for a render worker"
            )));
        }
        if count(&|waiting| waiting.set == key.set) >= half {
            return Err(Failure::unavailable(format!(
                "over capacity: {half} submissions with the template set `{}` wait for a render worker",
                key.set
            )));
        }
        if !key.namespace.is_empty() && count(&|waiting| waiting.namespace == key.namespace) >= half {
            return Err(Failure::unavailable(format!(
                "over capacity: {half} submissions of this namespace wait for a render worker"
            )));
        }
        Ok(())
    }

    /// An idle worker for a task that need not wait: nobody else waits, and there is one.
    pub(super) fn at_once(&mut self, key: &Key) -> Option<Worker> {
        let may_work = self.waiting.is_empty() && self.has_room() && !self.must_wait(key);
        let worker = may_work.then(|| self.idle.pop()).flatten()?;
        self.working.push(key.clone());
        Some(worker)
    }

    /// Whether one more task can be at work.
    fn has_room(&self) -> bool {
        self.working.len() < self.threads
    }

    /// Whether another task of this set and namespace is at work, and they get one worker at most.
    fn must_wait(&self, key: &Key) -> bool {
        let suspect = self.suspects.get(key);
        suspect.is_some_and(|since| since.elapsed() < SUSPECT) && self.working.contains(key)
    }

    /// What a thread does next.
    pub(super) fn next(&mut self) -> Option<Next> {
        let begun = self.begun.pop_front().map(Next::Begun);
        begun.or_else(|| self.next_task().map(Next::Task))
    }

    /// The task that comes next.
    fn next_task(&mut self) -> Option<Waiting> {
        if !self.has_room() {
            return None;
        }
        self.suspects.retain(|_, since| since.elapsed() < SUSPECT);
        let mut best: Option<(usize, usize)> = None;
        for (index, waiting) in self.waiting.iter().enumerate() {
            let at_work = |of: &dyn Fn(&Key) -> bool| self.working.iter().filter(|key| of(key)).count();
            if self.must_wait(&waiting.key) {
                continue;
            }
            let load = at_work(&|key| key.set == waiting.key.set)
                + at_work(&|key| key.namespace == waiting.key.namespace);
            if best.is_none_or(|(least, _)| load < least) {
                best = Some((load, index));
            }
            if load == 0 {
                break;
            }
        }
        let (_, index) = best?;
        let waiting = self.waiting.remove(index)?;
        self.working.push(waiting.key.clone());
        Some(waiting)
    }

    /// Turns away those that waited for too long, and forgets those that nobody waits for.
    pub(super) fn tidy(&mut self) {
        self.waiting.retain(|waiting| !waiting.reply.is_canceled());
        while let Some(first) = self.waiting.front()
            && first.since.elapsed() > MOST_WAIT
            && let Some(late) = self.waiting.pop_front()
        {
            let why = format!(
                "over capacity: no render worker was free for {} s",
                MOST_WAIT.as_secs()
            );
            let _ = late.reply.send(Err(Failure::unavailable(why)));
        }
    }

    /// A task is at work no longer.
    pub(super) fn ended(&mut self, key: &Key, fault: Option<&Fault>) {
        if let Some(at) = self.working.iter().position(|working| working == key) {
            self.working.swap_remove(at);
        }
        let Some(fault) = fault else { return };
        self.ended_by.get_or_insert_with(|| fault.clone());
        if fault.is_suspect() {
            self.suspects.insert(key.clone(), Instant::now());
        }
        let Some(limit) = fault.limit() else { return };
        let passed = self
            .passed
            .entry((key.set.clone(), limit.name()))
            .or_insert(Passed {
                count: 0,
                last: SystemTime::UNIX_EPOCH,
            });
        passed.count += 1;
        passed.last = SystemTime::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates::worker::fault::Limit;

    fn key(set: &str, namespace: &str) -> Key {
        Key {
            set: set.to_owned(),
            namespace: namespace.to_owned(),
        }
    }

    /// A queue of these, in their order.
    fn queue(keys: &[Key]) -> Queue {
        let none = crate::templates::Files::new();
        let source = Arc::new(Source::of(crate::templates::Parts {
            name: "a",
            files: &none,
            default: &none,
            always: &none,
            extra_kinds: &[],
            newer_fields: crate::templates::NewerFields::Refuse,
        }));
        let waiting = keys.iter().map(|key| Waiting {
            key: key.clone(),
            since: Instant::now(),
            task: Task::Load(Arc::clone(&source)),
            reply: oneshot::channel().0,
        });
        Queue {
            threads: 4,
            waiting: waiting.collect(),
            ..Queue::default()
        }
    }

    fn next(state: &mut Queue) -> Option<Key> {
        state.next_task().map(|waiting| waiting.key)
    }

    #[test]
    fn one_set_and_one_namespace_have_half_of_the_queue_at_most() {
        let half = |key: Key| queue(&vec![key; QUEUE / 2]);
        let turned_away = |state: &Queue, key: &Key| match state.room_for(key) {
            Err(Failure::Unavailable(why)) => why.to_string(),
            _ => String::new(),
        };
        let state = half(key("a", "n"));
        assert_eq!(
            turned_away(&state, &key("a", "other")),
            "over capacity: 128 submissions with the template set `a` wait for a render worker; retry later"
        );
        assert_eq!(
            turned_away(&state, &key("other", "n")),
            "over capacity: 128 submissions of this namespace wait for a render worker; retry later"
        );
        assert!(state.room_for(&key("other", "other")).is_ok());
        let almost = queue(&vec![key("a", "n"); QUEUE / 2 - 1]);
        assert!(almost.room_for(&key("a", "n")).is_ok());
        let both = [vec![key("a", "n"); QUEUE / 2], vec![key("b", "m"); QUEUE / 2]].concat();
        assert_eq!(
            turned_away(&queue(&both), &key("c", "o")),
            "over capacity: 256 submissions wait for a render worker; retry later"
        );
    }

    #[test]
    fn a_task_goes_to_an_idle_worker_at_once_where_nobody_waits_and_none_is_passed_over() {
        let idle = || Worker::start(std::path::Path::new("/bin/true")).unwrap();
        let (a, b) = (key("a", "n"), key("b", "m"));
        let mut none_waits = queue(&[]);
        assert!(none_waits.at_once(&a).is_none(), "no worker is idle");
        none_waits.idle = vec![idle(), idle(), idle()];
        assert!(none_waits.at_once(&a).is_some());
        none_waits.ended(&a, Some(&Fault::Passed(Limit::Cpu, None)));
        assert!(none_waits.at_once(&a).is_some(), "nobody else is at work");
        assert!(none_waits.at_once(&a).is_none(), "a suspect has one worker");
        none_waits.threads = 1;
        assert!(
            none_waits.at_once(&b).is_none(),
            "as many are at work as there are threads"
        );
        none_waits.ended(&a, None);
        assert!(none_waits.at_once(&b).is_some());

        let mut one_waits = queue(&[a]);
        one_waits.idle = vec![idle()];
        assert!(one_waits.at_once(&b).is_none(), "it was there first");
        one_waits.threads = 0;
        assert!(
            one_waits.next().is_none(),
            "as many are at work as there are threads"
        );
    }

    #[test]
    fn the_namespace_with_the_fewest_at_work_comes_next_and_a_suspect_has_one_worker() {
        let (a, b) = (key("a", "n"), key("b", "m"));
        let mut state = queue(&[a.clone(), a.clone(), a.clone(), b.clone()]);
        assert_eq!(next(&mut state).as_ref(), Some(&a));
        assert_eq!(next(&mut state).as_ref(), Some(&b));
        assert_eq!(next(&mut state).as_ref(), Some(&a), "nobody else waits");
        state.ended(&a, None);
        state.ended(&a, Some(&Fault::Passed(Limit::Cpu, None)));
        let mut again = queue(&[a.clone(), a.clone()]);
        again.suspects = state.suspects;
        assert_eq!(next(&mut again).as_ref(), Some(&a));
        assert_eq!(next(&mut again), None);
        again.ended(&a, None);
        assert_eq!(next(&mut again).as_ref(), Some(&a));
        assert_eq!(state.passed[&("a".to_owned(), "cpu")].count, 1);
    }

    #[test]
    fn who_waits_for_too_long_is_turned_away() {
        let mut state = queue(&[key("a", "n")]);
        let (reply, mut answer) = oneshot::channel();
        let first = state.waiting.front_mut().unwrap();
        first.reply = reply;
        state.tidy();
        assert!(matches!(answer.try_recv(), Ok(None)));
        state.waiting.front_mut().unwrap().since = Instant::now().checked_sub(MOST_WAIT * 2).unwrap();
        state.tidy();
        assert!(state.waiting.is_empty());
        let turned_away = matches!(answer.try_recv(), Ok(Some(Err(Failure::Unavailable(_)))));
        assert!(turned_away);
    }
}
