//! Volumes and claims.

use super::{Kind, Report};
use crate::{manifest::at::At, redaction::shown};
use serde_json::Value;
use std::collections::BTreeSet;

/// Names are unique, and each volume has one source. Sources that aren't known here count too.
pub(super) fn volumes(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if !kind.is_pod() {
        return;
    }
    let mut names = BTreeSet::new();
    document.each("spec.volumes[]", &mut |volume| {
        if let Some(name) = volume.text("name")
            && !names.insert(name)
        {
            report.wrong(&volume, "name", format!("is used twice, found {}", shown(name)));
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
            [] => report.odd(&volume, "", "has no source: Kubernetes makes it an emptyDir"),
            several => report.wrong(
                &volume,
                "",
                format!(
                    "must have exactly one source, found {}",
                    shown(&several.join(", "))
                ),
            ),
        }
    });
}

/// `ReadWriteOncePod` stands alone (`ValidatePersistentVolumeClaimSpec`).
pub(super) fn claim(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
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
            "ReadWriteOncePod allows no other mode beside it",
        );
    }
}
