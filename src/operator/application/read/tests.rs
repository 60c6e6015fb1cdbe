use super::*;
use crate::operator::application::{ApplicationType, SecretType};
use serde_json::json;

const PI: &str = "
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata:
  name: spark-pi
  namespace: default
spec:
  type: Scala
  mode: cluster
  image: apache/spark:4.0.0
  mainClass: org.apache.spark.examples.SparkPi
  mainApplicationFile: local:///opt/spark/examples/jars/spark-examples.jar
  arguments: ['5000']
  sparkVersion: 4.0.0
  driver: {labels: {version: 4.0.0}, cores: 1, memory: 512m, serviceAccount: spark-operator-spark}
  executor: {instances: 1, cores: 1, memory: 512m}
";

/// Something of every kind of field.
const RICH: &str = "
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata:
  name: etl
  uid: 6f5e5e7e-0000-4000-8000-000000000000
  creationTimestamp: '2026-01-02T03:04:05Z'
  labels: {team: data}
spec:
  type: Python
  sparkVersion: 3.5.1
  mainApplicationFile: local:///app/main.py
  sparkConf: {spark.eventLog.enabled: 'true'}
  hadoopConf: {fs.s3a.path.style.access: 'true'}
  deps: {pyFiles: ['local:///app/lib.zip'], packages: ['org.apache.hadoop:hadoop-aws:3.3.4']}
  restartPolicy: {type: OnFailure, onFailureRetries: 3, onFailureRetryInterval: 10}
  volumes: [{name: spark-local-dir-1, emptyDir: {sizeLimit: 10Gi}}]
  driver:
    podName: etl-main
    coreRequest: 500m
    memory: 1g
    memoryLimit: 2Gi
    gpu: {name: nvidia.com/gpu, quantity: 1}
    secrets: [{name: gcp, path: /mnt/gcp, secretType: GCPServiceAccount}, {name: x, path: /x, secretType: Vault}]
    env: [{name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
    envSecretKeyRefs: {TOKEN: {name: tokens, key: main}}
    ports: [{name: debug, protocol: TCP, containerPort: 5005}]
    tolerations: [{key: spot, operator: Exists}]
    template: {spec: {containers: [{name: spark-kubernetes-driver}]}}
    serviceLabels: {a: b}
  executor:
    instances: 2
    deleteOnTermination: false
    volumeMounts: [{name: spark-local-dir-1, mountPath: /scratch}]
    initContainers: [{name: init, image: busybox}]
  monitoring:
    exposeDriverMetrics: true
    exposeExecutorMetrics: false
    prometheus: {jmxExporterJar: /prometheus/agent.jar, port: 8090}
  dynamicAllocation: {enabled: false}
  batchScheduler: volcano
  batchSchedulerOptions: {queue: high, resources: {cpu: 2, memory: 4Gi}}
  driverIngressOptions: [{servicePort: 4041, ingressURLFormat: 'x.example.com', ingressTLS: [{hosts: [x]}]}]
  sparkUIOptions: {servicePort: 80, serviceType: NodePort}
";

fn read(text: &str) -> SparkApplication {
    let parsed = parse(text, UnknownFields::Refuse).unwrap();
    assert_eq!(*parsed.warnings, [""; 0]);
    parsed.application
}

fn errors(text: &str) -> Vec<String> {
    let error = parse(text, UnknownFields::Refuse).unwrap_err();
    error.to_string().lines().map(str::to_owned).collect()
}

/// PI with other lines under `spec.driver`.
fn with_driver(driver: &str) -> String {
    let start = PI.find("  driver:").unwrap();
    let end = PI.find("  executor:").unwrap();
    format!("{}  driver: {driver}\n{}", &PI[..start], &PI[end..])
}

#[test]
fn a_plain_application() {
    let application = read(PI);
    assert_eq!(application.name(), "spark-pi");
    assert_eq!(application.uid(), None);
    let spec = &application.spec;
    assert_eq!(spec.type_, Some(ApplicationType::Scala));
    assert_eq!(spec.arguments, ["5000"]);
    assert_eq!(spec.driver.pod.memory.as_deref(), Some("512m"));
    assert_eq!(spec.driver.pod.labels["version"], "4.0.0");
    assert_eq!(spec.executor.instances, Some(1));
}

#[test]
fn every_kind_of_field() {
    let application = read(RICH);
    assert_eq!(application.namespace(), "default");
    assert!(application.uid().is_some());
    let driver = &application.spec.driver;
    assert_eq!(driver.pod_name.as_deref(), Some("etl-main"));
    assert_eq!(
        driver.pod.secrets[0].secret_type,
        Some(SecretType::GcpServiceAccount)
    );
    assert_eq!(
        driver.pod.secrets[1].secret_type,
        Some(SecretType::Other("Vault".to_owned()))
    );
    assert_eq!(driver.pod.env_secret_key_refs["TOKEN"].key, "main");
    assert_eq!(driver.ports[0].container_port, 5005);
    assert_eq!(application.spec.executor.delete_on_termination, Some(false));
    assert_eq!(application.spec.deps.py_files, ["local:///app/lib.zip"]);
}

#[test]
fn what_is_written_is_what_was_read() {
    for text in [PI, RICH] {
        let mut given = strict::parse_yaml(text).unwrap();
        let written = serde_json::to_value(read(text)).unwrap();
        // Kubernetes' quantities are strings, also where they were given as numbers.
        if let Some(cpu) = given.pointer_mut("/spec/batchSchedulerOptions/resources/cpu") {
            *cpu = json!("2");
        }
        assert_eq!(written, given);
        let again: SparkApplication = serde_json::from_value(written).unwrap();
        assert_eq!(again, read(text));
    }
}

#[test]
fn json_is_read_too() {
    let document = strict::parse_yaml(PI).unwrap();
    assert_eq!(read(&document.to_string()), read(PI));
}

#[test]
fn a_misspelt_field_is_reported_with_its_path_and_the_nearest_name() {
    let text = with_driver("{memoryy: 1g, affinity: {nodeAffinityy: {}}, portz: [], ports: [{nam: x}]}");
    let found = errors(&text);
    for (path, nearest) in [
        ("spec.driver.memoryy", "memory"),
        ("spec.driver.affinity.nodeAffinityy", "nodeAffinity"),
        ("spec.driver.portz", "ports"),
        ("spec.driver.ports[0].nam", "name"),
    ] {
        assert!(
            found
                .iter()
                .any(|line| line.starts_with(&format!("{path}: ")) && line.contains(&format!("`{nearest}`"))),
            "{path}: {found:#?}"
        );
    }
    assert_eq!(found.len(), 4, "{found:#?}");
}

#[test]
fn own_and_inlined_fields_are_known_in_both_roles() {
    let found = errors(&PI.replace("{instances: 1,", "{instances: 1, coress: 1, instancess: 2,"));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("spec.executor.coress: "), "{found:#?}");
    assert!(found[1].starts_with("spec.executor.instancess: "), "{found:#?}");
}

#[test]
fn a_request_may_carry_unknown_fields() {
    let text = with_driver("{memoryy: 1g, template: {spec: {newField: 1, containers: []}}}");
    let parsed = parse(&text, UnknownFields::Pass).unwrap();
    let paths: Vec<_> = parsed.unknown_fields.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(
        paths,
        ["spec.driver.memoryy", "spec.driver.template.spec.newField"]
    );
    assert_eq!(parsed.warnings.len(), 2);
    assert!(parsed.warnings[0].starts_with("spec.driver.memoryy: "));
    // The template is kept as it was given.
    assert_eq!(
        parsed.application.spec.driver.pod.template,
        Some(json!({"spec": {"newField": 1, "containers": []}}))
    );
}

#[test]
fn a_template_is_checked_against_kubernetes_types() {
    let found = errors(&with_driver(
        "{template: {spec: {containers: [{name: a, imagee: b}], priority: high}}}",
    ));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].starts_with("spec.driver.template.spec.containers[0].imagee: "),
        "{found:#?}"
    );
    assert_eq!(
        found[1],
        "spec.driver.template.spec.priority: expected an integer, found a string"
    );
    let found = errors(&with_driver("{template: [1]}"));
    assert!(found[0].starts_with("spec.driver.template: "), "{found:#?}");
    // A type error is one, whatever is said of unknown fields.
    let text = with_driver("{template: {spec: {priority: high}}}");
    assert!(parse(&text, UnknownFields::Pass).is_err());
}

