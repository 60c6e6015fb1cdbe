//! Three servers with three template sets on one real API server (`tests/e2e/up`), with faults in between, while servers are killed,
//! restarted and paused: each id goes to two servers at once, and each application becomes one complete driver.
//!
//! `E2E_SCALE` says how many applications; `E2E_REPLICAS` how many servers `rates` measures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_precision_loss
)]

use super::load::{flaws, treatment};
use crate::support::{
    control_plane::ControlPlane,
    proxy::{self, Proxy},
    serve::{Serve, kubeconfig},
};
use futures::{StreamExt, future, stream};
use native_submit::operator::wire::{
    RunAltSparkSubmitRequest, RunAltSparkSubmitResponse,
    spark_submit_service_client::SparkSubmitServiceClient,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How many applications there are without `E2E_SCALE`: the whole test then takes less than a minute, most of which is the 35 s
/// after which a dead server's work is taken over.
const APPLICATIONS: usize = 100;
/// Applications at once; each is two calls.
const AT_ONCE: usize = 48;
const NAMESPACES: usize = 8;
/// Servers, each with a template set of its own.
const SERVERS: usize = 3;
/// How long a caller repeats what it may repeat.
const PATIENCE: Duration = Duration::from_secs(240);
const ACCOUNT: &str = "spark-operator-spark";

/// What happens to a server.
#[derive(Debug, Clone, Copy)]
enum Blow {
    /// It dies at once, and a new process takes its place.
    Kill,
    /// It drains, and a new process takes its place.
    Restart,
    /// It stands still for a while, as on a node under pressure.
    Pause,
}

/// Servers of one Deployment: each knows no other.
struct Replicas {
    folders: Vec<tempfile::TempDir>,
    servers: Vec<Serve>,
    addresses: Arc<RwLock<Vec<String>>>,
}

impl Replicas {
    /// Starts so many, each with a set that marks its drivers with the server's number.
    fn start(url: &str, count: usize) -> Self {
        let folders: Vec<_> = (0..count).map(|number| folder(url, number)).collect();
        let servers: Vec<_> = folders.iter().map(serve).collect();
        let addresses = servers.iter().map(|server| server.grpc.clone()).collect();
        Self {
            folders,
            servers,
            addresses: Arc::new(RwLock::new(addresses)),
        }
    }

    /// Ends one server as it is said, and starts one in its place.
    fn strike(&mut self, number: usize, blow: Blow) {
        match blow {
            Blow::Kill => self.servers[number].signal("KILL"),
            Blow::Restart => self.servers[number].signal("TERM"),
            Blow::Pause => {
                self.servers[number].signal("STOP");
                std::thread::sleep(Duration::from_secs(2));
                return self.servers[number].signal("CONT");
            }
        }
        let new = serve(&self.folders[number]);
        self.addresses.write().unwrap()[number].clone_from(&new.grpc);
        let old = std::mem::replace(&mut self.servers[number], new);
        let (_, _log) = old.end();
    }
}

fn folder(url: &str, number: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let templates = folder.path().join("templates");
    std::fs::create_dir(&templates).unwrap();
    let patch = format!("metadata: {{labels: {{made-by: server-{number}}}}}\n");
    std::fs::write(templates.join("driver-pod.patch.yaml.j2"), patch).unwrap();
    std::fs::write(folder.path().join("config"), kubeconfig(url)).unwrap();
    folder
}

fn serve(folder: &tempfile::TempDir) -> Serve {
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    Serve::start(
        &["--template-dir", &path("templates")],
        &[("KUBECONFIG", &path("config"))],
    )
}

/// Even, but not in order, and the same in each run.
fn dice(number: u64, sides: usize) -> usize {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    usize::try_from(mixed).unwrap() % sides
}

/// One call, to whatever server; `None` where the caller has to try again.
async fn call(address: String, request: RunAltSparkSubmitRequest) -> Option<RunAltSparkSubmitResponse> {
    let mut client = SparkSubmitServiceClient::connect(format!("http://{address}"))
        .await
        .ok()?;
    let reply = match client.run_alt_spark_submit(request).await {
        Ok(reply) => reply.into_inner(),
        // The server is gone, is draining, or has not begun.
        Err(status) => {
            let code = status.code();
            let text = format!("{code:?}: {}", status.message());
            assert!(
                ["Unavailable", "Unknown", "Cancelled", "Internal"]
                    .iter()
                    .any(|known| text.starts_with(known)),
                "{text}"
            );
            return None;
        }
    };
    if reply.success {
        return Some(reply);
    }
    assert_eq!(reply.retryable, Some(true), "{}", reply.error_message);
    None
}

/// A caller that repeats its call until the answer has the driver.
async fn caller(
    addresses: &RwLock<Vec<String>>,
    request: &RunAltSparkSubmitRequest,
    seed: u64,
    calls: &AtomicU64,
) -> RunAltSparkSubmitResponse {
    let end = Instant::now() + PATIENCE;
    for attempt in 0_u64.. {
        let address = {
            let addresses = addresses.read().unwrap();
            addresses[dice(seed + attempt * 7919, addresses.len())].clone()
        };
        calls.fetch_add(1, Ordering::Relaxed);
        if let Some(reply) = call(address, request.clone()).await {
            return reply;
        }
        assert!(Instant::now() < end, "{}: nobody took it", request.submission_id);
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    unreachable!()
}

/// The applications, each in the API server and as a request.
async fn requests(
    plane: &ControlPlane,
    namespaces: &[String],
    total: usize,
) -> Vec<RunAltSparkSubmitRequest> {
    stream::iter(0..total)
        .map(|number| async move {
            let namespace = &namespaces[number % namespaces.len()];
            let mut application: Value =
                serde_yaml::from_str(include_str!("../../examples/spark-pi.yaml")).unwrap();
            application["metadata"] = json!({"name": format!("pi-{number}"), "namespace": namespace});
            let mut live = plane.create(namespace, &application).await.unwrap();
            live["metadata"].as_object_mut().unwrap().remove("managedFields");
            RunAltSparkSubmitRequest {
                submission_id: format!("scale-{number}"),
                spark_application_manifest: live.to_string().into_bytes(),
                ..RunAltSparkSubmitRequest::default()
            }
        })
        .buffered(16)
        .collect()
        .await
}

async fn namespaces(plane: &ControlPlane) -> Vec<String> {
    let mut namespaces = Vec::new();
    for _ in 0..NAMESPACES {
        let namespace = plane.namespace("scale").await;
        plane
            .prepare_for(&namespace, &json!({"spec": {"serviceAccountName": ACCOUNT}}))
            .await;
        namespaces.push(namespace);
    }
    namespaces
}

/// The answers to both callers of one id must name the same driver; who made it, at most one of them.
fn agree(first: &RunAltSparkSubmitResponse, second: &RunAltSparkSubmitResponse) {
    assert_eq!(first.driver_pod_uid, second.driver_pod_uid);
    assert_eq!(first.template_set, second.template_set);
    let made = |reply: &RunAltSparkSubmitResponse| reply.duplicate_submission != Some(true);
    assert!(!(made(first) && made(second)), "{first:?}\n{second:?}");
}

/// The driver Pods by uid, once each application has one complete set of objects and nothing else is there.
async fn complete(plane: &ControlPlane, namespaces: &[String], total: usize) -> BTreeMap<String, Value> {
    let mut pods = BTreeMap::new();
    for (index, namespace) in namespaces.iter().enumerate() {
        let count = (index..total).step_by(namespaces.len()).count();
        // What a rollback left to the garbage collector may be there a while longer.
        let end = Instant::now() + PATIENCE;
        let objects = loop {
            let objects = plane.objects(namespace).await;
            let flaws = flaws(&objects, count);
            if flaws.is_empty() {
                break objects;
            }
            assert!(Instant::now() < end, "{namespace}: {flaws:?}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        let of_pods = objects.into_iter().filter(|object| object["kind"] == "Pod");
        pods.extend(of_pods.map(|pod| (pod["metadata"]["uid"].as_str().unwrap().to_owned(), pod)));
    }
    pods
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_make_one_complete_driver_of_each_id_whatever_happens_to_them() {
    let total: usize = std::env::var("E2E_SCALE").map_or(APPLICATIONS, |count| count.parse().unwrap());
    let plane = ControlPlane::connect().await;
    let namespaces = namespaces(&plane).await;
    let requests = requests(&plane, &namespaces, total).await;
    let proxy = Proxy::start(plane.client.clone(), treatment).await;
    let url = proxy.url.clone();
    let mut replicas = tokio::task::spawn_blocking(move || Replicas::start(&url, SERVERS))
        .await
        .unwrap();
    let addresses = Arc::clone(&replicas.addresses);

    let (begun, calls, done) = (Instant::now(), AtomicU64::new(0), Arc::new(AtomicU64::new(0)));
    let ended = Arc::new(AtomicBool::new(false));
    let striker = std::thread::spawn({
        let (ended, done) = (Arc::clone(&ended), Arc::clone(&done));
        move || {
            let mut blows = 0;
            // Towards the end nothing happens any more, so that what was left half made is taken over.
            let quiet = u64::try_from(total * 3 / 4).unwrap();
            // Each has made some before the first blow.
            while !ended.load(Ordering::SeqCst) && done.load(Ordering::SeqCst) < quiet / 8 {
                std::thread::sleep(Duration::from_millis(20));
            }
            while !ended.load(Ordering::SeqCst) && done.load(Ordering::SeqCst) < quiet {
                std::thread::sleep(Duration::from_millis(900));
                let blow = [Blow::Kill, Blow::Restart, Blow::Kill, Blow::Pause][blows % 4];
                replicas.strike(blows % SERVERS, blow);
                blows += 1;
            }
            (replicas, blows)
        }
    });
    let replies: Vec<_> = stream::iter(requests.iter().zip(0_u64..))
        .map(|(request, number)| {
            let (addresses, calls, done) = (&addresses, &calls, &done);
            async move {
                let seed = number * 1_000_003;
                let (first, second) = future::join(
                    caller(addresses, request, seed, calls),
                    caller(addresses, request, seed + 1, calls),
                )
                .await;
                done.fetch_add(1, Ordering::SeqCst);
                agree(&first, &second);
                first
            }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    ended.store(true, Ordering::SeqCst);
    let took = begun.elapsed();
    let (replicas, blows) = tokio::task::spawn_blocking(|| striker.join().unwrap())
        .await
        .unwrap();

    let pods = complete(&plane, &namespaces, total).await;
    // The answers are about the drivers that there are, and name the set that made each.
    let mut made_by = BTreeSet::new();
    for reply in &replies {
        let metadata = &pods[reply.driver_pod_uid.as_deref().unwrap()]["metadata"];
        let set = metadata["annotations"]["native-submit/template-set"].as_str();
        assert_eq!(set, reply.template_set.as_deref());
        made_by.insert((metadata["labels"]["made-by"].to_string(), set.map(str::to_owned)));
    }
    assert!(made_by.len() > 1, "one set made all of them: {made_by:?}");
    // Whoever asks again, and whomever: the same driver stands.
    let again: Vec<_> = stream::iter(requests.iter().zip(&replies).zip(0_u64..))
        .map(|((request, reply), number)| {
            let (addresses, calls) = (&addresses, &calls);
            async move {
                let again = caller(addresses, request, number, calls).await;
                assert_eq!(again.duplicate_submission, Some(true), "{again:?}");
                agree(&again, reply);
            }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    assert_eq!(again.len(), total);
    let after = complete(&plane, &namespaces, total).await;
    assert!(after.keys().eq(pods.keys()));
    println!(
        "{total} applications by {SERVERS} servers, {blows} blows, {} requests to the API server, {} calls, in {took:?}",
        proxy.arrived(),
        calls.load(Ordering::Relaxed)
    );
    assert!(blows > 0, "nothing happened to the servers");
    drop(replicas);
    for namespace in &namespaces {
        plane.remove_namespace(namespace).await;
    }
}

/// A rolling upgrade: the plan's hash has another format, or the plan itself another hash in that format.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_of_another_release_stands() {
    let plane = ControlPlane::connect().await;
    let namespaces = namespaces(&plane).await;
    let proxy = Proxy::start(plane.client.clone(), |_| proxy::Treatment::Pass).await;
    let (server, _folder) = Serve::to(&proxy.url, &[]);
    let formats = ["v1:0000000000000000", "v999:ffffffffffffffff", "0123456789abcdef"];
    let requests = requests(&plane, &namespaces[..1], formats.len()).await;
    for (request, format) in requests.iter().zip(formats) {
        let made = call(server.grpc.clone(), request.clone()).await.unwrap();
        let name = made.driver_pod_name.as_deref().unwrap();
        let mut pod = plane.get("Pod", &namespaces[0], name).await.unwrap();
        pod["metadata"]["annotations"]["native-submit/plan-hash"] = format.into();
        plane.replace(&namespaces[0], &pod).await;
        let before = plane.objects(&namespaces[0]).await;
        let again = call(server.grpc.clone(), request.clone()).await.unwrap();
        assert_eq!(again.duplicate_submission, Some(true), "{format}: {again:?}");
        assert_eq!(again.driver_pod_uid, made.driver_pod_uid, "{format}");
        assert_eq!(plane.objects(&namespaces[0]).await, before, "{format}");
    }
    for namespace in &namespaces {
        plane.remove_namespace(namespace).await;
    }
}

/// Submissions a second by so many servers, without faults. By hand, for docs/scale-out.md: it asserts nothing about time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, for docs/scale-out.md"]
async fn rates() {
    let total: usize = std::env::var("E2E_SCALE").map_or(600, |count| count.parse().unwrap());
    let servers: usize = std::env::var("E2E_REPLICAS").map_or(1, |count| count.parse().unwrap());
    let plane = ControlPlane::connect().await;
    let namespaces = namespaces(&plane).await;
    let requests = requests(&plane, &namespaces, total).await;
    let proxy = Proxy::start(plane.client.clone(), |_| proxy::Treatment::Pass).await;
    let url = proxy.url.clone();
    let replicas = tokio::task::spawn_blocking(move || Replicas::start(&url, servers))
        .await
        .unwrap();
    let (begun, calls) = (Instant::now(), AtomicU64::new(0));
    let replies: Vec<_> = stream::iter(requests.iter().zip(0_u64..))
        .map(|(request, number)| caller(&replicas.addresses, request, number, &calls))
        .buffer_unordered(32)
        .collect()
        .await;
    let took = begun.elapsed().as_secs_f64();
    assert_eq!(replies.len(), total);
    println!(
        "{servers} servers: {:.0} submissions/s, {total} in {took:.1} s",
        total as f64 / took
    );
    for namespace in &namespaces {
        plane.remove_namespace(namespace).await;
    }
}
