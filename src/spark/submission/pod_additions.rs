//! What the operator's mutating webhook adds to a pod, for where that is left to us.

use super::PodDocument;
use crate::{
    kubernetes::{append, extend},
    strict,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Additions to a driver or executor pod, in the webhook's own order of strength: they come after everything
/// that conf and pod template say.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PodAdditions {
    /// Appended to the Spark container's `env`: of entries with one name the last counts, so these win.
    pub env: Vec<Value>,
    /// Appended to the Spark container's `envFrom`.
    pub env_from: Vec<Value>,
    /// Appended to the Spark container's `volumeMounts`.
    pub volume_mounts: Vec<Value>,
    /// Appended to the Spark container's `ports`.
    pub ports: Vec<Value>,
    /// Set in the Spark container's `resources.limits`.
    pub limits: Map<String, Value>,
    /// Fields of the Spark container that are replaced whole.
    pub container: Map<String, Value>,
    /// Appended to the Pod's `volumes`.
    pub volumes: Vec<Value>,
    /// Appended to the Pod's `hostAliases`.
    pub host_aliases: Vec<Value>,
    /// Appended to the Pod's `tolerations`.
    pub tolerations: Vec<Value>,
    /// Appended to the Pod's `initContainers`, unless one of the same name and image is there.
    pub init_containers: Vec<Value>,
    /// Appended to the Pod's `containers`, unless one of the same name and image is there.
    pub sidecars: Vec<Value>,
    /// Merged into the Pod's `nodeSelector`.
    pub node_selector: Map<String, Value>,
    /// Fields of the Pod's spec that are replaced whole.
    pub spec: Map<String, Value>,
    /// The fields among all these that Kubernetes' types don't have, by their path in the Pod without list indices.
    pub unknown_fields: Vec<String>,
}

/// What the operator's webhook will add to the pods of a submission. It is not sent: the webhook adds it on the API server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum LeftToWebhook {
    /// Nothing: there is no webhook, or it doesn't act on these pods.
    #[default]
    Nothing,
    /// These additions.
    Additions(Box<WebhookAdditions>),
    /// It isn't known what, and why not: the webhook has the `SparkApplication`, and this process doesn't.
    Unknown(String),
}

/// The additions to the pods of an application.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WebhookAdditions {
    /// To the driver.
    pub driver: PodAdditions,
    /// To each executor.
    pub executor: PodAdditions,
}

impl std::fmt::Debug for PodAdditions {
    /// Env may be secrets, so only counts are shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PodAdditions")
            .field("env", &self.env.len())
            .field("volumes", &self.volumes.len())
            .field("spec", &self.spec.keys())
            .finish_non_exhaustive()
    }
}

impl PodAdditions {
    /// Adds all to a pod's spec and, apart from it, its Spark container.
    pub fn add_to(&self, spec: &mut Map<String, Value>, container: &mut Map<String, Value>) {
        append(container, "env", self.env.iter().cloned());
        append(container, "envFrom", self.env_from.iter().cloned());
        append(container, "volumeMounts", self.volume_mounts.iter().cloned());
        append(container, "ports", self.ports.iter().cloned());
        container.extend(self.container.clone());
        if !self.limits.is_empty() {
            let mut resources = match container.remove("resources") {
                Some(Value::Object(resources)) => resources,
                _ => Map::new(),
            };
            extend(&mut resources, "limits", self.limits.clone());
            container.insert("resources".to_owned(), resources.into());
        }
        append(spec, "volumes", self.volumes.iter().cloned());
        append(spec, "hostAliases", self.host_aliases.iter().cloned());
        append(spec, "tolerations", self.tolerations.iter().cloned());
        append_new(spec, "initContainers", &self.init_containers);
        append_new(spec, "containers", &self.sidecars);
        extend(spec, "nodeSelector", self.node_selector.clone());
        spec.extend(self.spec.clone());
    }

    /// Lists the unknown fields among the additions.
    pub(crate) fn list_unknown_fields(&mut self) {
        let (mut spec, mut container) = (Map::new(), Map::new());
        self.add_to(&mut spec, &mut container);
        append(&mut spec, "containers", [container.into()]);
        self.unknown_fields = strict::check::<PodDocument>(&json!({ "spec": spec })).generalised();
    }

