//! The Pod of the first executor, out of the objects that the driver will find.

mod check;
mod origin;

pub(super) use check::{Found, check};

use crate::{
    plan::{
        DriverPlan, ExecutorPod, ExecutorSource, Loaded, NoExecutorPod, executor_pod as made,
        loaded_executor_template,
    },
    submission::{PodTemplate, Refusal, SparkVersion, UnknownFields, properties},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// The keys of the driver's `ConfigMap` that are no files of `SPARK_CONF_DIR`.
const NO_CONF_FILES: [&str; 2] = ["spark.properties", "spark.kubernetes.namespace"];

/// What the driver of `plan` will make as its executor 1, once it finds these `objects`.
///
/// The objects are taken as templates wrote them: the driver Pod, and the `ConfigMap`s with the properties and the executors'
/// template.
///
/// # Errors
/// Where the driver ends with an error before it makes an executor, or its image takes part.
pub fn executor_pod(
    plan: &DriverPlan,
    version: &SparkVersion,
    objects: &[&Value],
) -> Result<ExecutorPod, NoExecutorPod> {
    let data = |name: &str, key: &str| config_map(objects, name)?.get("data")?.get(key)?.as_str();
    let Some(text) = data(&plan.config_map.name, "spark.properties") else {
        return Err(NoExecutorPod::Unknown(Refusal::new(
            "spark.properties",
            "isn't where the driver looks for it",
        )));
    };
    let properties = properties::read(text)
        .map_err(|error| Refusal::new("spark.properties", format!("the driver can't read it: {error}")))?;
    let template = match (loaded_executor_template(&properties), &plan.executor) {
        (Loaded::Nothing, _) => None,
        (Loaded::Carried, Some(executor)) => {
            let text = data(&executor.config_map_name, &executor.key).filter(|text| !text.is_empty());
            let Some(text) = text else {
                return Err(NoExecutorPod::Unknown(Refusal::new(
                    "executor pod template",
                    "isn't where the driver looks for it",
                )));
            };
            Some(PodTemplate::read_yaml(
                "executor pod template",
                text,
                version,
                UnknownFields::Keep,
            )?)
        }
        _ => {
            return Err(NoExecutorPod::Unknown(Refusal::new(
                "spark.kubernetes.executor.podTemplateFile",
                "names a file that is in the driver's image",
            )));
        }
    };
    let conf_files: Vec<_> = config_map(objects, &plan.config_map.name)
        .and_then(|object| object.get("data")?.as_object())
        .into_iter()
        .flat_map(|data| data.keys())
        .filter(|key| !NO_CONF_FILES.contains(&key.as_str()))
        .cloned()
        .collect();
    made(&ExecutorSource {
        properties: &properties,
        template: template.as_ref(),
        version,
        driver_environment: &environment(plan, objects),
        conf_files: &conf_files,
    })
}

fn config_map<'v>(objects: &[&'v Value], name: &str) -> Option<&'v Value> {
    objects
        .iter()
        .find(|object| object["kind"] == "ConfigMap" && object["metadata"]["name"] == name)
        .copied()
}

/// The plain values of the driver container's environment; of one name the last counts.
fn environment(plan: &DriverPlan, objects: &[&Value]) -> BTreeMap<String, String> {
    let containers = objects
        .iter()
        .find(|object| object["kind"] == "Pod")
        .and_then(|pod| pod["spec"]["containers"].as_array());
    let driver = containers
        .into_iter()
        .flatten()
        .find(|container| container["name"] == plan.driver.name.as_str());
    let entries = driver.and_then(|container| container["env"].as_array());
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry["name"].as_str()?.to_owned(),
                entry["value"].as_str()?.to_owned(),
            ))
        })
        .collect()
}
