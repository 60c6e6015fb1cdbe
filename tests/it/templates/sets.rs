//! Template sets of a running server: who gets which, where it is reported, and what happens to their additional objects.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::{ApiServer, Effect, Fault};
use crate::support::serve::{Serve, exchange};
use crate::support::template_directory::write;
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

const SPARK_PI: &str = include_str!("../../../examples/spark-pi.yaml");
const MONITOR: &str = "ServiceMonitor=servicemonitors.monitoring.coreos.com/v1";

/// Sets that mark the driver Pod with their names; `extra` writes additional objects too.
fn sets() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for set in ["gpu", "python", "team", "extra"] {
        let patch = format!("metadata: {{labels: {{mark: {set}}}}}\n");
        write(
            directory.path(),
            &format!("{set}/driver-pod.patch.yaml.j2"),
            &patch,
        );
    }
    let object = |api_version: &str, kind: &str, spec: &str| {
        format!(
            "apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: {{{{ pod.name }}}}\nspec: {spec}\n"
        )
    };
    let budget = object(
        "policy/v1",
        "PodDisruptionBudget",
        "{selector: {matchLabels: {a: b}}}",
    );
    write(directory.path(), "extra/budget.yaml.j2", &budget);
    let monitor = object(
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
        "{endpoints: [{port: spark-ui}]}",
    );
    write(directory.path(), "extra/monitor.yaml.j2", &monitor);
    // Of a kind that is known here, but has no type here: fields pass, null ones too.
    let route = object(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        "{parentRefs: [{name: public}], rules: [{matches: null}]}",
    );
    write(directory.path(), "extra/route.yaml.j2", &route);
    directory
}

fn start(api: &ApiServer, sets: &Path, webhook: &str, more: &[&str]) -> (Serve, tempfile::TempDir) {
    let kinds = format!("PodDisruptionBudget,HTTPRoute,{MONITOR}");
    let arguments = [
        "--template-dir",
        sets.to_str().unwrap(),
        "--allowed-extra-kinds",
        &kinds,
        "--template-sets",
        "type:Python=python,namespace:team-*=team,namespace:gone=gone",
        "--operator-webhook",
        webhook,
    ];
    Serve::to(&api.url, &[&arguments, more].concat())
}

/// The example, in this namespace, with these annotations.
fn application(name: &str, namespace: &str, set: Option<&str>) -> String {
    let annotations = set.map(|set| format!("\n  annotations: {{native-submit/template-set: {set}}}"));
    let metadata = format!("name: {name}{}", annotations.unwrap_or_default());
    SPARK_PI
        .replace("name: spark-pi", &metadata)
        .replace("namespace: default", &format!("namespace: {namespace}"))
}

