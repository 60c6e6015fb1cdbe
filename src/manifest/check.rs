//! Rendered text to checked manifests: strictly read, held against the rules, stamped.

use super::{
    Identity, Manifest, Manifests, Object,
    at::At,
    executor::{self, Found},
    finding::{Finding, Findings, object_name},
    known,
    patched::Patched,
    rules::{self, Kind, Report, Written},
    stamp,
};
use crate::{
    plan::{DriverPlan, ExecutorPlan, ExecutorPod},
    redaction::shown,
    strict::{self, Problem},
    submission::{ExecutorCheck, PodDocument},
    templates::{Document, ExtraKind, Rendered},
};
use serde_json::Value;

/// How the object of a finding begins that is about the text in a `ConfigMap`.
pub(crate) const EXECUTOR: &str = "executor pod template in ";

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
        passed_unknown_fields,
        findings: Vec::new(),
        warnings: Vec::new(),
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
            names.push((one.object.clone(), patched));
            written.push(one);
            objects.push(object);
        }
        for finding in &mut checker.findings[found..] {
            patched.blame(finding, false);
        }
    }
    checker.driver_pod(rendered, &written);
    let before = checker.findings.len();
    let of_template = plan
        .executor
        .as_ref()
        .map(|executor| checker.executor_template(executor, &written))
        .unwrap_or_default();
    // Of a template that can't be read there is no Pod.
    let found = if checker.findings.len() == before {
        let objects: Vec<_> = written.iter().map(|written| written.value).collect();
        executor::check(plan, &objects, of_template, executor_check)
    } else {
        of_template
    };
    checker.findings.extend(found.findings);
    checker.warnings.extend(found.warnings);
    checker.executor = found.executor;
    rules::what_spark_needs(plan, &written, &mut checker.findings, &mut checker.warnings);
    drop(written);
    for finding in &mut checker.findings {
        let carried = finding.object.strip_prefix(EXECUTOR).map(str::to_owned);
        let object = carried.as_ref().unwrap_or(&finding.object);
        if let Some((_, patched)) = names.iter().find(|(name, _)| name == object) {
            patched.blame(finding, carried.is_some());
        }
    }
    drop(names);
    checker.manifests(rendered, plan, values, objects)
}

struct Checker<'c> {
    passed_unknown_fields: &'c [String],
    findings: Vec<Finding>,
    warnings: Vec<String>,
    executor: Option<ExecutorPod>,
}

impl Checker<'_> {
    fn read<'r>(&mut self, rendered: &'r Rendered, plan: &DriverPlan) -> Vec<Patched<'r>> {
        let mut values = Vec::with_capacity(rendered.documents.len());
        for document in &rendered.documents {
            match Patched::read(document, plan) {
                Ok(patched) => values.extend(patched),
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
                self.found(&document.role, &document.template, problem);
                return None;
            }
        };
        let at = At::document(value);
        let object = match at.text("metadata.name") {
            Some(name) => object_name(known.name(), name),
            None => format!("{} ({})", known.name(), document.role),
        };
        let reading = known.read(value);
        for problem in reading.problems {
            self.found(&object, &document.template, problem);
        }
        let report = &mut Report {
            object: &object,
            template: &document.template,
            findings: &mut self.findings,
            warnings: &mut self.warnings,
        };
        rules::what_kubernetes_refuses(known.rules(), &at, report);
        let written = Written {
            kind: known.rules(),
            object,
            template: &document.template,
            value,
        };
        Some((written, reading.value))
    }

    /// There is one Pod.
    fn driver_pod(&mut self, rendered: &Rendered, written: &[Written<'_>]) {
        let empty = rendered
            .documents
            .iter()
            .find(|document| document.role == "pod-driver");
        let mut pods = written.iter().filter(|written| written.kind == Kind::Pod);
        let message = match (pods.next(), pods.next()) {
            (None, _) if self.findings.is_empty() => {
                let template = empty.map_or("", |document| &document.template);
                ("", template, "no template wrote the driver Pod")
            }
            (_, Some(second)) => (
                second.object.as_str(),
                second.template,
                "a submission has one Pod, and another template wrote it",
            ),
            _ => return,
        };
        let (object, template, message) = message;
        self.findings.push(Finding {
            object: if object.is_empty() { "pod-driver" } else { object }.to_owned(),
            path: String::new(),
            message: message.to_owned(),
            template: template.to_owned(),
        });
    }

    /// The executor pod template is text in a `ConfigMap`, which the driver will read as a Pod.
    /// What the rules say of it is given back: Spark changes some of it.
    fn executor_template(&mut self, executor: &ExecutorPlan, written: &[Written<'_>]) -> Found {
        let config_map = written.iter().find(|written| {
            written.kind == Kind::ConfigMap
                && At::document(written.value).text("metadata.name") == Some(&executor.config_map_name)
        });
        let Some((written, Value::String(text))) = config_map
            .and_then(|written| Some((written, written.value.get("data")?.get(&executor.key)?)))
            .filter(|(_, text)| text.as_str() != Some(""))
        else {
            return Found::default();
        };
        let object = format!("{EXECUTOR}{}", written.object);
        let value = match strict::parse_yaml(text) {
            Ok(value) => value,
            Err(problem) => {
                self.found(&object, written.template, problem);
                return Found::default();
            }
        };
        for problem in strict::read::<PodDocument>(&value).problems {
            self.found(&object, written.template, problem);
        }
        let at = At::document(&value);
        let report = &mut Report {
            object: &object,
            template: written.template,
            findings: &mut self.findings,
            warnings: &mut self.warnings,
        };
        for (field, expected) in [("apiVersion", "v1"), ("kind", "Pod")] {
            if let Some(found) = at.text(field)
                && found != expected
            {
                report.wrong(&at, field, format!("must be {expected}, found {}", shown(found)));
            }
        }
        rules::operator_labels_of_executors(executor, &at, report);
        let mut found = Found::default();
        let report = &mut Report {
            object: &object,
            template: written.template,
            findings: &mut found.findings,
            warnings: &mut found.warnings,
        };
        rules::what_kubernetes_refuses(Kind::ExecutorTemplate, &at, report);
        found
    }

    fn found(&mut self, object: &str, template: &str, problem: Problem) {
        let passes = problem.unknown_field
            && self
                .passed_unknown_fields
                .contains(&strict::generalised(&problem.path));
        let finding = Finding {
            object: object.to_owned(),
            path: problem.path,
            message: problem.message,
            template: template.to_owned(),
        };
        if passes {
            self.warnings.push(
                Finding {
                    message: "unknown field, passed on: it came with the request".to_owned(),
                    ..finding
                }
                .to_string(),
            );
        } else {
            self.findings.push(finding);
        }
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
        for (Patched { document, value, .. }, object) in values.into_iter().zip(objects) {
            let Some(object) = object else { continue };
            let is_pod = matches!(object, Object::Pod(_));
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
            return Err(Findings(Vec::new()));
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
            warnings: self.warnings,
            executor: self.executor,
        })
    }
}

#[cfg(test)]
mod tests;
