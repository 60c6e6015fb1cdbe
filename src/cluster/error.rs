//! What can go wrong in applying, precise enough for the caller to know what to do next.

use crate::{error_code::ErrorCode, limits::OverLimit, redaction::shown};
use std::time::Duration;

/// Why a submission does not exist on the cluster (or in the directory).
///
/// Messages hold names, field paths, counts and reasons, never a value of the user's objects: what the API
/// server says is taken apart first, because it quotes values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The driver Pod's name is taken by another submission.
    #[error(
        "the driver Pod `{namespace}/{pod_name}` already exists and belongs to {}: delete it, or give this \
         application another driver pod name (code=409)",
        submission_id.as_deref().map_or_else(
            || "something that is not a Spark submission".to_owned(),
            |id| format!("submission {}", shown(id)),
        )
    )]
    AlreadyExists {
        /// The namespace.
        namespace: String,
        /// The Pod's name.
        pod_name: String,
        /// The submission that it belongs to; `None` for a Pod that nobody submitted.
        submission_id: Option<String>,
    },
    /// The same submission id came with another plan, and its driver has started.
    #[error(
        "submission {} has started as Pod `{namespace}/{pod_name}` with another {differs}: a started driver is \
         not replaced; submit under a new id once it has ended (code=409)",
        shown(submission_id)
    )]
    StartedDifferently {
        /// The namespace.
        namespace: String,
        /// The Pod's name.
        pod_name: String,
        /// The submission id.
        submission_id: String,
        /// `plan`.
        differs: &'static str,
    },
    /// An object that the driver needs has a name that is taken. Not said with `code=409`, by which the operator knows that the
    /// driver Pod is there: it isn't.
    #[error(
        "{object} in namespace `{namespace}` already exists and is not owned by this driver Pod: delete it if nothing \
         needs it, or try again when its owner is gone"
    )]
    OwnedByAnother {
        /// The object, `configmaps/name`.
        object: String,
        /// The namespace.
        namespace: String,
    },
    /// The directory holds another submission.
    #[error(
        "directory `{directory}` holds the submission of driver Pod `{found}`: a directory holds one, give \
         another directory or remove this one"
    )]
    DirectoryTaken {
        /// The directory.
        directory: String,
        /// The namespace and name of the driver Pod in it.
        found: String,
    },
    /// There is no such namespace.
    #[error("namespace `{namespace}` does not exist: create it, or correct the application's namespace")]
    NamespaceMissing {
        /// The namespace.
        namespace: String,
    },
    /// The namespace is being deleted.
    #[error("namespace `{namespace}` is being deleted: nothing can be created in it")]
    NamespaceTerminating {
        /// The namespace.
        namespace: String,
    },
    /// An object on the cluster is larger than a submission may be.
    #[error("{object} as the API server has it: {over}")]
    TooLarge {
        /// The object, `pods/name`.
        object: String,
        /// The limit.
        over: OverLimit,
    },
    /// The API server finds the object invalid.
    #[error("the API server refuses {object} as invalid: {}", problems.join("; "))]
    Invalid {
        /// The object, `pods/name`.
        object: String,
        /// Field path and reason of each problem.
        problems: Vec<String>,
    },
    /// An admission webhook, policy or plugin denies the object.
    #[error("{by} denies {object}: {reason}")]
    AdmissionDenied {
        /// The object.
        object: String,
        /// Who denies.
        by: String,
        /// Why, as far as that can be said without values.
        reason: String,
    },
    /// The operator's webhook has not seen the `SparkApplication` yet.
    #[error(
        "{webhook} does not know the SparkApplication of {object} (yet): try again, and see that it exists"
    )]
    ApplicationUnknown {
        /// The object.
        object: String,
        /// The webhook.
        webhook: String,
    },
    /// An admission webhook could not be reached.
    #[error("{webhook}, which must admit {object}, does not answer: its Deployment or Service is down")]
    WebhookUnreachable {
        /// The object.
        object: String,
        /// The webhook.
        webhook: String,
    },
    /// The service account of this process lacks a right.
    #[error(
        "may not {verb} {resource} in namespace `{namespace}`: add {{apiGroups: [\"{group}\"], resources: \
         [\"{plural}\"], verbs: [\"{verb}\"]}} to the Role of this service's account{advice}"
    )]
    Forbidden {
        /// `create`, `get` or `delete`.
        verb: &'static str,
        /// The resource as `kubectl` names it.
        resource: String,
        /// Its API group.
        group: String,
        /// Its plural name.
        plural: String,
        /// The namespace.
        namespace: String,
        /// What else would help.
        advice: &'static str,
    },
    /// The API server does not accept this process's credentials.
    #[error("the API server does not accept this service's credentials: {reason}")]
    Unauthorized {
        /// What is wrong.
        reason: String,
    },
    /// The cluster has no such kind of object.
    #[error("the API server knows no {resource} ({group}/{version}){advice}")]
    KindMissing {
        /// The resource as `kubectl` names it.
        resource: String,
        /// Its API group.
        group: String,
        /// The group's version.
        version: String,
        /// What to install.
        advice: &'static str,
    },
    /// A `ResourceQuota` is used up.
    #[error(
        "{object} exceeds quota {} of namespace `{namespace}`: wait for others to end, or raise it",
        shown(quota)
    )]
    QuotaExceeded {
        /// The object.
        object: String,
        /// The `ResourceQuota`'s name.
        quota: String,
        /// The namespace.
        namespace: String,
    },
    /// The API server asks for fewer requests.
    #[error("the API server is overloaded (429) and refused to {verb} {object}{}", after(*retry_after))]
    Overloaded {
        /// The verb.
        verb: &'static str,
        /// The object.
        object: String,
        /// When it asks to be tried again.
        retry_after: Option<Duration>,
    },
    /// No usable answer from the API server.
    #[error("the API server cannot be reached to {verb} {object}: {reason}")]
    Unreachable {
        /// The verb.
        verb: &'static str,
        /// The object.
        object: String,
        /// What happened.
        reason: String,
    },
    /// The time was over before the outcome was known.
    #[error("out of time while {doing}: a retry under the same submission id finds or completes it")]
    Timeout {
        /// What was going on.
        doing: String,
    },
    /// A step failed for good after something existed.
    #[error("{cause}; {}", rolled_back(removed, left))]
    RolledBack {
        /// What failed.
        cause: Box<ApplyError>,
        /// What was removed again.
        removed: Vec<String>,
        /// What could not be removed.
        left: Vec<String>,
    },
    /// A file could not be written.
    #[error("cannot write `{path}`: {reason}")]
    File {
        /// The path.
        path: String,
        /// The operating system's reason.
        reason: String,
    },
    /// What should not happen.
    #[error("unexpected: {what}")]
    Internal {
        /// What happened.
        what: String,
    },
}

