//! The Pod of the first executor, out of the objects that the driver will find.

mod check;
mod driver;
mod origin;
mod overwritten;

pub(super) use check::{Checked, check};
pub(super) use overwritten::overwritten;

use crate::{
    finding::{Found, Words, expected, rule},
    limits::Budget,
    spark::{
        plan::{
            DriverPlan, ExecutorPod, ExecutorSource, Loaded, NoExecutorPod, executor_pod as made,
            loaded_executor_template,
        },
        submission::{PodTemplate, Refusal, SparkVersion, UnknownFields, properties},
    },
};
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap};

/// The keys of the driver's `ConfigMap` that are no files of `SPARK_CONF_DIR`.
const NO_CONF_FILES: [&str; 2] = [PROPERTIES, "spark.kubernetes.namespace"];

/// The key of the driver's properties.
const PROPERTIES: &str = "spark.properties";

/// The property that names the template's file to the driver.
const TEMPLATE: &str = "spark.kubernetes.executor.podTemplateFile";

const NOT_FOUND: &str = "isn't where the driver looks for it";

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
    with_template(plan, version, objects, None).map(|(executor, _)| executor)
}

/// The executor Pod, and the template that it is made from, if there is one. `written` is the value of the template where its
/// text is to be written anew; else the text of the `ConfigMap` is read.
fn with_template(
    plan: &DriverPlan,
    version: &SparkVersion,
    objects: &[&Value],
    written: Option<Value>,
) -> Result<(ExecutorPod, Option<PodTemplate>), NoExecutorPod> {
    let data = |name: &str, key: &str| config_map(objects, name)?.get("data")?.get(key)?.as_str();
    let Some(text) = data(&plan.config_map.name, PROPERTIES) else {
        return Err(unknown(PROPERTIES, NOT_FOUND));
    };
    // A template rarely changes them.
    let properties = if plan.config_map.data.get(PROPERTIES).map(String::as_str) == Some(text) {
        Cow::Borrowed(&plan.properties)
    } else {
        Cow::Owned(read_properties(text)?)
    };
    let container = driver_container(plan, objects);
    driver::reads_only(&properties, container)?;
    let template = match (loaded_executor_template(&properties), &plan.executor, written) {
        (Loaded::Nothing, ..) => None,
        (Loaded::Carried, Some(_), Some(value)) => Some(PodTemplate::of_document(
            TEMPLATE,
            value,
            version,
            UnknownFields::Pass,
        )?),
        (Loaded::Carried, Some(executor), None) => {
            let text = data(&executor.config_map_name, &executor.key).filter(|text| !text.is_empty());
            let Some(text) = text else {
                return Err(unknown(TEMPLATE, NOT_FOUND));
            };
            Some(PodTemplate::read_yaml(
                TEMPLATE,
                text,
                version,
                UnknownFields::Pass,
                &mut Budget::of_rendered(),
            )?)
        }
        _ => {
            let said = "names a file that is in the driver's image";
            return Err(unknown(TEMPLATE, said));
        }
    };
    let conf_files: Vec<_> = config_map(objects, &plan.config_map.name)
        .and_then(|object| object.get("data")?.as_object())
        .into_iter()
        .flat_map(|data| data.keys())
        .filter(|key| !NO_CONF_FILES.contains(&key.as_str()))
        .cloned()
        .collect();
    let executor = made(&ExecutorSource {
        properties: &properties,
        template: template.as_ref(),
        version,
        driver_environment: &environment(container),
        conf_files: &conf_files,
    })?;
    Ok((executor, template))
}

fn read_properties(text: &str) -> Result<BTreeMap<String, String>, Refusal> {
    properties::read(text).map_err(|error| {
        let mistake = Words::own(error.to_string());
        let said = expected("properties that the driver can read");
        Refusal::saying(PROPERTIES, said.found(Found::Syntax(mistake, Some(error.line))))
    })
}

fn unknown(subject: &str, said: &'static str) -> NoExecutorPod {
    NoExecutorPod::Unknown(Refusal::saying(subject, rule(said)))
}

fn config_map<'v>(objects: &[&'v Value], name: &str) -> Option<&'v Value> {
    objects
        .iter()
        .find(|object| {
            object["kind"] == "ConfigMap"
                && object["apiVersion"] == "v1"
                && object["metadata"]["name"] == name
        })
        .copied()
}

/// The driver container; null where no object has it.
fn driver_container<'v>(plan: &DriverPlan, objects: &[&'v Value]) -> &'v Value {
    let containers = objects
        .iter()
        .find(|object| object["kind"] == "Pod")
        .and_then(|pod| pod["spec"]["containers"].as_array());
    let mut containers = containers.into_iter().flatten();
    let driver = containers.find(|container| container["name"] == plan.driver.name.as_str());
    driver.unwrap_or(&Value::Null)
}

/// The plain values of the driver container's environment; of one name the last counts.
fn environment(container: &Value) -> BTreeMap<String, String> {
    let entries = container["env"].as_array().into_iter().flatten();
    let plain = entries.filter_map(|entry| {
        let [name, value] = ["name", "value"].map(|field| entry[field].as_str().map(str::to_owned));
        name.zip(value)
    });
    plain.collect()
}
