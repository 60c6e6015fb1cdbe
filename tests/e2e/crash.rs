//! kill -9 at each step, on a real control plane (`tests/e2e/up`): a real process dies before a request reaches the API
//! server, or before its answer comes back, and a fresh one tries again, under the same id or a new one.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::support::{
    control_plane::{ControlPlane, name_of},
    golden_case,
    proxy::{Proxy, Treatment},
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// Between them they have an object of each kind that a submission makes.
const APPLICATIONS: [&str; 2] = ["volumes-and-local-dirs", "scheduling-volcano"];
const FIRST: &str = "11111111-1111-4111-8111-111111111111";
const SECOND: &str = "22222222-2222-4222-8222-222222222222";
/// How long an incomplete Pod, or a `PodGroup` without one, counts as a running call's.
const RUNNING_CALL: Duration = Duration::from_secs(37);
/// How long a retry may take, and a process on a busy machine to start.
const LONGEST_RETRY: Duration = Duration::from_secs(45 + 10);
/// How long the garbage collector, and a process on a busy machine, may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the process dies.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// The number of the request.
    number: u64,
    /// Whether the API server has answered it.
    answered: bool,
}

/// An application in a namespace of its own.
struct Place {
    plane: ControlPlane,
    namespace: String,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new(plane: &ControlPlane, case: &str) -> Self {
        let namespace = plane.namespace("crash").await;
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(case);
        let application = golden_case::application(&golden, &namespace);
        let mut live = plane.create(&namespace, &application).await.unwrap();
        let driver = &application["spec"]["driver"];
        let pod = json!({"spec": {
            "serviceAccountName": driver["serviceAccount"],
            "priorityClassName": driver["priorityClassName"],
        }});
        plane.prepare_for(&namespace, &pod).await;
        // As the operator has it when it submits.
        live["metadata"].as_object_mut().unwrap().remove("managedFields");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("application.yaml"), live.to_string()).unwrap();
        Self {
            plane: plane.clone(),
            namespace,
            folder,
        }
    }

    /// Starts a process that submits the application through this proxy.
    fn submit(&self, proxy: &Proxy, id: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_native-submit"))
            .args(["submit", "--submission-id", id])
            .arg(self.folder.path().join("application.yaml"))
            .env_clear()
            .env("KUBECONFIG", proxy.kubeconfig(&self.folder))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Submits through a proxy that does nothing wrong; gives also how many requests that took.
    async fn submit_in_peace(&self, id: &str) -> (Output, u64) {
        let proxy = Proxy::start(self.plane.client.clone(), |_| Treatment::Pass).await;
        let child = self.submit(&proxy, id);
        let waiting = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap());
        let output = waiting.await.unwrap();
        (output, proxy.arrived())
    }

    /// Submits, and kills the process at this step.
    async fn die_at(&self, step: Step, id: &str) {
        let (stopped, mut at_step) = tokio::sync::mpsc::unbounded_channel();
        let proxy = Proxy::start(self.plane.client.clone(), move |number| {
            if number < step.number {
                return Treatment::Pass;
            }
            stopped.send(()).unwrap_or_default();
            if number == step.number && step.answered {
                Treatment::HangAfter
            } else {
                // The world has stopped.
                Treatment::HangBefore
            }
        })
        .await;
        let mut child = self.submit(&proxy, id);
        let reached = tokio::time::timeout(PATIENCE, at_step.recv()).await;
        assert!(reached.is_ok(), "{step:?} is never reached");
        // What was sent before is answered, and for `answered` this step too.
        proxy.until_quiet().await;
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// The objects, without the application.
    async fn objects(&self) -> Vec<Value> {
        let mut objects = self.plane.objects(&self.namespace).await;
        objects.retain(|object| object["kind"] != "SparkApplication");
        objects
    }
}

