use super::{load, parsed, render};
use crate::{kubernetes::PodGroup, manifest::drop_nulls, strict, templates::sample};
use k8s_openapi::api::{
    core::v1::{ConfigMap, PersistentVolumeClaim, Pod, PodTemplateSpec, Secret, Service},
    networking::v1::NetworkPolicy,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn problems<T: DeserializeOwned>(value: &Value) -> crate::finding::Kept<strict::Problem> {
    strict::read::<T>(value).problems()
}

#[test]
fn the_documents_come_in_the_order_of_sparks_creation() {
    let rendered = render(&[]).unwrap();
    let roles: Vec<_> = rendered
        .documents
        .iter()
        .map(|document| document.role.as_str())
        .collect();
    assert_eq!(
        roles,
        [
            "pod-driver",
            "podgroup-driver",
            "secret-credentials",
            "service-driver",
            "networkpolicy-executor",
            "persistentvolumeclaim-0",
            "configmap-hadoop",
            "secret-keytab",
            "configmap-executor-template",
            "configmap-driver",
        ]
    );
    assert_eq!(rendered.documents[0].template, "builtin/driver-pod.yaml.j2");
    assert!(rendered.template_set.starts_with("default@"));
    assert_eq!(rendered.template_set.len(), "default@".len() + 12);
}

#[test]
fn each_document_is_of_its_kubernetes_type_to_the_last_field() {
    let rendered = render(&[]).unwrap();
    for document in &rendered.documents {
        let value = parsed(&rendered, &document.role);
        let problems = match document.role.split('-').next().unwrap() {
            "pod" => problems::<Pod>(&value),
            "podgroup" => problems::<PodGroup>(&value),
            "service" => problems::<Service>(&value),
            "configmap" => problems::<ConfigMap>(&value),
            "secret" => problems::<Secret>(&value),
            "networkpolicy" => problems::<NetworkPolicy>(&value),
            _ => problems::<PersistentVolumeClaim>(&value),
        };
        assert_eq!(*problems, [], "{}", document.text);
        assert_eq!(value["metadata"]["namespace"], "team-a", "{}", document.role);
        let is_sealed = ["configmap", "secret"].contains(&document.role.split('-').next().unwrap());
        assert_eq!(value["immutable"] == true, is_sealed, "{}", document.role);
    }
}

#[test]
fn the_pod_shows_everything_that_the_plan_has() {
    let pod = parsed(&render(&[]).unwrap(), "pod-driver");
    let plan = sample::plan();
    assert_eq!(
        pod,
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "status": plan.pod.other["status"],
            "metadata": {
                "name": plan.pod.name,
                "namespace": "team-a",
                "labels": plan.pod.labels,
                "annotations": plan.pod.annotations,
                "ownerReferences": plan.pod.owner_references,
                "finalizers": ["a/b"],
            },
            "spec": {
                "restartPolicy": "Never",
                "serviceAccount": "spark",
                "serviceAccountName": "spark",
                "schedulerName": "volcano",
                "nodeSelector": plan.pod.node_selector,
                "imagePullSecrets": plan.pod.image_pull_secrets,
                "initContainers": plan.pod.init_containers,
                "tolerations": plan.pod.other_spec["tolerations"],
                "securityContext": plan.pod.other_spec["securityContext"],
                "affinity": plan.pod.other_spec["affinity"],
                "topologySpreadConstraints": plan.pod.other_spec["topologySpreadConstraints"],
                "hostNetwork": false,
                "volumes": plan.pod.volumes,
                "containers": [plan.pod.sidecars[0], {
                    "name": plan.driver.name,
                    "image": plan.driver.image,
                    "imagePullPolicy": "IfNotPresent",
                    "args": plan.driver.args,
                    "env": plan.driver.env,
                    "ports": plan.driver.ports,
                    "resources": {
                        "requests": {"memory": "1408Mi"},
                        "limits": {"memory": "1408Mi"},
                        "claims": [{"name": "gpu"}],
                    },
                    "volumeMounts": plan.driver.volume_mounts,
                    "securityContext": {"allowPrivilegeEscalation": false},
                    "envFrom": [{"configMapRef": {"name": "cm"}}],
                    "workingDir": "/w",
                }],
            },
        })
    );
}

