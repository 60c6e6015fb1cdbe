//! Logs to standard error, as text or as JSON.

use super::{Traces, lines::Short};
use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, filter::LevelFilter, fmt, prelude::*};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging. `RUST_LOG` chooses what is logged; `default` does where it is not set. What a command prints
/// goes to standard output, so logs never mix with it.
pub fn start_logging(format: LogFormat, default: &str) {
    start_logging_and(format, default, None);
}

/// The same, with spans that go to a collector too.
pub fn start_logging_and(format: LogFormat, default: &str, traces: Option<&Traces>) {
    let chosen = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let filter = match chosen.trim() {
        "" => EnvFilter::new(default),
        chosen => EnvFilter::try_new(chosen).unwrap_or_else(|_| EnvFilter::new(default)),
    };
    // A failed write is not reported on the same closed pipe: that would panic.
    let lines = fmt::layer()
        .with_writer(|| Short(std::io::stderr()))
        .with_target(false)
        .log_internal_errors(false);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        // With all spans around: the submission's own has its id.
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
    };
    let spans = traces.map(|traces| {
        let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer());
        // RUST_LOG is about log lines; the stages of a submission are info.
        layer.with_filter(LevelFilter::INFO)
    });
    // A second start (in a test) keeps the first.
    let _ = tracing_subscriber::registry()
        .with(spans)
        .with(lines.with_filter(filter))
        .try_init();
}
