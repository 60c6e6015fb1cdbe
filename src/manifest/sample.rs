//! A plan and its documents, for tests: a small application with an executor pod template.

use crate::{
    spark::plan::{
        ApplicationPlan, CONTEXT_VERSION, ConfigMapPlan, ContainerPlan, DriverPlan, ExecutorPlan, PodPlan,
        ResourceType, ResourcesPlan, ServicePlan,
    },
    templates::{Document, NewerFields, Rendered},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const PROPERTIES: &str = "#comment\nspark.app.id=spark-0123\nspark.app.name=pi\nspark.app.submitTime=1\n\
                          spark.driver.host=svc.ns.svc\nspark.kubernetes.container.image=spark:4\n\
                          spark.kubernetes.executor.podTemplateFile=/opt/spark/pod-template/pod-spec-template.yml\n\
                          spark.kubernetes.namespace=ns\n";

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

fn texts<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

fn labels() -> BTreeMap<String, String> {
    texts([
        ("spark-role", "driver"),
        ("spark-app-selector", "spark-0123"),
        ("sparkoperator.k8s.io/app-name", "pi"),
        ("team", "data"),
    ])
}

fn owner() -> Value {
    json!({
        "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": "pi",
        "uid": "6f6a", "controller": true, "blockOwnerDeletion": true,
    })
}

/// A plan as the planning stage makes it.
pub(super) fn plan() -> DriverPlan {
    DriverPlan {
        context_version: CONTEXT_VERSION,
        application: ApplicationPlan {
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            id: "spark-0123".to_owned(),
            name: "pi".to_owned(),
            resource_type: ResourceType::Java,
            spark_version: "4.0.1".to_owned(),
            namespace: "ns".to_owned(),
            submission_id: "sub-1".to_owned(),
        },
        pod: PodPlan {
            name: "pi-driver".to_owned(),
            labels: labels(),
            annotations: BTreeMap::new(),
            owner_references: vec![owner()],
            other_metadata: Map::new(),
            other: Map::new(),
            restart_policy: "Never".to_owned(),
            service_account: None,
            scheduler_name: None,
            node_selector: BTreeMap::new(),
            image_pull_secrets: Vec::new(),
            init_containers: Vec::new(),
            sidecars: Vec::new(),
            volumes: Vec::new(),
            other_spec: Map::new(),
        },
        driver: ContainerPlan {
            name: "spark-kubernetes-driver".to_owned(),
            image: "spark:4".to_owned(),
            image_pull_policy: "IfNotPresent".to_owned(),
            args: args(),
            env: Vec::new(),
            ports: list(json!([{"name": "driver-rpc-port", "containerPort": 7078, "protocol": "TCP"}])),
            resources: ResourcesPlan::default(),
            volume_mounts: Vec::new(),
            other: Map::new(),
        },
        service: Some(ServicePlan {
            name: "svc".to_owned(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            selector: labels(),
            ip_families: vec!["IPv4".to_owned()],
            ip_family_policy: "SingleStack".to_owned(),
            publish_not_ready_addresses: None,
            ports: Vec::new(),
        }),
        config_map: ConfigMapPlan {
            role: "driver".to_owned(),
            name: "conf".to_owned(),
            data: texts([
                ("spark.properties", PROPERTIES),
                ("spark.kubernetes.namespace", "ns"),
            ]),
        },
        properties: texts([
            ("spark.app.id", "spark-0123"),
            ("spark.app.name", "pi"),
            ("spark.app.submitTime", "1"),
            ("spark.driver.host", "svc.ns.svc"),
            ("spark.kubernetes.container.image", "spark:4"),
            (
                "spark.kubernetes.executor.podTemplateFile",
                "/opt/spark/pod-template/pod-spec-template.yml",
            ),
            ("spark.kubernetes.namespace", "ns"),
        ]),
        executor: Some(ExecutorPlan {
            name: "spark-kubernetes-executor".to_owned(),
            config_map_name: "podspec".to_owned(),
            key: "podspec-key".to_owned(),
            metadata: Map::new(),
            other: serde_json::Map::new(),
            spec: map(json!({"containers": [{"name": "executor"}]})),
        }),
        config_maps: Vec::new(),
        secrets: Vec::new(),
        persistent_volume_claims: Vec::new(),
        network_policy: None,
        pod_group: None,
        known_by: None,
    }
}

fn args() -> Vec<String> {
    let args = [
        "driver",
        "--properties-file",
        "/opt/spark/conf/spark.properties",
        "--class",
        "a.B",
        "local:///x.jar",
        "hunter2",
    ];
    args.map(str::to_owned).to_vec()
}

/// The documents of [`plan`], by role, as a faithful template set writes them.
pub(super) fn objects() -> Vec<(String, Value)> {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "pi-driver", "labels": labels(), "ownerReferences": [owner()]},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{
                "name": "spark-kubernetes-driver", "image": "spark:4", "args": args(),
                "env": [{"name": "A", "value": "1"}],
                "ports": [{"name": "driver-rpc-port", "containerPort": 7078, "protocol": "TCP"}],
                "resources": {"requests": {"cpu": 1, "memory": "1408Mi"}, "limits": {"memory": "1408Mi"}},
                "volumeMounts": [
                    {"name": "conf", "mountPath": "/opt/spark/conf"},
                    {"name": "podspec", "mountPath": "/opt/spark/pod-template"},
                ],
            }],
            "volumes": [
                {"name": "conf", "configMap": {
                    "name": "conf", "items": [{"key": "spark.properties", "path": "spark.properties", "mode": 420}],
                }},
                {"name": "podspec", "configMap": {"name": "podspec"}},
            ],
        },
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "svc"},
        "spec": {
            "clusterIP": "None", "selector": labels(), "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            "ports": [{"name": "driver-rpc-port", "port": 7078, "targetPort": 7078}],
        },
    });
    let config_map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf", "namespace": "ns"}, "immutable": true,
        "data": {"spark.properties": PROPERTIES, "spark.kubernetes.namespace": "ns"},
    });
    let template = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "podspec"},
        "data": {"podspec-key": "spec:\n  containers:\n  - name: executor\n"},
    });
    let objects = [
        ("pod-driver", pod),
        ("service-driver", service),
        ("configmap-executor-template", template),
        ("configmap-driver", config_map),
    ];
    objects.map(|(role, object)| (role.to_owned(), object)).to_vec()
}