#[test]
fn what_is_empty_is_left_out() {
    let rendered = load(&[]).unwrap().render(&sample::least_plan()).unwrap();
    assert_eq!(
        parsed(&rendered, "pod-driver"),
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "spark-pi-driver", "namespace": "team-a"},
            "spec": {
                "restartPolicy": "Never",
                "containers": [{
                    "name": "spark-kubernetes-driver",
                    "image": "apache/spark:4.3.0",
                    "imagePullPolicy": "IfNotPresent",
                    "resources": {},
                }],
            },
        })
    );
    assert_eq!(rendered.documents.len(), 2);
}

#[test]
fn the_executor_template_is_carried_as_text_under_its_key() {
    let config_map = parsed(&render(&[]).unwrap(), "configmap-executor-template");
    assert_eq!(
        config_map["metadata"]["name"],
        "spark-pi-1-driver-podspec-conf-map"
    );
    let text = config_map["data"]["podspec-configmap-key"].as_str().unwrap();
    let mut template = strict::parse_yaml(text).unwrap();
    assert_eq!(*problems::<PodTemplateSpec>(&template), [], "{text}");
    drop_nulls(&mut template);
    let executor = sample::plan().executor.unwrap();
    assert_eq!(
        template,
        json!({"metadata": executor.metadata, "spec": executor.spec})
    );
}

#[test]
fn an_executor_without_anything_still_has_a_spec() {
    let mut plan = sample::plan();
    let executor = plan.executor.as_mut().unwrap();
    executor.metadata.clear();
    executor.spec.clear();
    let rendered = load(&[]).unwrap().render(&plan).unwrap();
    let config_map = parsed(&rendered, "configmap-executor-template");
    let text = config_map["data"]["podspec-configmap-key"].as_str().unwrap();
    let mut template = strict::parse_yaml(text).unwrap();
    drop_nulls(&mut template);
    // Spark reads `spec.containers` without asking whether there is a spec.
    assert_eq!(template, json!({"spec": {}}));
}

#[test]
fn the_other_objects_show_what_the_plan_has() {
    let rendered = render(&[]).unwrap();
    let plan = sample::plan();
    let config_map = parsed(&rendered, "configmap-driver");
    assert_eq!(config_map["data"], json!(plan.config_map.data));
    assert_eq!(
        parsed(&rendered, "secret-keytab")["data"],
        json!(plan.secrets[0].data)
    );
    assert_eq!(
        parsed(&rendered, "service-driver"),
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "spark-pi-1-driver-svc",
                "namespace": "team-a",
                "labels": {"spark-app-selector": "spark-0123"},
            },
            "spec": {
                "clusterIP": "None",
                "ipFamilies": ["IPv4"],
                "ipFamilyPolicy": "SingleStack",
                "publishNotReadyAddresses": false,
                "selector": {"spark-role": "driver"},
                "ports": [{"name": "spark-ui", "port": 4040, "targetPort": 4040}],
            },
        })
    );
    assert_eq!(
        parsed(&rendered, "networkpolicy-executor")["spec"],
        json!({
            "podSelector": {"matchLabels": {"spark-role": "executor"}},
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"spark-app-selector": "spark-0123"}}}]}],
        })
    );
    assert_eq!(
        parsed(&rendered, "persistentvolumeclaim-0"),
        json!({
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "spark-pi-1-driver-pvc-0", "namespace": "team-a", "labels": {"team": "a"}},
            "spec": {
                "storageClassName": "gp3",
                "accessModes": ["ReadWriteOncePod"],
                "resources": {"requests": {"storage": "5Gi"}},
            },
        })
    );
}

#[test]
fn a_document_is_the_same_each_time() {
    assert_eq!(render(&[]).unwrap(), render(&[]).unwrap());
}

#[test]
fn every_template_is_in_the_table_and_passes_the_check_that_overrides_must_pass() {
    use crate::templates::{builtin, markup};
    for (name, source) in builtin::SOURCES {
        let is_used = builtin::DOCUMENTS.iter().any(|kind| kind.template == *name);
        assert!(is_used || *name == builtin::EXECUTOR_POD, "{name}");
        assert_eq!(markup::check(name, source), [], "{name}");
        assert_eq!(load(&[(name, source)]).unwrap().warnings(), [""; 0], "{name}");
    }
}
