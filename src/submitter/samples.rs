//! The built-in samples: one application of each type, which every template set must turn into good manifests
//! before it goes live.

use super::{SubmitError, intent, manifests};
use crate::{
    application::{self, UnknownFields},
    submission::{self, Origin, SubmissionId, SubmitterContext, Webhook},
    templates::TemplateSet,
};

/// The samples, each with its name.
const SAMPLES: [(&str, &str); 4] = [
    (
        "examples/spark-pi.yaml",
        include_str!("../../examples/spark-pi.yaml"),
    ),
    (
        "examples/java-etl.yaml",
        include_str!("../../examples/java-etl.yaml"),
    ),
    (
        "examples/pyspark-report.yaml",
        include_str!("../../examples/pyspark-report.yaml"),
    ),
    (
        "examples/sparkr-model.yaml",
        include_str!("../../examples/sparkr-model.yaml"),
    ),
];

/// The samples, each with its name: `examples/spark-pi.yaml`.
pub fn samples() -> impl Iterator<Item = (&'static str, &'static str)> {
    SAMPLES.into_iter()
}

/// Renders every sample with `set`, with the operator's webhook and without, and reports what is wrong.
pub fn probe(set: &TemplateSet) -> Result<(), Vec<String>> {
    let mut findings = Vec::new();
    for (name, text) in SAMPLES {
        for webhook in [Webhook::On, Webhook::Off] {
            if let Err(error) = render(text, webhook, set) {
                findings.extend(error.lines().map(|line| format!("{name}: {line}")));
            }
        }
    }
    findings.dedup();
    if findings.is_empty() {
        Ok(())
    } else {
        Err(findings)
    }
}

fn render(text: &str, webhook: Webhook, set: &TemplateSet) -> Result<(), String> {
    let context = SubmitterContext::golden();
    let origin = Origin {
        webhook,
        operator: false,
        unknown_fields: submission::UnknownFields::Refuse,
    };
    let parsed = application::parse(text, UnknownFields::Refuse).map_err(|error| error.to_string())?;
    let submission = intent(parsed.application, SubmissionId::nil(), origin, &context)
        .map_err(|error| error.to_string())?;
    manifests(&submission, &context, set)
        .map(drop)
        .map_err(|error| match error {
            // What the probe finds is shown on /readyz, which must not hold a template's source.
            SubmitError::Template(error) => error.brief(),
            other => other.to_string(),
        })
}
