//! Every object: its namespace, its owners, its name.

use super::{Submitted, Written};
use crate::{
    finding::{Kept, Words, expected, rule},
    kubernetes::{
        Finding, Subject,
        rules::{Kind, Report},
    },
    strict::Problem,
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
            expected(Words::own("the submission's namespace ").value(namespace)).name(found),
        );
    }
    // Kubernetes deletes what has an owner that doesn't exist, so no template may make one up.
    at.each("metadata.ownerReferences[]", &mut |owner| {
        let known = owner.text("uid").is_none_or(|uid| submitted.owners.contains(uid));
        if !known {
            report.wrong(
                &owner,
                "uid",
                expected("an owner of this submission")
                    .advice("owners are set by native-submit, not by templates"),
            );
        }
    });
}

/// No two documents of a kind have the same name.
pub(super) fn unique(submitted: &Submitted<'_>, findings: &mut Kept<Finding>) {
    // The object's name has the kind in it; what are one kind here may be several custom ones.
    let mut earlier: BTreeMap<&Subject, &Written<'_>> = BTreeMap::new();
    for written in submitted.documents {
        let other = *earlier.entry(&written.subject).or_insert(written);
        if let Some(name) = written.name()
            && !std::ptr::eq(other, written)
        {
            let said = expected("a name of its own").name(name);
            let said = said.advice(Words::own(format!("{} writes it too", other.template)));
            let problem = Problem::new("metadata.name", said);
            findings.push(Finding::of(&written.subject, written.template, problem));
        }
    }
}

/// The `PodGroup` has the name that the driver Pod knows it by: without it Volcano never schedules the Pod.
pub(super) fn pod_group(submitted: &Submitted<'_>, findings: &mut Kept<Finding>) {
    if let Some(planned) = &submitted.plan.pod_group
        && submitted.is_unwritten(Kind::PodGroup, &planned.name)
    {
        let said = rule("no template wrote it, and the driver Pod waits for it");
        findings.push(Finding::unwritten("PodGroup", &planned.name, said));
    }
}

pub(super) fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field).and_then(Value::as_str)
}
