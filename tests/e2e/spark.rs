//! The last word is Spark's: drivers that start from what native-submit created, ask the real API server for executors, get
//! them, and finish with the right answer (`tests/e2e/spark`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::spark_run::{DRIVER, Ended, EntryPoint, EventLog, Place, log_file, versions};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fs, process::Command, time::Duration};

const PI: &str = "local:///opt/spark/examples/jars/e2e.jar";
const READBACK: &str = "local:///opt/spark/examples/readback.py";
const HELPER: &str = "local:///opt/spark/examples/helper.py";

/// Arguments that a shell, a properties file, YAML or Jinja could spoil.
const ARGUMENTS: [&str; 9] = [
    "two words",
    "it's \"quoted\"",
    "back\\slash",
    "$HOME",
    "; exit 3",
    "{{ braces }} {% if %}",
    "line\nbreak\ttab",
    "größe-日本-🦀",
    "--conf=spark.app.name=x",
];

/// Conf values that a properties file could spoil. Spark itself trims what stands around a value.
const CONF: [(&str, &str); 11] = [
    ("spark.e2e.equals", "a=b:c d"),
    ("spark.e2e.comment", "#not ! a comment"),
    ("spark.e2e.backslash", r"C:\new\table\u0041\"),
    ("spark.e2e.lines", "one\ntwo\n\tthree"),
    ("spark.e2e.unicode", "größe 日本 🦀 \u{a0}x"),
    ("spark.e2e.quotes", r#"'single' "double" `back`"#),
    ("spark.e2e.shell", "$HOME $(HOME) ${spark.app.id-not-a-reference"),
    ("spark.e2e.jinja", "{{ 1 + 1 }} {% raw %} {# #}"),
    ("spark.e2e.yaml", "- [a, {b: c}] & * | > % @"),
    ("spark.e2e.key with space:and\\more", "value"),
    ("spark.e2e.yes", "yes"),
];

#[tokio::test(flavor = "multi_thread")]
async fn spark_pi_computes_pi_by_each_entry_point() {
    let [old, new] = versions();
    for (entry_point, version) in [
        (EntryPoint::Grpc, &old),
        (EntryPoint::Rest, &new),
        (EntryPoint::DropIn, &old),
        (EntryPoint::Grpc, &new),
    ] {
        let place = Place::new().await;
        if entry_point == EntryPoint::Grpc {
            let spec = json!({"mainClass": "e2e.SparkPi", "mainApplicationFile": PI, "arguments": ["4"]});
            place.submit(&place.application(version, &spec)).await;
        } else {
            let mut arguments = place.arguments(version, &[]);
            arguments.extend(["--class", "e2e.SparkPi", PI, "4"].map(str::to_owned));
            place.submit_arguments(entry_point, version, &arguments).await;
        }
        let ended = place.ended().await;
        let pi: f64 = said(&ended, "Pi is roughly ").parse().unwrap();
        assert!((3.1..3.2).contains(&pi), "{entry_point:?} {version}: {pi}");
        // 400,000 points in 4 slices, counted once.
        let expected = EventLog {
            executors: ["1".to_owned()].into(),
            tasks: 4,
            stages: 1,
            jobs: 1,
            ended: true,
            ..EventLog::default()
        };
        assert_eq!(place.event_log(), expected, "{entry_point:?} {version}");
        place.leave().await;
    }
}

/// All that an application brings, and what of it the driver and its executors see.
#[tokio::test(flavor = "multi_thread")]
async fn a_python_application_reads_back_what_was_submitted() {
    let [_, version] = versions();
    let place = Place::new().await;
    create_secret(&place).await;
    let conf: Map<_, _> = CONF
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).into()))
        .collect();
    let application = place.application(
        &version,
        &json!({
            "type": "Python", "pythonVersion": "3", "mainApplicationFile": READBACK, "arguments": ARGUMENTS,
            "deps": {"pyFiles": [HELPER]},
            "sparkConf": conf,
            "driver": {
                "envVars": {"PLAIN": ARGUMENTS[1], "UNICODE": "größe 🦀"},
                "envSecretKeyRefs": {"FROM_SECRET": {"name": "credentials", "key": "password"}},
                "secrets": [{"name": "credentials", "path": "/etc/credentials", "secretType": "Generic"}],
                "labels": {"team": "etl"},
            },
            "executor": {
                "instances": 2,
                "envVars": {"PLAIN": ARGUMENTS[1]},
                "template": {
                    "metadata": {"labels": {"pool": "batch"}},
                    "spec": {
                        "containers": [
                            {"name": "spark-kubernetes-executor", "image": "spark:none",
                             "env": [{"name": "FROM_TEMPLATE", "value": "yes: no"}],
                             "volumeMounts": [{"name": "shared", "mountPath": "/shared"}]},
                            {"name": "beside", "image": "host",
                             "command": ["sh", "-c", "echo beside > /shared/word; exec sleep 600"],
                             "volumeMounts": [{"name": "shared", "mountPath": "/shared"}]},
                        ],
                        "volumes": [{"name": "shared", "emptyDir": {}}],
                    },
                },
            },
        }),
    );
    place.submit(&application).await;
    let ended = place.ended().await;
    let found: Value = serde_json::from_str(said(&ended, "READBACK ")).unwrap();

    assert_eq!(found["answer"], 999_000);
    assert_eq!(found["arguments"], json!(ARGUMENTS));
    assert_eq!(found["helper"], "a module of pyFiles");
    let submitted = application["spec"]["sparkConf"].as_object().unwrap();
    assert_eq!(read_back(submitted, &found["conf"]), Vec::<String>::new());
    for (variable, value) in [
        ("PLAIN", ARGUMENTS[1]),
        ("UNICODE", "größe 🦀"),
        ("FROM_SECRET", "p$ss: 'word'"),
    ] {
        assert_eq!(found["environment"][variable], value, "{variable}");
    }
    assert_eq!(found["secret file"], "p$ss: 'word'");
    let executor = &found["executor environment"];
    assert_eq!(executor["PLAIN"], ARGUMENTS[1]);
    assert_eq!(executor["FROM_TEMPLATE"], "yes: no");
    assert_eq!(found["executors"], json!(["1", "2"]));
    assert_eq!(found["word of the sidecar"], "beside");

    let executors = place.executors().await;
    assert_eq!(executors.len(), 2);
    for pod in &executors {
        assert_eq!(pod["metadata"]["labels"]["pool"], "batch");
        assert_eq!(pod["spec"]["containers"].as_array().unwrap().len(), 2);
    }
    let log = place.event_log();
    assert_eq!(log.executors, ["1".to_owned(), "2".to_owned()].into());
    assert_eq!((log.failed_tasks, log.ended), (0, true), "{log:?}");
    place.leave().await;
}

