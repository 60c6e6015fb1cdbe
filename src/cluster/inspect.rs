//! Reads which objects of a submission the cluster has; changes nothing.

use super::{
    ApplyError, ClusterSink,
    deadline::Deadline,
    live_object::{Listed, LiveObject},
    resource::{self, Target},
};
use crate::manifest::Manifests;
use serde_json::Value;
use std::collections::BTreeMap;

/// A driver Pod as the API server has it.
#[derive(Debug, Clone, PartialEq)]
pub struct LivePod {
    /// The id of the submission that it is of; none on a Pod that nobody submitted.
    pub submission_id: Option<String>,
    /// Whether a `SparkApplication` controls it: then the operator made some objects itself.
    pub of_operator: bool,
    /// The whole object.
    pub value: Value,
}

impl ClusterSink {
    /// Reads a driver Pod; `None` where there is none.
    pub async fn live_pod(&self, namespace: &str, name: &str) -> Result<Option<LivePod>, ApplyError> {
        let target = Target::new(&resource::PODS, namespace, name)?;
        let deadline = Deadline::own(self.shared.settings.deadline);
        let found = self
            .shared
            .requests
            .get(&target, &deadline)
            .await?
            .map(LiveObject);
        Ok(found.map(|found| LivePod {
            submission_id: found.submission_id().map(str::to_owned),
            of_operator: found.application_uid().is_some(),
            value: found.0,
        }))
    }

    /// Reads the objects that `manifests` names, and those that the Pod says it owns; by `configmaps/name`.
    pub async fn live_objects(
        &self,
        manifests: &Manifests,
        pod: Option<&LivePod>,
    ) -> Result<BTreeMap<String, Value>, ApplyError> {
        let namespace = &manifests.identity.namespace;
        let mut targets = Vec::new();
        for manifest in &manifests.owned {
            targets.push(Target::of(manifest, namespace)?);
        }
        if let Some(Listed::These(listed)) = pod.map(|pod| LiveObject(pod.value.clone()).objects(namespace)) {
            for target in listed {
                if !targets.contains(&target) {
                    targets.push(target);
                }
            }
        }
        let deadline = Deadline::own(self.shared.settings.deadline);
        let mut objects = BTreeMap::new();
        if let Some(pod) = pod {
            objects.insert(format!("pods/{}", manifests.identity.pod_name), pod.value.clone());
        }
        for target in targets {
            if let Some(object) = self.shared.requests.get(&target, &deadline).await? {
                objects.insert(target.to_string(), object);
            }
        }
        Ok(objects)
    }

    /// The objects that `manifests` holds, named and namespaced as [`Self::live_objects`] names them.
    pub fn wanted_objects(manifests: &Manifests) -> Result<BTreeMap<String, Value>, ApplyError> {
        let namespace = &manifests.identity.namespace;
        let mut objects = BTreeMap::new();
        for manifest in std::iter::once(&manifests.driver_pod).chain(&manifests.owned) {
            let target = Target::of(manifest, namespace)?;
            let mut value = manifest.value.clone();
            if let Some(Value::Object(metadata)) = value.get_mut("metadata") {
                metadata.insert("namespace".to_owned(), Value::from(namespace.as_str()));
            }
            objects.insert(target.to_string(), value);
        }
        Ok(objects)
    }
}
