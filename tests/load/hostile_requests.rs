//! Small requests that ask for much: each is answered soon, shortly and for good, in little memory, and the server goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::memory;
use crate::support::api_server::{ApiServer, Effect, Fault};
use crate::support::serve;
use crate::support::serve::Serve;
use axum::body::Body;
use native_submit::operator::wire::{
    Container, DriverSpec, EnvVar, RunAltSparkSubmitRequest, SparkApplication, SparkApplicationSpec,
    Toleration, Volume,
};
use prost::Message as _;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tonic::{Code, transport::Endpoint};
use tower::ServiceExt as _;

/// What the server may grow by for one request, in KiB: with it, it stays under 128 MiB.
const GROWTH: u64 = 96 * 1024;

/// Within what each request is answered: most take milliseconds, also in a debug build; those that this is about took minutes.
const SOON: Duration = Duration::from_secs(20);

/// How long an answer may be, in bytes.
const SHORT: usize = 8 << 10;

/// A server, and what was seen of it.
struct Target {
    server: Serve,
    _kubeconfig: tempfile::TempDir,
    api: ApiServer,
}

/// An answer: accepted, refused for good by this text, or refused otherwise.
#[derive(Debug)]
enum Answer {
    Accepted,
    Refused(String),
    Other(#[allow(dead_code, reason = "shown where a test fails")] String),
}

impl Target {
    async fn start(arguments: &[&str]) -> Self {
        let api = ApiServer::start().await;
        let (server, kubeconfig) = Serve::to(&api.url, arguments);
        let target = Self {
            server,
            _kubeconfig: kubeconfig,
            api,
        };
        // What it keeps anyway.
        target.goes_on("warm").await;
        target
    }

    /// Another submission succeeds.
    async fn goes_on(&self, id: &str) {
        let text =
            include_str!("../../examples/spark-pi.yaml").replace("name: spark-pi", &format!("name: {id}"));
        let reply = self.server.submit(&text, id).await;
        assert!(reply.success, "{}", reply.error_message);
    }

    fn peak_kib(&self) -> u64 {
        memory::peak_kib(self.server.pid())
    }

    /// Sends one request and holds its answer to the bounds.
    async fn bounded(&self, name: &str, answer: impl Future<Output = Answer>) -> Answer {
        let (before, asked) = (self.peak_kib(), Instant::now());
        let answer = answer.await;
        let (took, grew) = (asked.elapsed(), self.peak_kib().saturating_sub(before));
        println!(
            "{name}: {took:?}, {grew} KiB: {}",
            format!("{answer:.300?}").chars().take(300).collect::<String>()
        );
        assert!(took < SOON, "{name}: {took:?}");
        assert!(grew < GROWTH, "{name}: grew by {grew} KiB");
        assert_eq!(self.server.get("/healthz").0, 200, "{name}");
        answer
    }

    /// It is refused for good, and the message has these words.
    async fn refuses(&self, name: &str, words: &str, answer: impl Future<Output = Answer>) {
        match self.bounded(name, answer).await {
            Answer::Refused(text) => assert!(text.contains(words), "{name}: {text:.1000}"),
            other => panic!("{name}: {other:.1000?}"),
        }
    }

    async fn accepts(&self, name: &str, answer: impl Future<Output = Answer>) {
        let answer = self.bounded(name, answer).await;
        assert!(matches!(answer, Answer::Accepted), "{name}: {answer:.1000?}");
    }

    /// By REST; a refusal is a 400.
    async fn rest(&self, body: String) -> Answer {
        let address = self.server.rest.clone();
        let (status, text) = tokio::task::spawn_blocking(move || {
            let headers = "Content-Type: application/json\r\n";
            serve::exchange(&address, "POST /api/v1/spark-submit", headers, body.as_bytes())
        })
        .await
        .unwrap();
        assert!(text.len() < SHORT, "{} bytes", text.len());
        let answer: Value = serde_json::from_str(&text).unwrap();
        match status {
            200 | 201 => Answer::Accepted,
            400 => Answer::Refused(answer["message"].as_str().unwrap().to_owned()),
            _ => Answer::Other(text),
        }
    }

