//! The applications that a set is tried with, and what that shows.

use super::{Checked, of_template};
use crate::{
    authoring::{
        case::{Case, REFUSAL},
        coverage::Coverage,
        finding::{Rule, TemplateFinding},
        losses::{Losses, Lossy},
        sources::{Sources, add, has_errors, warning},
        trace::Tracer,
    },
    finding::counted,
    manifest::{self, Manifests, Terms},
    redaction,
    spark::plan::DriverPlan,
    submitter::{self, PolicyRefusal, SubmitError},
    templates::{
        EXTRA_ROLE, Judgement, NewerFields, Rendered, TemplateError, TemplateErrorKind, TemplateSet,
        is_policy,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a policy ended by a limit of time, memory or work.
fn is_over_limit(error: &TemplateError) -> bool {
    matches!(error.kind, TemplateErrorKind::Exceeded | TemplateErrorKind::Limit)
}

/// The applications that a set is tried with.
pub(super) struct Applications<'s> {
    sources: &'s Sources,
    set: &'s TemplateSet,
    tracer: Tracer<'s>,
    coverage: Coverage<'s>,
    losses: Losses,
    /// Whether a sample took the set over a limit of its render worker, so that a server rejects it, whatever comes after; or any
    /// application a policy, which would take as long for each of the others.
    exceeded: bool,
    /// Whether policies let an application through, and one that refused another.
    passed: bool,
    refused: Option<String>,
    /// The templates that wrote something.
    used: BTreeSet<String>,
    /// The applications, by the additional objects that they have: template, and the object's name.
    sharing: BTreeMap<(String, String), BTreeSet<String>>,
}

impl<'s> Applications<'s> {
    pub(super) fn new(sources: &'s Sources, set: &'s TemplateSet, tracer: Tracer<'s>) -> Self {
        Self {
            sources,
            set,
            tracer,
            coverage: Coverage::of(sources),
            losses: Losses::of(sources),
            exceeded: false,
            passed: false,
            refused: None,
            used: BTreeSet::new(),
            sharing: BTreeMap::new(),
        }
    }

    /// Tries each; gives back the blocks that leave something out.
    pub(super) fn check(
        mut self,
        cases: Vec<Case>,
        is_over: &dyn Fn() -> bool,
        checked: &mut Checked,
    ) -> Vec<Lossy> {
        let mut refusals = Vec::new();
        let mut rendered = false;
        for case in cases {
            if self.exceeded || is_over() {
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
                    TemplateFinding::new(Rule::Case, case.path(), message),
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
        if let Some(policy) = self.refused.as_ref().filter(|_| !self.passed) {
            let message = "the policies refuse every sample and every case, so nothing shows what they let through; add a case \
                           that is to pass (--cases)";
            let found = warning(self.sources, Rule::RefusesAll, policy, None, message);
            add(&mut checked.findings, found);
        }
        if !has_errors(&checked.findings) {
            checked.findings.extend(self.unused());
            checked.findings.extend(self.shared_names());
            checked.findings.extend(self.coverage.silent());
        }
        let (fired, policies) = self.coverage.report();
        checked.coverage.extend(fired);
        checked.policies.extend(policies);
        self.losses.lossy()
    }

    fn application(&mut self, case: &Case) -> (Option<Manifests>, Vec<TemplateFinding>) {
        let refused =
            |error: &SubmitError| vec![TemplateFinding::new(Rule::Case, case.path(), error.to_string())];
        let (submission, context) = match case.submission() {
            Ok(submission) => submission,
            Err(error) => return (None, refused(&error)),
        };
        let plan = match submitter::planned(&submission, &context, self.set) {
            Ok(plan) => plan,
            Err(refusal) => return (None, refused(&refusal.into())),
        };
        let rendered = match self.set.render(&plan) {
            Ok(rendered) => rendered,
            Err(error) => {
                self.coverage.fired(&error, &case.name);
                self.exceeded = case.is_sample() && error.kind == TemplateErrorKind::Exceeded;
                return (None, vec![of_template(&error, self.sources)]);
            }
        };
        self.note(&rendered);
        self.losses.note(&rendered, &plan, &case.name);
        let unknown_fields = submission.unknown_fields();
        let terms = Terms {
            passed_unknown_fields: &unknown_fields,
            executor_check: context.executor_check,
            left_to_webhook: &submission.left_to_webhook,
        };
        let checked = manifest::check(&rendered, &plan, terms);
        match checked {
            Ok(manifests) => {
                self.note_names(&rendered, &manifests);
                let newer = self.newer_fields(case, rendered, &plan, terms);
                let (made, mut found) =
                    match submitter::judge(&submission, &context, self.set, &plan, &manifests) {
                        Ok(judgement) => self.judged(case, manifests, &judgement),
                        Err(SubmitError::Template(error)) => {
                            self.exceeded |= is_over_limit(&error);
                            (None, vec![of_template(&error, self.sources)])
                        }
                        Err(error) => (None, refused(&error)),
                    };
                found.extend(newer);
                (made, found)
            }
            Err(found) => {
                let mut located = self.tracer.locate(&found.0, &rendered, &plan, case.is_sample());
                let more = found.0.more();
                if more > 0 {
                    let message = format!(
                        "and {} about the objects of {}",
                        counted(more, "more finding"),
                        case.path()
                    );
                    if let Some(last) = located.last_mut() {
                        last.notes.push(message);
                    }
                }
                (None, located)
            }
        }
    }

    /// The fields that only a newer Kubernetes has: what refuses good objects once such fields are refused.
    fn newer_fields(
        &self,
        case: &Case,
        rendered: Rendered,
        plan: &DriverPlan,
        terms: Terms<'_>,
    ) -> Vec<TemplateFinding> {
        if rendered.newer_fields == NewerFields::Refuse {
            return Vec::new();
        }
        let refusing = Rendered {
            newer_fields: NewerFields::Refuse,
            ..rendered
        };
        let findings = match manifest::check(&refusing, plan, terms) {
            Ok(_) => return Vec::new(),
            Err(findings) => findings.0,
        };
        let mut located = self.tracer.locate(&findings, &refusing, plan, case.is_sample());
        for finding in &mut located {
            finding.rule = Rule::NewerField;
        }
        located
    }

    /// What policies found of an application. They are run over samples for errors only: a refusal is no defect. A refusal hides
    /// no error of another policy.
    fn judged(
        &mut self,
        case: &Case,
        mut manifests: Manifests,
        judgement: &Judgement,
    ) -> (Option<Manifests>, Vec<TemplateFinding>) {
        self.coverage.said(&judgement.verdicts, &case.name);
        self.coverage.judged(self.set, judgement, &case.name);
        let errors = judgement.errors.iter();
        self.exceeded |= errors.clone().any(|failed| is_over_limit(&failed.error));
        let mut found: Vec<_> = errors
            .map(|failed| of_template(&failed.error, self.sources))
            .collect();
        let outcome = submitter::settle(self.set, judgement, &mut manifests);
        match outcome {
            Ok(()) => {
                self.passed = true;
                self.coverage.passed(&case.name);
                return (Some(manifests), found);
            }
            Err(SubmitError::Policy(PolicyRefusal(verdicts))) => {
                let first = verdicts.first().map(|verdict| verdict.policy.clone());
                self.refused = self.refused.take().or(first);
                if case.is_sample() {
                    return (found.is_empty().then_some(manifests), found);
                }
                found.extend(verdicts.into_iter().map(|verdict| {
                    let path = self.sources.path(&verdict.policy);
                    let message = format!("refused: {}", verdict.text);
                    let finding = TemplateFinding::new(Rule::Refused, path, message).at(verdict.line);
                    self.sources.with_source(finding, &verdict.policy)
                }));
            }
            // Reported above, by policy.
            Err(_) => {}
        }
        (None, found)
    }

    fn note(&mut self, rendered: &Rendered) {
        for document in &rendered.documents {
            self.used.insert(document.template.clone());
            let carried = document.carried.iter().flat_map(|carried| &carried.patches);
            let patches = document.patches.iter().chain(carried);
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

    fn shared_names(&self) -> Vec<TemplateFinding> {
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

    fn unused(&self) -> Vec<TemplateFinding> {
        let names = self.sources.own().map(|(name, _)| name);
        names
            .filter(|name| !self.sources.file_name(name).starts_with('_') && !is_policy(name))
            .filter(|name| !self.used.contains(*name))
            .map(|name| {
                let message = "was compiled and never rendered: no sample and no case has such an object; add a case \
                               that does (--cases)";
                warning(self.sources, Rule::UnusedTemplate, name, None, message)
            })
            .collect()
    }
}
