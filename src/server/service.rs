//! What all entry points of the service share: its limits, and the call into the pipeline.

mod error;

pub(super) use error::ServiceError;

use super::{
    admission::{Admission, NotAdmitted},
    request_guard::{Arrivals, RequestGuard, Rooms},
};
use crate::{
    cluster::Sink,
    error_code::ErrorCode,
    finding::{self, Words, expected, is_name},
    kubernetes::kinds,
    operator::{Origin, application::ApplicationReference},
    settings::ServeSettings,
    spark::submission::{EntryPoint, Refusal, SubmissionId, SubmitterContext},
    submitter::{Accepted, Mode, PolicyOutcome, SubmitError, SubmitOptions, SubmitRequest, Submitter},
    telemetry::{Caller, History, LogLimiter, Metrics, PastSubmission, Stages},
    templates,
};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{runtime::Handle, task::JoinHandle};
use tracing::{Instrument, Span, error, field::Empty, info_span, warn};

/// The outcome of a request of which no submission could be read.
const NOT_A_SUBMISSION: &str = "not-a-submission";

/// What a key of the conf may come to in memory, where it is about the driver's Pod: an env guard, a label, a volume with its mount.
const KEY_BYTES: usize = 3 << 10;

/// How long the start waits for the attempts of other sets than the default one.
const OTHER_SETS: Duration = Duration::from_secs(5);

/// The service behind every entry point. Clones share it.
#[derive(Debug, Clone)]
pub struct Service {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    submitter: Submitter,
    context: SubmitterContext,
    origin: Origin,
    allowed_namespaces: Vec<String>,
    admission: Admission,
    rooms: Rooms,
    arrivals: Arrivals,
    turned_away: LogLimiter,
    not_submissions: LogLimiter,
    max_in_flight: u32,
    /// The last submissions, for the status page.
    history: History,
    max_request_bytes: usize,
    /// Where submissions are at work: entry points may run elsewhere, so that they answer while all of this is busy.
    work: Handle,
}

/// A request of which nothing could be made.
#[derive(Debug)]
pub(super) struct RejectedRequest {
    /// Why.
    pub(super) error: SubmitError,
    /// The application that it names all the same.
    pub(super) about: Option<ApplicationReference>,
}

/// Makes a [`SubmitRequest`] of what an entry point received. This takes time and memory, so it is done once the call is admitted.
pub(super) type ReadRequest = Box<
    dyn FnOnce(&SubmissionId, Origin, &SubmitterContext) -> Result<SubmitRequest, RejectedRequest> + Send,
>;

/// What is known of a submission while it is at work.
struct Seen {
    stages: Stages,
    /// Its namespace, where that is a name.
    namespace: String,
    /// Its application, where that is known and a name.
    application: String,
}

/// One call through an entry point.
pub(super) struct SubmitCall {
    /// The entry point.
    pub(super) entry_point: EntryPoint,
    /// The submission id as the caller gave it.
    pub(super) id: String,
    /// How long the caller waits.
    pub(super) deadline: Option<Instant>,
    /// Whether objects are to exist afterwards.
    pub(super) mode: Mode,
    /// The submitter, where that is not this service.
    pub(super) context: Option<SubmitterContext>,
    /// The trace that the caller is in.
    pub(super) caller: Caller,
    /// What it holds until its end.
    pub(super) guard: RequestGuard,
    /// The request.
    pub(super) read: ReadRequest,
}

impl Service {
    /// A service over `submitter`, which works in the runtime that this is called in.
    pub fn new(
        submitter: Submitter,
        context: SubmitterContext,
        origin: Origin,
        settings: &ServeSettings,
    ) -> Self {
        submitter.metrics.shadow_kinds(kinds::of_submissions());
        let allowed_namespaces = settings
            .allowed_namespaces
            .iter()
            .filter(|name| !name.is_empty())
            .cloned()
            .collect();
        Self {
            shared: Arc::new(Shared {
                submitter,
                context,
                origin,
                allowed_namespaces,
                admission: Admission::new(settings.max_in_flight as usize),
                rooms: Rooms::new(settings.max_request_bytes),
                arrivals: Arrivals::default(),
                turned_away: LogLimiter::default(),
                not_submissions: LogLimiter::default(),
                max_in_flight: settings.max_in_flight,
                history: History::default(),
                max_request_bytes: settings.max_request_bytes,
                work: Handle::current(),
            }),
        }
    }

