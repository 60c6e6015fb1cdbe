//! `spec.restartPolicy`: when the operator runs an application again.

use super::record::{Absent, record};
use serde::{Deserialize, Serialize};

record! {
    /// When the operator runs an application again. native-submit reads none of it.
    pub struct RestartPolicy {
        /// On what.
        type_: Option<RestartPolicyType> = "type",
        /// How often after a failed submission.
        on_submission_failure_retries: Option<i32> = "onSubmissionFailureRetries",
        /// How often after a failed run.
        on_failure_retries: Option<i32> = "onFailureRetries",
        /// Seconds between submissions; grows linearly.
        on_submission_failure_retry_interval: Option<i64> = "onSubmissionFailureRetryInterval",
        /// Seconds between runs; grows linearly.
        on_failure_retry_interval: Option<i64> = "onFailureRetryInterval",
    }
}

impl Absent for RestartPolicy {
    fn is_absent(&self) -> bool {
        *self == Self::default()
    }
}

/// On what an application is run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum RestartPolicyType {
    Never,
    Always,
    OnFailure,
}
