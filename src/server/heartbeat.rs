//! Finds a runtime of which a worker thread never comes back.
//!
//! What is detected, once for each tick of the health port's own thread:
//!
//! - **No worker answers**: a no-op, spawned beside all admission, was run by none.
//! - **One worker is stuck**: tokio can't address one worker, and a no-op is run by whichever is free. But each worker counts how often
//!   it parks and for how long it was busy, after every few dozen tasks at the latest. A worker that is not parked, and whose counts
//!   stay as they are, is in one task all the time.
//!
//! Waiting is never found: who awaits the API server, a render worker or a permit gave its worker back. Ticks are counted, not
//! seconds: a process that is paused does not tick.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    runtime::Handle,
    time::{Interval, MissedTickBehavior, interval},
};
use tracing::{error, info};

/// The time between two ticks.
const TICK: Duration = Duration::from_secs(1);

/// After how many ticks without an answer a worker is stuck.
const STUCK: u32 = 30;

/// How many ticks the process has for its start.
const START: u32 = 60;

/// Watches runtimes.
pub(super) struct Heartbeat {
    runtimes: Vec<Runtime>,
    verdict: Arc<Liveness>,
}

/// What the last tick found.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    stuck: Mutex<Option<String>>,
    /// How many there were.
    ticks: AtomicU32,
}

struct Runtime {
    name: &'static str,
    handle: Handle,
    answered: Arc<AtomicBool>,
    /// Ticks since the no-op that is out was sent.
    unanswered: u32,
    workers: Vec<Worker>,
}

/// One worker's counts, and for how many ticks they have been the same while it was not parked.
#[derive(Default)]
struct Worker {
    parks: u64,
    busy: Duration,
    still: u32,
}

impl Liveness {
    /// Which workers are stuck; none where all is well.
    pub(super) fn stuck(&self) -> Option<String> {
        self.stuck.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_now(&self, stuck: Option<String>) {
        let mut verdict = self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*verdict, &stuck) {
            (None, Some(stuck)) => error!("not healthy: {stuck}"),
            (Some(_), None) => info!("healthy again"),
            _ => {}
        }
        *verdict = stuck;
    }
}

