//! Where a field of the executor Pod comes from: the conf key, the template, or Spark itself.

use crate::{
    finding::Words,
    spark::{plan::DriverPlan, submission::refers_to_process},
    strict,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A field of the Pod, the conf key that makes it, and the field of a `SparkApplication` that becomes this key. A key that
/// ends with a dot is the beginning of keys, of which the rest is the last part of the path.
struct Source {
    path: &'static str,
    keys: &'static [&'static str],
    field: &'static str,
}

const fn source(path: &'static str, keys: &'static [&'static str], field: &'static str) -> Source {
    Source { path, keys, field }
}

/// Outside the Spark container.
const OF_POD: [Source; 9] = [
    source(
        "metadata.labels",
        &["spark.kubernetes.executor.label."],
        "spec.executor.labels",
    ),
    source(
        "metadata.annotations",
        &["spark.kubernetes.executor.annotation."],
        "spec.executor.annotations",
    ),
    source("metadata.name", &["spark.kubernetes.executor.podNamePrefix"], ""),
    source("spec.hostname", &["spark.kubernetes.executor.podNamePrefix"], ""),
    source(
        "spec.nodeSelector",
        &[
            "spark.kubernetes.executor.node.selector.",
            "spark.kubernetes.node.selector.",
        ],
        "spec.nodeSelector",
    ),
    source(
        "spec.serviceAccount",
        &[
            "spark.kubernetes.authenticate.executor.serviceAccountName",
            "spark.kubernetes.authenticate.driver.serviceAccountName",
        ],
        "spec.executor.serviceAccount",
    ),
    source(
        "spec.schedulerName",
        &[
            "spark.kubernetes.executor.scheduler.name",
            "spark.kubernetes.scheduler.name",
        ],
        "",
    ),
    source(
        "spec.imagePullSecrets",
        &["spark.kubernetes.container.image.pullSecrets"],
        "spec.imagePullSecrets",
    ),
    source(
        "spec.terminationGracePeriodSeconds",
        &["spark.kubernetes.executor.terminationGracePeriodSeconds"],
        "",
    ),
];

/// Below the Spark container.
const OF_CONTAINER: [Source; 8] = [
    source(
        "imagePullPolicy",
        &["spark.kubernetes.container.image.pullPolicy"],
        "spec.imagePullPolicy",
    ),
    source(
        "image",
        &[
            "spark.kubernetes.executor.container.image",
            "spark.kubernetes.container.image",
        ],
        "spec.image",
    ),
    source(
        "resources.requests.cpu",
        &["spark.kubernetes.executor.request.cores", "spark.executor.cores"],
        "spec.executor.coreRequest or spec.executor.cores",
    ),
    source(
        "resources.limits.cpu",
        &["spark.kubernetes.executor.limit.cores"],
        "spec.executor.coreLimit",
    ),
    source(
        "resources.requests.memory",
        &["spark.executor.memory", "spark.executor.memoryOverhead"],
        "spec.executor.memory",
    ),
    source(
        "resources.limits.memory",
        &["spark.executor.memory", "spark.executor.memoryOverhead"],
        "spec.executor.memory",
    ),
    source(
        "ports",
        &["spark.blockManager.port"],
        "Spark's port of the block manager",
    ),
    source(
        "resizePolicy",
        &[],
        "Spark, which adds one for cpu and for memory",
    ),
];

/// Volumes that Spark names itself.
const OWN_VOLUMES: [(&str, &str); 3] = [
    (
        "spark-local-dir-",
        "Spark's local directories (spark.local.dir, SPARK_LOCAL_DIRS)",
    ),
    (
        "spark-conf-volume-exec",
        "Spark itself, which mounts the conf at /opt/spark/conf",
    ),
    ("hadoop-properties", "Spark itself, for Hadoop's configuration"),
];

/// What the executor Pod was made of.
pub(super) struct Origins<'a> {
    properties: &'a BTreeMap<String, String>,
    /// `spec` of the executors' template, after patches.
    template: Option<&'a serde_json::Map<String, Value>>,
    pod: &'a Value,
    /// The path of the Spark container, which is the last.
    container: String,
}

impl<'a> Origins<'a> {
    /// Of the Pod as Spark makes it, and as it is after the webhook if that changes it: the webhook only appends to lists, so the
    /// Spark container keeps its place.
    pub(super) fn new(
        plan: &'a DriverPlan,
        template: Option<&'a serde_json::Map<String, Value>>,
        made: &'a Value,
        finished: Option<&'a Value>,
    ) -> Self {
        let containers = made["spec"]["containers"].as_array().map_or(0, Vec::len);
        Self {
            properties: &plan.properties,
            template,
            pod: finished.unwrap_or(made),
            container: format!("spec.containers[{}].", containers.saturating_sub(1)),
        }
    }

