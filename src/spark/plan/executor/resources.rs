//! CPU, memory and custom resources of an executor (Spark's `ResourceProfile` of the whole application).

use super::draft::{Draft, ID};
use crate::{
    finding::{Words, expected},
    kubernetes::Quantity,
    spark::{
        plan::resources::{self, factor, product, requested},
        submission::{Feature, Refusal, refers_to_process},
    },
};
use serde_json::Value;

/// The least overhead, in MiB, before it became a conf.
const MIN_MEMORY_OVERHEAD: i64 = 384;

/// An executor's memory without overhead, in MiB.
const DEFAULT_MEMORY: i64 = 1024;

/// The overhead's key, and the one that it had before.
const MEMORY_OVERHEAD: [&str; 2] = [
    "spark.executor.memoryOverhead",
    "spark.yarn.executor.memoryOverhead",
];

const REQUEST_CORES: &str = "spark.kubernetes.executor.request.cores";

const LIMIT_CORES: &str = "spark.kubernetes.executor.limit.cores";

/// The largest power that Java's `BigDecimal.pow` takes.
const MOST_EXPONENT: u64 = 999_999_999;

/// The cores that Spark runs tasks on.
pub(super) fn cores(draft: &Draft<'_>) -> Result<i32, Refusal> {
    let cores = draft.conf.number("spark.executor.cores", "an integer above 0")?;
    Ok(cores.unwrap_or(1))
}

/// The memory of the JVM, in MiB.
pub(super) fn memory(draft: &Draft<'_>) -> Result<i64, Refusal> {
    Ok(size(draft, &["spark.executor.memory"])?.unwrap_or(DEFAULT_MEMORY))
}

/// A size in MiB: one below 0 is read by the conf, and refused by the profile that is made of it.
fn size(draft: &Draft<'_>, keys: &[&str]) -> Result<Option<i64>, Refusal> {
    let size = draft.conf.mebibytes(keys, draft.source.version)?;
    if size.is_some_and(|size| size < 0)
        && let Some((key, value)) = draft.conf.first(keys)?
    {
        return Err(draft.conf.wrong(key, &value, "a size from 0"));
    }
    Ok(size)
}

/// All of an executor's memory, in MiB.
pub(super) fn total_memory(draft: &Draft<'_>) -> Result<i64, Refusal> {
    let conf = draft.conf;
    let memory = memory(draft)?;
    let above_0 = factor(
        conf,
        "spark.executor.memoryOverheadFactor",
        "a number above 0, such as 0.1",
        |factor| factor > 0.0,
    )?;
    let from_0 = factor(
        conf,
        "spark.kubernetes.memoryOverheadFactor",
        "a number from 0, such as 0.1",
        |factor| factor >= 0.0,
    )?;
    let factor = above_0.or(from_0).unwrap_or(0.1);
    let least = if draft.has(Feature::MinMemoryOverhead) {
        // One below 0 is no minimum: no profile is made of it alone.
        let minimum = conf.mebibytes(&["spark.executor.minMemoryOverhead"], draft.source.version)?;
        minimum.unwrap_or(MIN_MEMORY_OVERHEAD)
    } else {
        MIN_MEMORY_OVERHEAD
    };
    let overhead =
        size(draft, &MEMORY_OVERHEAD)?.unwrap_or_else(|| least.max(product(factor, memory).into()));
    let python = size(draft, &["spark.executor.pyspark.memory"])?.unwrap_or(0);
    // The submission writes it, unless the step that does so is excluded.
    let resource_type = conf.one_of("spark.kubernetes.resource.type", &["java", "python", "r"], "java")?;
    let parts = [
        memory,
        overhead,
        off_heap(draft)?,
        if resource_type == "python" { python } else { 0 },
    ];
    parts
        .iter()
        .try_fold(0_i64, |sum, part| sum.checked_add(*part))
        .ok_or_else(|| {
            Refusal::new(
                MEMORY_OVERHEAD[0],
                "memory and overhead together are out of range",
            )
        })
}

