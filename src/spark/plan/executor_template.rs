//! The executors' pod template, carried to the driver in a `ConfigMap` (Spark's `PodTemplateConfigMapStep`).

use super::{DriverPlan, ExecutorPlan, draft::Draft, executor::DEFAULT_CONTAINER_NAME};
use crate::spark::submission::{ExcludedSteps, PodTemplate, Refusal};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The property that names the template's file to the driver.
const PROPERTY: &str = "spark.kubernetes.executor.podTemplateFile";

/// The conf key that names the container of an executor pod template that Spark runs in.
const CONTAINER_NAME: &str = "spark.kubernetes.executor.podTemplateContainerName";

const KEY: &str = "podspec-configmap-key";
const FILE: &str = "pod-spec-template.yml";
/// Where the driver has the template.
pub(crate) const MOUNT: &str = "/opt/spark/pod-template";

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

/// Refuses an executor pod template that the driver would never see, because the conf excludes this step: what the template says
/// would be lost. A template that the conf names by its path may be in the driver's image too.
pub(super) fn excluded(draft: &Draft<'_>) -> Result<(), Refusal> {
    let named = draft.conf.raw().get(PROPERTY).is_some();
    match &draft.submission.executor_template {
        Some(template) if !named && says_something(template) => Err(refused("the executor pod template")),
        _ => Ok(()),
    }
}

/// Why the step that carries `what` to the driver can't be excluded.
fn refused(what: &str) -> Refusal {
    Refusal::new(
        ExcludedSteps::OF_DRIVER,
        format!("excludes PodTemplateConfigMapStep, without which the driver doesn't get {what}"),
    )
}

/// Refuses a plan that doesn't carry the executor pod template of a template set to the driver.
///
/// # Errors
/// Where the conf excludes the step that does it.
pub(crate) fn carries_executor_template(plan: &DriverPlan) -> Result<(), Refusal> {
    match plan.executor {
        Some(_) => Ok(()),
        None => Err(refused("the executor pod template of the template set")),
    }
}

/// Whether a template has more than the Spark container's name and owners.
fn says_something(template: &PodTemplate) -> bool {
    let more_metadata = template.metadata.keys().any(|field| field != "ownerReferences");
    let more_spec = template.spec.keys().any(|field| field != "containers");
    let containers = template.spec.get("containers").and_then(Value::as_array);
    let more = |container: &Value| {
        container
            .as_object()
            .is_some_and(|container| container.keys().any(|field| field != "name"))
    };
    let many = containers.is_some_and(|containers| containers.len() > 1 || containers.iter().any(more));
    more_metadata || more_spec || many
}

/// The name of the container that Spark runs in: that of the template's container which the conf names, or of its first one.
fn container_name(template: &PodTemplate, wanted: Option<&str>) -> String {
    let containers = template.spec.get("containers").and_then(Value::as_array);
    let names = || {
        let containers = containers.into_iter().flatten();
        containers.map(|container| container.get("name").and_then(Value::as_str))
    };
    let wanted = wanted.filter(|wanted| names().any(|name| name == Some(wanted)));
    let name = wanted.or_else(|| names().next().flatten());
    name.unwrap_or(DEFAULT_CONTAINER_NAME).to_owned()
}

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
    let name = container_name(template, draft.conf.text(CONTAINER_NAME)?.as_deref());
    draft.executor = Some(ExecutorPlan {
        name,
        config_map_name,
        key: KEY.to_owned(),
        metadata: template.metadata.clone(),
        spec: template.spec.clone(),
        other: template.other.clone(),
    });
    Ok(())
}
