//! The Pod of the first executor, as Spark's driver will make it out of its properties and the executors' pod template
//! (Spark's `KubernetesExecutorBuilder`).
//!
//! The driver makes executors when the submission is long over; but all that it makes them of is written by the submission. So
//! their Pod is known now. What is drawn at random or known on the cluster alone has a [placeholder](DRIVER_IP).

mod basic;
mod draft;
mod dynamic_allocation;
mod environment;
mod java_options;
mod resources;
mod settings;
mod steps;
mod tasks;

pub use draft::{DRIVER_HOST, DRIVER_IP, GENERATED_SECRET, IMAGE_OF_CODE};

pub(super) use basic::DEFAULT_CONTAINER_NAME;

use crate::spark::submission::{
    ConfReader, PodTemplate, Reach, Refusal, SparkConf, SparkVersion, SubmitterContext, refers_to_process,
};
use draft::Draft;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a driver makes executors of.
#[derive(Debug, Clone, Copy)]
pub struct ExecutorSource<'a> {
    /// The driver's properties, as its `spark.properties` has them.
    pub properties: &'a BTreeMap<String, String>,
    /// The executors' pod template; absent where `spark.kubernetes.executor.podTemplateFile` is unset.
    pub template: Option<&'a PodTemplate>,
    /// The version of Spark in the image.
    pub version: &'a SparkVersion,
    /// The environment of the driver container, as far as it has plain values.
    pub driver_environment: &'a BTreeMap<String, String>,
    /// The names of the files beside `spark.properties` in the driver's `SPARK_CONF_DIR`.
    pub conf_files: &'a [String],
}

/// The Pod of executor 1, and what comes with it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutorPod {
    /// The Pod, without owner.
    pub pod: Value,
    /// The `PersistentVolumeClaim`s that the driver makes with it, without owner.
    pub claims: Vec<Value>,
    /// What is missing, and must come from the application's code: without it Spark makes no executor. The Pod has a
    /// placeholder in its place.
    pub missing: Vec<Refusal>,
    /// What such executors lack to do any work, and must come from the application's code. The driver makes them without it.
    pub lacking: Vec<Refusal>,
    /// Why such an executor never runs: it would wait for ever, or the driver ends by its settings before it makes one.
    pub never: Vec<Refusal>,
}

/// Why there is no executor Pod to look at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoExecutorPod {
    /// Spark ends with this error before it makes an executor.
    #[error("{0}")]
    Thrown(Refusal),
    /// Only the driver can know the Pod: a class or a file that is in its image takes part.
    #[error("{0}")]
    Unknown(Refusal),
}

impl From<Refusal> for NoExecutorPod {
    fn from(refusal: Refusal) -> Self {
        Self::Thrown(refusal)
    }
}

/// The Pod that a driver makes of `source` for its executor 1. A pure function.
///
/// # Errors
/// Where Spark itself ends with an error, or the Pod can't be known.
pub fn executor_pod(source: &ExecutorSource<'_>) -> Result<ExecutorPod, NoExecutorPod> {
    let conf: SparkConf = source
        .properties
        .iter()
        .filter(|(key, _)| key.starts_with("spark."))
        // As the driver reads the file: everything around a value is trimmed but the ends of lines.
        .map(|(key, value)| (key.clone(), value.trim_matches(around_a_value).to_owned()))
        .collect();
    // The driver's own process, whose environment `${env:…}` is about.
    let process = SubmitterContext {
        reach: Reach::Process,
        environment: source.driver_environment.clone(),
        ..SubmitterContext::golden()
    };
    let reader = ConfReader::new(&conf, &process);
    made(source, reader).map_err(|error| match error {
        // What the driver's process has for it isn't known: its image has an environment too.
        NoExecutorPod::Thrown(refusal) if is_of_process(reader, &refusal.subject) => {
            NoExecutorPod::Unknown(refusal)
        }
        error => error,
    })
}

/// What Spark trims off a value of a properties file: Java's blanks, control characters included, but for ends of lines.
fn around_a_value(character: char) -> bool {
    character <= ' ' && !matches!(character, '\r' | '\n')
}

fn made(source: &ExecutorSource<'_>, conf: ConfReader<'_>) -> Result<ExecutorPod, NoExecutorPod> {
    settings::check(conf, source.version)?;
    let mut draft = Draft::start(source, conf)?;
    steps::apply(&mut draft)?;
    let tasks = tasks::check(conf, source.version);
    draft.lacking.extend(tasks.lacking);
    let ends = settings::of_driver(conf, source.version).into_iter();
    let ends = ends.chain(tasks.never).chain(dynamic_allocation::check(conf));
    for refusal in ends.filter(|refusal| !is_of_process(conf, &refusal.subject)) {
        // Two who read the same key say the same.
        if !draft.never.contains(&refusal) {
            draft.never.push(refusal);
        }
    }
    Ok(draft.finish())
}

/// Whether the value of `key` is made of what isn't known of the driver's process.
fn is_of_process(conf: ConfReader<'_>, key: &str) -> bool {
    match conf.text(key) {
        Ok(expanded) => expanded.as_deref().is_some_and(refers_to_process),
        Err(_) => conf.raw().get(key).is_some_and(refers_to_process),
    }
}

#[cfg(test)]
mod tests;
