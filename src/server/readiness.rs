//! Whether the service can do its work.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tracing::{info, warn};

/// How often the API server is asked.
const PERIOD: Duration = Duration::from_secs(10);

/// How long it may be out of reach before the service is not ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// The state behind `/readyz`. A rejected template set does not make the service unready: the last good one
/// serves on.
#[derive(Debug)]
pub(super) struct Readiness {
    started: AtomicBool,
    draining: AtomicBool,
    /// When the API server last answered; with no API server to ask there is nothing to miss.
    last_answer: Option<Mutex<Instant>>,
    api_server: Option<ApiServer>,
}

struct ApiServer(kube::Client);

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiServer")
    }
}

impl Readiness {
    pub(super) fn new(api_server: Option<kube::Client>) -> Self {
        Self {
            started: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            last_answer: api_server.as_ref().map(|_| Mutex::new(Instant::now())),
            api_server: api_server.map(ApiServer),
        }
    }

    pub(super) fn started(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    pub(super) fn draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Why the service is not ready, if it isn't.
    pub(super) fn unready(&self) -> Option<&'static str> {
        if !self.started.load(Ordering::Relaxed) {
            return Some("not started");
        }
        if self.draining.load(Ordering::Relaxed) {
            return Some("draining");
        }
        let silent_since = self
            .last_answer
            .as_ref()?
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed();
        (silent_since > PATIENCE).then_some("the API server is out of reach")
    }

    /// Asks the API server again and again.
    pub(super) async fn watch(self: std::sync::Arc<Self>) {
        let (Some(ApiServer(client)), Some(last_answer)) = (&self.api_server, &self.last_answer) else {
            return;
        };
        let mut reachable = true;
        loop {
            let answer = tokio::time::timeout(PERIOD, client.apiserver_version()).await;
            // Any answer, a refusal too, shows that the server is there.
            let answered = matches!(answer, Ok(Ok(_) | Err(kube::Error::Api(_))));
            if answered {
                *last_answer.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            }
            match (answered, reachable) {
                (false, true) => warn!("the API server is out of reach"),
                (true, false) => info!("the API server answers again"),
                _ => {}
            }
            reachable = answered;
            tokio::time::sleep(PERIOD).await;
        }
    }
}
