//! Checks the executor Pod against the rules for Pods, before there is a driver that makes it.

use super::{
    super::finished::{self, after_webhook},
    origin::Origins,
    with_template,
};
use crate::{
    finding::{Kept, Statement, Words, rule},
    kubernetes::{
        Finding, Subject,
        rules::{Kind, Report},
    },
    spark::{
        plan::{DriverPlan, ExecutorPod, NoExecutorPod},
        submission::{ExecutorCheck, LeftToWebhook, Refusal, SparkVersion, blanks},
    },
    strict,
    templates::NoExecutor,
};
use serde_json::Value;

/// What was found, of the template or of the Pod.
#[derive(Default)]
pub(in crate::manifest) struct Checked {
    pub(in crate::manifest) findings: Kept<Finding>,
    pub(in crate::manifest) warnings: Kept<Finding>,
    /// The Pod that it was found of; none where the template alone was looked at.
    pub(in crate::manifest) executor: Option<Result<ExecutorPod, NoExecutor>>,
}

impl Checked {
    fn refused(refusal: &Refusal) -> Self {
        Self {
            findings: std::iter::once(finding(refusal)).collect(),
            executor: Some(Err(unknown(refusal))),
            ..Self::default()
        }
    }

    /// With warnings of the values that only the driver's process can complete.
    fn known_here(mut self, origins: &Origins<'_>) -> Self {
        let unless = "unless the driver's own environment or system properties complete it";
        let is_unknown = |finding: &Finding| origins.is_completed_by_driver(&finding.path);
        for finding in self.findings.take(is_unknown) {
            let said = from_origin(&finding, origins).further(Words::own(unless));
            self.warnings.push(Finding { said, ..finding });
        }
        self
    }

    /// As warnings, all of it.
    fn softened(self) -> Self {
        let mut warnings = self.findings;
        warnings.append(self.warnings);
        Self {
            warnings,
            findings: Kept::default(),
            executor: self.executor,
        }
    }
}

/// What is wrong with the executors that the driver will make of these `objects`, and of `written_template` where the text of the
/// executors' pod template is to be written anew. `of_template` is what was found in the
/// template alone: of that remains what Spark doesn't change.
pub(in crate::manifest) fn check(
    plan: &DriverPlan,
    objects: &[&Value],
    written_template: Option<Value>,
    of_template: Checked,
    setting: ExecutorCheck,
    left_to_webhook: &LeftToWebhook,
) -> Checked {
    let version = plan.application.spark_version.parse();
    let version = version.unwrap_or_else(|_| SparkVersion::newest());
    let checked = match with_template(plan, &version, objects, written_template) {
        Ok((mut executor, template)) => {
            let finished = after_webhook(&executor.pod, left_to_webhook);
            let template = template.as_ref().map(|template| &template.spec);
            let origins = Origins::new(plan, template, &executor.pod, finished.as_ref());
            let of_pod = of_pod(&executor, finished.as_ref()).known_here(&origins);
            let checked = merged(&of_template, of_pod, &origins, &executor);
            if let Some(finished) = finished {
                executor.pod = finished;
            }
            Checked {
                executor: Some(Ok(executor)),
                ..checked
            }
        }
        Err(NoExecutorPod::Thrown(refusal)) => Checked::refused(&refusal),
        Err(NoExecutorPod::Unknown(refusal)) => {
            let mut checked = of_template.softened();
            checked.executor = Some(Err(unknown(&refusal)));
            let unchecked = Words::own("the executor Pod isn't checked");
            checked.warnings.push(Finding {
                said: refusal.said.clone().further(unchecked),
                ..finding(&refusal)
            });
            checked
        }
    };
    let unfinished = match left_to_webhook {
        LeftToWebhook::Unknown(_) if !checked.findings.is_empty() => Some(unfinished()),
        _ => None,
    };
    if setting == ExecutorCheck::Warn || !has_executors(plan) || unfinished.is_some() {
        let mut softened = checked.softened();
        softened.warnings.extend(unfinished);
        return softened;
    }
    checked
}

