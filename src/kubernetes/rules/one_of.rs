//! Fields of which exactly one may be set: sources of environment variables, handlers of probes and hooks.

use super::{
    Kind, Report,
    table::{For, Table},
};
use crate::{finding::expected, kubernetes::at::At};
use serde_json::Value;

/// Of what stands at a pattern, exactly one field may be set; what is named beside it doesn't count.
const ONE_OF: &[(For, &str, &[&str])] =
    &[(For::Pods, "spec.volumes[].downwardAPI.items[]", &["path", "mode"])];

/// The same, below each container.
const ONE_OF_IN_CONTAINER: &[(&str, &[&str])] = &[
    ("env[].valueFrom", &[]),
    ("envFrom[]", &["prefix"]),
    ("lifecycle.postStart|preStop", &[]),
    ("livenessProbe|readinessProbe|startupProbe", PROBE),
];

const PROBE: &[&str] = &[
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
    "terminationGracePeriodSeconds",
];

static FIELDS: Table<&[&str]> = Table::new(ONE_OF, ONE_OF_IN_CONTAINER);

/// Where one field of several has to be set, one is, and only one. Fields that aren't known here count too: a
/// newer Kubernetes may know them.
pub(crate) fn one_of(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    FIELDS.each(kind, document, &mut |at, beside| {
        let Value::Object(fields) = at.value() else { return };
        let set: Vec<&str> = fields
            .iter()
            .filter(|(name, value)| !value.is_null() && !beside.contains(&name.as_str()))
            .map(|(name, _)| name.as_str())
            .collect();
        match set.as_slice() {
            [_] => {}
            [] => report.wrong(at, "", expected("exactly one of its fields").nothing()),
            several => report.wrong(
                at,
                "",
                expected("exactly one of its fields").shown(&names(several)),
            ),
        }
    });
}

/// The first few of these names; more are never shown.
pub(crate) fn names(fields: &[&str]) -> String {
    fields.iter().take(8).copied().collect::<Vec<_>>().join(", ")
}
