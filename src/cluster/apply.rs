//! The cluster sink: what the caller sees of applying. The work itself is [`super::attempt`].

use super::{
    ApplyError, ClusterSettings, Submitted, attempt::Attempt, deadline::Deadline, keyed_lock::KeyedLock,
    requests::Requests,
};
use crate::manifest::Manifests;
use kube::Client;
use std::{sync::Arc, time::Instant};
use tokio::{sync::watch, time};

/// Applies manifests to the API server. Clones share connections, turns and the count of work in flight.
#[derive(Clone)]
pub struct ClusterSink {
    pub(super) shared: Arc<Shared>,
}

/// What clones of a sink share.
pub(super) struct Shared {
    pub(super) requests: Requests,
    pub(super) settings: ClusterSettings,
    turns: KeyedLock<(String, String)>,
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
            turns: KeyedLock::default(),
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
            Deadline::of_caller(until, &caller),
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
