//! The control plane of `tests/e2e/up`: a real API server, as its admin sees it.
// Each test uses a part of it; and clippy sees that code is a test's only inside #[test].
#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
    core::Status,
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How long the garbage collector and the like may take. They take a second or two on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The kinds that a submission is made of: kind, path of the API group, plural.
const KINDS: [(&str, &str, &str); 9] = [
    ("Pod", "/api/v1", "pods"),
    ("Service", "/api/v1", "services"),
    ("ConfigMap", "/api/v1", "configmaps"),
    ("Secret", "/api/v1", "secrets"),
    ("PersistentVolumeClaim", "/api/v1", "persistentvolumeclaims"),
    ("NetworkPolicy", "/apis/networking.k8s.io/v1", "networkpolicies"),
    ("PodDisruptionBudget", "/apis/policy/v1", "poddisruptionbudgets"),
    (
        "SparkApplication",
        "/apis/sparkoperator.k8s.io/v1beta2",
        "sparkapplications",
    ),
    ("PodGroup", "/apis/scheduling.volcano.sh/v1beta1", "podgroups"),
];

/// The admin's kubeconfig: the one that `E2E_KUBECONFIG` names, else that of `tests/e2e/up`.
pub(crate) fn kubeconfig() -> PathBuf {
    std::env::var_os("E2E_KUBECONFIG").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/e2e/run/admin.kubeconfig"),
        PathBuf::from,
    )
}

/// A connection to the API server.
#[derive(Clone)]
pub(crate) struct ControlPlane {
    /// The admin's client, with kube's own retries off.
    pub(crate) client: Client,
    config: Config,
}

impl ControlPlane {
    /// Connects with the kubeconfig that `E2E_KUBECONFIG` names, else with that of `tests/e2e/up`.
    pub(crate) async fn connect() -> Self {
        let file = kubeconfig();
        let kubeconfig = Kubeconfig::read_from(&file).unwrap_or_else(|error| {
            panic!("no control plane, run tests/e2e/up: {}: {error}", file.display())
        });
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .unwrap();
        config.default_retry = false;
        let client = Client::try_from(config.clone()).unwrap();
        Self { client, config }
    }

    /// A client that has the rights of this user.
    pub(crate) fn acting_as(&self, user: &str) -> Client {
        let mut config = self.config.clone();
        config.auth_info.impersonate = Some(user.to_owned());
        Client::try_from(config).unwrap()
    }

    /// Gives a user these rules in all namespaces, and no others.
    pub(crate) async fn grant(&self, user: &str, rules: &Value) {
        let group = "/apis/rbac.authorization.k8s.io/v1";
        self.remove(&format!("{group}/clusterroles/{user}")).await;
        self.remove(&format!("{group}/clusterrolebindings/{user}")).await;
        let role = json!({"metadata": {"name": user}, "rules": rules});
        let path = format!("{group}/clusterroles");
        self.request("POST", &path, &role).await.unwrap();
        let binding = json!({
            "metadata": {"name": user},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        });
        let path = format!("{group}/clusterrolebindings");
        self.request("POST", &path, &binding).await.unwrap();
    }

    /// Makes the cluster-wide object at this path be this one.
    pub(crate) async fn put_cluster_wide(&self, collection: &str, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap();
        self.remove(&format!("{collection}/{name}")).await;
        self.request("POST", collection, object).await.unwrap();
    }

    /// Removes what is at this path, if it is there.
    pub(crate) async fn remove(&self, path: &str) {
        if let Err(status) = self.request("DELETE", path, &Value::Null).await {
            assert_eq!(status.code, 404, "{status:?}");
        }
    }

