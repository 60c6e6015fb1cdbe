//! What a driver refuses of what tasks need of an executor, before it makes one (Spark's `ResourceProfile`).

use crate::spark::{
    java_double,
    plan::resources,
    submission::{ConfReader, Feature, Refusal, SparkVersion, wrong},
};
use std::collections::BTreeMap;

const CPUS: &str = "spark.task.cpus";
const CORES: &str = "spark.executor.cores";
const TASK: &str = "spark.task.resource.";
const EXECUTOR: &str = "spark.executor.resource.";

/// What no executor could give to a task, and what only the application's code can add.
#[derive(Default)]
pub(super) struct Needs {
    pub(super) never: Vec<Refusal>,
    pub(super) lacking: Vec<Refusal>,
}

pub(super) fn check(conf: ConfReader<'_>, version: &SparkVersion) -> Needs {
    let mut needs = Needs::default();
    needs.never.extend(cpus(conf, version).err());
    needs.lacking.extend(discovery(conf));
    match resources_of_tasks(conf) {
        Ok(lacking) => needs.lacking.extend(lacking),
        Err(refusal) => needs.never.push(refusal),
    }
    needs
}

fn cpus(conf: ConfReader<'_>, version: &SparkVersion) -> Result<(), Refusal> {
    let Some(text) = conf.text(CPUS)? else {
        return Ok(());
    };
    let (number, allowed) = if version.has(Feature::FractionalTaskCpus) {
        (java_double::parse(&text), "a number above 0")
    } else {
        (text.parse::<i32>().ok().map(f64::from), "an integer above 0")
    };
    let Some(cpus) = number.filter(|cpus| *cpus > 0.0) else {
        return Err(conf.wrong(CPUS, &text, allowed));
    };
    // Errors of the cores themselves are reported elsewhere.
    let cores = conf.number::<i32>(CORES, "an integer");
    let cores = cores.ok().flatten().unwrap_or(1);
    if cpus > f64::from(cores) {
        let allowed = format!("at most the cores of an executor, which are {cores} ({CORES})");
        return Err(conf.wrong(CPUS, &text, &allowed));
    }
    Ok(())
}

/// An executor looks for its own resources when it starts, by a script for each, and ends where it has none.
fn discovery(conf: ConfReader<'_>) -> Vec<Refusal> {
    const PLUGIN: &str = "spark.resources.discoveryPlugin";
    if conf.raw().get(PLUGIN).is_some() {
        return Vec::new();
    }
    let resources = resources::requested(conf, EXECUTOR).unwrap_or_default();
    let script = |word: &str| format!("{EXECUTOR}{word}.discoveryScript");
    let without = resources
        .into_iter()
        .filter(|resource| conf.raw().get(&script(&resource.word)).is_none());
    without
        .map(|resource| {
            let said = format!(
                "User is expecting to use resource: {}, but didn't specify a discovery script!",
                resource.word
            );
            Refusal::new(script(&resource.word), said)
        })
        .collect()
}

/// The resources of tasks that no executor has.
fn resources_of_tasks(conf: ConfReader<'_>) -> Result<Vec<Refusal>, Refusal> {
    let given = resources::requested(conf, EXECUTOR);
    let given = given.into_iter().flatten();
    let given: BTreeMap<_, _> = given
        .filter_map(|resource| Some((resource.word, resource.amount.parse::<i32>().ok()?)))
        .collect();
    let mut lacking = Vec::new();
    for word in resources::words(conf, TASK)? {
        let (key, text) = resources::amount(conf, TASK, &word)?;
        let amount = java_double::parse(text);
        let amount = amount.ok_or_else(|| wrong(&key, text, "a number"))?;
        if amount <= 0.0 {
            continue;
        }
        if amount > 0.5 && amount.fract() != 0.0 {
            return Err(wrong(&key, text, "a whole number, or one up to 0.5"));
        }
        match given.get(&word) {
            Some(given) if f64::from(*given) < amount => {
                let allowed =
                    format!("at most what an executor has, which is {given} ({EXECUTOR}{word}.amount)");
                return Err(wrong(&key, text, &allowed));
            }
            Some(_) => {}
            None => lacking.push(Refusal::new(
                format!("{EXECUTOR}{word}.amount"),
                format!("No executor resource configs were specified for the following task configs: {word}"),
            )),
        }
    }
    Ok(lacking)
}
