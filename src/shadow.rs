//! Shadow mode: the real `spark-submit` creates the objects, and what native-submit would have created is compared with them.
//!
//! Both sides are compared as the API server keeps them: theirs is read, ours is sent as a dry run, so that
//! defaults, admission and webhooks are the same on both. Generated names are matched by what
//! refers to them. Only what the driver Pod leads to is seen: there is no right to list.

mod canonical;
mod names;

use crate::{
    cluster::{ApplyError, ClusterSink},
    kubernetes::{Difference, differences},
    manifest::{Manifest, Manifests},
};
use names::NamePairs;
use serde_json::Value;
use std::fmt;

/// What the comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// No difference.
    Equal,
    /// These.
    Different(Vec<ObjectDifference>),
    /// It could not be made.
    Unknown(String),
    /// We would have refused what `spark-submit` took.
    Refused(String),
    /// We would have handed it to the real `spark-submit`.
    HandedOver(String),
    /// `spark-submit` failed with this exit code, and so created nothing to compare with.
    SparkFailed(i32),
}

/// One field that differs. Values may be secrets, and aren't kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectDifference {
    /// The object's kind.
    pub kind: String,
    /// The field.
    pub path: String,
    /// Who has it.
    pub side: Side,
}

/// Who has a field that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Both, with other values.
    Both,
    /// `spark-submit` alone.
    SparkSubmit,
    /// We alone.
    NativeSubmit,
}

impl Comparison {
    /// The result as a metric's label.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Different(_) => "different",
            Self::Unknown(_) => "unknown",
            Self::Refused(_) => "refused",
            Self::HandedOver(_) => "handed-over",
            Self::SparkFailed(_) => "spark-failed",
        }
    }

    /// What there is to say of it, a line each.
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::Equal => Vec::new(),
            Self::Different(found) => found.iter().map(ToString::to_string).collect(),
            Self::Unknown(why) | Self::Refused(why) | Self::HandedOver(why) => vec![why.clone()],
            Self::SparkFailed(code) => vec![format!("spark-submit ended with {code}")],
        }
    }

    /// The kinds of object that differ, once for each field.
    pub fn kinds(&self) -> Vec<&str> {
        match self {
            Self::Different(found) => found.iter().map(|difference| difference.kind.as_str()).collect(),
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for ObjectDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Both => "has another value",
            Side::SparkSubmit => "is spark-submit's alone",
            Side::NativeSubmit => "is native-submit's alone",
        };
        write!(f, "{} {} {side}", self.kind, self.path)
    }
}

/// Holds what we would create against what is on the cluster.
pub async fn compare(manifests: &Manifests, sink: &ClusterSink) -> Comparison {
    match compared(manifests, sink).await {
        Ok(found) if found.is_empty() => Comparison::Equal,
        Ok(mut found) => {
            found.sort();
            Comparison::Different(found)
        }
        Err(error) => Comparison::Unknown(error.to_string()),
    }
}

async fn compared(manifests: &Manifests, sink: &ClusterSink) -> Result<Vec<ObjectDifference>, ApplyError> {
    let identity = &manifests.identity;
    let ours = sink.admitted(&manifests.driver_pod, manifests).await?;
    let theirs = sink
        .live(&manifests.driver_pod, &identity.namespace, &identity.pod_name)
        .await?;
    let Some(theirs) = theirs else {
        return Ok(vec![absent(&manifests.driver_pod)]);
    };
    let mut names = NamePairs::of_pods(&ours, &theirs);
    // The properties name the Service, and the Service's name gives the prefix of all others.
    let mut owned: Vec<&Manifest> = manifests.owned.iter().collect();
    owned.sort_by_key(|manifest| manifest.role != "configmap-driver");
    let mut found = Vec::new();
    let mut pairs = vec![(ours, theirs)];
    for manifest in owned {
        let ours = sink.admitted(manifest, manifests).await?;
        let name = names.theirs(
            ours.pointer("/metadata/name")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        );
        match sink.live(manifest, &identity.namespace, &name).await? {
            None => found.push(absent(manifest)),
            Some(theirs) => {
                names.learn_properties(&ours, &theirs);
                pairs.push((ours, theirs));
            }
        }
    }
    for (ours, theirs) in pairs {
        let kind = ours
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let ours = canonical::canonical(ours);
        let theirs = canonical::canonical(names.in_ours(&theirs));
        let differing = differences(&theirs, &ours).into_iter();
        found.extend(differing.map(|difference| ObjectDifference::new(&kind, difference)));
    }
    Ok(found)
}

/// We would create it, and it isn't there.
fn absent(manifest: &Manifest) -> ObjectDifference {
    let kind = manifest.value.get("kind").and_then(Value::as_str);
    ObjectDifference {
        kind: kind.unwrap_or_default().to_owned(),
        path: format!("({})", manifest.role),
        side: Side::NativeSubmit,
    }
}

impl ObjectDifference {
    fn new(kind: &str, difference: Difference) -> Self {
        let side = match (&difference.left, &difference.right) {
            (Some(_), None) => Side::SparkSubmit,
            (None, _) => Side::NativeSubmit,
            (Some(_), Some(_)) => Side::Both,
        };
        Self {
            kind: kind.to_owned(),
            path: difference.path,
            side,
        }
    }
}