    async fn request(&self, method: &str, path: &str, body: &Value) -> Result<Value, Status> {
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let until = Instant::now() + PATIENCE;
        loop {
            let request = http::Request::builder()
                .method(method)
                .uri(path)
                .header(http::header::CONTENT_TYPE, "application/json")
                .body(body.clone())
                .unwrap();
            match self.client.request::<Value>(request).await {
                Ok(value) => return Ok(value),
                // A new CRD's storage is not there at once.
                Err(kube::Error::Api(status)) if status.code == 429 && Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(kube::Error::Api(status)) => return Err(*status),
                Err(error) => panic!("{method} {path}: {error}"),
            }
        }
    }

    /// Creates an object in a namespace.
    pub(crate) async fn create(&self, namespace: &str, object: &Value) -> Result<Value, Status> {
        self.request("POST", &collection(object, namespace), object).await
    }

    /// Replaces an object, whatever it was.
    pub(crate) async fn replace(&self, namespace: &str, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap();
        let path = format!("{}/{name}", collection(object, namespace));
        self.request("PUT", &path, object).await.unwrap();
    }

    /// What would become of creating an object; nothing is created.
    pub(crate) async fn dry_run(&self, namespace: &str, object: &Value) -> Result<Value, Status> {
        let path = collection(object, namespace) + "?dryRun=All&fieldValidation=Warn";
        self.request("POST", &path, object).await
    }

    /// The same, and an unknown field is an error.
    pub(crate) async fn dry_run_strictly(&self, namespace: &str, object: &Value) -> Result<Value, Status> {
        let path = collection(object, namespace) + "?dryRun=All&fieldValidation=Strict";
        self.request("POST", &path, object).await
    }

