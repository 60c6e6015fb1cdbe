//! What a server says is short and holds no value that may be a secret, whatever it is sent: the real binary, REST and gRPC.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::ApiServer;
use crate::support::serve::{Serve, exchange};
use native_submit::{
    limits::{ANSWER_BYTES, LOG_LINE_BYTES},
    operator::wire,
};
use serde_json::{Value, json};
use std::fmt::Write as _;

const SPARK_PI: &str = include_str!("../../../examples/spark-pi.yaml");

/// What an answer has beside its message: field names, a short id, a time.
const STRUCTURE: usize = 512;

/// A text that nobody may repeat whole.
fn mebibyte() -> String {
    "x".repeat(1 << 20)
}

/// The most of [`mebibyte`] that may be shown: a piece of a path, cut.
fn too_much() -> String {
    "x".repeat(600)
}

async fn server(arguments: &[&str]) -> (Serve, ApiServer, tempfile::TempDir) {
    let api = ApiServer::start().await;
    let (serve, folder) = Serve::to(&api.url, arguments);
    (serve, api, folder)
}

fn body(id: &str, conf: &[(&str, &str)]) -> Value {
    let mut arguments = vec![
        "--master".to_owned(),
        "k8s://https://10.0.0.1:443".to_owned(),
        "--deploy-mode".to_owned(),
        "cluster".to_owned(),
        "--class".to_owned(),
        "a.B".to_owned(),
        "--name".to_owned(),
        "pi".to_owned(),
        "--conf".to_owned(),
        "spark.kubernetes.container.image=spark:4.0.1".to_owned(),
    ];
    for (key, value) in conf {
        arguments.extend(["--conf".to_owned(), format!("{key}={value}")]);
    }
    arguments.push("local:///opt/a.jar".to_owned());
    json!({"submission_id": id, "spark_submit_args": arguments})
}

/// The answer of REST, which is short.
fn post(serve: &Serve, body: &Value) -> (u16, Value) {
    let headers = "Content-Type: application/json\r\n";
    let body = body.to_string();
    let (status, text) = exchange(&serve.rest, "POST /api/v1/spark-submit", headers, body.as_bytes());
    let answer: Value = serde_json::from_str(&text).unwrap();
    let message = answer["message"].as_str().unwrap();
    assert!(message.len() <= ANSWER_BYTES, "{}: {message:.300}", message.len());
    // Quotes and the like are written with a backslash.
    assert!(text.len() <= 2 * ANSWER_BYTES + STRUCTURE, "{}", text.len());
    (status, answer)
}

/// The answer of gRPC, which is short.
async fn call(serve: &Serve, request: wire::RunAltSparkSubmitRequest) -> String {
    let mut client = serve.client().await.max_encoding_message_size(16 << 20);
    let text = match client.run_alt_spark_submit(request).await {
        Ok(reply) => reply.into_inner().error_message,
        Err(status) => status.message().to_owned(),
    };
    assert!(text.len() <= ANSWER_BYTES, "{}: {text:.300}", text.len());
    text
}

fn manifest(id: &str, application: &str) -> wire::RunAltSparkSubmitRequest {
    wire::RunAltSparkSubmitRequest {
        submission_id: id.to_owned(),
        spark_application_manifest: application.as_bytes().to_vec(),
        ..wire::RunAltSparkSubmitRequest::default()
    }
}

/// Ends the server; no line of its log is long, and none holds `never`.
fn log_without(serve: Serve, never: &str) {
    serve.signal("TERM");
    let (_, log) = serve.end();
    for line in log.lines() {
        assert!(line.len() < LOG_LINE_BYTES, "{}: {line:.300}", line.len());
        assert!(!line.contains(never), "{line:.600}");
    }
    assert!(log.contains("stopped"), "{log}");
}

/// So many containers with nothing in them.
fn empty(containers: usize) -> Value {
    json!({"spec": {"containers": vec![json!({}); containers]}})
}

