//! What Kubernetes would refuse, and what Spark needs: rules over documents as they were written.
//!
//! The rules look at JSON values, not at Kubernetes' types: there a missing field can be told from an empty one,
//! and a document with a wrong type somewhere is still checked everywhere else. What has the wrong type is
//! skipped here, for the strict reading has reported it.
//!
//! The source of the Kubernetes rules is its API server's validation (`pkg/apis/core/validation`, and
//! apimachinery's `validation` for names). An error here is an error there; what is only odd there is a warning.

mod container;
mod files;
mod grammar;
mod metadata;
mod network;
mod one_of;
mod required;
mod scalars;
mod scheduling;
mod spark;
mod storage;
mod table;
mod text;

pub(crate) use spark::{Written, operator_labels_of_executors, what_spark_needs};

use super::{at::At, finding::Finding};

/// Where rules write what they found in one object.
pub(crate) struct Report<'r> {
    /// Kind and name, `Pod/spark-pi-driver`.
    pub(crate) object: &'r str,
    /// The template that wrote the object.
    pub(crate) template: &'r str,
    pub(crate) findings: &'r mut Vec<Finding>,
    pub(crate) warnings: &'r mut Vec<String>,
}

impl Report<'_> {
    /// Something is wrong with the field `field` of `at`; with `at` itself where that is empty.
    pub(crate) fn wrong(&mut self, at: &At<'_, '_>, field: &str, message: impl Into<String>) {
        self.wrong_at(at.path_of(field), message);
    }

    /// Something is wrong at a path.
    pub(crate) fn wrong_at(&mut self, path: String, message: impl Into<String>) {
        self.findings.push(Finding {
            object: self.object.to_owned(),
            path,
            message: message.into(),
            template: self.template.to_owned(),
        });
    }

    /// Something is odd, but Kubernetes takes it.
    pub(crate) fn odd(&mut self, at: &At<'_, '_>, field: &str, message: impl Into<String>) {
        self.warnings.push(
            Finding {
                object: self.object.to_owned(),
                path: at.path_of(field),
                message: message.into(),
                template: self.template.to_owned(),
            }
            .to_string(),
        );
    }
}

/// The kinds that have rules. The executor pod template isn't an object: it has no name, and Spark fills in
/// what is missing, the image above all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Pod,
    ExecutorTemplate,
    Service,
    ConfigMap,
    Secret,
    PersistentVolumeClaim,
    NetworkPolicy,
    PodGroup,
    Ingress,
    PodDisruptionBudget,
    /// A kind of a `CustomResourceDefinition`. It stays the last here.
    Custom,
}

impl Kind {
    /// How many there are.
    const COUNT: usize = Self::Custom as usize + 1;

    fn is_pod(self) -> bool {
        matches!(self, Kind::Pod | Kind::ExecutorTemplate)
    }
}

type Rule = fn(Kind, &At<'_, '_>, &mut Report<'_>);

/// The rules of all kinds; each knows to which kinds it applies.
const RULES: [Rule; 13] = [
    text::no_nul,
    required::required_fields,
    scalars::closed_values,
    one_of::one_of,
    metadata::metadata,
    container::containers,
    storage::volumes,
    storage::references,
    storage::claim,
    scheduling::tolerations,
    scheduling::gates,
    files::config_data,
    network::service,
];

/// Applies Kubernetes' rules to one document.
pub(crate) fn what_kubernetes_refuses(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    for rule in RULES {
        rule(kind, document, report);
    }
}

#[cfg(test)]
mod tests;
