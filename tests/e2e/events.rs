//! Events about refusals on a real control plane (`tests/e2e/up`): a real API server takes them, and counts them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use crate::support::{control_plane::ControlPlane, serve::Serve};
use serde_json::Value;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// The Events in a namespace.
async fn events(plane: &ControlPlane, namespace: &str) -> Vec<Value> {
    let request = http::Request::get(format!("/api/v1/namespaces/{namespace}/events"));
    let list: Value = plane
        .client
        .request(request.body(Vec::new()).unwrap())
        .await
        .unwrap();
    list["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_one_event_on_its_application_however_often_it_comes() {
    let plane = ControlPlane::connect().await;
    let namespace = plane.namespace("events").await;
    let mut application: Value = serde_yaml::from_str(include_str!("../../examples/spark-pi.yaml")).unwrap();
    application["metadata"]["namespace"] = namespace.as_str().into();
    let live = plane.create(&namespace, &application).await.unwrap();

    let kubeconfig = std::env::var_os("E2E_KUBECONFIG").map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/target/e2e/run/admin.kubeconfig"
            ))
        },
        PathBuf::from,
    );
    let serve = Serve::start(&[], &[("KUBECONFIG", kubeconfig.to_str().unwrap())]);
    // Without a uid, as the operator's own client sends it.
    application["spec"]["driver"]["memory"] = "junk".into();
    let mut message = String::new();
    for id in ["a", "b", "c"] {
        let reply = serve.submit(&application.to_string(), id).await;
        assert!(!reply.success);
        message = reply.error_message;
    }
    let until = Instant::now() + Duration::from_secs(30);
    let event = loop {
        let events = events(&plane, &namespace).await;
        match events.as_slice() {
            [event] if event["count"] == 3 => break event.clone(),
            _ => assert!(Instant::now() < until, "{events:#?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(event["involvedObject"]["uid"], live["metadata"]["uid"]);
    assert_eq!(event["reason"], "InvalidSparkSubmitArgs");
    assert_eq!(event["message"], message.as_str());
    plane.remove_namespace(&namespace).await;
}
