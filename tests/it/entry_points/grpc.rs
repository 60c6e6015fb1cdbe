//! The gRPC contract, as its callers see it: the real binary, a real socket, and an API server that keeps objects.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::{ApiServer, Effect, Fault};
use crate::support::serve::Serve;
use native_submit::operator::wire;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Notify;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

const SPARK_PI: &str = include_str!("../../../examples/spark-pi.yaml");

/// A request with the fields that the operator's existing client sends, and no others: no uid above all.
fn few_fields() -> wire::RunAltSparkSubmitRequest {
    let pod = |memory: &str, account: Option<&str>| wire::SparkPodSpec {
        cores: Some(1),
        memory: memory.to_owned(),
        service_account: account.map(str::to_owned),
        ..wire::SparkPodSpec::default()
    };
    wire::RunAltSparkSubmitRequest {
        submission_id: "4e579d9e-922f-50bb-b6ab-2a35f331a337".to_owned(),
        spark_application: Some(wire::SparkApplication {
            metadata: Some(wire::ObjectMeta {
                name: "spark-pi".to_owned(),
                namespace: "jobs".to_owned(),
                ..wire::ObjectMeta::default()
            }),
            spec: Some(wire::SparkApplicationSpec {
                r#type: wire::SparkApplicationType::Scala.into(),
                mode: wire::DeployMode::Cluster.into(),
                spark_version: "4.0.1".to_owned(),
                image: Some("spark:4.0.1".to_owned()),
                main_class: Some("org.apache.spark.examples.SparkPi".to_owned()),
                main_application_file: Some("local:///opt/spark/examples/jars/spark-examples.jar".to_owned()),
                arguments: vec!["5000".to_owned()],
                driver: Some(wire::DriverSpec {
                    spark_pod_spec: Some(pod("2g", Some("spark"))),
                    ..wire::DriverSpec::default()
                }),
                executor: Some(wire::ExecutorSpec {
                    instances: Some(2),
                    spark_pod_spec: Some(pod("3g", None)),
                    ..wire::ExecutorSpec::default()
                }),
                ..wire::SparkApplicationSpec::default()
            }),
            ..wire::SparkApplication::default()
        }),
        ..wire::RunAltSparkSubmitRequest::default()
    }
}

#[tokio::test]
async fn the_few_fields_of_the_existing_client_give_a_correct_driver_without_an_owner() {
    let api = ApiServer::start().await;
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let reply = serve
        .client()
        .await
        .run_alt_spark_submit(few_fields())
        .await
        .unwrap()
        .into_inner();
    assert!(reply.success, "{}", reply.error_message);
    assert_eq!(reply.driver_pod_name(), "spark-pi-driver");
    let pod = api
        .get("pods", "jobs", "spark-pi-driver")
        .expect("the driver Pod");
    assert_eq!(pod["metadata"].get("ownerReferences"), None);
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["resources"]["limits"]["memory"], "2432Mi");
    assert_eq!(pod["spec"]["serviceAccountName"], "spark");
    assert_eq!(reply.driver_pod_uid(), pod["metadata"]["uid"].as_str().unwrap());
    let owned: Vec<Value> = ["services", "configmaps"]
        .into_iter()
        .flat_map(|resource| {
            api.names()
                .into_iter()
                .filter(move |name| name.starts_with(resource))
        })
        .map(Value::from)
        .collect();
    assert_eq!(owned.len(), 3, "Service and two ConfigMaps: {:?}", api.names());
    assert!(api.orphans().is_empty(), "{:?}", api.orphans());
}

#[tokio::test]
async fn the_owner_is_the_live_application() {
    let api = ApiServer::start().await;
    let uid = api.put(
        "sparkapplications",
        json!({
            "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication",
            "metadata": {"name": "spark-pi", "namespace": "jobs"}, "spec": {},
        }),
    );
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let reply = serve
        .client()
        .await
        .run_alt_spark_submit(few_fields())
        .await
        .unwrap()
        .into_inner();
    assert!(reply.success, "{}", reply.error_message);
    let pod = api.get("pods", "jobs", "spark-pi-driver").unwrap();
    assert_eq!(
        pod["metadata"]["ownerReferences"],
        json!([{
            "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": "spark-pi",
            "uid": uid, "controller": true, "blockOwnerDeletion": true,
        }])
    );
}

#[tokio::test]
async fn the_same_submission_again_finds_its_objects() {
    let api = ApiServer::start().await;
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let first = serve.submit(SPARK_PI, "a").await;
    let second = serve.submit(SPARK_PI, "a").await;
    assert!(
        first.success && second.success,
        "{} {}",
        first.error_message,
        second.error_message
    );
    assert_eq!(
        (first.duplicate_submission(), second.duplicate_submission()),
        (false, true)
    );
    assert_eq!(first.driver_pod_uid, second.driver_pod_uid);
    let other = serve.submit(SPARK_PI, "b").await;
    assert_eq!(
        (other.success, other.error_code()),
        (false, "DRIVER_POD_ALREADY_EXISTS")
    );
    assert!(
        other.error_message.contains("spark-pi-driver"),
        "{}",
        other.error_message
    );
}

