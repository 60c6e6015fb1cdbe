//! The drop-in `spark-submit`, as the operator and scripts call it: the real binary under that name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::{ApiServer, Effect, Fault};
use crate::support::program::submission;
use crate::support::serve::Serve;
use native_submit::operator::wire::drop_in::{SubmitRequest, drop_in_client::DropInClient};
use serde_json::json;
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// An installation: a folder with the binary under the name `spark-submit`, as an init container leaves it.
struct Installed {
    folder: tempfile::TempDir,
    program: PathBuf,
}

fn installed() -> Installed {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    let output = Command::new(env!("CARGO_BIN_EXE_native-submit"))
        .arg("install")
        .arg(&bin)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let program = bin.join("spark-submit");
    assert_eq!(
        text(&output.stdout).trim(),
        program.to_str().unwrap(),
        "it says where it is"
    );
    Installed { folder, program }
}

#[test]
fn install_writes_through_no_link_that_somebody_put_there() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    std::fs::write(&outside, "kept").unwrap();
    std::fs::create_dir(folder.path().join("bin")).unwrap();
    // `exec` keeps the process id, so that a name made of it is known beforehand.
    let script = r#"for name in spark-submit .spark-submit ".spark-submit.$$"; do ln -s "$1/outside" "$1/bin/$name"; done
                    exec "$2" install "$1/bin""#;
    let output = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(folder.path())
        .arg(env!("CARGO_BIN_EXE_native-submit"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "kept");
    let program = folder.path().join("bin/spark-submit");
    assert!(!program.is_symlink());
    let metadata = std::fs::metadata(&program).unwrap();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777,
        0o755
    );
    assert_eq!(
        std::fs::read_dir(folder.path().join("bin")).unwrap().count(),
        3,
        "nothing is left over"
    );
}

impl Installed {
    fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        Command::new(&self.program)
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", std::env::var("PATH").unwrap())
            .envs(environment.iter().copied())
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    /// A script that stands for the real spark-submit: it says what it was given, and ends with 7.
    fn real_one(&self) -> String {
        let script = self.script("echo real \"$NATIVE_SUBMIT_DEPTH\" \"$@\"\nexit 7\n");
        format!("{script} org.apache.spark.deploy.SparkSubmit")
    }

