//! Where a Pod may run: the fields that depend on each other.

use super::{Kind, Report};
use crate::{
    finding::{expected, rule},
    kubernetes::at::At,
};
use serde_json::Value;
use std::collections::BTreeSet;

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

/// `validateTopologySpreadConstraints`: parts that depend on each other.
pub(crate) fn spread(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if !kind.is_pod() {
        return;
    }
    let mut known = BTreeSet::new();
    document.each("spec.topologySpreadConstraints[]", &mut |constraint| {
        let when = constraint.text("whenUnsatisfiable");
        if let (Some(key), Some(when)) = (constraint.text("topologyKey"), when)
            && !known.insert((key, when))
        {
            report.wrong(
                &constraint,
                "topologyKey",
                rule("is used twice with this whenUnsatisfiable").name(key),
            );
        }
        if constraint.get("minDomains").is_some() && when == Some("ScheduleAnyway") {
            report.wrong(
                &constraint,
                "minDomains",
                expected("nothing unless whenUnsatisfiable is DoNotSchedule"),
            );
        }
        label_keys(&constraint, &["matchLabelKeys"], report);
    });
}

/// `validatePodAffinityTerm`: parts that depend on each other.
pub(crate) fn pod_affinity(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if !kind.is_pod() {
        return;
    }
    for terms in [
        "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[]",
        "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[]",
        "spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm",
        "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm",
    ] {
        document.each(terms, &mut |term| {
            label_keys(&term, &["matchLabelKeys", "mismatchLabelKeys"], report);
            let other = term.get("mismatchLabelKeys").and_then(Value::as_array);
            term.each("matchLabelKeys[]", &mut |key| {
                if other.is_some_and(|other| other.contains(key.value())) {
                    report.wrong(
                        &key,
                        "",
                        expected("a key that is not under mismatchLabelKeys, too"),
                    );
                }
            });
        });
    }
}

/// The values of these labels are added to the selector, so there must be one.
fn label_keys(at: &At<'_, '_>, fields: &[&str], report: &mut Report<'_>) {
    for field in fields {
        let is_set = at
            .get(field)
            .and_then(Value::as_array)
            .is_some_and(|keys| !keys.is_empty());
        if is_set && at.get("labelSelector").is_none() {
            report.wrong(at, field, expected("nothing without a labelSelector"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;
    use serde_json::json;

    #[test]
    fn spread_constraints_agree_with_themselves() {
        let of = |constraints: Value| {
            found(
                Kind::Pod,
                &json!({"spec": {"topologySpreadConstraints": constraints}}),
            )
        };
        let with = |more: Value| {
            let mut constraint =
                json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"});
            constraint
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            constraint
        };
        for (constraints, said) in [
            (
                json!([with(json!({})), with(json!({}))]),
                "[1].topologyKey: is used twice",
            ),
            (
                json!([with(json!({"minDomains": 1}))]),
                "[0].minDomains: expected nothing unless",
            ),
            (
                json!([with(
                    json!({"minDomains": 0, "whenUnsatisfiable": "DoNotSchedule"})
                )]),
                "[0].minDomains: expected a number from 1",
            ),
            (
                json!([with(json!({"matchLabelKeys": ["a"]}))]),
                "[0].matchLabelKeys: expected nothing without a labelSelector",
            ),
            (
                json!([with(json!({"labelSelector": {}, "matchLabelKeys": ["a b"]}))]),
                "[0].matchLabelKeys[0]: expected a name",
            ),
            (
                json!([with(json!({"nodeAffinityPolicy": "Yes"}))]),
                "[0].nodeAffinityPolicy: expected one of Honor, Ignore",
            ),
            (
                json!([with(json!({"nodeTaintsPolicy": "Yes"}))]),
                "[0].nodeTaintsPolicy: expected one of Honor, Ignore",
            ),
        ] {
            let found = of(constraints.clone());
            assert!(
                found.len() == 1 && found[0].contains(said),
                "{constraints}: {found:#?}"
            );
        }
        // The API server takes a key here that no node can have.
        let right = json!([
            with(json!({"topologyKey": "a b"})),
            with(json!({"whenUnsatisfiable": "DoNotSchedule", "minDomains": 1})),
            with(
                json!({"topologyKey": "host", "labelSelector": {"matchLabels": {"a": "b"}}, "matchLabelKeys": ["a"], "nodeTaintsPolicy": "Honor"})
            ),
        ]);
        assert_eq!(of(right), Vec::<String>::new());
    }

    #[test]
    fn terms_of_pod_affinity_agree_with_themselves() {
        for affinity in ["podAffinity", "podAntiAffinity"] {
            let of = |term: &Value| {
                let required = json!({affinity: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
                let preferred = json!({affinity: {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}]}});
                [required, preferred]
                    .map(|affinity| found(Kind::Pod, &json!({"spec": {"affinity": affinity}})))
            };
            for (term, said) in [
                (json!({"topologyKey": "a b"}), "topologyKey: expected a name"),
                (
                    json!({"labelSelector": {}}),
                    "topologyKey: expected a value, found nothing",
                ),
                (
                    json!({"topologyKey": "a", "namespaces": ["A"]}),
                    "namespaces[0]: expected a lowercase RFC 1123 label",
                ),
                (
                    json!({"topologyKey": "a", "mismatchLabelKeys": ["a"]}),
                    "mismatchLabelKeys: expected nothing without a labelSelector",
                ),
                (
                    json!({"topologyKey": "a", "labelSelector": {}, "matchLabelKeys": ["a b"]}),
                    "matchLabelKeys[0]: expected a name",
                ),
                (
                    json!({"topologyKey": "a", "labelSelector": {}, "matchLabelKeys": ["a"], "mismatchLabelKeys": ["a"]}),
                    "matchLabelKeys[0]: expected a key that is not",
                ),
            ] {
                for found in of(&term) {
                    assert!(found.len() == 1 && found[0].contains(said), "{term}: {found:#?}");
                }
            }
            let right = json!({"topologyKey": "zone", "namespaces": ["a"], "namespaceSelector": {}, "labelSelector": {"matchLabels": {"a": "b"}}, "matchLabelKeys": ["a"]});
            for found in of(&right) {
                assert_eq!(found, Vec::<String>::new());
            }
        }
    }
}