    /// By gRPC, as these bytes; a refusal is `INVALID_ARGUMENT`.
    async fn grpc(&self, message: Vec<u8>) -> Answer {
        let mut framed = vec![0];
        framed.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        framed.extend(message);
        let endpoint = Endpoint::from_shared(format!("http://{}", self.server.grpc)).unwrap();
        let channel = endpoint.connect().await.unwrap();
        let request = http::Request::post("http://localhost/spark.SparkSubmitService/RunAltSparkSubmit")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(tonic::body::Body::new(Body::from(framed)))
            .unwrap();
        let reply = channel.oneshot(request).await.unwrap();
        let (parts, body) = reply.into_parts();
        if let Some(status) = tonic::Status::from_header_map(&parts.headers) {
            assert!(status.message().len() < SHORT, "{} bytes", status.message().len());
            return match status.code() {
                Code::InvalidArgument => Answer::Refused(status.message().to_owned()),
                _ => Answer::Other(status.to_string()),
            };
        }
        let bytes = axum::body::to_bytes(Body::new(body), 8 << 20).await.unwrap();
        let reply = native_submit::operator::wire::RunAltSparkSubmitResponse::decode(&bytes[5..]).unwrap();
        if reply.success {
            Answer::Accepted
        } else {
            Answer::Other(reply.error_message)
        }
    }

    async fn manifest(&self, id: &str, manifest: &Value) -> Answer {
        let request = RunAltSparkSubmitRequest {
            submission_id: id.to_owned(),
            spark_application_manifest: manifest.to_string().into_bytes(),
            ..RunAltSparkSubmitRequest::default()
        };
        self.grpc(request.encode_to_vec()).await
    }
}

fn application(name: &str) -> Value {
    json!({
        "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "type": "Scala", "mode": "cluster", "sparkVersion": "4.0.0", "image": "spark:4.0.0",
            "mainClass": "a.B", "mainApplicationFile": "local:///a.jar",
            "driver": {"cores": 1, "memory": "512m"}, "executor": {"cores": 1, "instances": 1, "memory": "512m"},
        },
    })
}

fn with_conf(name: &str, conf: Value) -> Value {
    let mut application = application(name);
    application["spec"]["sparkConf"] = conf;
    application
}

