//! Render workers and the queue before them.
//!
//! Each worker has a thread that starts it, gives it one task after the other, and replaces it when it ended. Neither one set nor
//! one namespace gets more than half of the queue, and the namespace with the fewest tasks at work comes next: templates that take
//! long hold up their own users first.

use super::{
    MOST_CPU, MOST_TIME, RenderError, WorkerUnavailable,
    fault::{Fault, Limit},
    live_workers,
    process::{ProcessBounds, Worker},
    protocol::{self, Answer, Loaded, WorkerRequest},
};
use crate::{
    spark::plan::DriverPlan,
    templates::{Finished, Judgement, LoadError, Rendered, TemplateError, parts::Source},
};
use futures::channel::oneshot;
use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
    fmt,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

/// The most tasks that wait.
const QUEUE: usize = 256;

/// How long a task waits for a worker.
const MOST_WAIT: Duration = Duration::from_secs(10);

/// How long a set and a namespace whose submission passed a limit get one worker at most.
const SUSPECT: Duration = Duration::from_secs(60);

/// What workers are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::templates) enum Kind {
    /// For the submissions of a server.
    Live,
    /// For a command: one worker.
    Command,
    /// For the probe of one set: one worker, which has [`MOST_TIME`] in all, and no second chance.
    Probe,
}

/// Workers. They end when this is dropped.
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    program: PathBuf,
    kind: Kind,
    most_workers: usize,
    start: Instant,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    threads: usize,
    waiting: VecDeque<Waiting>,
    working: Vec<Key>,
    suspects: BTreeMap<Key, Instant>,
    passed: LimitsPassed,
    /// What ended a probe.
    ended_by: Option<Fault>,
    closed: bool,
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
struct Key {
    set: String,
    /// Empty where a set is loaded only.
    namespace: String,
}

struct Waiting {
    key: Key,
    since: Instant,
    task: Task,
    reply: oneshot::Sender<Result<Done, Failure>>,
}

enum Task {
    Load(Arc<Source>),
    Render(Arc<Source>, Arc<DriverPlan>),
    Judge(Arc<Source>, Arc<Finished>),
}

impl Task {
    fn source(&self) -> &Source {
        match self {
            Self::Load(source) | Self::Render(source, _) | Self::Judge(source, _) => source,
        }
    }
}

enum Done {
    Loaded(Loaded),
    Rendered(Rendered),
    Judged(Judgement),
}

enum Failure {
    Load(LoadError),
    Template(TemplateError),
    Fault(Fault),
    Unavailable(WorkerUnavailable),
}

impl Failure {
    fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable(WorkerUnavailable(why.into()))
    }
}

impl Pool {
    pub(super) fn new(program: PathBuf, kind: Kind) -> Self {
        Self {
            shared: Arc::new(Shared {
                program,
                kind,
                most_workers: match kind {
                    Kind::Live => live_workers(),
                    Kind::Command | Kind::Probe => 1,
                },
                start: Instant::now(),
                state: Mutex::default(),
                changed: Condvar::new(),
            }),
        }
    }

    /// Compiles a set. Blocks.
    pub(in crate::templates) fn load(&self, source: &Arc<Source>) -> Result<Loaded, LoadError> {
        let name = source.name();
        let done = futures::executor::block_on(self.done(Task::Load(Arc::clone(source)), String::new()));
        let error = match done {
            Ok(Done::Loaded(loaded)) => return Ok(loaded),
            Ok(_) => Fault::Lost("the render worker gave another answer".to_owned()).of_template(name),
            Err(Failure::Load(error)) => return Err(error),
            Err(Failure::Template(error)) => error,
            Err(Failure::Fault(fault)) => fault.of_template(name),
            Err(Failure::Unavailable(error)) => Fault::Lost(error.to_string()).of_template(name),
        };
        Err(LoadError(vec![error]))
    }

    /// Writes all documents of one submission.
    pub(in crate::templates) async fn render(
        &self,
        source: &Arc<Source>,
        plan: Arc<DriverPlan>,
    ) -> Result<Rendered, RenderError> {
        let namespace = plan.application.namespace.clone();
        match self.done(Task::Render(Arc::clone(source), plan), namespace).await {
            Ok(Done::Rendered(rendered)) => Ok(rendered),
            Ok(_) => Err(other_answer().into()),
            Err(failure) => Err(self.unrendered(source, failure)),
        }
    }