#[tokio::test]
async fn bad_input_is_refused_with_one_message_and_creates_nothing() {
    let api = ApiServer::start().await;
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let long = format!("name: {}", "x".repeat(64));
    let table: [(&str, &str, &str); 10] = [
        ("apiVersion: [", "a", "expected valid YAML"),
        (
            &SPARK_PI.replace("cores: 1", "cores: many"),
            "a",
            "spec.driver.cores",
        ),
        (&SPARK_PI.replace("  image: spark:4.0.1\n", ""), "a", "image"),
        (
            &SPARK_PI.replace(
                "  mainApplicationFile: local:///opt/spark/examples/jars/spark-examples.jar\n",
                "",
            ),
            "a",
            "spec.mainApplicationFile",
        ),
        (
            &SPARK_PI.replace("mode: cluster", "mode: client"),
            "a",
            "spec.mode",
        ),
        (SPARK_PI, "", "submission_id"),
        (&SPARK_PI.replace("name: spark-pi", &long), "a", "metadata.name"),
        (&SPARK_PI.replace("memory: 512m", "memory: 1.5g"), "a", "memory"),
        (
            &SPARK_PI.replace("memory: 512m", "memory: 512m\n    coreLimit: two"),
            "a",
            "coreLimit",
        ),
        (
            &SPARK_PI.replace("kind: SparkApplication", "kind: Pod"),
            "a",
            "kind",
        ),
    ];
    for (application, id, names) in table {
        let reply = serve.submit(application, id).await;
        assert!(!reply.success, "{names} was accepted");
        assert!(
            reply.error_message.contains(names),
            "{names}: {}",
            reply.error_message
        );
        assert!(!reply.retryable(), "{names}: {}", reply.error_message);
    }
    let mut client = serve.client().await;
    let empty = client.run_alt_spark_submit(wire::RunAltSparkSubmitRequest {
        submission_id: "a".to_owned(),
        ..wire::RunAltSparkSubmitRequest::default()
    });
    assert!(
        empty
            .await
            .unwrap()
            .into_inner()
            .error_message
            .contains("spark_application")
    );
    assert!(api.names().is_empty(), "{:?}", api.names());
}

#[tokio::test]
async fn a_field_that_only_a_newer_crd_knows_is_passed_over() {
    let api = ApiServer::start().await;
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let newer = SPARK_PI.replace("mode: cluster", "mode: cluster\n  fieldOfTheFuture: 1");
    let reply = serve.submit(&newer, "a").await;
    assert!(reply.success, "{}", reply.error_message);
}

#[tokio::test]
async fn a_call_that_never_ends_does_not_hold_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let apply_to = format!("dir:{}", folder.path().display());
    let serve = Serve::start(&["--apply-to", &apply_to, "--drain-timeout", "60s"], &[]);
    let channel = tonic::transport::Channel::from_shared(format!("http://{}", serve.grpc)).unwrap();
    let channel = channel.connect().await.unwrap();
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    let mut watched = health
        .watch(tonic_health::pb::HealthCheckRequest::default())
        .await
        .unwrap()
        .into_inner();
    watched.message().await.unwrap().unwrap();
    let asked = std::time::Instant::now();
    serve.signal("TERM");
    let (status, log) = tokio::task::spawn_blocking(|| serve.end()).await.unwrap();
    assert!(status.success(), "{log}");
    assert!(
        asked.elapsed() < std::time::Duration::from_secs(20),
        "{:?}",
        asked.elapsed()
    );
    assert!(!log.contains("submissions at work"), "{log}");
}

#[tokio::test]
async fn health_and_reflection_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let apply_to = format!("dir:{}", folder.path().display());
    let serve = Serve::start(&["--apply-to", &apply_to], &[]);
    let channel = tonic::transport::Channel::from_shared(format!("http://{}", serve.grpc)).unwrap();
    let channel = channel.connect().await.unwrap();
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel.clone());
    let request = tonic_health::pb::HealthCheckRequest {
        service: "spark.SparkSubmitService".to_owned(),
    };
    let status = health.check(request).await.unwrap().into_inner().status;
    assert_eq!(
        status,
        i32::from(tonic_health::pb::health_check_response::ServingStatus::Serving)
    );

    let ask = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..ServerReflectionRequest::default()
    };
    let mut answers = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream_of(ask))
        .await
        .unwrap()
        .into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) =
        answers.message().await.unwrap().unwrap().message_response
    else {
        panic!("no list of services");
    };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    assert!(
        names.contains(&"spark.SparkSubmitService".to_owned()),
        "{names:?}"
    );
    assert!(names.contains(&"grpc.health.v1.Health".to_owned()), "{names:?}");
}

fn tokio_stream_of<T: Send + 'static>(item: T) -> impl futures::Stream<Item = T> + Send {
    futures::stream::iter([item])
}

#[tokio::test]
async fn sigterm_lets_a_submission_at_work_end() {
    let api = ApiServer::start().await;
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let service_may_go = Arc::new(Notify::new());
    api.fault(Fault::once(
        "create",
        "services",
        1,
        Effect::Hold(Arc::clone(&service_may_go)),
    ));
    let mut client = serve.client().await;
    let call = tokio::spawn(async move { client.run_alt_spark_submit(few_fields()).await });
    api.until("the Pod is created", |api| {
        api.get("pods", "jobs", "spark-pi-driver").is_some()
    })
    .await;
    serve.signal("TERM");
    serve.wait_for_log("draining");
    service_may_go.notify_one();
    let reply = call.await.unwrap().unwrap().into_inner();
    assert!(reply.success, "{}", reply.error_message);
    let (status, log) = tokio::task::spawn_blocking(move || serve.end()).await.unwrap();
    assert!(status.success(), "{log}");
    assert!(log.contains("draining"), "{log}");
}
