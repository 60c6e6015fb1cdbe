//! The built-in samples: one application of each type, which every template set must turn into good manifests
//! before it goes live.

use super::{SubmitError, intent, manifests};
use crate::{
    application::{self, UnknownFields},
    submission::{self, Origin, SubmissionId, SubmitterContext, Webhook},
    templates::{TemplateErrorKind, TemplateSet},
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
    let mut refusals = Vec::new();
    let mut rendered = false;
    for (name, text) in SAMPLES {
        for webhook in [Webhook::On, Webhook::Off] {
            let (error, by_policy) = match render(text, webhook, set) {
                Ok(()) => {
                    rendered = true;
                    continue;
                }
                // What the probe finds is shown on /readyz, which must not hold a template's source.
                Err(SubmitError::Template(error)) => {
                    (error.brief(), error.kind == TemplateErrorKind::Refused)
                }
                Err(error) => (error.to_string(), false),
            };
            let found = if by_policy { &mut refusals } else { &mut findings };
            found.extend(error.lines().map(|line| format!("{name}: {line}")));
        }
    }
    // A policy that refuses a sample is no defect; one that refuses all of them leaves the set untried.
    if !rendered {
        findings.extend(refusals);
    }
    findings.dedup();
    if findings.is_empty() {
        Ok(())
    } else {
        Err(findings)
    }
}

fn render(text: &str, webhook: Webhook, set: &TemplateSet) -> Result<(), SubmitError> {
    let context = SubmitterContext::golden();
    let origin = Origin {
        webhook,
        operator: false,
        unknown_fields: submission::UnknownFields::Refuse,
    };
    let parsed = application::parse(text, UnknownFields::Refuse)?;
    let submission = intent(parsed.application, SubmissionId::nil(), origin, &context)?;
    manifests(&submission, &context, set).map(drop)
}
