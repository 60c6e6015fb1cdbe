//! What a driver refuses of dynamic allocation before it makes an executor (Spark's `ExecutorAllocationManager` and
//! `SchedulerBackendUtils`).

use crate::spark::{
    java_double,
    submission::{ConfReader, Refusal},
};

const MIN: &str = "spark.dynamicAllocation.minExecutors";
const MAX: &str = "spark.dynamicAllocation.maxExecutors";
const INITIAL: &str = "spark.dynamicAllocation.initialExecutors";
const INSTANCES: &str = "spark.executor.instances";
const BACKLOG: &str = "spark.dynamicAllocation.schedulerBacklogTimeout";
const SUSTAINED_BACKLOG: &str = "spark.dynamicAllocation.sustainedSchedulerBacklogTimeout";
const RATIO: &str = "spark.dynamicAllocation.executorAllocationRatio";
const TRACKING: &str = "spark.dynamicAllocation.shuffleTracking.enabled";

/// Durations that aren't negative, each with the ms of a bare number.
const NOT_NEGATIVE: [(&str, i64); 3] = [
    ("spark.dynamicAllocation.executorIdleTimeout", 1_000),
    ("spark.dynamicAllocation.cachedExecutorIdleTimeout", 1_000),
    ("spark.dynamicAllocation.shuffleTracking.timeout", 1),
];

/// The plugin for shuffle data that keeps it on the executor.
const LOCAL_SHUFFLE: &str = "org.apache.spark.shuffle.sort.io.LocalDiskShuffleDataIO";

/// What is wrong with the settings of dynamic allocation, where it is enabled.
pub(super) fn check(conf: ConfReader<'_>) -> Vec<Refusal> {
    match conf.boolean("spark.dynamicAllocation.enabled", false) {
        Ok(false) => Vec::new(),
        Ok(true) => [limits(conf), backlog(conf), ratio(conf), shuffle_data(conf)]
            .into_iter()
            .chain(NOT_NEGATIVE.map(|(key, unit)| not_negative(conf, key, unit)))
            .filter_map(Result::err)
            .collect(),
        Err(refusal) => vec![refusal],
    }
}

/// The numbers of executors fit together.
fn limits(conf: ConfReader<'_>) -> Result<(), Refusal> {
    let count = |key: &str| conf.number::<i32>(key, "an integer");
    let min = count(MIN)?.unwrap_or(0);
    let max = count(MAX)?.unwrap_or(i32::MAX);
    for (key, number) in [(MIN, min), (MAX, max)] {
        if number < 0 {
            return Err(conf.wrong(key, &number.to_string(), "an integer from 0"));
        }
    }
    if max == 0 {
        return Err(Refusal::new(MAX, "cannot be 0: there would be no executor"));
    }
    if min > max {
        return Err(above_max(conf, MIN, min, max));
    }
    for key in [INITIAL, INSTANCES] {
        // A wrong number of instances is reported where instances are checked.
        let initial = count(key).or_else(|refusal| match key {
            INSTANCES => Ok(None),
            _ => Err(refusal),
        })?;
        if let Some(initial) = initial.filter(|initial| *initial > max) {
            return Err(above_max(conf, key, initial, max));
        }
    }
    Ok(())
}

fn above_max(conf: ConfReader<'_>, key: &str, number: i32, max: i32) -> Refusal {
    conf.wrong(
        key,
        &number.to_string(),
        &format!(
            "at most {MAX}, which is {max}: the driver ends if its first number of executors is above it"
        ),
    )
}

fn backlog(conf: ConfReader<'_>) -> Result<(), Refusal> {
    for key in [BACKLOG, SUSTAINED_BACKLOG] {
        // Spark counts whole seconds.
        if conf
            .milliseconds(key, 1_000)?
            .is_some_and(|time| time / 1_000 <= 0)
        {
            let value = conf.text(key)?.unwrap_or_default();
            return Err(conf.wrong(key, &value, "a duration of at least 1s"));
        }
    }
    Ok(())
}

fn ratio(conf: ConfReader<'_>) -> Result<(), Refusal> {
    let Some(text) = conf.text(RATIO)? else {
        return Ok(());
    };
    match java_double::parse(&text) {
        Some(ratio) if ratio.is_nan() || (ratio > 0.0 && ratio <= 1.0) => Ok(()),
        _ => Err(conf.wrong(RATIO, &text, "a number above 0 and up to 1")),
    }
}

fn not_negative(conf: ConfReader<'_>, key: &str, unit: i64) -> Result<(), Refusal> {
    if conf.milliseconds(key, unit)?.is_some_and(|time| time < 0) {
        let value = conf.text(key)?.unwrap_or_default();
        return Err(conf.wrong(key, &value, "a duration from 0"));
    }
    Ok(())
}

/// An executor can go only if its shuffle data stays, or somebody knows who needs it.
fn shuffle_data(conf: ConfReader<'_>) -> Result<(), Refusal> {
    if conf.boolean("spark.shuffle.service.enabled", false)? || conf.boolean(TRACKING, true)? {
        return Ok(());
    }
    let decommissions = conf.boolean("spark.decommission.enabled", false)?
        && conf.boolean("spark.storage.decommission.shuffleBlocks.enabled", true)?;
    let plugin = conf.text("spark.shuffle.sort.io.plugin.class")?;
    if decommissions || plugin.is_some_and(|class| class != LOCAL_SHUFFLE) {
        return Ok(());
    }
    Err(Refusal::new(
        TRACKING,
        "Dynamic allocation of executors requires one of the following conditions: 1) enabling external shuffle service \
         through spark.shuffle.service.enabled. 2) enabling shuffle tracking through \
         spark.dynamicAllocation.shuffleTracking.enabled. 3) enabling shuffle blocks decommission through \
         spark.decommission.enabled and spark.storage.decommission.shuffleBlocks.enabled",
    ))
}
