//! Connections that hold their seats for nothing, at each port: others get in, memory stays bounded, and probes are answered. And
//! the end of a process in which something hangs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::memory;
use crate::support::api_server::ApiServer;
use crate::support::certificates::{Authority, file};
use crate::support::serve::{FREE_PORTS, Serve, binary, kubeconfig};
use axum::body::Body;
use futures::stream;
use native_submit::operator::wire::{
    RunAltSparkSubmitRequest, spark_submit_service_client::SparkSubmitServiceClient,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::Value;
use std::{
    convert::Infallible,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tower::ServiceExt as _;

/// More than the seats of a port with the default of `MAX_IN_FLIGHT`.
const MANY: usize = 530;

/// Within what another client has its answer: long, for a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// Each test opens more connections than a process may have files by default, if they ran at once.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

fn application(name: &str) -> Vec<u8> {
    let text = include_str!("../../examples/spark-pi.yaml");
    text.replace("name: spark-pi", &format!("name: {name}")).into()
}

/// A connection on which this was sent.
fn said(address: &str, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    // It may be closed already, when others came meanwhile.
    let _ = stream.write_all(bytes);
    stream
}

fn many(address: &str, bytes: &[u8]) -> Vec<TcpStream> {
    (0..MANY).map(|_| said(address, bytes)).collect()
}

/// The whole answer to `bytes`.
fn answer(mut stream: impl Read + Write, bytes: &[u8]) -> String {
    let _ = stream.write_all(bytes);
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    String::from_utf8(all).unwrap()
}

fn plain(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn in_tls(address: &str, authority: &Authority) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(connection, plain(address))
}

const GET: &[u8] = b"GET /api/v1/spark-submit HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fn rest_answers(stream: impl Read + Write, what: &str) {
    let answer = answer(stream, GET);
    assert!(answer.contains("METHOD_NOT_ALLOWED"), "{what}: {answer}");
}

async fn grpc_answers(endpoint: &Endpoint, name: &str) {
    let request = RunAltSparkSubmitRequest {
        submission_id: name.to_owned(),
        spark_application_manifest: application(name),
        ..RunAltSparkSubmitRequest::default()
    };
    let submitted = async {
        let mut client = SparkSubmitServiceClient::connect(endpoint.clone()).await.unwrap();
        client.run_alt_spark_submit(request).await.unwrap().into_inner()
    };
    let reply = tokio::time::timeout(SOON, submitted)
        .await
        .unwrap_or_else(|_| panic!("{name}"));
    assert!(reply.success, "{name}: {}", reply.error_message);
}

fn endpoint(server: &Serve) -> Endpoint {
    Endpoint::from_shared(format!("http://{}", server.grpc)).unwrap()
}

fn is_small(server: &Serve, what: &str) {
    memory::is_within_limit(server.pid(), what);
    assert_eq!(server.get("/healthz").0, 200, "{what}");
}

/// Connections that never finish a request, and some that did and then say nothing, by name.
const REST: [(&str, &str); 6] = [
    ("silent", ""),
    ("half-line", "POST /api"),
    (
        "half-head",
        "POST /api/v1/spark-submit HTTP/1.1\r\nHost: localhost\r\nX-A: ",
    ),
    (
        "half-body",
        "POST /api/v1/spark-submit HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    ),
    (
        "half-chunk",
        "POST /api/v1/spark-submit HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    ),
    ("idle", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
];

#[tokio::test(flavor = "multi_thread")]
async fn half_sent_rest_requests_keep_nobody_out() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let api = ApiServer::start().await;
    let (server, _kubeconfig) = Serve::to(&api.url, &[]);
    for (what, bytes) in REST {
        let mut held = many(&server.rest, bytes.as_bytes());
        rest_answers(plain(&server.rest), what);
        // What trickles in is not activity.
        for stream in &mut held {
            let _ = stream.write_all(b" ");
        }
        rest_answers(plain(&server.rest), what);
        grpc_answers(&endpoint(&server), what).await;
        is_small(&server, what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_connections_without_a_request_keep_nobody_out() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let api = ApiServer::start().await;
    let (server, _kubeconfig) = Serve::to(&api.url, &[]);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [&preface[..], &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    for (what, bytes) in [
        ("silent", &b""[..]),
        ("half-preface", &preface[..10]),
        ("preface", preface),
        ("settings", &settings),
    ] {
        let _held = many(&server.grpc, bytes);
        grpc_answers(&endpoint(&server), what).await;
        let _more = many(&server.grpc, bytes);
        grpc_answers(&endpoint(&server), &format!("{what}-again")).await;
        is_small(&server, what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_ports_are_open_to_others_while_handshakes_wait() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let live = authority.signs();
    let certificate = file(folder.path(), "tls.crt", &live.certificate);
    let key = file(folder.path(), "tls.key", &live.key);
    let apply_to = format!("dir:{}", folder.path().join("out").display());
    let server = Serve::start(
        &["--apply-to", &apply_to],
        &[
            ("TLS_CERT_FILE", certificate.to_str().unwrap()),
            ("TLS_KEY_FILE", key.to_str().unwrap()),
        ],
    );
    let trusted = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem()));
    let endpoint = Endpoint::from_shared(format!("https://{}", server.grpc)).unwrap();
    let endpoint = endpoint.tls_config(trusted).unwrap();
    // Nothing, and the beginning of a ClientHello.
    for (what, bytes) in [("silent", &[][..]), ("half-hello", &[22, 3, 1, 2, 0, 1])] {
        let held = many(&server.grpc, bytes);
        grpc_answers(&endpoint, what).await;
        drop(held);
        let _rest = many(&server.rest, bytes);
        rest_answers(in_tls(&server.rest, &authority), what);
        is_small(&server, what);
    }
}

/// Calls of which nothing but the headers comes.
async fn headers_alone(
    channels: &[Channel],
    path: &'static str,
    count: usize,
) -> Vec<tokio::task::JoinHandle<()>> {
    let calls = (0..count).map(|nth| {
        let channel = channels[nth % channels.len()].clone();
        tokio::spawn(async move {
            let body = Body::from_stream(stream::pending::<Result<Vec<u8>, Infallible>>());
            let request = http::Request::post(format!("http://localhost{path}"))
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .body(tonic::body::Body::new(body))
                .unwrap();
            let _ = channel.oneshot(request).await;
        })
    });
    let calls = calls.collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_headers_alone_keep_nobody_out() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let api = ApiServer::start().await;
    let (server, _kubeconfig) = Serve::to(&api.url, &[]);
    for path in [
        "/spark.SparkSubmitService/RunAltSparkSubmit",
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ] {
        let mut channels = Vec::new();
        for _ in 0..16 {
            channels.push(endpoint(&server).connect().await.unwrap());
        }
        let what = path.rsplit('/').next().unwrap().to_lowercase();
        let calls = headers_alone(&channels, path, 1000).await;
        for nth in 0..5 {
            grpc_answers(&endpoint(&server), &format!("{what}-{nth}")).await;
        }
        let again = headers_alone(&channels[1..], path, 1000).await;
        grpc_answers(&endpoint(&server), &format!("{what}-again")).await;
        let health = endpoint(&server).connect().await.unwrap();
        let mut health = tonic_health::pb::health_client::HealthClient::new(health);
        let request = tonic_health::pb::HealthCheckRequest::default();
        let checked = tokio::time::timeout(SOON, health.check(request)).await;
        assert!(checked.unwrap().is_ok(), "{what}");
        is_small(&server, &what);
        for call in calls.into_iter().chain(again) {
            call.abort();
        }
    }
}

/// An HTTP/2 connection's first bytes, with so many calls of which nothing but headers comes, one of them of `bytes` bytes.
fn long_headers(calls: u32, bytes: usize) -> Vec<u8> {
    let text = |text: &[u8]| {
        // HPACK's length: seven bits, and the rest in groups of seven.
        let mut coded = Vec::new();
        match text.len().checked_sub(127) {
            None => coded.extend(u8::try_from(text.len())),
            Some(mut rest) => {
                coded.push(127);
                while rest > 127 {
                    coded.extend(u8::try_from(rest & 127 | 128));
                    rest >>= 7;
                }
                coded.extend(u8::try_from(rest));
            }
        }
        [&coded[..], text].concat()
    };
    let named = |name: &[u8], value: &[u8]| [&[0][..], &text(name), &text(value)].concat();
    // POST, http, and a path and authority as they are.
    let block = [
        &[0x83, 0x86, 0x04][..],
        &text(b"/spark.SparkSubmitService/RunAltSparkSubmit"),
        &[0x01],
        &text(b"localhost"),
        &named(b"content-type", b"application/grpc"),
        &named(b"te", b"trailers"),
        &named(b"x-long", &vec![b'x'; bytes]),
    ]
    .concat();
    let mut all = [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        &[0, 0, 0, 4, 0, 0, 0, 0, 0],
    ]
    .concat();
    for call in 0..calls {
        let length = u32::try_from(block.len()).unwrap().to_be_bytes();
        all.extend(&length[1..]);
        // HEADERS, with END_HEADERS alone.
        all.extend([1, 4]);
        all.extend((2 * call + 1).to_be_bytes());
        all.extend(&block);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn long_headers_of_many_calls_take_little() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let api = ApiServer::start().await;
    for bytes in [3_000, 7_500, 12_000] {
        let (server, _kubeconfig) = Serve::to(&api.url, &[]);
        let connection = Arc::new(long_headers(64, bytes));
        let address = server.grpc.clone();
        let held = tokio::task::spawn_blocking(move || {
            let (said, held) = std::sync::mpsc::channel();
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    let (connection, address, said) = (&connection, &address, said.clone());
                    scope.spawn(move || {
                        for _ in 0..=MANY / 8 {
                            let mut stream = TcpStream::connect(address).unwrap();
                            stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
                            let _ = stream.write_all(connection);
                            let _ = said.send(stream);
                        }
                    });
                }
            });
            drop(said);
            held.into_iter().collect::<Vec<_>>()
        });
        let held = held.await.unwrap();
        let what = format!("headers-{bytes}");
        // In the flood a caller may get a retryable error; it gets in all the same.
        let end = Instant::now() + SOON;
        loop {
            let request = RunAltSparkSubmitRequest {
                submission_id: what.clone(),
                spark_application_manifest: application(&what),
                ..RunAltSparkSubmitRequest::default()
            };
            let reply = async {
                let mut client = SparkSubmitServiceClient::connect(endpoint(&server)).await.ok()?;
                client.run_alt_spark_submit(request).await.ok()
            };
            if reply.await.is_some_and(|reply| reply.into_inner().success) {
                break;
            }
            assert!(Instant::now() < end, "{what}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        is_small(&server, &what);
        drop(held);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_are_answered_whoever_holds_connections_to_the_health_port() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let api = ApiServer::start().await;
    let (server, _kubeconfig) = Serve::to(&api.url, &[]);
    for bytes in [
        "G",
        "GET /healthz HTTP/1.1\r\n",
        "",
        "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let mut held: Vec<_> = (0..70).map(|_| said(&server.health, bytes.as_bytes())).collect();
        for _ in 0..3 {
            let probe = answer(
                plain(&server.health),
                b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            );
            assert!(probe.starts_with("HTTP/1.1 200"), "{bytes}: {probe}");
        }
        if bytes.ends_with("\r\n\r\n") {
            continue;
        }
        let newest = held.last_mut().unwrap();
        newest.set_read_timeout(Some(SOON)).unwrap();
        let _ = newest.read(&mut [0]).map(|read| assert_eq!(read, 0));
    }
    is_small(&server, "health");
}

/// What hyper refuses by itself, and what routes refuse.
const REFUSED: [(&str, u16); 14] = [
    ("nonsense\r\n\r\n", 400),
    ("GET\r\n\r\n", 400),
    ("GET / HTTP/9.9\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nA b: c\r\n\r\n", 400),
    ("G T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (
        "POST /api/v1/spark-submit HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n",
        400,
    ),
    (
        "POST /api/v1/spark-submit HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        400,
    ),
    (
        "POST /api/v1/spark-submit HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        400,
    ),
    ("\u{1}\u{2}\u{3}\r\n\r\n", 400),
    (
        "BREW /api/v1/spark-submit HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        405,
    ),
    ("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
    (
        "GET http://a/b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        404,
    ),
    (
        "CONNECT a:80 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        404,
    ),
];

fn is_structured(request: &str, status: u16, answer: &str) {
    let shown: String = request.chars().take(80).collect();
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{shown:?}: {answer:?}"));
    assert!(
        head.starts_with(&format!("HTTP/1.1 {status} ")),
        "{shown:?}: {answer}"
    );
    assert!(
        head.contains("content-type: application/json"),
        "{shown:?}: {answer}"
    );
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{shown:?}: {answer}"));
    assert_eq!(body["status"], status, "{shown:?}");
    assert!(!body["error_code"].as_str().unwrap().is_empty(), "{shown:?}");
    assert!(!body["message"].as_str().unwrap().is_empty(), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_of_the_rest_port_has_the_structured_body() {
    let api = ApiServer::start().await;
    let (server, _kubeconfig) = Serve::to(&api.url, &[]);
    for (request, status) in REFUSED {
        is_structured(request, status, &answer(plain(&server.rest), request.as_bytes()));
    }
    let long = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nLong: {}\r\n\r\n",
        "a".repeat(200 << 10)
    );
    is_structured(&long, 431, &answer(plain(&server.rest), long.as_bytes()));
    let headers = "A: b\r\n".repeat(150);
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
    is_structured(&many, 431, &answer(plain(&server.rest), many.as_bytes()));
    let path = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(200 << 10));
    let answered = answer(plain(&server.rest), path.as_bytes());
    let status = if answered.starts_with("HTTP/1.1 414") {
        414
    } else {
        431
    };
    is_structured(&path, status, &answered);
    // After an answer on the same connection, too.
    let both = "GET / HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n";
    let answered = answer(plain(&server.rest), both.as_bytes());
    let (_, second) = answered.split_at(answered.rfind("HTTP/1.1 ").unwrap());
    is_structured(both, 400, second);
    let metrics = server.get("/metrics").1;
    assert!(
        metrics
            .contains("native_submit_submissions_total{entry_point=\"rest\",outcome=\"not-a-submission\"}"),
        "{metrics}"
    );
}

/// So many seconds: of the setting, for a long run by hand, else a few.
fn seconds(setting: &str, otherwise: u64) -> Duration {
    Duration::from_secs(std::env::var(setting).map_or(otherwise, |text| text.parse().unwrap()))
}

/// `PAUSED_SECONDS` (4) is how long it is paused.
#[tokio::test(flavor = "multi_thread")]
async fn a_paused_process_is_healthy_at_once_when_it_goes_on() {
    let api = ApiServer::start().await;
    let (server, _kubeconfig) = Serve::to(&api.url, &[]);
    let since = Instant::now();
    server.signal("STOP");
    std::thread::sleep(seconds("PAUSED_SECONDS", 4));
    server.signal("CONT");
    // What the pause did to its clock would show within the next beats.
    while since.elapsed() < seconds("PAUSED_SECONDS", 4) + Duration::from_secs(3) {
        assert_eq!(server.get("/healthz").0, 200);
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Two kinds of gone: nobody listens, and somebody listens but never answers. Submissions go on all the while, more at once than there are
/// workers. `GONE_SECONDS` (5) is how long.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_api_server_is_gone_the_server_is_healthy() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = ["127.0.0.1:1".to_owned(), silent.local_addr().unwrap().to_string()];
    let servers = addresses.map(|address| Arc::new(Serve::to(&format!("http://{address}"), &[])));
    let until = Instant::now() + seconds("GONE_SECONDS", 5);
    let callers: Vec<_> = servers
        .iter()
        .flat_map(|server| std::iter::repeat_n(server, 8))
        .enumerate()
        .map(|(caller, server)| {
            let server = Arc::clone(server);
            tokio::spawn(async move {
                let mut answers = 0;
                for nth in 0.. {
                    let id = format!("gone-{caller}-{nth}");
                    let text = String::from_utf8(application(&id)).unwrap();
                    let submitted = tokio::time::timeout_at(until.into(), server.0.submit(&text, &id)).await;
                    let Ok(answer) = submitted else { break };
                    assert!(!answer.success, "{answer:?}");
                    answers += 1;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                answers
            })
        })
        .collect();
    let mut probes = 0;
    while Instant::now() < until {
        for server in &servers {
            assert_eq!(server.0.get("/healthz").0, 200, "probe {probes}");
            probes += 1;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut answers = 0;
    for caller in callers {
        answers += caller.await.unwrap();
    }
    println!("{probes} probes, {answers} answers");
}

/// Nobody reads the log: each thread that writes a line hangs in it, workers too, and for ever.
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_a_process_of_which_all_threads_hang() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    std::fs::write(&config, kubeconfig("http://127.0.0.1:1")).unwrap();
    let mut child = Command::new(binary())
        .arg("serve")
        .args(FREE_PORTS)
        .args(["--health-address", "127.0.0.1", "--drain-timeout", "1s"])
        .args(["--allowed-namespaces", "no-such-namespace"])
        .env_clear()
        .env("LOG_FORMAT", "json")
        .env("KUBECONFIG", &config)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut addresses = Vec::new();
    let mut line = String::new();
    while !line.contains("\"ready\"") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0);
        if let Some((_, address)) = line.split_once("listening on ") {
            addresses.push(address.split('"').next().unwrap().to_owned());
        }
    }
    // Each refusal is a line; a pipe holds 64 KiB.
    let calls: Vec<_> = (0..16)
        .map(|caller| {
            let address = addresses[0].clone();
            tokio::spawn(async move {
                let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
                let mut client = SparkSubmitServiceClient::connect(endpoint).await.unwrap();
                for nth in 0..100 {
                    let request = RunAltSparkSubmitRequest {
                        submission_id: format!("{caller}-{nth}"),
                        spark_application_manifest: application("pi"),
                        ..RunAltSparkSubmitRequest::default()
                    };
                    let submitted = client.run_alt_spark_submit(request);
                    if tokio::time::timeout(Duration::from_secs(5), submitted)
                        .await
                        .is_err()
                    {
                        return true;
                    }
                }
                false
            })
        })
        .collect();
    let mut hangs = false;
    for call in calls {
        hangs |= call.await.unwrap();
    }
    assert!(hangs, "the log has room left");
    let status = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
    let end = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ended = child.try_wait().unwrap().is_some();
    let _ = child.kill();
    let _ = child.wait();
    assert!(ended, "it lives on");
}