/// Why there is no Pod, for policies: without values, for policies show it to callers.
fn unknown(refusal: &Refusal) -> NoExecutor {
    NoExecutor(refusal.clone().without_values().to_string())
}

/// The warning where the webhook's additions are not known: they may be what an executor needs.
fn unfinished() -> Finding {
    let said = rule("is checked without the additions of the operator's webhook, which are not known here");
    Finding {
        subject: Subject::executor_pod(),
        path: String::new(),
        said,
        template: String::new(),
        in_patch: None,
    }
}

/// Whether the driver is to make executors at all.
fn has_executors(plan: &DriverPlan) -> bool {
    let property = |key: &str| plan.properties.get(key).map(|value| blanks::trim(value));
    property("spark.executor.instances") != Some("0")
        || property("spark.dynamicAllocation.enabled").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

fn finding(refusal: &Refusal) -> Finding {
    Finding {
        subject: Subject::executor_pod(),
        path: refusal.subject.clone(),
        said: refusal.said.clone(),
        template: String::new(),
        in_patch: None,
    }
}

/// What Kubernetes refuses of the Pod, as the webhook leaves it, and of its claims.
fn of_pod(executor: &ExecutorPod, finished: Option<&Value>) -> Checked {
    let mut checked = Checked::default();
    let claims = executor.claims.iter();
    let claims = claims.map(|claim| {
        let subject = Subject::claim_of_executor();
        (subject, Kind::PersistentVolumeClaim, claim, None)
    });
    let pod = (Subject::executor_pod(), Kind::Pod, &executor.pod, finished);
    for (subject, kind, value, finished) in std::iter::once(pod).chain(claims) {
        let report = &mut Report {
            subject: &subject,
            template: "",
            findings: &mut checked.findings,
            warnings: &mut checked.warnings,
        };
        finished::what_kubernetes_refuses(kind, value, finished, report);
    }
    checked
}

/// Both together: what is wrong in the Pod, by the template's line where the same is wrong in the template, else with where
/// it comes from. What is wrong in the template itself is not reported here.
fn merged(of_template: &Checked, of_pod: Checked, origins: &Origins<'_>, executor: &ExecutorPod) -> Checked {
    let mut findings = by_template(&of_template.findings, of_pod.findings);
    for finding in findings.each() {
        finding.said = from_origin(finding, origins);
    }
    findings.extend(executor.never.iter().map(self::finding));
    let mut warnings = by_template(&of_template.warnings, of_pod.warnings);
    let unless = || Words::own("needed unless the application's code sets it");
    warnings.extend(
        executor
            .missing
            .iter()
            .chain(&executor.lacking)
            .map(|refusal| Finding {
                said: refusal.said.clone().further(unless()),
                ..finding(refusal)
            }),
    );
    Checked {
        findings,
        warnings,
        executor: None,
    }
}

/// What was found of the Pod, each by what was found of the template if that is the same.
fn by_template(of_template: &Kept<Finding>, mut of_pod: Kept<Finding>) -> Kept<Finding> {
    let mut of_template: Vec<_> = of_template.iter().cloned().collect();
    for finding in of_pod.each() {
        let same = |other: &Finding| {
            other.said == finding.said
                && strict::generalised(&other.path) == strict::generalised(&finding.path)
        };
        if let Some(index) = of_template.iter().position(same) {
            *finding = of_template.remove(index);
        }
    }
    of_pod
}

/// What is said of a finding, with where its field comes from.
fn from_origin(finding: &Finding, origins: &Origins<'_>) -> Statement {
    let said = finding.said.clone();
    match origin(finding, origins) {
        Some(origin) => said.further(Words::own("from ").join(origin)),
        None => said,
    }
}

/// Where the field of a finding comes from that no template wrote.
fn origin(finding: &Finding, origins: &Origins<'_>) -> Option<Words> {
    if finding.subject == Subject::executor_pod() {
        origins.of(&finding.path)
    } else if finding.subject == Subject::claim_of_executor() {
        Some("spark.kubernetes.executor.volumes.persistentVolumeClaim".into())
    } else {
        None
    }
}