/// The same by arguments, through the drop-in, of the older Spark.
#[tokio::test(flavor = "multi_thread")]
async fn a_python_application_by_arguments_reads_back_what_was_submitted() {
    let [version, _] = versions();
    let place = Place::new().await;
    create_secret(&place).await;
    let mut conf = CONF.to_vec();
    conf.extend([
        ("spark.kubernetes.driverEnv.PLAIN", ARGUMENTS[1]),
        ("spark.executorEnv.PLAIN", ARGUMENTS[1]),
        (
            "spark.kubernetes.driver.secretKeyRef.FROM_SECRET",
            "credentials:password",
        ),
        ("spark.kubernetes.driver.secrets.credentials", "/etc/credentials"),
    ]);
    let mut arguments = place.arguments(&version, &conf);
    arguments.extend(["--py-files", HELPER, READBACK].map(str::to_owned));
    arguments.extend(ARGUMENTS.map(str::to_owned));
    place
        .submit_arguments(EntryPoint::DropIn, &version, &arguments)
        .await;
    let ended = place.ended().await;
    let found: Value = serde_json::from_str(said(&ended, "READBACK ")).unwrap();

    assert_eq!(found["answer"], 999_000);
    assert_eq!(found["arguments"], json!(ARGUMENTS));
    assert_eq!(found["helper"], "a module of pyFiles");
    let submitted: Map<_, _> = conf
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).into()))
        .collect();
    assert_eq!(read_back(&submitted, &found["conf"]), Vec::<String>::new());
    assert_eq!(found["environment"]["PLAIN"], ARGUMENTS[1]);
    assert_eq!(found["environment"]["FROM_SECRET"], "p$ss: 'word'");
    assert_eq!(found["secret file"], "p$ss: 'word'");
    assert_eq!(found["executor environment"]["PLAIN"], ARGUMENTS[1]);
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jars_and_files_of_the_image_are_found() {
    let [_, version] = versions();
    let place = Place::new().await;
    let mut arguments = place.arguments(&version, &[]);
    arguments.extend(
        [
            "--jars",
            "local:///opt/spark/examples/jars/lib.jar",
            "--files",
            "local:///opt/spark/examples/data.txt",
            "--class",
            "e2e.Dependencies",
            PI,
            "/opt/spark/examples/data.txt",
        ]
        .map(str::to_owned),
    );
    place
        .submit_arguments(EntryPoint::Rest, &version, &arguments)
        .await;
    let ended = place.ended().await;
    assert_eq!(said(&ended, "ON THE DRIVER "), "from the jar: the text of a file");
    assert_eq!(
        said(&ended, "ON AN EXECUTOR "),
        "from the jar: the text of a file"
    );
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn executors_come_and_go_with_the_work() {
    let [_, version] = versions();
    let place = Place::new().await;
    let spec = json!({
        "type": "Python", "mainApplicationFile": "local:///opt/spark/examples/allocation.py",
        "dynamicAllocation": {
            "enabled": true, "initialExecutors": 1, "minExecutors": 0, "maxExecutors": 2,
            "shuffleTrackingEnabled": true, "shuffleTrackingTimeout": 4000,
        },
        "sparkConf": {
            "spark.dynamicAllocation.executorIdleTimeout": "3s",
            "spark.dynamicAllocation.schedulerBacklogTimeout": "1s",
        },
    });
    place.submit(&place.application(&version, &spec)).await;
    let ended = place.ended().await;
    let found: Value = serde_json::from_str(said(&ended, "ALLOCATION ")).unwrap();
    let both = ["1".to_owned(), "2".to_owned()];
    assert_eq!(found, json!({"used": both, "left": 0}));
    let log = place.event_log();
    assert_eq!((log.executors, log.removed), (both.clone().into(), both.into()));
    place.leave().await;
}

/// Spark adds the volume when it makes the executor: no template has it, and a template may mount it.
#[tokio::test(flavor = "multi_thread")]
async fn an_init_container_of_an_executor_mounts_a_volume_that_spark_adds() {
    for version in versions() {
        let place = Place::new().await;
        let spec = json!({
            "mainClass": "e2e.SparkPi", "mainApplicationFile": PI, "arguments": ["2"],
            "executor": {"template": {"spec": {
                "initContainers": [{
                    "name": "prepare", "image": "host", "command": ["sh", "-c", "echo ready > /scratch/word"],
                    "volumeMounts": [{"name": "spark-local-dir-1", "mountPath": "/scratch"}],
                }],
                "containers": [
                    {"name": "spark-kubernetes-executor", "image": "spark:none"},
                    {"name": "beside", "image": "host",
                     "command": ["sh", "-c", "cat /scratch/word; exec sleep 600"],
                     "volumeMounts": [{"name": "spark-local-dir-1", "mountPath": "/scratch"}]},
                ],
            }}},
        });
        place.submit(&place.application(&version, &spec)).await;
        let ended = place.ended().await;
        let pi: f64 = said(&ended, "Pi is roughly ").parse().unwrap();
        assert!((3.0..3.3).contains(&pi), "{version}: {pi}");
        let executors = place.executors().await;
        assert_eq!(executors.len(), 1, "{version}");
        let of_init = &executors[0]["status"]["initContainerStatuses"][0];
        assert_eq!(
            of_init["state"]["terminated"]["exitCode"], 0,
            "{version}: {of_init}"
        );
        let beside = fs::read_to_string(log_file(&executors[0], "beside")).unwrap();
        assert_eq!(beside, "ready\n", "{version}");
        let log = place.event_log();
        assert_eq!(
            (log.tasks, log.failed_tasks, log.ended),
            (2, 0, true),
            "{version}: {log:?}"
        );
        place.leave().await;
    }
}

/// What the check of executors refuses would have failed indeed: past the check the driver ends at its first executor, with
/// the reason that the refusal gave.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_executor_check_refuses_fails_at_the_first_executor() {
    const REASON: &str = "spark-app-name as it is reserved for Spark";
    let [_, version] = versions();
    let place = Place::new().await;
    let spec = json!({
        "mainClass": "e2e.SparkPi", "mainApplicationFile": PI, "arguments": ["2"],
        "sparkConf": {"spark.kubernetes.executor.label.spark-app-name": "mine"},
    });
    let live = place.create(&place.application(&version, &spec)).await;
    let refusal = place.submit_live(&live, &[]).await.unwrap_err();
    assert!(refusal.contains(REASON), "{refusal}");
    place
        .submit_live(&live, &[("EXECUTOR_CHECK", "warn")])
        .await
        .unwrap();
    let ended = place.ended().await;
    assert_eq!(ended.phase, "Failed", "{}", ended.status);
    assert!(ended.log.contains(REASON), "{}", ended.log);
    assert_eq!(place.executors().await, Vec::<Value>::new());
    place.leave().await;
}