fn after(time: Option<Duration>) -> String {
    time.map_or_else(String::new, |time| {
        format!(" and asks to wait {} s", time.as_secs())
    })
}

fn rolled_back(removed: &[String], left: &[String]) -> String {
    match (removed, left) {
        ([], []) => "nothing was left behind".to_owned(),
        (removed, []) => format!("removed again: {}", removed.join(", ")),
        ([], left) => format!("could not be removed: {}", left.join(", ")),
        (removed, left) => format!(
            "removed again: {}; could not be removed: {}",
            removed.join(", "),
            left.join(", ")
        ),
    }
}

impl ApplyError {
    /// What kind of failure it is.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NamespaceMissing { .. } | Self::NamespaceTerminating { .. } => {
                ErrorCode::InvalidSparkSubmitArgs
            }
            Self::TooLarge { .. } => ErrorCode::BadRequest,
            Self::Invalid { .. } | Self::AdmissionDenied { .. } => ErrorCode::InvalidPodTemplate,
            Self::AlreadyExists { .. } | Self::StartedDifferently { .. } | Self::DirectoryTaken { .. } => {
                ErrorCode::DriverPodAlreadyExists
            }
            Self::OwnedByAnother { .. }
            | Self::Forbidden { .. }
            | Self::Unauthorized { .. }
            | Self::KindMissing { .. }
            | Self::ApplicationUnknown { .. }
            | Self::WebhookUnreachable { .. }
            | Self::File { .. }
            | Self::Internal { .. } => ErrorCode::InternalServerError,
            Self::QuotaExceeded { .. }
            | Self::Overloaded { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. } => ErrorCode::SubmitterOverloaded,
            Self::RolledBack { cause, .. } => cause.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_answer() {
        let timeout = ApplyError::Timeout {
            doing: "waiting".into(),
        };
        let missing = ApplyError::NamespaceMissing {
            namespace: "ns".into(),
        };
        let wrapped = ApplyError::RolledBack {
            cause: Box::new(missing.clone()),
            removed: vec!["pods/a".into()],
            left: vec!["services/b".into()],
        };
        let owned = ApplyError::OwnedByAnother {
            object: "services/a".into(),
            namespace: "ns".into(),
        };
        assert!(!owned.to_string().contains("code=409"));
        for (error, code, status, retryable) in [
            (&owned, "INTERNAL_SERVER_ERROR", 500, true),
            (&timeout, "SUBMITTER_OVERLOADED", 503, true),
            (&missing, "INVALID_SPARK_SUBMIT_ARGS", 400, false),
            (&wrapped, "INVALID_SPARK_SUBMIT_ARGS", 400, false),
        ] {
            assert_eq!(
                (
                    error.code().name(),
                    error.code().http_status(),
                    error.code().retryable()
                ),
                (code, status, retryable)
            );
        }
        assert_eq!(
            wrapped.to_string(),
            "namespace `ns` does not exist: create it, or correct the application's namespace; removed again: \
             pods/a; could not be removed: services/b"
        );
    }

    #[test]
    fn each_error_of_a_race_says_what_to_do() {
        let started = ApplyError::StartedDifferently {
            namespace: "ns".into(),
            pod_name: "pi-driver".into(),
            submission_id: "abc".into(),
            differs: "plan",
        };
        let taken = ApplyError::DirectoryTaken {
            directory: "out".into(),
            found: "ns/pi-driver".into(),
        };
        let rolled_back = ApplyError::RolledBack {
            cause: Box::new(ApplyError::Timeout {
                doing: "creating what pods/pi-driver owns".into(),
            }),
            removed: vec![],
            left: vec![],
        };
        for (error, says) in [
            (
                started,
                "submission `abc` has started as Pod `ns/pi-driver` with another plan: a started driver is not replaced; \
                 submit under a new id once it has ended (code=409)",
            ),
            (
                taken,
                "directory `out` holds the submission of driver Pod `ns/pi-driver`: a directory holds one, give another \
                 directory or remove this one",
            ),
            (
                rolled_back,
                "out of time while creating what pods/pi-driver owns: a retry under the same submission id finds or \
                 completes it; nothing was left behind",
            ),
        ] {
            assert_eq!(error.to_string(), says);
        }
    }

    #[test]
    fn a_taken_name_says_whose_it_is() {
        let error = |id: Option<&str>| {
            ApplyError::AlreadyExists {
                namespace: "ns".into(),
                pod_name: "pi-driver".into(),
                submission_id: id.map(str::to_owned),
            }
            .to_string()
        };
        assert!(error(Some("abc")).contains("belongs to submission `abc`"));
        assert!(error(None).contains("not a Spark submission"));
        assert!(
            error(None).contains("code=409"),
            "the operator looks for it in spark-submit's stderr"
        );
    }
}
