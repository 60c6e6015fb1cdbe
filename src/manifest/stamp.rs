//! The annotations by which a driver Pod says what made it. They are written by code after the templates, so
//! that no template can lose or forge them.

use super::{Identity, Manifest};
use crate::{
    hash::hex,
    kubernetes::annotations::{PLAN_HASH, SUBMISSION_ID, TEMPLATE_SET},
    spark::plan::{ApplicationPlan, DriverPlan, ExecutorPlan, ResourceType},
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::{borrow::Cow, collections::BTreeMap};

/// The version of the plan hash's format, of which a hash begins with `v2:`. Hashes of two versions can't be compared.
/// It goes up with each change that gives an unchanged submission another hash: a new field of the plan, or a field that
/// is written in another way. Hashes without a version are of releases before 0.2.0.
const HASH_VERSION: u32 = 2;

/// The conf key that differs each time the same application is submitted.
const SUBMIT_TIME: &str = "spark.app.submitTime";

/// How many bytes of the hash are written, two hex digits each.
const HASH_BYTES: usize = 8;

/// Writes the annotations to the Pod, over what a template may have put there.
pub(crate) fn stamp(pod: &mut Manifest, identity: &Identity) {
    let stamps = [
        (SUBMISSION_ID, &identity.submission_id),
        (PLAN_HASH, &identity.plan_hash),
        (TEMPLATE_SET, &identity.template_set),
    ];
    let annotations = mapping(&mut pod.value).map(|pod| pod.entry("metadata").or_insert(Value::Null));
    let annotations = annotations
        .and_then(mapping)
        .map(|metadata| metadata.entry("annotations").or_insert(Value::Null));
    if let Some(annotations) = annotations.and_then(mapping) {
        annotations.extend(stamps.map(|(key, value)| (key.to_owned(), Value::from(value.as_str()))));
    }
}

/// The mapping that a value is; null is an empty one.
fn mapping(value: &mut Value) -> Option<&mut Map<String, Value>> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

/// Identifies the plan: `v2:` and the first 16 hex digits of the SHA-256 of its JSON, without the submit time, which
/// differs each time the same application is submitted.
///
/// A plan with additions for an admin's templates keeps the hash of the plan without them: servers whose
/// templates differ for a minute know the same submission by the same hash.
pub fn plan_hash(plan: &DriverPlan) -> String {
    if let Some(known) = &plan.known_by {
        return known.clone();
    }
    let json = serde_json::to_vec(&Timeless(plan));
    debug_assert!(json.is_ok(), "a plan is JSON by construction");
    let hash = Sha256::digest(json.unwrap_or_default());
    format!("v{HASH_VERSION}:{}", hex(&hash, HASH_BYTES))
}

/// Whether two plan hashes are of the same plan; `None` where their formats differ, so that nobody can tell.
pub(crate) fn same_plan(a: &str, b: &str) -> Option<bool> {
    let [of_a, of_b] = [a, b].map(|hash| hash.split_once(':').map(|(version, _)| version));
    (of_a == of_b).then(|| a == b)
}

/// A plan without its submit time.
struct Timeless<'p>(&'p DriverPlan);

impl Serialize for Timeless<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Every field is named, so that none that comes is forgotten.
        let DriverPlan {
            context_version,
            application,
            pod,
            driver,
            service,
            config_map,
            properties,
            executor,
            config_maps,
            secrets,
            persistent_volume_claims,
            network_policy,
            pod_group,
            known_by: _,
        } = self.0;
        let config_map = (
            &config_map.role,
            &config_map.name,
            TimelessFiles(&config_map.data),
        );
        let objects = (
            config_maps,
            secrets,
            persistent_volume_claims,
            network_policy,
            pod_group,
        );
        let executor = executor.as_ref().map(HashedExecutor::of);
        let pods = (pod, driver, service, executor);
        (
            context_version,
            HashedApplication::of(application),
            pods,
            config_map,
            TimelessProperties(properties),
            objects,
        )
            .serialize(serializer)
    }
}

