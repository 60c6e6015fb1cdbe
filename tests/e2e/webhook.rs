//! What we add where the operator's webhook is off, against what the real webhook of the real operator adds
//! (`tests/e2e/operator-up --webhook`): each application of `golden/` and of the operator's own examples, driver and
//! executors, field by field. Executors are looked at twice: their template, and the finished Pod that Spark's driver makes of it,
//! which `render --executor` shows and policies see.
//!
//! The real API server gets two dry runs: for the Pod that we leave to the webhook, which acts on it; and for the one that
//! we complete ourselves, without the label by which the webhook selects, so that it doesn't.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::support::{
    control_plane::{self, ControlPlane},
    golden_case, pods,
};
use native_submit::{
    manifest::{self, Manifests},
    operator::{Origin, Webhook},
    spark::{
        plan,
        submission::{Submission, SubmissionId, SubmitterContext, UnknownFields},
    },
    submitter,
    templates::TemplateSet,
};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// The label by which the webhook selects Pods.
const SELECTED: &str = pods::LAUNCHED;

/// The webhook of released operators makes Pods of these that the API server refuses; ours are taken.
const REFUSED_WITH_THE_WEBHOOK: [(&str, &str); 1] = [("config-map-with-dots", "must not contain dots")];

/// Spark 4.3 writes it over an executor template that has a security context; the webhook replaces that context as a whole.
const BY_SPARK_ALONE: [&str; 1] = [
    "scheduling-and-security executor, webhook off .spec.containers.spark-kubernetes-executor.securityContext.allowPrivilegeEscalation: the webhook null, we false",
];

#[tokio::test]
async fn what_we_add_without_the_webhook_is_what_it_would_add() {
    let plane = ControlPlane::connect().await;
    let mut compared = 0;
    let mut differences = Vec::new();
    for (case, application) in golden_cases().into_iter().chain(examples()) {
        differences.extend(compare(&plane, &case, application).await);
        compared += 1;
    }
    assert!(compared >= 24, "{compared} applications");
    assert_eq!(differences, BY_SPARK_ALONE, "{}", differences.join("\n"));
}

/// The applications of `golden/`, but for those that another case has with the webhook on.
fn golden_cases() -> Vec<(String, Value)> {
    golden_case::folders()
        .into_iter()
        .map(|folder| {
            let case = folder.file_name().unwrap().to_string_lossy().into_owned();
            (case, golden_case::application(&folder, ""))
        })
        .filter(|(case, _)| !case.ends_with("-webhook") && !case.ends_with("-operator"))
        .collect()
}

/// The operator's own examples.
fn examples() -> Vec<(String, Value)> {
    let asked = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/operator/source")).output();
    let source = String::from_utf8(asked.unwrap().stdout).unwrap();
    golden_case::examples(&Path::new(source.trim()).join("examples"))
}

async fn compare(plane: &ControlPlane, case: &str, mut application: Value) -> Vec<String> {
    let namespace = plane.namespace("webhook").await;
    application["metadata"]["namespace"] = namespace.clone().into();
    // The operator leaves it alone; its webhook knows it.
    application["spec"]["suspend"] = true.into();
    let live = plane
        .create(&namespace, &application)
        .await
        .unwrap_or_else(|status| panic!("{case}: {}", status.message));
    let (left, executor_left) = made(&live, by_operator(Webhook::On));
    let (ours, _) = made(&live, by_operator(Webhook::Off));
    let finished = |manifests: &Manifests| manifests.executor.as_ref().unwrap().pod.clone();
    for pod in [&ours.driver_pod.value, &finished(&ours)] {
        plane.prepare_for(&namespace, pod).await;
    }
    let mut differences = Vec::new();
    for (role, left, ours) in [
        ("driver", driver(&left), driver(&ours)),
        (
            "finished driver",
            driver(&left),
            left.finished_pods().driver.into_owned(),
        ),
        ("template of executors", executor(&left), executor(&ours)),
        ("executor, webhook off", executor_left.clone(), finished(&ours)),
        ("executor, webhook on", executor_left, finished(&left)),
    ] {
        let by_webhook = asked(plane, &namespace, left, true).await;
        let by_us = asked(plane, &namespace, ours, false).await;
        let by_us = by_us.unwrap_or_else(|message| panic!("{case} {role}: {message}"));
        let by_webhook = match by_webhook {
            Ok(pod) => pod,
            Err(message) => {
                let known = REFUSED_WITH_THE_WEBHOOK
                    .iter()
                    .any(|(name, said)| *name == case && message.contains(said));
                assert!(known, "{case} {role}: {message}");
                continue;
            }
        };
        for (path, webhook, us) in pods::differing("", &by_webhook, &by_us) {
            differences.push(format!("{case} {role} {path}: the webhook {webhook}, we {us}"));
        }
    }
    plane.remove_namespace(&namespace).await;
    differences
}

