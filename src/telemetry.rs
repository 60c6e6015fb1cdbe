//! Logs and metrics.

mod logging;
mod metrics;

pub use logging::{LogFormat, start_logging};
pub use metrics::{Metrics, Stage};
