//! The live `SparkApplication`: it gives a driver its owner where the request carries no uid.

use super::{
    ApplyError, ClusterSink, ResourceVersion, deadline::Deadline, live_object::LiveObject,
    refusal::ApiFailure, requests::ApiCall, resource,
};
use crate::redaction::shown_if;
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long the API server's cache may take to become as new as what the caller saw.
const CACHE_WAIT: Duration = Duration::from_millis(250);

/// A `SparkApplication` as the API server has it.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveApplication {
    /// `metadata.uid`, for the driver Pod's owner reference.
    pub uid: String,
    /// The whole object.
    pub value: Value,
}

/// Why the live application cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LiveError {
    /// There may be one, but it may not be read. The submission could go on without an owner.
    #[error(
        "may not get sparkapplications.sparkoperator.k8s.io in namespace `{namespace}`: add {{apiGroups: \
         [\"sparkoperator.k8s.io\"], resources: [\"sparkapplications\"], verbs: [\"get\"]}} to the Role of this \
         service's account"
    )]
    NotPermitted {
        /// The namespace.
        namespace: String,
    },
    /// It is being deleted: a driver of it would be deleted at once.
    #[error("SparkApplication `{namespace}/{name}` is being deleted")]
    BeingDeleted {
        /// The namespace.
        namespace: String,
        /// The application's name.
        name: String,
    },
    /// It was deleted and made anew since the request was sent.
    #[error(
        "SparkApplication `{namespace}/{name}` is another one now: its uid is {found}, and the request is for {}",
        shown_uid(sent)
    )]
    Another {
        /// The namespace.
        namespace: String,
        /// The application's name.
        name: String,
        /// The uid of the request.
        sent: String,
        /// The live one's.
        found: String,
    },
    /// There is none, and it can't be done without.
    #[error("there is no SparkApplication `{namespace}/{name}` on the cluster, which {asked_for_by}")]
    NotFound {
        /// The namespace.
        namespace: String,
        /// The application's name.
        name: String,
        /// What asks for it: a subject and its verb.
        asked_for_by: &'static str,
    },
    /// No usable answer.
    #[error(transparent)]
    Failed(#[from] ApplyError),
}

/// A uid as a request gave it: Kubernetes' own are short.
fn shown_uid(sent: &str) -> String {
    shown_if(sent, |uid| {
        uid.len() <= 64
            && uid
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

impl ClusterSink {
    /// Reads the `SparkApplication` of this name, before `deadline`; `None` where there is none, or no such CRD.
    ///
    /// `seen` is the version that the caller has seen: what is read is at least as new.
    pub async fn live_application(
        &self,
        namespace: &str,
        name: &str,
        seen: Option<&ResourceVersion>,
        deadline: Option<Instant>,
    ) -> Result<Option<LiveApplication>, LiveError> {
        let target = resource::Target::new(&resource::SPARK_APPLICATIONS, namespace, name)?;
        let call = ApiCall::Get(&target);
        let deadline = deadline.map_or_else(|| Deadline::own(self.shared.settings.deadline), Deadline::until);
        let answer = match self.cached(&target, seen, &deadline).await {
            Some(answer) => answer,
            None => self.shared.requests.send(&call, &deadline).await.answer,
        };
        let value = match answer {
            Ok(value) => value,
            Err(failure) if failure.not_found() => return Ok(None),
            Err(failure) if failure.forbidden() => {
                return Err(LiveError::NotPermitted {
                    namespace: target.namespace,
                });
            }
            Err(failure) => return Err(failure.into_error(&call).into()),
        };
        let found = LiveObject(value);
        if found.ending() {
            return Err(LiveError::BeingDeleted {
                namespace: target.namespace,
                name: target.name,
            });
        }
        let uid = found
            .uid()
            .map(str::to_owned)
            .ok_or_else(|| ApplyError::Internal {
                what: format!("the API server gave {target} without a uid"),
            })?;
        Ok(Some(LiveApplication { uid, value: found.0 }))
    }

    /// What the API server's cache says, if it says what another read wouldn't change.
    async fn cached(
        &self,
        target: &resource::Target,
        seen: Option<&ResourceVersion>,
        deadline: &Deadline,
    ) -> Option<Result<Value, ApiFailure>> {
        let limit = deadline.left()?.min(CACHE_WAIT);
        let call = ApiCall::GetCached(target, seen?);
        match self.shared.requests.once(&call, limit).await {
            Ok((value, _)) => Some(Ok(value)),
            Err(failure) => failure.forbidden().then_some(Err(failure)),
        }
    }
}
