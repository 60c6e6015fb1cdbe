//! The executors' pod template, carried to the driver in a `ConfigMap` (Spark's `PodTemplateConfigMapStep`).

use super::{ExecutorPlan, draft::Draft};
use crate::spark::submission::Refusal;
use serde_json::json;

const KEY: &str = "podspec-configmap-key";
const FILE: &str = "pod-spec-template.yml";
const MOUNT: &str = "/opt/spark/pod-template";

#[allow(clippy::unnecessary_wraps, reason = "every step has one signature")]
pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let Some(template) = &draft.submission.executor_template else {
        return Ok(());
    };
    let config_map_name = draft.names.object("driver-podspec-conf-map");
    let items = json!([{"key": KEY, "path": FILE}]);
    draft.pod.mount(
        "pod-template-volume",
        MOUNT,
        json!({"configMap": {"name": config_map_name, "items": items}}),
    );
    draft.set_property(
        "spark.kubernetes.executor.podTemplateFile",
        format!("{MOUNT}/{FILE}"),
    );
    draft.executor = Some(ExecutorPlan {
        config_map_name,
        key: KEY.to_owned(),
        metadata: template.metadata.clone(),
        spec: template.spec.clone(),
        other: template.other.clone(),
    });
    Ok(())
}