/// What of an application decides what it is submitted as. Labels and annotations of the `SparkApplication` may change while it
/// runs, and templates alone see them.
#[derive(Serialize)]
struct HashedApplication<'p> {
    id: &'p str,
    name: &'p str,
    resource_type: ResourceType,
    spark_version: &'p str,
    namespace: &'p str,
    submission_id: &'p str,
}

impl<'p> HashedApplication<'p> {
    fn of(plan: &'p ApplicationPlan) -> Self {
        let ApplicationPlan {
            id,
            name,
            resource_type,
            spark_version,
            namespace,
            submission_id,
            labels: _,
            annotations: _,
        } = plan;
        Self {
            id,
            name,
            resource_type: *resource_type,
            spark_version,
            namespace,
            submission_id,
        }
    }
}

/// An executor pod template without the name that follows from the rest.
#[derive(Serialize)]
struct HashedExecutor<'p> {
    config_map_name: &'p str,
    key: &'p str,
    metadata: &'p Map<String, Value>,
    spec: &'p Map<String, Value>,
    other: &'p Map<String, Value>,
}

impl<'p> HashedExecutor<'p> {
    fn of(plan: &'p ExecutorPlan) -> Self {
        let ExecutorPlan {
            name: _,
            config_map_name,
            key,
            metadata,
            spec,
            other,
        } = plan;
        Self {
            config_map_name,
            key,
            metadata,
            spec,
            other,
        }
    }
}

/// Properties without the one that is the submit time.
struct TimelessProperties<'p>(&'p BTreeMap<String, String>);

impl Serialize for TimelessProperties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter(|(key, _)| *key != SUBMIT_TIME))
    }
}

/// The driver's files, where the submit time is a line of one of them.
struct TimelessFiles<'p>(&'p BTreeMap<String, String>);

impl Serialize for TimelessFiles<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, text)| {
            let text = match name.as_str() {
                "spark.properties" => without_submit_time(text).into(),
                _ => Cow::Borrowed(text.as_str()),
            };
            (name, text)
        }))
    }
}

fn without_submit_time(properties: &str) -> String {
    let is_submit_time = |line: &str| {
        line.strip_prefix(SUBMIT_TIME)
            .is_some_and(|rest| rest.starts_with('='))
    };
    properties
        .split_inclusive('\n')
        .filter(|line| !is_submit_time(line))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::sample;

    #[test]
    fn the_hash_forgets_the_submit_time_and_nothing_else() {
        let plan = sample::plan();
        let hash = plan_hash(&plan);
        let digits = hash.strip_prefix("v2:").unwrap();
        assert!(
            digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{hash}"
        );

        let mut later = plan.clone();
        later.properties.insert(SUBMIT_TIME.to_owned(), "2".to_owned());
        let text = later.config_map.data.get_mut("spark.properties").unwrap();
        *text = text.replace("spark.app.submitTime=1\n", "spark.app.submitTime=2\n");
        assert_ne!(plan, later);
        assert_eq!(plan_hash(&later), hash);

        let mut relabelled = plan.clone();
        relabelled
            .application
            .labels
            .insert("team".to_owned(), "ml".to_owned());
        if let Some(executor) = &mut relabelled.executor {
            executor.name.push('x');
        }
        assert_ne!(plan, relabelled);
        assert_eq!(plan_hash(&relabelled), hash);

        let mut other = plan.clone();
        other
            .properties
            .insert("spark.app.submitTimes".to_owned(), "2".to_owned());
        assert_ne!(plan_hash(&other), hash);
        let mut other = plan;
        other.driver.args.push("2".to_owned());
        assert_ne!(plan_hash(&other), hash);
    }

    #[test]
    fn hashes_of_two_formats_are_not_compared() {
        for (a, b, same) in [
            ("v2:0123", "v2:0123", Some(true)),
            ("v2:0123", "v2:4567", Some(false)),
            ("v3:0123", "v2:4567", None),
            ("v3:0123", "v2:0123", None),
            ("0123", "v2:0123", None),
            ("", "v2:0123", None),
            ("0123", "4567", Some(false)),
        ] {
            assert_eq!(same_plan(a, b), same, "{a} {b}");
        }
    }
}
