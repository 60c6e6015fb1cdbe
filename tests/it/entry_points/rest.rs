//! The operator's REST contract (`RestSubmitter`), as its client sees it: the real binary, a real socket, and an API
//! server that keeps objects.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::{ApiServer, Effect, Fault};
use crate::support::serve::{Serve, exchange};
use serde_json::{Value, json};

const JSON: &str = "Content-Type: application/json\r\n";
const PATH: &str = "/api/v1/spark-submit";

/// The answer to `request` with this body, which always is the structured one.
fn ask(serve: &Serve, request: &str, headers: &str, body: &[u8]) -> (u16, Value) {
    let (status, body) = exchange(&serve.rest, request, headers, body);
    let body: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{request}: {status} {body}"));
    if status >= 300 {
        assert_eq!(body["status"], status, "{body}");
        for field in ["submission_id", "error_code", "message", "timestamp"] {
            assert!(body[field].is_string(), "{field} of {body}");
        }
        assert!(!body["message"].as_str().unwrap().is_empty(), "{body}");
    }
    (status, body)
}

fn submit(serve: &Serve, body: &Value) -> (u16, Value) {
    ask(serve, &format!("POST {PATH}"), JSON, body.to_string().as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_while_still_sending_reads_why() {
    use std::io::{Read as _, Write as _};
    let api = api_server().await;
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let body = vec![b' '; 6 << 20];
    for (request, status) in [(PATH, 400), ("/elsewhere", 404)] {
        for _ in 0..10 {
            let mut stream = std::net::TcpStream::connect(&serve.rest).unwrap();
            let length = body.len();
            let head = format!(
                "POST {request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n{JSON}\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            assert!(answer.contains("\"error_code\""), "{answer}");
        }
    }
}

/// An API server that has the application of [`spark_pi`].
async fn api_server() -> ApiServer {
    let api = ApiServer::start().await;
    api.put(
        "sparkapplications",
        json!({
            "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication",
            "metadata": {"name": "spark-pi", "namespace": "jobs", "uid": "3f1c9a52-0000-4000-8000-000000000001"},
            "spec": {"type": "Scala", "mode": "cluster", "sparkVersion": "4.0.1", "driver": {}, "executor": {}},
        }),
    );
    api
}

/// What the operator sends for its `SparkPi`.
fn spark_pi(id: &str) -> Value {
    let label = format!("spark.kubernetes.driver.label.sparkoperator.k8s.io/submission-id={id}");
    let template = |role: &str, controller: bool| {
        json!({
            "metadata": {"creationTimestamp": null, "ownerReferences": [{
                "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": "spark-pi",
                "uid": "3f1c9a52-0000-4000-8000-000000000001", "controller": controller, "blockOwnerDeletion": true,
            }]},
            "spec": {"containers": [{"name": format!("spark-kubernetes-{role}"), "resources": {}}],
                     "priorityClassName": "high"},
        })
    };
    json!({
        "submission_id": id,
        "spark_submit_args": [
            "--master", "k8s://https://10.0.0.1:443", "--deploy-mode", "cluster",
            "--class", "org.apache.spark.examples.SparkPi", "--name", "spark-pi",
            "--conf", "spark.kubernetes.namespace=jobs", "--conf", "spark.kubernetes.container.image=spark:4.0.1",
            "--conf", "spark.kubernetes.submission.waitAppCompletion=false",
            "--conf", "spark.kubernetes.driver.pod.name=spark-pi-driver", "--conf", label,
            "local:///opt/spark/examples/jars/spark-examples.jar", "1000",
        ],
        "driver_pod_template": template("driver", true),
        "executor_pod_template": template("executor", false),
        "a_field_of_a_newer_operator": {},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_is_created_once_and_told_as_the_contract_says() {
    let api = api_server().await;
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let (status, body) = submit(&serve, &spark_pi("a"));
    assert_eq!(status, 201, "{body}");
    assert_eq!(body["submission_id"], "a");
    assert_eq!(body["app_name"], "spark-pi");
    assert_eq!(body["driver_pod_name"], "spark-pi-driver");
    assert_eq!(body["namespace"], "jobs");
    assert_eq!(body["duplicate_submission"], false);
    assert!(
        body["spark_app_id"].as_str().unwrap().starts_with("spark-"),
        "{body}"
    );
    assert!(body["submitted_at"].as_str().unwrap().ends_with('Z'), "{body}");

    let pod = api.get("pods", "jobs", "spark-pi-driver").unwrap();
    assert_eq!(pod["metadata"]["uid"], body["driver_pod_uid"]);
    assert_eq!(
        pod["metadata"]["ownerReferences"][0]["uid"],
        "3f1c9a52-0000-4000-8000-000000000001"
    );
    assert_eq!(pod["spec"]["priorityClassName"], "high");
    let names: Vec<_> = pod["spec"]["containers"].as_array().unwrap().iter().collect();
    assert_eq!(names.len(), 1, "the template's container is the driver's: {pod}");

    let (status, again) = submit(&serve, &spark_pi("a"));
    assert_eq!(
        (status, &again["duplicate_submission"]),
        (200, &Value::Bool(true)),
        "{again}"
    );
    for field in ["driver_pod_uid", "spark_app_id", "driver_pod_name"] {
        assert_eq!(again[field], body[field]);
    }
    let (status, other) = submit(&serve, &spark_pi("b"));
    assert_eq!(
        (status, other["error_code"].as_str()),
        (409, Some("DRIVER_POD_ALREADY_EXISTS")),
        "{other}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_asks_for_every_object_and_keeps_none() {
    let api = api_server().await;
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let query = |id: &str, query: &str| {
        let body = spark_pi(id).to_string();
        ask(&serve, &format!("POST {PATH}?{query}"), JSON, body.as_bytes())
    };
    let dry_run = |id: &str, value: &str| query(id, &format!("dryRun={value}"));
    let (status, body) = dry_run("a", "true");
    assert_eq!((status, &body["driver_pod_uid"]), (200, &json!("")), "{body}");
    assert_eq!(api.names(), ["sparkapplications/spark-pi"]);
    let log = api.log();
    let (reads, writes): (Vec<_>, Vec<_>) = log.iter().partition(|seen| seen.verb == "get");
    assert!(writes.len() >= 4 && !reads.is_empty(), "{:?}", api.lines());
    assert!(writes.iter().all(|seen| seen.query.contains("dryRun=All")));
    assert_eq!(query("a", "dryrun=true").0, 200);
    for unclear in ["dryRun=yes", "dryRun", "dryrun"] {
        let (status, body) = query("a", unclear);
        assert_eq!(
            (status, body["error_code"].as_str()),
            (400, Some("BAD_REQUEST")),
            "{unclear}: {body}"
        );
    }
    assert_eq!(api.names(), ["sparkapplications/spark-pi"]);
    assert_eq!(submit(&serve, &spark_pi("a")).0, 201);
    assert_eq!(dry_run("a", "true").0, 200);
    assert_eq!(dry_run("b", "true").0, 409);
}

/// How often the log says this, as soon as it does so `least` times: it is read beside the test.
fn lines_of(serve: &Serve, says: &str, least: usize) -> usize {
    for _ in 0..250 {
        if serve.log().matches(says).count() >= least {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    serve.log().matches(says).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_structured_body() {
    let api = api_server().await;
    let (serve, _folder) = Serve::to(&api.url, &["--max-request-bytes", "10000"]);
    let long = vec![b' '; 10_001];
    let ours = format!("POST {PATH}");
    let body = spark_pi("a").to_string();
    let table: [(&str, &str, &[u8], u16, &str); 8] = [
        (&format!("GET {PATH}"), "", b"", 405, "METHOD_NOT_ALLOWED"),
        (&format!("DELETE {PATH}"), "", b"", 405, "METHOD_NOT_ALLOWED"),
        ("GET /", "", b"", 404, "NOT_FOUND"),
        ("POST /api/v1/other", JSON, body.as_bytes(), 404, "NOT_FOUND"),
        (&ours, "", body.as_bytes(), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (
            &ours,
            "Content-Type: text/plain\r\n",
            body.as_bytes(),
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        (&ours, JSON, b"{", 400, "BAD_REQUEST"),
        (&ours, JSON, &long, 400, "BAD_REQUEST"),
    ];
    for (request, headers, body, status, code) in table {
        let (found, body) = ask(&serve, request, headers, body);
        assert_eq!(
            (found, body["error_code"].as_str()),
            (status, Some(code)),
            "{request}: {body}"
        );
    }
    let metrics = serve.get("/metrics").1;
    for (code, count) in [
        ("METHOD_NOT_ALLOWED", 2),
        ("NOT_FOUND", 2),
        ("UNSUPPORTED_MEDIA_TYPE", 2),
        ("BAD_REQUEST", 2),
    ] {
        let series = format!("native_submit_failures_total{{code=\"{code}\"}} {count}\n");
        assert!(metrics.contains(&series), "{series}: {metrics}");
        let lines = lines_of(&serve, &format!("\"code\":\"{code}\""), count);
        assert_eq!(lines, count, "{code}: {}", serve.log());
    }
    let series = "native_submit_submissions_total{entry_point=\"rest\",outcome=\"not-a-submission\"} 8\n";
    assert!(metrics.contains(series), "{metrics}");
    for _ in 0..50 {
        ask(&serve, "GET /", "", b"");
    }
    let lines = lines_of(&serve, "not-a-submission", 10);
    assert!((10..=20).contains(&lines), "a flood is not all logged: {lines}");
    let (status, _) = ask(
        &serve,
        &ours,
        "Content-Type: Application/JSON; charset=utf-8\r\n",
        body.as_bytes(),
    );
    assert_eq!(status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_under_the_code_that_says_whose_fault_it_is() {
    let api = api_server().await;
    let (serve, _folder) = Serve::to(&api.url, &["--events=false", "--allowed-namespaces", "jobs"]);
    let with = |from: &str, to: &str| {
        let text = spark_pi("a").to_string();
        assert!(text.contains(from), "{from}");
        serde_json::from_str::<Value>(&text.replace(from, to)).unwrap()
    };
    let table = [
        (
            with("\"--deploy-mode\"", "\"--frobnicate\""),
            "INVALID_SPARK_SUBMIT_ARGS",
            "--frobnicate",
        ),
        (
            with("\"cluster\"", "\"client\""),
            "INVALID_SPARK_SUBMIT_ARGS",
            "--deploy-mode",
        ),
        (
            with("namespace=jobs", "namespace=other"),
            "INVALID_SPARK_SUBMIT_ARGS",
            "ALLOWED_NAMESPACES",
        ),
        (
            with("submission-id=a", "submission-id=b"),
            "INVALID_SPARK_SUBMIT_ARGS",
            "submission-id",
        ),
        (
            with(
                "spark.kubernetes.submission.waitAppCompletion=false",
                "spark.driver.memory=${env:HOME}",
            ),
            "INVALID_SPARK_SUBMIT_ARGS",
            "spark.driver.memory",
        ),
        (
            with(
                "spark.kubernetes.submission.waitAppCompletion=false",
                "spark.kubernetes.driver.podTemplateFile=/etc/passwd",
            ),
            "INVALID_SPARK_SUBMIT_ARGS",
            "spark.kubernetes.driver.podTemplateFile",
        ),
        (
            with("\"containers\":[{", "\"containers\":[{\"image\":1,"),
            "INVALID_POD_TEMPLATE",
            "driver_pod_template",
        ),
        (
            with("\"priorityClassName\":\"high\"", "\"priorityClassName\":\"HIGH\""),
            "INVALID_POD_TEMPLATE",
            "priorityClassName",
        ),
    ];
    for (body, code, names) in table {
        let (_, answer) = submit(&serve, &body);
        assert_eq!(answer["error_code"].as_str(), Some(code), "{answer}");
        assert!(
            answer["message"].as_str().unwrap().contains(names),
            "{names}: {answer}"
        );
        assert_eq!(answer["submission_id"], "a");
    }
    assert!(
        api.lines().iter().all(|line| line == "get sparkapplications"),
        "nothing was asked of the API server but the owner: {:?}",
        api.lines()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_servers_refusals_have_the_contracts_codes() {
    let status = |reason: &str, message: &str| json!({"kind": "Status", "status": "Failure", "reason": reason, "message": message});
    let table = [
        (
            422,
            status("Invalid", "Pod is invalid"),
            422,
            "INVALID_POD_TEMPLATE",
        ),
        (
            403,
            status(
                "Forbidden",
                r#"pods is forbidden: User "system:serviceaccount:a:b" cannot create resource "pods" in API group "" in the namespace "jobs""#,
            ),
            500,
            "INTERNAL_SERVER_ERROR",
        ),
        (
            401,
            status("Unauthorized", "Unauthorized"),
            500,
            "INTERNAL_SERVER_ERROR",
        ),
    ];
    for (code, refusal, expected, name) in table {
        let api = api_server().await;
        let (serve, _folder) = Serve::to(&api.url, &["--events=false"]);
        api.fault(Fault::always("create", "pods", Effect::Refuse(code, refusal)));
        let (found, body) = submit(&serve, &spark_pi("a"));
        assert_eq!(
            (found, body["error_code"].as_str()),
            (expected, Some(name)),
            "{code}: {body}"
        );
        assert_eq!(api.names(), ["sparkapplications/spark-pi"]);
    }
    let api = api_server().await;
    api.without_namespace("jobs");
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let (status, body) = submit(&serve, &spark_pi("a"));
    assert_eq!(
        (status, body["error_code"].as_str()),
        (400, Some("INVALID_SPARK_SUBMIT_ARGS")),
        "{body}"
    );
}

/// Each conf pair of `more` behind the operator's own.
fn with_conf(body: &Value, more: &[&str]) -> Value {
    let mut body = body.clone();
    let arguments = body["spark_submit_args"].as_array_mut().unwrap();
    let end = arguments
        .iter()
        .position(|argument| argument == "local:///opt/spark/examples/jars/spark-examples.jar");
    for conf in more.iter().rev() {
        arguments.splice(end.unwrap()..end.unwrap(), [json!("--conf"), json!(conf)]);
    }
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_conf_or_template_changes_neither_namespace_nor_the_operators_labels() {
    let api = api_server().await;
    let (serve, _folder) = Serve::to(&api.url, &["--events=false"]);
    let label = |role: &str, name: &str| format!("spark.kubernetes.{role}.label.sparkoperator.k8s.io/{name}");
    let mut table = vec![(
        "spark.kubernetes.namespace=kube-system".to_owned(),
        "`jobs` and `kube-system`",
    )];
    for role in ["driver", "executor"] {
        table.extend([
            (format!("{}=other", label(role, "submission-id")), "`other`"),
            (
                format!("{}=other", label(role, "app-name")),
                "expected `spark-pi`, found `other`",
            ),
            (
                format!("{}=false", label(role, "launched-by-spark-operator")),
                "expected `true`, found `false`",
            ),
            (
                format!("{}=no", label(role, "mutated-by-spark-operator")),
                "expected `true`, found `no`",
            ),
        ]);
    }
    let refused = |body: &Value, code: &str, names: &[&str]| {
        let (_, answer) = submit(&serve, body);
        let message = answer["message"].as_str().unwrap_or_default();
        assert_eq!(answer["error_code"], code, "{answer}");
        for name in names {
            assert!(message.contains(name), "{name}: {answer}");
        }
    };
    for (conf, found) in &table {
        let key = conf.split('=').next().unwrap();
        refused(
            &with_conf(&spark_pi("a"), &[conf]),
            "INVALID_SPARK_SUBMIT_ARGS",
            &[key, found],
        );
    }
    for role in ["driver", "executor"] {
        for name in [
            "submission-id",
            "app-name",
            "launched-by-spark-operator",
            "mutated-by-spark-operator",
        ] {
            let mut body = spark_pi("a");
            let label = format!("sparkoperator.k8s.io/{name}");
            body[format!("{role}_pod_template")]["metadata"]["labels"] = json!({label: "other"});
            refused(
                &body,
                "INVALID_POD_TEMPLATE",
                &[&format!("{role}_pod_template.metadata.labels"), name, "`other`"],
            );
        }
    }
    // Set again and then back: the last value is right, but somebody changed it.
    let back = format!("{}=spark-pi", label("driver", "app-name"));
    let other = format!("{}=pi", label("driver", "app-name"));
    refused(
        &with_conf(&spark_pi("a"), &[&back, &other, &back]),
        "INVALID_SPARK_SUBMIT_ARGS",
        &["`spark-pi` and"],
    );
    assert_eq!(
        api.lines(),
        Vec::<String>::new(),
        "nothing was asked of the API server"
    );
    let right = [
        "spark.kubernetes.namespace=jobs",
        &back,
        &back.replace("driver", "executor"),
    ];
    assert_eq!(submit(&serve, &with_conf(&spark_pi("a"), &right)).0, 201);
}
