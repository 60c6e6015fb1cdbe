//! Render workers, and who talks to them.
//!
//! A caller talks to an idle worker itself, for a moment: that saves the way to another thread and back, which takes as long as
//! a usual submission is rendered. What takes longer, and what has to wait, is a thread's: each starts a worker where none is
//! idle, gives it one task after the other, and replaces it when it ended.

use super::{
    MOST_CPU, MOST_TIME, RenderError, WorkerUnavailable,
    fault::{Fault, Limit},
    live_workers,
    process::{Exchange, ProcessBounds, Worker},
    protocol::{self, Answer, Loaded, WorkerRequest},
    queue::{Begun, Done, Failure, Key, LimitsPassed, Next, Queue, Task, Waiting},
};
use crate::{
    spark::plan::DriverPlan,
    templates::{Finished, Judgement, LoadError, Rendered, parts::Source},
};
use futures::channel::oneshot;
use std::{
    borrow::Cow,
    fmt,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a caller, which may be one of the runtime's few threads, waits for an answer itself.
const MOMENT: Duration = Duration::from_millis(2);

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
    queue: Mutex<Queue>,
    changed: Condvar,
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
                queue: Mutex::default(),
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
        let queue = self.shared.lock();
        let ended_by = queue.ended_by.as_ref();
        ended_by.is_some_and(|fault| matches!(fault, Fault::Passed(Limit::Time, _) | Fault::Lost(_)))
    }

    async fn done(&self, task: Task, namespace: String) -> Result<Done, Failure> {
        let key = Key {
            set: task.source().name().to_owned(),
            namespace,
        };
        let answer = match self.shared.at_once(key, task) {
            AtOnce::Done(outcome) => return outcome,
            AtOnce::Begun(answer) => answer,
            AtOnce::Not(key, task) => self.enqueue(key, task)?,
        };
        let lost = |_| Err(Failure::unavailable("the render workers are ending"));
        answer.await.unwrap_or_else(lost)
    }

    fn enqueue(&self, key: Key, task: Task) -> Result<Reply, Failure> {
        let (reply, answer) = oneshot::channel();
        let mut queue = self.shared.lock();
        queue.room_for(&key)?;
        queue.waiting.push_back(Waiting {
            key,
            since: Instant::now(),
            task,
            reply,
        });
        let idle = queue.threads - queue.working.len();
        if queue.waiting.len() > idle && queue.threads < self.shared.most_workers {
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new().name("render".to_owned());
            match thread.spawn(move || shared.work()) {
                Ok(_) => queue.threads += 1,
                Err(error) if queue.threads == 0 => {
                    queue.waiting.clear();
                    return Err(Failure::unavailable(format!(
                        "no thread for a render worker: {error}"
                    )));
                }
                Err(_) => {}
            }
        }
        drop(queue);
        self.shared.changed.notify_one();
        Ok(answer)
    }
}

fn other_answer() -> WorkerUnavailable {
    WorkerUnavailable("the render worker gave another answer".to_owned())
}

/// What came of a task that a caller gave to an idle worker itself.
enum AtOnce {
    Done(Result<Done, Failure>),
    /// It takes longer than a moment, and a thread goes on with it.
    Begun(Reply),
    /// No worker is idle, or the one that is doesn't know the set.
    Not(Key, Task),
}

