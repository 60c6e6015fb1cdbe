//! Volumes and claims.

use super::{Kind, Report, grammar, one_of::names};
use crate::{
    finding::{expected, rule},
    kubernetes::at::At,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// The objects that volumes refer to.
const REFERENCES: [&str; 3] = [
    "spec.volumes[].configMap.name",
    "spec.volumes[].secret.secretName",
    "spec.volumes[].persistentVolumeClaim.claimName",
];

/// Kubernetes takes any name for an object that a volume refers to, and waits for it, for ever if need be.
pub(crate) fn references(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if !kind.is_pod() {
        return;
    }
    for pattern in REFERENCES {
        document.each(pattern, &mut |reference| {
            if let Some(name) = reference.value().as_str()
                && !name.is_empty()
                && grammar::dns_subdomain(name).is_some()
            {
                report.odd(
                    &reference,
                    "",
                    rule("no object can have this name")
                        .name(name)
                        .advice("the Pod will wait for it"),
                );
            }
        });
    }
}

/// Names are unique, and each volume has one source. Sources that aren't known here count too.
pub(crate) fn volumes(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if !kind.is_pod() {
        return;
    }
    let mut seen = BTreeSet::new();
    document.each("spec.volumes[]", &mut |volume| {
        if let Some(name) = volume.text("name")
            && !seen.insert(name)
        {
            report.wrong(&volume, "name", rule("is used twice").name(name));
        }
        let Value::Object(fields) = volume.value() else {
            return;
        };
        let sources: Vec<&str> = fields
            .iter()
            .filter(|(field, value)| *field != "name" && !value.is_null())
            .map(|(field, _)| field.as_str())
            .collect();
        match sources.as_slice() {
            [_] => {}
            [] => report.odd(
                &volume,
                "",
                expected("a source")
                    .nothing()
                    .advice("Kubernetes makes it an emptyDir"),
            ),
            several => report.wrong(&volume, "", expected("exactly one source").shown(&names(several))),
        }
    });
}

/// `ReadWriteOncePod` stands alone (`ValidatePersistentVolumeClaimSpec`).
pub(crate) fn claim(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if kind != Kind::PersistentVolumeClaim {
        return;
    }
    if let Some(Value::Array(modes)) = document.get("spec.accessModes")
        && modes.len() > 1
        && modes.iter().any(|mode| mode == "ReadWriteOncePod")
    {
        report.wrong(
            document,
            "spec.accessModes",
            expected("no other mode beside ReadWriteOncePod"),
        );
    }
}
