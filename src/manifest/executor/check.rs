//! The executor Pod held against the rules for Pods, before there is a driver that makes it.

use super::{executor_pod, origin::Origins};
use crate::{
    manifest::{
        at::At,
        finding::Finding,
        rules::{self, Kind, Report},
    },
    plan::{DriverPlan, ExecutorPod, NoExecutorPod},
    strict,
    submission::{ExecutorCheck, Refusal, SparkVersion},
};
use serde_json::Value;

/// How the object of a finding begins that is about the executor Pod.
pub(crate) const EXECUTOR_POD: &str = "executor Pod";

/// What was found, of the template or of the Pod.
#[derive(Default)]
pub(in crate::manifest) struct Found {
    pub(in crate::manifest) findings: Vec<Finding>,
    pub(in crate::manifest) warnings: Vec<String>,
    /// The Pod that it was found of.
    pub(in crate::manifest) executor: Option<ExecutorPod>,
}

impl Found {
    fn refused(refusal: &Refusal) -> Self {
        Self {
            findings: vec![finding(refusal)],
            ..Self::default()
        }
    }

    /// As warnings, all of it.
    fn softened(mut self) -> Self {
        let softer = self.findings.iter().map(Finding::to_string);
        self.warnings.splice(0..0, softer.collect::<Vec<_>>());
        self.findings.clear();
        self
    }
}

/// What is wrong with the executors that the driver will make of these `objects`. `of_template` is what was found in the
/// template alone: of that remains what Spark doesn't change.
pub(in crate::manifest) fn check(
    plan: &DriverPlan,
    objects: &[&Value],
    of_template: Found,
    setting: ExecutorCheck,
) -> Found {
    let version = plan.application.spark_version.parse();
    let version = version.unwrap_or_else(|_| SparkVersion::newest());
    let found = match executor_pod(plan, &version, objects) {
        Ok(executor) => {
            let origins = Origins::new(plan, &executor.pod);
            let found = merged(of_template, of_pod(&executor), &origins, &executor);
            Found {
                executor: Some(executor),
                ..found
            }
        }
        Err(NoExecutorPod::Thrown(refusal)) => Found::refused(&refusal),
        Err(NoExecutorPod::Unknown(refusal)) => {
            let mut found = of_template.softened();
            found
                .warnings
                .push(format!("{EXECUTOR_POD}: isn't checked: {refusal}"));
            found
        }
    };
    if setting == ExecutorCheck::Warn || !has_executors(plan) {
        return found.softened();
    }
    found
}

/// Whether the driver is to make executors at all.
fn has_executors(plan: &DriverPlan) -> bool {
    let property = |key: &str| plan.properties.get(key).map(|value| value.trim());
    property("spark.executor.instances") != Some("0")
        || property("spark.dynamicAllocation.enabled").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

fn finding(refusal: &Refusal) -> Finding {
    Finding {
        object: EXECUTOR_POD.to_owned(),
        path: String::new(),
        message: refusal.to_string(),
        template: String::new(),
    }
}

/// What Kubernetes refuses of the Pod and of its claims.
fn of_pod(executor: &ExecutorPod) -> Found {
    let mut found = Found::default();
    let objects = std::iter::once((EXECUTOR_POD.to_owned(), Kind::Pod, &executor.pod)).chain(
        executor.claims.iter().map(|claim| {
            let object = format!("{EXECUTOR_POD}, its PersistentVolumeClaim");
            (object, Kind::PersistentVolumeClaim, claim)
        }),
    );
    for (object, kind, value) in objects {
        let report = &mut Report {
            object: &object,
            template: "",
            findings: &mut found.findings,
            warnings: &mut found.warnings,
        };
        rules::what_kubernetes_refuses(kind, &At::document(value), report);
    }
    found
}

/// Both together: once what is wrong in the template as in the Pod, with the template's line; nothing that is wrong in the
/// template alone; and what is wrong in the Pod alone with where it comes from.
fn merged(of_template: Found, of_pod: Found, origins: &Origins<'_>, executor: &ExecutorPod) -> Found {
    let same = |a: &Finding, b: &Finding| {
        a.message == b.message && strict::generalised(&a.path) == strict::generalised(&b.path)
    };
    let mut findings: Vec<_> = of_template
        .findings
        .into_iter()
        .filter(|finding| of_pod.findings.iter().any(|other| same(finding, other)))
        .collect();
    let of_pod_alone: Vec<_> = of_pod
        .findings
        .into_iter()
        .filter(|finding| !findings.iter().any(|other| same(finding, other)))
        .collect();
    findings.extend(of_pod_alone.into_iter().map(|mut finding| {
        if let Some(origin) = origins.of(&finding.path) {
            finding.message = format!("{}; from {origin}", finding.message);
        }
        finding
    }));
    findings.extend(executor.never.iter().map(finding));
    // The message of a warning stands behind its object and path.
    let message = |warning: &str| {
        let text = warning.split_once(": ").map_or(warning, |(_, message)| message);
        text.rsplit_once(" (").map_or(text, |(text, _)| text).to_owned()
    };
    let mut warnings: Vec<_> = of_template
        .warnings
        .into_iter()
        .filter(|warning| {
            of_pod
                .warnings
                .iter()
                .any(|other| other.contains(&message(warning)))
        })
        .collect();
    let of_pod_alone: Vec<_> = of_pod
        .warnings
        .into_iter()
        .filter(|warning| !warnings.iter().any(|other| other.contains(&message(warning))))
        .collect();
    warnings.extend(of_pod_alone);
    let missing =
        |refusal: &Refusal| format!("{EXECUTOR_POD}: {refusal}, unless the application's code sets it");
    warnings.extend(executor.missing.iter().map(missing));
    Found {
        findings,
        warnings,
        executor: None,
    }
}