/// Why these objects are not exactly one complete set, of as many objects as a set has.
fn flaw(objects: &[Value], size: usize, id: &str) -> Option<String> {
    let names: BTreeSet<_> = objects.iter().map(name_of).collect();
    let pods: Vec<_> = objects.iter().filter(|object| object["kind"] == "Pod").collect();
    let [pod] = pods[..] else {
        return Some(format!("{} driver Pods: {names:?}", pods.len()));
    };
    if pod["metadata"]["annotations"]["native-submit/submission-id"] != id {
        return Some(format!("the Pod is not of {id}"));
    }
    let owned = |object: &Value| object["metadata"]["ownerReferences"][0]["uid"] == pod["metadata"]["uid"];
    let strange: Vec<_> = objects
        .iter()
        .filter(|object| object["kind"] != "Pod" && !owned(object))
        .map(name_of)
        .collect();
    if !strange.is_empty() {
        return Some(format!("not the Pod's: {strange:?}"));
    }
    (objects.len() != size).then(|| format!("{} objects in place of {size}: {names:?}", objects.len()))
}

fn waits_for_a_pod(object: &Value) -> bool {
    object["metadata"]["labels"]["native-submit/waiting"].is_string()
}

async fn life_and_death(
    plane: &ControlPlane,
    case: &str,
    step: Step,
    size: usize,
    next: &str,
) -> Result<(), String> {
    let name = format!(
        "{case}, {step:?}, then {}",
        if next == FIRST { "the same id" } else { "a new id" }
    );
    let place = Place::new(plane, case).await;
    place.die_at(step, FIRST).await;
    let before = place.objects().await;
    let complete = flaw(&before, size, FIRST).is_none();
    let begun = Instant::now();
    let (output, _) = place.submit_in_peace(next).await;
    let time = begun.elapsed();
    if time > LONGEST_RETRY {
        return Err(format!("{name}: the retry took {time:?}"));
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    // A complete submission keeps its name when a call with another id comes.
    let remains = match (output.status.success(), complete) {
        (true, false) => next,
        (true, true) if next == FIRST => FIRST,
        (false, true) if next != FIRST && text.contains("code=409") => FIRST,
        _ => {
            return Err(format!(
                "{name}: {} {text}; before it {:?}",
                output.status,
                before.iter().map(name_of).collect::<Vec<_>>()
            ));
        }
    };
    // Another id's PodGroup without a Pod goes with the first attempt that finds it old.
    if place.objects().await.iter().any(waits_for_a_pod) {
        tokio::time::sleep(RUNNING_CALL).await;
        let (output, _) = place.submit_in_peace(remains).await;
        if !output.status.success() {
            return Err(format!("{name}: the third attempt fails"));
        }
    }
    let until = Instant::now() + PATIENCE;
    while let Some(flaw) = flaw(&place.objects().await, size, remains) {
        if Instant::now() > until {
            return Err(format!("{name}: {flaw}"));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    plane.remove_namespace(&place.namespace).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_at_any_step_is_healed_by_the_next() {
    let plane = ControlPlane::connect().await;
    let mut runs = Vec::new();
    for case in APPLICATIONS {
        let place = Place::new(&plane, case).await;
        let (output, requests) = place.submit_in_peace(FIRST).await;
        assert!(
            output.status.success(),
            "{case}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let objects = place.objects().await;
        let size = objects.len();
        assert_eq!(flaw(&objects, size, FIRST), None, "{case}");
        assert!(
            size >= 5 && requests >= size as u64,
            "{case}: {size} objects by {requests} requests"
        );
        plane.remove_namespace(&place.namespace).await;
        for number in 1..=requests {
            for answered in [false, true] {
                for next in [FIRST, SECOND] {
                    runs.push((case, Step { number, answered }, size, next));
                }
            }
        }
    }
    let count = runs.len();
    let begun = Instant::now();
    let failures: Vec<String> = stream::iter(runs)
        .map(|(case, step, size, next)| {
            let plane = plane.clone();
            async move { life_and_death(&plane, case, step, size, next).await }
        })
        // They wait more than they work.
        .buffer_unordered(24)
        .filter_map(|result| async move { result.err() })
        .collect()
        .await;
    println!("{count} deaths in {:?}", begun.elapsed());
    assert!(
        failures.is_empty(),
        "{} of {count}:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
