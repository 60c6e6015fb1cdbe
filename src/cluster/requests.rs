//! Requests to the API server, with retries and timeouts of our own in place of the client's.
//!
//! kube's default policy retries POST up to 15 times and waits up to 1,000 s between, and has no read timeout.
//! Here each try has a time limit, tries and pauses are few, and all of it stays inside the caller's deadline.

use super::{
    ClusterSettings,
    answer::{self, METADATA_ONLY},
    deadline::Deadline,
    live_object::LiveObject,
    refusal::{ApiFailure, Refusal},
    resource::Target,
    resource_version::ResourceVersion,
    seen::Seen,
    server_time::ServerTime,
};
use http::{Method, Request, Response, header};
use kube::{Client, client::Body, core::Status};
use serde_json::{Value, json};
use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, time};

/// One request, to be sent as often as it takes.
#[derive(Debug)]
pub(crate) enum ApiCall<'a> {
    /// Reads an object.
    Get(&'a Target),
    /// Reads an object as the API server's cache has it, which must be as new as this version.
    GetCached(&'a Target, &'a ResourceVersion),
    /// Lists the objects beside this one that have this label.
    List(&'a Target, &'a str),
    /// Creates an object; the answer has its metadata, and may have no more.
    Create(&'a Target, &'a Value),
    /// Merges this into an object.
    Patch(&'a Target, &'a Value),
    /// Asks whether the object would be created.
    DryRun(&'a Target, &'a Value),
    /// Deletes the object that has this uid, and no other.
    Delete(&'a Target, &'a Preconditions),
    /// The same, within so many seconds; the object's own grace where there are none.
    Kill(&'a Target, &'a Preconditions, Option<i64>),
    /// Follows an object from a resource version on, for so many seconds. Only for [`Requests::open`].
    Watch(&'a Target, &'a str, u64),
}

/// What must hold for a deletion.
#[derive(Debug, Clone)]
pub(crate) struct Preconditions {
    /// The object is still this one.
    pub(crate) uid: String,
    /// And has not changed since it was looked at.
    pub(crate) resource_version: Option<String>,
}

impl ApiCall<'_> {
    /// What it is about.
    pub(crate) fn target(&self) -> &Target {
        match self {
            Self::Get(target)
            | Self::GetCached(target, _)
            | Self::Create(target, _)
            | Self::List(target, _)
            | Self::Patch(target, _)
            | Self::DryRun(target, _)
            | Self::Kill(target, _, _)
            | Self::Watch(target, _, _)
            | Self::Delete(target, _) => target,
        }
    }

    /// The verb of an RBAC rule.
    pub(crate) fn verb(&self) -> &'static str {
        match self {
            Self::Get(_) | Self::GetCached(..) => "get",
            Self::Create(..) | Self::DryRun(..) => "create",
            Self::List(..) => "list",
            Self::Patch(..) => "patch",
            Self::Delete(..) | Self::Kill(..) => "delete",
            Self::Watch(..) => "watch",
        }
    }

    /// Unknown fields may pass (a newer Kubernetes knows them), so they are not an error here; the manifest stage has
    /// reported them.
    fn creation_query(&self) -> &'static str {
        match self {
            Self::DryRun(..) => "fieldManager=native-submit&fieldValidation=Warn&dryRun=All",
            _ => "fieldManager=native-submit&fieldValidation=Warn",
        }
    }

    fn request(&self) -> Result<Request<Body>, ApiFailure> {
        let (method, uri, body) = match self {
            Self::Get(target) => (Method::GET, target.path(), None),
            Self::GetCached(target, version) => (
                Method::GET,
                format!("{}?resourceVersion={version}", target.path()),
                None,
            ),
            Self::List(target, label) => (
                Method::GET,
                format!("{}?labelSelector={label}", target.collection()),
                None,
            ),
            Self::Create(target, object) | Self::DryRun(target, object) => (
                Method::POST,
                format!("{}?{}", target.collection(), self.creation_query()),
                Some(object.to_string()),
            ),
            Self::Patch(target, patch) => (
                Method::PATCH,
                format!("{}?fieldManager=native-submit", target.path()),
                Some(patch.to_string()),
            ),
            // No gracePeriodSeconds of our own: 0 would free the name while a container may still run.
            Self::Delete(target, preconditions) => (
                Method::DELETE,
                target.path(),
                Some(preconditions.options(None).to_string()),
            ),
            Self::Kill(target, preconditions, grace) => (
                Method::DELETE,
                target.path(),
                Some(preconditions.options(*grace).to_string()),
            ),
            Self::Watch(target, version, seconds) => (
                Method::GET,
                format!(
                    "{}?watch=true&allowWatchBookmarks=true&fieldSelector=metadata.name%3D{}&resourceVersion={version}\
                     &timeoutSeconds={seconds}",
                    target.collection(),
                    target.name
                ),
                None,
            ),
        };
        let mut request = Request::builder().method(method).uri(uri);
        if matches!(self, Self::Watch(..)) {
            // Kubernetes 1.37 compresses each event by itself, and the client's layer reads the first one alone.
            request = request.header(header::ACCEPT_ENCODING, "identity");
        }
        if body.is_some() {
            let content_type = match self {
                Self::Patch(..) => "application/merge-patch+json",
                _ => "application/json",
            };
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        if matches!(self, Self::Create(..)) {
            request = request.header(header::ACCEPT, METADATA_ONLY);
        }
        let body = body.map_or_else(Vec::new, String::into_bytes);
        request
            .body(Body::from(body))
            .map_err(|error| ApiFailure::Unsendable(error.to_string()))
    }
}