    /// Submits a call's request, and counts what became of it.
    pub(super) async fn submit(&self, call: SubmitCall) -> Result<Accepted, ServiceError> {
        let entry_point = call.entry_point.label();
        call.guard.counted();
        // All that is logged on the way carries these; each is filled in when it is known, and checked: a label, a log line
        // or a span never has a text in it that may be of any length.
        let id = SubmissionId::new(&call.id);
        let span = info_span!(
            "submission",
            otel.kind = "server",
            otel.status_code = Empty,
            entry_point,
            submission_id = Empty,
            namespace = Empty,
            application = Empty,
            outcome = Empty
        );
        if let Ok(id) = &id {
            span.record("submission_id", id.as_str());
        }
        call.caller.continued_by(&span);
        let result = match id {
            Ok(id) => self.admitted(call, id).instrument(span.clone()).await,
            Err(refusal) => Err(refusal.into()),
        };
        let outcome = match &result {
            Ok(accepted) => accepted.submitted.outcome.name(),
            Err(failure) => failure.reason(),
        };
        span.record("outcome", outcome);
        self.shared.submitter.metrics.submission(entry_point, outcome);
        if let Err(failure) = &result {
            self.shared.submitter.metrics.failure(failure.code());
            span.record("otel.status_code", "ERROR");
            span.in_scope(|| {
                warn!(
                    code = failure.code().name(),
                    reason = outcome,
                    "refused: {}",
                    failure.text()
                );
            });
        }
        result
    }

    async fn admitted(&self, call: SubmitCall, id: SubmissionId) -> Result<Accepted, ServiceError> {
        if !call.guard.arrived() {
            return Err(ServiceError::GaveWay);
        }
        match self.begin(call, id).await {
            Ok(result) => result,
            Err(failure) => {
                error!("a submission was stopped by a defect: {failure}");
                Err(ServiceError::Internal)
            }
        }
    }

    /// Lets the work of a call begin: in a task of its own, so that a caller that goes away doesn't cut it short, and a
    /// panic ends this submission only.
    fn begin(&self, call: SubmitCall, id: SubmissionId) -> JoinHandle<Result<Accepted, ServiceError>> {
        let shared = Arc::clone(&self.shared);
        let work = async move {
            let held = call.guard.clone();
            let mode = call.mode;
            let mut about = None;
            let mut seen = Seen {
                stages: Stages::counted(Arc::clone(&shared.submitter.metrics)),
                namespace: String::new(),
                application: String::new(),
            };
            let entry_point = call.entry_point.label();
            let result = match shared.work(call, id, &mut about, &mut seen).await {
                Err(ServiceError::Submit(error)) if error.over_limit() && held.lacked_memory() => {
                    Err(ServiceError::NoRoom)
                }
                result => result,
            };
            shared.remember(entry_point, &seen, about.as_ref(), &result);
            if let (Err(error), Some(about), Mode::Submit) = (&result, about, mode) {
                shared.tell(about, error);
            }
            result
        };
        self.shared.work.spawn(work.instrument(Span::current()))
    }

    /// Lets a request in before it is read, or turns it away: in a flood reading what will be refused would take the
    /// memory, and the time of those that are in.
    pub(super) fn enter(&self, entry_point: &'static str) -> Result<RequestGuard, ServiceError> {
        let entered = self.shared.admission.enter();
        let entered = match entered {
            Err(NotAdmitted::Full) => self.shared.arrivals.give_way().ok_or(NotAdmitted::Full),
            entered => entered,
        };
        match entered {
            Ok(place) => {
                let in_flight = self.shared.submitter.metrics.in_flight();
                Ok(RequestGuard::new(
                    place,
                    in_flight,
                    &self.shared.rooms,
                    &self.shared.arrivals,
                ))
            }
            Err(refused) => {
                let refused = self.shared.not_admitted(&refused);
                self.turned_away(entry_point, &refused);
                Err(refused)
            }
        }
    }

    /// Turns a call away before there is anything of it but its head.
    pub(super) fn refused_call(&self, entry_point: &'static str) -> ServiceError {
        let refused = ServiceError::Overloaded(self.shared.max_in_flight);
        self.turned_away(entry_point, &refused);
        refused
    }