type Reply = oneshot::Receiver<Result<Done, Failure>>;

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a task to an idle worker, if there is one, and waits for a moment.
    fn at_once(&self, key: Key, task: Task) -> AtOnce {
        // A probe has its worker for itself, and its own end.
        if self.kind == Kind::Probe {
            return AtOnce::Not(key, task);
        }
        let Some(mut worker) = self.lock().at_once(&key) else {
            return AtOnce::Not(key, task);
        };
        let frame = worker.is_usable().then(|| protocol::frame(&task.request()));
        let Some(Ok(frame)) = frame else {
            // A thread finds the same, and replaces the worker or tells why the task can't be sent.
            self.free(&key, worker, None);
            return AtOnce::Not(key, task);
        };
        let mut exchange = Exchange::new(frame, self.bounds());
        let Some(answer) = worker.go_on(&mut exchange, MOMENT) else {
            let (reply, answer) = oneshot::channel();
            let since = Instant::now();
            let task = Waiting {
                key,
                since,
                task,
                reply,
            };
            self.lock().begun.push_back(Begun {
                task,
                worker,
                exchange,
            });
            self.changed.notify_one();
            return AtOnce::Begun(answer);
        };
        if matches!(answer, Ok(Answer::UnknownSet)) {
            self.free(&key, worker, None);
            return AtOnce::Not(key, task);
        }
        let outcome = answer.map_err(Failure::Fault).and_then(done);
        self.ended(&key, worker, &outcome);
        AtOnce::Done(outcome)
    }

    /// Does tasks until the pool is dropped.
    fn work(&self) {
        while let Some(next) = self.next() {
            let (waiting, begun) = match next {
                Next::Task(waiting) => (waiting, None),
                Next::Begun(begun) => (begun.task, Some((begun.worker, begun.exchange))),
            };
            let before = (self.kind == Kind::Probe)
                .then(|| self.lock().ended_by.clone())
                .flatten();
            let outcome = match before {
                Some(fault) => {
                    self.lock().ended(&waiting.key, None);
                    Err(Failure::Fault(fault))
                }
                None => self.run(&waiting, begun),
            };
            // Nobody may wait any longer.
            let _ = waiting.reply.send(outcome);
        }
    }

    fn next(&self) -> Option<Next> {
        let mut queue = self.lock();
        loop {
            queue.tidy();
            if queue.closed {
                return None;
            }
            if let Some(next) = queue.next() {
                return Some(next);
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A task is at work no longer, and this is what came of it.
    fn ended(&self, key: &Key, worker: Worker, outcome: &Result<Done, Failure>) {
        let fault = match outcome {
            Err(Failure::Fault(fault)) => Some(fault),
            _ => None,
        };
        if let (Some(fault), Kind::Live) = (fault, self.kind) {
            tracing::warn!(
                set = key.set,
                namespace = key.namespace,
                "a submission was not rendered: {}",
                fault.of_template(&key.set).brief()
            );
        }
        self.free(key, worker, fault);
    }

    /// A worker is free for others.
    fn free(&self, key: &Key, mut worker: Worker, fault: Option<&Fault>) {
        // One that is to be replaced gives its memory back now, not when it is needed next.
        let worker = worker.is_usable().then_some(worker);
        let mut queue = self.lock();
        queue.idle.extend(worker);
        queue.ended(key, fault);
        let has_others = !queue.waiting.is_empty();
        drop(queue);
        if has_others {
            self.changed.notify_one();
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

    fn run(&self, waiting: &Waiting, begun: Option<(Worker, Exchange)>) -> Result<Done, Failure> {
        let started = match begun {
            Some((worker, exchange)) => Ok((worker, Some(exchange))),
            None => self.worker().map(|worker| (worker, None)),
        };
        let (mut worker, exchange) = match started {
            Ok(started) => started,
            Err(failure) => {
                self.lock().ended(&waiting.key, None);
                return Err(failure);
            }
        };
        let outcome = whole_exchange(&mut worker, &waiting.task, exchange, self.bounds());
        self.ended(&waiting.key, worker, &outcome);
        outcome
    }

    fn idle(&self) -> Option<Worker> {
        self.lock().idle.pop()
    }

    /// A worker that is idle, else a new one.
    fn worker(&self) -> Result<Worker, Failure> {
        while let Some(mut worker) = self.idle() {
            if worker.is_usable() {
                return Ok(worker);
            }
        }
        Worker::start(&self.program).map_err(|error| {
            tracing::error!("a render worker can't be started: {error}");
            Failure::unavailable(format!("a render worker can't be started: {error}"))
        })
    }
}

impl Task {
    fn request(&self) -> WorkerRequest<'_> {
        let source = self.source();
        match self {
            Self::Load(_) => WorkerRequest::Load(Cow::Borrowed(source)),
            Self::Render(_, plan) => WorkerRequest::Render {
                set: Cow::Borrowed(source.id()),
                plan: Cow::Borrowed(plan.as_ref()),
            },
            Self::Judge(_, finished) => WorkerRequest::Judge {
                set: Cow::Borrowed(source.id()),
                finished: Cow::Borrowed(finished.as_ref()),
            },
        }
    }
}

/// Has a worker do a task that may have begun.
fn whole_exchange(
    worker: &mut Worker,
    task: &Task,
    begun: Option<Exchange>,
    bounds: ProcessBounds,
) -> Result<Done, Failure> {
    let exchange = |request: &WorkerRequest<'_>| {
        let frame = protocol::frame(request);
        frame
            .map(|frame| Exchange::new(frame, bounds))
            .map_err(|error| Failure::unavailable(format!("the submission can't be sent: {error}")))
    };
    let mut finish = |exchange| worker.finish(exchange).map_err(Failure::Fault);
    let mut answer = finish(match begun {
        Some(begun) => begun,
        None => exchange(&task.request())?,
    })?;
    if matches!(answer, Answer::UnknownSet) {
        let load = WorkerRequest::Load(Cow::Borrowed(task.source()));
        match finish(exchange(&load)?)? {
            Answer::Loaded(_) => answer = finish(exchange(&task.request())?)?,
            failed => answer = failed,
        }
    }
    done(answer)
}

fn done(answer: Answer) -> Result<Done, Failure> {
    match answer {
        Answer::Loaded(loaded) => Ok(Done::Loaded(loaded)),
        Answer::NotLoaded(error) => Err(Failure::Load(error)),
        Answer::Rendered(rendered) => Ok(Done::Rendered(rendered)),
        Answer::Judged(judgement) => Ok(Done::Judged(judgement)),
        Answer::Failed(error) => Err(Failure::Template(error)),
        _ => Err(Failure::unavailable("the render worker gave another answer")),
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