impl Preconditions {
    /// The body of a deletion.
    fn options(&self, grace_seconds: Option<i64>) -> Value {
        let mut options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": self.to_json(),
        });
        if let Some(seconds) = grace_seconds {
            options["gracePeriodSeconds"] = Value::from(seconds);
        }
        options
    }

    fn to_json(&self) -> Value {
        let mut json = json!({"uid": self.uid});
        if let Some(version) = &self.resource_version {
            json["resourceVersion"] = Value::from(version.as_str());
        }
        json
    }
}

/// How a request ended after all its tries.
#[derive(Debug)]
pub(crate) struct Sent {
    /// The last answer.
    pub(crate) answer: Result<Value, ApiFailure>,
    /// A try before the last answer, or the last one itself, may have acted although no answer said so.
    pub(crate) uncertain: bool,
    /// When the last try was sent.
    pub(crate) last: Instant,
    /// When the first try was sent that may have acted although no answer said so; else the last one.
    pub(crate) first: Instant,
    /// The API server's time at the last answer, if that was a success.
    pub(crate) at: Option<ServerTime>,
}

impl Sent {
    fn failed(failure: ApiFailure, uncertain: Option<Instant>, last: Instant) -> Self {
        Self {
            answer: Err(failure),
            uncertain: uncertain.is_some(),
            last,
            first: uncertain.unwrap_or(last),
            at: None,
        }
    }
}

/// A success: the object, and the API server's time.
type Success = (Value, Option<ServerTime>);

/// The way to the API server.
#[derive(Clone)]
pub(crate) struct Requests {
    client: Client,
    settings: ClusterSettings,
    /// HTTP/1.1 has one connection for each request in flight: this bounds them.
    permits: Arc<Semaphore>,
}

impl Requests {
    pub(crate) fn new(client: Client, settings: ClusterSettings) -> Self {
        let permits = Arc::new(Semaphore::new(settings.requests_at_once.max(1)));
        Self {
            client,
            settings,
            permits,
        }
    }

    /// Sends until there is an answer that another try would not change, or the deadline is over.
    pub(crate) async fn send(&self, call: &ApiCall<'_>, deadline: &Deadline) -> Sent {
        let mut uncertain = None;
        let mut pauses = Pauses::new(&self.settings);
        let Some(mut left) = deadline.left() else {
            return Sent::failed(ApiFailure::OutOfTime, uncertain, Instant::now());
        };
        loop {
            let last = Instant::now();
            let failure = match self.once(call, left.min(self.settings.request_timeout)).await {
                Ok((object, at)) => {
                    return Sent {
                        answer: Ok(object),
                        uncertain: uncertain.is_some(),
                        last,
                        first: uncertain.unwrap_or(last),
                        at,
                    };
                }
                Err(failure) => failure,
            };
            if failure.may_have_acted() {
                uncertain.get_or_insert(last);
            }
            let pause = failure
                .retryable(call)
                .then(|| pauses.next(failure.retry_after()))
                .flatten()
                .filter(|pause| deadline.left().is_some_and(|left| *pause < left));
            let Some(pause) = pause else {
                return Sent::failed(failure, uncertain, last);
            };
            tracing::debug!(verb = call.verb(), object = %call.target(), ?pause, "trying again");
            time::sleep(pause).await;
            match deadline.left() {
                Some(more) => left = more,
                None => return Sent::failed(failure, uncertain, last),
            }
        }
    }

    /// Reads an object; `None` where there is none.
    pub(crate) async fn get(
        &self,
        target: &Target,
        deadline: &Deadline,
    ) -> Result<Option<Value>, super::ApplyError> {
        let seen = self.look(target, deadline).await?;
        Ok(seen.map(|seen| seen.found.0))
    }

    /// Reads an object, with the time at which it was so; `None` where there is none.
    pub(crate) async fn look(
        &self,
        target: &Target,
        deadline: &Deadline,
    ) -> Result<Option<Seen>, super::ApplyError> {
        let call = ApiCall::Get(target);
        let sent = self.send(&call, deadline).await;
        match sent.answer {
            Ok(object) => Ok(Some(Seen {
                found: LiveObject(object),
                at: sent.at,
                sent: sent.last,
            })),
            Err(failure) if failure.not_found() => Ok(None),
            Err(failure) => Err(failure.into_error(&call)),
        }
    }

