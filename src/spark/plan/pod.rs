//! The driver pod while it is being planned: Kubernetes' own shapes, as Spark's `SparkPod` holds them.

use super::{ContainerPlan, PodPlan, ResourcesPlan};
use crate::{kubernetes::append, spark::submission::PodTemplate};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A pod and, apart from it, the container that Spark runs in.
#[derive(Debug, Clone, Default)]
pub(super) struct SparkPod {
    pub(super) metadata: Map<String, Value>,
    pub(super) spec: Map<String, Value>,
    pub(super) container: Map<String, Value>,
    pub(super) other: Map<String, Value>,
}

impl SparkPod {
    /// The template with its Spark container taken out: the one with the given name, else the first
    /// (`KubernetesUtils.selectSparkContainer`).
    pub(super) fn from_template(template: &PodTemplate, container_name: Option<&str>) -> Self {
        let mut pod = Self {
            metadata: template.metadata.clone(),
            spec: template.spec.clone(),
            container: Map::new(),
            other: template.other.clone(),
        };
        // It is a Pod, and the API server gives it a status.
        pod.other
            .retain(|field, _| !["apiVersion", "kind", "status"].contains(&field.as_str()));
        let mut containers = take_list(&mut pod.spec, "containers");
        // A name that several have is none to Spark, which then takes the first of all containers.
        let is_named =
            |container: &Value| container_name.is_some() && container["name"].as_str() == container_name;
        let chosen = match containers.iter().filter(|container| is_named(container)).count() {
            1 => containers.iter().position(is_named),
            _ => (!containers.is_empty()).then_some(0),
        };
        if let Some(index) = chosen
            && let Value::Object(container) = containers.remove(index)
        {
            pod.container = container;
        }
        pod.spec.insert("containers".to_owned(), containers.into());
        pod
    }

    /// Adds a volume and its mount in the Spark container.
    pub(super) fn mount(&mut self, name: &str, path: &str, source: Value) {
        self.add_volume(name, source);
        append(
            &mut self.container,
            "volumeMounts",
            [json!({"name": name, "mountPath": path})],
        );
    }

    /// Adds a volume: `source` is what stands beside its name.
    pub(super) fn add_volume(&mut self, name: &str, source: Value) {
        let mut volume = Map::from_iter([("name".to_owned(), Value::from(name))]);
        if let Value::Object(source) = source {
            volume.extend(source);
        }
        append(&mut self.spec, "volumes", [volume.into()]);
    }

    /// Appends an environment variable; of several with one name the last counts.
    pub(super) fn add_env(&mut self, name: &str, value: &str) {
        append(
            &mut self.container,
            "env",
            [json!({"name": name, "value": value})],
        );
    }

    /// Takes the pod apart into what the templates see.
    pub(super) fn into_plans(mut self, pod_name: &str) -> (PodPlan, ContainerPlan) {
        for overwritten in ["name", "namespace"] {
            self.metadata.remove(overwritten);
        }
        // Both fields are there where the conf names the account; a pod template's own stays as it was written.
        let by_conf = self.spec.contains_key("serviceAccountName")
            && self.spec.get("serviceAccountName") == self.spec.get("serviceAccount");
        let service_account = if by_conf {
            self.spec.remove("serviceAccount");
            take_text(&mut self.spec, "serviceAccountName")
        } else {
            None
        };
        let pod = PodPlan {
            name: pod_name.to_owned(),
            labels: take_strings(&mut self.metadata, "labels"),
            annotations: take_strings(&mut self.metadata, "annotations"),
            owner_references: take_list(&mut self.metadata, "ownerReferences"),
            other_metadata: self.metadata,
            restart_policy: take_text(&mut self.spec, "restartPolicy").unwrap_or_default(),
            service_account,
            scheduler_name: take_text(&mut self.spec, "schedulerName"),
            node_selector: take_strings(&mut self.spec, "nodeSelector"),
            image_pull_secrets: take_list(&mut self.spec, "imagePullSecrets"),
            init_containers: take_list(&mut self.spec, "initContainers"),
            sidecars: take_list(&mut self.spec, "containers"),
            volumes: take_list(&mut self.spec, "volumes"),
            other_spec: self.spec,
            other: self.other,
        };
        let mut container = self.container;
        let mut resources = take_map(&mut container, "resources");
        let driver = ContainerPlan {
            name: take_text(&mut container, "name").unwrap_or_default(),
            image: take_text(&mut container, "image").unwrap_or_default(),
            image_pull_policy: take_text(&mut container, "imagePullPolicy").unwrap_or_default(),
            args: take_list(&mut container, "args")
                .into_iter()
                .filter_map(text)
                .collect(),
            env: take_list(&mut container, "env"),
            ports: take_list(&mut container, "ports"),
            volume_mounts: take_list(&mut container, "volumeMounts"),
            resources: ResourcesPlan {
                requests: take_map(&mut resources, "requests").into_iter().collect(),
                limits: take_map(&mut resources, "limits").into_iter().collect(),
                other: resources,
            },
            other: container,
        };
        (pod, driver)
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn take_list(map: &mut Map<String, Value>, field: &str) -> Vec<Value> {
    match map.remove(field) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    }
}

fn take_map(map: &mut Map<String, Value>, field: &str) -> Map<String, Value> {
    match map.remove(field) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn take_text(map: &mut Map<String, Value>, field: &str) -> Option<String> {
    map.remove(field).and_then(text)
}

fn take_strings(map: &mut Map<String, Value>, field: &str) -> BTreeMap<String, String> {
    take_map(map, field)
        .into_iter()
        .filter_map(|(key, value)| Some((key, text(value)?)))
        .collect()
}
