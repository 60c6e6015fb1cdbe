//! Who may reach the executors (Spark's `NetworkPolicyFeatureStep`, from 4.2).

use super::{NetworkPolicyPlan, draft::Draft};
use crate::spark::submission::{Feature, Refusal};
use std::collections::BTreeMap;

#[allow(clippy::unnecessary_wraps, reason = "every step has one signature")]
pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    if !draft.has(Feature::NetworkPolicy) {
        return Ok(());
    }
    let selector = BTreeMap::from([(
        "spark-app-selector".to_owned(),
        draft.names.application_id.clone(),
    )]);
    let mut executors = selector.clone();
    executors.insert("spark-role".to_owned(), "executor".to_owned());
    draft.network_policy = Some(NetworkPolicyPlan {
        name: draft.names.object("policy"),
        labels: selector.clone(),
        pod_selector: executors,
        from_pod_selector: selector,
    });
    Ok(())
}