/// The manifests, and the executor Pod as Spark's driver writes it, before any webhook.
fn made(live: &Value, origin: Origin) -> (Manifests, Value) {
    let context = SubmitterContext::golden();
    let submission = submission(live, origin, &context);
    let manifests = submitter::manifests(&submission, &context, &TemplateSet::builtin().unwrap()).unwrap();
    let objects: Vec<_> = manifests.for_files().map(|(_, object)| object).collect();
    let executor = written_by_spark(&submission, &context, &objects);
    (manifests, executor)
}

fn by_operator(webhook: Webhook) -> Origin {
    Origin {
        webhook,
        operator: true,
        unknown_fields: UnknownFields::Refuse,
    }
}

fn from_file(webhook: Webhook) -> Origin {
    Origin {
        operator: false,
        ..by_operator(webhook)
    }
}

fn submission(live: &Value, origin: Origin, context: &SubmitterContext) -> Submission {
    let parsed = golden_case::parsed(live);
    submitter::intent(parsed.application, SubmissionId::nil(), origin, context).unwrap()
}

/// The executor Pod that a driver which finds these objects writes.
fn written_by_spark(submission: &Submission, context: &SubmitterContext, objects: &[Value]) -> Value {
    let plan = plan::plan(submission, context).unwrap();
    let objects: Vec<_> = objects.iter().collect();
    let executor = manifest::executor_pod(&plan, &submission.spark_version, &objects);
    executor.unwrap().pod
}

fn driver(manifests: &Manifests) -> Value {
    manifests
        .for_files()
        .map(|(_, object)| object)
        .find(|object| object["kind"] == "Pod")
        .unwrap()
}

/// An executor, made of the template as Spark's driver would make it, as far as the webhook looks.
fn executor(manifests: &Manifests) -> Value {
    let (_, config_map) = manifests
        .for_files()
        .find(|(name, _)| name == "configmap-executor-template.yaml")
        .unwrap();
    let text = config_map["data"].as_object().unwrap().values().next().unwrap();
    let mut pod: Value = serde_yaml::from_str(text.as_str().unwrap()).unwrap();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    let driver = driver(manifests);
    let labels = json!({
        "spark-role": "executor",
        "sparkoperator.k8s.io/app-name": driver["metadata"]["labels"]["sparkoperator.k8s.io/app-name"],
        SELECTED: "true",
    });
    pod["metadata"]["name"] = "executor-1".into();
    pod["metadata"]["labels"] = labels;
    let containers = pod["spec"]["containers"].as_array_mut().unwrap();
    let names = ["executor", "spark-kubernetes-executor"];
    let named = containers
        .iter()
        .position(|container| names.contains(&container["name"].as_str().unwrap_or_default()));
    let spark = &mut containers[named.unwrap_or(0)];
    spark["name"] = "spark-kubernetes-executor".into();
    spark["image"] = "spark".into();
    pod
}

/// `submit` from a file straight to the cluster: what it leaves to the webhook and what it adds itself come once, in the driver Pod
/// that is there and in the executors that its driver writes.
#[tokio::test]
async fn nothing_is_doubled_where_submit_meets_the_webhook() {
    let plane = ControlPlane::connect().await;
    let mut submitted = 0;
    let mut doubled = Vec::new();
    for (case, application) in golden_cases().into_iter().chain(examples()) {
        if REFUSED_WITH_THE_WEBHOOK.iter().any(|(name, _)| *name == case) {
            continue;
        }
        for (role, pod) in submitted_pods(&plane, &case, application).await {
            doubled.extend(
                pods::doubled(&pod)
                    .into_iter()
                    .map(|twice| format!("{case} {role} {twice}")),
            );
        }
        submitted += 1;
    }
    assert!(submitted >= 24, "{submitted} applications");
    assert!(doubled.is_empty(), "{}", doubled.join("\n"));
}

