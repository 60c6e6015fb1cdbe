//! `--context`, `--kubeconfig`, `--namespace` and `--dry-run`, as kubectl has them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{
    api_server::ApiServer,
    program::{call, submission},
    serve::FREE_PORTS,
};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt as _};

const SPARK_PI: &str = include_str!("../../../examples/spark-pi.yaml");

/// Two API servers, and a folder with a kubeconfig that has a context for each: `one` is current, `two` has the namespace `jobs`.
struct Clusters {
    one: ApiServer,
    two: ApiServer,
    work: tempfile::TempDir,
}

async fn clusters() -> Clusters {
    let (one, two) = (ApiServer::start().await, ApiServer::start().await);
    let work = tempfile::tempdir().unwrap();
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "one",
        "clusters": [
            {"name": "one", "cluster": {"server": one.url}},
            {"name": "two", "cluster": {"server": two.url}},
        ],
        "users": [{"name": "test", "user": {}}],
        "contexts": [
            {"name": "one", "context": {"cluster": "one", "user": "test"}},
            {"name": "two", "context": {"cluster": "two", "user": "test", "namespace": "jobs"}},
        ],
    });
    fs::write(work.path().join("config"), config.to_string()).unwrap();
    fs::write(work.path().join("app.yaml"), SPARK_PI).unwrap();
    let nowhere = SPARK_PI.replace("  namespace: default\n", "");
    fs::write(work.path().join("nowhere.yaml"), &nowhere).unwrap();
    Clusters { one, two, work }
}

