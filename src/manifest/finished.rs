//! Pods as they will be: with what the operator's webhook adds on the API server, where the additions are left to it.

use crate::{
    finding::{Kept, Words},
    kubernetes::{
        Finding,
        at::At,
        rules::{self, Kind, Report},
    },
    operator,
    spark::{plan::ExecutorPod, submission::LeftToWebhook},
};
use serde_json::Value;
use std::borrow::Cow;

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