    /// What the policies of a set say of finished objects.
    ///
    /// It is an exchange of its own: the objects are finished only after they were read and checked in the server, which
    /// doesn't leave that to a process that somebody else's templates run in.
    pub(in crate::templates) async fn judge(
        &self,
        source: &Arc<Source>,
        finished: Arc<Finished>,
    ) -> Result<Judgement, RenderError> {
        let namespace = finished.submission.namespace.clone();
        match self
            .done(Task::Judge(Arc::clone(source), finished), namespace)
            .await
        {
            Ok(Done::Judged(judgement)) => Ok(judgement),
            Ok(_) => Err(other_answer().into()),
            Err(failure) => Err(self.unrendered(source, failure)),
        }
    }

    fn unrendered(&self, source: &Source, failure: Failure) -> RenderError {
        let name = source.name();
        match failure {
            Failure::Template(error) => error.into(),
            // It was compiled before it went live; what fails now is a worker's matter.
            Failure::Load(error) => match error.0.into_iter().next() {
                Some(error) => error.into(),
                None => WorkerUnavailable("the template set could not be compiled".to_owned()).into(),
            },
            Failure::Fault(Fault::Passed(Limit::Time, _)) if self.shared.kind == Kind::Live => {
                WorkerUnavailable(format!(
                    "rendering took over {} s on a busy machine",
                    MOST_TIME.as_secs()
                ))
                .into()
            }
            Failure::Fault(Fault::Lost(why)) => WorkerUnavailable(why).into(),
            Failure::Fault(fault) => fault.of_template(name).into(),
            Failure::Unavailable(error) => error.into(),
        }
    }

    /// How often a template passed a limit.
    pub(in crate::templates) fn passed(&self) -> LimitsPassed {
        self.shared.lock().passed.clone()
    }

    /// Whether a probe ended for a reason that may be the machine's, and so may end otherwise the next time.
    pub(in crate::templates) fn may_succeed_later(&self) -> bool {
        let state = self.shared.lock();
        let ended_by = state.ended_by.as_ref();
        ended_by.is_some_and(|fault| matches!(fault, Fault::Passed(Limit::Time, _) | Fault::Lost(_)))
    }

    async fn done(&self, task: Task, namespace: String) -> Result<Done, Failure> {
        let key = Key {
            set: task.source().name().to_owned(),
            namespace,
        };
        let answer = self.enqueue(key, task)?;
        let lost = |_| Err(Failure::unavailable("the render workers are ending"));
        answer.await.unwrap_or_else(lost)
    }

    fn enqueue(&self, key: Key, task: Task) -> Result<oneshot::Receiver<Result<Done, Failure>>, Failure> {
        let (reply, answer) = oneshot::channel();
        let mut state = self.shared.lock();
        state.room_for(&key)?;
        state.waiting.push_back(Waiting {
            key,
            since: Instant::now(),
            task,
            reply,
        });
        let idle = state.threads - state.working.len();
        if state.waiting.len() > idle && state.threads < self.shared.most_workers {
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new().name("render".to_owned());
            match thread.spawn(move || shared.work()) {
                Ok(_) => state.threads += 1,
                Err(error) if state.threads == 0 => {
                    state.waiting.clear();
                    return Err(Failure::unavailable(format!(
                        "no thread for a render worker: {error}"
                    )));
                }
                Err(_) => {}
            }
        }
        drop(state);
        self.shared.changed.notify_one();
        Ok(answer)
    }
}

fn other_answer() -> WorkerUnavailable {
    WorkerUnavailable("the render worker gave another answer".to_owned())
}

