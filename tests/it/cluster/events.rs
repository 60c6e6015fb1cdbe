//! Kubernetes Events about refused submissions: the real binary, and an API server that keeps objects.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::{ApiServer, Effect, Fault};
use crate::support::serve::{Serve, exchange};
use native_submit::operator::wire;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The example as its caller has it from the API server.
fn spark_pi() -> String {
    include_str!("../../../examples/spark-pi.yaml")
        .replace("name: spark-pi\n", "name: spark-pi\n  uid: u-1\n")
}

/// An API server that has the application.
async fn api_server() -> ApiServer {
    let api = ApiServer::start().await;
    api.put(
        "sparkapplications",
        json!({"metadata": {"name": "spark-pi", "namespace": "default", "uid": "u-1"}, "spec": {}}),
    );
    api
}

/// An application that our checks refuse.
fn wrong() -> String {
    spark_pi().replace("cores: 1", "coreLimit: two")
}

fn events(api: &ApiServer) -> Vec<Value> {
    let names = api.names();
    let names = names.iter().filter_map(|name| name.strip_prefix("events/"));
    names
        .map(|name| api.get("events", "default", name).expect("an Event in `default`"))
        .collect()
}

/// Waits until there are so many Events, and gives them.
async fn until(api: &ApiServer, count: usize) -> Vec<Value> {
    api.until(&format!("{count} Events"), |api| events(api).len() >= count)
        .await;
    let events = events(api);
    assert_eq!(events.len(), count, "{events:#?}");
    events
}