/// Objects as a template set would hand them over.
pub(super) fn rendered(objects: &[(String, Value)]) -> Rendered {
    Rendered {
        template_set: "default@0123456789ab".to_owned(),
        documents: objects
            .iter()
            .map(|(role, value)| Document {
                role: role.clone(),
                template: format!("{role}.yaml.j2"),
                text: value.to_string(),
                patches: Vec::new(),
                carried: None,
            })
            .collect(),
        extra_kinds: Vec::new(),
        newer_fields: NewerFields::Refuse,
    }
}

/// The documents with one value changed or added, at a JSON pointer; an unknown role is a further document.
pub(super) fn changed(role: &str, pointer: &str, value: Value) -> Vec<(String, Value)> {
    let mut objects = objects();
    if !objects.iter().any(|(known, _)| known == role) {
        objects.push((role.to_owned(), Value::Null));
    }
    for (known, object) in &mut objects {
        if known == role {
            *place(object, pointer) = value;
            break;
        }
    }
    objects
}

/// What stands at a JSON pointer; made where it isn't there yet.
pub(super) fn place<'v>(object: &'v mut Value, pointer: &str) -> &'v mut Value {
    pointer.split('/').skip(1).fold(object, |at, step| {
        let step = step.replace("~1", "/");
        match at {
            Value::Array(items) => {
                let index: usize = step.parse().unwrap();
                if index == items.len() {
                    items.push(Value::Null);
                }
                &mut items[index]
            }
            other => &mut other[step],
        }
    })
}
