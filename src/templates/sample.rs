//! A plan for the tests of this folder: every part of it is there.

use crate::spark::plan::{
    ApplicationPlan, CONTEXT_VERSION, ConfigMapPlan, ContainerPlan, DriverPlan, ExecutorPlan,
    NetworkPolicyPlan, PersistentVolumeClaimPlan, PodGroupPlan, PodPlan, ResourceType, ResourcesPlan,
    SecretPlan, ServicePlan,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

fn strings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

/// A plan with every part.
pub(crate) fn plan() -> DriverPlan {
    DriverPlan {
        context_version: CONTEXT_VERSION,
        application: ApplicationPlan {
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            id: "spark-0123".into(),
            name: "Spark Pi".into(),
            resource_type: ResourceType::Java,
            spark_version: "4.3.0".into(),
            namespace: "team-a".into(),
            submission_id: "6d1b".into(),
        },
        pod: pod(),
        driver: driver(),
        service: Some(ServicePlan {
            name: "spark-pi-1-driver-svc".into(),
            labels: strings(&[("spark-app-selector", "spark-0123")]),
            annotations: BTreeMap::new(),
            selector: strings(&[("spark-role", "driver")]),
            ip_families: vec!["IPv4".into()],
            ip_family_policy: "SingleStack".into(),
            publish_not_ready_addresses: Some(false),
            ports: vec![json!({"name": "spark-ui", "port": 4040, "targetPort": 4040})],
        }),
        config_map: ConfigMapPlan {
            role: "driver".into(),
            name: "spark-drv-1-conf-map".into(),
            data: strings(&[("spark.properties", "spark.app.name=Spark\\ Pi\n# é\n")]),
        },
        properties: strings(&[("spark.app.name", "Spark Pi")]),
        executor: Some(ExecutorPlan {
            name: "spark-kubernetes-executor".to_owned(),
            config_map_name: "spark-pi-1-driver-podspec-conf-map".into(),
            key: "podspec-configmap-key".into(),
            metadata: object(json!({"labels": {"a": "b"}})),
            other: Map::new(),
            spec: object(json!({"containers": [{"name": "executor"}], "dnsPolicy": "Default"})),
        }),
        config_maps: vec![ConfigMapPlan {
            role: "hadoop".into(),
            name: "spark-pi-1-hadoop-config".into(),
            data: strings(&[("core-site.xml", "<a/>")]),
        }],
        secrets: ["keytab", "credentials"]
            .map(|role| SecretPlan {
                role: role.into(),
                name: format!("spark-pi-1-{role}"),
                data: strings(&[("k", "aHVudGVyMg==")]),
            })
            .to_vec(),
        persistent_volume_claims: vec![PersistentVolumeClaimPlan {
            name: "spark-pi-1-driver-pvc-0".into(),
            labels: strings(&[("team", "a")]),
            annotations: BTreeMap::new(),
            storage_class: "gp3".into(),
            access_modes: vec!["ReadWriteOncePod".into()],
            storage: "5Gi".into(),
        }],
        network_policy: Some(NetworkPolicyPlan {
            name: "spark-pi-1-policy".into(),
            labels: strings(&[("spark-app-selector", "spark-0123")]),
            pod_selector: strings(&[("spark-role", "executor")]),
            from_pod_selector: strings(&[("spark-app-selector", "spark-0123")]),
        }),
        pod_group: Some(PodGroupPlan {
            name: "spark-0123-podgroup".into(),
            other_metadata: object(json!({"labels": {"a": "b"}})),
            spec: object(json!({"minMember": 1, "queue": "q"})),
            other: Map::new(),
        }),
        known_by: None,
    }
}

fn pod() -> PodPlan {
    PodPlan {
        name: "spark-pi-driver".into(),
        labels: strings(&[("spark-role", "driver"), ("version", "1.10")]),
        annotations: strings(&[("note", "yes")]),
        owner_references: vec![json!({
            "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": "spark-pi",
            "uid": "u", "controller": true
        })],
        other_metadata: object(json!({"finalizers": ["a/b"]})),
        other: object(json!({"status": {}})),
        restart_policy: "Never".into(),
        service_account: Some("spark".into()),
        scheduler_name: Some("volcano".into()),
        node_selector: strings(&[("disktype", "ssd")]),
        image_pull_secrets: vec![json!({"name": "registry"})],
        init_containers: vec![json!({"name": "init", "image": "busybox"})],
        sidecars: vec![json!({"name": "sidecar", "image": "fluentd"})],
        volumes: vec![
            json!({"name": "v", "emptyDir": {}}),
            json!({"name": "spark-conf-volume-driver", "configMap": {"name": "spark-drv-1-conf-map"}}),
        ],
        other_spec: object(json!({
            "tolerations": [{"operator": "Exists"}], "securityContext": {"runAsUser": 185},
            "affinity": {"nodeAffinity": {}}, "hostNetwork": false,
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
            ]
        })),
    }
}

fn driver() -> ContainerPlan {
    let memory: BTreeMap<String, Value> = [("memory".to_owned(), json!("1408Mi"))].into();
    ContainerPlan {
        name: "spark-kubernetes-driver".into(),
        image: "apache/spark:4.3.0".into(),
        image_pull_policy: "IfNotPresent".into(),
        args: ["driver", "--class", "a.B", "10"].map(Into::into).to_vec(),
        env: vec![
            json!({"name": "SPARK_USER", "value": "spark"}),
            json!({"name": "SPARK_USER", "value": "x"}),
        ],
        ports: vec![json!({"name": "spark-ui", "containerPort": 4040, "protocol": "TCP"})],
        resources: ResourcesPlan {
            requests: memory.clone(),
            limits: memory,
            other: object(json!({"claims": [{"name": "gpu"}]})),
        },
        volume_mounts: vec![json!({"name": "v", "mountPath": "/v"})],
        other: object(json!({
            "securityContext": {"allowPrivilegeEscalation": false}, "workingDir": "/w",
            "envFrom": [{"configMapRef": {"name": "cm"}}]
        })),
    }
}

/// A plan with no more than an application must have.
pub(crate) fn least_plan() -> DriverPlan {
    let mut plan = plan();
    plan.service = None;
    plan.executor = None;
    plan.network_policy = None;
    plan.pod_group = None;
    plan.config_maps.clear();
    plan.secrets.clear();
    plan.persistent_volume_claims.clear();
    plan.pod = PodPlan {
        name: plan.pod.name,
        restart_policy: plan.pod.restart_policy,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        owner_references: Vec::new(),
        other_metadata: Map::new(),
        other: Map::new(),
        service_account: None,
        scheduler_name: None,
        node_selector: BTreeMap::new(),
        image_pull_secrets: Vec::new(),
        init_containers: Vec::new(),
        sidecars: Vec::new(),
        volumes: Vec::new(),
        other_spec: Map::new(),
    };
    plan.driver = ContainerPlan {
        name: plan.driver.name,
        image: plan.driver.image,
        image_pull_policy: plan.driver.image_pull_policy,
        args: Vec::new(),
        env: Vec::new(),
        ports: Vec::new(),
        resources: ResourcesPlan::default(),
        volume_mounts: Vec::new(),
        other: Map::new(),
    };
    plan
}
