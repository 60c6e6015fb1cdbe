//! CPU, memory with overhead, and custom resources of the driver container (Spark's `BasicDriverFeatureStep`).

use super::draft::Draft;
use crate::{
    kubernetes::extend,
    spark::{
        java_double,
        submission::{ConfReader, Feature, Refusal, wrong},
    },
};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The least overhead, in MiB, before it became a conf.
const MIN_MEMORY_OVERHEAD: i64 = 384;

/// The driver's memory without overhead, in MiB.
const DEFAULT_MEMORY: i64 = 1024;

/// The overhead's key, and the one that it had before (`SparkConf.configsWithAlternatives`), which still counts.
const MEMORY_OVERHEAD: [&str; 2] = ["spark.driver.memoryOverhead", "spark.yarn.driver.memoryOverhead"];

pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let conf = draft.conf;
    let cores = conf
        .number::<u32>("spark.driver.cores", "an integer above 0")?
        .unwrap_or(1);
    let request = conf
        .text("spark.kubernetes.driver.request.cores")?
        .unwrap_or_else(|| cores.to_string());
    let limit = conf.text("spark.kubernetes.driver.limit.cores")?;
    let memory = format!("{}Mi", total_memory(draft)?);
    let custom = custom_resources(draft)?;

    let cpu = (request.as_str(), limit.as_deref());
    set(&mut draft.pod.container, cpu, &memory, custom);
    Ok(())
}

/// Gives a container its CPU (request and limit), memory and custom resources; what else its template has stays.
pub(super) fn set(
    container: &mut Map<String, Value>,
    (request, limit): (&str, Option<&str>),
    memory: &str,
    custom: impl IntoIterator<Item = (String, Value)>,
) {
    let text = |field: &str, value: &str| (field.to_owned(), Value::from(value));
    let mut resources = match container.remove("resources") {
        Some(Value::Object(resources)) => resources,
        _ => Map::new(),
    };
    quantities_as_text(&mut resources);
    let requests = [text("cpu", request), text("memory", memory)];
    extend(&mut resources, "requests", requests);
    let cpu_limit = limit.map(|cores| text("cpu", cores)).into_iter();
    let limits = cpu_limit.chain([text("memory", memory)]).chain(custom);
    extend(&mut resources, "limits", limits);
    container.insert("resources".to_owned(), resources.into());
}

/// A pod template may have quantities as numbers; they are the same quantities as text.
pub(super) fn quantities_as_text(resources: &mut Map<String, Value>) {
    for field in ["requests", "limits"] {
        let given = resources.get_mut(field).and_then(Value::as_object_mut);
        for quantity in given
            .into_iter()
            .flat_map(Map::values_mut)
            .filter(|quantity| quantity.is_number())
        {
            *quantity = quantity.to_string().into();
        }
    }
}

/// Memory and overhead together, in MiB.
fn total_memory(draft: &mut Draft<'_>) -> Result<i64, Refusal> {
    let (conf, version) = (draft.conf, &draft.submission.spark_version);
    let memory = conf
        .mebibytes(&["spark.driver.memory"], version)?
        .unwrap_or(DEFAULT_MEMORY);
    let default_factor = factor(
        conf,
        "spark.kubernetes.memoryOverheadFactor",
        "a number from 0, such as 0.1",
        |factor| factor >= 0.0,
    )?
    .unwrap_or(if draft.is_jvm() { 0.1 } else { 0.4 });
    let factor = factor(
        conf,
        "spark.driver.memoryOverheadFactor",
        "a number above 0, such as 0.1",
        |factor| factor > 0.0,
    )?
    .unwrap_or(default_factor);
    let least = if draft.has(Feature::MinMemoryOverhead) {
        conf.mebibytes(&["spark.driver.minMemoryOverhead"], version)?
            .unwrap_or(MIN_MEMORY_OVERHEAD)
    } else {
        MIN_MEMORY_OVERHEAD
    };
    let overhead = conf
        .mebibytes(&MEMORY_OVERHEAD, version)?
        .unwrap_or_else(|| least.max(product(factor, memory).into()));
    // The executors' factor follows from the application's type too, and only the submission knows the type.
    draft.set_property(
        "spark.kubernetes.memoryOverheadFactor",
        java_double::to_text(default_factor),
    );
    memory.checked_add(overhead).ok_or_else(|| {
        Refusal::new(
            "spark.driver.memoryOverhead",
            "memory and overhead together are out of range",
        )
    })
}

