//! The error codes of the operator's REST contract, which gRPC replies carry too.

use std::fmt;

/// What kind of failure an answer tells of. The operator decides by it alone whether to try again, and may show nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The request itself is not one.
    BadRequest,
    /// There is nothing at this path.
    NotFound,
    /// The path knows another method.
    MethodNotAllowed,
    /// The request is not JSON.
    UnsupportedMediaType,
    /// The submission is wrong, or its namespace.
    InvalidSparkSubmitArgs,
    /// The objects are wrong.
    InvalidPodTemplate,
    /// A policy of the cluster's administrators refuses it.
    RefusedByPolicy,
    /// The driver Pod's name is taken.
    DriverPodAlreadyExists,
    /// Something that is not the caller's to mend.
    InternalServerError,
    /// Not now.
    SubmitterOverloaded,
}

impl ErrorCode {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::BadRequest,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::UnsupportedMediaType,
        Self::InvalidSparkSubmitArgs,
        Self::InvalidPodTemplate,
        Self::RefusedByPolicy,
        Self::DriverPodAlreadyExists,
        Self::InternalServerError,
        Self::SubmitterOverloaded,
    ];

    /// The code as it is written, and the HTTP status that belongs to it.
    fn entry(self) -> (&'static str, u16) {
        match self {
            Self::BadRequest => ("BAD_REQUEST", 400),
            Self::NotFound => ("NOT_FOUND", 404),
            Self::MethodNotAllowed => ("METHOD_NOT_ALLOWED", 405),
            Self::UnsupportedMediaType => ("UNSUPPORTED_MEDIA_TYPE", 415),
            Self::InvalidSparkSubmitArgs => ("INVALID_SPARK_SUBMIT_ARGS", 400),
            Self::InvalidPodTemplate => ("INVALID_POD_TEMPLATE", 422),
            Self::RefusedByPolicy => ("REFUSED_BY_POLICY", 422),
            Self::DriverPodAlreadyExists => ("DRIVER_POD_ALREADY_EXISTS", 409),
            Self::InternalServerError => ("INTERNAL_SERVER_ERROR", 500),
            Self::SubmitterOverloaded => ("SUBMITTER_OVERLOADED", 503),
        }
    }

    /// The code as it is written.
    pub fn name(self) -> &'static str {
        self.entry().0
    }

    /// The HTTP status that belongs to it.
    pub fn http_status(self) -> u16 {
        self.entry().1
    }

    /// Whether the same submission may succeed later without a change to it. The operator has the same two.
    pub fn retryable(self) -> bool {
        matches!(self, Self::InternalServerError | Self::SubmitterOverloaded)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
