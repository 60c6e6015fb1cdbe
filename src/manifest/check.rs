//! Rendered text to checked manifests: strictly read, held against the rules, stamped.

use super::{
    Identity, Manifest, Manifests, Object,
    executor::{self, Checked},
    known,
    nulls::drop_nulls,
    patched::Patched,
    spark_needs, stamp,
};
use crate::{
    finding::{Kept, expected, rule},
    kubernetes::{
        ExtraKind, Finding, Findings, Subject,
        at::At,
        rules::{self, Kind, Report},
        write,
    },
    limits::Budget,
    manifest::spark_needs::Written,
    spark::{
        plan::{DriverPlan, ExecutorPlan, ExecutorPod},
        submission::{ExecutorCheck, PodDocument, refers},
    },
    strict::{self, Reading},
    templates::{Document, Rendered},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// The longest executor pod template, in bytes, that is written anew for whoever reads it. Indentation makes the text longer: up to
/// four times is accepted; otherwise it stays as it was rendered.
const MOST_TIDY: usize = 64 << 10;

/// Reads all documents of a submission strictly and holds them against the rules: what Kubernetes would refuse,
/// and what Spark needs. A document that is empty counts as not written.
///
/// `passed_unknown_fields` are the generalised paths of fields that came with the request and are unknown to
/// Kubernetes' types here ([`strict::generalised`]): they are passed on with a warning. Every other unknown
/// field is a template's misspelling, and an error.
///
/// The Pod that the driver will make of these documents as its first executor is held against the same rules;
/// `executor_check` says whether what is wrong with it refuses the submission.
///
/// # Errors
///
/// Everything that was found wrong, not only the first.
pub fn check(
    rendered: &Rendered,
    plan: &DriverPlan,
    passed_unknown_fields: &[String],
    executor_check: ExecutorCheck,
) -> Result<Manifests, Findings> {
    let mut checker = Checker {
        passed_unknown_fields: passed_unknown_fields.iter().map(String::as_str).collect(),
        findings: Kept::default(),
        warnings: Kept::default(),
        tidy: None,
        executor: None,
    };
    let values = checker.read(rendered, plan);
    let mut written = Vec::with_capacity(values.len());
    let mut objects = Vec::with_capacity(values.len());
    let mut names = Vec::with_capacity(values.len());
    for patched in &values {
        let found = checker.findings.len();
        if let Some((one, object)) = checker.document(patched.document, &patched.value, &rendered.extra_kinds)
        {
            names.push((one.subject.clone(), patched));
            written.push(one);
            objects.push(object);
        }
        for finding in checker.findings.since(found) {
            patched.blame(finding, false);
        }
    }
    checker.driver_pod(rendered, &written);
    checker.executors(plan, &written, executor_check);
    spark_needs::what_spark_needs(plan, &written, &mut checker.findings, &mut checker.warnings);
    drop(written);
    // Of several objects with one name the first is blamed.
    for finding in checker.findings.each() {
        if let Some((_, patched)) = names.iter().find(|(name, _)| finding.subject.is_in(name)) {
            patched.blame(finding, finding.subject.is_executor_template());
        }
    }
    drop(names);
    // What was made of a value with a reference may hold another key's value, where it is a secret.
    if plan.properties.values().any(|value| refers(value)) {
        checker.findings.each().for_each(Finding::hide_values);
        checker.warnings.each().for_each(Finding::hide_values);
    }
    checker.manifests(rendered, plan, values, objects)
}

struct Checker<'c> {
    passed_unknown_fields: BTreeSet<&'c str>,
    findings: Kept<Finding>,
    warnings: Kept<Finding>,
    /// The document that carries the executor pod template, by index, its key, and the text as it is to be written.
    tidy: Option<(usize, String, String)>,
    executor: Option<ExecutorPod>,
}

