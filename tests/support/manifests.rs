//! The manifests of a small submission, made by hand.
#![allow(dead_code)]

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use native_submit::manifest::{Identity, Manifest, Manifests, Object};
use serde_json::{Value, json};
use std::sync::Arc;

/// The driver Pod's name.
pub(crate) const POD: &str = "pi-driver";
/// The beginning of the Service's name.
pub(crate) const SERVICE: &str = "pi-driver-svc";
/// The beginning of the `ConfigMap`'s name.
pub(crate) const CONFIG_MAP: &str = "pi-conf-map";

/// A submission, with what tests vary. As in real ones, the names of what the Pod owns follow from the
/// submission id.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    id: String,
    plan: String,
    template_set: String,
    pod: String,
    owner: String,
}

impl Sample {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            plan: "plan-1".to_owned(),
            template_set: "default@1".to_owned(),
            pod: POD.to_owned(),
            owner: "app-uid".to_owned(),
        }
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

    /// The name of an owned object.
    pub(crate) fn name(&self, prefix: &str) -> String {
        format!("{prefix}-{}", self.id)
    }

    /// What exists when it is applied, in the stand-in's order.
    pub(crate) fn names(&self) -> Vec<String> {
        vec![
            format!("configmaps/{}", self.name(CONFIG_MAP)),
            format!("pods/{}", self.pod),
            format!("services/{}", self.name(SERVICE)),
        ]
    }

    pub(crate) fn manifests(&self) -> Arc<Manifests> {
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": self.pod,
                "namespace": "ns",
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
            "metadata": {"name": self.name(SERVICE), "namespace": "ns"},
            "spec": {"clusterIP": "None"},
        });
        let config_map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": self.name(CONFIG_MAP), "namespace": "ns"},
            "immutable": true,
            "data": {"spark.properties": "spark.app.name=pi\n"},
        });
        Arc::new(Manifests {
            identity: Identity {
                namespace: "ns".to_owned(),
                pod_name: self.pod.clone(),
                application_id: format!("spark-{}", self.id),
                application_name: "pi".to_owned(),
                submission_id: self.id.clone(),
                plan_hash: self.plan.clone(),
                template_set: self.template_set.clone(),
            },
            driver_pod: manifest("pod-driver", pod, Object::Pod(Pod::default())),
            owned: vec![
                manifest("service-driver", service, Object::Service(Service::default())),
                manifest(
                    "configmap-driver",
                    config_map,
                    Object::ConfigMap(ConfigMap::default()),
                ),
            ],
            warnings: Vec::new(),
        })
    }
}

fn manifest(role: &str, value: Value, object: Object) -> Manifest {
    Manifest {
        role: role.to_owned(),
        value,
        object,
    }
}
