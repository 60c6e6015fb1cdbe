//! Traces by OTLP, where `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector; they continue the caller's trace.
//!
//! The further settings are OpenTelemetry's own variables (`OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`,
//! `OTEL_EXPORTER_OTLP_HEADERS`, …).

use opentelemetry::{
    propagation::{Extractor, TextMapPropagator},
    trace::{TraceContextExt, TracerProvider as _},
};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{SdkTracerProvider, Tracer},
};
use std::time::Duration;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The collector's address; without it there are no traces.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
];

/// How long the process goes on for its last spans.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// Sends spans in the background. They are sent at the latest when [`end`](Self::end) is called.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins, where a collector is named. Must be called within a tokio runtime.
    pub fn start() -> Result<Option<Self>, String> {
        let named = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if !ENDPOINTS.iter().any(named) {
            return Ok(None);
        }
        let exporter = SpanExporter::builder()
            .with_tonic()
            .build()
            .map_err(|error| format!("{}: {error}", ENDPOINTS[0]))?;
        let mut resource = Resource::builder();
        if !named(&"OTEL_SERVICE_NAME") {
            resource = resource.with_service_name("native-submit");
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(exporter)
            .build();
        Ok(Some(Self(provider)))
    }

    /// What makes spans.
    pub(super) fn tracer(&self) -> Tracer {
        self.0.tracer("native-submit")
    }

    /// Sends what is left, for at most two seconds.
    pub fn end(self) {
        // What can't be sent is lost: there is nobody to tell.
        let _ = self.0.shutdown_with_timeout(LAST_SPANS);
    }
}

/// The trace that a caller is in, as W3C Trace Context writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// `traceparent`.
    pub parent: Option<String>,
    /// `tracestate`.
    pub state: Option<String>,
}

impl Caller {
    /// Of headers, whatever holds them.
    pub fn of<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Self {
        Self {
            parent: header("traceparent").map(str::to_owned),
            state: header("tracestate").map(str::to_owned),
        }
    }

    /// Makes `span` a part of the caller's trace; one that can't be read begins a new one.
    pub fn continued_by(&self, span: &Span) {
        if self.parent.is_some() {
            // Fails where no traces are made.
            let _ = span.set_parent(TraceContextPropagator::new().extract(self));
        }
    }
}

impl Extractor for Caller {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => self.parent.as_deref(),
            "tracestate" => self.state.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

/// The id of the trace that a span is part of, where it is sent.
pub(super) fn trace_id(span: &Span) -> Option<String> {
    let context = span.context();
    let context = context.span().span_context().clone();
    (context.is_valid() && context.is_sampled()).then(|| context.trace_id().to_string())
}
