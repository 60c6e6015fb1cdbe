//! Shadow mode: the real `spark-submit` does the work, we say what we would have done otherwise. For the real one stands this
//! same binary, with templates of its own where a difference is wanted; `tests/e2e/shadow` has Spark's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::ApiServer;
use crate::support::program::{program, submission};
use crate::support::serve::Serve;
use std::{os::unix::fs::PermissionsExt, path::Path, process::Output};

const BINARY: &str = env!("CARGO_BIN_EXE_native-submit");

/// An override that adds an annotation to the driver Pod.
const ANNOTATED: &str = r#"{% extends "builtin/driver-pod.yaml.j2" %}
{% block annotations %}
{{ super() }}
    example.com/added: "hunter2"
{% endblock %}
"#;

/// A script that stands for the real one.
fn script(folder: &Path, text: &str) -> String {
    let path = folder.join("real");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// Runs `spark-submit --shadow` with these arguments after the usual ones; `real` stands for the real one.
fn shadow(folder: &Path, url: &str, real: &str, more: &[&str], environment: &[(&str, &str)]) -> Output {
    let label = "spark.kubernetes.driver.label.sparkoperator.k8s.io/submission-id=a";
    let master = format!("k8s://{url}");
    let conf = [
        "spark.kubernetes.namespace=jobs",
        "spark.kubernetes.container.image=example.com/spark:1",
        "spark.kubernetes.driver.pod.name=pi-driver",
        "spark.kubernetes.submission.waitAppCompletion=false",
        label,
    ];
    program(["spark-submit", "--shadow"])
        .args(submission(&master, &conf))
        .args(more)
        .args(["local:///a.jar", "1000"])
        .env("PATH", std::env::var("PATH").unwrap())
        .env("HOME", folder)
        .env("NATIVE_SUBMIT_FALLBACK", real)
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_the_same_is_equal_and_created_once() {
    let folder = tempfile::tempdir().unwrap();
    let api = ApiServer::start().await;
    let real = format!("{BINARY} spark-submit");
    let output = shadow(folder.path(), &api.url, &real, &[], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(
        said(&output).contains("native-submit: shadow: equal"),
        "{}",
        said(&output)
    );
    // Each of ours was sent as a dry run, and only theirs are there.
    assert_eq!(api.names().len(), 4, "{:?}", api.names());
    let asked = api
        .log()
        .iter()
        .filter(|seen| seen.query.contains("dryRun=All"))
        .count();
    assert_eq!(asked, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_named_without_its_value_and_counted_by_the_server() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("driver-pod.yaml.j2"), ANNOTATED).unwrap();
    let api = ApiServer::start().await;
    let socket = folder.path().join("submit.sock");
    let (server, _kubeconfig) = Serve::to(&api.url, &["--socket", socket.to_str().unwrap()]);
    let real = script(
        folder.path(),
        // Another user, another annotation, no templates of the admin: and past the server, as the real one goes.
        &format!(
            "exec env -u TEMPLATE_DIR -u NATIVE_SUBMIT_SOCKET SPARK_USER=other {BINARY} spark-submit --conf spark.kubernetes.driver.annotation.of=real \"$@\""
        ),
    );
    let variables = [
        ("TEMPLATE_DIR", folder.path().to_str().unwrap()),
        ("NATIVE_SUBMIT_SOCKET", socket.to_str().unwrap()),
    ];
    let output = shadow(folder.path(), &api.url, &real, &[], &variables);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for line in [
        "shadow: different",
        "Pod metadata.annotations[\"example.com/added\"] is native-submit's alone",
        "Pod metadata.annotations.of is spark-submit's alone",
        "Pod spec.containers[spark-kubernetes-driver].env[SPARK_USER].value has another value",
        "ConfigMap data[\"spark.properties\"][\"spark.kubernetes.driver.annotation.of\"] is spark-submit's alone",
    ] {
        assert!(said(&output).contains(line), "{line}\n{}", said(&output));
    }
    assert!(!said(&output).contains("hunter2"), "{}", said(&output));
    let metrics = server.get("/metrics").1;
    for line in [
        "native_submit_shadow_total{result=\"different\"} 1",
        "native_submit_shadow_differences_total{kind=\"Pod\"} 3",
        "native_submit_shadow_differences_total{kind=\"ConfigMap\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    server.wait_for_log("shadow: not equal");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_ones_streams_and_end_are_ours_whatever_we_think() {
    let folder = tempfile::tempdir().unwrap();
    let api = ApiServer::start().await;
    let real = script(folder.path(), "echo out; echo err >&2; exit ${REAL_ENDS:-0}");
    for (more, ends, code, says) in [
        // It has failed: there is nothing to compare.
        (
            vec![],
            "7",
            7,
            "shadow: spark-failed\nnative-submit: shadow: spark-submit ended with 7",
        ),
        // It says that it created what isn't there.
        (vec![], "0", 0, "Pod (pod-driver) is native-submit's alone"),
        // We would refuse, and we would hand over.
        (
            vec!["--conf", "spark.driver.memory=lots"],
            "0",
            0,
            "shadow: refused",
        ),
        (vec!["--jars", "/tmp/own.jar"], "0", 0, "shadow: handed-over"),
    ] {
        let output = shadow(folder.path(), &api.url, &real, &more, &[("REAL_ENDS", ends)]);
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "out\n");
        assert!(said(&output).starts_with("err\n"), "{}", said(&output));
        assert!(said(&output).contains(says), "{says}\n{}", said(&output));
    }
    let killed = script(folder.path(), "kill -TERM $$");
    let output = shadow(folder.path(), &api.url, &killed, &[], &[]);
    assert_eq!(output.status.code(), Some(128 + 15), "{}", said(&output));
    // The variable is for who can't change the arguments; without a real one there is no shadow.
    let output = program(["spark-submit", "--class", "a.B", "x.jar"])
        .env("NATIVE_SUBMIT_SHADOW", "true")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("NATIVE_SUBMIT_FALLBACK"),
        "{}",
        said(&output)
    );
}
