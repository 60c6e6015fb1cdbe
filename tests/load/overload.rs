//! Ten times more than the server can do: it stays up and small, turns the excess away at once, and finishes what it took.
//!
//! `OVERLOAD_SECONDS` (5) is how long; `NATIVE_SUBMIT` names another binary, such as a release build, and `OVERLOAD_REFUSAL_MS`
//! within how many milliseconds 99 of 100 are to be turned away. What it prints with `--nocapture` is what docs/operations.md has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::ApiServer;
use crate::support::process_memory;
use crate::support::serve::Serve;
use native_submit::operator::wire::{
    RunAltSparkSubmitRequest, spark_submit_service_client::SparkSubmitServiceClient,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
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
        include_str!("../../examples/spark-pi.yaml").replace("name: spark-pi", &format!("name: pi-{nth}"));
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

/// A caller of its own, on a thread and a connection of its own: the flood's own queue is not the server's. Asks every 10 ms, until
/// `over`, and gives the times after which it was turned away, and what was accepted.
fn probe(address: String, over: &AtomicBool) -> (Vec<Duration>, Vec<usize>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = Client::connect(address).await.unwrap();
        let (mut calls, mut refusals, mut accepted) = (Vec::new(), Vec::new(), Vec::new());
        // Numbers that the flood does not reach.
        for nth in 1_000_000_000.. {
            if over.load(Ordering::Relaxed) {
                break;
            }
            // One that gets in takes its time; the next one doesn't wait for it.
            calls.push(tokio::spawn(one(client.clone(), nth)));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for call in calls {
            match call.await.unwrap() {
                Ended::Accepted(nth) => accepted.push(nth),
                Ended::TurnedAway(after) => refusals.push(after),
            }
        }
        (refusals, accepted)
    })
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
    let before = process_memory::resident_kib(server.pid());

    let first = next.load(Ordering::Relaxed);
    let over = Arc::new(AtomicBool::new(false));
    let (address, until) = (format!("http://{}", server.grpc), Arc::clone(&over));
    let probing = std::thread::spawn(move || probe(address, &until));
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
            most = most.max(process_memory::resident_kib(server.pid()));
            looked = Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    over.store(true, Ordering::Relaxed);
    let offered = calls.len();
    let (mut accepted, mut turned_away) = (Vec::new(), 0);
    for call in calls {
        match call.await.unwrap() {
            Ended::Accepted(nth) => accepted.push(nth),
            Ended::TurnedAway(_) => turned_away += 1,
        }
    }
    let (mut refusals, also) = tokio::task::spawn_blocking(|| probing.join().unwrap())
        .await
        .unwrap();
    accepted.extend(also);
    most = most.max(process_memory::resident_kib(server.pid()));
    refusals.sort_unstable();
    let at = |part: usize| {
        refusals
            .get(refusals.len() * part / 1000)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "sustainable {rate:.0}/s; offered {offered} in {seconds} s, accepted {}, turned away {turned_away}; {} probes were turned away after {:?} (median), {:?} (99%), {:?} (most); \
         resident {before} KiB before, {most} KiB at most",
        accepted.len(),
        refusals.len(),
        at(500),
        at(990),
        refusals.last().copied().unwrap_or_default(),
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
    // Asserted where it can be meant: with a release build, on a machine that has nothing else to do.
    if let Ok(most) = std::env::var("OVERLOAD_REFUSAL_MS") {
        let most = Duration::from_millis(most.parse().unwrap());
        assert!(at(990) <= most, "{:?}", at(990));
    }
}