impl Heartbeat {
    /// Watches these runtimes, by name.
    pub(super) fn new(runtimes: impl IntoIterator<Item = (&'static str, Handle)>) -> Self {
        Self {
            runtimes: runtimes
                .into_iter()
                .map(|(name, handle)| Runtime::new(name, handle))
                .collect(),
            verdict: Arc::default(),
        }
    }

    /// What is found, as it changes.
    pub(super) fn verdict(&self) -> Arc<Liveness> {
        Arc::clone(&self.verdict)
    }

    /// Ticks for ever. After a pause of the process it goes on with one tick, not with all that were missed.
    pub(super) async fn beat(mut self) {
        let mut ticks = ticks(TICK);
        loop {
            ticks.tick().await;
            self.tick();
        }
    }

    fn tick(&mut self) {
        // Wraps after more than a hundred years.
        let ticks = self.verdict.ticks.fetch_add(1, Ordering::Relaxed) + 1;
        let stuck: Vec<_> = self.runtimes.iter_mut().filter_map(Runtime::tick).collect();
        let is_over = ticks > START && !stuck.is_empty();
        self.verdict.is_now(is_over.then(|| stuck.join("; ")));
    }
}

fn ticks(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

impl Runtime {
    fn new(name: &'static str, handle: Handle) -> Self {
        let workers = handle.metrics().num_workers();
        Self {
            name,
            handle,
            answered: Arc::new(AtomicBool::new(true)),
            unanswered: 0,
            workers: (0..workers).map(|_| Worker::default()).collect(),
        }
    }

    fn tick(&mut self) -> Option<String> {
        if self.answered.swap(false, Ordering::Relaxed) {
            self.unanswered = 0;
            let answered = Arc::clone(&self.answered);
            self.handle
                .spawn(async move { answered.store(true, Ordering::Relaxed) });
        } else {
            self.unanswered += 1;
        }
        let metrics = self.handle.metrics();
        for (nth, worker) in self.workers.iter_mut().enumerate() {
            worker.tick(
                metrics.worker_park_unpark_count(nth),
                metrics.worker_total_busy_duration(nth),
            );
        }
        if self.unanswered >= STUCK {
            return Some(format!("no worker of {} answers", self.name));
        }
        let stuck = self.workers.iter().filter(|worker| worker.still >= STUCK).count();
        let all = self.workers.len();
        (stuck > 0).then(|| format!("{stuck} of {all} workers of {} is stuck in one task", self.name))
    }
}

impl Worker {
    /// `parks` goes up by one when the worker parks and when it wakes: it is odd while the worker is parked.
    fn tick(&mut self, parks: u64, busy: Duration) {
        let is_parked = parks % 2 == 1;
        if is_parked || (parks, busy) != (self.parks, self.busy) {
            self.still = 0;
        } else {
            self.still += 1;
        }
        (self.parks, self.busy) = (parks, busy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        thread::sleep,
        time::{Duration, Instant},
    };
    use tokio::runtime::Builder;

    const SHORT: Duration = Duration::from_millis(5);

    fn runtime() -> tokio::runtime::Runtime {
        Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    }

    /// Takes a worker away until the flag is set, and waits until it is taken.
    fn spin(runtime: &Handle, over: &Arc<AtomicBool>) {
        let (over, began) = (Arc::clone(over), Arc::new(AtomicBool::new(false)));
        let beginning = Arc::clone(&began);
        runtime.spawn(async move {
            beginning.store(true, Ordering::Relaxed);
            while !over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        while !began.load(Ordering::Relaxed) {
            sleep(SHORT);
        }
    }

    fn tick(heartbeat: &mut Heartbeat, times: u32) {
        for _ in 0..times {
            heartbeat.tick();
            sleep(SHORT);
        }
    }

    /// What is found while so many of two workers spin, and afterwards.
    fn with_spinning(count: u32) -> String {
        let (runtime, over) = (runtime(), Arc::new(AtomicBool::new(false)));
        let mut heartbeat = Heartbeat::new([("submissions", runtime.handle().clone())]);
        let verdict = heartbeat.verdict();
        tick(&mut heartbeat, START);
        for _ in 0..count {
            spin(runtime.handle(), &over);
        }
        tick(&mut heartbeat, STUCK - 1);
        assert_eq!(verdict.stuck(), None, "{} ticks", STUCK - 1);
        tick(&mut heartbeat, 3);
        let found = verdict.stuck().unwrap();
        over.store(true, Ordering::Relaxed);
        let end = Instant::now() + Duration::from_secs(20);
        while verdict.stuck().is_some() && Instant::now() < end {
            tick(&mut heartbeat, 1);
        }
        assert_eq!(verdict.stuck(), None, "all of them came back");
        found
    }

    #[test]
    fn workers_that_spin_are_found_one_or_all() {
        assert_eq!(with_spinning(2), "no worker of submissions answers");
        let one = with_spinning(1);
        assert_eq!(one, "1 of 2 workers of submissions is stuck in one task");
    }

    #[test]
    fn what_waits_or_has_much_to_do_is_not_stuck() {
        let (runtime, over) = (runtime(), Arc::new(AtomicBool::new(false)));
        let mut heartbeat = Heartbeat::new([("submissions", runtime.handle().clone())]);
        let verdict = heartbeat.verdict();
        for _ in 0..100 {
            runtime.spawn(std::future::pending::<()>());
            // Both workers are busy all the time, but each task gives way.
            let over = Arc::clone(&over);
            runtime.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    sleep(Duration::from_micros(20));
                    tokio::task::yield_now().await;
                }
            });
        }
        for _ in 0..START + 3 * STUCK {
            tick(&mut heartbeat, 1);
            assert_eq!(verdict.stuck(), None);
            sleep(4 * SHORT);
        }
        over.store(true, Ordering::Relaxed);
    }

    #[test]
    fn the_start_is_healthy_whatever_hangs() {
        let (runtime, over) = (runtime(), Arc::new(AtomicBool::new(false)));
        let mut heartbeat = Heartbeat::new([("submissions", runtime.handle().clone())]);
        let verdict = heartbeat.verdict();
        spin(runtime.handle(), &over);
        spin(runtime.handle(), &over);
        tick(&mut heartbeat, START);
        assert_eq!(verdict.stuck(), None);
        tick(&mut heartbeat, 1);
        assert!(verdict.stuck().is_some());
        over.store(true, Ordering::Relaxed);
    }

    #[tokio::test]
    async fn a_pause_of_the_process_is_one_tick() {
        let mut ticks = ticks(Duration::from_secs(1));
        ticks.tick().await;
        // Nothing of this process runs on its clock meanwhile.
        sleep(Duration::from_secs(4));
        ticks.tick().await;
        let next = tokio::time::timeout(Duration::from_millis(500), ticks.tick()).await;
        assert!(next.is_err(), "what was missed is not made up for");
    }
}
