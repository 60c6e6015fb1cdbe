//! What a driver refuses of its settings before it makes an executor: `SparkConf.validateSettings`, and the checks of
//! the keys that its allocator reads.

use super::{NoExecutorPod, basic::ALLOCATOR, java_options};
use crate::spark::{
    java_double,
    submission::{ConfReader, Feature, Refusal, SparkVersion, wrong},
};

/// How a key's value is checked.
enum Check {
    /// An integer above 0.
    Count,
    /// A duration above so many ms; a bare number counts the second ms.
    Above(i64, i64),
    /// true or false.
    Boolean,
}

/// In which versions of Spark a check is made.
#[derive(Clone, Copy)]
enum Versions {
    All,
    Since(Feature),
    Before(Feature),
}

impl Versions {
    fn have(self, version: &SparkVersion) -> bool {
        match self {
            Self::All => true,
            Self::Since(feature) => version.has(feature),
            Self::Before(feature) => !version.has(feature),
        }
    }
}

/// Who reads a key before there is an executor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Every driver.
    Driver,
    /// The allocator that makes Pods itself.
    Direct,
}

use Reader::{Direct, Driver};
use Versions::{All, Before, Since};

/// The keys that are read before there is an executor, each with its check. What Spark reads later, and then only logs, is not here.
const CHECKS: [(&str, Check, Versions, Reader); 21] = [
    (
        "spark.kubernetes.allocation.batch.size",
        Check::Count,
        All,
        Direct,
    ),
    (
        "spark.kubernetes.allocation.batch.delay",
        Check::Above(0, 1),
        Before(Feature::BatchDelayAboveTenth),
        Direct,
    ),
    (
        "spark.kubernetes.allocation.batch.delay",
        Check::Above(100, 1),
        Since(Feature::BatchDelayAboveTenth),
        Direct,
    ),
    (
        "spark.kubernetes.allocation.executor.timeout",
        Check::Above(0, 1),
        All,
        Direct,
    ),
    (
        "spark.kubernetes.allocation.driver.readinessTimeout",
        Check::Above(0, 1_000),
        All,
        Driver,
    ),
    (
        "spark.kubernetes.allocation.maxPendingPods",
        Check::Count,
        All,
        Direct,
    ),
    (
        "spark.kubernetes.allocation.maxPendingPodsPerRp",
        Check::Count,
        Since(Feature::AllocationMaximum),
        Direct,
    ),
    (
        "spark.kubernetes.allocation.maximum",
        Check::Count,
        Since(Feature::AllocationMaximum),
        Direct,
    ),
    (
        "spark.kubernetes.executor.apiPollingInterval",
        Check::Above(0, 1),
        All,
        Driver,
    ),
    (
        "spark.kubernetes.executor.eventProcessingInterval",
        Check::Above(0, 1),
        All,
        Driver,
    ),
    (
        "spark.kubernetes.executor.terminationGracePeriodSeconds",
        Check::Above(-1, 1_000),
        Since(Feature::ExecutorGracePeriod),
        Driver,
    ),
    (
        "spark.kubernetes.executor.deleteOnTermination",
        Check::Boolean,
        All,
        Direct,
    ),
    (
        "spark.kubernetes.executor.deleteOnTermination",
        Check::Boolean,
        Before(Feature::DeletionReadAtTheEnd),
        Driver,
    ),
    (
        "spark.kubernetes.driver.service.deleteOnTermination",
        Check::Boolean,
        Before(Feature::DeletionReadAtTheEnd),
        Driver,
    ),
    (
        "spark.kubernetes.executor.checkAllContainers",
        Check::Boolean,
        All,
        Driver,
    ),
    (
        "spark.kubernetes.executor.enableApiPolling",
        Check::Boolean,
        All,
        Driver,
    ),
    (
        "spark.kubernetes.executor.enableApiWatcher",
        Check::Boolean,
        All,
        Driver,
    ),
    (
        "spark.kubernetes.driver.ownPersistentVolumeClaim",
        Check::Boolean,
        All,
        Direct,
    ),
    (
        "spark.kubernetes.driver.reusePersistentVolumeClaim",
        Check::Boolean,
        All,
        Direct,
    ),
    (
        "spark.kubernetes.driver.waitToReusePersistentVolumeClaim",
        Check::Boolean,
        All,
        Direct,
    ),
    // The allocator reads it without dynamic allocation, too.
    (
        "spark.dynamicAllocation.executorIdleTimeout",
        Check::Above(-1, 1_000),
        All,
        Direct,
    ),
];