/// Of a double to an `Int`, as the JVM does it: the fraction is cut off, what is too large becomes the largest.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
pub(super) fn product(factor: f64, memory: i64) -> i32 {
    (factor * memory as f64) as i32
}

/// A factor of the memory.
pub(super) fn factor(
    conf: ConfReader<'_>,
    key: &str,
    allowed: &str,
    is_allowed: impl Fn(f64) -> bool,
) -> Result<Option<f64>, Refusal> {
    let Some(text) = conf.text(key)? else {
        return Ok(None);
    };
    match java_double::parse(&text).filter(|factor| is_allowed(*factor)) {
        Some(factor) => Ok(Some(factor)),
        None => Err(conf.wrong(key, &text, allowed)),
    }
}

/// `spark.driver.resource.<name>.amount` and `.vendor` as limits `<vendor>/<name>`.
fn custom_resources(draft: &Draft<'_>) -> Result<Vec<(String, Value)>, Refusal> {
    let resources = requested(draft.conf, "spark.driver.resource.")?;
    let limit = |resource: CustomResource| Ok((resource.name()?, resource.amount.into()));
    resources.into_iter().map(limit).collect()
}

/// A resource that the conf asks for, such as a GPU.
pub(super) struct CustomResource {
    /// What stands before `.amount` and `.vendor`.
    key: String,
    /// Its word in the conf, `gpu`.
    pub(super) word: String,
    /// How many, as an integer above 0.
    pub(super) amount: String,
    /// The domain of its name, `nvidia.com`.
    vendor: Option<String>,
}

impl CustomResource {
    /// Its name to Kubernetes, `nvidia.com/gpu`.
    ///
    /// # Errors
    /// Where no vendor is given.
    pub(super) fn name(&self) -> Result<String, Refusal> {
        let vendor = self.vendor.as_ref().ok_or_else(|| {
            Refusal::new(
                format!("{}.vendor", self.key),
                format!(
                    "Resource: {} was requested, but vendor was not specified; an example is nvidia.com",
                    self.word
                ),
            )
        })?;
        Ok(format!("{vendor}/{}", self.word))
    }
}

/// The resources below `prefix` with an amount.
pub(super) fn requested(conf: ConfReader<'_>, prefix: &str) -> Result<Vec<CustomResource>, Refusal> {
    let mut resources = Vec::new();
    for word in words(conf, prefix)? {
        let (key, amount) = amount(conf, prefix, &word)?;
        // Spark reads it without trimming, and drops a resource with the amount 0.
        let amount: i32 = amount.parse().map_err(|_| wrong(&key, amount, "an integer"))?;
        if amount > 0 {
            let key = format!("{prefix}{word}");
            resources.push(CustomResource {
                vendor: conf.raw().get(&format!("{key}.vendor")).map(str::to_owned),
                key,
                word,
                amount: amount.to_string(),
            });
        }
    }
    Ok(resources)
}

/// The words of the resources below `prefix`.
pub(super) fn words(conf: ConfReader<'_>, prefix: &str) -> Result<BTreeSet<String>, Refusal> {
    let mut names = BTreeSet::new();
    for (rest, _) in conf.raw().below(prefix) {
        let (name, _) = rest.split_once('.').ok_or_else(|| {
            Refusal::new(
                format!("{prefix}{rest}"),
                format!("You must specify an amount config for resource: {rest}"),
            )
        })?;
        names.insert(name.to_owned());
    }
    Ok(names)
}

/// The key of a resource's amount, and the amount as it is written.
pub(super) fn amount<'c>(
    conf: ConfReader<'c>,
    prefix: &str,
    word: &str,
) -> Result<(String, &'c str), Refusal> {
    let key = format!("{prefix}{word}.amount");
    match conf.raw().get(&key) {
        Some(amount) => Ok((key, amount)),
        None => Err(Refusal::new(
            key,
            format!("You must specify an amount for {word}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::product;

    #[test]
    fn a_product_is_cut_to_an_int_as_the_jvm_cuts_it() {
        for (factor, memory, expected) in [
            (0.4, 1024, 409),
            (0.0, 1024, 0),
            (1e10, 4096, i32::MAX),
            (f64::INFINITY, 1, i32::MAX),
            (f64::INFINITY, 0, 0),
            (0.1, -4096, -409),
        ] {
            assert_eq!(product(factor, memory), expected, "{factor} * {memory}");
        }
    }
}