impl Clusters {
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let ended = call(self.work.path(), arguments, &[("HOME", "/nonexistent")]);
        (ended.code, ended.out, ended.said)
    }

    fn pods(&self) -> (Vec<String>, Vec<String>) {
        let pods = |api: &ApiServer| {
            let pods = api.objects(|kind| kind == "pods");
            let name = |pod: &Value| format!("{}/{}", pod["metadata"]["namespace"], pod["metadata"]["name"]);
            pods.iter().map(|pod| name(pod).replace('"', "")).collect()
        };
        (pods(&self.one), pods(&self.two))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn submit_goes_where_the_flags_say() {
    let clusters = clusters().await;
    let (code, _, said) = clusters.run(&["submit", "app.yaml", "--kubeconfig", "config"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(clusters.pods().0, ["default/spark-pi-driver"]);

    // Without a namespace of its own: that of the context, or of the flag.
    let of_two = ["--kubeconfig", "config", "--context", "two"];
    let (code, _, said) = clusters.run(&[&["submit", "nowhere.yaml"], &of_two[..]].concat());
    assert_eq!(code, 0, "{said}");
    let (code, _, said) = clusters.run(&[&["submit", "nowhere.yaml", "-n", "other"], &of_two[..]].concat());
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        clusters.pods().1,
        ["jobs/spark-pi-driver", "other/spark-pi-driver"]
    );

    let (code, _, said) = clusters.run(&[&["submit", "app.yaml", "-n", "other"], &of_two[..]].concat());
    assert_eq!(code, 1);
    assert!(
        said.contains("metadata.namespace: expected `other` (--namespace), found `default`"),
        "{said}"
    );
    for command in ["render", "context"] {
        let (code, out, said) = clusters.run(&[command, "nowhere.yaml", "-n", "other"]);
        assert_eq!(code, 0, "{said}");
        assert!(out.contains("other"), "{out}");
        assert_eq!(clusters.run(&[command, "app.yaml", "-n", "other"]).0, 1);
    }
    // An empty flag says nothing, as for kubectl.
    let (code, out, said) = clusters.run(&[
        "submit",
        "nowhere.yaml",
        "--dry-run",
        "-n",
        "",
        "--kubeconfig",
        "config",
        "--context",
        "",
    ]);
    assert_eq!(code, 0, "{said}");
    assert!(out.contains("\"namespace\":\"default\""), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_that_cannot_be_used_is_reported_by_its_path() {
    let clusters = clusters().await;
    fs::write(clusters.work.path().join("bad"), "clusters: [token: secret\n").unwrap();
    let table: [(&[&str], &str); 4] = [
        (
            &["--kubeconfig", "gone"],
            "gone: the kubeconfig can't be used: no such file or directory",
        ),
        (
            &["--kubeconfig", "."],
            ".: the kubeconfig can't be used: is a directory",
        ),
        (
            &["--kubeconfig", "bad"],
            "bad: the kubeconfig can't be used: expected a kubeconfig in YAML, found a mistake at line 1, column 11",
        ),
        (&["--kubeconfig", "config", "--context", "three"], "three"),
    ];
    for (flags, says) in table {
        for command in [
            &["submit", "app.yaml"][..],
            &["submit", "app.yaml", "--dry-run=server"],
            &["diff", "--live", "app.yaml"],
            &["diff", "-A", "--to", "."],
            &["check", "templates", "--server-dry-run"],
            &[&["doctor"], &FREE_PORTS[..]].concat(),
        ] {
            fs::create_dir_all(clusters.work.path().join("templates")).unwrap();
            fs::write(
                clusters.work.path().join("templates/driver-pod.patch.yaml.j2"),
                "spec: {priorityClassName: a}\n",
            )
            .unwrap();
            let (code, out, said) = clusters.run(&[command, flags].concat());
            assert_ne!(code, 0, "{command:?} {flags:?}");
            let all = format!("{out}{said}");
            assert!(
                all.contains(says) && !all.contains("secret"),
                "{command:?} {flags:?}: {all}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_what_would_be_and_creates_nothing() {
    let clusters = clusters().await;
    let line = |arguments: &[&str]| -> Value {
        let (code, out, said) = clusters.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        serde_json::from_str(&out).unwrap()
    };
    let of_config = |flag: &'static str| ["submit", "app.yaml", "--kubeconfig", "config", flag];
    let (bare, client) = (
        line(&of_config("--dry-run")),
        line(&of_config("--dry-run=client")),
    );
    assert!(clusters.one.log().is_empty(), "the client asks nobody");
    let server = line(&of_config("--dry-run=server"));
    for line in [&bare, &client, &server] {
        assert_eq!(
            (&line["outcome"], &line["driver_pod_uid"]),
            (&json!("would-create"), &Value::Null)
        );
        assert_eq!(line["objects"].as_array().unwrap().len(), 4, "{line}");
        assert_eq!(line["objects"][0], "pods/spark-pi-driver");
    }
    let writes: Vec<_> = clusters
        .one
        .log()
        .into_iter()
        .filter(|seen| seen.verb == "create")
        .collect();
    // Each object, and before them a Pod that the operator's webhook may act on.
    assert_eq!(writes.len(), 5);
    assert!(writes.iter().all(|seen| seen.query.contains("dryRun=All")));
    assert!(clusters.pods().0.is_empty());

    // No cluster is needed to render and check; a directory gets no file.
    assert_eq!(line(&["submit", "app.yaml", "--dry-run"])["namespace"], "default");
    line(&["submit", "app.yaml", "--dry-run", "--apply-to", "dir:out"]);
    assert!(!clusters.work.path().join("out").exists());

    // `none` is what there is without the flag.
    line(&of_config("--dry-run=none"));
    assert_eq!(clusters.pods().0.len(), 1);
    for wrong in [
        &["--dry-run=server", "--apply-to", "dir:out"][..],
        &["--dry-run", "--server", "127.0.0.1:1"],
        &["--dry-run=maybe"],
        &["--context", "one", "--server", "127.0.0.1:1"],
    ] {
        assert_eq!(
            clusters.run(&[&["submit", "app.yaml"], wrong].concat()).0,
            2,
            "{wrong:?}"
        );
    }
    let (code, _, said) = clusters.run(&["submit", "app.yaml", "--dry-run", "--template-dir", "gone"]);
    assert_eq!(code, 1);
    assert!(
        said.contains("the template directory gone can't be read"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn diff_check_and_doctor_ask_the_cluster_that_the_flags_name() {
    let clusters = clusters().await;
    let of_two = ["--kubeconfig", "config", "--context", "two"];
    let asked = || (clusters.one.log().len(), clusters.two.log().len());
    fs::create_dir(clusters.work.path().join("t")).unwrap();
    fs::write(
        clusters.work.path().join("t/driver-pod.patch.yaml.j2"),
        "spec: {priorityClassName: a}\n",
    )
    .unwrap();
    let mut before = 0;
    for command in [
        &["diff", "--live", "nowhere.yaml"][..],
        &["diff", "-n", "jobs", "--to", "t"],
        &["check", "t", "--server-dry-run"],
        &["check", "t", "--live", "-n", "jobs"],
        &["check", "t", "--live", "-A"],
        &[&["doctor"], &FREE_PORTS[..], &["-n", "jobs"]].concat(),
    ] {
        let (code, out, said) = clusters.run(&[command, &of_two[..]].concat());
        assert!(code < 2, "{command:?}: {out}{said}");
        let (one, two) = asked();
        assert_eq!(one, 0, "{command:?}");
        assert!(two > before, "{command:?} asks: {out}{said}");
        before = two;
    }
    // An application without a namespace is looked for in the context's.
    let looked = clusters.two.log();
    assert!(
        looked
            .iter()
            .any(|seen| seen.resource == "pods" && seen.namespace == "jobs")
    );
    let rights = clusters.run(
        &[
            &["doctor", "--grpc-port", "0", "--rest-port", "0", "-n", "jobs"],
            &of_two[..],
        ]
        .concat(),
    );
    assert!(rights.1.contains("namespace jobs"), "{}", rights.1);
    // Flags that would change nothing, because no cluster is asked.
    for command in [
        &["check", "t", "--context", "two"][..],
        &["check", "t", "--kubeconfig", "config"],
        &["check", "t", "-n", "jobs"],
        &["check", "t", "-A"],
        &["diff", "app.yaml", "--context", "two"],
        &["diff", "app.yaml", "--kubeconfig", "config"],
    ] {
        let (code, _, said) = clusters.run(command);
        assert_eq!(code, 2, "{command:?}: {said}");
        assert!(said.contains("were not provided"), "{command:?}: {said}");
    }
}

/// A driver in a namespace.
fn driver(namespace: &str) -> Value {
    let labels = json!({"spark-role": "driver"});
    json!({"metadata": {"name": "pi-driver", "namespace": namespace, "labels": labels, "uid": namespace}})
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_kill_take_the_flags_of_the_other_commands() {
    let clusters = clusters().await;
    for namespace in ["jobs", "other"] {
        clusters.two.put("pods", driver(namespace));
    }
    let master = format!("k8s://{}", clusters.two.url);
    let run = |flags: &[&str], operation: &[&str]| {
        let words = [&["spark-submit"], flags, operation, &["--master", &master]].concat();
        let (code, _, said) = clusters.run(&words);
        (code, said)
    };
    let looked = || {
        clusters
            .two
            .log()
            .last()
            .map(|seen| seen.namespace.clone())
            .unwrap_or_default()
    };
    // The namespace is the flag's, else that of the flag's context in the flag's kubeconfig.
    for (flags, namespace) in [
        (&["--kubeconfig", "config", "--context", "two"][..], "jobs"),
        (&["--kubeconfig=config", "--context=two", "-n", "other"], "other"),
        (&["--kubeconfig", "config", "--namespace=other"], "other"),
        (&["--kubeconfig", "config", "-nother"], "other"),
    ] {
        let (code, said) = run(flags, &["--status", "pi-driver"]);
        assert_eq!(code, 0, "{flags:?}: {said}");
        assert!(said.contains("Application status (driver)"), "{flags:?}: {said}");
        assert_eq!(looked(), namespace, "{flags:?}");
    }
    let (code, said) = run(&["--kubeconfig", "config", "-n", "other"], &["--kill", "pi*"]);
    assert_eq!(code, 0, "{said}");
    let left = clusters.pods().1;
    assert_eq!(left, ["jobs/pi-driver"]);
    // What contradicts a flag is refused before anybody is asked.
    let before = clusters.two.log().len();
    for (flags, operation, says) in [
        (
            &["--kubeconfig", "config", "-n", "other"][..],
            &["--kill", "jobs:pi-driver"][..],
            "--namespace: expected the namespace that the driver's name begins with",
        ),
        (
            &["--kubeconfig", "config", "--context", "two"],
            &["--kill", "pi-driver", "--conf", "spark.kubernetes.context=one"],
            "--context: expected the value of spark.kubernetes.context",
        ),
        (
            &["--kubeconfig", "gone"],
            &["--kill", "jobs:pi-driver"],
            "gone: the kubeconfig can't be used",
        ),
        (
            &["--kubeconfig"],
            &[],
            "a value is required for '--kubeconfig <FILE>'",
        ),
    ] {
        let (code, said) = if operation.is_empty() {
            let (code, _, said) = clusters.run(&[&["spark-submit"], flags].concat());
            (code, said)
        } else {
            run(flags, operation)
        };
        assert_eq!(code, 1, "{flags:?}: {said}");
        assert!(said.contains(says), "{flags:?}: {said}");
    }
    assert_eq!(clusters.two.log().len(), before);
    assert_eq!(clusters.pods().1, ["jobs/pi-driver"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drop_in_submits_where_the_flags_say_and_hands_them_on() {
    let clusters = clusters().await;
    let master = format!("k8s://{}", clusters.two.url);
    let conf = [
        "spark.kubernetes.container.image=spark",
        "spark.kubernetes.submission.waitAppCompletion=false",
    ];
    let submission = submission(&master, &conf);
    let flags = [
        "spark-submit",
        "--kubeconfig",
        "config",
        "--context",
        "two",
        "-n",
        "other",
    ];
    let (code, _, said) = clusters.run(&[&flags[..], &submission, &["local:///a.jar"]].concat());
    assert_eq!(code, 0, "{said}");
    let pods = clusters.pods().1;
    assert!(pods.len() == 1 && pods[0].starts_with("other/pi-"), "{pods:?}");
    // The real one gets them in its own words: for what only it can do, and in shadow mode.
    let real = clusters.work.path().join("real");
    fs::write(&real, "#!/bin/sh\necho \"real $KUBECONFIG $*\"\nexit 7\n").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o755)).unwrap();
    for more in [&["/a.jar"][..], &["--shadow"]] {
        let (own, rest) = if more == ["--shadow"] {
            (more, &["local:///a.jar"][..])
        } else {
            (&[][..], more)
        };
        let words = [&flags[..], own, &submission, rest].concat();
        let real = real.to_str().unwrap();
        let environment = [("HOME", "/nonexistent"), ("NATIVE_SUBMIT_FALLBACK", real)];
        let ended = call(clusters.work.path(), &words, &environment);
        assert_eq!(ended.code, 7, "{more:?}: {}", ended.said);
        let conf = "real config --conf spark.kubernetes.context=two --conf spark.kubernetes.namespace=other --master k8s://";
        assert!(ended.out.starts_with(conf), "{more:?}: {}", ended.out);
    }
    assert_eq!(clusters.pods().1.len(), 1);
}

/// A format by its name, for each command that prints data or a report.
#[test]
fn output_is_named_alike_by_all_commands() {
    let work = tempfile::tempdir().unwrap();
    fs::write(work.path().join("app.yaml"), SPARK_PI).unwrap();
    fs::create_dir(work.path().join("t")).unwrap();
    fs::write(
        work.path().join("t/driver-pod.patch.yaml.j2"),
        "spec: {priorityClassName: a}\n",
    )
    .unwrap();
    let doctor = [&["doctor"], &FREE_PORTS[..], &["--apply-to", "dir:out"]].concat();
    for (command, is_report) in [
        (&["render", "app.yaml"][..], false),
        (&["context", "app.yaml"], false),
        (&["diff", "app.yaml", "--to", "t"], true),
        (&["check", "t"], true),
        (&doctor, true),
    ] {
        let run = |format: &str| {
            let ended = call(work.path(), &[command, &["-o", format]].concat(), &[]);
            assert!(ended.code < 2, "{command:?} -o {format}: {}", ended.said);
            ended.out
        };
        let json: Value = serde_json::from_str(&run("json")).unwrap();
        let yaml = run("yaml");
        if command[0] == "render" {
            assert_eq!(
                yaml.matches("\nkind: ").count(),
                json["items"].as_array().unwrap().len()
            );
        } else if command[0] != "doctor" {
            assert_eq!(serde_yaml::from_str::<Value>(&yaml).unwrap(), json, "{command:?}");
        }
        if is_report {
            assert_ne!(run("text"), yaml, "{command:?}");
        } else {
            let ended = call(work.path(), &[command, &["-o", "text"]].concat(), &[]);
            assert_eq!(ended.code, 2, "{command:?}");
        }
    }
}

#[test]
fn who_adds_what_the_webhook_adds_is_said_to_render_by_flag_or_variable() {
    let work = tempfile::tempdir().unwrap();
    let application = SPARK_PI.replacen(
        "  driver:\n",
        "  driver:\n    tolerations: [{key: a, operator: Exists}]\n",
        1,
    );
    fs::write(work.path().join("app.yaml"), application).unwrap();
    let render = |flags: &[&str], variables: &[(&str, &str)]| {
        let ended = call(work.path(), &[&["render", "app.yaml"], flags].concat(), variables);
        assert_eq!(ended.code, 0, "{}", ended.said);
        ended.out.contains("key: a")
    };
    assert!(render(&[], &[]));
    assert!(render(&[], &[("OPERATOR_WEBHOOK", "auto")]));
    assert!(render(&[], &[("OPERATOR_WEBHOOK", " ")]));
    assert!(
        !render(&["--operator-webhook", "on"], &[]),
        "it is left to the webhook"
    );
    assert!(!render(&[], &[("OPERATOR_WEBHOOK", "on")]));
    assert!(render(
        &["--operator-webhook", "off"],
        &[("OPERATOR_WEBHOOK", "on")]
    ));
}
