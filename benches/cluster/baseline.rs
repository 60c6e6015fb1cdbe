//! The baseline: the same objects, ready-made, sent by POST in the same two waves by the same client.

use crate::{
    block::{Block, Run},
    support::control_plane::ControlPlane,
};
use futures::future;
use http::{Request, header};
use kube::{Client, client::Body};
use native_submit::{
    cluster::{ClientSettings, OBJECTS_ANNOTATION, client},
    kubernetes::ObjectKind,
    manifest::Manifest,
    operator::{
        Origin, Webhook,
        application::{self, UnknownFields},
    },
    spark::submission::{SubmissionId, SubmitterContext, UnknownFields as TemplateFields},
    submitter,
    templates::TemplateSet,
};
use serde_json::{Value, json};

/// Stands where the Pod's uid goes.
const UID: &str = "00000000-0000-0000-0000-000000000000";

/// One submission: paths and bodies.
struct Ready {
    pod: (String, String),
    owned: Vec<(String, String)>,
}

/// A client as native-submit's own, which a kubeconfig leads to the control plane.
pub(crate) async fn own_client() -> Client {
    client(&ClientSettings::default()).await.unwrap()
}

/// POSTs a block of ready-made submissions; CPU is this process's.
pub(crate) async fn run(count: usize, at_once: usize) -> Run {
    let block = Block::new(&ControlPlane::connect().await, count).await;
    let ready: Vec<_> = block.applications.iter().map(ready).collect();
    let client = own_client().await;
    // So that the connections are there.
    let warm = Request::get("/api/v1/namespaces/default").body(Body::empty());
    drop(client.send(warm.unwrap()).await.unwrap());
    Run::of(&block, at_once, "self", |number| {
        let (client, ready) = (&client, &ready[number]);
        async move {
            let pod = post(client, &ready.pod.0, ready.pod.1.clone()).await;
            let uid = pod["metadata"]["uid"].as_str().unwrap();
            future::join_all(
                ready
                    .owned
                    .iter()
                    .map(|(path, body)| post(client, path, body.replace(UID, uid))),
            )
            .await;
        }
    })
    .await
}

async fn post(client: &Client, path: &str, body: String) -> Value {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.into_bytes()))
        .unwrap();
    let response = client.send(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect_bytes().await.unwrap();
    assert!(status.is_success(), "{path}: {}", String::from_utf8_lossy(&bytes));
    serde_json::from_slice(&bytes).unwrap()
}

fn ready(application: &Value) -> Ready {
    let parsed = application::parse(&application.to_string(), UnknownFields::Pass).unwrap();
    let context = SubmitterContext::golden();
    let origin = Origin {
        webhook: Webhook::Off,
        operator: true,
        unknown_fields: TemplateFields::Pass,
    };
    let set = TemplateSet::builtin().unwrap();
    let submission = submitter::intent(parsed.application, SubmissionId::nil(), origin, &context).unwrap();
    let manifests = submitter::manifests(&submission, &context, &set).unwrap();
    let namespace = manifests.identity.namespace.as_str();
    let owned: Vec<_> = manifests
        .owned
        .iter()
        .map(|manifest| {
            let mut value = manifest.value.clone();
            value["metadata"]["namespace"] = namespace.into();
            value["metadata"]["ownerReferences"] = json!([{
                "apiVersion": "v1", "kind": "Pod", "name": manifests.identity.pod_name, "uid": UID, "controller": true,
            }]);
            (path(manifest, namespace), value.to_string())
        })
        .collect();
    let mut pod = manifests.driver_pod.value.clone();
    pod["metadata"]["namespace"] = namespace.into();
    let names: Vec<_> = manifests
        .owned
        .iter()
        .map(|manifest| {
            let name = manifest.value["metadata"]["name"].as_str().unwrap();
            format!("{}/{name}", plural(manifest))
        })
        .collect();
    pod["metadata"]["annotations"][OBJECTS_ANNOTATION] = names.join(",").into();
    Ready {
        pod: (path(&manifests.driver_pod, namespace), pod.to_string()),
        owned,
    }
}

fn plural(manifest: &Manifest) -> &'static str {
    match &manifest.kind {
        ObjectKind::Known(known) => known.plural,
        ObjectKind::Custom(_) => panic!("SparkPi has no such object"),
    }
}

fn path(manifest: &Manifest, namespace: &str) -> String {
    let query = "fieldManager=native-submit&fieldValidation=Warn";
    format!("/api/v1/namespaces/{namespace}/{}?{query}", plural(manifest))
}