#[test]
fn type_errors_are_reported_all_at_once_and_without_values() {
    let text = PI
        .replace("type: Scala", "type: scala")
        .replace("arguments: ['5000']", "arguments: [5000]")
        .replace("instances: 1", "instances: hunter2")
        .replace(
            "  mode: cluster",
            "  mode: cluster\n  sparkConf: {spark.password: 12, spark.x: true}",
        );
    assert_eq!(
        errors(&text),
        [
            "spec.arguments[0]: expected a string, found an integer; put it in quotes",
            "spec.executor.instances: expected an integer, found a string",
            "spec.sparkConf[\"spark.password\"]: expected a string, found an integer; put it in quotes",
            "spec.sparkConf[\"spark.x\"]: expected a string, found a boolean; put it in quotes",
            "spec.type: expected one of Java, Scala, Python, R, found `scala`; did you mean `Scala`?",
        ]
    );
}

#[test]
fn status_managed_fields_and_nulls_are_accepted() {
    let text = format!(
        "{}status: {{applicationState: {{state: [anything]}}}}\n",
        PI.replace(
            "  namespace: default",
            "  namespace: default\n  creationTimestamp: null\n  managedFields: [{anything: 1}]"
        )
        .replace(
            "  mode: cluster",
            "  mode: cluster\n  volumes: null\n  deps: null\n  monitoring: null\n  sparkConf: null"
        )
    );
    assert_eq!(read(&text), read(PI));
    let text = with_driver("{affinity: null, env: null, template: {metadata: {creationTimestamp: null}}}");
    assert_eq!(
        read(&text).spec.driver.pod.template,
        Some(json!({"metadata": {}}))
    );
}

