//! The built-in samples: one application of each type, which every template set must turn into good manifests
//! before it goes live.

use super::{PolicyFailure, PolicyRefusal, SubmitError, intent, judged, settle};
use crate::{
    kubernetes::Findings,
    limits::FINDINGS,
    operator::{
        Origin, Webhook,
        application::{self, UnknownFields},
    },
    spark::submission::{self, NamespaceMetadata, Submission, SubmissionId, SubmitterContext},
    templates::{TemplateSet, Verdict, is_policy as files_policy},
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

/// Takes what is wrong with the objects of the samples, and says it when all samples were rendered: several findings may have one
/// cause.
pub trait SampleFindings {
    /// Takes what is wrong with the objects of one rendering of a sample.
    fn add(&mut self, sample: &str, submission: &Submission, context: &SubmitterContext, found: &Findings);

    /// A line for each finding, with the first sample that shows it, without values and without text of templates.
    fn lines(self) -> Vec<(String, String)>;
}

/// Renders every sample with `set`, with the operator's webhook and without, and reports what is wrong: each thing once, with
/// the first sample that shows it. Holds no value and no template's source, for it is shown on `/readyz`.
pub fn probe(set: &TemplateSet, mut objects: impl SampleFindings) -> Result<(), Vec<String>> {
    let mut findings = Once::default();
    let mut refusals = Once::default();
    let mut rendered = false;
    for (name, text) in SAMPLES {
        for webhook in [Webhook::On, Webhook::Off] {
            let (error, by_policy) = match sample(text, webhook) {
                // Of a sample's own, which is ours.
                Err(error) => (vec![error.to_string()], false),
                Ok((submission, context)) => {
                    let judged = judged(&submission, &context, set);
                    let outcome = judged.and_then(|(mut manifests, judgement)| {
                        // The refusal of one policy hides no error of another.
                        for error in &judgement.errors {
                            findings.add(name, error.error.brief());
                        }
                        settle(set, &judgement, &mut manifests)
                    });
                    match outcome {
                        Ok(()) => {
                            rendered = true;
                            continue;
                        }
                        Err(SubmitError::Manifest(found)) => {
                            objects.add(name, &submission, &context, &found);
                            continue;
                        }
                        Err(error) => described(error, &mut rendered),
                    }
                }
            };
            let found = if by_policy { &mut refusals } else { &mut findings };
            for line in error {
                found.add(name, line);
            }
        }
    }
    for (sample, line) in objects.lines() {
        findings.add(&sample, line);
    }
    // A policy that refuses a sample is no defect; one that refuses all of them leaves the set untried.
    if !rendered {
        findings.0.extend(refusals.0);
    }
    findings.lines()
}

/// The lines that say why a sample is refused, and whether an admin's words alone did it.
fn described(error: SubmitError, rendered: &mut bool) -> (Vec<String>, bool) {
    match error {
        // A template's own `refuse` leaves the rest of the objects unmade; after a policy's they were all made.
        SubmitError::Policy(PolicyRefusal(verdicts)) => {
            let is_policy = |verdict: &Verdict| files_policy(&verdict.policy);
            *rendered |= verdicts.iter().all(is_policy);
            let lines = verdicts.iter().map(|verdict| {
                let line = verdict.line.map(|line| format!(":{line}")).unwrap_or_default();
                format!("{}{line}: refused by the template", verdict.policy)
            });
            (lines.collect(), true)
        }
        SubmitError::PolicyFailed(PolicyFailure(errors)) => {
            (errors.iter().map(|error| error.error.brief()).collect(), false)
        }
        SubmitError::Template(error) => (vec![error.brief()], false),
        // Of a sample's own, which is ours.
        error => (vec![error.to_string()], false),
    }
}

/// What was found, each once, with the sample that showed it first.
#[derive(Default)]
struct Once(Vec<(String, String)>);

impl Once {
    fn add(&mut self, sample: &str, line: String) {
        if self.0.iter().all(|(_, known)| *known != line) {
            self.0.push((sample.to_owned(), line));
        }
    }

    fn lines(self) -> Result<(), Vec<String>> {
        let found = self.0.len();
        if found == 0 {
            return Ok(());
        }
        let lines = self.0.into_iter().take(FINDINGS);
        let mut lines: Vec<_> = lines.map(|(sample, line)| format!("{sample}: {line}")).collect();
        if found > FINDINGS {
            lines.push(format!("and {} more", found - FINDINGS));
        }
        Err(lines)
    }
}

fn sample(text: &str, webhook: Webhook) -> Result<(Submission, SubmitterContext), SubmitError> {
    let context = SubmitterContext {
        namespace: Some(NamespaceMetadata::default()),
        ..SubmitterContext::golden()
    };
    let origin = Origin {
        webhook,
        operator: false,
        unknown_fields: submission::UnknownFields::Refuse,
    };
    let parsed = application::parse(text, UnknownFields::Refuse)?;
    let submission = intent(parsed.application, SubmissionId::nil(), origin, &context)?;
    Ok((submission, context))
}
