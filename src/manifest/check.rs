//! Rendered text to checked manifests: strictly read, checked against the rules, stamped.

use super::{
    Identity, Manifest, Manifests,
    executor::{self, Checked},
    finished, known,
    patched::Patched,
    spark_needs, stamp,
};
use crate::{
    finding::{Kept, Words, expected, rule},
    kubernetes::{
        Finding, Findings, ObjectKind, Subject,
        at::At,
        drop_nulls,
        rules::{self, Kind, Report},
        write,
    },
    limits::{Budget, CONFIG_DATA},
    manifest::spark_needs::Written,
    spark::{
        plan::{DriverPlan, ExecutorPlan, ExecutorPod},
        submission::{ExecutorCheck, LeftToWebhook, PodDocument, refers},
    },
    strict::{self, Problem, Reading},
    templates::{NewerFields, NoExecutor, Rendered},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Why there is no executor Pod where the template for it has errors that are only warned of.
const TEMPLATE_UNREAD: &str = "the executor pod template has errors";

/// The longest executor pod template, in bytes, that is written anew for its readers. Indentation makes the text longer: up to
/// four times is accepted. A longer one is written as JSON, which is not indented, and only if it has a null.
const MOST_TIDY: usize = 64 << 10;

/// What a submission's check goes by, beside its plan.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The generalised paths of fields that came with the request and are unknown to Kubernetes' types here
    /// ([`strict::generalised`]): they are passed on with a warning. Every other unknown field is a template's misspelling, and an
    /// error.
    pub passed_unknown_fields: &'a [String],
    /// Whether what is wrong with the executor Pod refuses the submission.
    pub executor_check: ExecutorCheck,
    /// What the operator's webhook will add to the pods.
    pub left_to_webhook: &'a LeftToWebhook,
}

impl Default for Terms<'_> {
    fn default() -> Self {
        Self {
            passed_unknown_fields: &[],
            executor_check: ExecutorCheck::default(),
            left_to_webhook: &LeftToWebhook::Nothing,
        }
    }
}

/// Reads all documents of a submission strictly and holds them against the rules: what Kubernetes would refuse,
/// and what Spark needs. A document that is empty counts as not written.
///
/// The Pod that the driver will make of these documents as its first executor is checked against the same rules. Both pods are looked at
/// as they will be after the operator's webhook.
///
/// # Errors
///
/// Everything that was found wrong, not only the first.
pub fn check(rendered: &Rendered, plan: &DriverPlan, terms: Terms<'_>) -> Result<Manifests, Findings> {
    let passed_unknown_fields = terms.passed_unknown_fields.iter();
    let mut checker = Checker {
        passed_unknown_fields: passed_unknown_fields.map(String::as_str).collect(),
        newer_fields: rendered.newer_fields,
        left_to_webhook: terms.left_to_webhook,
        findings: Kept::default(),
        warnings: Kept::default(),
        tidy: None,
        executor: None,
        unread: Vec::new(),
    };
    let values = checker.read(rendered, plan);
    let finished: Vec<_> = values
        .iter()
        .map(|patched| match patched.value["kind"].as_str() {
            Some("Pod") => finished::after_webhook(&patched.value, terms.left_to_webhook),
            _ => None,
        })
        .collect();
    let mut written = Vec::with_capacity(values.len());
    let mut objects = Vec::with_capacity(values.len());
    let mut names = Vec::with_capacity(values.len());
    for (patched, finished) in values.iter().zip(&finished) {
        let (found, warned) = (checker.findings.len(), checker.warnings.len());
        if let Some((one, object)) = checker.document(patched, finished.as_ref(), &rendered.extra_kinds) {
            names.push((one.subject.clone(), patched));
            written.push(one);
            objects.push(object);
        }
        let warnings = checker.warnings.since(warned).iter_mut();
        for finding in checker.findings.since(found).iter_mut().chain(warnings) {
            patched.blame(finding, false);
        }
    }
    checker.driver_pod(rendered, &written);
    checker.executors(plan, &written, terms.executor_check);
    let unread = std::mem::take(&mut checker.unread);
    spark_needs::what_spark_needs(
        plan,
        &written,
        &unread,
        &mut checker.findings,
        &mut checker.warnings,
    );
    let all = checker.findings.each().chain(checker.warnings.each());
    image_from_conf(plan, &written, all);
    drop(written);
    // Of several objects with one name the first is blamed.
    for finding in checker.findings.each().chain(checker.warnings.each()) {
        if let Some((_, patched)) = names.iter().find(|(name, _)| finding.subject.is_in(name)) {
            patched.blame(finding, finding.subject.is_executor_template());
        }
    }
    drop(names);
    drop(finished);
    // What was made of a value with a reference may hold another key's value, where it is a secret.
    if plan.properties.values().any(|value| refers(value)) {
        checker.findings.each().for_each(Finding::hide_values);
        checker.warnings.each().for_each(Finding::hide_values);
    }
    checker.manifests(rendered, plan, values, objects)
}

/// Says of the driver's image which key of the conf it comes from: its author wrote it there, and not into a Pod.
fn image_from_conf<'f>(
    plan: &DriverPlan,
    written: &[Written<'_>],
    findings: impl Iterator<Item = &'f mut Finding>,
) {
    const OF_DRIVER: &str = "spark.kubernetes.driver.container.image";
    const OF_ALL: &str = "spark.kubernetes.container.image";
    let Some(pod) = written.iter().find(|written| written.kind == Kind::Pod) else {
        return;
    };
    // An application's image is written for the driver, too.
    let (of_driver, of_all) = (plan.properties.get(OF_DRIVER), plan.properties.get(OF_ALL));
    let (key, field) = match (of_driver, of_all) {
        (Some(own), all) if Some(own) != all => (OF_DRIVER, "spec.driver.image"),
        _ => (OF_ALL, "spec.image"),
    };
    for finding in findings.filter(|finding| finding.subject == pod.subject) {
        let container = finding.path.strip_suffix(".image");
        let container = container.and_then(|path| strict::at(pod.value, path));
        let is_it = container.is_some_and(|container| {
            container["name"] == plan.driver.name && container["image"] == plan.driver.image
        });
        if is_it {
            let origin = Words::own(format!("from {key} ({field})"));
            finding.said = finding.said.clone().further(origin);
        }
    }
}

