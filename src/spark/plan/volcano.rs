//! The driver's gang for Volcano's scheduler (Spark's `VolcanoFeatureStep`, from 4.2).

use super::{PodGroupPlan, draft::Draft};
use crate::{kubernetes::extend, spark::submission::Refusal};

/// The annotation by which Volcano knows a Pod's `PodGroup`.
const GROUP_NAME: &str = "scheduling.k8s.io/group-name";

#[allow(clippy::unnecessary_wraps, reason = "every step has one signature")]
pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let Some(template) = &draft.submission.pod_group else {
        return Ok(());
    };
    let name = format!("{}-podgroup", draft.names.application_id);
    extend(
        &mut draft.pod.metadata,
        "annotations",
        [(GROUP_NAME.to_owned(), name.as_str().into())],
    );
    if template.marks_executors {
        let key = format!("spark.kubernetes.executor.annotation.{GROUP_NAME}");
        draft.properties.insert(key, name.clone());
    }
    draft.pod_group = Some(PodGroupPlan {
        name,
        other_metadata: template.metadata.clone(),
        spec: template.spec.clone(),
        other: template.other.clone(),
    });
    Ok(())
}