    /// An object of this kind, if it is there.
    pub(crate) async fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let path = format!("{}/{name}", collection(&json!({"kind": kind}), namespace));
        match self.request("GET", &path, &Value::Null).await {
            Ok(object) => Some(object),
            Err(status) if status.code == 404 => None,
            Err(status) => panic!("GET {path}: {}", status.message),
        }
    }

    /// Writes a Pod's status, as its kubelet would.
    pub(crate) async fn set_pod_status(&self, namespace: &str, name: &str, status: &Value) {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/status");
        let request = http::Request::builder()
            .method("PATCH")
            .uri(&path)
            .header(http::header::CONTENT_TYPE, "application/merge-patch+json")
            .body(json!({"status": status}).to_string().into_bytes())
            .unwrap();
        self.client
            .request::<Value>(request)
            .await
            .unwrap_or_else(|error| panic!("PATCH {path}: {error}"));
    }

    /// Deletes what an object names.
    pub(crate) async fn delete(&self, object: &Value) -> Result<Value, Status> {
        let metadata = &object["metadata"];
        let path = collection(object, metadata["namespace"].as_str().unwrap());
        let path = format!("{path}/{}", metadata["name"].as_str().unwrap());
        self.request("DELETE", &path, &Value::Null).await
    }

    /// All objects of the kinds that a submission is made of, but for what Kubernetes puts in every namespace.
    pub(crate) async fn objects(&self, namespace: &str) -> Vec<Value> {
        let mut objects = Vec::new();
        for (kind, ..) in KINDS {
            let of_kind = self.of_kind(kind, namespace).await;
            objects.extend(
                of_kind
                    .into_iter()
                    .filter(|item| item["metadata"]["name"] != "kube-root-ca.crt"),
            );
        }
        objects
    }

    /// The objects of one kind.
    pub(crate) async fn of_kind(&self, kind: &str, namespace: &str) -> Vec<Value> {
        let path = collection(&json!({"kind": kind}), namespace);
        let mut list = self.request("GET", &path, &Value::Null).await.unwrap();
        let mut items = std::mem::take(list["items"].as_array_mut().unwrap());
        for item in &mut items {
            item["kind"] = kind.into();
        }
        items
    }

    /// Waits until a namespace has nothing of a submission any more.
    pub(crate) async fn until_empty(&self, namespace: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let left: Vec<_> = self.objects(namespace).await.iter().map(name_of).collect();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < until, "{namespace}: not collected: {left:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// A new namespace with a name that begins so.
    pub(crate) async fn namespace(&self, prefix: &str) -> String {
        let object = json!({"metadata": {"generateName": format!("{prefix}-")}});
        let created = self.request("POST", "/api/v1/namespaces", &object).await.unwrap();
        created["metadata"]["name"].as_str().unwrap().to_owned()
    }

    /// Creates a namespace, unless it is there or could never be.
    pub(crate) async fn ensure_namespace(&self, name: &str) {
        self.ensure("/api/v1/namespaces", &json!({"metadata": {"name": name}}))
            .await;
    }

    /// Deletes a namespace; it goes in the background.
    pub(crate) async fn remove_namespace(&self, name: &str) {
        let path = format!("/api/v1/namespaces/{name}");
        self.request("DELETE", &path, &Value::Null).await.unwrap();
    }

    /// Gives a namespace a service account with the rights that a driver needs: its executors are its own to make.
    pub(crate) async fn let_drivers_run(&self, namespace: &str, account: &str) {
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        self.ensure(&accounts, &json!({"metadata": {"name": account}}))
            .await;
        let group = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}");
        let rule = json!({
            "apiGroups": [""], "resources": ["pods", "services", "configmaps", "persistentvolumeclaims"], "verbs": ["*"],
        });
        let role = json!({"metadata": {"name": account}, "rules": [rule]});
        self.ensure(&format!("{group}/roles"), &role).await;
        let binding = json!({
            "metadata": {"name": account},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        });
        self.ensure(&format!("{group}/rolebindings"), &binding).await;
    }

    /// The URL of the API server.
    pub(crate) fn server(&self) -> String {
        self.config
            .cluster_url
            .to_string()
            .trim_end_matches('/')
            .to_owned()
    }

    /// Creates what admission wants to be there before it takes a Pod: its service account and classes.
    pub(crate) async fn prepare_for(&self, namespace: &str, pod: &Value) {
        let spec = &pod["spec"];
        let account = spec["serviceAccountName"]
            .as_str()
            .filter(|name| !name.is_empty());
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        self.ensure(
            &accounts,
            &json!({"metadata": {"name": account.unwrap_or("default")}}),
        )
        .await;
        if let Some(name) = spec["priorityClassName"].as_str() {
            // As a Pod among the cases says beside its class's name: the two must agree.
            let class = json!({"metadata": {"name": name}, "value": 5, "preemptionPolicy": "Never"});
            self.ensure("/apis/scheduling.k8s.io/v1/priorityclasses", &class)
                .await;
        }
        if let Some(name) = spec["runtimeClassName"].as_str() {
            let mut class = json!({"metadata": {"name": name}, "handler": "runc"});
            if spec["overhead"].is_object() {
                class["overhead"] = json!({"podFixed": spec["overhead"]});
            }
            self.ensure("/apis/node.k8s.io/v1/runtimeclasses", &class).await;
        }
    }

    /// Creates an object; that it is there already, or has a name that can't be, is not this one's to judge.
    async fn ensure(&self, path: &str, object: &Value) {
        if let Err(status) = self.request("POST", path, object).await {
            assert!([409, 422].contains(&status.code), "POST {path}: {status:?}");
        }
    }
}

/// Where objects of this kind are made.
fn collection(object: &Value, namespace: &str) -> String {
    let kind = object["kind"].as_str().unwrap_or_default();
    let (_, group, plural) = KINDS
        .iter()
        .find(|(known, ..)| *known == kind)
        .unwrap_or_else(|| panic!("no submission has a {kind}"));
    format!("{group}/namespaces/{namespace}/{plural}")
}

/// Whether a submission can have objects of this kind.
pub(crate) fn knows(object: &Value) -> bool {
    KINDS.iter().any(|(kind, ..)| object["kind"] == *kind)
}

/// `Pod/spark-pi-driver`.
pub(crate) fn name_of(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
}
