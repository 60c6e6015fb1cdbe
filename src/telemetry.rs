//! Logs, metrics and traces.

mod lines;
mod log_limiter;
mod logging;
mod metrics;
mod stages;
mod tracing;

pub(crate) use log_limiter::LogLimiter;
pub use logging::{LogFormat, start_logging, start_logging_and};
pub use metrics::{InFlight, Metrics, Stage};
pub(crate) use metrics::{SHADOW_KINDS, SHADOW_RESULTS};
pub use stages::Stages;
pub use tracing::{Caller, Traces};
