//! Where a Pod may run: the fields that depend on each other.

use super::{Kind, Report};
use crate::{finding::expected, kubernetes::at::At};
use serde_json::Value;

/// A Pod with gates is not scheduled yet, and one with a node's name is (`ValidatePodCreate`).
pub(crate) fn gates(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if kind.is_pod()
        && document.text("spec.nodeName").is_some()
        && let Some(Value::Array(gates)) = document.get("spec.schedulingGates")
        && !gates.is_empty()
    {
        report.wrong(
            document,
            "spec.nodeName",
            expected("no node where there are schedulingGates"),
        );
    }
}

/// A Pod that has no DNS of the cluster names its own (`validatePodDNSConfig`).
pub(crate) fn dns(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if !kind.is_pod() || document.text("spec.dnsPolicy") != Some("None") {
        return;
    }
    let servers = document
        .get("spec.dnsConfig")
        .and_then(|config| config.get("nameservers"));
    if servers.and_then(Value::as_array).is_none_or(Vec::is_empty) {
        report.wrong(
            document,
            "spec.dnsConfig.nameservers",
            expected("a name server, for dnsPolicy is None").nothing(),
        );
    }
}

/// `ValidateTolerations`.
pub(crate) fn tolerations(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if !kind.is_pod() {
        return;
    }
    document.each("spec.tolerations[]", &mut |toleration| {
        let operator = toleration.text("operator").unwrap_or("Equal");
        if toleration.text("key").is_none() && operator != "Exists" {
            report.wrong(&toleration, "operator", expected("Exists where there is no key"));
        }
        if operator == "Exists" && toleration.text("value").is_some() {
            report.wrong(
                &toleration,
                "value",
                expected("no value with the operator Exists"),
            );
        }
        if toleration.get("tolerationSeconds").is_some() && toleration.text("effect") != Some("NoExecute") {
            report.wrong(
                &toleration,
                "effect",
                expected("NoExecute where tolerationSeconds is set"),
            );
        }
    });
}
