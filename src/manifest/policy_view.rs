//! What policies see: the objects of a submission as they will be.

use super::Manifests;
use crate::{
    spark::{
        plan::{DriverPlan, ResourceType},
        submission::{EntryPoint, NamespaceMetadata},
    },
    strict,
    templates::{Finished, NoExecutor, SubmissionFacts, UnknownNamespace},
};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is known of a submission and stands in no object. It is no part of the plan.
#[derive(Debug, Clone)]
pub struct Beside {
    /// The user who submits.
    pub user: String,
    /// How it came.
    pub entry_point: EntryPoint,
    /// The labels of the `SparkApplication`.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The metadata of the namespace.
    pub namespace: Result<NamespaceMetadata, UnknownNamespace>,
}

/// The objects of a submission as policies see them: the one place that decides it.
pub fn finished(manifests: &Manifests, plan: &DriverPlan, beside: Beside) -> Finished {
    let pods = manifests.finished_pods();
    let driver = in_namespace(&pods.driver, manifests);
    let owned = manifests.owned.iter();
    let owned = owned.map(|manifest| (manifest.role.clone(), in_namespace(&manifest.value, manifests)));
    let executor = manifests.executor.as_ref().map(|executor| executor.pod.clone());
    let executor = executor.map_err(NoExecutor::clone);
    Finished {
        without_webhook: pods.without_webhook.map(str::to_owned),
        unknown_of_driver: unknown(&driver),
        unknown_of_executor: executor.as_ref().map(unknown).unwrap_or_default(),
        executor,
        objects: std::iter::once(("pod-driver".to_owned(), driver))
            .chain(owned)
            .collect(),
        submission: SubmissionFacts {
            namespace: manifests.identity.namespace.clone(),
            name: manifests.identity.application_name.clone(),
            kind: match plan.application.resource_type {
                ResourceType::Java => "Java",
                ResourceType::Python => "Python",
                ResourceType::R => "R",
            }
            .to_owned(),
            spark_version: plan.application.spark_version.clone(),
            user: beside.user,
            entry_point: beside.entry_point.name().to_owned(),
            labels: beside.labels,
            annotations: beside.annotations,
        },
        namespace: beside.namespace,
    }
}

fn in_namespace(value: &Value, manifests: &Manifests) -> Value {
    let mut value = value.clone();
    if let Some(Value::Object(metadata)) = value.get_mut("metadata") {
        metadata.insert(
            "namespace".to_owned(),
            manifests.identity.namespace.as_str().into(),
        );
    }
    value
}

/// Fields that Kubernetes' types here don't have: a newer Kubernetes may heed them.
fn unknown(pod: &Value) -> Vec<String> {
    let reading = strict::check::<Pod>(pod);
    reading.unknown.into_iter().map(|field| field.path).collect()
}