#[test]
fn a_null_among_the_users_own_keys_is_left_out_with_a_warning() {
    let text = PI.replace(
        "  mode: cluster",
        "  mode: cluster\n  sparkConf: {spark.a: null, spark.b: b}",
    );
    let parsed = parse(&text, UnknownFields::Refuse).unwrap();
    assert_eq!(
        *parsed.warnings,
        ["spec.sparkConf[\"spark.a\"]: null, so left out"]
    );
    assert_eq!(parsed.application.spec.spark_conf.len(), 1);
}

#[test]
fn another_kind_is_reported_before_anything_else() {
    let scheduled = PI.replace("kind: SparkApplication", "kind: ScheduledSparkApplication");
    for (text, expected) in [
        (
            "apiVersion: v1\nkind: Pod\nspec: {containers: []}".to_owned(),
            "apiVersion: expected `sparkoperator.k8s.io/v1beta2`, found `v1`\n\
             kind: expected `SparkApplication`, found `Pod`",
        ),
        (
            PI.replace("v1beta2", "v1beta1"),
            "apiVersion: expected `sparkoperator.k8s.io/v1beta2`, found `sparkoperator.k8s.io/v1beta1`",
        ),
        (
            "spec: {}".to_owned(),
            "apiVersion: expected `sparkoperator.k8s.io/v1beta2`, found nothing\n\
             kind: expected `SparkApplication`, found nothing",
        ),
        (
            scheduled,
            "kind: expected `SparkApplication`, found `ScheduledSparkApplication`; ",
        ),
        (
            String::new(),
            "expected a SparkApplication as a mapping, found an empty document",
        ),
        (
            "[1]".to_owned(),
            "expected a SparkApplication as a mapping, found a list",
        ),
        (
            "pi".to_owned(),
            "expected a SparkApplication as a mapping, found a single value",
        ),
    ] {
        let found = errors(&text).join("\n");
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}

#[test]
fn missing_sections_are_reported() {
    let head = "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\n";
    for (rest, expected) in [
        (
            "",
            vec![
                "metadata: expected a value, found nothing",
                "spec: expected a value, found nothing",
            ],
        ),
        (
            "metadata: {name: a}\nspec: {}",
            vec![
                "spec.driver: expected a value, found nothing",
                "spec.executor: expected a value, found nothing",
            ],
        ),
        (
            "metadata: {name: a}\nspec: {driver: null, executor: {}}",
            vec!["spec.driver: expected a value, found nothing"],
        ),
    ] {
        assert_eq!(errors(&format!("{head}{rest}")), expected);
    }
}

#[test]
fn what_is_no_yaml_is_reported_with_its_line() {
    let found = errors("a: [1\nb: hunter2");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains("line 2") && !found[0].contains("hunter2"),
        "{found:#?}"
    );
    let twice = errors(&format!("{PI}---\n{PI}"));
    assert!(twice[0].contains("document"), "{twice:#?}");
}

#[test]
fn the_roles_know_their_own_fields_and_the_inlined_ones() {
    use crate::operator::application::{DriverSpec, ExecutorSpec, SparkPodSpec};
    assert!(DriverSpec::FIELDS.starts_with(&["podName", "coreRequest"]));
    assert!(ExecutorSpec::FIELDS.starts_with(&["instances", "coreRequest"]));
    for fields in [DriverSpec::FIELDS, ExecutorSpec::FIELDS] {
        assert!(fields.ends_with(SparkPodSpec::FIELDS));
    }
}