/// Refuses what `SparkConf` refuses, and an allocator that there is none of.
pub(super) fn check(conf: ConfReader<'_>, version: &SparkVersion) -> Result<(), NoExecutorPod> {
    java_options::check(conf, version)?;
    let encrypts = conf.boolean("spark.network.crypto.enabled", false)?
        || conf.boolean("spark.authenticate.enableSaslEncryption", false)?;
    if encrypts && !conf.boolean("spark.authenticate", false)? {
        return Err(NoExecutorPod::Thrown(Refusal::new(
            "spark.authenticate",
            "must be enabled when enabling encryption (spark.network.crypto.enabled, \
             spark.authenticate.enableSaslEncryption)",
        )));
    }
    allocator(conf, version)
}

/// What ends the driver before it has made an executor, though there is nothing wrong with the executor's Pod: the settings of its
/// allocator, and what `SparkConf` holds against each other.
pub(super) fn of_driver(conf: ConfReader<'_>, version: &SparkVersion) -> Vec<Refusal> {
    let direct = conf
        .text(ALLOCATOR)
        .is_ok_and(|name| name.is_none_or(|name| name == "direct"));
    let known = CHECKS
        .iter()
        .filter(|(_, _, versions, reader)| versions.have(version) && (direct || *reader == Driver));
    let checked = known.map(|(key, check, ..)| one(conf, key, check));
    let instances = conf
        .number::<i32>("spark.executor.instances", "an integer")
        .map(|_| ());
    checked
        .chain([instances, heartbeat(conf)])
        .chain(FRACTIONS.map(|key| fraction(conf, key)))
        .filter_map(Result::err)
        .collect()
}

/// Executors are lost before they are late.
fn heartbeat(conf: ConfReader<'_>) -> Result<(), Refusal> {
    const INTERVAL: &str = "spark.executor.heartbeatInterval";
    const TIMEOUT: &str = "spark.network.timeout";
    let interval = conf.milliseconds(INTERVAL, 1)?;
    let timeout = conf.milliseconds(TIMEOUT, 1_000)?;
    // Spark counts the timeout in whole seconds.
    let seconds = timeout.unwrap_or(120_000) / 1_000;
    if seconds.saturating_mul(1_000) > interval.unwrap_or(10_000) {
        return Ok(());
    }
    let key = if interval.is_some() { INTERVAL } else { TIMEOUT };
    Err(Refusal::new(
        key,
        format!(
            "The value of {TIMEOUT}={seconds}s must be greater than the value of {INTERVAL}={}ms.",
            interval.unwrap_or(10_000)
        ),
    ))
}

/// Parts of the memory.
const FRACTIONS: [&str; 2] = ["spark.memory.fraction", "spark.memory.storageFraction"];

/// As `SparkConf.getDouble` reads it, without references.
fn fraction(conf: ConfReader<'_>, key: &str) -> Result<(), Refusal> {
    let Some(text) = conf.raw().get(key) else {
        return Ok(());
    };
    match java_double::parse(text) {
        Some(fraction) if fraction.is_nan() || (0.0..=1.0).contains(&fraction) => Ok(()),
        _ => Err(wrong(key, text, "a number from 0 to 1")),
    }
}

fn one(conf: ConfReader<'_>, key: &str, check: &Check) -> Result<(), Refusal> {
    let (fits, allowed) = match check {
        Check::Boolean => return conf.boolean(key, true).map(|_| ()),
        Check::Count => {
            let allowed = "an integer above 0";
            let count = conf.number::<i32>(key, allowed)?;
            (count.is_none_or(|count| count > 0), allowed.to_owned())
        }
        Check::Above(least, unit) => {
            let time = conf.milliseconds(key, *unit)?;
            let allowed = match least {
                -1 => "a duration from 0".to_owned(),
                least => format!("a duration above {least} ms"),
            };
            (time.is_none_or(|time| time > *least), allowed)
        }
    };
    match conf.text(key)? {
        Some(value) if !fits => Err(conf.wrong(key, &value, &allowed)),
        _ => Ok(()),
    }
}

/// Of an allocator that isn't Spark's nobody but the driver knows what it makes.
fn allocator(conf: ConfReader<'_>, version: &SparkVersion) -> Result<(), NoExecutorPod> {
    let Some(name) = conf.text(ALLOCATOR)? else {
        return Ok(());
    };
    let deployment = version.has(Feature::DeploymentAllocator);
    let mut known = vec!["direct", "statefulset"];
    known.extend(deployment.then_some("deployment"));
    if known.contains(&name.as_str()) {
        return Ok(());
    }
    // Anything else is a class, and a class has a package.
    Err(if name.contains('.') {
        NoExecutorPod::Unknown(Refusal::new(
            ALLOCATOR,
            "names a class that isn't Spark's, which makes the executors",
        ))
    } else {
        let allowed = format!("{}, or the name of a class", known.join(", "));
        NoExecutorPod::Thrown(conf.wrong(ALLOCATOR, &name, &allowed))
    })
}