/// An executor pod template without nulls, as it is to be written; `None` where its text, of so many bytes, stays.
fn tidy(template: &mut Value, bytes: usize) -> Option<String> {
    let had_nulls = drop_nulls(template);
    if bytes <= MOST_TIDY {
        let tidy = write::to_yaml(template);
        if tidy.len() <= 4 * MOST_TIDY {
            return Some(tidy);
        }
    }
    // Of a text that no longer fits into a ConfigMap the API server would see only the size.
    let json = had_nulls.then(|| template.to_string());
    json.filter(|json| json.len() <= CONFIG_DATA.most)
}

/// An executor pod template that is to be written anew.
struct Tidy {
    /// The index of the document that carries it.
    carrier: usize,
    /// The key of the document's data.
    key: String,
    /// What is to be written, until the executor Pod is made of it.
    value: Value,
    /// The same as text.
    text: String,
}

struct Checker<'c> {
    passed_unknown_fields: BTreeSet<&'c str>,
    newer_fields: NewerFields,
    left_to_webhook: &'c LeftToWebhook,
    findings: Kept<Finding>,
    warnings: Kept<Finding>,
    tidy: Option<Tidy>,
    executor: Option<Result<ExecutorPod, NoExecutor>>,
    /// The kinds of documents that were written, and can't be read or have no name.
    unread: Vec<Kind>,
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
                Err(finding) => {
                    self.unread.extend(spark_needs::kind_of_role(&document.role));
                    self.findings.push(finding);
                }
            }
        }
        values
    }

    /// Reads one document as the kind that it says it is; `None` where it is none that it may be. A Pod may be another one when it
    /// is `finished`.
    fn document<'w>(
        &mut self,
        patched: &'w Patched<'_>,
        finished: Option<&'w Value>,
        extra_kinds: &[ObjectKind],
    ) -> Option<(Written<'w>, Option<ObjectKind>)> {
        let Patched { document, value, .. } = patched;
        let kind = match known::kind(document, value, extra_kinds) {
            Ok(kind) => kind,
            Err(problem) => {
                self.unread.extend(spark_needs::kind_of_role(&document.role));
                let subject = Subject::role(&document.role);
                self.findings
                    .push(Finding::of(&subject, &document.template, problem));
                return None;
            }
        };
        let at = At::document(value);
        let subject = match at.text("metadata.name") {
            Some(name) => Subject::object(kind.name(), name),
            None => {
                self.unread.extend(spark_needs::kind_of_role(&document.role));
                Subject::unnamed(kind.name(), &document.role)
            }
        };
        let read = self.found(&subject, &document.template, kind.read(value));
        let report = &mut Report {
            subject: &subject,
            template: &document.template,
            findings: &mut self.findings,
            warnings: &mut self.warnings,
        };
        finished::what_kubernetes_refuses(kind.kind(), value, finished, report);
        let written = Written {
            kind: kind.kind(),
            subject,
            template: &document.template,
            value: finished.unwrap_or(value),
        };
        Some((written, read.map(|()| kind)))
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
            in_patch: None,
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
            let objects: Vec<_> = written.iter().map(|written| written.value).collect();
            let template = self.tidy.as_mut().map(|tidy| tidy.value.take());
            executor::check(
                plan,
                &objects,
                template,
                of_template,
                setting,
                self.left_to_webhook,
            )
        } else {
            of_template
        };
        self.findings.append(found.findings);
        self.warnings.append(found.warnings);
        self.executor = found.executor;
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
        if !value.is_null() {
            self.tidy = tidy(&mut value, text.len()).map(|text| Tidy {
                carrier: index,
                key: executor.key.clone(),
                value,
                text,
            });
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
                    in_patch: None,
                });
            } else if self.newer_fields == NewerFields::Warn {
                self.warnings.push_with(|| {
                    let problem = field.problem();
                    let said = problem.said.newer_field();
                    Finding::of(subject, template, Problem { said, ..problem })
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
        kinds: Vec<Option<ObjectKind>>,
    ) -> Result<Manifests, Findings> {
        if !self.findings.is_empty() {
            return Err(Findings(self.findings));
        }
        let mut driver_pod = None;
        let mut owned = Vec::with_capacity(values.len());
        let mut tidy = self.tidy;
        for (index, (patched, kind)) in values.into_iter().zip(kinds).enumerate() {
            let Some(kind) = kind else { continue };
            let Patched {
                document, mut value, ..
            } = patched;
            if kind.kind() != Kind::Open {
                drop_nulls(&mut value);
            }
            if let Some(Tidy { key, text, .. }) = tidy.take_if(|tidy| tidy.carrier == index)
                && let Some(carried) = value.get_mut("data").and_then(|data| data.get_mut(&key))
            {
                *carried = Value::String(text);
            }
            let is_pod = kind.kind() == Kind::Pod;
            let manifest = Manifest {
                role: document.role.clone(),
                value,
                kind,
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
            executor: self
                .executor
                .unwrap_or_else(|| Err(NoExecutor(TEMPLATE_UNREAD.to_owned()))),
            left_to_webhook: self.left_to_webhook.clone(),
        })
    }
}

#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod tests;
