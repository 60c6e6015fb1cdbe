//! A Pod of the driver's name is there already: whose is it, and what follows? Pure; the requests are made
//! elsewhere.

use super::{call::CallName, resource::Target, server_time::ServerTime};
use crate::{
    kubernetes::annotations::{
        CALL_ANNOTATION, OBJECTS_ANNOTATION, PLAN_HASH, SUBMISSION_ID, TEMPLATE_SET, WAITING_LABEL,
    },
    manifest::{Manifests, same_plan},
    operator::labels::SUBMISSION_ID as SUBMISSION_ID_LABEL,
};
use serde_json::{Value, json};

/// Spark's default name of the driver container.
const DRIVER_CONTAINER: &str = "spark-kubernetes-driver";

/// What a found Pod is to this submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// The same submission, plan and template set.
    Same,
    /// The same submission, made by another template set or another release: a duplicate. What it lacks is not ours to
    /// render, because all objects of a submission come from one set.
    SameByOther,
    /// The same submission id on a Pod that native-submit did not make: spark-submit's own. Its other objects
    /// have names of their own, so there is nothing to complete.
    SameBySpark,
    /// The same submission id with another plan.
    Differs,
    /// It is being deleted.
    Ending,
    /// Another submission of the same `SparkApplication`.
    Sibling,
    /// Another submission's, or nobody's.
    Another,
}

/// What a Pod says that it owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listed {
    /// These.
    These(Vec<Target>),
    /// It doesn't say: the cluster sink did not make it.
    Nothing,
    /// It says so in words of another release.
    Unreadable,
}

/// A Pod, or another object, as the API server has it.
#[derive(Debug, Clone)]
pub(crate) struct LiveObject(pub(crate) Value);

impl LiveObject {
    fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer).and_then(Value::as_str)
    }

    pub(crate) fn uid(&self) -> Option<&str> {
        self.text("/metadata/uid")
    }

    pub(crate) fn resource_version(&self) -> Option<&str> {
        self.text("/metadata/resourceVersion")
    }

    pub(crate) fn ending(&self) -> bool {
        self.text("/metadata/deletionTimestamp").is_some()
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get("labels")?.get(key)?.as_str()
    }

    /// By native-submit's annotation, else by the operator's label.
    pub(crate) fn submission_id(&self) -> Option<&str> {
        self.annotation(SUBMISSION_ID)
            .or_else(|| self.label(SUBMISSION_ID_LABEL))
    }

    /// Spark's application id.
    pub(crate) fn application_id(&self) -> Option<&str> {
        self.label("spark-app-selector")
    }

    /// The template set that made it, with its hash.
    pub(crate) fn template_set(&self) -> Option<&str> {
        self.annotation(TEMPLATE_SET)
    }

    /// What names the call that works on it.
    pub(crate) fn call(&self) -> Option<&str> {
        self.annotation(CALL_ANNOTATION)
    }

    /// Whether it is this call's, to complete or to remove.
    pub(crate) fn is_of(&self, call: &CallName) -> bool {
        self.call().is_some_and(|annotation| call.wrote(annotation))
    }

    /// When it was created.
    pub(crate) fn created(&self) -> Option<ServerTime> {
        ServerTime::from_field(self.text("/metadata/creationTimestamp")?)
    }

    /// When a call took it over, if one did.
    pub(crate) fn taken_over(&self) -> Option<ServerTime> {
        ServerTime::from_field(self.call()?.split_once('@')?.1)
    }

    /// What it was to own.
    pub(crate) fn objects(&self, namespace: &str) -> Listed {
        let Some(list) = self.annotation(OBJECTS_ANNOTATION) else {
            return Listed::Nothing;
        };
        let targets: Option<Vec<_>> = list
            .split(',')
            .filter(|item| !item.is_empty())
            .map(|item| Target::owned(item, namespace))
            .collect();
        targets.map_or(Listed::Unreadable, Listed::These)
    }

    fn owners(&self) -> impl Iterator<Item = &Value> {
        self.0
            .pointer("/metadata/ownerReferences")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }

    /// The uid of the `SparkApplication` that controls it.
    pub(crate) fn application_uid(&self) -> Option<&str> {
        let controller = self.controller()?;
        (controller["kind"] == "SparkApplication").then(|| controller["uid"].as_str())?
    }

    fn controller(&self) -> Option<&Value> {
        self.owners()
            .find(|owner| owner.get("controller") == Some(&Value::Bool(true)))
    }

    /// Whether the Pod of this uid is among the owners.
    pub(crate) fn owned_by(&self, pod_uid: &str) -> bool {
        self.owners().any(|owner| owner["uid"] == pod_uid)
    }

    /// Whether any Pod is among the owners.
    pub(crate) fn owned_by_a_pod(&self) -> bool {
        self.owners()
            .any(|owner| owner["apiVersion"] == "v1" && owner["kind"] == "Pod")
    }

    /// Whether its only owner is an earlier Pod of this name. As the name is another Pod's now, that owner is
    /// gone, and the garbage collector will take this object.
    pub(crate) fn left_by_earlier_pod(&self, pod_name: &str, pod_uid: &str) -> bool {
        let mut owners = self.owners();
        let (Some(owner), None) = (owners.next(), owners.next()) else {
            return false;
        };
        owner["apiVersion"] == "v1"
            && owner["kind"] == "Pod"
            && owner["name"] == pod_name
            && owner["uid"] != pod_uid
    }

    /// Whether the driver container has ever run. If it can't be identified, any container counts.
    pub(crate) fn started(&self, driver_container: &str) -> bool {
        let statuses = self
            .0
            .pointer("/status/containerStatuses")
            .and_then(Value::as_array);
        let Some(statuses) = statuses.filter(|statuses| !statuses.is_empty()) else {
            return matches!(self.text("/status/phase"), Some("Running" | "Succeeded"));
        };
        let named = |name: &str| statuses.iter().find(|status| status["name"] == name);
        match named(driver_container).or_else(|| named(DRIVER_CONTAINER)) {
            Some(driver) => has_run(driver),
            None => statuses.iter().any(has_run),
        }
    }
}