impl Checker<'_> {
    fn read<'r>(&mut self, rendered: &'r Rendered, plan: &DriverPlan) -> Vec<Patched<'r>> {
        let mut values = Vec::with_capacity(rendered.documents.len());
        // All documents are there at once.
        let mut budget = Budget::of_rendered();
        for document in &rendered.documents {
            match Patched::read(document, plan, &mut budget) {
                Ok(Some(mut patched)) => {
                    self.findings.extend(patched.overwritten.drain(..));
                    values.push(patched);
                }
                Ok(None) => {}
                Err(finding) => self.findings.push(finding),
            }
        }
        values
    }

    /// Reads one document as the kind that it says it is; `None` where it is none that it may be.
    fn document<'w>(
        &mut self,
        document: &'w Document,
        value: &'w Value,
        extra_kinds: &[ExtraKind],
    ) -> Option<(Written<'w>, Option<Object>)> {
        let known = match known::kind(document, value, extra_kinds) {
            Ok(known) => known,
            Err(problem) => {
                let subject = Subject::role(&document.role);
                self.findings
                    .push(Finding::of(&subject, &document.template, problem));
                return None;
            }
        };
        let at = At::document(value);
        let subject = match at.text("metadata.name") {
            Some(name) => Subject::object(known.name(), name),
            None => Subject::unnamed(known.name(), &document.role),
        };
        let object = self.found(&subject, &document.template, known.read(value));
        let report = &mut Report {
            subject: &subject,
            template: &document.template,
            findings: &mut self.findings,
            warnings: &mut self.warnings,
        };
        rules::what_kubernetes_refuses(known.rules(), &at, report);
        let written = Written {
            kind: known.rules(),
            subject,
            template: &document.template,
            value,
        };
        Some((written, object))
    }

    /// There is one Pod.
    fn driver_pod(&mut self, rendered: &Rendered, written: &[Written<'_>]) {
        let empty = rendered
            .documents
            .iter()
            .find(|document| document.role == "pod-driver");
        let mut pods = written.iter().filter(|written| written.kind == Kind::Pod);
        let (subject, template, said) = match (pods.next(), pods.next()) {
            (None, _) if self.findings.is_empty() => {
                let template = empty.map_or("", |document| &document.template);
                let said = rule("no template wrote the driver Pod");
                (Subject::role("pod-driver"), template, said)
            }
            (_, Some(second)) => {
                let said = expected("one Pod for a submission").kind("one of another template");
                (second.subject.clone(), second.template, said)
            }
            _ => return,
        };
        self.findings.push(Finding {
            subject,
            path: String::new(),
            said,
            template: template.to_owned(),
        });
    }

    /// The executors: their pod template, and the Pod that the driver will make of it.
    fn executors(&mut self, plan: &DriverPlan, written: &[Written<'_>], setting: ExecutorCheck) {
        let before = self.findings.len() + self.findings.more();
        let template = plan.executor.as_ref();
        let of_template = template
            .map(|executor| self.executor_template(executor, written))
            .unwrap_or_default();
        // Of a template that can't be read there is no Pod.
        let found = if self.findings.len() + self.findings.more() == before {
            let tidy = self.with_tidy_template(written);
            let mut objects: Vec<_> = written.iter().map(|written| written.value).collect();
            if let Some((index, value)) = &tidy
                && let Some(object) = objects.get_mut(*index)
            {
                *object = value;
            }
            executor::check(plan, &objects, of_template, setting)
        } else {
            of_template
        };
        self.findings.append(found.findings);
        self.warnings.append(found.warnings);
        self.executor = found.executor;
    }

    /// The `ConfigMap` with the executor pod template as the driver will find it, by index; `None` where the text stays as it is.
    fn with_tidy_template(&self, written: &[Written<'_>]) -> Option<(usize, Value)> {
        let (index, key, text) = self.tidy.as_ref()?;
        let mut value = written.get(*index)?.value.clone();
        *value.get_mut("data")?.get_mut(key)? = text.as_str().into();
        Some((*index, value))
    }

    /// The executor pod template is text in a `ConfigMap`, which the driver will read as a Pod.
    /// What the rules say of it is given back, for Spark changes some of it.
    fn executor_template(&mut self, executor: &ExecutorPlan, written: &[Written<'_>]) -> Checked {
        let carries = |written: &Written<'_>| {
            written.kind == Kind::ConfigMap
                && At::document(written.value).text("metadata.name") == Some(&executor.config_map_name)
        };
        let Some((index, written)) = written.iter().enumerate().find(|(_, written)| carries(written)) else {
            return Checked::default();
        };
        let text = written.value.get("data").and_then(|data| data.get(&executor.key));
        let Some(Value::String(text)) = text.filter(|text| text.as_str() != Some("")) else {
            return Checked::default();
        };
        let subject = written.subject.executor_template();
        let mut value = match strict::parse_yaml(text) {
            Ok(value) => value,
            Err(problem) => {
                self.findings
                    .push(Finding::of(&subject, written.template, problem));
                return Checked::default();
            }
        };
        self.found(&subject, written.template, strict::check::<PodDocument>(&value));
        let at = At::document(&value);
        let report = &mut Report {
            subject: &subject,
            template: written.template,
            findings: &mut self.findings,
            warnings: &mut self.warnings,
        };
        for (field, wanted) in [("apiVersion", "v1"), ("kind", "Pod")] {
            if let Some(found) = at.text(field)
                && found != wanted
            {
                report.wrong(&at, field, expected(wanted).shown(found));
            }
        }
        spark_needs::operator_labels_of_executors(executor, &at, report);
        let mut found = Checked::default();
        let report = &mut Report {
            subject: &subject,
            template: written.template,
            findings: &mut found.findings,
            warnings: &mut found.warnings,
        };
        rules::what_kubernetes_refuses(Kind::ExecutorTemplate, &at, report);
        if !value.is_null() && text.len() <= MOST_TIDY {
            drop_nulls(&mut value);
            let tidy = write::to_yaml(&value);
            if tidy.len() <= 4 * MOST_TIDY {
                self.tidy = Some((index, executor.key.clone(), tidy));
            }
        }
        found
    }

    /// Takes over what the strict reading found, and gives the object that it read.
    fn found<T>(&mut self, subject: &Subject, template: &str, reading: Reading<T>) -> Option<T> {
        for problem in reading.errors {
            self.findings
                .push_with(|| Finding::of(subject, template, problem));
        }
        for field in reading.unknown {
            let passes = self
                .passed_unknown_fields
                .contains(strict::generalised(&field.path).as_str());
            if passes {
                self.warnings.push_with(|| Finding {
                    subject: subject.clone(),
                    path: field.path,
                    said: rule("unknown field, passed on: it came with the request"),
                    template: template.to_owned(),
                });
            } else {
                self.findings
                    .push_with(|| Finding::of(subject, template, field.problem()));
            }
        }
        reading.value
    }

    fn manifests(
        self,
        rendered: &Rendered,
        plan: &DriverPlan,
        values: Vec<Patched<'_>>,
        objects: Vec<Option<Object>>,
    ) -> Result<Manifests, Findings> {
        if !self.findings.is_empty() {
            return Err(Findings(self.findings));
        }
        let mut driver_pod = None;
        let mut owned = Vec::with_capacity(values.len());
        let mut tidy = self.tidy;
        for (index, (patched, object)) in values.into_iter().zip(objects).enumerate() {
            let Some(object) = object else { continue };
            let Patched {
                document, mut value, ..
            } = patched;
            if !matches!(object, Object::Custom(_)) {
                drop_nulls(&mut value);
            }
            if let Some((_, key, text)) = tidy.take_if(|(carrier, ..)| *carrier == index)
                && let Some(carried) = value.get_mut("data").and_then(|data| data.get_mut(&key))
            {
                *carried = Value::String(text);
            }
            let is_pod = matches!(object, Object::Pod);
            let manifest = Manifest {
                role: document.role.clone(),
                value,
                object,
            };
            if is_pod {
                driver_pod = Some(manifest);
            } else {
                owned.push(manifest);
            }
        }
        // Without findings there is a Pod, or the rule that says so is broken.
        let Some(mut driver_pod) = driver_pod else {
            return Err(Findings::default());
        };
        let identity = Identity {
            namespace: plan.application.namespace.clone(),
            pod_name: plan.pod.name.clone(),
            application_id: plan.application.id.clone(),
            application_name: plan.application.name.clone(),
            submission_id: plan.application.submission_id.clone(),
            plan_hash: stamp::plan_hash(plan),
            template_set: rendered.template_set.clone(),
        };
        stamp::stamp(&mut driver_pod, &identity);
        Ok(Manifests {
            identity,
            driver_pod,
            owned,
            warnings: self.warnings.into(),
            executor: self.executor,
        })
    }
}

#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod tests;
