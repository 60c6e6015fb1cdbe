//! The real operator and a real Spark, with native-submit between the two (`tests/e2e/spark`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::spark_run::{DRIVER, NAME, Place, log_file, versions};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    time::{Duration, Instant},
};

/// How long the operator or Spark may take for a step.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many applications are timed.
const TIMED: usize = 5;

#[tokio::test]
async fn an_application_is_submitted_runs_and_is_completed() {
    let place = Place::new().await;
    begin(&place, &pi()).await;
    let mut states = Vec::new();
    until("COMPLETED", async || {
        let state = state(&place).await;
        if states.last() != Some(&state) {
            states.push(state.clone());
        }
        (state == "COMPLETED").then_some(())
    })
    .await;
    states.retain(|state| ["SUBMITTED", "RUNNING", "COMPLETED"].contains(&state.as_str()));
    assert_eq!(states, ["SUBMITTED", "RUNNING", "COMPLETED"]);
    let ended = place.ended().await;
    let pi: f64 = ended.said("Pi is roughly ").unwrap().parse().unwrap();
    assert!((3.1..3.2).contains(&pi), "{pi}");
    place.leave().await;
}

#[tokio::test]
async fn a_failing_application_is_rerun_as_its_restart_policy_says() {
    let place = Place::new().await;
    let spec = json!({
        "type": "Python", "mainApplicationFile": "local:///opt/spark/examples/failing.py",
        "restartPolicy": {
            "type": "OnFailure", "onFailureRetries": 1, "onFailureRetryInterval": 1,
            "onSubmissionFailureRetries": 1, "onSubmissionFailureRetryInterval": 1,
        },
    });
    begin(&place, &spec).await;
    // Log files by Pod: a rerun has a Pod of its own.
    let mut logs = BTreeMap::new();
    until("FAILED", async || {
        if let Some(pod) = place.plane.get("Pod", &place.namespace, DRIVER).await {
            let uid = pod["metadata"]["uid"].as_str().unwrap().to_owned();
            logs.insert(uid, log_file(&pod, "spark-kubernetes-driver"));
        }
        (state(&place).await == "FAILED").then_some(())
    })
    .await;
    assert_eq!(logs.len(), 2, "the first attempt and one more: {logs:?}");
    for file in logs.values() {
        let log = fs::read_to_string(file).unwrap();
        assert!(log.contains("THIS PROGRAM FAILS"), "{log}");
    }
    place.leave().await;
}

#[tokio::test]
async fn deleting_a_running_application_stops_everything() {
    let place = Place::new().await;
    let spec = json!({"type": "Python", "mainApplicationFile": "local:///opt/spark/examples/waiting.py"});
    let application = begin(&place, &spec).await;
    let driver = until("the program's line", async || {
        let driver = place.plane.get("Pod", &place.namespace, DRIVER).await?;
        let log = fs::read_to_string(log_file(&driver, "spark-kubernetes-driver")).ok()?;
        log.contains("WAITING").then_some(driver)
    })
    .await;
    let mut pods = place.executors().await;
    assert_eq!(pods.len(), 1);
    pods.push(driver);
    for pod in &pods {
        assert_ne!(processes(pod), "", "{} runs", pod["metadata"]["name"]);
    }
    place.plane.delete(&application).await.unwrap();
    place.plane.until_empty(&place.namespace).await;
    for pod in &pods {
        assert_eq!(processes(pod), "", "{} has stopped", pod["metadata"]["name"]);
    }
    place.leave().await;
}

/// From the application's creation to the first line of the driver's JVM, in ms: what users wait for. Not a test of speed:
/// it writes down what was found, beside what the submitter before it took.
#[tokio::test]
async fn time_to_the_first_line() {
    let mut times = Vec::new();
    for _ in 0..TIMED {
        let place = Place::new().await;
        let start = Instant::now();
        let application = begin(&place, &pi()).await;
        let (pod, submitted) = until("the driver Pod", async || {
            let pod = place.plane.get("Pod", &place.namespace, DRIVER).await?;
            Some((pod, start.elapsed()))
        })
        .await;
        let file = log_file(&pod, "spark-kubernetes-driver");
        let first = until("a line", async || {
            let written = fs::metadata(&file).is_ok_and(|file| file.len() > 0);
            written.then(|| start.elapsed())
        })
        .await;
        times.push((submitted.as_millis(), first.as_millis()));
        place.plane.delete(&application).await.unwrap();
        place.plane.until_empty(&place.namespace).await;
        place.leave().await;
    }
    let median = |mut values: Vec<u128>| {
        values.sort_unstable();
        u64::try_from(values[TIMED / 2]).unwrap()
    };
    let found = json!({
        "driver Pod": median(times.iter().map(|(pod, _)| *pod).collect()),
        "first line": median(times.iter().map(|(_, line)| *line).collect()),
    });
    println!("ms, medians of {TIMED}: {found}");
    let file = std::env::var("E2E_FIRST_LINES").expect("E2E_FIRST_LINES, which tests/e2e/spark sets");
    if let Ok(ours) = fs::read_to_string(&file) {
        println!("with native-submit {ours}, with the real spark-submit {found}");
    }
    fs::write(file, found.to_string()).unwrap();
}

fn pi() -> Value {
    json!({
        "mainClass": "e2e.SparkPi", "mainApplicationFile": "local:///opt/spark/examples/jars/e2e.jar", "arguments": ["4"],
    })
}

/// Creates an application of the newest Spark for the operator to submit.
async fn begin(place: &Place, spec: &Value) -> Value {
    let [_, version] = versions();
    let application = place.application(&version, spec);
    let live = place.plane.create(&place.namespace, &application).await;
    live.unwrap_or_else(|status| panic!("{}", status.message))
}

async fn state(place: &Place) -> String {
    let live = place
        .plane
        .get("SparkApplication", &place.namespace, NAME)
        .await
        .unwrap();
    live["status"]["applicationState"]["state"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

async fn until<T>(what: &str, mut there: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = there().await {
            return found;
        }
        assert!(Instant::now() < until, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The ids of the processes that run in a Pod's network namespace.
fn processes(pod: &Value) -> String {
    let namespace = format!("e2e-{}", &pod["metadata"]["uid"].as_str().unwrap()[..8]);
    let output = Command::new("ip")
        .args(["netns", "pids", &namespace])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}
