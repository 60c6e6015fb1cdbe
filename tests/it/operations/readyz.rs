//! `/readyz` and what goes with it, over HTTP: each state that a running server can be brought to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::ApiServer;
use crate::support::serve::Serve;
use serde_json::Value;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
};

const SPARK_PI: &str = include_str!("../../../examples/spark-pi.yaml");

fn readyz(serve: &Serve) -> (u16, Value) {
    let (status, body) = serve.get("/readyz");
    (status, serde_json::from_str(&body).unwrap())
}

fn says_ready(serve: &Serve, ready: u8) -> bool {
    serve
        .get("/metrics")
        .1
        .contains(&format!("native_submit_ready {ready}\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_template_set_it_is_up_but_not_ready_and_says_that_it_serves_nobody() {
    let api = ApiServer::start().await;
    let templates = tempfile::tempdir().unwrap();
    fs::write(templates.path().join("driver-pod.yaml.j2"), "{{ nothing }").unwrap();
    let directory = templates.path().to_str().unwrap();
    let (serve, _kubeconfig) = Serve::to(&api.url, &["--template-dir", directory]);
    let (status, body) = readyz(&serve);
    assert_eq!(status, 503, "{body}");
    assert_eq!(body["state"], "no-template-set", "{body}");
    assert_eq!(body["ready"], false, "{body}");
    assert!(
        body["templates"]["error"]
            .as_str()
            .unwrap()
            .contains("driver-pod.yaml.j2:1"),
        "{body}"
    );
    assert!(says_ready(&serve, 0));
    let reply = serve.submit(SPARK_PI, "a").await;
    assert_eq!(
        reply.error_code.as_deref(),
        Some("SUBMITTER_OVERLOADED"),
        "{reply:?}"
    );

    let good = "{% extends \"builtin/driver-pod.yaml.j2\" %}\n";
    fs::write(templates.path().join("driver-pod.yaml.j2"), good).unwrap();
    serve.wait_for("/readyz", |body| body.contains("\"state\": \"ready\""));
    assert_eq!(readyz(&serve).0, 200);
    assert!(says_ready(&serve, 1));
    assert!(serve.submit(SPARK_PI, "b").await.success);

    // Never for templates afterwards: the last good set serves.
    fs::write(templates.path().join("driver-pod.yaml.j2"), "{{ nothing }").unwrap();
    serve.wait_for("/readyz", |body| {
        body.contains("\"state\": \"template-set-rejected\"")
    });
    assert_eq!(readyz(&serve).0, 200);
    assert!(serve.submit(SPARK_PI, "b").await.success);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_template_sets_names_and_that_is_not_there_is_reported() {
    let api = ApiServer::start().await;
    let (serve, _kubeconfig) = Serve::to(&api.url, &["--template-sets", "type:R=nosuch"]);
    let (status, body) = readyz(&serve);
    assert_eq!(
        (status, &body["state"]),
        (200, &Value::from("template-set-rejected")),
        "{body}"
    );
    let set = &body["templates"]["sets"]["nosuch"];
    assert_eq!(set["live"], Value::Null, "{body}");
    assert!(
        set["error"]
            .as_str()
            .unwrap()
            .contains("TEMPLATE_SETS names the set `nosuch`"),
        "{body}"
    );
    assert!(says_ready(&serve, 1), "others are served");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_templates_values_are_not_shown_and_what_is_wrong_once() {
    let api = ApiServer::start().await;
    let templates = tempfile::tempdir().unwrap();
    let patch =
        "spec: {restartPolicy: hunter2, dnsPolicy: hunter2}\nmetadata: {labels: {\"hun ter2\": hunter2}}\n";
    fs::write(templates.path().join("driver-pod.patch.yaml.j2"), patch).unwrap();
    let (serve, _kubeconfig) = Serve::to(&api.url, &["--template-dir", templates.path().to_str().unwrap()]);
    let (_, body) = readyz(&serve);
    let error = body["templates"]["error"].as_str().unwrap();
    for part in [
        "spec.restartPolicy: expected one of Always, ",
        "spec.dnsPolicy",
        "(driver-pod.patch.yaml.j2:1)",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(error.lines().count(), 3, "{error}");
    let whole = body.to_string();
    assert_eq!(whole.matches("spec.restartPolicy").count(), 1, "{whole}");
    for value in ["hunter2", "hun ter2"] {
        assert!(!whole.contains(value), "{whole}");
    }
}

/// Whatever is wrong with a key or what is below it, a key that no object could have is not shown: it may be a value in the wrong place.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_no_names_are_not_shown() {
    let api = ApiServer::start().await;
    let long = "hunter2".repeat(10);
    for (file, patch) in [
        ("driver-pod", r#"{metadata: {labels: {"hunter2 ": "-"}}}"#),
        ("driver-pod", r#"{metadata: {labels: {"hunter2 ": 1}}}"#),
        ("driver-pod", r#"{metadata: {annotations: {"hunter2 ": [1]}}}"#),
        ("driver-pod", r#"{spec: {nodeSelector: {"-hunter2": "b c"}}}"#),
        ("driver-pod", r#"{spec: {"hunter2 ": 1}}"#),
        (
            "driver-pod",
            r#"{spec: {"hunter2 ": {"hunter2]": 1}, dnsPolicy: x}}"#,
        ),
        (
            "driver-pod",
            r#"{spec: {containers: [{name: a, image: b, resources: {limits: {"hunter2 ": "x"}}}]}}"#,
        ),
        (
            "executor-pod",
            r#"{metadata: {labels: {"hunter2 ": "-"}}, spec: {"hunter2 ": 1}}"#,
        ),
        (
            "driver-configmap",
            r#"{data: {"hunter2 ": "x"}, binaryData: {"hunter2 ": "x"}}"#,
        ),
        (
            "driver-service",
            &format!("{{metadata: {{labels: {{{long}: 1}}}}}}"),
        ),
    ] {
        let templates = tempfile::tempdir().unwrap();
        fs::write(templates.path().join(format!("{file}.patch.yaml.j2")), patch).unwrap();
        let (serve, _kubeconfig) =
            Serve::to(&api.url, &["--template-dir", templates.path().to_str().unwrap()]);
        let whole = readyz(&serve).1.to_string();
        assert!(
            whole.contains(&format!("({file}.patch.yaml.j2:1)")),
            "{patch}: {whole}"
        );
        assert!(whole.contains("<redacted, "), "{patch}: {whole}");
        assert!(!whole.contains("hunter2"), "{patch}: {whole}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_drains_it_says_so() {
    let api = ApiServer::start().await;
    let (serve, _kubeconfig) = Serve::to(&api.url, &[]);
    // Something that it has to finish.
    let mut asking = TcpStream::connect(&serve.rest).unwrap();
    let head = "POST /api/v1/spark-submit HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{";
    asking.write_all(head.as_bytes()).unwrap();
    serve.wait_for("/metrics", |metrics| {
        metrics.contains("native_submit_in_flight 1\n")
    });
    serve.signal("TERM");
    serve.wait_for("/readyz", |body| body.contains("\"state\": \"draining\""));
    let (status, body) = readyz(&serve);
    assert_eq!((status, &body["ready"]), (503, &Value::Bool(false)), "{body}");
    assert!(says_ready(&serve, 0));
    asking.write_all(b"}").unwrap();
    let mut answer = String::new();
    asking.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 400"),
        "what was begun is answered: {answer}"
    );
    assert!(serve.end().0.success());
}