    /// Where the field at `path` comes from, as far as the author can change it.
    pub(super) fn of(&self, path: &str) -> Option<Words> {
        if let Some(below) = path.strip_prefix(&self.container) {
            if let Some((index, _)) = index_of(below, "volumeMounts") {
                let mounts = &self.pod.pointer(&self.pointer("volumeMounts"))?;
                return self.volume(mounts.get(index)?["name"].as_str()?);
            }
            if let Some((index, _)) = index_of(below, "env") {
                let env = &self.pod.pointer(&self.pointer("env"))?;
                return self.variable(env.get(index)?["name"].as_str()?);
            }
            return self.first(&OF_CONTAINER, below);
        }
        if let Some((index, _)) = index_of(path, "spec.volumes") {
            return self.volume(self.pod["spec"]["volumes"].get(index)?["name"].as_str()?);
        }
        self.first(&OF_POD, path)
    }

    /// Whether the driver makes the value at `path` with something of its own process that isn't known here, by a reference in a conf
    /// key that Spark expands.
    pub(super) fn is_completed_by_driver(&self, path: &str) -> bool {
        let source = match path.strip_prefix(&self.container) {
            Some(below) => source_of(&OF_CONTAINER, below),
            None => source_of(&OF_POD, path),
        };
        // Keys that are known by their beginning aren't expanded.
        let is_set = |key: &&str| !key.ends_with('.') && self.properties.contains_key(*key);
        let value = || strict::at(self.pod, path).and_then(Value::as_str);
        source.is_some_and(|source| source.keys.iter().any(is_set)) && value().is_some_and(refers_to_process)
    }

    /// The JSON pointer of a field of the Spark container.
    fn pointer(&self, field: &str) -> String {
        let index = self.container.trim_end_matches("].");
        let index = index.rsplit_once('[').map_or("0", |(_, index)| index);
        format!("/spec/containers/{index}/{field}")
    }

    /// The first source that `path` is of, with the keys of the conf that are set.
    fn first(&self, sources: &[Source], path: &str) -> Option<Words> {
        let source = source_of(sources, path)?;
        let rest = path[source.path.len()..].trim_matches(['.', '[', ']', '"']);
        let set = |key: &&str| -> Option<String> {
            let full = if key.ends_with('.') {
                self.properties
                    .range((*key).to_owned()..)
                    .map_while(|(full, _)| full.starts_with(*key).then_some(full))
                    .find(|full| rest.is_empty() || full[key.len()..].starts_with(rest))?
                    .clone()
            } else {
                (*key).to_owned()
            };
            self.properties.contains_key(&full).then_some(full)
        };
        match (source.keys.iter().find_map(set), source.field) {
            (Some(key), "") => Some(Words::foreign(key)),
            (Some(key), field) => Some(Words::foreign(key).and(format!(" ({field})"))),
            (None, field) if source.keys.is_empty() => Some(field.into()),
            (None, _) => None,
        }
    }

    fn variable(&self, name: &str) -> Option<Words> {
        ["spark.executorEnv.", "spark.kubernetes.executor.secretKeyRef."]
            .iter()
            .map(|prefix| format!("{prefix}{name}"))
            .find(|key| self.properties.contains_key(key))
            .map(Words::foreign)
    }

    /// All that gives the Pod a volume of this name.
    fn volume(&self, name: &str) -> Option<Words> {
        const VOLUMES: &str = "spark.kubernetes.executor.volumes.";
        const SECRETS: &str = "spark.kubernetes.executor.secrets.";
        let mut origins: Vec<Words> = Vec::new();
        let below = |prefix: &'static str| {
            self.properties
                .range(prefix.to_owned()..)
                .map_while(move |(key, _)| key.strip_prefix(prefix))
        };
        for key in below(VOLUMES) {
            let mut parts = key.splitn(3, '.');
            if let (Some(kind), Some(volume)) = (parts.next(), parts.next())
                && volume == name
            {
                let origin = Words::foreign(format!("{VOLUMES}{kind}.{volume}"));
                if !origins.contains(&origin) {
                    origins.push(origin);
                }
            }
        }
        for secret in below(SECRETS) {
            if name.strip_suffix("-volume") == Some(secret) {
                let key = Words::foreign(format!("{SECRETS}{secret}"));
                origins.push(key.and(" (spec.executor.secrets)"));
            }
        }
        for (start, origin) in OWN_VOLUMES {
            if origins.is_empty() && name.starts_with(start) {
                origins.push(origin.into());
            }
        }
        let of_template = self.template.and_then(|spec| spec.get("volumes")?.as_array());
        if of_template
            .into_iter()
            .flatten()
            .any(|volume| volume["name"] == name)
        {
            let volume = Words::own("volume ").value(name);
            origins.push(volume.and(" of the executor pod template (spec.volumes)"));
        }
        origins
            .into_iter()
            .reduce(|all, origin| all.and(" and ").join(origin))
    }
}

/// The first source that `path` is of.
fn source_of<'s>(sources: &'s [Source], path: &str) -> Option<&'s Source> {
    sources.iter().find(|source| path.starts_with(source.path))
}

/// The index behind `list` at the beginning of a path, and what follows it.
fn index_of<'p>(path: &'p str, list: &str) -> Option<(usize, &'p str)> {
    let (index, rest) = path.strip_prefix(list)?.strip_prefix('[')?.split_once(']')?;
    Some((index.parse().ok()?, rest))
}
