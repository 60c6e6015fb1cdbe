//! Why an entry point got no answer of the pipeline, and how that is said to each caller.

use crate::{error_code::ErrorCode, finding, spark::submission::Refusal, submitter::SubmitError};

/// Why a call ended without a driver.
#[derive(Debug, thiserror::Error)]
pub(in crate::server) enum ServiceError {
    /// The submission failed.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// Too many at once.
    #[error("over capacity: {0} submissions in flight (MAX_IN_FLIGHT); try again later")]
    Overloaded(u32),
    /// Too many bytes at once.
    #[error("over capacity: the requests in flight leave no room for one of this size; try again later")]
    NoRoom,
    /// It arrived so slowly that its place went to another.
    #[error(
        "over capacity: another request took the place of this one, which was still arriving; try again later"
    )]
    GaveWay,
    /// The request is longer than it may be, in bytes.
    #[error("expected at most {0} bytes (MAX_REQUEST_BYTES), found more")]
    TooLong(usize),
    /// The request took too long to arrive, in seconds.
    #[error("the request did not arrive within {0} s; try again")]
    Late(u64),
    /// The service is ending.
    #[error("draining: this server is stopping; try again later")]
    Draining,
    /// A defect of ours. What it was is in the log.
    #[error("internal error: the submission was stopped by a defect; the server's log has the details")]
    Internal,
}

impl ServiceError {
    /// The outcome as a metric's label.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Submit(error) => error.reason(),
            Self::Overloaded(_) | Self::NoRoom | Self::GaveWay => "overloaded",
            Self::TooLong(_) => "over-limit",
            Self::Late(_) => "late",
            Self::Draining => "draining",
            Self::Internal => "internal",
        }
    }
}

impl ServiceError {
    /// The text of an answer: bounded, whatever the error is made of.
    pub(in crate::server) fn text(&self) -> String {
        finding::answer(&self.to_string()).into_owned()
    }

    /// What kind of failure it is.
    pub(in crate::server) fn code(&self) -> ErrorCode {
        match self {
            Self::Submit(error) => error.code(),
            Self::Overloaded(_) | Self::NoRoom | Self::GaveWay | Self::Late(_) | Self::Draining => {
                ErrorCode::SubmitterOverloaded
            }
            Self::TooLong(_) => ErrorCode::BadRequest,
            Self::Internal => ErrorCode::InternalServerError,
        }
    }
}

impl From<ServiceError> for tonic::Status {
    /// Overload and the server's end say that another try may succeed.
    fn from(error: ServiceError) -> Self {
        let message = error.text();
        match error {
            ServiceError::Overloaded(_) | ServiceError::NoRoom | ServiceError::GaveWay => {
                Self::resource_exhausted(message)
            }
            ServiceError::TooLong(_) => Self::invalid_argument(message),
            ServiceError::Draining | ServiceError::Late(_) => Self::unavailable(message),
            ServiceError::Internal => Self::internal(message),
            ServiceError::Submit(_) => Self::failed_precondition(message),
        }
    }
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        Self::Submit(refusal.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_turned_away_reads_whether_to_try_again() {
        for (error, says) in [
            (
                ServiceError::Overloaded(64),
                "over capacity: 64 submissions in flight (MAX_IN_FLIGHT); try again later",
            ),
            (
                ServiceError::NoRoom,
                "over capacity: the requests in flight leave no room for one of this size; try again later",
            ),
            (
                ServiceError::GaveWay,
                "over capacity: another request took the place of this one, which was still arriving; try again later",
            ),
            (
                ServiceError::Late(10),
                "the request did not arrive within 10 s; try again",
            ),
            (
                ServiceError::Draining,
                "draining: this server is stopping; try again later",
            ),
            (
                ServiceError::Internal,
                "internal error: the submission was stopped by a defect; the server's log has the details",
            ),
        ] {
            assert_eq!(error.text(), says);
        }
    }
}