fn has_run(status: &Value) -> bool {
    let state = |key: &str, kind: &str| status.get(key).is_some_and(|state| state.get(kind).is_some());
    status["started"] == true
        || status["restartCount"].as_u64().is_some_and(|count| count > 0)
        || state("state", "running")
        || state("state", "terminated")
        || state("lastState", "terminated")
}

/// The name of the driver container: the last one of the Pod, by Spark's rule.
pub(crate) fn driver_container(pod: &Value) -> &str {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    let name = containers.and_then(|containers| containers.last()?.get("name")?.as_str());
    name.unwrap_or(DRIVER_CONTAINER)
}

/// What a found Pod is to the submission of `manifests`.
pub(crate) fn judge(found: &LiveObject, manifests: &Manifests) -> Ownership {
    let wanted = &manifests.identity;
    if found.ending() {
        return Ownership::Ending;
    }
    if found.submission_id() != Some(&wanted.submission_id) {
        let ours = LiveObject(manifests.driver_pod.value.clone());
        return if same_controller(found, &ours) {
            Ownership::Sibling
        } else {
            Ownership::Another
        };
    }
    if found.annotation(SUBMISSION_ID).is_none() {
        return Ownership::SameBySpark;
    }
    match same_plan(found.annotation(PLAN_HASH).unwrap_or_default(), &wanted.plan_hash) {
        Some(false) => Ownership::Differs,
        Some(true) if found.template_set() == Some(&wanted.template_set) => Ownership::Same,
        _ => Ownership::SameByOther,
    }
}

fn same_controller(a: &LiveObject, b: &LiveObject) -> bool {
    a.application_uid().is_some() && a.application_uid() == b.application_uid()
}

/// The driver Pod as it is sent: with the list of what it will own, and the call that makes it.
pub(crate) fn as_sent(pod: &Value, owned: &[Target], call: &CallName) -> Value {
    let list: Vec<_> = owned.iter().map(ToString::to_string).collect();
    let mut pod = pod.clone();
    annotate(&mut pod, OBJECTS_ANNOTATION, &list.join(","));
    annotate(&mut pod, CALL_ANNOTATION, call.as_str());
    pod
}

fn annotate(object: &mut Value, key: &str, value: &str) {
    if let Some(metadata) = map_in(object, "metadata") {
        if !metadata.get("annotations").is_some_and(Value::is_object) {
            metadata["annotations"] = json!({});
        }
        metadata["annotations"][key] = Value::from(value);
    }
}

/// An object as it is sent once its Pod exists. As Spark's `addOwnerReference` does it: the Pod is the
/// controller, there is no `blockOwnerDeletion`, and other owners are replaced.
pub(crate) fn owned_by_pod(object: &Value, pod_name: &str, pod_uid: &str) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = map_in(&mut object, "metadata") {
        metadata["ownerReferences"] = pod_as_owner(pod_name, pod_uid);
    }
    object
}

/// The owner references of what a driver Pod owns.
pub(crate) fn pod_as_owner(pod_name: &str, pod_uid: &str) -> Value {
    json!([{
        "apiVersion": "v1",
        "kind": "Pod",
        "name": pod_name,
        "uid": pod_uid,
        "controller": true,
    }])
}

/// An object as it is sent before its Pod exists: with the Pod's owners, with a label that says so, and with the call that
/// makes it. Should the process die before the Pod is there, it goes with the `SparkApplication`, or when the next attempt
/// finds it by the label.
pub(crate) fn with_owners_of(object: &Value, pod: &Value, call: &CallName) -> Value {
    let mut object = object.clone();
    annotate(&mut object, CALL_ANNOTATION, call.as_str());
    if let Some(owners) = pod.pointer("/metadata/ownerReferences")
        && let Some(metadata) = map_in(&mut object, "metadata")
    {
        metadata["ownerReferences"] = owners.clone();
        if let Some(application) = LiveObject(pod.clone()).application_uid() {
            if !metadata.get("labels").is_some_and(Value::is_object) {
                metadata["labels"] = json!({});
            }
            metadata["labels"][WAITING_LABEL] = Value::from(application);
        }
    }
    object
}

fn map_in<'a>(object: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    object.get_mut(key).filter(|value| value.is_object())
}

#[cfg(test)]
mod tests;
