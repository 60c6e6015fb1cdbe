//! Logs, metrics and traces.

mod history;
mod lines;
mod log_limiter;
mod logging;
mod metrics;
mod stages;
mod tracing;

pub use history::{History, PastSubmission};
pub(crate) use log_limiter::LogLimiter;
pub use logging::{LogFormat, start_logging, start_logging_and};
pub(crate) use metrics::SHADOW_RESULTS;
pub use metrics::{InFlight, Metrics, Stage};
pub use stages::Stages;
pub use tracing::{Caller, Traces};