    /// Counts and logs a request that was turned away before it was read.
    pub(super) fn turned_away(&self, entry_point: &'static str, error: &ServiceError) {
        let metrics = &self.shared.submitter.metrics;
        metrics.submission(entry_point, error.reason());
        metrics.failure(error.code());
        if let Some(left_out) = self.shared.turned_away.line() {
            let (code, reason) = (error.code().name(), error.reason());
            warn!(entry_point, code, reason, left_out, "turned away: {error}");
        }
    }

    /// Counts and logs a request that is no submission.
    pub(super) fn not_a_submission(&self, entry_point: &'static str, code: ErrorCode, message: &str) {
        let metrics = &self.shared.submitter.metrics;
        metrics.submission(entry_point, NOT_A_SUBMISSION);
        metrics.failure(code);
        if let Some(left_out) = self.shared.not_submissions.line() {
            let (code, reason) = (code.name(), NOT_A_SUBMISSION);
            let message = finding::answer(message);
            warn!(entry_point, code, reason, left_out, "refused: {message}");
        }
    }

    /// How many submissions may be at work.
    pub(super) fn capacity(&self) -> u32 {
        self.shared.max_in_flight
    }

    /// The last submissions.
    pub(super) fn history(&self) -> &History {
        &self.shared.history
    }

    /// The longest request, in bytes.
    pub(super) fn max_request_bytes(&self) -> usize {
        self.shared.max_request_bytes
    }

    /// Where submissions are at work.
    pub(super) fn runtime(&self) -> Handle {
        self.shared.work.clone()
    }

    /// What is counted.
    pub(super) fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.shared.submitter.metrics)
    }

    /// How many submissions are at work.
    pub(super) fn in_flight(&self) -> usize {
        self.shared.admission.in_flight()
    }

    /// Takes no further submissions.
    pub(super) fn close(&self) {
        self.shared.admission.close();
    }

    /// Waits until no submission is at work, those included whose caller's deadline is over.
    pub(super) async fn idle(&self) {
        while self.in_flight() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if let Sink::Cluster(sink) = &self.shared.submitter.sink {
            sink.settled().await;
        }
    }

    /// Which template set is live, and why a newer one is not.
    pub(super) fn templates(&self) -> templates::Status {
        self.shared.submitter.templates.status()
    }

    /// Waits until the default template set was tried once, and for the others a little longer.
    pub(super) async fn templates_tried(&self) {
        let mut status = self.shared.submitter.templates.subscribe();
        // The sender lives as long as this service.
        let _ = status
            .wait_for(|status| status.complete || status.tried_default())
            .await;
        let complete = status.wait_for(|status| status.complete);
        let _ = tokio::time::timeout(OTHER_SETS, complete).await;
    }

    /// All metrics.
    pub(super) fn metrics_text(&self, ready: bool) -> String {
        let status = self.templates();
        let metrics = &self.shared.submitter.metrics;
        metrics.template_sets(
            status.reloads_succeeded,
            status.reloads_failed,
            status.last_error.is_none(),
            status.generation,
        );
        for set in self.shared.submitter.templates.current().iter() {
            for policy in set.policies() {
                let outcome = PolicyOutcome::of_mode(policy.mode).name();
                metrics.policy_begins(set.name(), &policy.policy, policy.mode.name(), outcome);
            }
        }
        let live = status.sets.into_values().filter_map(|set| set.live);
        let live = live.filter_map(|id| {
            id.split_once('@')
                .map(|(set, hash)| (set.to_owned(), hash.to_owned()))
        });
        metrics.live_sets(live);
        for ((set, limit), passed) in status.limits_passed {
            metrics.template_limit_passed(set, limit, passed.count);
        }
        metrics.serving(ready, self.shared.max_in_flight);
        metrics.text()
    }
}