/// Waits until the metric of Events says so often `result`.
fn counted(serve: &Serve, result: &str, count: usize) {
    let line = format!("native_submit_events_total{{result=\"{result}\"}} {count}\n");
    let ask = || serve.wait_for("/metrics", |body| body.contains(&line));
    tokio::task::block_in_place(ask);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_reported_on_the_application_in_the_callers_words() {
    let api = api_server().await;
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let reply = serve.submit(&wrong(), "a").await;
    assert!(!reply.success && !reply.error_message.is_empty());
    let mut event = until(&api, 1).await.remove(0);
    let metadata = event["metadata"].take();
    assert!(
        metadata["name"].as_str().unwrap().starts_with("spark-pi."),
        "{metadata}"
    );
    let (first, last) = (event["firstTimestamp"].take(), event["lastTimestamp"].take());
    assert!(
        first == last && first.as_str().unwrap().ends_with('Z'),
        "{first} {last}"
    );
    assert_eq!(
        event,
        json!({
            "apiVersion": "v1", "kind": "Event", "metadata": null, "firstTimestamp": null, "lastTimestamp": null,
            "involvedObject": {
                "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication",
                "namespace": "default", "name": "spark-pi", "uid": "u-1",
            },
            "type": "Warning", "reason": "InvalidSparkSubmitArgs", "message": reply.error_message, "count": 1,
            "source": {"component": "native-submit"}, "reportingComponent": "native-submit",
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_stage_that_refuses_is_reported_by_every_entry_point() {
    let api = api_server().await;
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let mut reasons = Vec::new();
    // What can't even be read as an application.
    serve
        .submit(&spark_pi().replace("cores: 1", "cores: many"), "a")
        .await;
    reasons.push("InvalidSparkSubmitArgs");
    until(&api, 1).await;
    // What the cluster refuses.
    assert!(serve.submit(&spark_pi(), "a").await.success);
    serve.submit(&spark_pi(), "b").await;
    reasons.push("DriverPodAlreadyExists");
    until(&api, 2).await;
    // REST: arguments that don't parse, with the application as the template's owner.
    let body = json!({
        "submission_id": "a",
        "spark_submit_args": ["--conf", "spark.kubernetes.namespace=default", "--no-such-option"],
        "driver_pod_template": {"metadata": {"ownerReferences": [{
            "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": "spark-pi", "uid": "u-1",
        }]}},
    });
    let post = "POST /api/v1/spark-submit";
    let (status, _) = exchange(
        &serve.rest,
        post,
        "Content-Type: application/json\r\n",
        body.to_string().as_bytes(),
    );
    assert_eq!(status, 400);
    reasons.push("InvalidSparkSubmitArgs");
    let events = until(&api, 3).await;
    let mut told: Vec<_> = events
        .iter()
        .map(|event| event["reason"].as_str().unwrap())
        .collect();
    told.sort_unstable();
    reasons.sort_unstable();
    assert_eq!(told, reasons);
    assert!(
        events.iter().all(|event| event["involvedObject"]["uid"] == "u-1"),
        "{events:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_uid_is_the_live_applications_where_the_request_has_none() {
    let api = ApiServer::start().await;
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let request = |name: &str| wire::RunAltSparkSubmitRequest {
        submission_id: "a".to_owned(),
        spark_application: Some(wire::SparkApplication {
            metadata: Some(wire::ObjectMeta {
                name: name.to_owned(),
                ..wire::ObjectMeta::default()
            }),
            ..wire::SparkApplication::default()
        }),
        ..wire::RunAltSparkSubmitRequest::default()
    };
    let uid = api.put(
        "sparkapplications",
        json!({"metadata": {"name": "spark-pi", "namespace": "default"}, "spec": {}}),
    );
    let mut client = serve.client().await;
    for name in ["spark-pi", "nobody"] {
        let reply = client
            .run_alt_spark_submit(request(name))
            .await
            .unwrap()
            .into_inner();
        assert!(!reply.success);
    }
    counted(&serve, "no-application", 1);
    assert_eq!(until(&api, 1).await[0]["involvedObject"]["uid"], json!(uid));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_refusal_again_counts_one_more_also_after_a_restart() {
    let api = api_server().await;
    for start in 0..2 {
        let (serve, _folder) = Serve::to(&api.url, &[]);
        for call in 1..=3 {
            let count = start * 3 + call;
            serve.submit(&wrong(), &format!("id-{count}")).await;
            api.until("it is counted", |api| {
                events(api).first().is_some_and(|event| event["count"] == count)
            })
            .await;
        }
        serve
            .submit(&spark_pi().replace("memory: 512m", "memory: junk"), "a")
            .await;
        until(&api, 2).await;
    }
    assert!(
        api.lines().iter().all(|line| line != "get events"),
        "{:?}",
        api.lines()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_refusal_for_good_is_not_told() {
    let api = api_server().await;
    let table: [(&str, &[&str]); 3] = [
        ("EVENTS=false", &["--events", "false"]),
        ("another namespace", &["--allowed-namespaces", "jobs"]),
        ("a dry run, and overload", &[]),
    ];
    for (what, arguments) in table {
        let (serve, _folder) = Serve::to(&api.url, arguments);
        if arguments.is_empty() {
            let body = json!({"submission_id": "a", "spark_submit_args": ["--no-such-option"]});
            let post = "POST /api/v1/spark-submit?dryRun=true";
            let headers = "Content-Type: application/json\r\n";
            assert_eq!(
                exchange(&serve.rest, post, headers, body.to_string().as_bytes()).0,
                400
            );
            api.fault(Fault::always("create", "pods", Effect::RetryAfter(429, 60)));
            let reply = serve.submit(&spark_pi(), "a").await;
            assert_eq!(
                reply.error_code(),
                "SUBMITTER_OVERLOADED",
                "{}",
                reply.error_message
            );
            api.heal();
            // One Event that is there shows that the others would be there by now.
            serve.submit(&wrong(), "a").await;
            assert_eq!(until(&api, 1).await[0]["reason"], "InvalidSparkSubmitArgs");
        } else {
            assert!(!serve.submit(&wrong(), "a").await.success, "{what}");
            let metrics = serve.get("/metrics").1;
            let counts = metrics
                .lines()
                .filter(|line| line.starts_with("native_submit_events_total{"));
            let told: Vec<_> = counts.filter(|line| !line.ends_with(" 0")).collect();
            assert!(told.is_empty(), "{what}: {told:?}");
        }
    }
    assert_eq!(
        api.lines().iter().filter(|line| *line == "create events").count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_is_logged_once_and_changes_no_answer() {
    let api = api_server().await;
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let before = serve.submit(&wrong(), "a").await;
    until(&api, 1).await;
    api.fault(Fault::always(
        "create",
        "events",
        Effect::says(403, "events is forbidden: User \"x\" cannot create"),
    ));
    for count in 1..=3 {
        let reply = serve.submit(&wrong(), "a").await;
        assert_eq!(reply, before);
        counted(&serve, "failed", count);
    }
    let log = serve.log();
    assert_eq!(
        log.matches("no Kubernetes Events about refused submissions")
            .count(),
        1,
        "{log}"
    );
    assert!(log.contains("resources: [\\\"events\\\"]"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_hangs_delays_no_answer_and_the_rest_is_dropped() {
    let api = api_server().await;
    let (serve, _folder) = Serve::to(&api.url, &[]);
    api.fault(Fault::always("create", "events", Effect::HangBefore));
    let start = Instant::now();
    let mut client = serve.client().await;
    for _ in 0..270 {
        let request = wire::RunAltSparkSubmitRequest {
            submission_id: "a".to_owned(),
            spark_application_manifest: wrong().into_bytes(),
            ..wire::RunAltSparkSubmitRequest::default()
        };
        assert!(
            !client
                .run_alt_spark_submit(request)
                .await
                .unwrap()
                .into_inner()
                .success
        );
    }
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    // At least: one may be given up, and make room, while others come.
    let body = serve.get("/metrics").1;
    let (_, dropped) = body
        .split_once("native_submit_events_total{result=\"dropped\"} ")
        .expect(&body);
    let dropped: u32 = dropped.lines().next().unwrap().parse().unwrap();
    assert!((1..=13).contains(&dropped), "{dropped}");
}