/// Memory outside the JVM's heap, in MiB; nothing unless it is enabled.
fn off_heap(draft: &Draft<'_>) -> Result<i64, Refusal> {
    const SIZE: &str = "spark.memory.offHeap.size";
    let bytes = draft.conf.bytes(SIZE, draft.source.version)?.unwrap_or(0);
    if bytes < 0 {
        return Err(Refusal::new(
            SIZE,
            "The off-heap memory size must not be negative",
        ));
    }
    if !draft.conf.boolean("spark.memory.offHeap.enabled", false)? {
        return Ok(0);
    }
    if bytes >> 20 <= 0 {
        return Err(Refusal::new(
            SIZE,
            "must be > 0 when spark.memory.offHeap.enabled == true, in whole MiB",
        ));
    }
    Ok(bytes >> 20)
}

pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let conf = draft.conf;
    let request = match conf.text(REQUEST_CORES)? {
        Some(request) => request,
        None => cores(draft)?.to_string(),
    };
    let memory = format!("{}Mi", total_memory(draft)?);
    let limit = conf.text(LIMIT_CORES)?;
    let mut custom = Vec::new();
    for resource in requested(conf, "spark.executor.resource.")? {
        match resource.name() {
            Ok(name) => custom.push((name, Value::from(resource.amount))),
            Err(refusal) => draft.missing.push(refusal),
        }
    }
    if draft.has(Feature::CpuLimitChecked)
        && let Some(limit) = &limit
    {
        let requested = compared(draft, REQUEST_CORES, &request)?;
        let most = compared(draft, LIMIT_CORES, limit)?;
        if most
            .zip(requested)
            .is_some_and(|(most, requested)| most < requested)
        {
            let allowed = Words::own("no less than the request of an executor, which is ")
                .value(&request)
                .and(" (spark.kubernetes.executor.request.cores, else spark.executor.cores)");
            return Err(Refusal::saying(LIMIT_CORES, expected(allowed).shown(limit)));
        }
    }
    let cpu = (request.as_str(), limit.as_deref());
    resources::set(&mut draft.pod.container, cpu, &memory, custom);
    Ok(())
}

/// A quantity that Spark compares with another. Kubernetes drops blanks around it, and takes an exponent of any size; for Spark it is
/// then no number, and the driver ends. Nothing where the driver's process completes the text, or where Kubernetes reads no
/// quantity either: its rules say so.
fn compared(draft: &Draft<'_>, key: &str, text: &str) -> Result<Option<Quantity>, Refusal> {
    let compared = Quantity::parse(text);
    if compared.is_some() && exponent(text) > MOST_EXPONENT {
        let allowed = "a quantity with an exponent from -999999999 to 999999999";
        return Err(draft.conf.wrong(key, text, allowed));
    }
    if compared.is_some() || refers_to_process(text) || Quantity::parse(text.trim()).is_none() {
        return Ok(compared);
    }
    let allowed = "a quantity such as `500m` or `1.5`, without blanks";
    Err(draft.conf.wrong(key, text, allowed))
}

/// The exponent of a quantity, without its sign; 0 where it has none.
fn exponent(quantity: &str) -> u64 {
    let digits = quantity.split_once(['e', 'E']).map(|(_, exponent)| exponent);
    let exponent = digits.and_then(|digits| digits.parse().ok());
    exponent.map_or(0, i64::unsigned_abs)
}

/// The number that executors take for their cores: in recovery mode one task each.
pub(super) fn cores_for_tasks(draft: &Draft<'_>) -> Result<String, Refusal> {
    let recovers = draft.has(Feature::RecoveryMode)
        && draft
            .conf
            .boolean("spark.kubernetes.allocation.recoveryMode.enabled", false)?;
    if !recovers {
        return Ok(cores(draft)?.to_string());
    }
    let cpus = draft.conf.raw().get("spark.task.cpus").unwrap_or(ID);
    // A fraction is cut off.
    Ok(cpus.split_once('.').map_or(cpus, |(whole, _)| whole).to_owned())
}
