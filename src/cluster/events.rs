//! Kubernetes Events about refused submissions, on their `SparkApplication`: an operator may show no more of a refusal
//! than its code.
//!
//! They are sent by a task of their own, one at a time, and for a short while each. What doesn't fit is dropped and
//! counted: an answer never waits for an Event, and never depends on one.

mod event;

use super::{
    ApplyError, ClusterSink,
    deadline::Deadline,
    requests::ApiCall,
    resource::{EVENTS, Target},
};
use crate::{error_code::ErrorCode, operator::application::ApplicationReference, telemetry::Metrics};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::mpsc, time};
use tracing::{debug, warn};

/// Refusals that wait to be sent.
const MOST_WAITING: usize = 256;

/// How long one refusal may take to be sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells of refusals. Clones share one queue; its task ends with the last of them.
#[derive(Debug, Clone)]
pub struct Events {
    queue: mpsc::Sender<Refused>,
    metrics: Arc<Metrics>,
}

/// A refusal to be sent.
#[derive(Debug)]
struct Refused {
    application: ApplicationReference,
    /// As Events write it: `InvalidPodTemplate`.
    reason: String,
    message: String,
}

/// What became of an Event, as a metric's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// It is new.
    Created,
    /// It was there, and counts one more.
    Counted,
    /// There is no `SparkApplication` that it could be about.
    NoApplication,
}

impl Told {
    fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Counted => "counted",
            Self::NoApplication => "no-application",
        }
    }
}

impl Events {
    /// Starts telling. Must be called inside a Tokio runtime.
    pub fn start(sink: ClusterSink, metrics: Arc<Metrics>) -> Self {
        let (queue, waiting) = mpsc::channel(MOST_WAITING);
        tokio::spawn(tell(sink, waiting, Arc::clone(&metrics)));
        Self { queue, metrics }
    }

    /// A submission of this application is refused: at once back, whatever becomes of the Event.
    pub fn refused(&self, application: ApplicationReference, code: ErrorCode, message: String) {
        self.send(application, event::reason(code.name()), message);
    }

    /// Policies refuse a submission of this application, or would (`reason`): at once back, whatever becomes of the Event.
    pub(crate) fn judged(&self, application: ApplicationReference, reason: Option<&str>, message: String) {
        let of_refusal = || event::reason(ErrorCode::RefusedByPolicy.name());
        let reason = reason.map_or_else(of_refusal, str::to_owned);
        self.send(application, reason, message);
    }

    fn send(&self, application: ApplicationReference, reason: String, message: String) {
        let refused = Refused {
            application,
            reason,
            message,
        };
        if self.queue.try_send(refused).is_err() {
            self.metrics.event("dropped");
        }
    }
}

async fn tell(sink: ClusterSink, mut waiting: mpsc::Receiver<Refused>, metrics: Arc<Metrics>) {
    let mut forbidden = false;
    while let Some(refused) = waiting.recv().await {
        let sent = match time::timeout(PATIENCE, sink.event(&refused)).await {
            Ok(sent) => sent,
            Err(_) => Err(ApplyError::Timeout {
                doing: "reporting a refusal".to_owned(),
            }),
        };
        match sent {
            Ok(sent) => {
                forbidden = false;
                metrics.event(sent.name());
            }
            Err(error) => {
                metrics.event("failed");
                let lacks_right = matches!(error, ApplyError::Forbidden { .. });
                if lacks_right && !forbidden {
                    warn!("no Kubernetes Events about refused submissions: {error}; or set EVENTS=false");
                } else {
                    debug!("a Kubernetes Event could not be written: {error}");
                }
                forbidden |= lacks_right;
            }
        }
    }
}

impl ClusterSink {
    /// Makes the Event of a refusal, or counts one more where it is there.
    async fn event(&self, refused: &Refused) -> Result<Told, ApplyError> {
        let Some(uid) = self.uid(&refused.application).await else {
            return Ok(Told::NoApplication);
        };
        let event = event::of(refused, &uid, Timestamp::now());
        let name = event["metadata"]["name"].as_str().unwrap_or_default();
        let target = Target::new(&EVENTS, &refused.application.namespace, name)?;
        let create = ApiCall::Create(&target, &event);
        match self.send(&create).await {
            Ok(_) => Ok(Told::Created),
            Err(failure) if failure.already_exists() => {
                self.count(&target, &event).await?;
                Ok(Told::Counted)
            }
            Err(failure) => Err(failure.into_error(&create)),
        }
    }

    /// The answer to the first patch says how often it was counted, so that no right to read Events is needed.
    async fn count(&self, target: &Target, event: &Value) -> Result<(), ApplyError> {
        let patch = json!({"lastTimestamp": event["lastTimestamp"]});
        let patch = ApiCall::Patch(target, &patch);
        let there = self
            .send(&patch)
            .await
            .map_err(|failure| failure.into_error(&patch))?;
        let count = there["count"].as_i64().unwrap_or(1).saturating_add(1);
        let patch = json!({
            "metadata": {"resourceVersion": there["metadata"]["resourceVersion"]},
            "count": count.min(i32::MAX.into()),
        });
        let patch = ApiCall::Patch(target, &patch);
        match self.send(&patch).await {
            Ok(_) => Ok(()),
            // Somebody else has counted meanwhile; one more or less matters to nobody.
            Err(failure) if failure.conflict() => Ok(()),
            Err(failure) => Err(failure.into_error(&patch)),
        }
    }

    async fn send(&self, call: &ApiCall<'_>) -> Result<Value, super::refusal::ApiFailure> {
        let deadline = Deadline::own(PATIENCE);
        self.shared.requests.send(call, &deadline).await.answer
    }

    /// The application's uid; read from the API server where the request has none.
    async fn uid(&self, application: &ApplicationReference) -> Option<String> {
        if application.uid.is_some() {
            return application.uid.clone();
        }
        let live = self.live_application(
            &application.namespace,
            &application.name,
            None,
            Some(Instant::now() + PATIENCE),
        );
        live.await.ok()?.map(|live| live.uid)
    }
}