/// The operator deletes an application's Pods while it suspends it, and touches them no more afterwards.
async fn is_suspended(plane: &ControlPlane, application: &Value) {
    let named = |field: &str| application["metadata"][field].as_str().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let now = plane
            .get("SparkApplication", named("namespace"), named("name"))
            .await
            .unwrap();
        if now["status"]["applicationState"]["state"] == "SUSPENDED" {
            return;
        }
        assert!(
            Instant::now() < end,
            "the operator didn't suspend it: {}",
            now["status"]
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The driver Pod that `submit` creates, and the first executor, both after the webhook.
async fn submitted_pods(
    plane: &ControlPlane,
    case: &str,
    mut application: Value,
) -> [(&'static str, Value); 2] {
    let namespace = plane.namespace("doubled").await;
    application["metadata"]["namespace"] = namespace.clone().into();
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), application.to_string()).unwrap();
    application["spec"]["suspend"] = true.into();
    let live = plane.create(&namespace, &application).await;
    let live = live.unwrap_or_else(|status| panic!("{case}: {}", status.message));
    is_suspended(plane, &live).await;
    let (ours, _) = made(&live, from_file(Webhook::Off));
    for pod in [&ours.driver_pod.value, &ours.executor.as_ref().unwrap().pod] {
        plane.prepare_for(&namespace, pod).await;
    }
    let by_us = asked(plane, &namespace, self::driver(&ours), false).await;
    let by_us = by_us.unwrap_or_else(|message| panic!("{case}: {message}"));
    let output = Command::new(env!("CARGO_BIN_EXE_native-submit"))
        .args(["submit", "--submission-id", SubmissionId::nil().as_str()])
        .arg(file.path())
        .env("KUBECONFIG", control_plane::kubeconfig())
        .env("SPARK_USER", &SubmitterContext::golden().user)
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{case}: {said}");
    let objects = plane.objects(&namespace).await;
    let objects: Vec<_> = objects.into_iter().map(with_api_version).collect();
    let driver = objects
        .iter()
        .find(|object| object["kind"] == "Pod")
        .unwrap()
        .clone();
    assert_eq!(driver["metadata"]["labels"][SELECTED], "true", "{case}");
    // All that we would have added is there, too.
    let lacking = pods::differing("", &pods::normal(driver.clone()), &by_us);
    assert!(lacking.is_empty(), "{case}: {lacking:?}");
    let context = SubmitterContext::golden();
    let executor = written_by_spark(
        &submission(&live, from_file(Webhook::On), &context),
        &context,
        &objects,
    );
    let executor = kept(plane, &namespace, executor, true).await;
    let executor = executor.unwrap_or_else(|message| panic!("{case} executor: {message}"));
    plane.remove_namespace(&namespace).await;
    [("driver", driver), ("executor", executor)]
}

/// Lists of the API server leave it out.
fn with_api_version(mut object: Value) -> Value {
    if object["apiVersion"].is_null() {
        object["apiVersion"] = "v1".into();
    }
    object
}

/// The Pod as the API server would keep it, in a form that can be compared.
async fn asked(plane: &ControlPlane, namespace: &str, pod: Value, selected: bool) -> Result<Value, String> {
    kept(plane, namespace, pod, selected).await.map(pods::normal)
}

/// The Pod as the API server would keep it.
async fn kept(
    plane: &ControlPlane,
    namespace: &str,
    mut pod: Value,
    selected: bool,
) -> Result<Value, String> {
    pod["metadata"]["namespace"] = namespace.into();
    let labels = pod["metadata"]["labels"].as_object_mut().unwrap();
    let label = labels.remove(SELECTED).unwrap();
    if selected {
        labels.insert(SELECTED.to_owned(), label);
    }
    // The webhook's cache may not have the application yet.
    for _ in 0..100 {
        match plane.dry_run_strictly(namespace, &pod).await {
            Ok(kept) => return Ok(kept),
            Err(status) if status.message.contains("not found") => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(status) => return Err(status.message),
        }
    }
    Err("the webhook does not get to know the application".to_owned())
}
