//! The time of each stage of one submission: as a span, in the metrics, and for its log line.

use super::{Metrics, Stage, tracing::trace_id};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::{Instrument, Span, info_span};

/// Measures the stages of one submission.
#[derive(Debug, Default)]
pub struct Stages {
    metrics: Option<Arc<Metrics>>,
    spent: [Duration; Stage::ALL.len()],
    template_set: Option<String>,
}

impl Stages {
    /// One that also counts for the metrics.
    pub fn counted(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics: Some(metrics),
            ..Self::default()
        }
    }

    /// Runs a stage.
    pub fn run<T>(&mut self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = span(stage).in_scope(work);
        self.ended(stage, start);
        done
    }

    /// Waits for a stage.
    pub async fn wait<T>(&mut self, stage: Stage, work: impl Future<Output = T>) -> T {
        let start = Instant::now();
        let done = work.instrument(span(stage)).await;
        self.ended(stage, start);
        done
    }

    fn ended(&mut self, stage: Stage, start: Instant) {
        let elapsed = start.elapsed();
        if let Some(spent) = self.spent.get_mut(stage as usize) {
            *spent += elapsed;
        }
        if let Some(metrics) = &self.metrics {
            metrics.stage(stage, elapsed, trace_id(&Span::current()));
        }
    }

    /// Notes the set that the submission is rendered with: `default@0123456789ab`.
    pub fn rendered_with(&mut self, template_set: &str) {
        self.template_set = Some(template_set.to_owned());
    }

    /// The set that the submission is rendered with, if it came so far.
    pub fn template_set(&self) -> Option<&str> {
        self.template_set.as_deref()
    }

    /// Milliseconds that a stage took, to the microsecond.
    pub fn milliseconds(&self, stage: Stage) -> f64 {
        let spent = self.spent.get(stage as usize).copied().unwrap_or_default();
        (spent.as_secs_f64() * 1_000_000.0).round() / 1_000.0
    }
}

/// A span's name can't be a variable.
fn span(stage: Stage) -> Span {
    match stage {
        Stage::Inform => info_span!("inform"),
        Stage::Intent => info_span!("intent"),
        Stage::Plan => info_span!("plan"),
        Stage::Render => info_span!("render"),
        Stage::Check => info_span!("check"),
        Stage::Policies => info_span!("policies"),
        Stage::Apply => info_span!("apply"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_has_no_more_digits_than_say_something() {
        let mut stages = Stages::default();
        for (nanoseconds, shown) in [
            (0, "0"),
            (1_890_527, "1.891"),
            (127_568, "0.128"),
            (10_000_499, "10"),
        ] {
            stages.spent[Stage::Plan as usize] = Duration::from_nanos(nanoseconds);
            assert_eq!(stages.milliseconds(Stage::Plan).to_string(), shown);
        }
    }
}
