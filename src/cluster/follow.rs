//! Follows one driver Pod to its end, by a watch that is taken up again from its last resource version, whatever ended it.
//!
//! ```text
//! GET ─► seen ─► watch from its version ─► event: seen ─┬─ Succeeded, Failed ─► Completed
//!  ▲                  ▲                                 └─ DELETED, another uid, 404 ─► Deleted
//!  │ 410              │ end, disconnect, error: after a pause
//!  └──────────────────┘
//! ```
//!
//! Nothing of it spins: every turn of the loop that brought no event is followed by a pause, which doubles up to
//! [`FollowTiming::longest_pause`]. Nothing of it lasts for ever without an answer: [`FollowTiming::give_up`].

mod events;

use super::{
    ApplyError, ClusterSink,
    deadline::Deadline,
    refusal::ApiFailure,
    requests::{ApiCall, Requests, jittered},
    resource::{self, Target},
};
use crate::spark::driver_state;
use events::{Event, Events};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::time;

/// Times of following.
#[derive(Debug, Clone)]
pub struct FollowTiming {
    /// How long one watch lasts at most; the API server ends it then. It is some shorter for each follower, so that many don't
    /// come back at once.
    pub watch: Duration,
    /// How long an answer may take, but for the events of a watch.
    pub answer: Duration,
    /// The pause after the first turn that brought nothing; it doubles with each.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How long there may be no usable answer at all until the follower gives up.
    pub give_up: Duration,
    /// How long an API server that answered before may refuse the rights: one that starts does so for a moment.
    pub refused: Duration,
}

impl Default for FollowTiming {
    fn default() -> Self {
        Self {
            watch: Duration::from_secs(300),
            answer: Duration::from_secs(30),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(10),
            give_up: Duration::from_secs(30 * 60),
            refused: Duration::from_secs(60),
        }
    }
}

impl FollowTiming {
    /// How long a connection may be silent until it counts as dead: more than the minute within which the API server sends a
    /// bookmark on an idle watch.
    pub const SILENCE: Duration = Duration::from_secs(150);
}

/// How a followed Pod ended.
#[derive(Debug, Clone, PartialEq)]
pub enum FollowEnd {
    /// Its phase is `Succeeded` or `Failed`. It was handed to `seen`.
    Completed,
    /// It is gone, or another Pod has its name. The last state, if the deletion's event had one.
    Deleted(Option<Value>),
}

/// Why a Pod is no longer followed, although it may run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The API server refuses it, or the Pod's name is none.
    #[error(transparent)]
    Refused(#[from] ApplyError),
    /// There was no usable answer for too long.
    #[error("no usable answer from the API server for {} s: {last}", for_.as_secs())]
    GaveUp {
        /// For how long.
        for_: Duration,
        /// The last failure.
        last: ApplyError,
    },
}

impl ClusterSink {
    /// Follows a driver Pod to its end, and hands each new state of it to `seen`.
    ///
    /// `uid` is the Pod's, where it is known; else it is the first one's that is found. Dropping the future ends the watch.
    pub async fn follow(
        &self,
        (namespace, name): (&str, &str),
        uid: Option<&str>,
        timing: &FollowTiming,
        mut seen: impl FnMut(&Value),
    ) -> Result<FollowEnd, FollowError> {
        let target = Target::new(&resource::PODS, namespace, name)?;
        let mut following = Following {
            requests: &self.shared.requests,
            target: &target,
            timing,
            uid: uid.map(str::to_owned),
            version: None,
            shown: None,
            answered: false,
            watched: false,
            failing_since: None,
            pause: timing.first_pause,
        };
        loop {
            match following.turn(&mut seen).await {
                Turn::Ended(end) => return Ok(end),
                Turn::Moved => following.pause = timing.first_pause,
                Turn::Idle => following.rest(None).await,
                Turn::Failed(failure, call) => {
                    let after = failure.retry_after();
                    following.judge(failure, &call)?;
                    following.rest(after).await;
                }
            }
        }
    }
}

/// What one turn of the loop came to.
enum Turn<'a> {
    Ended(FollowEnd),
    /// There was an event, or the watch lasted.
    Moved,
    /// An answer, and nothing new.
    Idle,
    Failed(ApiFailure, ApiCall<'a>),
}

struct Following<'a> {
    requests: &'a Requests,
    target: &'a Target,
    timing: &'a FollowTiming,
    uid: Option<String>,
    /// Where the next watch begins; `None`: the Pod is to be read anew.
    version: Option<String>,
    /// The version of the Pod that `seen` got last.
    shown: Option<String>,
    /// Whether the API server ever answered as it should.
    answered: bool,
    /// Whether it ever let the Pod be watched.
    watched: bool,
    failing_since: Option<Instant>,
    pause: Duration,
}