/// A body with these fields beside its id and arguments.
fn body(id: &str, conf: &[(&str, &str)], fields: &str) -> String {
    let mut arguments: Vec<String> = [
        "--master",
        "k8s://https://h",
        "--deploy-mode",
        "cluster",
        "--class",
        "a.B",
        "--conf",
        "spark.kubernetes.container.image=spark:4.0.0",
        "--conf",
    ]
    .map(str::to_owned)
    .into();
    arguments.push(format!("spark.kubernetes.driver.pod.name={id}-driver"));
    for (key, value) in conf {
        arguments.extend(["--conf".to_owned(), format!("{key}={value}")]);
    }
    arguments.push("local:///a.jar".to_owned());
    let arguments = json!(arguments);
    format!(r#"{{"submission_id":"{id}","spark_submit_args":{arguments}{fields}}}"#)
}

/// `spark.aN` as `times` references to `spark.aN-1`, and a key that uses the last.
fn tower(height: usize, times: usize, ground: &str) -> Value {
    let mut conf = json!({"spark.a0": ground});
    for floor in 1..=height {
        conf[format!("spark.a{floor}")] = format!("${{spark.a{}}}", floor - 1).repeat(times).into();
    }
    conf["spark.kubernetes.local.dirs.tmpfs"] = format!("false${{spark.a{height}}}").into();
    conf
}

#[tokio::test(flavor = "multi_thread")]
async fn references_take_no_more_time_and_text_than_allowed() {
    let target = Target::start(&[]).await;
    let text = "bytes of text made by references";
    for (name, conf) in [
        ("doubled", tower(30, 2, "")),
        ("seven", tower(7, 30, "")),
        ("chain-33", tower(33, 1, "")),
        ("chain-1000", tower(1_000, 1, "")),
    ] {
        target
            .accepts(name, target.manifest(name, &with_conf(name, conf)))
            .await;
    }
    let long = json!({
        "spark.long": "x".repeat(60_000),
        "spark.kubernetes.local.dirs.tmpfs": "${spark.long}".repeat(3_000),
    });
    let mut too_long = tower(9_900, 1, "");
    too_long["spark.kubernetes.local.dirs.tmpfs"] =
        format!("${{spark.a9900}}{}", "${spark.a0}".repeat(100)).into();
    for (name, conf, words) in [
        ("doubled-text", tower(30, 2, "x"), text),
        ("seven-text", tower(7, 30, "x"), text),
        ("long", long, text),
        (
            "chain-too-long",
            too_long,
            "spark.kubernetes.local.dirs.tmpfs: expected at most 10000 references",
        ),
    ] {
        target
            .refuses(name, words, target.manifest(name, &with_conf(name, conf.clone())))
            .await;
        let conf: Vec<(String, String)> = conf
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        let conf: Vec<_> = conf
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        if conf.len() < 5_000 {
            let name = format!("{name}-rest");
            target
                .refuses(&name, words, target.rest(body(&name, &conf, "")))
                .await;
        }
    }
    target.goes_on("after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_has_as_many_containers_as_allowed_and_no_more() {
    let target = Target::start(&[]).await;
    let named = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|n| json!({"name": format!("c{n}"), "image": "i"}))
            .collect()
    };
    let fields = |role: &str, containers: Value| format!(r#","{role}_pod_template":{{"spec":{containers}}}"#);
    for role in ["driver", "executor"] {
        let empty = fields(role, json!({"containers": vec![json!({}); 21_000]}));
        target
            .refuses(
                role,
                "expected at most 10000 entries",
                target.rest(body(role, &[], &empty)),
            )
            .await;
        for (nth, spec, fits) in [
            (0, json!({"containers": named(200)}), true),
            (1, json!({"containers": named(201)}), false),
            (
                2,
                json!({"containers": named(100), "initContainers": named(101)}),
                false,
            ),
            (3, json!({"containers": vec![json!({}); 5_000]}), false),
        ] {
            let id = format!("{role}-{nth}");
            let sent = target.rest(body(&id, &[], &fields(role, spec)));
            if fits {
                target.accepts(&id, sent).await;
            } else {
                target
                    .refuses(&id, "expected at most 200 containers in one Pod", sent)
                    .await;
            }
        }
    }
    for (nth, count, fits) in [(0, 199, true), (1, 200, false), (2, 5_000, false)] {
        let id = format!("sidecars-{nth}");
        let mut application = application(&id);
        application["spec"]["driver"]["sidecars"] = named(count).into();
        let sent = target.manifest(&id, &application);
        if fits {
            target.accepts(&id, sent).await;
        } else {
            target.refuses(&id, "expected at most 200 containers", sent).await;
        }
    }
    target.goes_on("after").await;
}

fn message(driver: DriverSpec) -> Vec<u8> {
    let request = RunAltSparkSubmitRequest {
        submission_id: "m".to_owned(),
        spark_application: Some(SparkApplication {
            spec: Some(SparkApplicationSpec {
                driver: Some(driver),
                ..SparkApplicationSpec::default()
            }),
            ..SparkApplication::default()
        }),
        ..RunAltSparkSubmitRequest::default()
    };
    request.encode_to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_counted_before_they_are_decoded() {
    let target = Target::start(&[]).await;
    let pod = |change: &dyn Fn(&mut native_submit::operator::wire::SparkPodSpec)| {
        let mut driver = DriverSpec::default();
        change(driver.spark_pod_spec.get_or_insert_default());
        message(driver)
    };
    let mut bad_text = RunAltSparkSubmitRequest {
        submission_id: "ab".to_owned(),
        ..Default::default()
    }
    .encode_to_vec();
    *bad_text.last_mut().unwrap() = 0xff;
    let many = 1_000_000;
    let mut refused = 0;
    for (name, bytes, words) in [
        (
            "containers",
            pod(&|pod| pod.sidecars = vec![Container::default(); many]),
            "200 containers",
        ),
        (
            "env",
            pod(&|pod| pod.env = vec![EnvVar::default(); many]),
            "10000 entries",
        ),
        (
            "tolerations",
            pod(&|pod| pod.tolerations = vec![Toleration::default(); many]),
            "10000 entries",
        ),
        (
            "labels",
            pod(&|pod| pod.labels = (0..200_000).map(|n| (n.to_string(), String::new())).collect()),
            "10000 entries",
        ),
        ("unknown", [0xf8, 0xff, 0x07, 0x00].repeat(many), "100000 values"),
        (
            "text",
            pod(&|pod| pod.image = "x".repeat(2 << 20)),
            "1048576 bytes in one string",
        ),
        (
            "too long",
            vec![0; (4 << 20) + 1],
            "expected at most 4194304 bytes (MAX_REQUEST_BYTES)",
        ),
        ("malformed", b"\x0a\x7fab".to_vec(), "expected a protobuf message"),
        ("garbage", vec![0xff; 100], "expected a protobuf message"),
        ("bad UTF-8", bad_text, "UTF-8"),
    ] {
        target.refuses(name, words, target.grpc(bytes)).await;
        refused += 1;
        // Nobody but the codec saw it; it is counted all the same.
        let line = format!(
            "native_submit_submissions_total{{entry_point=\"grpc\",outcome=\"not-a-submission\"}} {refused}\n"
        );
        assert!(target.server.get("/metrics").1.contains(&line), "{name}");
    }
    let log = target.server.log();
    assert!(
        log.lines()
            .any(|line| line.contains("not-a-submission") && line.contains("200 containers")),
        "{log}"
    );
    // Within the limits, and large once it is decoded.
    let volumes = RunAltSparkSubmitRequest {
        submission_id: "v".to_owned(),
        spark_application: Some(SparkApplication {
            spec: Some(SparkApplicationSpec {
                volumes: vec![Volume::default(); 10_000],
                ..SparkApplicationSpec::default()
            }),
            ..SparkApplication::default()
        }),
        ..RunAltSparkSubmitRequest::default()
    };
    target
        .bounded("volumes", target.grpc(volumes.encode_to_vec()))
        .await;
    target.goes_on("after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_counted_as_they_are_read() {
    let target = Target::start(&[]).await;
    let empty = |count: usize| format!("[{}{{}}]", "{},".repeat(count - 1));
    let lists = |count: usize| format!("[{}]", vec![empty(9_990); count].join(","));
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for (name, fields, words) in [
        (
            "ignored",
            format!(r#","newer":{}"#, empty(500_000)),
            "newer: expected at most 10000 entries",
        ),
        (
            "ignored-nodes",
            format!(r#","newer":{}"#, lists(11)),
            "expected at most 100000 values in one submission",
        ),
        (
            "deep",
            format!(r#","newer":{deep}"#),
            "expected at most 64 levels of nesting",
        ),
        (
            "long",
            format!(r#","newer":"{}""#, "x".repeat((1 << 20) + 1)),
            "newer: expected at most 1048576 bytes in one string",
        ),
        (
            "key",
            format!(r#","newer":{{"{}":1}}"#, "x".repeat(1_000_000)),
            "newer: expected at most 1024 bytes in one key",
        ),
        (
            "twice",
            r#","newer":{"a":1,"a":2}"#.to_owned(),
            "newer: expected each key once",
        ),
        (
            "twice-id",
            r#","submission_id":"b""#.to_owned(),
            "the body: expected each key once",
        ),
        (
            "twice-template",
            r#","driver_pod_template":{"spec":{"containers":[{"name":"a","name":"b"}]}}"#.to_owned(),
            "driver_pod_template.spec.containers[0]: expected each key once",
        ),
        (
            "unknown",
            format!(
                r#","driver_pod_template":{{"spec":{{"containers":[],{}"z":1}}}}"#,
                (0..9_000)
                    .map(|n| format!("\"zzzzzzzzzzzzzzzzzzzzz{n}\":1,"))
                    .collect::<Vec<_>>()
                    .concat()
            ),
            "unknown fields in one document",
        ),
    ] {
        target
            .refuses(name, words, target.rest(body(name, &[], &fields)))
            .await;
    }
    target
        .accepts(
            "as many",
            target.rest(body("as-many", &[], &format!(r#","newer":{}"#, lists(9)))),
        )
        .await;
    target.goes_on("after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_are_counted_as_they_are_read() {
    let target = Target::start(&[]).await;
    let text = |text: String| {
        let request = RunAltSparkSubmitRequest {
            submission_id: "y".to_owned(),
            spark_application_manifest: text.into_bytes(),
            ..RunAltSparkSubmitRequest::default()
        };
        request.encode_to_vec()
    };
    let head = "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: {name: y}\n";
    let bomb = (0..20).fold("l0: &l0 [x, x]\n".to_owned(), |text, n| {
        text + &format!("l{}: &l{} [*l{n}, *l{n}, *l{n}]\n", n + 1, n + 1)
    });
    let repeated = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(5_000));
    let entries: Vec<_> = (0..200).map(|n| format!("k{n}: {}", "x".repeat(30))).collect();
    let merged = format!(
        "a: &a {{{}}}\nb: {{<<: [{}]}}\n",
        entries.join(", "),
        "*a, ".repeat(470)
    );
    let merged_anew = (0..30).fold("l0: &l0 {a: 1}\n".to_owned(), |text, n| {
        text + &format!("l{}: &l{} {{<<: [*l{n}, *l{n}], k{n}: 1}}\n", n + 1, n + 1)
    });
    for (name, rest, words) in [
        ("aliases", bomb, "expected at most"),
        ("merged", merged, "values repeated by merge keys"),
        ("merged anew", merged_anew, "values repeated by merge keys"),
        ("repeated", repeated, "bytes of text in one submission"),
        (
            "items",
            format!("a:\n{}", "- {}\n".repeat(500_000)),
            "a: expected at most 10000 entries",
        ),
        (
            "flow",
            format!("a: [{}]", "{},".repeat(1_000_000)),
            "a: expected at most 10000 entries",
        ),
        (
            "deep",
            format!("a: {}1{}", "[".repeat(100), "]".repeat(100)),
            "levels of nesting",
        ),
        (
            "long",
            format!("a: {}", "x".repeat((1 << 20) + 1)),
            "a: expected at most 1048576 bytes in one string",
        ),
    ] {
        target
            .refuses(name, words, target.grpc(text(format!("{head}{rest}"))))
            .await;
    }
    // What the operator keeps there is passed over.
    let mut large = application("large-status");
    large["status"] = json!({"executorState": (0..60_000).map(|n| (format!("e{n}"), "RUNNING".into())).collect::<serde_json::Map<_, _>>()});
    target
        .accepts("status", target.manifest("large-status", &large))
        .await;
    target.goes_on("after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_take_no_quadratic_time() {
    let target = Target::start(&[]).await;
    let most = 9_900;
    let owners: Vec<Value> = (0..most)
        .map(|n| json!({"apiVersion": "v1", "kind": "Pod", "name": format!("o{n}"), "uid": format!("u{n}")}))
        .collect();
    // As many as a Pod may have, and as many mounts as a list.
    let volumes: Vec<Value> = (0..990)
        .map(|n| json!({"name": format!("v{n}"), "emptyDir": {}}))
        .collect();
    let mounts: Vec<Value> = (0..most)
        .map(|n| json!({"name": format!("v{}", 989 - n % 990), "mountPath": format!("/m{n}")}))
        .collect();
    let same: Vec<Value> = vec![json!({"name": "A", "value": "1"}); most];
    let template = |metadata: Value, spec: Value| {
        let template = json!({"metadata": metadata, "spec": spec});
        format!(r#","driver_pod_template":{template}"#)
    };
    let directories = |count: usize| (0..count).map(|n| format!("/d{n}")).collect::<Vec<_>>().join(",");
    let cases = [
        (
            "owners",
            Vec::new(),
            template(json!({"ownerReferences": owners}), json!({"containers": []})),
        ),
        (
            "mounts",
            Vec::new(),
            template(
                json!({}),
                json!({"volumes": volumes, "containers": [{"name": "a", "volumeMounts": mounts}]}),
            ),
        ),
        (
            "env",
            Vec::new(),
            template(json!({}), json!({"containers": [{"name": "a", "env": same}]})),
        ),
        (
            "directories",
            vec![("spark.local.dir", directories(most))],
            String::new(),
        ),
        (
            "jars",
            vec![("spark.jars", directories(40_000).replace("/d", "s3a://b/d"))],
            String::new(),
        ),
    ];
    for (name, conf, fields) in cases {
        let conf: Vec<_> = conf.iter().map(|(key, value)| (*key, value.as_str())).collect();
        target
            .bounded(name, target.rest(body(name, &conf, &fields)))
            .await;
    }
    let too_many = [("spark.local.dir", directories(20_000))];
    let conf: Vec<_> = too_many
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    target
        .refuses(
            "20,000 directories",
            "spark.local.dir: expected at most 10000 entries",
            target.rest(body("d", &conf, "")),
        )
        .await;
    let mut application = application("mounted");
    application["spec"]["volumes"] = volumes.into();
    application["spec"]["driver"]["volumeMounts"] = mounts.into();
    target
        .bounded("mounted", target.manifest("mounted", &application))
        .await;
    target.goes_on("after").await;
}

/// A name, the conf, and the fields of the body.
type Large = (&'static str, Vec<(String, String)>, String);

/// Submissions that are as large as the limits allow, each in another way: bodies of REST without their ids.
#[allow(clippy::too_many_lines, reason = "a table")]
fn largest() -> Vec<Large> {
    let nested = |depth: usize| (0..depth).fold(json!({}), |value, _| json!({"a": value}));
    let containers = |count: usize, env: usize| -> Vec<Value> {
        (0..count)
            .map(|n| json!({"name": format!("c{n}"), "image": "i", "env": self::env(env)}))
            .collect()
    };
    let labels = |letter: &str| -> Value {
        let entries = (0..9_900).map(|n| (format!("{letter}{n}"), Value::from("x")));
        entries.collect::<serde_json::Map<_, _>>().into()
    };
    let owners: Vec<Value> = (0..9_900)
        .map(|n| json!({"apiVersion": "v1", "kind": "Pod", "name": format!("o{n}"), "uid": format!("u{n}")}))
        .collect();
    let volumes: Vec<Value> = (0..990)
        .map(|n| json!({"name": format!("v{n}"), "configMap": {"name": "c", "items": [{"key": "k", "path": "p"}]}}))
        .collect();
    let mounts: Vec<Value> = (0..9_900)
        .map(|n| json!({"name": format!("v{}", n % 990), "mountPath": format!("/m{n}")}))
        .collect();
    let template = |role: &str, metadata: Value, spec: Value| {
        let template = json!({"metadata": metadata, "spec": spec});
        format!(r#","{role}_pod_template":{template}"#)
    };
    let conf = |key: &str| -> Vec<(String, String)> {
        (0..4_900)
            .map(|n| (format!("spark.kubernetes.driver{key}{n}"), "x".to_owned()))
            .collect()
    };
    let none = json!({"containers": []});
    let trees = |count: usize| json!({"containers": [], "newer": vec![nested(49); count]});
    vec![
        ("trees", vec![], template("driver", json!({}), trees(400))),
        (
            "executor-trees",
            vec![],
            template("executor", json!({}), trees(400)),
        ),
        (
            "both-trees",
            vec![],
            template("driver", json!({}), trees(200)) + &template("executor", json!({}), trees(200)),
        ),
        (
            "env",
            vec![],
            template("driver", json!({}), json!({"containers": containers(2, 9_900)})),
        ),
        (
            "env-of-many",
            vec![],
            template("driver", json!({}), json!({"containers": containers(160, 120)})),
        ),
        (
            "executor-env",
            vec![],
            template("executor", json!({}), json!({"containers": containers(2, 9_900)})),
        ),
        (
            "mounts",
            vec![],
            template(
                "driver",
                json!({}),
                json!({"volumes": volumes, "containers": [{"name": "a", "image": "i", "volumeMounts": mounts}]}),
            ),
        ),
        (
            "labels",
            vec![],
            template(
                "driver",
                json!({"labels": labels("l"), "annotations": labels("a")}),
                json!({"containers": [], "nodeSelector": labels("n")}),
            ),
        ),
        (
            "owners",
            vec![],
            template("driver", json!({"ownerReferences": owners}), none.clone()),
        ),
        (
            "lists",
            vec![],
            template(
                "driver",
                json!({}),
                json!({"containers": [], "newer": vec![vec![json!([[]]); 9_900]; 4]}),
            ),
        ),
        (
            "text",
            vec![],
            template(
                "driver",
                json!({}),
                json!({"containers": [{"name": "a", "image": "i", "args": vec!["x".repeat(1_000_000); 2]}]}),
            ),
        ),
        ("conf-env", conf("Env.E"), String::new()),
        ("conf-labels", conf(".label.l"), String::new()),
        ("conf-annotations", conf(".annotation.a"), String::new()),
        (
            "conf-volumes",
            (0..990)
                .map(|n| {
                    let key = format!("spark.kubernetes.driver.volumes.emptyDir.v{n}.mount.path");
                    (key, format!("/v{n}"))
                })
                .collect(),
            String::new(),
        ),
    ]
}

fn env(count: usize) -> Vec<Value> {
    (0..count)
        .map(|n| json!({"name": format!("E{n}"), "value": "1"}))
        .collect()
}

fn body_of(id: &str, conf: &[(String, String)], fields: &str) -> String {
    let conf: Vec<_> = conf
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    body(id, &conf, fields)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_submissions_are_small_one_by_one() {
    let target = Target::start(&[]).await;
    for (name, conf, fields) in largest() {
        target
            .bounded(name, target.rest(body_of(name, &conf, &fields)))
            .await;
    }
    memory::is_within_limit(target.server.pid(), "one by one");
    target.goes_on("after").await;
}

/// The API server is slow, so that many wait for it with all that they hold. What doesn't fit any more gets a retryable error.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_submissions_are_small_many_at_once() {
    let target = std::sync::Arc::new(Target::start(&[]).await);
    let released = std::sync::Arc::new(tokio::sync::Notify::new());
    target.api.fault(Fault::always(
        "create",
        "*",
        Effect::Hold(std::sync::Arc::clone(&released)),
    ));
    let (mut accepted, mut told_to_come_back) = (0, 0);
    for (name, conf, fields) in largest() {
        let calls: Vec<_> = (0..4)
            .map(|nth| {
                let target = std::sync::Arc::clone(&target);
                let id = format!("{name}-{nth}");
                let body = body_of(&id, &conf, &fields);
                tokio::spawn(async move { target.rest(body).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let end = Instant::now() + 3 * SOON;
        while !calls.iter().all(tokio::task::JoinHandle::is_finished) {
            assert!(Instant::now() < end, "{name}");
            released.notify_waiters();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut answers = [0; 3];
        for call in calls {
            match call.await.unwrap() {
                Answer::Accepted => answers[0] += 1,
                Answer::Refused(_) => answers[1] += 1,
                // Found wrong by a stage behind the readers.
                Answer::Other(text) if text.contains("INVALID_POD_TEMPLATE") => answers[1] += 1,
                Answer::Other(text) => {
                    assert!(text.contains("over capacity"), "{name}: {text}");
                    answers[2] += 1;
                }
            }
        }
        memory::is_within_limit(target.server.pid(), &format!("{name}: {answers:?}"));
        assert!(answers[2] < 4, "{name}: one has room");
        accepted += answers[0];
        told_to_come_back += answers[2];
    }
    assert!(
        accepted > 0 && told_to_come_back > 0,
        "{accepted}, {told_to_come_back}"
    );
    target.api.heal();
    target.goes_on("after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_roots_are_regular_and_bounded() {
    let roots = tempfile::tempdir().unwrap();
    let root = roots.path().canonicalize().unwrap();
    let path = |name: &str| root.join(name).to_str().unwrap().to_owned();
    assert!(
        std::process::Command::new("mkfifo")
            .arg(path("pipe"))
            .status()
            .unwrap()
            .success()
    );
    std::fs::File::create(path("sparse"))
        .unwrap()
        .set_len(5 << 30)
        .unwrap();
    std::fs::File::create(path("more"))
        .unwrap()
        .set_len((1 << 20) + 1)
        .unwrap();
    std::fs::create_dir(path("directory")).unwrap();
    let template = "spec: {containers: []}\n#";
    std::fs::write(
        path("full"),
        template.to_owned() + &"x".repeat((1 << 20) - template.len()),
    )
    .unwrap();
    let target = Target::start(&["--submitter-file-roots", root.to_str().unwrap()]).await;
    let keys = [
        "spark.kubernetes.driver.podTemplateFile",
        "spark.kubernetes.executor.podTemplateFile",
        "spark.kubernetes.kerberos.krb5.path",
        "spark.kubernetes.authenticate.driver.caCertFile",
    ];
    for (nth, key) in keys.into_iter().enumerate() {
        for (name, words) in [
            ("pipe", "file"),
            ("directory", "file"),
            ("sparse", "expected at most 1048576 bytes in one file"),
            ("more", "expected at most 1048576 bytes in one file"),
        ] {
            let id = format!("{name}-{nth}");
            target
                .refuses(&id, words, target.rest(body(&id, &[(key, &path(name))], "")))
                .await;
        }
    }
    let full = [("spark.kubernetes.driver.podTemplateFile", path("full"))];
    let full: Vec<_> = full.iter().map(|(key, path)| (*key, path.as_str())).collect();
    target.accepts("full", target.rest(body("full", &full, ""))).await;
    target.goes_on("after").await;
}
