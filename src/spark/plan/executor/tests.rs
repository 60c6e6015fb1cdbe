//! What the recordings of Spark (`tests/parity`) don't have.

use super::*;
use serde_json::json;

fn made(
    version: &str,
    properties: &[(&str, &str)],
    template: Option<Value>,
) -> Result<ExecutorPod, NoExecutorPod> {
    let mut all = BTreeMap::from(
        [
            ("spark.app.id", "spark-0123"),
            ("spark.app.name", "Spark Pi"),
            ("spark.driver.host", "pi-svc.jobs.svc"),
            ("spark.kubernetes.container.image", "spark:4"),
            ("spark.kubernetes.namespace", "jobs"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    for (key, value) in properties {
        all.insert((*key).to_owned(), (*value).to_owned());
    }
    let template = template.map(|value| {
        PodTemplate::from_value("t", value, crate::spark::submission::UnknownFields::Pass).unwrap()
    });
    executor_pod(&ExecutorSource {
        properties: &all,
        template: template.as_ref(),
        version: &version.parse().unwrap(),
        driver_environment: &BTreeMap::new(),
        conf_files: &[],
    })
}

fn env(pod: &Value, name: &str) -> Option<String> {
    let containers = pod["spec"]["containers"].as_array()?;
    let env = containers.last()?["env"].as_array()?;
    let entry = env.iter().rev().find(|entry| entry["name"] == name)?;
    entry["value"].as_str().map(str::to_owned)
}

#[test]
fn its_names_follow_from_the_submission() {
    let first = made("4.1.1", &[], None).unwrap().pod;
    assert_eq!(first, made("4.1.1", &[], None).unwrap().pod);
    let name = first["metadata"]["name"].as_str().unwrap();
    assert!(
        name.starts_with("spark-pi-") && name.ends_with("-exec-1"),
        "{name}"
    );
    assert_eq!(first["spec"]["hostname"], name);
    let other = made("4.1.1", &[("spark.app.id", "spark-4567")], None)
        .unwrap()
        .pod;
    assert_ne!(other["metadata"]["name"], name);
}

/// The versions between those that are recorded: read out of their classes.
#[test]
fn each_version_makes_what_it_makes() {
    let last = |version: &str| {
        let pod = made(version, &[], None).unwrap().pod;
        let container = pod["spec"]["containers"][0].clone();
        (
            pod["spec"].get("terminationGracePeriodSeconds").is_some(),
            container.get("resizePolicy").is_some(),
            container.get("securityContext").is_some(),
            env(&pod, "SPARK_DRIVER_URL").unwrap().contains(DRIVER_IP),
        )
    };
    assert_eq!(last("4.0.1"), (false, false, false, false));
    assert_eq!(last("4.1.1"), (true, false, false, false));
    assert_eq!(last("4.2.0"), (true, true, false, false));
    assert_eq!(last("4.3.0"), (true, true, true, true));
    let library_path = |version: &str| {
        let conf = [("spark.executor.extraLibraryPath", "/native")];
        env(
            &made(version, &conf, None).unwrap().pod,
            "SPARK_EXECUTOR_LIBRARY_PATH",
        )
    };
    for version in ["3.5.9", "4.0.4"] {
        assert_eq!(library_path(version), None, "{version}");
    }
    for version in ["4.1.4", "4.2.1", "4.3.0"] {
        assert_eq!(library_path(version).as_deref(), Some("/native"), "{version}");
    }
    for (version, key, passes) in [
        ("3.5.9", "spark.executor.defaultJavaOptions", true),
        ("4.0.4", "spark.executor.defaultJavaOptions", false),
        ("3.5.9", "spark.executor.extraJavaOptions", false),
    ] {
        let made = made(version, &[(key, "-Da=-Xmx")], None);
        assert_eq!(made.is_ok(), passes, "{version} {key}");
    }
}

#[test]
fn what_the_driver_would_end_with_is_refused_by_its_key() {
    for (version, key, value) in [
        ("3.5.5", "spark.kubernetes.allocation.batch.size", "0"),
        ("3.5.5", "spark.kubernetes.allocation.batch.delay", "0s"),
        ("4.0.1", "spark.kubernetes.allocation.batch.delay", "100ms"),
        // Once, although it is below both bounds.
        ("4.0.1", "spark.kubernetes.allocation.batch.delay", "0s"),
        ("4.1.1", "spark.kubernetes.allocation.maximum", "0"),
        (
            "4.1.1",
            "spark.kubernetes.executor.terminationGracePeriodSeconds",
            "-1s",
        ),
        (
            "3.5.5",
            "spark.kubernetes.allocation.pods.allocator",
            "deployment",
        ),
        ("3.5.5", "spark.kubernetes.executor.checkAllContainers", "yes"),
        ("3.5.5", "spark.executor.memoryOverhead", "10x"),
        ("3.5.5", "spark.executor.memoryOverhead", "-1"),
        ("3.5.5", "spark.executor.cores", "two"),
        ("3.5.5", "spark.executor.instances", "many"),
        ("3.5.5", "spark.executor.memoryOverheadFactor", "0"),
        ("3.5.5", "spark.executor.extraJavaOptions", "-Dspark.x=1"),
        ("3.5.5", "spark.kubernetes.executor.podNamePrefix", "UPPER"),
        ("3.5.5", "spark.kubernetes.executor.label.spark-role", "x"),
        ("3.5.5", "spark.kubernetes.executor.secretKeyRef.A", "a:b:c"),
        ("3.5.5", "spark.blockManager.port", "80"),
    ] {
        let refusals = match made(version, &[(key, value)], None) {
            Ok(executor) => executor.never,
            Err(NoExecutorPod::Thrown(refusal)) => vec![refusal],
            Err(unknown) => panic!("{key}: {unknown}"),
        };
        let subjects: Vec<_> = refusals.iter().map(|refusal| &refusal.subject).collect();
        assert_eq!(subjects, [key], "{value}");
    }
    for (key, value) in [
        ("spark.kubernetes.allocation.batch.delay", "100ms"),
        ("spark.kubernetes.allocation.maximum", "0"),
    ] {
        let executor = made("3.5.5", &[(key, value)], None).unwrap();
        assert!(executor.never.is_empty(), "{key}");
    }
}

#[test]
fn what_needs_the_drivers_image_is_unknown() {
    for (key, value) in [
        ("spark.kubernetes.executor.pod.featureSteps", "com.example.Step"),
        (
            "spark.kubernetes.allocation.pods.allocator",
            "com.example.Allocator",
        ),
    ] {
        let refused = made("4.1.1", &[(key, value)], None).unwrap_err();
        assert!(matches!(refused, NoExecutorPod::Unknown(_)), "{refused}");
    }
}

#[test]
fn what_the_code_may_set_is_missing_and_the_rest_is_made() {
    let pod = made(
        "4.1.1",
        &[
            ("spark.kubernetes.container.image", "${spark.none}"),
            ("spark.executor.resource.gpu.amount", "1"),
        ],
        None,
    )
    .unwrap();
    assert_eq!(pod.missing.len(), 1, "{:?}", pod.missing);
    assert_eq!(pod.missing[0].subject, "spark.executor.resource.gpu.vendor");
}

#[test]
fn a_limit_below_the_request_ends_the_driver_from_4_1_on() {
    let conf = [
        ("spark.executor.cores", "4"),
        ("spark.kubernetes.executor.limit.cores", "1200m"),
    ];
    assert!(made("4.0.4", &conf, None).is_ok());
    let NoExecutorPod::Thrown(refusal) = made("4.1.1", &conf, None).unwrap_err() else {
        panic!("known");
    };
    assert_eq!(refusal.subject, "spark.kubernetes.executor.limit.cores");
}

#[test]
fn a_limit_with_blanks_ends_the_driver_from_4_1_on_as_does_a_request_beside_one() {
    const LIMIT: &str = "spark.kubernetes.executor.limit.cores";
    const REQUEST: &str = "spark.kubernetes.executor.request.cores";
    for blank in ['\n', '\r', '\u{85}', '\u{a0}', '\u{2003}', '\u{2028}'] {
        let (before, behind) = (format!("{blank}2"), format!("2{blank}"));
        for (conf, subject) in [
            (vec![(LIMIT, before.as_str())], LIMIT),
            (vec![(LIMIT, behind.as_str())], LIMIT),
            (vec![(REQUEST, behind.as_str()), (LIMIT, "4")], REQUEST),
        ] {
            assert!(made("4.0.4", &conf, None).is_ok(), "{conf:?}");
            let NoExecutorPod::Thrown(refusal) = made("4.1.1", &conf, None).unwrap_err() else {
                panic!("known");
            };
            assert_eq!(refusal.subject, subject, "{conf:?}");
        }
        // It isn't compared with anything.
        assert!(made("4.1.1", &[(REQUEST, behind.as_str())], None).is_ok());
    }
    for no_quantity in ["٢٠", "lots", "1.5.5", ""] {
        assert!(
            made("4.1.1", &[(LIMIT, no_quantity)], None).is_ok(),
            "{no_quantity}"
        );
    }
    // The driver reads its properties without the blanks of ASCII around a value.
    assert!(made("4.1.1", &[(LIMIT, " 2\t")], None).is_ok());
}

#[test]
fn an_exponent_beyond_javas_ends_the_driver_where_quantities_are_compared() {
    const LIMIT: &str = "spark.kubernetes.executor.limit.cores";
    const REQUEST: &str = "spark.kubernetes.executor.request.cores";
    for (conf, subject) in [
        (vec![(LIMIT, "1e1000000000")], LIMIT),
        (vec![(LIMIT, "1E+99999999999")], LIMIT),
        (vec![(REQUEST, "1e-1000000000"), (LIMIT, "4")], REQUEST),
        (vec![(REQUEST, "0e99999999999"), (LIMIT, "4")], REQUEST),
    ] {
        assert!(made("4.0.4", &conf, None).is_ok(), "{conf:?}");
        let NoExecutorPod::Thrown(refusal) = made("4.1.1", &conf, None).unwrap_err() else {
            panic!("known");
        };
        assert_eq!(refusal.subject, subject, "{conf:?}");
    }
    for fits in ["1e999999999", "1e3", "1E", "1Ei"] {
        assert!(made("4.1.1", &[(LIMIT, fits)], None).is_ok(), "{fits}");
    }
    assert!(made("4.1.1", &[(REQUEST, "1e-1000000000")], None).is_ok());
}

#[test]
fn a_resource_type_that_no_step_overwrote_is_one_of_sparks() {
    const TYPE: &str = "spark.kubernetes.resource.type";
    for (value, fits) in [
        ("python", true),
        ("java", true),
        ("r", true),
        ("default", false),
        ("Python", false),
    ] {
        let made = made("3.5.9", &[(TYPE, value)], None);
        assert_eq!(made.is_ok(), fits, "{value}");
        if let Err(NoExecutorPod::Thrown(refusal)) = made {
            assert_eq!(refusal.subject, TYPE);
        }
    }
}

#[test]
fn recovery_mode_gives_an_executor_the_cores_of_one_task() {
    let conf = [
        ("spark.executor.cores", "4"),
        ("spark.kubernetes.allocation.recoveryMode.enabled", "true"),
        ("spark.task.cpus", "2.0"),
    ];
    let cores = |version| env(&made(version, &conf, None).unwrap().pod, "SPARK_EXECUTOR_CORES");
    assert_eq!(cores("4.3.0").as_deref(), Some("2"));
    assert_eq!(cores("4.1.1").as_deref(), Some("4"));
}

#[test]
fn spark_looks_at_the_templates_deprecated_service_account_alone() {
    let conf = [(
        "spark.kubernetes.authenticate.executor.serviceAccountName",
        "conf",
    )];
    let account = |field: &str| {
        let template = json!({"spec": {field: "tpl", "containers": []}});
        let pod = made("4.3.0", &conf, Some(template)).unwrap().pod;
        pod["spec"]["serviceAccountName"].clone()
    };
    assert_eq!(account("serviceAccountName"), "conf");
    assert_eq!(account("serviceAccount"), Value::Null);
}

#[test]
fn volcanos_step_marks_an_executor() {
    let step = "org.apache.spark.deploy.k8s.features.VolcanoFeatureStep";
    let pod = made(
        "4.3.0",
        &[("spark.kubernetes.executor.pod.featureSteps", step)],
        None,
    )
    .unwrap()
    .pod;
    let annotations = &pod["metadata"]["annotations"];
    assert_eq!(annotations["scheduling.k8s.io/group-name"], "spark-0123-podgroup");
}

#[test]
fn a_volumes_boolean_has_no_blanks_around_it() {
    let prefix = "spark.kubernetes.executor.volumes.emptyDir.v.mount";
    let path = format!("{prefix}.path");
    let read_only = format!("{prefix}.readOnly");
    let of = |value| made("4.3.0", &[(&path, "/v"), (&read_only, value)], None);
    let pod = of("TRUE").unwrap().pod;
    let mounts = pod["spec"]["containers"][0]["volumeMounts"].as_array().unwrap();
    let mount = mounts.iter().find(|mount| mount["name"] == "v").unwrap();
    assert_eq!(mount["readOnly"], true);
    for value in ["yes", "", "\u{a0}true"] {
        assert!(
            matches!(of(value), Err(NoExecutorPod::Thrown(refusal)) if refusal.subject == read_only),
            "{value}"
        );
    }
}

#[test]
fn a_volumes_size_has_a_unit_or_is_a_kibibyte() {
    let prefix = "spark.kubernetes.executor.volumes.persistentVolumeClaim.v";
    let settings = [
        "mount.path",
        "options.claimName",
        "options.storageClass",
        "options.sizeLimit",
    ];
    let keys = settings.map(|key| format!("{prefix}.{key}"));
    for (size, fits) in [
        ("1Gi", true),
        ("1024", true),
        ("+500", true),
        ("lots", true),
        ("1023", false),
        ("01023", false),
        ("", false),
        ("99999999999999999999", false),
    ] {
        let properties: Vec<_> = keys
            .iter()
            .map(String::as_str)
            .zip(["/v", "c", "fast", size])
            .collect();
        let thrown = made("4.0.4", &properties, None);
        let refused = matches!(thrown, Err(NoExecutorPod::Thrown(refusal)) if refusal.subject == keys[3]);
        assert_eq!(!refused, fits, "{size}");
        assert!(made("3.5.9", &properties, None).is_ok(), "{size}");
    }
}

#[test]
fn control_characters_around_a_value_are_blanks_and_ends_of_lines_are_not() {
    let value = |value| {
        let pod = made("4.3.0", &[("spark.executorEnv.A", value)], None)
            .unwrap()
            .pod;
        env(&pod, "A").unwrap_or_default()
    };
    assert_eq!(value("\u{1}x\u{1f} "), "x");
    assert_eq!(value("\u{b}"), "");
    assert_eq!(value("\r x\n"), "\r x\n");
    assert_eq!(value("\u{a0}x\u{7f}"), "\u{a0}x\u{7f}");
}

#[test]
fn the_access_mode_of_claims_is_read_where_no_claim_is_made() {
    let key = "spark.kubernetes.legacy.useReadWriteOnceAccessMode";
    assert!(
        matches!(made("4.3.0", &[(key, "no")], None), Err(NoExecutorPod::Thrown(refusal)) if refusal.subject == key)
    );
}

#[test]
fn a_negative_size_off_the_heap_is_refused_although_none_is_used() {
    const SIZE: &str = "spark.memory.offHeap.size";
    for version in ["3.5.9", "4.3.0"] {
        for (size, fits) in [("-1g", false), ("-1", false), ("0", true), ("1g", true)] {
            match made(version, &[(SIZE, size)], None) {
                Ok(_) => assert!(fits, "{version} {size}"),
                Err(NoExecutorPod::Thrown(refusal)) => {
                    assert!(!fits && refusal.subject == SIZE, "{version} {size}: {refusal}");
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_negative_minimum_of_overhead_is_none() {
    let memory = |minimum| {
        let pod = made("4.1.1", &[("spark.executor.minMemoryOverhead", minimum)], None)
            .unwrap()
            .pod;
        pod.pointer("/spec/containers/0/resources/requests/memory")
            .cloned()
    };
    assert_eq!(memory("-1g"), Some(json!("1126Mi")));
    assert_eq!(memory("1g"), Some(json!("2048Mi")));
}
