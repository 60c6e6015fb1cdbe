//! Many submissions, 64 at a time, through a real server and a real API server (`tests/e2e/up`) with faults between the two.
//! How many: `E2E_SUBMISSIONS`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_precision_loss
)]

use crate::support::{
    control_plane::ControlPlane,
    process_memory::resident_kib,
    proxy::{Proxy, Treatment},
    serve::Serve,
};
use futures::{StreamExt, stream};
use native_submit::operator::wire::{
    RunAltSparkSubmitRequest, spark_submit_service_client::SparkSubmitServiceClient,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tonic::transport::Channel;

const AT_ONCE: usize = 64;
const NAMESPACES: usize = 8;
/// What the objects of one submission are.
const KINDS: [(&str, usize); 4] = [
    ("ConfigMap", 2),
    ("Pod", 1),
    ("Service", 1),
    ("SparkApplication", 1),
];
/// How often a caller repeats a call after a retryable error.
const ATTEMPTS: u64 = 20;

/// 3 of 100 requests meet each of five faults; which ones, is the same in each run.
pub(super) fn treatment(number: u64) -> Treatment {
    // A Weyl sequence: as even as counting, but neighbours are far apart.
    let dice = ((number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) * 100) >> 32;
    match dice {
        0..3 => Treatment::Refuse(429),
        3..6 => Treatment::Refuse(500),
        6..9 => Treatment::Refuse(503),
        9..12 => Treatment::ResetBefore,
        12..15 => Treatment::ResetAfter,
        _ => Treatment::Pass,
    }
}

/// The application of one caller, and how often it had to ask.
async fn submit(
    plane: &ControlPlane,
    mut client: SparkSubmitServiceClient<Channel>,
    namespace: &str,
    number: usize,
) -> Result<u64, String> {
    let mut application: Value = serde_yaml::from_str(include_str!("../../examples/spark-pi.yaml")).unwrap();
    application["metadata"]["name"] = format!("pi-{number}").into();
    application["metadata"]["namespace"] = namespace.into();
    let mut live = plane.create(namespace, &application).await.unwrap();
    live["metadata"].as_object_mut().unwrap().remove("managedFields");
    let request = RunAltSparkSubmitRequest {
        submission_id: format!("load-{number}"),
        spark_application_manifest: live.to_string().into_bytes(),
        ..RunAltSparkSubmitRequest::default()
    };
    for attempt in 1..=ATTEMPTS {
        let reply = client
            .run_alt_spark_submit(request.clone())
            .await
            .unwrap()
            .into_inner();
        if reply.success {
            return Ok(attempt);
        }
        if reply.retryable != Some(true) {
            return Err(format!("{number}: {}", reply.error_message));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!("{number}: not in {ATTEMPTS} attempts"))
}

/// What is wrong with the objects of `count` submissions in a namespace.
pub(super) fn flaws(objects: &[Value], count: usize) -> Vec<String> {
    let mut flaws = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    // By the uid of each Pod, how many objects are its own.
    let mut owned: HashMap<&str, usize> = HashMap::new();
    for object in objects {
        let kind = object["kind"].as_str().unwrap();
        *counts.entry(kind).or_default() += 1;
        if kind == "Pod" {
            owned
                .entry(object["metadata"]["uid"].as_str().unwrap())
                .or_default();
        } else if kind != "SparkApplication" {
            let owner = object["metadata"]["ownerReferences"][0]["uid"].as_str();
            *owned.entry(owner.unwrap_or("nobody")).or_default() += 1;
        }
    }
    let expected: BTreeMap<_, _> = KINDS.iter().map(|(kind, each)| (*kind, each * count)).collect();
    if counts != expected {
        flaws.push(format!("{counts:?} in place of {expected:?}"));
    }
    // As many owners as Pods, each with all that it needs: so none is without a Pod.
    let incomplete = owned.iter().filter(|(_, count)| **count != 3).count();
    if incomplete > 0 || owned.len() != count {
        flaws.push(format!("{incomplete} of {} owners lack something", owned.len()));
    }
    flaws
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_become_complete_drivers_and_nothing_else() {
    let total: usize = std::env::var("E2E_SUBMISSIONS").map_or(300, |count| count.parse().unwrap());
    let plane = ControlPlane::connect().await;
    let mut namespaces = Vec::new();
    for _ in 0..NAMESPACES {
        let namespace = plane.namespace("load").await;
        plane
            .prepare_for(
                &namespace,
                &serde_json::json!({"spec": {"serviceAccountName": "spark-operator-spark"}}),
            )
            .await;
        namespaces.push(namespace);
    }
    let proxy = Proxy::start(plane.client.clone(), treatment).await;
    let (serve, _folder) = Serve::to(&proxy.url, &[]);
    let client = serve.client().await;

    let begun = Instant::now();
    let (done, early) = (AtomicU64::new(0), AtomicU64::new(0));
    let results: Vec<_> = stream::iter(0..total)
        .map(|number| {
            let (plane, client, namespace) = (&plane, client.clone(), &namespaces[number % NAMESPACES]);
            let (serve, done, early) = (&serve, &done, &early);
            async move {
                let result = submit(plane, client, namespace, number).await;
                let done = done.fetch_add(1, Ordering::SeqCst) + 1;
                if done == (total as u64).div_ceil(5) {
                    early.store(resident_kib(serve.pid()), Ordering::SeqCst);
                }
                if done.is_multiple_of(1000) {
                    println!(
                        "{done} after {:.0?}, {} KiB",
                        begun.elapsed(),
                        resident_kib(serve.pid())
                    );
                }
                result
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let (elapsed, late, early) = (begun.elapsed(), resident_kib(serve.pid()), early.into_inner());
    let failures: Vec<_> = results
        .iter()
        .filter_map(|result| result.as_ref().err())
        .collect();
    let repeated = results.iter().flatten().filter(|attempts| **attempts > 1).count();
    println!(
        "{total} submissions in {elapsed:.1?} ({:.0}/s), {} requests, {repeated} asked again, VmRSS {early} KiB after a fifth and \
         {late} KiB at the end",
        total as f64 / elapsed.as_secs_f64(),
        proxy.arrived(),
    );
    assert!(
        failures.is_empty(),
        "{} of {total}: {:?}",
        failures.len(),
        &failures[..failures.len().min(10)]
    );
    for (n, namespace) in namespaces.iter().enumerate() {
        let count = (total + NAMESPACES - 1 - n) / NAMESPACES;
        // What a rollback left to the garbage collector may be there a while longer.
        let until = Instant::now() + Duration::from_secs(120);
        loop {
            let flaws = flaws(&plane.objects(namespace).await, count);
            if flaws.is_empty() {
                break;
            }
            assert!(Instant::now() < until, "{namespace}: {flaws:?}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    assert!(
        late < early + early / 4 + 8 * 1024,
        "memory grew from {early} KiB to {late} KiB"
    );
    for namespace in &namespaces {
        plane.remove_namespace(namespace).await;
    }
}
