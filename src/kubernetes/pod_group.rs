//! The type of Volcano's `PodGroup`, which Kubernetes' own types don't have.

use k8s_openapi::apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta};
use serde::{Deserialize, de::IgnoredAny};
use std::collections::BTreeMap;

/// `scheduling.volcano.sh/v1beta1` `PodGroup`, as Volcano documents it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(
    missing_docs,
    dead_code,
    reason = "read for what is wrong with it, not for its values"
)]
pub struct PodGroup {
    api_version: Option<String>,
    kind: Option<String>,
    metadata: Option<ObjectMeta>,
    spec: Option<PodGroupSpec>,
    status: Option<IgnoredAny>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "read for what is wrong with it, not for its values")]
struct PodGroupSpec {
    min_member: Option<i32>,
    min_task_member: Option<BTreeMap<String, i32>>,
    queue: Option<String>,
    priority_class_name: Option<String>,
    min_resources: Option<BTreeMap<String, Quantity>>,
    network_topology: Option<IgnoredAny>,
    sub_group_policy: Option<IgnoredAny>,
}
