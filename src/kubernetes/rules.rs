//! What Kubernetes would refuse, and what Spark needs: rules over documents as they were written.
//!
//! The rules look at JSON values, not at Kubernetes' types: there a missing field differs from an empty one,
//! and a document with a wrong type somewhere is still checked everywhere else. What has the wrong type is
//! skipped here, for the strict reading has reported it.
//!
//! The source of the Kubernetes rules is its API server's validation (`pkg/apis/core/validation`, and
//! apimachinery's `validation` for names). An error here is an error there; what is only odd there is a warning.

mod container;
mod disruption;
mod files;
mod grammar;
mod metadata;
mod network;
mod one_of;
mod required;
mod scalars;
mod scheduling;
mod selectors;
mod storage;
mod table;
mod text;

pub(crate) use container::A_VOLUME;

use crate::{
    finding::{Kept, Statement},
    kubernetes::{
        at::At,
        finding::{Finding, Subject},
    },
};

pub(crate) use crate::kubernetes::kinds::Kind;

/// Where rules write what they found in one object.
pub(crate) struct Report<'r> {
    /// The object.
    pub(crate) subject: &'r Subject,
    /// The template that wrote the object.
    pub(crate) template: &'r str,
    pub(crate) findings: &'r mut Kept<Finding>,
    pub(crate) warnings: &'r mut Kept<Finding>,
}

impl Report<'_> {
    /// Something is wrong with the field `field` of `at`; with `at` itself where that is empty.
    pub(crate) fn wrong(&mut self, at: &At<'_, '_>, field: &str, said: Statement) {
        self.wrong_at(|| at.path_of(field), said);
    }

    /// Something is wrong at a path, which is only written if the finding is kept.
    pub(crate) fn wrong_at(&mut self, path: impl FnOnce() -> String, said: Statement) {
        let finding = Self::finding(self.subject, self.template, path, said);
        self.findings.push_with(finding);
    }

    /// Something is odd, and not an error.
    pub(crate) fn odd(&mut self, at: &At<'_, '_>, field: &str, said: Statement) {
        let path = || at.path_of(field);
        let finding = Self::finding(self.subject, self.template, path, said);
        self.warnings.push_with(finding);
    }

    fn finding(
        subject: &Subject,
        template: &str,
        path: impl FnOnce() -> String,
        said: Statement,
    ) -> impl FnOnce() -> Finding {
        move || Finding {
            subject: subject.clone(),
            path: path(),
            said,
            template: template.to_owned(),
            in_patch: None,
        }
    }
}

type Rule = fn(Kind, &At<'_, '_>, &mut Report<'_>);

/// The rules of all kinds; each knows to which kinds it applies.
const RULES: [Rule; 19] = [
    text::no_nul,
    required::required_fields,
    scalars::closed_values,
    one_of::one_of,
    metadata::metadata,
    selectors::selectors,
    container::containers,
    storage::volumes,
    storage::references,
    storage::claim,
    scheduling::tolerations,
    scheduling::gates,
    scheduling::spread,
    scheduling::pod_affinity,
    scheduling::dns,
    files::config_data,
    network::service,
    network::policy,
    disruption::budget,
];

/// Applies Kubernetes' rules to one document.
pub(crate) fn what_kubernetes_refuses(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    for rule in RULES {
        rule(kind, document, report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// What is found about a part of a document, and not about what it lacks beside it.
    pub(super) fn found(kind: Kind, document: &Value) -> Vec<String> {
        let beside = all(kind, &json!({"spec": {}}));
        let found = all(kind, document);
        found
            .into_iter()
            .filter(|finding| !beside.contains(finding))
            .collect()
    }

    fn all(kind: Kind, document: &Value) -> Vec<String> {
        let (mut findings, mut warnings) = (Kept::default(), Kept::default());
        let subject = Subject::role("tested");
        let mut report = Report {
            subject: &subject,
            template: "",
            findings: &mut findings,
            warnings: &mut warnings,
        };
        what_kubernetes_refuses(kind, &At::document(document), &mut report);
        findings.iter().map(ToString::to_string).collect()
    }
}