/// A rule broken in what we rendered, that a run has to notice: one that passes in spite of it would prove nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_rule_makes_a_run_fail() {
    type Break = fn(&mut BTreeMap<String, Value>);
    let breaks: [(&str, Break); 5] = [
        ("nothing", |_| {}),
        ("the wrong mount path", |objects| {
            let container = &mut driver(objects)["spec"]["containers"][0];
            let mounts = container["volumeMounts"].as_array_mut().unwrap();
            let mount = mounts
                .iter_mut()
                .find(|mount| mount["mountPath"] == "/opt/spark/conf")
                .unwrap();
            mount["mountPath"] = "/opt/spark/config".into();
        }),
        ("a missing property", |objects| {
            properties(objects, |line| {
                (!line.starts_with("spark.e2e.unicode")).then(|| line.to_owned())
            });
        }),
        ("the wrong selector", |objects| {
            let service = objects
                .values_mut()
                .find(|object| object["kind"] == "Service")
                .unwrap();
            service["spec"]["selector"] = json!({"spark-role": "none"});
        }),
        ("an unescaped value", |objects| {
            properties(objects, |line| {
                let escaped = line.starts_with("spark.e2e.backslash");
                Some(if escaped {
                    line.replace(r"\\", r"\")
                } else {
                    line.to_owned()
                })
            });
        }),
    ];
    // Executors of newer versions go by the driver Pod's address: the Service's selector is not missed.
    let [version, _] = versions();
    for (what, break_it) in breaks {
        let place = Place::new().await;
        let conf: Map<_, _> = CONF
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).into()))
            .collect();
        let spec = json!({"type": "Python", "mainApplicationFile": READBACK, "sparkConf": conf});
        let application = place.application(&version, &spec);
        let mut objects = rendered(&application);
        break_it(&mut objects);
        for object in objects.values() {
            place.plane.create(&place.namespace, object).await.unwrap();
        }
        // A driver that waits for executors which never reach it waits for long.
        let patience = Duration::from_secs(if what == "nothing" { 180 } else { 60 });
        let ended = place.ended_within(patience).await;
        let outcome = ended.said("READBACK ").and_then(|line| {
            let found: Value = serde_json::from_str(line).unwrap();
            let wrong = read_back(
                application["spec"]["sparkConf"].as_object().unwrap(),
                &found["conf"],
            );
            if wrong.is_empty() {
                Ok(())
            } else {
                Err(wrong.join(", "))
            }
        });
        assert_eq!(outcome.is_ok(), what == "nothing", "{what}: {outcome:?}");
        place.leave().await;
    }
}

