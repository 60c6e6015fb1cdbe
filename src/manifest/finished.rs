//! The objects of a submission as they will be: with what the operator's webhook adds on the API server, where the additions are left
//! to it. Checks and policies look at these.

use super::{Manifests, executor::executor_pod};
use crate::{
    finding::{Kept, Words},
    kubernetes::{
        Finding,
        at::At,
        rules::{self, Kind, Report},
    },
    operator,
    spark::{
        plan::{DriverPlan, ExecutorPod, NoExecutorPod, ResourceType},
        submission::{LeftToWebhook, SparkVersion},
    },
    strict,
    templates::{Finished, NoExecutor, SubmissionFacts},
};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap};

/// The pods of a submission as they will run: after templates and patches, and after the operator's webhook, whoever adds what is
/// the webhook's. Policies look at these.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedPods<'m> {
    /// The driver Pod.
    pub driver: Cow<'m, Value>,
    /// What the driver will make as its first executor; absent where only the driver can know it.
    pub executor: Option<&'m ExecutorPod>,
    /// Why the webhook's additions are missing in both, where they are: they are left to the webhook, and aren't known here.
    pub without_webhook: Option<&'m str>,
}

/// The Pod after the webhook; `None` where the webhook has nothing to do with it.
pub(super) fn after_webhook(pod: &Value, left: &LeftToWebhook) -> Option<Value> {
    let LeftToWebhook::Additions(additions) = left else {
        return None;
    };
    let mut finished = pod.clone();
    operator::after_webhook(&mut finished, additions);
    Some(finished)
}

/// Holds a document against Kubernetes' rules. Of a Pod that the webhook changes that is the Pod after the webhook, for only that one
/// is validated by the API server; what is wrong with that Pod alone is said to come from the webhook.
pub(super) fn what_kubernetes_refuses(
    kind: Kind,
    sent: &Value,
    finished: Option<&Value>,
    report: &mut Report<'_>,
) {
    let Some(finished) = finished else {
        return rules::what_kubernetes_refuses(kind, &At::document(sent), report);
    };
    let (of_sent, _) = found(kind, sent, report);
    let (mut findings, warnings) = found(kind, finished, report);
    for finding in findings.each() {
        if !of_sent.contains(finding) {
            let by_webhook = Words::own("with what the operator's webhook adds from the SparkApplication");
            finding.said = finding.said.clone().further(by_webhook);
        }
    }
    report.findings.append(findings);
    report.warnings.append(warnings);
}

/// The findings and warnings about one value.
fn found(kind: Kind, value: &Value, about: &Report<'_>) -> (Kept<Finding>, Kept<Finding>) {
    let (mut findings, mut warnings) = (Kept::default(), Kept::default());
    let report = &mut Report {
        subject: about.subject,
        template: about.template,
        findings: &mut findings,
        warnings: &mut warnings,
    };
    rules::what_kubernetes_refuses(kind, &At::document(value), report);
    (findings, warnings)
}

/// What is known of a submission and stands in no object. It is no part of the plan.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// The user who submits.
    pub user: String,
    /// How it came: `grpc`, `rest`, `drop-in` or `command-line`.
    pub entry_point: String,
    /// The labels of the `SparkApplication`.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// The objects of a submission as policies see them: the one place that decides it.
pub fn finished(manifests: &Manifests, plan: &DriverPlan, beside: Beside) -> Finished {
    let pods = [("pod-driver", driver(manifests))];
    let pods = pods.into_iter().map(|(role, value)| (role.to_owned(), value));
    let owned = manifests.owned.iter();
    let owned = owned.map(|manifest| (manifest.role.clone(), in_namespace(&manifest.value, manifests)));
    let objects: Vec<_> = pods.chain(owned).collect();
    let executor = executor(manifests, plan);
    Finished {
        without_webhook: manifests.finished_pods().without_webhook.map(str::to_owned),
        unknown_of_driver: objects
            .first()
            .map(|(_, driver)| unknown(driver))
            .unwrap_or_default(),
        unknown_of_executor: executor.as_ref().map(unknown).unwrap_or_default(),
        executor,
        objects,
        submission: SubmissionFacts {
            namespace: manifests.identity.namespace.clone(),
            name: manifests.identity.application_name.clone(),
            kind: match plan.application.resource_type {
                ResourceType::Java => "Java",
                ResourceType::Python => "Python",
                ResourceType::R => "R",
            }
            .to_owned(),
            spark_version: plan.application.spark_version.clone(),
            user: beside.user,
            entry_point: beside.entry_point,
            labels: beside.labels,
            annotations: beside.annotations,
        },
    }
}

/// The driver Pod.
fn driver(manifests: &Manifests) -> Value {
    in_namespace(&manifests.finished_pods().driver, manifests)
}

/// The Pod of the first executor; else why it isn't known.
fn executor(manifests: &Manifests, plan: &DriverPlan) -> Result<Value, NoExecutor> {
    if let Some(executor) = &manifests.executor {
        return Ok(executor.pod.clone());
    }
    let version = plan.application.spark_version.parse();
    let version = version.unwrap_or_else(|_| SparkVersion::newest());
    let owned = manifests.owned.iter().map(|manifest| &manifest.value);
    let objects: Vec<_> = std::iter::once(&manifests.driver_pod.value)
        .chain(owned)
        .collect();
    let refusal = match executor_pod(plan, &version, &objects) {
        Ok(executor) => return Ok(executor.pod),
        Err(NoExecutorPod::Thrown(refusal) | NoExecutorPod::Unknown(refusal)) => refusal,
    };
    Err(NoExecutor(refusal.without_values().to_string()))
}

fn in_namespace(value: &Value, manifests: &Manifests) -> Value {
    let mut value = value.clone();
    if let Some(Value::Object(metadata)) = value.get_mut("metadata") {
        metadata.insert(
            "namespace".to_owned(),
            manifests.identity.namespace.as_str().into(),
        );
    }
    value
}

/// Fields that Kubernetes' types here don't have: a newer Kubernetes may heed them.
fn unknown(pod: &Value) -> Vec<String> {
    let reading = strict::check::<Pod>(pod);
    reading.unknown.into_iter().map(|field| field.path).collect()
}
