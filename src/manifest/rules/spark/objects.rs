//! Every object: its namespace, its owners, its name.

use super::{Submitted, Written};
use crate::{
    manifest::{
        finding::{Finding, object_name},
        rules::{Kind, Report},
    },
    redaction::shown,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What holds for each document by itself.
pub(super) fn each(submitted: &Submitted<'_>, written: &Written<'_>, report: &mut Report<'_>) {
    let at = written.at();
    let namespace = &submitted.plan.application.namespace;
    if let Some(found) = at.text("metadata.namespace")
        && found != namespace
    {
        report.wrong(
            &at,
            "metadata.namespace",
            format!(
                "must be the submission's, {}; found {}",
                shown(namespace),
                shown(found)
            ),
        );
    }
    // Kubernetes deletes what has an owner that doesn't exist, so no template may make one up.
    at.each("metadata.ownerReferences[]", &mut |owner| {
        let known = owner.text("uid").is_none_or(|uid| submitted.owners.contains(uid));
        if !known {
            report.wrong(
                &owner,
                "uid",
                "isn't an owner of this submission; owners are set by native-submit, not by templates",
            );
        }
    });
}

/// No two documents of a kind have the same name.
pub(super) fn unique(submitted: &Submitted<'_>, findings: &mut Vec<Finding>) {
    // The object's name has the kind in it; what are one kind here may be several custom ones.
    let mut earlier: BTreeMap<&str, &Written<'_>> = BTreeMap::new();
    for written in submitted.documents {
        let other = *earlier.entry(&written.object).or_insert(written);
        if let Some(name) = written.name()
            && !std::ptr::eq(other, written)
        {
            findings.push(Finding {
                object: written.object.clone(),
                path: "metadata.name".to_owned(),
                message: format!("is also written by {}: {}", other.template, shown(name)),
                template: written.template.to_owned(),
            });
        }
    }
}

/// The `PodGroup` has the name that the driver Pod knows it by: without it Volcano never schedules the Pod.
pub(super) fn pod_group(submitted: &Submitted<'_>, findings: &mut Vec<Finding>) {
    if let Some(planned) = &submitted.plan.pod_group
        && submitted.find(Kind::PodGroup, &planned.name).is_none()
    {
        findings.push(Finding {
            object: object_name("PodGroup", &planned.name),
            path: String::new(),
            message: "no template wrote it, and the driver Pod waits for it".to_owned(),
            template: String::new(),
        });
    }
}

pub(super) fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field).and_then(Value::as_str)
}