#[tokio::test(flavor = "multi_thread")]
async fn many_findings_are_a_short_answer_and_a_short_line_by_rest() {
    let (serve, _api, _folder) = server(&[]).await;
    for (field, containers, told) in [
        ("driver_pod_template", 150, "more"),
        ("driver_pod_template", 21_000, ""),
        ("executor_pod_template", 21_000, ""),
    ] {
        let mut body = body("a", &[]);
        body[field] = empty(containers);
        let (status, answer) = post(&serve, &body);
        let message = answer["message"].as_str().unwrap();
        assert!(status == 422 || told.is_empty(), "{status} {message}");
        assert!(message.ends_with(told), "{message}");
        assert!(message.lines().count() <= 21, "{message}");
    }
    // Wrong types are found by another reader than wrong values.
    let mut body = body("a", &[]);
    body["driver_pod_template"] = json!({"spec": {"containers": vec![json!({"name": 1}); 150]}});
    let (status, answer) = post(&serve, &body);
    assert_eq!(status, 422, "{answer}");
    log_without(serve, &"x".repeat(LOG_LINE_BYTES));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_findings_are_a_short_answer_and_a_short_line_by_grpc() {
    let (serve, _api, _folder) = server(&[]).await;
    for containers in [150, 21_000] {
        let mut request = manifest("a", "");
        let mut application = wire::SparkApplication {
            spec: Some(wire::SparkApplicationSpec::default()),
            ..wire::SparkApplication::default()
        };
        let ports = vec![wire::Ports::default(); containers];
        let driver = wire::DriverSpec {
            ports,
            ..wire::DriverSpec::default()
        };
        application.spec.as_mut().unwrap().driver = Some(driver);
        request.spark_application = Some(application);
        let text = call(&serve, request).await;
        assert!(containers > 150 || text.ends_with(" more"), "{text}");

        let mut template = String::from("  driver:\n    template: {spec: {containers: [");
        for _ in 0..containers {
            template.push_str("{name: [], image: a}, ");
        }
        template.push_str("]}}\n");
        let text = call(
            &serve,
            manifest("a", &SPARK_PI.replacen("  driver:\n", &template, 1)),
        )
        .await;
        assert!(!text.is_empty());

        let mut unknown = String::new();
        for index in 0..containers {
            writeln!(unknown, "field{index}: 1").unwrap();
        }
        let reply = call(&serve, manifest("a", &format!("{SPARK_PI}\n{unknown}"))).await;
        assert!(!reply.contains("field30"), "{reply}");
    }
    log_without(serve, "field30: ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_id_name_field_or_number_is_not_repeated() {
    let (serve, _api, _folder) = server(&[]).await;
    let long = mebibyte();
    let never = too_much();
    let digits = "1".repeat(1 << 20);
    let (status, answer) = post(&serve, &body(&long, &[]));
    assert_eq!(status, 400, "{answer}");
    assert_eq!(answer["submission_id"], "");
    assert!(
        answer["message"].as_str().unwrap().contains("at most 63"),
        "{answer}"
    );

    let mut bodies = vec![
        body("a", &[("spark.kubernetes.driver.pod.name", &long)]),
        body("a", &[("spark.kubernetes.namespace", &long)]),
        body("a", &[("spark.app.name", &long)]),
        body(
            "a",
            &[("spark.kubernetes.authenticate.driver.serviceAccountName", &long)],
        ),
        body(
            "a",
            &[(
                "spark.kubernetes.driver.label.sparkoperator.k8s.io/app-name",
                &long,
            )],
        ),
        body("a", &[("spark.driver.cores", &digits)]),
        body("a", &[("spark.driver.memory", &digits)]),
        body("a", &[("spark.driver.port", &digits)]),
        body(
            "a",
            &[(
                &format!("spark.kubernetes.driver.volumes.{long}.a.mount.path"),
                "/a",
            )],
        ),
        body(
            "a",
            &[(&format!("spark.kubernetes.driver.secretKeyRef.{long}"), "b")],
        ),
        body("a", &[(&format!("not-spark.{long}"), "b")]),
        body("a", &[(&format!("spark.driver.resource.{long}.amount"), "b")]),
    ];
    for (field, value) in [
        (long.as_str(), json!(1)),
        ("nodeName", json!(long)),
        ("restartPolicy", json!(long)),
        ("priority", json!(long)),
        (
            "volumes",
            json!([{"name": long, "emptyDir": {}}, {"name": long, "emptyDir": {}}]),
        ),
        ("nodeSelector", json!({ long.as_str(): "a b" })),
    ] {
        let mut body = body("a", &[]);
        body["driver_pod_template"] = json!({"spec": {"containers": [], field: value}});
        bodies.push(body);
    }
    let mut option = body("a", &[]);
    option["spark_submit_args"][0] = json!(format!("--{long}"));
    bodies.push(option);
    for body in &bodies {
        let (_, answer) = post(&serve, body);
        let answer = answer.to_string();
        assert!(!answer.contains(&never), "{answer:.800}");
        assert!(!answer.contains(&"1".repeat(600)), "{answer:.800}");
    }

    let requests = vec![
        manifest(&long, SPARK_PI),
        manifest("a", &format!("{SPARK_PI}\n{long}: 1\n")),
        manifest("a", &SPARK_PI.replace("name: spark-pi", &format!("name: {long}"))),
        manifest(
            "a",
            &SPARK_PI.replace("spec:\n", &format!("spec:\n  mode: {long}\n")),
        ),
        manifest("a", &SPARK_PI.replace("cores: 1", &format!("cores: {digits}"))),
        manifest("a", &format!("apiVersion: {long}\nkind: {long}\n")),
        manifest("a", &format!("a: *{long}\n")),
        manifest("a", &format!("a: !{long} b\n")),
    ];
    for request in requests {
        let text = call(&serve, request).await;
        assert!(!text.contains(&never), "{text}");
        assert!(!text.contains(&"1".repeat(600)), "{text}");
    }
    log_without(serve, &never);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_a_reference_brought_in_is_never_shown() {
    let (serve, _api, _folder) = server(&["--allowed-namespaces", "default"]).await;
    let keys = [
        "spark.kubernetes.driver.pod.name",
        "spark.kubernetes.namespace",
        "spark.kubernetes.authenticate.driver.serviceAccountName",
        "spark.kubernetes.container.image.pullPolicy",
        "spark.kubernetes.driver.limit.cores",
        "spark.kubernetes.driver.request.cores",
        "spark.kubernetes.driver.scheduler.name",
        "spark.kubernetes.container.image.pullSecrets",
        "spark.kubernetes.executor.podNamePrefix",
        "spark.driver.memory",
        "spark.driver.cores",
        "spark.driver.port",
        "spark.kubernetes.memoryOverheadFactor",
        "spark.kubernetes.pyspark.pythonVersion",
        "spark.kubernetes.driver.label.a",
        "spark.kubernetes.driver.annotation.native-submit/template-set",
        "spark.kubernetes.driver.secretKeyRef.A",
        "spark.kubernetes.driver.volumes.emptyDir.a.mount.path",
        "spark.kubernetes.driver.volumes.emptyDir.a.options.sizeLimit",
        "spark.kubernetes.hadoop.configMapName",
    ];
    for secret in ["hunter2", "Hunter2 !hunter2", "hunter2=hunter2"] {
        for reference in [
            "${spark.app.password}",
            "x${spark.app.password}",
            "${spark.plain}",
        ] {
            for key in keys {
                let conf = [
                    (key, reference),
                    ("spark.app.password", secret),
                    ("spark.plain", "${spark.app.password}"),
                ];
                let (_, answer) = post(&serve, &body("a", &conf));
                let answer = answer.to_string();
                assert!(
                    !answer.to_lowercase().contains("hunter2"),
                    "{key} {reference}: {answer}"
                );
            }
        }
    }
    log_without(serve, "hunter2");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_template_says_when_it_refuses_is_not_at_readyz() {
    let templates = tempfile::tempdir().unwrap();
    let text = "{{ refuse(\"hunter2 is not allowed\") }}";
    std::fs::write(templates.path().join("driver-pod.yaml.j2"), text).unwrap();
    let (serve, _api, _folder) = server(&["--template-dir", templates.path().to_str().unwrap()]).await;
    let (_, readyz) = serve.get("/readyz");
    assert!(readyz.contains("driver-pod.yaml.j2:1"), "{readyz}");
    for page in [readyz, serve.get("/metrics").1] {
        assert!(!page.contains("hunter2"), "{page}");
    }
}
