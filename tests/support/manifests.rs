//! The manifests of a small submission, made by hand.
#![allow(dead_code)]

use native_submit::{
    kubernetes::ObjectKind,
    manifest::{Identity, Manifest, Manifests},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// The driver Pod's name.
pub(crate) const POD: &str = "pi-driver";
/// The beginning of the Service's name.
pub(crate) const SERVICE: &str = "pi-driver-svc";
/// The beginning of the `ConfigMap`'s name.
pub(crate) const CONFIG_MAP: &str = "pi-conf-map";
/// The beginning of the `PodGroup`'s name.
pub(crate) const POD_GROUP: &str = "pi-podgroup";

/// A submission, with what tests vary. As in real ones, the names of what the Pod owns follow from the
/// submission id.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    id: String,
    namespace: String,
    plan: String,
    template_set: String,
    pod: String,
    owner: String,
    gang: bool,
    every_kind: bool,
}

impl Sample {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            namespace: "ns".to_owned(),
            plan: "plan-1".to_owned(),
            template_set: "default@1".to_owned(),
            pod: POD.to_owned(),
            owner: "app-uid".to_owned(),
            gang: false,
            every_kind: false,
        }
    }

    pub(crate) fn namespace(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.namespace);
        self
    }

    pub(crate) fn plan(mut self, plan: &str) -> Self {
        plan.clone_into(&mut self.plan);
        self
    }

    pub(crate) fn template_set(mut self, set: &str) -> Self {
        set.clone_into(&mut self.template_set);
        self
    }

    pub(crate) fn pod(mut self, pod: &str) -> Self {
        pod.clone_into(&mut self.pod);
        self
    }

    pub(crate) fn owner(mut self, uid: &str) -> Self {
        uid.clone_into(&mut self.owner);
        self
    }

    /// With a `PodGroup`.
    pub(crate) fn gang(mut self) -> Self {
        self.gang = true;
        self
    }

    /// With an object of each kind that a driver Pod can own.
    pub(crate) fn every_kind(mut self) -> Self {
        self.every_kind = true;
        self.gang()
    }

    /// The name of an owned object.
    pub(crate) fn name(&self, prefix: &str) -> String {
        format!("{prefix}-{}", self.id)
    }

    /// What exists when it is applied, in the stand-in's order.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = vec![
            format!("configmaps/{}", self.name(CONFIG_MAP)),
            format!("pods/{}", self.pod),
            format!("services/{}", self.name(SERVICE)),
        ];
        if self.gang {
            names.insert(1, format!("podgroups/{}", self.name(POD_GROUP)));
        }
        if self.every_kind {
            let more = ["networkpolicies", "persistentvolumeclaims", "secrets"];
            names.extend(more.map(|plural| format!("{plural}/{}", self.name("pi"))));
            names.sort();
        }
        names
    }

    pub(crate) fn manifests(&self) -> Arc<Manifests> {
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": self.pod,
                "namespace": self.namespace,
                "labels": {"spark-app-selector": format!("spark-{}", self.id)},
                "annotations": {
                    "native-submit/submission-id": self.id,
                    "native-submit/plan-hash": self.plan,
                    "native-submit/template-set": self.template_set,
                },
                "ownerReferences": [{
                    "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": "pi",
                    "uid": self.owner, "controller": true, "blockOwnerDeletion": true,
                }],
            },
            "spec": {
                "containers": [{"name": "spark-kubernetes-driver", "image": "spark"}],
                "fromTheFuture": true,
            },
        });
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": self.name(SERVICE), "namespace": self.namespace},
            "spec": {"clusterIP": "None"},
        });
        let config_map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": self.name(CONFIG_MAP), "namespace": self.namespace},
            "immutable": true,
            "data": {"spark.properties": "spark.app.name=pi\n"},
        });
        let pod_group = json!({
            "apiVersion": "scheduling.volcano.sh/v1beta1", "kind": "PodGroup",
            "metadata": {"name": self.name(POD_GROUP), "namespace": self.namespace},
            "spec": {"minMember": 1},
        });
        let pod_group = manifest("podgroup-driver", pod_group);
        let mut owned = Vec::from_iter(self.gang.then_some(pod_group));
        owned.extend([
            manifest("service-driver", service),
            manifest("configmap-driver", config_map),
        ]);
        if self.every_kind {
            let more = |api: &str, kind: &str| json!({"apiVersion": api, "kind": kind, "metadata": {"name": self.name("pi"), "namespace": self.namespace}});
            owned.extend([
                manifest("secret", more("v1", "Secret")),
                manifest("claim", more("v1", "PersistentVolumeClaim")),
                manifest("network-policy", more("networking.k8s.io/v1", "NetworkPolicy")),
            ]);
        }
        Arc::new(Manifests {
            identity: Identity {
                namespace: self.namespace.clone(),
                pod_name: self.pod.clone(),
                application_id: format!("spark-{}", self.id),
                application_name: "pi".to_owned(),
                submission_id: self.id.clone(),
                plan_hash: self.plan.clone(),
                template_set: self.template_set.clone(),
            },
            driver_pod: manifest("pod-driver", pod),
            owned,
            warnings: native_submit::finding::Warnings::default(),
            executor: Err(native_submit::templates::NoExecutor(String::new())),
            left_to_webhook: native_submit::spark::submission::LeftToWebhook::Nothing,
        })
    }
}

fn manifest(role: &str, value: Value) -> Manifest {
    Manifest {
        role: role.to_owned(),
        kind: ObjectKind::known(value["kind"].as_str().unwrap()).unwrap(),
        value,
    }
}