    /// Adds all to a pod template: to the container that has one of `names`, else to the first. Where there is none yet, the
    /// first of the names is that of a new one, before all sidecars: Spark takes the first for its own.
    pub fn add_to_template(&self, spec: &mut Map<String, Value>, names: &[&str]) {
        let is_named = |container: &Value| {
            container["name"]
                .as_str()
                .is_some_and(|name| names.contains(&name))
        };
        let there = spec.get("containers").and_then(Value::as_array);
        let index = there.and_then(|containers| containers.iter().position(is_named));
        let index = index.unwrap_or(0);
        let taken = spec
            .get_mut("containers")
            .and_then(|containers| containers.get_mut(index))
            .map(Value::take);
        let mut container = match taken {
            Some(Value::Object(container)) => Some(container),
            // The rules name what is no container.
            Some(_) => return,
            None => None,
        };
        let is_new = container.is_none();
        let container = container.get_or_insert_default();
        self.add_to(spec, container);
        let container = std::mem::take(container);
        match spec.get_mut("containers").and_then(Value::as_array_mut) {
            Some(containers) if !is_new => {
                if let Some(slot) = containers.get_mut(index) {
                    *slot = container.into();
                }
            }
            _ if container.is_empty() && self.sidecars.is_empty() => {}
            there => {
                let mut named =
                    Map::from_iter(names.first().map(|name| ("name".to_owned(), Value::from(*name))));
                named.extend(container);
                match there {
                    Some(containers) => containers.insert(0, named.into()),
                    None => drop(spec.insert("containers".to_owned(), json!([named]))),
                }
            }
        }
    }
}

fn append_new(spec: &mut Map<String, Value>, field: &str, containers: &[Value]) {
    for container in containers {
        let there = spec.get(field).and_then(Value::as_array).is_some_and(|list| {
            list.iter()
                .any(|other| other["name"] == container["name"] && other["image"] == container["image"])
        });
        if !there {
            append(spec, field, [container.clone()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_without_a_container_gets_all_of_them_too() {
        let additions = PodAdditions {
            env: vec![json!({"name": "A", "value": "a"})],
            sidecars: vec![json!({"name": "side", "image": "s"})],
            node_selector: Map::from_iter([("disk".to_owned(), "ssd".into())]),
            ..PodAdditions::default()
        };
        for template in [json!({}), json!({"containers": []})] {
            let mut spec = template.as_object().unwrap().clone();
            additions.add_to_template(&mut spec, &["spark", "other"]);
            let expected = json!({
                "containers": [{"name": "spark", "env": [{"name": "A", "value": "a"}]}, {"name": "side", "image": "s"}],
                "nodeSelector": {"disk": "ssd"},
            });
            assert_eq!(Value::from(spec), expected);
        }
        let of_pod = PodAdditions {
            sidecars: Vec::new(),
            env: Vec::new(),
            ..additions
        };
        let mut spec = Map::new();
        of_pod.add_to_template(&mut spec, &["spark"]);
        assert_eq!(Value::from(spec), json!({"nodeSelector": {"disk": "ssd"}}));
    }

    #[test]
    fn additions_come_after_the_template_and_replace_what_the_webhook_replaces() {
        let additions = PodAdditions {
            env: vec![json!({"name": "A", "value": "2"})],
            limits: Map::from_iter([("memory".to_owned(), json!("2Gi"))]),
            sidecars: vec![json!({"name": "s", "image": "i"})],
            spec: Map::from_iter([("affinity".to_owned(), json!({"new": {}}))]),
            ..PodAdditions::default()
        };
        let template = json!({
            "affinity": {"old": {}},
            "containers": [
                {"name": "s", "image": "i"},
                {"name": "spark-kubernetes-executor", "env": [{"name": "A", "value": "1"}]},
            ],
        });
        let Value::Object(mut spec) = template else {
            unreachable!()
        };
        additions.add_to_template(&mut spec, &["executor", "spark-kubernetes-executor"]);
        assert_eq!(
            Value::from(spec),
            json!({
                "affinity": {"new": {}},
                "containers": [
                    {"name": "s", "image": "i"},
                    {
                        "name": "spark-kubernetes-executor",
                        "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
                        "resources": {"limits": {"memory": "2Gi"}},
                    },
                ],
            })
        );
    }
}
