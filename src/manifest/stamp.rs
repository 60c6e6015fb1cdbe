//! The annotations by which a driver Pod says what made it. They are written by code after the templates, so
//! that no template can lose or forge them.

use super::{Identity, Manifest, Object};
use crate::plan::DriverPlan;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::{fmt::Write as _, io};

/// The attempt's id, as its caller gave it.
pub const SUBMISSION_ID: &str = "native-submit/submission-id";
/// The hash of the plan, [`plan_hash`].
pub const PLAN_HASH: &str = "native-submit/plan-hash";
/// The template set and its content hash.
pub const TEMPLATE_SET: &str = "native-submit/template-set";

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
    if let Object::Pod(typed) = &mut pod.object {
        let annotations = typed.metadata.annotations.get_or_insert_default();
        annotations.extend(stamps.map(|(key, value)| (key.to_owned(), value.clone())));
    }
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

/// Identifies the plan: the first 16 hex digits of the SHA-256 of its JSON, without the submit time, which
/// differs each time the same application is submitted.
pub fn plan_hash(plan: &DriverPlan) -> String {
    let mut hash = HashWriter(Sha256::new());
    let written = serde_json::to_value(plan).map(|mut json| {
        forget_submit_time(&mut json);
        serde_json::to_writer(&mut hash, &json)
    });
    debug_assert!(matches!(written, Ok(Ok(()))), "a plan is JSON by construction");
    let mut hex = String::with_capacity(2 * HASH_BYTES);
    for byte in hash.0.finalize().iter().take(HASH_BYTES) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The submit time stands in the properties, and again in the text of `spark.properties`.
fn forget_submit_time(plan: &mut Value) {
    if let Some(Value::Object(properties)) = plan.get_mut("properties") {
        properties.remove(SUBMIT_TIME);
    }
    if let Some(Value::String(text)) = plan.pointer_mut("/config_map/data/spark.properties") {
        let is_submit_time = |line: &str| {
            line.strip_prefix(SUBMIT_TIME)
                .is_some_and(|rest| rest.starts_with('='))
        };
        let kept: String = text
            .split_inclusive('\n')
            .filter(|line| !is_submit_time(line))
            .collect();
        *text = kept;
    }
}

struct HashWriter(Sha256);

impl io::Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::sample;

    #[test]
    fn the_hash_forgets_the_submit_time_and_nothing_else() {
        let plan = sample::plan();
        let hash = plan_hash(&plan);
        assert!(
            hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{hash}"
        );

        let mut later = plan.clone();
        later.properties.insert(SUBMIT_TIME.to_owned(), "2".to_owned());
        let text = later.config_map.data.get_mut("spark.properties").unwrap();
        *text = text.replace("spark.app.submitTime=1\n", "spark.app.submitTime=2\n");
        assert_ne!(plan, later);
        assert_eq!(plan_hash(&later), hash);

        let mut other = plan.clone();
        other
            .properties
            .insert("spark.app.submitTimes".to_owned(), "2".to_owned());
        assert_ne!(plan_hash(&other), hash);
        let mut other = plan;
        other.driver.args.push("2".to_owned());
        assert_ne!(plan_hash(&other), hash);
    }
}
