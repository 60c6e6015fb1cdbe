//! The executors' pod template, carried to the driver in a `ConfigMap` (Spark's `PodTemplateConfigMapStep`).

use super::{ExecutorPlan, draft::Draft};
use crate::spark::submission::Refusal;
use serde_json::json;
use std::collections::BTreeMap;

/// The property that names the template's file to the driver.
const PROPERTY: &str = "spark.kubernetes.executor.podTemplateFile";

const KEY: &str = "podspec-configmap-key";
const FILE: &str = "pod-spec-template.yml";
const MOUNT: &str = "/opt/spark/pod-template";

/// Which template a driver with these properties loads.
pub(crate) enum Loaded {
    /// None.
    Nothing,
    /// The one that the `ConfigMap` carries.
    Carried,
    /// A file that is in the driver's image, or mounted by somebody else.
    Elsewhere,
}

/// Which template a driver with `properties` loads.
pub(crate) fn loaded(properties: &BTreeMap<String, String>) -> Loaded {
    match properties.get(PROPERTY) {
        None => Loaded::Nothing,
        Some(path) if *path == format!("{MOUNT}/{FILE}") => Loaded::Carried,
        Some(_) => Loaded::Elsewhere,
    }
}

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
    draft.set_property(PROPERTY, format!("{MOUNT}/{FILE}"));
    draft.executor = Some(ExecutorPlan {
        config_map_name,
        key: KEY.to_owned(),
        metadata: template.metadata.clone(),
        spec: template.spec.clone(),
        other: template.other.clone(),
    });
    Ok(())
}