impl<'a> Following<'a> {
    async fn turn(&mut self, seen: &mut impl FnMut(&Value)) -> Turn<'a> {
        let version = match self.version.clone() {
            Some(version) => version,
            None => match self.read(seen).await {
                Ok(version) => version,
                Err(turn) => return turn,
            },
        };
        let began = Instant::now();
        let seconds = jittered(self.timing.watch).as_secs().max(1);
        let call = ApiCall::Watch(self.target, &version, seconds);
        let body = match self.requests.open(&call, self.timing.answer).await {
            Ok(body) => body,
            Err(failure) => return self.failed(failure),
        };
        self.watched = true;
        let mut events = Events::new(body);
        let mut moved = false;
        loop {
            let turn = match events.next().await {
                Ok(Some(event)) => self.take(event, seen),
                Ok(None) => break,
                Err(failure) => Some(self.failed(failure)),
            };
            match turn {
                None => {
                    self.answered();
                    moved = true;
                    self.pause = self.timing.first_pause;
                }
                Some(turn) => return turn,
            }
        }
        if moved || began.elapsed() > self.timing.longest_pause {
            self.answered();
            return Turn::Moved;
        }
        // A server, or what stands before it, that ends each watch at once tells nothing: so the Pod is read.
        self.version = None;
        Turn::Idle
    }

    /// Reads the Pod; its version, from which the watch goes on.
    async fn read(&mut self, seen: &mut impl FnMut(&Value)) -> Result<String, Turn<'a>> {
        let call = ApiCall::Get(self.target);
        let sent = self
            .requests
            .send(&call, &Deadline::own(self.timing.answer))
            .await;
        match sent.answer {
            Ok(pod) => {
                self.answered();
                match self.look(&pod, seen) {
                    Some(turn) => Err(turn),
                    None => Ok(version(&pod).unwrap_or_default().to_owned()),
                }
            }
            Err(failure) if failure.not_found() => Err(Turn::Ended(FollowEnd::Deleted(None))),
            Err(failure) => Err(Turn::Failed(failure, call)),
        }
    }

    /// Takes one event of a watch; `None` where it goes on.
    fn take(&mut self, event: Event, seen: &mut impl FnMut(&Value)) -> Option<Turn<'a>> {
        match event {
            Event::Changed(pod) => {
                self.version = version(&pod).map(str::to_owned);
                self.look(&pod, seen)
            }
            Event::Deleted(pod) => {
                let ours = self.is_ours(&pod);
                Some(Turn::Ended(FollowEnd::Deleted(ours.then_some(pod))))
            }
            Event::Bookmark(version) => {
                self.version = Some(version);
                None
            }
            Event::Failed(failure) => Some(self.failed(failure)),
        }
    }

    /// Takes a state of the Pod; `None` where that is not its end.
    fn look(&mut self, pod: &Value, seen: &mut impl FnMut(&Value)) -> Option<Turn<'a>> {
        if !self.is_ours(pod) {
            return Some(Turn::Ended(FollowEnd::Deleted(None)));
        }
        let version = version(pod).map(str::to_owned);
        if version.is_none() || version != self.shown {
            self.shown = version;
            seen(pod);
        }
        driver_state::has_ended(pod).then_some(Turn::Ended(FollowEnd::Completed))
    }

    fn is_ours(&mut self, pod: &Value) -> bool {
        let found = pod.pointer("/metadata/uid").and_then(Value::as_str);
        match (&self.uid, found) {
            (Some(ours), Some(found)) => ours == found,
            (None, found) => {
                self.uid = found.map(str::to_owned);
                true
            }
            (Some(_), None) => true,
        }
    }

    fn answered(&mut self) {
        self.answered = true;
        self.failing_since = None;
    }

    /// A watch that failed; what it says of the version is taken note of.
    fn failed(&mut self, failure: ApiFailure) -> Turn<'a> {
        // Also what can't be read: the next event may be as unreadable, and the Pod itself tells the end.
        if failure.gone() || matches!(failure, ApiFailure::OverLimit(_)) {
            self.version = None;
            return Turn::Idle;
        }
        Turn::Failed(failure, ApiCall::Watch(self.target, "", 0))
    }

    /// Whether to go on after a failure; else why not.
    fn judge(&mut self, failure: ApiFailure, call: &ApiCall<'_>) -> Result<(), FollowError> {
        let failing = self.failing_since.get_or_insert_with(Instant::now).elapsed();
        let refused = failure.forbidden() || failure.unauthorized();
        let never_allowed = match call {
            ApiCall::Watch(..) => !self.watched,
            _ => !self.answered,
        };
        if refused && (never_allowed || failing >= self.timing.refused) {
            return Err(failure.into_error(call).into());
        }
        if failing >= self.timing.give_up {
            return Err(FollowError::GaveUp {
                for_: failing,
                last: failure.into_error(call),
            });
        }
        Ok(())
    }

    async fn rest(&mut self, asked: Option<Duration>) {
        let asked = asked.unwrap_or_default().min(self.timing.longest_pause * 6);
        time::sleep(jittered(self.pause).max(asked)).await;
        self.pause = (self.pause * 2).min(self.timing.longest_pause);
    }
}

fn version(object: &Value) -> Option<&str> {
    object
        .pointer("/metadata/resourceVersion")
        .and_then(Value::as_str)
}
