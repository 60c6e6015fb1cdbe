//! Logs, metrics and traces.

mod lines;
mod logging;
mod metrics;
mod seldom;
mod stages;
mod tracing;

pub use logging::{LogFormat, start_logging, start_logging_and};
pub use metrics::{InFlight, Metrics, Stage};
pub(crate) use metrics::{SHADOW_KINDS, SHADOW_RESULTS};
pub(crate) use seldom::Seldom;
pub use stages::Stages;
pub use tracing::{Caller, Traces};
