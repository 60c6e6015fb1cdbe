//! Whether the service can do its work.

use crate::templates;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tracing::{info, warn};

/// How the API server is looked after.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadinessTimes {
    /// How often it is checked.
    pub(super) period: Duration,
    /// How long it may be out of reach before the service is not ready.
    pub(super) silence: Duration,
}

impl Default for ReadinessTimes {
    fn default() -> Self {
        Self {
            period: Duration::from_secs(10),
            silence: Duration::from_secs(30),
        }
    }
}

/// The state behind `/readyz`. Without a template set from the start the service is not ready, so that a rollout stops. A set
/// that is rejected later does not make it unready: the last good one serves on.
#[derive(Debug)]
pub(super) struct Readiness {
    started: AtomicBool,
    draining: AtomicBool,
    times: ReadinessTimes,
    /// When the API server last answered; with no API server to ask there is nothing to miss.
    last_answer: Option<Mutex<Instant>>,
    api_server: Option<ApiServer>,
}

/// What `/readyz` tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadinessState {
    /// Submissions are served.
    Ready,
    /// They are served, with the last good template set.
    TemplatesRejected,
    /// The default set was never live in this process, so that each submission is refused.
    NoTemplateSet,
    /// Not yet.
    NotStarted,
    /// The API server has not answered for 30 s.
    ApiServerOutOfReach,
    /// No longer.
    Draining,
}

impl ReadinessState {
    /// The state in words for programs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::TemplatesRejected => "template-set-rejected",
            Self::NoTemplateSet => "no-template-set",
            Self::NotStarted => "not-started",
            Self::ApiServerOutOfReach => "api-server-out-of-reach",
            Self::Draining => "draining",
        }
    }

    /// Whether submissions are served.
    pub(super) fn serves(self) -> bool {
        matches!(self, Self::Ready | Self::TemplatesRejected)
    }

    /// Why submissions are not served.
    pub(super) fn reason(self) -> Option<&'static str> {
        match self {
            Self::Ready | Self::TemplatesRejected => None,
            Self::NoTemplateSet => Some("no template set is live"),
            Self::NotStarted => Some("not started"),
            Self::ApiServerOutOfReach => Some("the API server is out of reach"),
            Self::Draining => Some("draining"),
        }
    }
}

struct ApiServer(kube::Client);

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiServer")
    }
}

impl Readiness {
    pub(super) fn new(api_server: Option<kube::Client>, times: ReadinessTimes) -> Self {
        Self {
            started: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            times,
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

    /// Whether the service takes submissions, with templates as the store says it.
    pub(super) fn state(&self, templates: &templates::Status) -> ReadinessState {
        if !self.started.load(Ordering::Relaxed) {
            return ReadinessState::NotStarted;
        }
        if self.draining.load(Ordering::Relaxed) {
            return ReadinessState::Draining;
        }
        let silent = self.last_answer.as_ref().map(|last_answer| {
            let last_answer = last_answer.lock().unwrap_or_else(PoisonError::into_inner);
            last_answer.elapsed()
        });
        match silent {
            Some(silent) if silent > self.times.silence => ReadinessState::ApiServerOutOfReach,
            _ if templates.live.is_none() => ReadinessState::NoTemplateSet,
            _ if templates.last_error.is_some() => ReadinessState::TemplatesRejected,
            _ => ReadinessState::Ready,
        }
    }

    /// Asks the API server again and again.
    pub(super) async fn watch(self: std::sync::Arc<Self>) {
        let (Some(ApiServer(client)), Some(last_answer)) = (&self.api_server, &self.last_answer) else {
            return;
        };
        let mut reachable = true;
        loop {
            let answer = tokio::time::timeout(self.times.period, client.apiserver_version()).await;
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
            tokio::time::sleep(self.times.period).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_state_is_reported_apart_and_the_gravest_wins() {
        let client = kube::Client::new(
            tower::service_fn(async |_: http::Request<kube::client::Body>| {
                Ok::<_, std::convert::Infallible>(http::Response::new(kube::client::Body::empty()))
            }),
            "default",
        );
        let readiness = Readiness::new(Some(client), ReadinessTimes::default());
        let of = |live: Option<&str>, error: Option<&str>| templates::Status {
            live: live.map(str::to_owned),
            last_error: error.map(str::to_owned),
            ..templates::Status::default()
        };
        let none = of(None, Some("bad"));
        assert_eq!(readiness.state(&none), ReadinessState::NotStarted);
        readiness.started();
        assert_eq!(
            readiness.state(&of(Some("default@0"), None)),
            ReadinessState::Ready
        );
        assert_eq!(
            readiness.state(&of(Some("default@0"), Some("bad"))),
            ReadinessState::TemplatesRejected
        );
        assert_eq!(readiness.state(&none), ReadinessState::NoTemplateSet);
        let long_ago = Instant::now()
            .checked_sub(ReadinessTimes::default().silence * 2)
            .unwrap();
        *readiness.last_answer.as_ref().unwrap().lock().unwrap() = long_ago;
        assert_eq!(readiness.state(&none), ReadinessState::ApiServerOutOfReach);
        readiness.draining();
        assert_eq!(readiness.state(&none), ReadinessState::Draining);
        let served = [ReadinessState::Ready, ReadinessState::TemplatesRejected];
        for state in [
            ReadinessState::Ready,
            ReadinessState::TemplatesRejected,
            ReadinessState::NoTemplateSet,
            ReadinessState::NotStarted,
            ReadinessState::ApiServerOutOfReach,
            ReadinessState::Draining,
        ] {
            assert_eq!(state.serves(), served.contains(&state));
            assert_eq!(state.reason().is_none(), state.serves(), "{state:?}");
        }
        assert_eq!(
            ReadinessState::ApiServerOutOfReach.reason(),
            Some("the API server is out of reach")
        );
    }
}