    /// A script in the place of the real spark-submit.
    fn script(&self, text: &str) -> String {
        let script = self.folder.path().join("real");
        std::fs::write(&script, format!("#!/bin/sh\n{text}")).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        script.to_str().unwrap().to_owned()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The arguments of the operator for its `SparkPi`, on this API server; `more` stands before the primary resource.
fn arguments(url: &str, id: &str, more: &[&str]) -> Vec<String> {
    let master = format!("k8s://{url}");
    let label = format!("spark.kubernetes.driver.label.sparkoperator.k8s.io/submission-id={id}");
    let conf = [
        "spark.kubernetes.namespace=jobs",
        "spark.kubernetes.container.image=spark:4.0.1",
        "spark.kubernetes.driver.pod.name=pi-driver",
        "spark.kubernetes.submission.waitAppCompletion=false",
        &label,
    ];
    let before = submission(&master, &conf);
    let all = before.iter().chain(more).copied();
    all.chain(["local:///a.jar", "1000"]).map(str::to_owned).collect()
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_submits_and_ends_as_spark_submit_does() {
    let api = ApiServer::start().await;
    let installed = installed();
    let submit = |id: &str| installed.run(&words(&arguments(&api.url, id, &[])), &[]);
    let first = submit("a");
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert!(
        text(&first.stderr).contains("jobs:pi-driver"),
        "{}",
        text(&first.stderr)
    );
    let uid = api.get("pods", "jobs", "pi-driver").unwrap()["metadata"]["uid"].clone();
    let again = submit("a");
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    assert_eq!(
        api.get("pods", "jobs", "pi-driver").unwrap()["metadata"]["uid"],
        uid
    );
    let other = submit("b");
    assert_eq!(other.status.code(), Some(1));
    // The operator looks for this in what was said.
    assert!(
        text(&other.stderr).contains("code=409"),
        "{}",
        text(&other.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_looks_once_whether_the_webhook_is_there() {
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "spark-operator-webhook"},
        "webhooks": [{
            "name": "mutate-pod.sparkoperator.k8s.io", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        }],
    });
    let application = json!({
        "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication",
        "metadata": {"name": "pi", "namespace": "jobs", "uid": "3f1c9a52-0000-4000-8000-000000000001"},
        "spec": {
            "type": "Scala", "mode": "cluster", "sparkVersion": "4.0.1", "mainApplicationFile": "local:///a.jar",
            "driver": {"priorityClassName": "high"}, "executor": {},
        },
    });
    let forbidden = Fault::always("list", "mutatingwebhookconfigurations", Effect::status(403));
    let gone = Fault::always("list", "mutatingwebhookconfigurations", Effect::status(500));
    // What the webhook brings, we bring where it is known not to be there.
    for (registered, fault, brought) in [
        (false, None, json!("high")),
        (true, None, json!(null)),
        (false, Some(forbidden), json!(null)),
        (false, Some(gone), json!(null)),
    ] {
        let api = ApiServer::start().await;
        api.put("sparkapplications", application.clone());
        if registered {
            api.put("mutatingwebhookconfigurations", webhook.clone());
        }
        if let Some(fault) = fault {
            api.fault(fault);
        }
        let label = "spark.kubernetes.driver.label.sparkoperator.k8s.io/app-name=pi";
        let arguments = arguments(&api.url, "a", &["--conf", label]);
        let output = installed().run(&words(&arguments), &[]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let pod = api.get("pods", "jobs", "pi-driver").unwrap();
        assert_eq!(pod["spec"]["priorityClassName"], brought);
        let owner = &pod["metadata"]["ownerReferences"][0]["uid"];
        assert_eq!(
            *owner == application["metadata"]["uid"],
            brought == json!("high"),
            "the owner is the webhook's addition too: {owner}"
        );
        // As the cache has it, and not followed.
        let looks = api.looks();
        assert!(
            looks.len() == 1 && looks[0].contains("resourceVersion=0"),
            "{looks:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_set_that_an_application_asks_for_counts_whoever_adds_to_its_pods() {
    let application = json!({
        "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication",
        "metadata": {
            "name": "pi", "namespace": "jobs", "uid": "3f1c9a52-0000-4000-8000-000000000001",
            "annotations": {"native-submit/template-set": "gpu"},
        },
        "spec": {
            "type": "Scala", "mode": "cluster", "sparkVersion": "4.0.1", "mainApplicationFile": "local:///a.jar",
            "driver": {}, "executor": {},
        },
    });
    let rules = [
        ("allow", "expected one of the template sets default, found `gpu`"),
        ("refuse", "TEMPLATE_SET_ANNOTATION is refuse"),
    ];
    for webhook in ["on", "off"] {
        for (annotation, says) in rules {
            let api = ApiServer::start().await;
            api.put("sparkapplications", application.clone());
            let label = "spark.kubernetes.driver.label.sparkoperator.k8s.io/app-name=pi";
            let arguments = arguments(&api.url, "a", &["--conf", label]);
            let environment = [
                ("OPERATOR_WEBHOOK", webhook),
                ("TEMPLATE_SET_ANNOTATION", annotation),
            ];
            let output = installed().run(&words(&arguments), &environment);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{webhook}, {annotation}: {said}");
            assert!(said.contains(says), "{webhook}, {annotation}: {said}");
            assert!(api.get("pods", "jobs", "pi-driver").is_none());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_api_server_is_reported_and_nothing_is_left() {
    let api = ApiServer::start().await;
    api.fault(Fault::always("create", "services", Effect::status(403)));
    let installed = installed();
    let fallback = installed.real_one();
    let output = installed.run(
        &words(&arguments(&api.url, "a", &[])),
        &[("NATIVE_SUBMIT_FALLBACK", &fallback)],
    );
    assert_eq!(
        output.status.code(),
        Some(1),
        "never handed over after something was created"
    );
    assert_eq!(text(&output.stdout), "");
    assert!(
        text(&output.stderr).starts_with("Error: "),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(api.names(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_spark_is_handed_to_the_real_one_before_anything_is_created() {
    let api = ApiServer::start().await;
    let installed = installed();
    let fallback = installed.real_one();
    let uploads = arguments(&api.url, "a", &["--jars", "/tmp/own.jar"]);
    let client_mode = ["--master", "local[2]", "/tmp/x.py"].map(str::to_owned);
    let kill = ["--master", "yarn", "--kill", "application_1"].map(str::to_owned);
    for arguments in [&uploads[..], &client_mode, &kill] {
        let output = installed.run(&words(arguments), &[("NATIVE_SUBMIT_FALLBACK", &fallback)]);
        assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
        let given = format!(
            "real 1 org.apache.spark.deploy.SparkSubmit {}\n",
            arguments.join(" ")
        );
        assert_eq!(text(&output.stdout), given);
        assert!(
            text(&output.stderr).contains("handing over to"),
            "it says so: {}",
            text(&output.stderr)
        );
        let alone = installed.run(&words(arguments), &[]);
        assert_eq!(alone.status.code(), Some(1));
        assert!(
            text(&alone.stderr).contains("NATIVE_SUBMIT_FALLBACK"),
            "{}",
            text(&alone.stderr)
        );
    }
    assert_eq!(api.lines(), Vec::<String>::new());
}

#[test]
fn the_real_one_looks_for_spark_in_no_folder_of_the_drop_ins_own() {
    let installed = installed();
    let home = installed.folder.path();
    let real = installed.script("echo \"${SPARK_HOME-unset}\"\n");
    let seen = |spark_home: &Path| {
        let environment = [
            ("NATIVE_SUBMIT_FALLBACK", &real[..]),
            ("SPARK_HOME", spark_home.to_str().unwrap()),
        ];
        let output = installed.run(&["--master", "local", "x.py"], &environment);
        text(&output.stdout).trim().to_owned()
    };
    assert_eq!(seen(home), "unset");
    assert_eq!(seen(Path::new("/opt/spark")), "/opt/spark");
    // `install` may have put it into a Spark.
    std::fs::write(home.join("bin/spark-class"), "").unwrap();
    assert_eq!(seen(home), home.to_str().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_spark_refuses_too_is_refused_here() {
    let api = ApiServer::start().await;
    let installed = installed();
    let fallback = installed.real_one();
    let unknown = ["--frobnicate", "x"].map(str::to_owned);
    let memory = arguments(&api.url, "a", &["--driver-memory", "none"]);
    for (arguments, names) in [(&unknown[..], "--frobnicate"), (&memory, "spark.driver.memory")] {
        let output = installed.run(&words(arguments), &[("NATIVE_SUBMIT_FALLBACK", &fallback)]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(names), "{}", text(&output.stderr));
    }
}

#[test]
fn a_fallback_that_leads_back_here_ends() {
    let installed = installed();
    let itself = installed.program.to_str().unwrap();
    let output = installed.run(
        &["--master", "yarn", "x.jar"],
        &[("NATIVE_SUBMIT_FALLBACK", itself)],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("leads back"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn questions_about_the_command_end_as_with_spark_submit() {
    let installed = installed();
    for (arguments, code, says) in [
        (&["--help"][..], 0, "Usage: spark-submit"),
        (&["--version"], 0, "native-submit"),
        (&["--usage-error"], 1, "Usage: spark-submit"),
        (&[], 255, "Usage: spark-submit"),
    ] {
        let output = installed.run(arguments, &[]);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(
            text(&output.stderr).contains(says),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
    }
    assert!(Path::new(&installed.program).is_file());
}

#[test]
fn the_subcommand_is_the_same() {
    let output = Command::new(env!("CARGO_BIN_EXE_native-submit"))
        .args(["spark-submit", "--version"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        text(&output.stderr).contains("for Spark up to"),
        "{}",
        text(&output.stderr)
    );
}

/// The arguments of a server that listens at `socket`.
fn at(socket: &Path) -> [&str; 2] {
    ["--socket", socket.to_str().unwrap()]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_this_machine_submits_what_the_drop_in_read() {
    let api = ApiServer::start().await;
    let installed = installed();
    let socket = installed.folder.path().join("submit.sock");
    let (serve, _folder) = Serve::to(&api.url, &at(&socket));
    let conf_dir = installed.folder.path().join("conf");
    std::fs::create_dir(&conf_dir).unwrap();
    std::fs::write(conf_dir.join("log4j2.properties"), "rootLogger.level = warn\n").unwrap();
    let environment = [
        ("NATIVE_SUBMIT_SOCKET", socket.to_str().unwrap()),
        ("SPARK_CONF_DIR", conf_dir.to_str().unwrap()),
        ("SPARK_USER", "ada"),
    ];
    // The master is the caller's to name and the server's to ignore: it has its own way to the API server.
    let submit = |id: &str| {
        let more = [
            "--conf",
            "spark.kubernetes.driver.container.image=spark:${env:SPARK_USER}",
        ];
        installed.run(&words(&arguments("http://127.0.0.1:1", id, &more)), &environment)
    };
    let output = submit("a");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains("created driver Pod jobs:pi-driver"),
        "{}",
        text(&output.stderr)
    );
    let pod = api.get("pods", "jobs", "pi-driver").unwrap();
    let container = &pod["spec"]["containers"][0];
    assert_eq!(
        container["image"], "spark:ada",
        "the caller's environment, not the server's"
    );
    let env = container["env"].to_string();
    assert!(env.contains(r#"{"name":"SPARK_USER","value":"ada"}"#), "{env}");
    let config_map = api
        .names()
        .into_iter()
        .find(|name| name.ends_with("conf-map"))
        .unwrap();
    let config_map = api
        .get("configmaps", "jobs", config_map.rsplit('/').next().unwrap())
        .unwrap();
    assert_eq!(
        config_map["data"]["log4j2.properties"],
        "rootLogger.level = warn\n"
    );

    let again = submit("a");
    assert!(
        text(&again.stderr).contains("found driver Pod"),
        "{}",
        text(&again.stderr)
    );
    let other = submit("b");
    assert_eq!(other.status.code(), Some(1));
    assert!(
        text(&other.stderr).contains("code=409"),
        "{}",
        text(&other.stderr)
    );
    let (_, metrics) = serve.get("/metrics");
    assert!(metrics.contains("entry_point=\"drop-in\""), "{metrics}");
    let intents = "native_submit_stage_duration_seconds_count{stage=\"intent\"} 3\n";
    assert!(metrics.contains(intents), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_credentials_goes_past_the_server() {
    let (servers, callers) = (ApiServer::start().await, ApiServer::start().await);
    let installed = installed();
    let socket = installed.folder.path().join("submit.sock");
    let (_serve, _folder) = Serve::to(&servers.url, &at(&socket));
    let token = "spark.kubernetes.authenticate.submission.oauthToken=mine";
    let output = installed.run(
        &words(&arguments(&callers.url, "a", &["--conf", token])),
        &[("NATIVE_SUBMIT_SOCKET", socket.to_str().unwrap())],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(callers.get("pods", "jobs", "pi-driver").is_some());
    assert!(servers.names().is_empty(), "{:?}", servers.names());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_behind_the_socket_it_submits_itself() {
    let api = ApiServer::start().await;
    let installed = installed();
    let socket = installed.folder.path().join("submit.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(socket.exists(), "left behind by a server that was killed");
    let output = installed.run(
        &words(&arguments(&api.url, "a", &[])),
        &[("NATIVE_SUBMIT_SOCKET", socket.to_str().unwrap())],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(api.get("pods", "jobs", "pi-driver").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_in_of_another_release_is_reported_so() {
    let api = ApiServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("submit.sock");
    let (_serve, _folder) = Serve::to(&api.url, &at(&socket));
    let mut client = DropInClient::connect(format!("unix:{}", socket.display()))
        .await
        .unwrap();
    let request = SubmitRequest {
        release: "0.0.0".to_owned(),
        submission_id: "a".to_owned(),
        ..SubmitRequest::default()
    };
    let status = client.submit(request).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::FailedPrecondition, "{status}");
    assert_eq!(
        status.message(),
        format!(
            "the drop-in is of release `0.0.0`, this server of {}",
            env!("CARGO_PKG_VERSION")
        )
    );
    assert_eq!(api.lines(), Vec::<String>::new());
}