fn mark(api: &ApiServer, namespace: &str, name: &str) -> String {
    let pod = api.get("pods", namespace, &format!("{name}-driver")).unwrap();
    let set = pod["metadata"]["annotations"]["native-submit/template-set"]
        .as_str()
        .unwrap();
    let mark = pod["metadata"]["labels"]["mark"].as_str().unwrap_or("none");
    let (name, hash) = set.split_once('@').unwrap();
    assert_eq!(hash.len(), 12, "{set}");
    assert_eq!(mark, if name == "default" { "none" } else { name });
    name.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn annotation_then_namespace_then_type_choose_the_set() {
    let (api, sets) = (ApiServer::start().await, sets());
    let (serve, _folder) = start(&api, sets.path(), "off", &[]);
    for (name, namespace, asked, expected) in [
        ("a", "default", None, "default"),
        ("b", "team-a", None, "team"),
        ("c", "team-a", Some("gpu"), "gpu"),
        ("d", "team-a", Some("default"), "default"),
    ] {
        let reply = serve.submit(&application(name, namespace, asked), name).await;
        assert!(reply.success, "{}", reply.error_message);
        assert_eq!(mark(&api, namespace, name), expected);
        let told = reply.template_set.unwrap();
        assert!(told.starts_with(&format!("{expected}@")), "{told}");
        serve.wait_for_log(&format!("\"template_set\":\"{told}\""));
    }
    let python = SPARK_PI
        .replace("name: spark-pi", "name: py")
        .replace("type: Scala", "type: Python")
        .lines()
        .filter(|line| !line.contains("mainClass"))
        .map(|line| {
            if line.contains("mainApplicationFile") {
                "  mainApplicationFile: local:///a.py\n".to_owned()
            } else {
                format!("{line}\n")
            }
        })
        .collect::<String>();
    let reply = serve.submit(&python, "py").await;
    assert!(reply.success, "{}", reply.error_message);
    assert_eq!(mark(&api, "default", "py"), "python");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_is_not_there_is_refused_and_never_another_one_used() {
    let (api, sets) = (ApiServer::start().await, sets());
    let (serve, _folder) = start(&api, sets.path(), "off", &[]);
    let reply = serve
        .submit(&application("a", "default", Some("gpuu")), "a")
        .await;
    assert_eq!(
        (reply.error_message.as_str(), reply.retryable),
        (
            "native-submit/template-set: expected one of the template sets default, extra, gpu, python, team, found `gpuu`",
            Some(false)
        )
    );
    let reply = serve.submit(&application("a", "gone", None), "a").await;
    assert!(
        reply
            .error_message
            .contains("no set `gone`, which TEMPLATE_SETS names"),
        "{}",
        reply.error_message
    );
    assert_eq!(reply.retryable, Some(true));

    write(sets.path(), "late/driver-pod.yaml.j2", "{{ nothing }}");
    serve.wait_for("/readyz", |body| {
        body.contains("late/driver-pod.yaml.j2:1: `nothing` is undefined")
    });
    let reply = serve
        .submit(&application("a", "default", Some("late")), "a")
        .await;
    assert!(
        reply.error_message.contains("late/driver-pod.yaml.j2:1"),
        "{}",
        reply.error_message
    );
    assert_eq!(reply.retryable, Some(true));
    assert_eq!(api.names(), [""; 0]);

    // A set's folder that comes later is watched too.
    write(
        sets.path(),
        "late/driver-pod.yaml.j2",
        "{% include \"builtin/driver-pod.yaml.j2\" %}",
    );
    serve.wait_for("/readyz", |body| body.contains("\"live\": \"late@"));
    let reply = serve
        .submit(&application("a", "default", Some("late")), "a")
        .await;
    assert!(reply.success, "{}", reply.error_message);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_can_forbid_the_annotation() {
    let (api, sets) = (ApiServer::start().await, sets());
    let (serve, _folder) = start(&api, sets.path(), "off", &["--template-set-annotation", "refuse"]);
    let reply = serve.submit(&application("a", "team-a", Some("gpu")), "a").await;
    assert!(
        reply.error_message.contains("TEMPLATE_SET_ANNOTATION is refuse"),
        "{}",
        reply.error_message
    );
    assert_eq!(api.names(), [""; 0]);
    let reply = serve.submit(&application("a", "team-a", None), "a").await;
    assert!(reply.success, "{}", reply.error_message);
    assert_eq!(mark(&api, "team-a", "a"), "team");
}

/// What the operator sends by REST, which has no annotation of the application.
fn arguments(conf: &[&str]) -> Value {
    let label = "spark.kubernetes.driver.label.sparkoperator.k8s.io/app-name=spark-pi";
    let mut arguments = vec![
        "--master",
        "k8s://https://10.0.0.1:443",
        "--deploy-mode",
        "cluster",
        "--class",
        "C",
        "--name",
        "spark-pi",
        "--conf",
        "spark.kubernetes.namespace=default",
        "--conf",
        "spark.kubernetes.container.image=spark:4.0.1",
        "--conf",
        label,
        "--conf",
        "spark.kubernetes.driver.pod.name=spark-pi-driver",
    ];
    for conf in conf {
        arguments.extend(["--conf", conf]);
    }
    arguments.push("local:///a.jar");
    let template = json!({
        "metadata": {"ownerReferences": [{
            "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": "spark-pi",
            "uid": "u", "controller": true,
        }]},
        "spec": {"containers": [{"name": "spark-kubernetes-driver"}]},
    });
    json!({"submission_id": "a", "spark_submit_args": arguments, "driver_pod_template": template})
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_get_the_set_of_their_application() {
    for (webhook, conf, expected) in [
        ("off", &[][..], "gpu"),
        ("on", &[], "gpu"),
        (
            "on",
            &["spark.kubernetes.driver.annotation.native-submit/template-set=team"],
            "gpu",
        ),
    ] {
        let (api, sets) = (ApiServer::start().await, sets());
        let mut live: Value = serde_json::to_value(
            native_submit::operator::application::parse(
                &application("spark-pi", "default", Some("gpu")),
                native_submit::operator::application::UnknownFields::Refuse,
            )
            .unwrap()
            .application,
        )
        .unwrap();
        live["metadata"]["uid"] = json!("u");
        api.put("sparkapplications", live);
        let (serve, _folder) = start(&api, sets.path(), webhook, &[]);
        let json = "Content-Type: application/json\r\n";
        let body = arguments(conf).to_string();
        let (status, body) = exchange(&serve.rest, "POST /api/v1/spark-submit", json, body.as_bytes());
        assert_eq!(status, 201, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert!(
            body["template_set"].as_str().unwrap().starts_with(expected),
            "{body}"
        );
        assert_eq!(mark(&api, "default", "spark-pi"), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn further_objects_are_the_drivers_and_go_with_it() {
    let (api, sets) = (ApiServer::start().await, sets());
    let (serve, _folder) = start(&api, sets.path(), "off", &[]);
    let text = application("a", "default", Some("extra"));
    let reply = serve.submit(&text, "a").await;
    assert!(reply.success, "{}", reply.error_message);
    let uid = reply.driver_pod_uid.unwrap();
    for resource in ["poddisruptionbudgets", "httproutes", "servicemonitors"] {
        let object = api.get(resource, "default", "a-driver").unwrap();
        assert_eq!(object["metadata"]["ownerReferences"][0]["uid"], uid, "{object}");
    }
    let pod = api.get("pods", "default", "a-driver").unwrap();
    let owned = pod["metadata"]["annotations"]["native-submit/objects"]
        .as_str()
        .unwrap();
    assert!(owned.contains("poddisruptionbudgets.policy/a-driver"), "{owned}");
    assert!(
        owned.contains("httproutes.gateway.networking.k8s.io/a-driver"),
        "{owned}"
    );
    let route = api.get("httproutes", "default", "a-driver").unwrap();
    assert_eq!(
        route["spec"],
        json!({"parentRefs": [{"name": "public"}], "rules": [{"matches": null}]})
    );
    assert!(
        owned.contains("servicemonitors.v1.monitoring.coreos.com/a-driver"),
        "{owned}"
    );

    // The same again completes what is missing, once no call can be at work on it any more.
    api.remove("servicemonitors", "default", "a-driver");
    api.pass(Duration::from_secs(37));
    let reply = serve.submit(&text, "a").await;
    assert!(reply.success, "{}", reply.error_message);
    assert!(api.get("servicemonitors", "default", "a-driver").is_some());

    // One that is refused takes everything with it.
    api.fault(Fault::always(
        "create",
        "servicemonitors",
        Effect::says(403, "no"),
    ));
    let reply = serve
        .submit(&application("b", "default", Some("extra")), "b")
        .await;
    assert!(!reply.success);
    assert!(
        reply.error_message.contains("servicemonitors"),
        "{}",
        reply.error_message
    );
    assert!(
        api.names().iter().all(|name| !name.contains("b-")),
        "{:?}",
        api.names()
    );
}