    /// A pause before a loop looks again at what changed under its hands, so that it is no storm of requests.
    pub(crate) async fn backoff(&self) {
        time::sleep(jittered(self.settings.longest_pause / 4)).await;
    }

    /// The pauses between looks at what should change.
    pub(crate) fn looks(&self) -> Looks {
        Looks {
            next: self.settings.first_pause,
            longest: self.settings.longest_pause.min(Duration::from_secs(1)),
        }
    }

    /// Sends once.
    pub(crate) async fn once(&self, call: &ApiCall<'_>, limit: Duration) -> Result<Success, ApiFailure> {
        let request = call.request()?;
        time::timeout(limit, self.exchange(request))
            .await
            .unwrap_or(Err(ApiFailure::TimedOut(limit)))
    }

    /// Sends once, and hands over the body as it comes. No permit is held: it may come for hours.
    pub(crate) async fn open(&self, call: &ApiCall<'_>, limit: Duration) -> Result<Body, ApiFailure> {
        let request = call.request()?;
        let opening = async {
            let response = self.client.send(request).await.map_err(ApiFailure::from_client)?;
            if response.status().is_success() {
                return Ok(response.into_body());
            }
            read(response)
                .await
                .and(Err(ApiFailure::Lost("no usable answer".to_owned())))
        };
        time::timeout(limit, opening)
            .await
            .unwrap_or(Err(ApiFailure::TimedOut(limit)))
    }

    async fn exchange(&self, request: Request<Body>) -> Result<Success, ApiFailure> {
        let _permit = self.permits.acquire().await;
        let response = self.client.send(request).await.map_err(ApiFailure::from_client)?;
        read(response).await
    }
}

/// The object of an answer, or its refusal.
async fn read(response: Response<Body>) -> Result<Success, ApiFailure> {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let date = response.headers().get(header::DATE);
    let at = date.and_then(|date| ServerTime::from_header(date.to_str().ok()?));
    let body = response
        .into_body()
        .collect_bytes()
        .await
        .map_err(ApiFailure::from_client)?;
    if status.is_success() {
        // Not by Client::request, which logs the whole text of what it cannot read.
        return answer::read(&body).map(|object| (object, at));
    }
    let said = serde_json::from_slice::<Status>(&body).unwrap_or_default();
    let refusal = Refusal::new(status.as_u16(), said, retry_after);
    Err(ApiFailure::Refused(Box::new(refusal)))
}

/// The pauses between looks at what should change by itself: doubling, up to a second.
#[derive(Debug)]
pub(crate) struct Looks {
    next: Duration,
    longest: Duration,
}

impl Looks {
    /// Pauses; `false`, and at once, where the deadline would be over by then.
    pub(crate) async fn pause(&mut self, deadline: &Deadline) -> bool {
        let pause = jittered(self.next);
        if deadline.left().is_none_or(|left| left <= pause) {
            return false;
        }
        time::sleep(pause).await;
        self.next = (self.next * 2).min(self.longest);
        true
    }
}

/// The pauses between tries: doubling, with jitter so that many callers don't return at once.
struct Pauses {
    next: Duration,
    longest: Duration,
    tries_left: u32,
}

impl Pauses {
    fn new(settings: &ClusterSettings) -> Self {
        Self {
            next: settings.first_pause,
            longest: settings.longest_pause,
            tries_left: settings.tries.saturating_sub(1),
        }
    }

    /// The next pause, at least as long as the server asks for; `None` when there have been enough tries.
    fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.tries_left = self.tries_left.checked_sub(1)?;
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        Some(jittered(pause).max(asked.unwrap_or_default()))
    }
}

/// Between half of `pause` and all of it.
pub(super) fn jittered(pause: Duration) -> Duration {
    // RandomState has fresh random keys each time: enough to spread retries.
    let random = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(u32::MAX);
    pause.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_stay_bounded_and_end() {
        let settings = ClusterSettings {
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_millis(300),
            tries: 5,
            ..ClusterSettings::default()
        };
        let mut pauses = Pauses::new(&settings);
        for full in [100_u64, 200, 300, 300] {
            let pause = pauses.next(None).unwrap();
            let full = Duration::from_millis(full);
            assert!(pause >= full / 2 && pause <= full, "{pause:?} of {full:?}");
        }
        assert_eq!(pauses.next(None), None);
    }

    #[test]
    fn the_server_may_ask_for_a_longer_pause() {
        let mut pauses = Pauses::new(&ClusterSettings::default());
        assert_eq!(
            pauses.next(Some(Duration::from_secs(7))),
            Some(Duration::from_secs(7))
        );
    }
}
