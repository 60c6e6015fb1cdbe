use super::*;
use crate::operator::application::{UnknownFields, apply_defaults, parse};
use serde_json::{Value, json};

/// A valid application as JSON, with one place of it set to something else; null takes it away.
fn with(pointer: &str, value: Value) -> SparkApplication {
    with_all(&[(pointer, value)])
}

fn with_all(changes: &[(&str, Value)]) -> SparkApplication {
    let mut document = json!({
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication",
        "metadata": {"name": "spark-pi", "namespace": "team"},
        "spec": {
            "type": "Scala",
            "sparkVersion": "4.0.0",
            "image": "apache/spark:4.0.0",
            "mainClass": "org.apache.spark.examples.SparkPi",
            "mainApplicationFile": "local:///opt/spark/examples/jars/spark-examples.jar",
            "driver": {},
            "executor": {}
        }
    });
    for (pointer, value) in changes {
        let mut at = &mut document;
        for step in pointer.split('/').skip(1) {
            at = &mut at[step.replace("~1", "/")];
        }
        *at = value.clone();
    }
    parse(&document.to_string(), UnknownFields::Refuse)
        .unwrap()
        .application
}

fn findings(application: &SparkApplication) -> Vec<String> {
    match validate(application) {
        Ok(()) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

#[test]
fn a_valid_application_has_no_findings_before_and_after_defaults() {
    let mut application = with("/spec/type", json!("Scala"));
    assert_eq!(findings(&application), [""; 0]);
    assert_eq!(*warnings(&application), [""; 0]);
    apply_defaults(&mut application);
    assert_eq!(findings(&application), [""; 0]);
}

/// Each case is a place in a valid application, what is put there, and how the one finding begins.
fn each_is_one_finding(cases: &[(&str, Value, &str)]) {
    for (pointer, value, expected) in cases {
        let found = findings(&with(pointer, value.clone()));
        assert_eq!(found.len(), 1, "{pointer} {value}: {found:#?}");
        assert!(found[0].starts_with(expected), "{pointer} {value}: {found:#?}");
        assert!(!found[0].contains("hunter2"), "{found:#?}");
    }
}

#[test]
fn names() {
    let long = "a".repeat(64);
    each_is_one_finding(&[
        (
            "/metadata/name",
            json!(null),
            "metadata.name: expected a value, found nothing",
        ),
        (
            "/metadata/name",
            json!(long),
            "metadata.name: expected at most 63 of a-z, 0-9 and `-`, a letter first",
        ),
        (
            "/metadata/name",
            json!("1st"),
            "metadata.name: expected at most 63",
        ),
        (
            "/metadata/namespace",
            json!("Team"),
            "metadata.namespace: expected at most 63",
        ),
        (
            "/spec/driver/podName",
            json!("a_b"),
            "spec.driver.podName: expected at most 253",
        ),
    ]);
}

#[test]
fn the_operators_rules() {
    let ingress = |port: Value, format: Value| json!([{"servicePort": port, "ingressURLFormat": format}]);
    each_is_one_finding(&[
        (
            "/spec/sparkConf",
            json!({"spark.master": "local"}),
            "spec.sparkConf[\"spark.master\"]: not allowed",
        ),
        (
            "/spec/sparkConf",
            json!({"spark.kubernetes.authenticate.driver.oauthToken": "hunter2"}),
            "spec.sparkConf[\"spark.kubernetes.authenticate.driver.oauthToken\"]: not allowed",
        ),
        (
            "/spec/sparkConf",
            json!({"spark.kubernetes.namespace": "other"}),
            "spec.sparkConf[\"spark.kubernetes.namespace\"]: expected the application's own namespace `team`, found `other`",
        ),
        (
            "/spec/driverIngressOptions",
            ingress(json!(null), json!("x")),
            "spec.driverIngressOptions[0].servicePort: expected a value, found nothing",
        ),
        (
            "/spec/driverIngressOptions",
            ingress(json!(1), json!("")),
            "spec.driverIngressOptions[0].ingressURLFormat: expected a value, found nothing",
        ),
    ]);
}

#[test]
fn the_schemas_rules() {
    each_is_one_finding(&[
        (
            "/spec/sparkVersion",
            json!("latest"),
            "spec.sparkVersion: expected a version such as `4.0.0` of letters",
        ),
        (
            "/spec/sparkVersion",
            json!("4.0.1+amzn-0"),
            "spec.sparkVersion: expected a version such as `4.0.0` of letters",
        ),
        (
            "/spec/imagePullPolicy",
            json!("Sometimes"),
            "spec.imagePullPolicy: expected one of Always, IfNotPresent",
        ),
        (
            "/spec/pythonVersion",
            json!("3.11"),
            "spec.pythonVersion: expected `2` or `3`, found `3.11`",
        ),
        (
            "/spec/memoryOverheadFactor",
            json!("10%"),
            "spec.memoryOverheadFactor: expected a decimal number",
        ),
        (
            "/spec/driver/cores",
            json!(0),
            "spec.driver.cores: expected at least 1, found 0",
        ),
        (
            "/spec/executor/cores",
            json!(-1),
            "spec.executor.cores: expected at least 1, found -1",
        ),
        (
            "/spec/executor/instances",
            json!(0),
            "spec.executor.instances: expected at least 1, found 0",
        ),
        (
            "/spec/restartPolicy",
            json!({"onFailureRetries": -1}),
            "spec.restartPolicy.onFailureRetries: expected at least 0",
        ),
        (
            "/spec/restartPolicy",
            json!({"onSubmissionFailureRetryInterval": 0}),
            "spec.restartPolicy.onSubmissionFailureRetryInterval: expected at least 1",
        ),
        (
            "/spec/dynamicAllocation",
            json!({"enabled": true, "maxExecutors": 0}),
            "spec.dynamicAllocation.maxExecutors: expected at least 1, the greater of 1 and minExecutors, found 0",
        ),
        (
            "/spec/monitoring",
            json!({"prometheus": {"jmxExporterJar": "/a.jar", "port": 80}}),
            "spec.monitoring.prometheus.port: expected a port from 1024 to 49151, found 80",
        ),
        (
            "/spec/monitoring",
            json!({"prometheus": {"port": 8090}}),
            "spec.monitoring.prometheus.jmxExporterJar: expected a value, found nothing",
        ),
    ]);
}

#[test]
fn sizes() {
    each_is_one_finding(&[
        (
            "/spec/driver/memory",
            json!("1.5g"),
            "spec.driver.memory: expected an integer above 0 with one of the suffixes",
        ),
        (
            "/spec/executor/memoryOverhead",
            json!("much"),
            "spec.executor.memoryOverhead: expected an integer with one",
        ),
        (
            "/spec/driver/memoryLimit",
            json!("2 g"),
            "spec.driver.memoryLimit: expected a size such as `2g` or a Kubernetes",
        ),
        (
            "/spec/driver/coreRequest",
            json!("half"),
            "spec.driver.coreRequest: expected a Kubernetes quantity",
        ),
        (
            "/spec/executor/coreLimit",
            json!("-1"),
            "spec.executor.coreLimit: expected a Kubernetes quantity",
        ),
    ]);
}

#[test]
fn items_of_lists() {
    let port =
        |number: i32, protocol: &str| json!([{"name": "p", "protocol": protocol, "containerPort": number}]);
    each_is_one_finding(&[
        (
            "/spec/driver/ports",
            port(0, "TCP"),
            "spec.driver.ports[0].containerPort: expected a port from 1 to 65535, found 0",
        ),
        (
            "/spec/executor/ports",
            port(80, "HTTP"),
            "spec.executor.ports[0].protocol: expected one of TCP, UDP, SCTP",
        ),
        (
            "/spec/driver/secrets",
            json!([{"name": "a"}]),
            "spec.driver.secrets[0].path: expected a value, found nothing",
        ),
        (
            "/spec/executor/configMaps",
            json!([{"path": "/a"}]),
            "spec.executor.configMaps[0].name: expected a value, found nothing",
        ),
    ]);
}

#[test]
fn what_spark_needs() {
    each_is_one_finding(&[
        (
            "/spec/image",
            json!(null),
            "spec.image: expected a value, found nothing; set it, or spec.driver.image and spec.executor.image",
        ),
        (
            "/spec/image",
            json!(""),
            "spec.image: expected a value, found nothing",
        ),
        (
            "/spec/mode",
            json!("client"),
            "spec.mode: expected `cluster`, found `client`",
        ),
        (
            "/spec/mode",
            json!("in-cluster-client"),
            "spec.mode: expected `cluster`, found `in-cluster-client`",
        ),
        (
            "/spec/mainApplicationFile",
            json!(null),
            "spec.mainApplicationFile: expected a jar",
        ),
        (
            "/spec/mainApplicationFile",
            json!(""),
            "spec.mainApplicationFile: expected a jar",
        ),
        (
            "/spec/mainClass",
            json!(null),
            "spec.mainClass: expected the name of a class, found nothing; Spark takes a main file that doesn't end with .py",
        ),
    ]);
}

#[test]
fn what_only_looks_odd_is_taken() {
    for (pointer, value) in [
        ("/metadata/namespace", json!(null)),
        ("/spec/sparkVersion", json!(null)),
        ("/spec/sparkVersion", json!("v4.1")),
        ("/spec/mode", json!(null)),
        ("/spec/driver/memory", json!("2048")),
        ("/spec/driver/memoryOverhead", json!("0")),
        ("/spec/driver/memory", json!("")),
        ("/spec/driver/memoryLimit", json!("2Gi")),
        ("/spec/driver/coreRequest", json!("0.5")),
        ("/spec/driver/podName", json!("a.b")),
        ("/spec/sparkConf", json!({"spark.kubernetes.namespace": "team"})),
        (
            "/spec/dynamicAllocation",
            json!({"enabled": false, "maxExecutors": 0}),
        ),
        ("/spec/mainApplicationFile", json!("spark-internal")),
    ] {
        assert_eq!(
            findings(&with(pointer, value.clone())),
            [""; 0],
            "{pointer} {value}"
        );
    }
}

#[test]
fn an_image_is_needed_for_each_role() {
    type Case<'a> = (&'a [(&'a str, Value)], &'a [&'a str]);
    let image = json!("i");
    let none = ("/spec/image", json!(null));
    let cases: &[Case] = &[
        (
            &[none.clone(), ("/spec/driver/image", image.clone())],
            &["spec.executor.image: expected an image here or in spec.image, found nothing"],
        ),
        (
            &[none.clone(), ("/spec/executor/image", image.clone())],
            &["spec.driver.image: expected an image here or in spec.image, found nothing"],
        ),
        (
            &[
                none.clone(),
                ("/spec/driver/image", image.clone()),
                ("/spec/executor/image", image),
            ],
            &[],
        ),
        // That the conf may not name it is the one thing to say.
        (
            &[
                none,
                (
                    "/spec/sparkConf",
                    json!({"spark.kubernetes.container.image": "i"}),
                ),
            ],
            &[
                "spec.sparkConf[\"spark.kubernetes.container.image\"]: not allowed here, as in the operator; set spec.image",
            ],
        ),
    ];
    for (changes, expected) in cases {
        assert_eq!(findings(&with_all(changes)), *expected, "{changes:?}");
    }
}

#[test]
fn node_selectors_stand_at_one_level() {
    let selector = json!({"disk": "ssd"});
    let found = findings(&with_all(&[
        ("/spec/nodeSelector", selector.clone()),
        ("/spec/executor/nodeSelector", selector.clone()),
    ]));
    assert_eq!(
        found,
        ["spec.executor.nodeSelector: not allowed together with spec.nodeSelector; keep one of them"]
    );
    assert_eq!(findings(&with("/spec/nodeSelector", selector)), [""; 0]);
}

#[test]
fn templates_need_spark_3() {
    for (version, findings_expected) in [("2.4.8", 1), ("3.0.0", 0), ("4.1", 0)] {
        let found = findings(&with_all(&[
            ("/spec/sparkVersion", json!(version)),
            ("/spec/driver/template", json!({"spec": {}})),
        ]));
        assert_eq!(found.len(), findings_expected, "{version} {found:?}");
    }
}

#[test]
fn driver_ingresses_differ_in_port_and_url() {
    let entry = |port: i32, url: &str| json!({"servicePort": port, "ingressURLFormat": url});
    let found = findings(&with(
        "/spec/driverIngressOptions",
        json!([entry(1, "a"), entry(2, "b"), entry(1, "b")]),
    ));
    assert_eq!(
        found,
        [
            "spec.driverIngressOptions[2].ingressURLFormat: expected a format that no earlier entry has",
            "spec.driverIngressOptions[2].servicePort: expected a port that no earlier entry has, found 1",
        ]
    );
}

#[test]
fn the_main_files_suffix_decides_and_the_type_only_warns() {
    // type, file, main class, is it valid, what is it run as where that is worth a warning
    let cases = [
        ("Python", "local:///a.py", None, true, None),
        ("R", "local:///a.R", None, true, None),
        ("R", "local:///a.r", None, true, None),
        ("Java", "local:///a.jar", Some("Main"), true, None),
        ("Scala", "https://example.com/a", Some("Main"), true, None),
        ("Python", "local:///a.jar", Some("Main"), true, Some("a jar")),
        ("Python", "local:///a.jar", None, false, Some("a jar")),
        ("Python", "local:///a.PY", None, false, Some("a jar")),
        ("Scala", "local:///a.py", None, true, Some("a Python file")),
        ("Python", "local:///a.R", None, true, Some("an R file")),
        ("Java", "local:///a.jar", Some(""), false, None),
    ];
    for (kind, file, class, valid, taken_for) in cases {
        let application = with_all(&[
            ("/spec/type", json!(kind)),
            ("/spec/mainApplicationFile", json!(file)),
            ("/spec/mainClass", json!(class)),
        ]);
        let found = findings(&application);
        assert_eq!(found.is_empty(), valid, "{kind} {file} {found:?}");
        let warned = warnings(&application);
        match taken_for {
            Some(taken_for) => assert!(
                warned.len() == 1 && warned[0].ends_with(&format!("runs it as {taken_for}")),
                "{kind} {file} {warned:?}"
            ),
            None => assert_eq!(*warned, [""; 0], "{kind} {file}"),
        }
    }
}

#[test]
fn a_gpu_that_asks_for_nothing_is_a_warning() {
    let application = with("/spec/executor/gpu", json!({"name": "", "quantity": 1}));
    assert_eq!(findings(&application), [""; 0]);
    assert_eq!(
        *warnings(&application),
        ["spec.executor.gpu: asks for no GPU: it needs a name and a quantity above 0"]
    );
}

#[test]
fn everything_wrong_is_reported_at_once() {
    let found = findings(&with_all(&[
        ("/metadata/name", json!("UPPER")),
        ("/spec/image", json!(null)),
        ("/spec/mode", json!("client")),
        ("/spec/driver/memory", json!("lots")),
    ]));
    let paths: Vec<_> = found.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(
        paths,
        ["metadata.name", "spec.driver.memory", "spec.image", "spec.mode"]
    );
}
