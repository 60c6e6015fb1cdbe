//! Requests that arrive in part and then no further, at each entry point: the server stays small, serves others meanwhile, and gives
//! up on them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::ApiServer;
use crate::support::process_memory;
use crate::support::serve::Serve;
use axum::body::{Body, Bytes};
use futures::{StreamExt as _, stream};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt as _;

/// How many stall at once.
const STALLED: usize = 150;

/// The default of `MAX_REQUEST_BYTES`, and how much of it never comes.
const LONGEST: usize = 4 << 20;
const WITHHELD: usize = 1000;

/// What the server may grow by, in KiB: half of the limit in `deploy/`.
const GROWTH: u64 = 64 * 1024;

/// Within what a stalled request has its answer, at the latest.
const GIVEN_UP: Duration = Duration::from_secs(20);

const POST: &str =
    "POST /api/v1/spark-submit HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

fn application(name: &str) -> String {
    include_str!("../../examples/spark-pi.yaml").replace("name: spark-pi", &format!("name: {name}"))
}

/// Looks at the server while `stalled` are at it: small, ready, and at work for others.
async fn is_at_ease(server: &Serve, before: u64, name: &str) {
    let mut most = 0;
    let end = Instant::now() + Duration::from_secs(3);
    let mut nth = 0;
    while Instant::now() < end {
        nth += 1;
        let asked = Instant::now();
        let reply = server
            .submit(&application(&format!("{name}-{nth}")), &format!("{name}-{nth}"))
            .await;
        assert!(reply.success, "{}", reply.error_message);
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
        assert_eq!(server.get("/readyz").0, 200);
        most = most.max(process_memory::resident_kib(server.pid()));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("{name}: {before} KiB before, {most} KiB at most");
    assert!(most < before + GROWTH, "{name}: grew from {before} to {most} KiB");
}

/// A POST of which all but the end is sent, as far as the server takes it; then its answer.
fn half_a_post(address: &str, head: &str, body: &[u8]) -> (u16, String) {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(GIVEN_UP)).unwrap();
    write!(connection, "{POST}{head}\r\n").unwrap();
    // Refused while it is sent, some of it may not be taken.
    let _ = connection.write_all(body);
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let status = answer
        .split(' ')
        .nth(1)
        .map_or(0, |status| status.parse().unwrap());
    (status, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn half_sent_posts_are_bounded_in_bytes_and_time() {
    let api = ApiServer::start().await;
    let (server, _kubeconfig) = Serve::to(&api.url, &[]);
    let before = process_memory::resident_kib(server.pid());
    let sent = LONGEST - WITHHELD;
    // In chunks the server does not know how much is to come.
    let declared = format!("Content-Length: {LONGEST}\r\n");
    let piece = format!("{sent:x}\r\n{}\r\n", " ".repeat(sent));
    let kinds = [
        (declared, " ".repeat(sent)),
        ("Transfer-Encoding: chunked\r\n".to_owned(), piece),
    ];
    for (head, body) in kinds {
        let stalled: Vec<_> = (0..STALLED)
            .map(|_| {
                let (address, head, body) = (server.rest.clone(), head.clone(), body.clone());
                std::thread::spawn(move || half_a_post(&address, &head, body.as_bytes()))
            })
            .collect();
        is_at_ease(
            &server,
            before,
            if head.starts_with('C') {
                "declared"
            } else {
                "chunked"
            },
        )
        .await;
        let mut late = 0;
        for answer in stalled {
            let (status, answer) = tokio::task::spawn_blocking(|| answer.join().unwrap())
                .await
                .unwrap();
            // 0: the connection was reset with the answer unread, for it still sent.
            assert!(status == 503 || status == 0, "{answer}");
            if answer.contains("within 10 s") {
                assert!(
                    answer.contains("\"error_code\":\"SUBMITTER_OVERLOADED\""),
                    "{answer}"
                );
                late += 1;
            }
        }
        assert!((1..=8).contains(&late), "{late} were waited for");
    }
    let metrics = server.get("/metrics").1;
    assert!(metrics.contains("native_submit_in_flight 0"), "{metrics}");
    assert!(
        metrics.contains("native_submit_submissions_total{entry_point=\"rest\",outcome=\"late\"}"),
        "{metrics}"
    );
}

/// A call of which all but the end is sent, and its gRPC status.
async fn half_a_call(channel: Channel, path: &str) -> String {
    let mut head = vec![0];
    head.extend(u32::try_from(LONGEST).unwrap().to_be_bytes());
    let pieces = (0..(LONGEST - WITHHELD) / 4096).map(|_| Bytes::from_static(&[b' '; 4096]));
    let message = stream::iter(std::iter::once(Bytes::from(head)).chain(pieces)).map(Ok::<_, Infallible>);
    let body = Body::from_stream(message.chain(stream::pending()));
    let request = http::Request::post(format!("http://localhost{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(tonic::body::Body::new(body))
        .unwrap();
    let reply = tokio::time::timeout(GIVEN_UP, channel.oneshot(request)).await;
    let reply = reply.expect("it is given up").unwrap();
    let status = &reply.headers()["grpc-status"];
    status.to_str().unwrap().to_owned()
}

async fn half_sent_calls(server: &Serve, before: u64, channels: Vec<Channel>, path: &'static str) {
    let stalled: Vec<_> = (0..STALLED)
        .map(|nth| tokio::spawn(half_a_call(channels[nth % channels.len()].clone(), path)))
        .collect();
    is_at_ease(
        server,
        before,
        path.rsplit('/').next().unwrap().to_lowercase().as_str(),
    )
    .await;
    let (mut late, mut turned_away) = (0, 0);
    for status in stalled {
        match status.await.unwrap().as_str() {
            // RESOURCE_EXHAUSTED and UNAVAILABLE.
            "8" => turned_away += 1,
            "14" => late += 1,
            other => panic!("{other}"),
        }
    }
    println!("{path}: {turned_away} turned away, {late} late");
    assert!(late + turned_away == STALLED && turned_away > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_sent_calls_are_bounded_in_bytes_and_time_by_grpc_and_on_the_socket() {
    let api = ApiServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("submit.sock");
    let (server, _kubeconfig) = Serve::to(&api.url, &["--socket", socket.to_str().unwrap()]);
    let before = process_memory::resident_kib(server.pid());
    let mut channels = Vec::new();
    for _ in 0..10 {
        let endpoint = Endpoint::from_shared(format!("http://{}", server.grpc)).unwrap();
        channels.push(endpoint.connect().await.unwrap());
    }
    half_sent_calls(
        &server,
        before,
        channels,
        "/spark.SparkSubmitService/RunAltSparkSubmit",
    )
    .await;
    let mut channels = Vec::new();
    for _ in 0..10 {
        let socket = socket.clone();
        let connect = tower::service_fn(move |_: http::Uri| {
            let socket = socket.clone();
            async move { Ok::<_, std::io::Error>(TokioIo::new(tokio::net::UnixStream::connect(socket).await?)) }
        });
        let endpoint = Endpoint::from_static("http://localhost");
        channels.push(endpoint.connect_with_connector(connect).await.unwrap());
    }
    half_sent_calls(&server, before, channels, "/nativesubmit.v1.DropIn/Submit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_bounded_and_one_that_says_nothing_is_closed() {
    let api = ApiServer::start().await;
    let (server, _kubeconfig) = Serve::to(&api.url, &["--max-in-flight", "1"]);
    for (entry_point, address) in [("rest", &server.rest), ("grpc", &server.grpc)] {
        let silent: Vec<_> = (0..64).map(|_| TcpStream::connect(address).unwrap()).collect();
        let one_more = TcpStream::connect(address).unwrap();
        // It takes the seat of the first, before that one's time is over.
        let mut first = &silent[0];
        first.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
        assert_eq!(first.read(&mut [0]).unwrap(), 0, "closed at once");
        for mut connection in silent.into_iter().chain([one_more]) {
            connection.set_read_timeout(Some(GIVEN_UP)).unwrap();
            let read = connection.read(&mut [0]);
            assert!(
                matches!(read, Ok(0)),
                "{entry_point} is not closed in time: {read:?}"
            );
        }
    }
    // So doesn't HTTP/2 begin, and nothing but the preface's time looks after it.
    let mut begun = TcpStream::connect(&server.grpc).unwrap();
    begun.write_all(b"P").unwrap();
    begun.set_read_timeout(Some(GIVEN_UP)).unwrap();
    let start = Instant::now();
    let read = begun.read_to_end(&mut Vec::new());
    assert!(start.elapsed() > Duration::from_secs(1), "it had a seat");
    assert!(read.is_ok(), "it is not closed in time: {read:?}");
    assert!(server.submit(&application("spark-pi"), "a").await.success);
    server.wait_for_log("there are too many");
}
