//! CPU, memory with overhead, and custom resources of the driver container (Spark's `BasicDriverFeatureStep`).

use super::draft::Draft;
use crate::submission::{Feature, Refusal, extend, wrong};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The least overhead, in MiB, before it became a conf.
const MIN_MEMORY_OVERHEAD: u64 = 384;

/// The driver's memory without overhead, in MiB.
const DEFAULT_MEMORY: u64 = 1024;

/// What a factor may be, for messages.
const FACTOR: &str = "a number above 0, such as 0.1";

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

    let text = |field: &str, value: &str| (field.to_owned(), Value::from(value));
    let mut resources = match draft.pod.container.remove("resources") {
        Some(Value::Object(resources)) => resources,
        _ => Map::new(),
    };
    // A pod template may have quantities as numbers; they are the same quantities as text.
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
    extend(
        &mut resources,
        "requests",
        [text("cpu", &request), text("memory", &memory)],
    );
    let cpu_limit = limit.iter().map(|cores| text("cpu", cores));
    extend(
        &mut resources,
        "limits",
        cpu_limit.chain([text("memory", &memory)]).chain(custom),
    );
    draft
        .pod
        .container
        .insert("resources".to_owned(), resources.into());
    Ok(())
}

/// Memory and overhead together, in MiB.
fn total_memory(draft: &mut Draft<'_>) -> Result<u64, Refusal> {
    let conf = draft.conf;
    let memory = conf.mebibytes("spark.driver.memory")?.unwrap_or(DEFAULT_MEMORY);
    let default_factor = factor(draft, "spark.kubernetes.memoryOverheadFactor", |factor| {
        factor >= 0.0
    })?
    .unwrap_or(if draft.is_jvm() { 0.1 } else { 0.4 });
    let factor =
        factor(draft, "spark.driver.memoryOverheadFactor", |factor| factor > 0.0)?.unwrap_or(default_factor);
    let least = if draft.has(Feature::MinMemoryOverhead) {
        conf.mebibytes("spark.driver.minMemoryOverhead")?
            .unwrap_or(MIN_MEMORY_OVERHEAD)
    } else {
        MIN_MEMORY_OVERHEAD
    };
    // The executors' factor follows from the application's type too, and only the submission knows the type.
    draft.set_property(
        "spark.kubernetes.memoryOverheadFactor",
        java_double(default_factor),
    );
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss
    )]
    let by_factor = (factor * memory as f64) as u64;
    let overhead = conf
        .mebibytes("spark.driver.memoryOverhead")?
        .unwrap_or(by_factor.max(least));
    memory.checked_add(overhead).ok_or_else(|| {
        Refusal::new(
            "spark.driver.memoryOverhead",
            "memory and overhead together are out of range",
        )
    })
}

fn factor(draft: &Draft<'_>, key: &str, allowed: impl Fn(f64) -> bool) -> Result<Option<f64>, Refusal> {
    let Some(factor) = draft.conf.number::<f64>(key, FACTOR)? else {
        return Ok(None);
    };
    if factor.is_finite() && allowed(factor) {
        return Ok(Some(factor));
    }
    Err(wrong(key, &factor.to_string(), FACTOR))
}

/// A double as Java writes it: at least one digit behind the point.
fn java_double(number: f64) -> String {
    format!("{number:?}")
}

/// `spark.driver.resource.<name>.amount` and `.vendor` as limits `<vendor>/<name>`.
fn custom_resources(draft: &Draft<'_>) -> Result<Vec<(String, Value)>, Refusal> {
    const PREFIX: &str = "spark.driver.resource.";
    let conf = draft.conf.raw();
    let mut names = BTreeSet::new();
    for (rest, _) in conf.below(PREFIX) {
        let (name, _) = rest.split_once('.').ok_or_else(|| {
            Refusal::new(
                format!("{PREFIX}{rest}"),
                format!("You must specify an amount config for resource: {rest}"),
            )
        })?;
        names.insert(name.to_owned());
    }
    let mut limits = Vec::new();
    for name in names {
        let key = format!("{PREFIX}{name}.amount");
        let amount = conf
            .get(&key)
            .ok_or_else(|| Refusal::new(key.as_str(), format!("You must specify an amount for {name}")))?;
        let amount: u32 = amount
            .trim()
            .parse()
            .map_err(|_| wrong(&key, amount, "an integer from 0"))?;
        if amount == 0 {
            continue;
        }
        let key = format!("{PREFIX}{name}.vendor");
        let vendor = conf.get(&key).ok_or_else(|| {
            Refusal::new(
                key.as_str(),
                format!(
                    "Resource: {name} was requested, but vendor was not specified; an example is nvidia.com"
                ),
            )
        })?;
        limits.push((format!("{vendor}/{name}"), amount.to_string().into()));
    }
    Ok(limits)
}
