//! The names that each submission makes up: ours follow from the submission id, `spark-submit`'s are random.
//!
//! They are found by what refers to them: volumes of the same name, `spark.driver.host`, the application's label.

use crate::spark::submission::properties;
use serde_json::Value;
use std::collections::BTreeMap;

/// The label with the Spark application id.
const APPLICATION_ID: &str = "/metadata/labels/spark-app-selector";

/// Where a volume names another object of the submission.
const REFERENCES: [&str; 3] = [
    "/configMap/name",
    "/secret/secretName",
    "/persistentVolumeClaim/claimName",
];

/// The hex digits of a resource's name prefix (`KubernetesUtils.uniqueID`).
const DIGITS: usize = 16;

/// What is called how: theirs to ours.
#[derive(Debug, Default)]
pub(super) struct NamePairs(BTreeMap<String, String>);

impl NamePairs {
    /// What the two driver Pods tell.
    pub(super) fn of_pods(ours: &Value, theirs: &Value) -> Self {
        let mut names = Self::default();
        names.pair(text(theirs, APPLICATION_ID), text(ours, APPLICATION_ID));
        for volume in volumes(ours) {
            let same = volumes(theirs).find(|other| other.get("name") == volume.get("name"));
            for reference in REFERENCES {
                names.pair(
                    same.and_then(|same| text(same, reference)),
                    text(volume, reference),
                );
            }
        }
        let (ours, theirs) = (ours.to_string(), theirs.to_string());
        names.pair(local_directories(&theirs), local_directories(&ours));
        names
    }

    /// What the two driver `ConfigMap`s tell, where these are such.
    pub(super) fn learn_properties(&mut self, ours: &Value, theirs: &Value) {
        let service = |object: &Value| {
            let written = object.pointer("/data/spark.properties")?.as_str()?;
            let host = properties::read(written).ok()?.remove("spark.driver.host")?;
            host.split('.').next().map(str::to_owned)
        };
        let (Some(ours), Some(theirs)) = (service(ours), service(theirs)) else {
            return;
        };
        self.pair(digits(&theirs), digits(&ours));
        self.pair(Some(&theirs), Some(&ours));
    }

    fn pair(&mut self, theirs: Option<&str>, ours: Option<&str>) {
        if let (Some(theirs), Some(ours)) = (theirs, ours)
            && theirs != ours
        {
            self.0.insert(theirs.to_owned(), ours.to_owned());
        }
    }

    /// What they call what we call this.
    pub(super) fn theirs(&self, ours: &str) -> String {
        let whole = self.0.iter().find(|(_, name)| *name == ours);
        if let Some((theirs, _)) = whole {
            return theirs.clone();
        }
        self.0
            .iter()
            .filter(|(theirs, _)| theirs.len() == DIGITS)
            .fold(ours.to_owned(), |name, (theirs, ours)| name.replace(ours, theirs))
    }

    /// Their object in our names.
    pub(super) fn in_ours(&self, theirs: &Value) -> Value {
        // The longest first: a name may be part of another.
        let mut pairs: Vec<_> = self.0.iter().collect();
        pairs.sort_by_key(|(theirs, _)| std::cmp::Reverse(theirs.len()));
        let mut object = theirs.clone();
        replace(&mut object, &pairs);
        object
    }
}

fn replace(value: &mut Value, pairs: &[(&String, &String)]) {
    match value {
        Value::String(text) => {
            for (theirs, ours) in pairs
                .iter()
                .filter(|(theirs, _)| text.contains(*theirs))
                .copied()
                .collect::<Vec<_>>()
            {
                *text = text.replace(theirs.as_str(), ours);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, pairs)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, pairs)),
        _ => {}
    }
}

fn volumes(pod: &Value) -> impl Iterator<Item = &Value> {
    pod.pointer("/spec/volumes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}

/// The directory below `/var/data` that is used where none is configured (`LocalDirsFeatureStep`).
fn local_directories(pod: &str) -> Option<&str> {
    const BEFORE: &str = "/var/data/spark-";
    let start = pod.find(BEFORE)? + BEFORE.len();
    pod.get(start..start + 36)
}

/// The made-up digits in a Service's name, `…-<16 digits>-driver-svc`.
fn digits(service: &str) -> Option<&str> {
    let before = service.strip_suffix("-driver-svc")?;
    before.get(before.len().checked_sub(DIGITS)?..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(id: &str, map: &str) -> Value {
        json!({
            "metadata": {"labels": {"spark-app-selector": id}},
            "spec": {"volumes": [{"name": "conf", "configMap": {"name": map}}, {"name": "other"}]},
        })
    }

    fn properties(host: &str) -> Value {
        json!({"data": {"spark.properties": format!("spark.driver.host={host}\n")}})
    }

    #[test]
    fn names_are_paired_by_what_refers_to_them() {
        let mut names = NamePairs::of_pods(
            &pod("spark-1", "ours-conf-map"),
            &pod("spark-22", "theirs-conf-map"),
        );
        names.learn_properties(
            &properties("pi-0123456789abcdef-driver-svc.jobs.svc"),
            &properties("pi-fedcba9876543210-driver-svc.jobs.svc"),
        );
        assert_eq!(names.theirs("ours-conf-map"), "theirs-conf-map");
        assert_eq!(
            names.theirs("pi-0123456789abcdef-driver-svc"),
            "pi-fedcba9876543210-driver-svc"
        );
        assert_eq!(
            names.theirs("pi-0123456789abcdef-policy"),
            "pi-fedcba9876543210-policy"
        );
        assert_eq!(names.theirs("of-both"), "of-both");
        let theirs = json!({"a": ["x spark-22 y"], "b": {"c": "pi-fedcba9876543210-policy"}});
        assert_eq!(
            names.in_ours(&theirs),
            json!({"a": ["x spark-1 y"], "b": {"c": "pi-0123456789abcdef-policy"}})
        );
    }
}
