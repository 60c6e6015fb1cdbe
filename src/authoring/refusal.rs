//! Why a case is refused, for the author of the templates: with the line of a template where there is one, and with the values that
//! stand in a template word for word.

use super::{
    finding::TemplateFinding,
    sources::{BUILTIN, Sources},
    trace::Tracer,
};
use crate::{
    finding::listed,
    kubernetes::Findings,
    spark::submission::{Submission, SubmitterContext},
    submitter::{self, PolicyFailure, PolicyRefusal, SubmitError},
    templates::TemplateSet,
};

/// A refusal in three forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// As the author of an application gets it.
    plain: String,
    /// The same with a template's own values, and without lines, which each edit moves: for `error.txt`.
    pub lasting: String,
    /// The same with the lines of templates: to be read.
    pub located: String,
}

impl Refusal {
    /// A refusal that no template has a part in.
    pub(super) fn plain(error: &SubmitError) -> Self {
        let plain = error.to_string();
        Self {
            lasting: plain.clone(),
            located: plain.clone(),
            plain,
        }
    }

    /// The refusal of a submission that was rendered by a set.
    pub fn of(
        error: &SubmitError,
        submission: &Submission,
        context: &SubmitterContext,
        set: &TemplateSet,
    ) -> Self {
        let plain = Self::plain(error);
        match error {
            SubmitError::Manifest(found) => match findings(found, submission, context, set) {
                Some((lasting, located)) => Self {
                    lasting,
                    located,
                    ..plain
                },
                None => plain,
            },
            SubmitError::Policy(PolicyRefusal(verdicts)) => {
                let lines = verdicts.iter().map(|verdict| {
                    let line = verdict.line.map(|line| format!(":{line}")).unwrap_or_default();
                    format!("{} ({}{line})", verdict.text, verdict.policy)
                });
                let lines: Vec<_> = lines.collect();
                Self {
                    located: listed(&lines, 0),
                    ..plain
                }
            }
            SubmitError::PolicyFailed(PolicyFailure(errors)) => {
                let errors = errors.iter().map(ToString::to_string);
                let lines: Vec<_> = errors.chain([plain.plain.clone()]).collect();
                Self {
                    located: lines.join("\n"),
                    ..plain
                }
            }
            _ => plain,
        }
    }

    /// The same with each text changed.
    pub(super) fn map(self, change: impl Fn(&str) -> String) -> Self {
        Self {
            plain: change(&self.plain),
            lasting: change(&self.lasting),
            located: change(&self.located),
        }
    }

    /// Whether a text occurs in it, in whichever form its author has it from.
    pub(super) fn has(&self, text: &str) -> bool {
        [&self.plain, &self.lasting, &self.located]
            .into_iter()
            .any(|form| form.contains(text))
    }
}

/// The findings about rendered objects without lines and with them. None where the set has no template of its own, or can't be rendered
/// again.
fn findings(
    found: &Findings,
    submission: &Submission,
    context: &SubmitterContext,
    set: &TemplateSet,
) -> Option<(String, String)> {
    let parts = set.parts();
    let sources = Sources::by_names(parts);
    sources.iter().next()?;
    let plan = submitter::planned(submission, context, set).ok()?;
    let rendered = set.render(&plan).ok()?;
    let tracer = Tracer::new(&sources, parts, set.workers());
    let located = tracer.locate(&found.0, &rendered, &plan, false);
    let text = |at: &dyn Fn(&str, &TemplateFinding) -> String| {
        let lines = found.0.iter().zip(&located).map(|(found, finding)| {
            if found.template.is_empty() {
                return finding.message.clone();
            }
            format!("{} ({})", finding.message, at(&found.template, finding))
        });
        listed(&lines.collect::<Vec<_>>(), found.0.more())
    };
    let place = |template: &str, finding: &TemplateFinding| match finding.line {
        Some(line) if !finding.file.starts_with(BUILTIN) => format!("{}:{line}", finding.file),
        _ => template.to_owned(),
    };
    Some((text(&|template, _| template.to_owned()), text(&place)))
}