/// The objects that `submit` writes for an application, by file name.
fn rendered(application: &Value) -> BTreeMap<String, Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("application.json");
    fs::write(&file, application.to_string()).unwrap();
    let output = folder.path().join("objects");
    let result = Command::new(env!("CARGO_BIN_EXE_native-submit"))
        .args([
            "submit",
            file.to_str().unwrap(),
            "--apply-to",
            &format!("dir:{}", output.display()),
        ])
        .output()
        .unwrap();
    assert!(
        result.status.success(),
        "{}",
        String::from_utf8_lossy(&result.stderr)
    );
    fs::read_dir(&output)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            (name.to_owned(), serde_yaml::from_str(&text).unwrap())
        })
        .collect()
}

fn driver(objects: &mut BTreeMap<String, Value>) -> &mut Value {
    objects
        .values_mut()
        .find(|object| object["metadata"]["name"] == DRIVER)
        .unwrap()
}

/// Rewrites spark.properties line by line.
fn properties(objects: &mut BTreeMap<String, Value>, change: impl Fn(&str) -> Option<String>) {
    let data = objects
        .values_mut()
        .find_map(|object| object["data"].get_mut("spark.properties"))
        .unwrap();
    let before = data.as_str().unwrap().to_owned();
    let lines: Vec<_> = before.lines().filter_map(change).collect();
    let after = lines.join("\n") + "\n";
    assert_ne!(after, before);
    *data = after.into();
}

fn said<'a>(ended: &'a Ended, start: &str) -> &'a str {
    ended.said(start).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// What of the conf did not come back as it was submitted.
fn read_back(submitted: &Map<String, Value>, found: &Value) -> Vec<String> {
    submitted
        .iter()
        .filter(|(key, value)| found[key.as_str()] != **value)
        .map(|(key, value)| format!("{key}: {value} came back as {}", found[key.as_str()]))
        .collect()
}

async fn create_secret(place: &Place) {
    // Base64 of `p$ss: 'word'`.
    let secret = json!({"kind": "Secret", "metadata": {"name": "credentials"}, "data": {"password": "cCRzczogJ3dvcmQn"}});
    place.plane.create(&place.namespace, &secret).await.unwrap();
}