impl State {
    /// Whether a task may wait: one set, and one namespace, have half of the queue at most.
    fn room_for(&self, key: &Key) -> Result<(), Failure> {
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

    /// The task that comes next.
    fn next(&mut self) -> Option<Waiting> {
        self.suspects.retain(|_, since| since.elapsed() < SUSPECT);
        let mut best: Option<(usize, usize)> = None;
        for (index, waiting) in self.waiting.iter().enumerate() {
            let at_work = |of: &dyn Fn(&Key) -> bool| self.working.iter().filter(|key| of(key)).count();
            let same = at_work(&|key| *key == waiting.key);
            if same > 0 && self.suspects.contains_key(&waiting.key) {
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
    fn tidy(&mut self) {
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

    fn ended(&mut self, key: &Key, fault: Option<&Fault>) {
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

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does tasks until the pool is dropped.
    fn work(&self) {
        let mut worker = None;
        while let Some(waiting) = self.next() {
            let before = (self.kind == Kind::Probe)
                .then(|| self.lock().ended_by.clone())
                .flatten();
            let outcome = match before {
                Some(fault) => Err(Failure::Fault(fault)),
                None => self.run(&mut worker, &waiting.task),
            };
            let fault = match &outcome {
                Err(Failure::Fault(fault)) => Some(fault),
                _ => None,
            };
            if let (Some(fault), Kind::Live) = (fault, self.kind) {
                tracing::warn!(
                    set = waiting.key.set,
                    namespace = waiting.key.namespace,
                    "a submission was not rendered: {}",
                    fault.of_template(&waiting.key.set).brief()
                );
            }
            self.lock().ended(&waiting.key, fault);
            // Nobody may wait any longer.
            let _ = waiting.reply.send(outcome);
        }
    }

    fn next(&self) -> Option<Waiting> {
        let mut state = self.lock();
        loop {
            state.tidy();
            if state.closed {
                return None;
            }
            if let Some(waiting) = state.next() {
                return Some(waiting);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn bounds(&self) -> ProcessBounds {
        let until = match self.kind {
            Kind::Live | Kind::Command => Instant::now(),
            Kind::Probe => self.start,
        };
        ProcessBounds {
            until: until + MOST_TIME,
            cpu: MOST_CPU,
        }
    }

    fn run(&self, worker: &mut Option<Worker>, task: &Task) -> Result<Done, Failure> {
        if worker.as_mut().is_some_and(|worker| !worker.is_usable()) {
            *worker = None;
        }
        let running = match worker {
            Some(running) => running,
            None => worker.insert(Worker::start(&self.program).map_err(|error| {
                tracing::error!("a render worker can't be started: {error}");
                Failure::unavailable(format!("a render worker can't be started: {error}"))
            })?),
        };
        let done = exchange(running, task, self.bounds());
        // One that is to be replaced gives its memory back now, not when it is needed next.
        if !running.is_usable() {
            *worker = None;
        }
        done
    }
}

/// Has a worker do a task.
fn exchange(worker: &mut Worker, task: &Task, bounds: ProcessBounds) -> Result<Done, Failure> {
    let other = || Failure::unavailable("the render worker gave another answer");
    let mut say = |request: &WorkerRequest<'_>| {
        let frame = protocol::frame(request);
        let frame =
            frame.map_err(|error| Failure::unavailable(format!("the submission can't be sent: {error}")))?;
        worker.exchange(&frame, bounds).map_err(Failure::Fault)
    };
    let source = task.source();
    let request = match task {
        Task::Load(_) => WorkerRequest::Load(Cow::Borrowed(source)),
        Task::Render(_, plan) => WorkerRequest::Render {
            set: Cow::Borrowed(source.id()),
            plan: Cow::Borrowed(plan.as_ref()),
        },
        Task::Judge(_, finished) => WorkerRequest::Judge {
            set: Cow::Borrowed(source.id()),
            finished: Cow::Borrowed(finished.as_ref()),
        },
    };
    let mut answer = say(&request)?;
    if matches!(answer, Answer::UnknownSet) {
        match say(&WorkerRequest::Load(Cow::Borrowed(source)))? {
            Answer::Loaded(_) => answer = say(&request)?,
            failed => answer = failed,
        }
    }
    match answer {
        Answer::Loaded(loaded) => Ok(Done::Loaded(loaded)),
        Answer::NotLoaded(error) => Err(Failure::Load(error)),
        Answer::Rendered(rendered) => Ok(Done::Rendered(rendered)),
        Answer::Judged(judgement) => Ok(Done::Judged(judgement)),
        Answer::Failed(error) => Err(Failure::Template(error)),
        _ => Err(other()),
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("program", &self.shared.program)
            .field("kind", &self.shared.kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(set: &str, namespace: &str) -> Key {
        Key {
            set: set.to_owned(),
            namespace: namespace.to_owned(),
        }
    }

    /// A queue of these, in their order.
    fn queue(keys: &[Key]) -> State {
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
        State {
            waiting: waiting.collect(),
            ..State::default()
        }
    }

    fn next(state: &mut State) -> Option<Key> {
        state.next().map(|waiting| waiting.key)
    }

    #[test]
    fn one_set_and_one_namespace_have_half_of_the_queue_at_most() {
        let half = |key: Key| queue(&vec![key; QUEUE / 2]);
        let state = half(key("a", "n"));
        assert!(state.room_for(&key("a", "other")).is_err());
        assert!(state.room_for(&key("other", "n")).is_err());
        assert!(state.room_for(&key("other", "other")).is_ok());
        let almost = queue(&vec![key("a", "n"); QUEUE / 2 - 1]);
        assert!(almost.room_for(&key("a", "n")).is_ok());
        let both = [vec![key("a", "n"); QUEUE / 2], vec![key("b", "m"); QUEUE / 2]].concat();
        assert!(queue(&both).room_for(&key("c", "o")).is_err());
    }

    #[test]
    fn whoever_has_the_fewest_at_work_comes_next_and_a_suspect_one_at_a_time() {
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
