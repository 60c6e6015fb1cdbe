//! The applications that a set is tried with, and what that shows.

use super::{Checked, of_template};
use crate::{
    authoring::{
        case::{Case, REFUSAL},
        finding::{Finding, Rule},
        sources::{Sources, add, has_errors, warning},
        trace::Tracer,
    },
    manifest::{self, Manifests},
    redaction,
    spark::plan,
    submitter::SubmitError,
    templates::{EXTRA_ROLE, Rendered, TemplateErrorKind, TemplateSet},
};
use std::collections::{BTreeMap, BTreeSet};

/// The applications that a set is tried with.
pub(super) struct Applications<'s> {
    sources: &'s Sources,
    set: &'s TemplateSet,
    tracer: Tracer<'s>,
    /// Whether a sample took the set over a limit of its render worker: a server rejects it, whatever comes after.
    exceeded: bool,
    /// The templates that wrote something.
    used: BTreeSet<String>,
    /// The applications, by the further objects that they have: template, and the object's name.
    sharing: BTreeMap<(String, String), BTreeSet<String>>,
}

impl<'s> Applications<'s> {
    pub(super) fn new(sources: &'s Sources, set: &'s TemplateSet, tracer: Tracer<'s>) -> Self {
        Self {
            sources,
            set,
            tracer,
            exceeded: false,
            used: BTreeSet::new(),
            sharing: BTreeMap::new(),
        }
    }

    pub(super) fn check(mut self, cases: Vec<Case>, checked: &mut Checked) {
        let mut refusals = Vec::new();
        let mut rendered = false;
        for case in cases {
            if self.exceeded {
                checked.applications.push((case, None));
                continue;
            }
            let (manifests, found) = self.application(&case);
            rendered |= case.is_sample() && manifests.is_some();
            for mut finding in found.into_iter().filter(|_| !case.must_be_refused) {
                finding.applications = vec![case.name.clone()];
                let of_policy = case.is_sample() && finding.rule == Rule::Refused;
                add(
                    if of_policy {
                        &mut refusals
                    } else {
                        &mut checked.findings
                    },
                    finding,
                );
            }
            if case.must_be_refused && manifests.is_some() {
                let message = format!("has an {REFUSAL}, and is not refused");
                add(
                    &mut checked.findings,
                    Finding::new(Rule::Case, case.path(), message),
                );
            }
            checked.applications.push((case, manifests));
        }
        // A policy that refuses a sample is no defect; one that refuses all of them leaves the set untried.
        if !rendered {
            for finding in refusals {
                add(&mut checked.findings, finding);
            }
        }
        if !has_errors(&checked.findings) {
            checked.findings.extend(self.unused());
            checked.findings.extend(self.shared_names());
        }
    }

    fn application(&mut self, case: &Case) -> (Option<Manifests>, Vec<Finding>) {
        let refused = |error: &SubmitError| vec![Finding::new(Rule::Case, case.path(), error.to_string())];
        let (submission, context) = match case.submission() {
            Ok(submission) => submission,
            Err(error) => return (None, refused(&error)),
        };
        let plan = match plan::plan(&submission, &context) {
            Ok(plan) => plan,
            Err(refusal) => return (None, refused(&refusal.into())),
        };
        let rendered = match self.set.render(&plan) {
            Ok(rendered) => rendered,
            Err(error) => {
                self.exceeded = case.is_sample() && error.kind == TemplateErrorKind::Exceeded;
                return (None, vec![of_template(&error, self.sources)]);
            }
        };
        self.note(&rendered);
        let checked = manifest::check(
            &rendered,
            &plan,
            &submission.unknown_fields(),
            context.executor_check,
        );
        match checked {
            Ok(manifests) => {
                self.note_names(&rendered, &manifests);
                (Some(manifests), Vec::new())
            }
            Err(found) => {
                let mut located = self.tracer.locate(&found.0, &rendered, &plan, case.is_sample());
                let more = found.0.more();
                if more > 0 {
                    let message = format!("and {more} more findings about this application's objects");
                    located.push(Finding::new(Rule::Case, case.path(), message));
                }
                (None, located)
            }
        }
    }

    fn note(&mut self, rendered: &Rendered) {
        for document in &rendered.documents {
            self.used.insert(document.template.clone());
            let patches = document.patch.iter().chain(
                document
                    .carried
                    .iter()
                    .filter_map(|carried| carried.patch.as_ref()),
            );
            self.used.extend(patches.map(|patch| patch.template.clone()));
            // The text that one document carries has a template of its own.
            if document.role == "configmap-executor-template" {
                self.used.insert(self.sources.named("executor-pod.yaml.j2"));
            }
        }
    }

    fn note_names(&mut self, rendered: &Rendered, manifests: &Manifests) {
        let extras = rendered
            .documents
            .iter()
            .filter(|document| document.role.starts_with(EXTRA_ROLE));
        for document in extras {
            let written = manifests
                .owned
                .iter()
                .find(|manifest| manifest.role == document.role);
            let name = written.and_then(|manifest| manifest.value.pointer("/metadata/name")?.as_str());
            if let Some(name) = name {
                let sharing = self
                    .sharing
                    .entry((document.template.clone(), name.to_owned()))
                    .or_default();
                sharing.insert(manifests.identity.pod_name.clone());
            }
        }
    }

    fn shared_names(&self) -> Vec<Finding> {
        let shared = self
            .sharing
            .iter()
            .filter(|(_, applications)| applications.len() > 1);
        shared
            .map(|((template, name), applications)| {
                let message = format!(
                    "{} applications would have an object named {}, and in a namespace one can have it: derive the name from \
                     pod.name",
                    applications.len(),
                    redaction::shown(name)
                );
                let line = self.sources.line_of_word(template, "name");
                warning(self.sources, Rule::SharedName, template, line, message)
            })
            .collect()
    }

    fn unused(&self) -> Vec<Finding> {
        let names = self.sources.own().map(|(name, _)| name);
        names
            .filter(|name| !self.sources.file_name(name).starts_with('_') && !self.used.contains(*name))
            .map(|name| {
                let message = "was compiled and never rendered: no sample and no case has such an object; add a case \
                               that does (--cases)";
                warning(self.sources, Rule::UnusedTemplate, name, None, message)
            })
            .collect()
    }
}
