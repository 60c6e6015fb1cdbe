//! The samples that a set must pass before it goes live, with the line of a template wherever `check` has one.

use super::{sources::Sources, trace::Tracer};
use crate::{
    kubernetes::{Finding, Findings},
    spark::submission::{Submission, SubmitterContext},
    submitter,
    templates::TriedSet,
};
use std::{cell::OnceCell, path::Path};

/// Renders every sample, and reports what is wrong. Holds no value and no template's source, for it is shown on `/readyz`.
pub fn probe(tried: &TriedSet<'_>) -> Result<(), Vec<String>> {
    let parts = tried.parts;
    // Messages have the names only: nobody needs the directory's path.
    let sources = Sources::new(
        Path::new(""),
        parts.name,
        parts.files,
        parts.default,
        parts.always,
    );
    let tracer = OnceCell::new();
    let brief = |submission: &Submission, context: &SubmitterContext, found: &Findings| {
        let plain = || found.0.iter().map(Finding::brief).collect();
        let Ok(plan) = submitter::planned(submission, context, tried.set) else {
            return plain();
        };
        let Ok(rendered) = tried.set.render(&plan) else {
            return plain();
        };
        let tracer = tracer.get_or_init(|| Tracer::new(&sources, parts, tried.workers));
        let located = tracer.locate(&found.0, &rendered, &plan, false);
        let lines = found.0.iter().zip(located);
        lines
            .map(|(finding, located)| {
                let place = match located.line {
                    Some(line) => format!("{}:{line}", located.file),
                    None => located.file,
                };
                Finding {
                    template: if finding.template.is_empty() {
                        String::new()
                    } else {
                        place
                    },
                    ..finding.clone()
                }
                .brief()
            })
            .collect()
    };
    submitter::probe(tried.set, &brief)
}
