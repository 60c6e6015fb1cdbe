//! The samples that a set must pass before it goes live, told as `check` tells it: with the line of a template wherever it has one,
//! and findings of one cause as one.

use super::{
    check::digest::digest,
    finding::{Level, TemplateFinding},
    losses::Losses,
    sources::{Sources, add},
    trace::Tracer,
};
use crate::{
    kubernetes::Findings,
    spark::submission::{Submission, SubmitterContext},
    submitter::{self, SampleFindings},
    templates::TriedSet,
};

/// Renders every sample, and reports what is wrong. Holds no value and no template's source, for it is shown on `/readyz`.
pub fn probe(tried: &TriedSet<'_>) -> Result<(), Vec<String>> {
    let parts = tried.parts;
    // Messages have the names only: nobody needs the directory's path.
    let sources = Sources::by_names(parts);
    let located = Located {
        tried,
        sources: &sources,
        tools: None,
        findings: Vec::new(),
        others: Vec::new(),
        first: None,
    };
    submitter::probe(tried.set, located)
}

/// The findings about the samples' objects, each with the template and its line.
struct Located<'t> {
    tried: &'t TriedSet<'t>,
    sources: &'t Sources,
    /// Made for the first finding: most sets have none.
    tools: Option<(Tracer<'t>, Losses)>,
    findings: Vec<TemplateFinding>,
    /// Lines without a place in a template, each with its sample.
    others: Vec<(String, String)>,
    /// The first of all: what is wrong never becomes nothing.
    first: Option<(String, String)>,
}

impl SampleFindings for Located<'_> {
    fn add(&mut self, sample: &str, submission: &Submission, context: &SubmitterContext, found: &Findings) {
        let mut plain = found.0.iter().map(|finding| (sample.to_owned(), finding.brief()));
        let planned = submitter::planned(submission, context, self.tried.set).ok();
        let rendered = planned.and_then(|plan| Some((self.tried.set.render(&plan).ok()?, plan)));
        match rendered {
            Some((rendered, plan)) => {
                let (tracer, losses) = self.tools.get_or_insert_with(|| {
                    (
                        Tracer::new(self.sources, self.tried.parts, self.tried.workers),
                        Losses::of(self.sources),
                    )
                });
                losses.note(&rendered, &plan, sample);
                // What belongs together is seen by the values of the samples. These are public, and are not told all the same.
                for mut finding in tracer.locate(&found.0, &rendered, &plan, true) {
                    finding.applications = vec![sample.to_owned()];
                    add(&mut self.findings, finding);
                }
                self.first = self.first.take().or(plain.next());
            }
            None => self.others.extend(plain),
        }
        if found.0.more() > 0 {
            self.others
                .push((sample.to_owned(), format!("and {} more", found.0.more())));
        }
    }

    fn lines(mut self) -> Vec<(String, String)> {
        if let Some((_, losses)) = self.tools {
            digest(&mut self.findings, self.sources, &losses.lossy());
        }
        let errors = self
            .findings
            .into_iter()
            .filter(|finding| finding.level() == Level::Error);
        let lines = errors.filter_map(|finding| {
            let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
            let sample = finding.applications.into_iter().next()?;
            Some((sample, format!("{} ({}{line})", finding.brief?, finding.file)))
        });
        let mut lines: Vec<_> = lines.collect();
        if lines.is_empty() {
            lines.extend(self.first);
        }
        lines.extend(self.others);
        lines
    }
}