impl Shared {
    /// The whole call; `about` becomes the application that it is about as soon as that is known.
    async fn work(
        &self,
        call: SubmitCall,
        id: SubmissionId,
        about: &mut Option<ApplicationReference>,
        seen: &mut Seen,
    ) -> Result<Accepted, ServiceError> {
        let mut context = call.context.unwrap_or_else(|| SubmitterContext {
            submit_time_ms: now_ms(),
            ..self.context.clone()
        });
        context.executor_check = self.context.executor_check;
        context.entry_point = call.entry_point;
        let turn = call.guard.turn_to_read().await;
        let request = (call.read)(&id, self.origin, &context).map_err(|rejected| {
            call.guard.give_back_memory();
            *about = rejected.about;
            rejected.error
        })?;
        drop(turn);
        *about = request.application();
        let span = Span::current();
        if is_name(request.namespace()) && !request.has_references() {
            span.record("namespace", request.namespace());
            request.namespace().clone_into(&mut seen.namespace);
        }
        // An owner's name comes from no reference; a label's may.
        let named = match about.as_ref() {
            Some(about) => Some(about.name.clone()),
            None if request.has_references() => None,
            None => request.named_application(),
        };
        if let Some(name) = named.filter(|name| is_name(name)) {
            span.record("application", name.as_str());
            seen.application = name;
        }
        self.check_namespace(&request)?;
        let keys = request.driver_keys() * KEY_BYTES;
        call.guard
            .hold_more_memory(keys)
            .map_err(|_| ServiceError::NoRoom)?;
        let counted = self.admission.count(request.namespace());
        let _counted = counted.map_err(|refused| self.not_admitted(&refused))?;
        let options = SubmitOptions {
            id,
            origin: self.origin,
            context: &context,
            deadline: call.deadline,
            mode: call.mode,
        };
        Ok(self.submitter.submit(request, options, &mut seen.stages).await?)
    }

    /// Keeps what the status page tells of a submission.
    fn remember(
        &self,
        entry_point: &'static str,
        seen: &Seen,
        about: Option<&ApplicationReference>,
        result: &Result<Accepted, ServiceError>,
    ) {
        let (outcome, code) = match result {
            Ok(accepted) => (accepted.submitted.outcome.name(), None),
            Err(failure) => (failure.reason(), Some(failure.code().name())),
        };
        let named = match (about, result) {
            (Some(about), _) => about.name.as_str(),
            (None, Ok(accepted)) => accepted.application_name.as_str(),
            (None, Err(_)) => seen.application.as_str(),
        };
        self.history.keep(PastSubmission {
            namespace: seen.namespace.clone(),
            application: Some(named)
                .filter(|name| is_name(name))
                .unwrap_or_default()
                .to_owned(),
            outcome,
            code,
            ..PastSubmission::timed(entry_point, &seen.stages)
        });
    }

    /// Says on the cluster why this application was refused, but not where nothing may be created, and not where another
    /// try is all it needs.
    fn tell(&self, about: ApplicationReference, error: &ServiceError) {
        // Of policies the submitter tells: which one it was, and which others would have refused.
        if matches!(error, ServiceError::Submit(SubmitError::Policy(_))) {
            return;
        }
        let Some(events) = &self.submitter.events else {
            return;
        };
        let code = error.code();
        if code != ErrorCode::SubmitterOverloaded && self.allows(&about.namespace) {
            events.refused(about, code, error.text());
        }
    }

    fn allows(&self, namespace: &str) -> bool {
        let allowed = &self.allowed_namespaces;
        allowed.is_empty() || allowed.iter().any(|name| name == namespace)
    }

    fn not_admitted(&self, refused: &NotAdmitted) -> ServiceError {
        match refused {
            NotAdmitted::Full => ServiceError::Overloaded(self.max_in_flight),
            NotAdmitted::Closed => ServiceError::Draining,
        }
    }

    fn check_namespace(&self, request: &SubmitRequest) -> Result<(), Refusal> {
        let namespace = request.namespace();
        if self.allows(namespace) {
            return Ok(());
        }
        let field = match request {
            SubmitRequest::Application(_) | SubmitRequest::Messages(_) => "metadata.namespace",
            SubmitRequest::Arguments(_) | SubmitRequest::Resolved(_) => "spark.kubernetes.namespace",
        };
        let allowed = format!("{} (ALLOWED_NAMESPACES)", self.allowed_namespaces.join(", "));
        let said = expected(Words::own(allowed));
        // Of arguments it may have come out of another key.
        let said = if request.has_references() {
            said.hidden(namespace)
        } else {
            said.name(namespace)
        };
        Err(Refusal::saying(field, said))
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
