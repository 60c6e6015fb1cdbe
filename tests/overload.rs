//! Ten times more than the server can do: it stays up and small, turns the excess away at once, and finishes what it took.
//!
//! `OVERLOAD_SECONDS` (5) is how long; `NATIVE_SUBMIT` names another binary, such as a release build. What it prints with
//! `--nocapture` is what docs/performance.md has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/api_server.rs"]
mod api_server;
#[path = "support/serve.rs"]
mod serve;

use api_server::ApiServer;
use native_submit::wire::{RunAltSparkSubmitRequest, spark_submit_service_client::SparkSubmitServiceClient};
use serve::Serve;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tonic::{Code, transport::Channel};

type Client = SparkSubmitServiceClient<Channel>;

/// How many at once are enough to keep the server busy, and no more.
const BUSY: usize = 8;

/// How long the sustainable rate is measured.
const WARM: Duration = Duration::from_secs(3);

/// How many times that rate.
const TIMES: f64 = 10.0;

/// What the server may grow by, in KiB: half of the limit in `deploy/`.
const GROWTH: u64 = 64 * 1024;

/// How many objects a submission of `application` has: Pod, Service, and two `ConfigMap`s.
const OBJECTS: usize = 4;

fn request(nth: usize) -> RunAltSparkSubmitRequest {
    let application =
        include_str!("../examples/spark-pi.yaml").replace("name: spark-pi", &format!("name: pi-{nth}"));
    RunAltSparkSubmitRequest {
        submission_id: format!("id-{nth}"),
        spark_application_manifest: application.into_bytes(),
        ..RunAltSparkSubmitRequest::default()
    }
}

/// Submissions a second that `BUSY` callers get, one after the other.
async fn sustainable(client: &Client, next: &Arc<AtomicUsize>) -> f64 {
    let start = Instant::now();
    let callers = (0..BUSY).map(|_| {
        let (mut client, next) = (client.clone(), Arc::clone(next));
        tokio::spawn(async move {
            let mut done = 0_u32;
            while start.elapsed() < WARM {
                let reply = client
                    .run_alt_spark_submit(request(next.fetch_add(1, Ordering::Relaxed)))
                    .await;
                assert!(reply.unwrap().into_inner().success);
                done += 1;
            }
            done
        })
    });
    let done: u32 = futures::future::join_all(callers)
        .await
        .into_iter()
        .map(Result::unwrap)
        .sum();
    f64::from(done) / start.elapsed().as_secs_f64()
}

/// What became of one call.
enum Ended {
    Accepted(usize),
    TurnedAway(Duration),
}

async fn one(mut client: Client, nth: usize) -> Ended {
    let start = Instant::now();
    match client.run_alt_spark_submit(request(nth)).await {
        Ok(reply) => {
            let reply = reply.into_inner();
            assert!(reply.success, "{}", reply.error_message);
            Ended::Accepted(nth)
        }
        Err(status) => {
            assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
            Ended::TurnedAway(start.elapsed())
        }
    }
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_times_the_sustainable_rate_is_borne() {
    let seconds: f64 = std::env::var("OVERLOAD_SECONDS").map_or(5.0, |text| text.parse().unwrap());
    let api = ApiServer::start().await;
    let (server, _kubeconfig) = Serve::to(&api.url, &["--max-in-flight", "64"]);
    let next = Arc::new(AtomicUsize::new(0));
    // A connection for each of some callers, as several operators would have.
    let mut clients = Vec::new();
    for _ in 0..BUSY {
        clients.push(server.client().await);
    }
    let rate = sustainable(&clients[0], &next).await;
    let before = resident_kib(server.pid());

    let first = next.load(Ordering::Relaxed);
    let start = Instant::now();
    let mut calls = Vec::new();
    let mut most = before;
    let mut looked = Instant::now();
    while start.elapsed().as_secs_f64() < seconds {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number"
        )]
        let due = (start.elapsed().as_secs_f64() * rate * TIMES) as usize;
        while calls.len() < due {
            let nth = first + calls.len();
            calls.push(tokio::spawn(one(clients[nth % BUSY].clone(), nth)));
        }
        if looked.elapsed() > Duration::from_millis(200) {
            most = most.max(resident_kib(server.pid()));
            looked = Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let offered = calls.len();
    let (mut accepted, mut refusals) = (Vec::new(), Vec::new());
    for call in calls {
        match call.await.unwrap() {
            Ended::Accepted(nth) => accepted.push(nth),
            Ended::TurnedAway(after) => refusals.push(after),
        }
    }
    most = most.max(resident_kib(server.pid()));
    refusals.sort_unstable();
    let at = |part: usize| {
        refusals
            .get(refusals.len() * part / 1000)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "sustainable {rate:.0}/s; offered {offered} in {seconds} s, accepted {}, turned away {} (median {:?}, 99% {:?}, 99.9% {:?}); \
         resident {before} KiB before, {most} KiB at most",
        accepted.len(),
        refusals.len(),
        at(500),
        at(990),
        at(999),
    );
    assert!(!refusals.is_empty(), "there was no overload");
    assert!(!accepted.is_empty(), "nobody was served");
    assert!(most < before + GROWTH, "grew from {before} to {most} KiB");
    assert_eq!(server.get("/readyz").0, 200, "it still serves");
    let names = api.names();
    for nth in accepted {
        let application = format!("pi-{nth}-");
        let pod = format!("pods/pi-{nth}-driver");
        assert!(names.contains(&pod), "{pod}");
        let owned = names.iter().filter(|name| name.contains(&application)).count();
        // The properties' ConfigMap has no application in its name; it is counted with all of them.
        assert_eq!(owned, OBJECTS - 1, "{application}");
    }
    assert_eq!(names.len() % OBJECTS, 0, "no set is partial");
    assert_eq!(api.orphans(), Vec::<String>::new());
    // One that comes when it is over is taken at once.
    let last = one(clients[0].clone(), usize::MAX).await;
    assert!(matches!(last, Ended::Accepted(_)));
    // A shared machine has its own pauses, and a debug build is slow: by far less than a queue would show.
    assert!(at(990) < Duration::from_millis(250), "{:?}", at(990));
}
