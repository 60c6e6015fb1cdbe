//! The cluster sink: what the caller sees of applying. The work itself is [`super::attempt`].

use super::{
    ApplyError, Submitted, attempt::Attempt, in_turn::InTurn, patience::Patience, requests::Requests,
};
use crate::manifest::Manifests;
use kube::Client;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::watch, time};

/// Times and bounds of applying.
#[derive(Debug, Clone)]
pub struct ClusterSettings {
    /// How long a call may wait before it creates anything, whatever its caller's deadline is.
    pub deadline: Duration,
    /// How long the work may go on after the Pod's creation was sent: two thirds to finish, one third to roll back.
    pub finish_within: Duration,
    /// The age from which an incomplete driver Pod, or a `PodGroup` without one, is nobody's: until then it is the work of a
    /// running call, perhaps of another server. More than `finish_within`, by what clocks and connections may be slow.
    pub running_call: Duration,
    /// How long a call may take in all: longer than `deadline`, by what it takes to finish what it has begun.
    pub longest_call: Duration,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// The pause before the first retry of a request; it doubles with each.
    pub first_pause: Duration,
    /// The longest pause between retries, but where the server asks for a longer one.
    pub longest_pause: Duration,
    /// How often one request is sent at most.
    pub tries: u32,
    /// How many requests, and so connections, there may be at once.
    pub requests_at_once: usize,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(40),
            finish_within: Duration::from_secs(30),
            running_call: Duration::from_secs(35),
            longest_call: Duration::from_secs(45),
            request_timeout: Duration::from_secs(10),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(2),
            tries: 8,
            requests_at_once: 64,
        }
    }
}

/// Applies manifests to the API server. Clones share connections, turns and the count of work in flight.
#[derive(Clone)]
pub struct ClusterSink {
    pub(super) shared: Arc<Shared>,
}

/// What clones of a sink share.
pub(super) struct Shared {
    pub(super) requests: Requests,
    pub(super) settings: ClusterSettings,
    turns: InTurn<(String, String)>,
    in_flight: Arc<watch::Sender<usize>>,
}

impl std::fmt::Debug for ClusterSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterSink")
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

impl ClusterSink {
    /// A sink over `client`, which should have no retry of its own ([`super::client()`] makes such a one).
    pub fn new(client: Client, settings: ClusterSettings) -> Self {
        let shared = Shared {
            requests: Requests::new(client, settings.clone()),
            settings,
            turns: InTurn::default(),
            in_flight: Arc::new(watch::Sender::new(0)),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Creates the Pod, then what it owns; or finds, completes or replaces what is there.
    ///
    /// Calls for the same Pod wait for each other, also those of other servers. Dropping the future before its turn has come leaves
    /// nothing; afterwards the work goes on and ends complete or rolled back.
    pub async fn apply(
        &self,
        manifests: Arc<Manifests>,
        deadline: Option<Instant>,
    ) -> Result<Submitted, ApplyError> {
        let now = Instant::now();
        let end = now + self.shared.settings.longest_call;
        let longest_wait = (now + self.shared.settings.deadline).min(end);
        let until = deadline.map_or(longest_wait, |deadline| deadline.min(longest_wait));
        let identity = &manifests.identity;
        let pod = format!("{}/{}", identity.namespace, identity.pod_name);
        let key = (identity.namespace.clone(), identity.pod_name.clone());
        let turn = time::timeout_at(until.into(), self.shared.turns.wait(key))
            .await
            .map_err(|_| ApplyError::Timeout {
                doing: format!("waiting for an earlier call for the driver Pod `{pod}`"),
            })?;

        let caller = Arc::new(());
        let attempt = Attempt::new(
            self.shared.requests.clone(),
            self.shared.settings.clone(),
            manifests,
            Patience::of_caller(until, &caller),
            end,
        )?;
        let in_flight = InFlight::enter(&self.shared.in_flight);
        let listener = Arc::downgrade(&caller);
        let work = tokio::spawn(async move {
            let result = attempt.run().await;
            if listener.strong_count() == 0 {
                log(&result);
            }
            drop((turn, in_flight));
            result
        });
        let ended = match deadline {
            Some(deadline) => {
                time::timeout_at(deadline.into(), work)
                    .await
                    .map_err(|_| ApplyError::Timeout {
                        doing: format!("creating `{pod}`, which goes on"),
                    })?
            }
            None => work.await,
        };
        drop(caller);
        ended.unwrap_or_else(|_| {
            Err(ApplyError::Internal {
                what: "applying ended in a panic or by shutdown".to_owned(),
            })
        })
    }

    /// Waits until no work is in flight, also of callers that have gone: for draining.
    pub async fn settled(&self) {
        // The sender is ours, so this cannot fail.
        let _ = self
            .shared
            .in_flight
            .subscribe()
            .wait_for(|count| *count == 0)
            .await;
    }
}

/// What a caller would have heard, who is gone.
fn log(result: &Result<Submitted, ApplyError>) {
    match result {
        Ok(submitted) => tracing::info!(
            namespace = submitted.namespace,
            pod = submitted.pod_name,
            application_id = submitted.application_id,
            outcome = ?submitted.outcome,
            "submitted"
        ),
        Err(error) => tracing::warn!(code = %error.code(), %error, "not submitted"),
    }
}

/// Counts as work in flight until it is dropped, also by a panic.
struct InFlight(Arc<watch::Sender<usize>>);

impl InFlight {
    fn enter(count: &Arc<watch::Sender<usize>>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(Arc::clone(count))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}
