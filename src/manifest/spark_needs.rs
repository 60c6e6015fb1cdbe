//! What Spark needs beyond what Kubernetes asks: what the plan decided and a template may not lose.
//!
//! A template has the last word on the shape, so these rules ask for little: that the driver runs with its
//! arguments and finds its properties, that the executors find the driver, that the operator finds the Pod, and
//! that every object is where and under the name by which others know it.

mod driver;
mod files;
mod objects;
mod operator_labels;
mod service;

pub(crate) use operator_labels::executors as operator_labels_of_executors;

use crate::{
    finding::Kept,
    kubernetes::{
        Finding, Subject,
        at::At,
        rules::{Kind, Report},
    },
    spark::plan::DriverPlan,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a finding expects where the driver container is not there, or has a mount too few: its words begin with these.
pub(crate) const THE_DRIVER_CONTAINER: &str = "the driver container";

/// What a finding expects where arguments of the driver are missing.
pub(crate) const THE_ARGUMENTS: &str = "the arguments of the plan, in the same order";

/// What a finding expects where the driver's Service selects another value of a label than its Pod has: its words begin with these.
pub(crate) const THE_LABEL: &str = "the driver Pod's label";

/// A document as a template wrote it.
pub(crate) struct Written<'w> {
    pub(crate) kind: Kind,
    /// Kind and name, for messages.
    pub(crate) subject: Subject,
    pub(crate) template: &'w str,
    pub(crate) value: &'w Value,
}

impl<'w> Written<'w> {
    fn at(&self) -> At<'w, 'static> {
        At::document(self.value)
    }

    fn name(&self) -> Option<&'w str> {
        self.at().text("metadata.name")
    }

    fn report<'r>(&'r self, findings: &'r mut Kept<Finding>, warnings: &'r mut Kept<Finding>) -> Report<'r> {
        Report {
            subject: &self.subject,
            template: self.template,
            findings,
            warnings,
        }
    }
}

/// All documents of one submission, and the plan that they were written from.
struct Submitted<'w> {
    plan: &'w DriverPlan,
    documents: &'w [Written<'w>],
    /// The kinds of documents that were written, and can't be read or have no name.
    unread: &'w [Kind],
    /// The documents by kind and name; of several the first.
    named: BTreeMap<(Kind, &'w str), &'w Written<'w>>,
    /// The uids of the plan's owners.
    owners: BTreeSet<&'w str>,
}

impl<'w> Submitted<'w> {
    /// Whether no template wrote the document of a kind and name. One that can't be read may be it, and is an error already.
    fn is_unwritten(&self, kind: Kind, name: &str) -> bool {
        self.find(kind, name).is_none() && !self.unread.contains(&kind)
    }

    /// The document of a kind and name.
    fn find(&self, kind: Kind, name: &str) -> Option<&'w Written<'w>> {
        self.named.get(&(kind, name)).copied()
    }
}

/// The kind of the built-in document of a role: `service-driver`.
pub(crate) fn kind_of_role(role: &str) -> Option<Kind> {
    const KINDS: [(&str, Kind); 5] = [
        ("configmap-", Kind::ConfigMap),
        ("persistentvolumeclaim-", Kind::PersistentVolumeClaim),
        ("podgroup-", Kind::PodGroup),
        ("secret-", Kind::Secret),
        ("service-", Kind::Service),
    ];
    let kind = KINDS.iter().find(|(begins, _)| role.starts_with(begins));
    kind.map(|(_, kind)| *kind)
}

/// Applies the rules to all documents of one submission.
pub(crate) fn what_spark_needs(
    plan: &DriverPlan,
    documents: &[Written<'_>],
    unread: &[Kind],
    findings: &mut Kept<Finding>,
    warnings: &mut Kept<Finding>,
) {
    let mut named = BTreeMap::new();
    for written in documents {
        if let Some(name) = written.name() {
            named.entry((written.kind, name)).or_insert(written);
        }
    }
    let owners = plan.pod.owner_references.iter();
    let submitted = Submitted {
        plan,
        documents,
        unread,
        named,
        owners: owners.filter_map(|owner| objects::text(owner, "uid")).collect(),
    };
    for written in documents {
        objects::each(&submitted, written, &mut written.report(findings, warnings));
    }
    objects::unique(&submitted, findings);
    objects::pod_group(&submitted, findings);
    if let Some(pod) = documents.iter().find(|written| written.kind == Kind::Pod) {
        let report = &mut pod.report(findings, warnings);
        driver::pod(plan, &pod.at(), report);
        files::mounts(&submitted, &pod.at(), report);
    }
    files::contents(&submitted, findings);
    service::service(&submitted, findings, warnings);
}
