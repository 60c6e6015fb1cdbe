//! Why a request has no usable answer: what can be tried again, and what it means.

mod meaning;
#[cfg(test)]
mod tests;

use super::{error::ApplyError, requests::ApiCall};
use crate::{
    finding::{cut, root_cause},
    limits::OverLimit,
};
use kube::core::Status;
use std::time::Duration;

/// The most bytes that a message repeats of why a connection failed.
const LONGEST_CAUSE: usize = 300;

/// Why a request has no usable answer.
#[derive(Debug)]
pub(crate) enum ApiFailure {
    /// The API server, or something in front of it, said no.
    Refused(Box<Refusal>),
    /// The connection failed, before or after the server acted.
    Lost(String),
    /// No answer in this time.
    TimedOut(Duration),
    /// Our credentials could not be read.
    Credentials(String),
    /// The answer is larger than a limit allows.
    OverLimit(OverLimit),
    /// The request could not even be written.
    Unsendable(String),
    /// The time was over before anything was sent.
    OutOfTime,
}

/// A refusal: an HTTP status with Kubernetes' `Status` object.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: u16,
    said: Status,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn new(code: u16, said: Status, retry_after: Option<Duration>) -> Self {
        let in_body = said
            .details
            .as_ref()
            .map_or(0, |details| details.retry_after_seconds);
        let in_body = (in_body > 0).then(|| Duration::from_secs(in_body.into()));
        Self {
            code,
            said,
            retry_after: retry_after.or(in_body),
        }
    }

    fn says(&self, words: &str) -> bool {
        self.said.message.contains(words)
    }

    /// The quoted word after `words`, as in `admission webhook "name" denied`.
    fn quoted_after(&self, words: &str) -> Option<&str> {
        let (_, rest) = self.said.message.split_once(words)?;
        rest.trim_start().strip_prefix('"')?.split('"').next()
    }

    fn has_cause(&self, reason: &str) -> bool {
        let details = self.said.details.as_ref();
        details.is_some_and(|details| details.causes.iter().any(|cause| cause.reason == reason))
    }

    fn kind(&self) -> &str {
        self.said.details.as_ref().map_or("", |details| &details.kind)
    }

    /// The operator's webhook looks the application up in its cache, which may be behind.
    fn application_unknown(&self) -> bool {
        self.says("sparkoperator.k8s.io") && self.says("denied the request") && self.says("not found")
    }

    /// The API server's own words, and those of etcd behind it, which come as a 500. The same object will be as large the next time.
    fn too_large(&self) -> bool {
        self.code == 413
            || self.says("request is too large")
            || self.says("entity too large")
            || self.says("trying to send message larger than max")
    }

    fn webhook_unreachable(&self) -> bool {
        self.code == 500 && self.says("failed calling webhook")
    }
}

impl ApiFailure {
    /// From kube's error. Its text names hosts and errnos, not objects.
    pub(crate) fn from_client(error: kube::Error) -> Self {
        match error {
            kube::Error::Auth(error) => Self::Credentials(error.to_string()),
            error => Self::Lost(cut(&root_cause(&error), LONGEST_CAUSE).into_owned()),
        }
    }

    /// Whether the server may have acted although it didn't say so.
    pub(crate) fn may_have_acted(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.code >= 500,
            Self::Lost(_) | Self::TimedOut(_) => true,
            Self::Credentials(_) | Self::OverLimit(_) | Self::Unsendable(_) | Self::OutOfTime => false,
        }
    }

    /// Whether another try of the same request may end otherwise.
    pub(crate) fn retryable(&self, call: &ApiCall<'_>) -> bool {
        match self {
            Self::Refused(refusal) if refusal.too_large() => false,
            Self::Refused(refusal) => {
                matches!(refusal.code, 429 | 500 | 502 | 503 | 504)
                    || refusal.application_unknown()
                    // Not "already exists": a quota that another request has just changed.
                    || (matches!(call, ApiCall::Create(..)) && refusal.code == 409 && !self.already_exists())
            }
            Self::Lost(_) | Self::TimedOut(_) => true,
            Self::Credentials(_) | Self::OverLimit(_) | Self::Unsendable(_) | Self::OutOfTime => false,
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }

    /// The object, or for a POST its namespace, is not there.
    pub(crate) fn not_found(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == 404)
    }

    /// For a POST: the name is taken.
    pub(crate) fn already_exists(&self) -> bool {
        matches!(self, Self::Refused(refusal)
            if refusal.code == 409 && matches!(refusal.said.reason.as_str(), "AlreadyExists" | ""))
    }

    /// For a DELETE: a precondition does not hold.
    pub(crate) fn conflict(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == 409)
    }

    /// For a watch: the resource version is too old to go on from.
    pub(crate) fn gone(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == 410 || refusal.said.reason == "Expired")
    }

    /// Our credentials are not accepted.
    pub(crate) fn unauthorized(&self) -> bool {
        matches!(self, Self::Credentials(_)) || matches!(self, Self::Refused(refusal) if refusal.code == 401)
    }

    /// Our rights do not reach.
    pub(crate) fn forbidden(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == 403)
    }

    /// This request is never taken, from this process: by its rights, by admission or by validation.
    pub(crate) fn for_good(&self) -> bool {
        matches!(self, Self::Refused(refusal) if matches!(refusal.code, 400 | 403 | 422))
    }

    pub(crate) fn into_error(self, call: &ApiCall<'_>) -> ApplyError {
        let (verb, object) = (call.verb(), call.target().to_string());
        match self {
            Self::Refused(refusal) => meaning::meaning(&refusal, call),
            Self::Lost(reason) => ApplyError::Unreachable { verb, object, reason },
            Self::TimedOut(time) => ApplyError::Unreachable {
                verb,
                object,
                reason: format!("no answer in {} ms", time.as_millis()),
            },
            Self::Credentials(reason) => ApplyError::Unauthorized { reason },
            Self::OverLimit(over) => ApplyError::TooLarge { object, over },
            Self::Unsendable(what) => ApplyError::Internal { what },
            Self::OutOfTime => ApplyError::Timeout {
                doing: format!("trying to {verb} {object}"),
            },
        }
    }
}
