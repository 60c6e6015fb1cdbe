//! Logs, metrics and traces.

mod logging;
mod metrics;
mod stages;
mod tracing;

pub use logging::{LogFormat, start_logging, start_logging_and};
pub use metrics::{Metrics, Stage};
pub(crate) use metrics::{SHADOW_KINDS, SHADOW_RESULTS};
pub use stages::Stages;
pub use tracing::{Caller, Traces};
