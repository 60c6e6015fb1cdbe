//! TLS of gRPC and REST: the real binary, its own client, and certificates that change under it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::certificates::{Authority, Certified, file};
use crate::support::serve::{Serve, swap};
use native_submit::operator::wire::{
    RunAltSparkSubmitRequest, spark_submit_service_client::SparkSubmitServiceClient,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Output},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

const SPARK_PI: &str = include_str!("../../../examples/spark-pi.yaml");

/// A server with TLS whose files are mounted, and what its clients need.
struct Setup {
    serve: Serve,
    folder: TempDir,
    authority: Authority,
    live: Certified,
}

/// Names and values of environment variables.
type Variables<'a> = &'a [(&'a str, &'a str)];

/// Whether clients need a certificate.
#[derive(Clone, Copy, PartialEq)]
enum Clients {
    Any,
    Certified,
}

impl Setup {
    fn start(clients: Clients) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("authority");
        let live = authority.signs();
        std::fs::create_dir(folder.path().join("mount")).unwrap();
        mount(folder.path(), "1", &live, &authority.pem());
        let path = |name: &str| folder.path().join("mount").join(name).display().to_string();
        let (certificate, key, ca) = (path("tls.crt"), path("tls.key"), path("ca.crt"));
        let mut environment = vec![("TLS_CERT_FILE", certificate.as_str()), ("TLS_KEY_FILE", &key)];
        if clients == Clients::Certified {
            environment.push(("TLS_CLIENT_CA_FILE", &ca));
        }
        let out = folder.path().join("out");
        let apply_to = format!("dir:{}", out.display());
        Self {
            serve: Serve::start(&["--apply-to", &apply_to], &environment),
            folder,
            authority,
            live,
        }
    }

    fn mount(&self, generation: &str, live: &Certified, ca: &str) {
        mount(self.folder.path(), generation, live, ca);
    }

    /// `native-submit submit --server https://…` with these files.
    fn submit(&self, ca: &Authority, client: Option<&Certified>) -> Output {
        self.submit_to("https://", ca, client)
    }

    /// Submits to an address that begins like this.
    fn submit_to(&self, scheme: &str, ca: &Authority, client: Option<&Certified>) -> Output {
        let folder = tempfile::tempdir().unwrap();
        let server = format!("{scheme}{}", self.serve.grpc);
        let mut command = Command::new(env!("CARGO_BIN_EXE_native-submit"));
        command
            .env_clear()
            .args([
                "submit",
                "examples/spark-pi.yaml",
                "--server",
                &server,
                "--submission-id",
                "abc",
            ])
            .arg("--tls-ca")
            .arg(file(folder.path(), "ca.crt", &ca.pem()));
        if let Some(client) = client {
            command
                .arg("--tls-cert")
                .arg(file(folder.path(), "tls.crt", &client.certificate))
                .arg("--tls-key")
                .arg(file(folder.path(), "tls.key", &client.key));
        }
        command.output().unwrap()
    }

    /// Whether anything was submitted.
    fn submitted(&self) -> bool {
        self.folder.path().join("out").exists()
    }

    /// The certificate that a new connection gets to see.
    fn shown(&self) -> CertificateDer<'static> {
        let mut connection = connect(&self.serve.rest, &self.authority, None).unwrap();
        connection.conn.complete_io(&mut connection.sock).unwrap();
        connection.conn.peer_certificates().unwrap()[0].clone()
    }

    /// Waits until new connections see this certificate.
    fn wait_for(&self, live: &Certified) {
        let wanted = CertificateDer::from_pem_slice(live.certificate.as_bytes()).unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        while self.shown() != wanted {
            assert!(Instant::now() < end, "{}", self.serve.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn mount(folder: &Path, generation: &str, live: &Certified, ca: &str) {
    let files = [
        ("tls.crt", live.certificate.as_str()),
        ("tls.key", &live.key),
        ("ca.crt", ca),
    ];
    swap(&folder.join("mount"), generation, &files);
}

/// A TLS connection, its handshake not begun.
fn connect(
    address: &str,
    ca: &Authority,
    client: Option<&Certified>,
) -> Result<StreamOwned<ClientConnection, TcpStream>, rustls::Error> {
    speaking(address, ca, client, &[&TLS12, &TLS13])
}

fn speaking(
    address: &str,
    ca: &Authority,
    client: Option<&Certified>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Result<StreamOwned<ClientConnection, TcpStream>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.pem().as_bytes()).unwrap())?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)?
        .with_root_certificates(roots);
    let config = match client {
        None => config.with_no_client_auth(),
        Some(client) => config.with_client_auth_cert(
            vec![CertificateDer::from_pem_slice(client.certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(client.key.as_bytes()).unwrap(),
        )?,
    };
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    Ok(StreamOwned::new(
        ClientConnection::new(Arc::new(config), name)?,
        stream,
    ))
}

/// The status of the operator's GET on the REST entry point: 405, which says that there is a server.
fn get(mut connection: StreamOwned<ClientConnection, TcpStream>) -> std::io::Result<String> {
    connection
        .write_all(b"GET /api/v1/spark-submit HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

async fn channel(setup: &Setup) -> Channel {
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(setup.authority.pem()));
    let endpoint = Endpoint::from_shared(format!("https://{}", setup.serve.grpc)).unwrap();
    endpoint.tls_config(tls).unwrap().connect().await.unwrap()
}

fn request(id: &str) -> RunAltSparkSubmitRequest {
    RunAltSparkSubmitRequest {
        submission_id: id.to_owned(),
        spark_application_manifest: SPARK_PI.as_bytes().to_vec(),
        ..RunAltSparkSubmitRequest::default()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn clients_of_the_authority_are_let_in_by_both_entry_points_and_probes_need_nothing() {
    let setup = Setup::start(Clients::Certified);
    let client = setup.authority.signs();
    let output = setup.submit(&setup.authority, Some(&client));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(setup.submitted());
    for version in [&TLS12, &TLS13] {
        let connection = speaking(&setup.serve.rest, &setup.authority, Some(&client), &[version]).unwrap();
        assert_eq!(get(connection).unwrap(), "HTTP/1.1 405 Method Not Allowed");
    }
    assert_eq!(setup.serve.get("/healthz").0, 200, "in plain text");
}

#[test]
fn clients_without_a_certificate_of_the_authority_are_refused() {
    let setup = Setup::start(Clients::Certified);
    let other = Authority::new("another authority").signs();
    for (client, says) in [
        (
            None,
            "(a server that asks for clients' certificates needs --tls-cert and --tls-key)",
        ),
        (Some(&other), "--submission-id abc"),
    ] {
        let output = setup.submit(&setup.authority, client);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
        let connection = connect(&setup.serve.rest, &setup.authority, client).unwrap();
        assert!(get(connection).is_err());
    }
    assert!(!setup.submitted());
    let body = setup.serve.get("/metrics").1;
    let (_, count) = body
        .split_once("\nnative_submit_tls_handshakes_failed_total ")
        .unwrap();
    let count: u32 = count.lines().next().unwrap().parse().unwrap();
    assert!(count >= 4, "a client may have tried more than once: {count}");
}

#[test]
fn an_address_without_a_scheme_is_spoken_to_with_tls_by_its_files_and_plain_text_is_told_of() {
    let setup = Setup::start(Clients::Any);
    let plain = setup.submit_to("http://", &setup.authority, None);
    let said = text(&plain.stderr);
    assert_eq!(plain.status.code(), Some(1), "{said}");
    assert!(
        said.contains("(a server that speaks TLS needs https:// in --server)"),
        "{said}"
    );
    assert!(!setup.submitted());
    let by_files = setup.submit_to("", &setup.authority, None);
    assert_eq!(by_files.status.code(), Some(0), "{}", text(&by_files.stderr));
    assert!(setup.submitted());
}

#[test]
fn a_server_of_another_authority_is_not_trusted_with_a_submission() {
    let setup = Setup::start(Clients::Any);
    let output = setup.submit(&Authority::new("another authority"), None);
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(
        message.contains("UnknownIssuer") && message.contains("--submission-id"),
        "{message}"
    );
    assert!(!setup.submitted());
}

#[test]
fn without_an_authority_of_clients_everyone_is_let_in_who_speaks_tls() {
    let setup = Setup::start(Clients::Any);
    let output = setup.submit(&setup.authority, None);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let mut plain = TcpStream::connect(&setup.serve.rest).unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!text(&answer).contains("HTTP"), "{}", text(&answer));
}

#[tokio::test]
async fn a_swapped_certificate_is_shown_to_new_connections_and_old_ones_go_on() {
    let setup = Setup::start(Clients::Any);
    setup.wait_for(&setup.live);
    let mut old = SparkSubmitServiceClient::new(channel(&setup).await);
    old.run_alt_spark_submit(request("a")).await.unwrap();
    for generation in ["2", "3"] {
        let new = setup.authority.signs();
        setup.mount(generation, &new, &setup.authority.pem());
        setup.wait_for(&new);
        let reply = old.run_alt_spark_submit(request("a")).await.unwrap().into_inner();
        assert!(reply.success, "{}", reply.error_message);
    }
    let body = setup.serve.get("/metrics").1;
    assert!(
        body.contains("native_submit_tls_reloads_total{result=\"success\"} 3"),
        "{body}"
    );
}

#[test]
fn a_swapped_authority_decides_about_clients() {
    let setup = Setup::start(Clients::Certified);
    let (old, other) = (setup.authority.signs(), Authority::new("next"));
    let new = other.signs();
    let refused = |client| get(connect(&setup.serve.rest, &setup.authority, Some(client)).unwrap()).is_err();
    assert!(!refused(&old) && refused(&new));
    let both = setup.authority.pem() + &other.pem();
    setup.mount("2", &setup.live, &both);
    setup.serve.wait_for("/metrics", |body| {
        body.contains("tls_reloads_total{result=\"success\"} 2")
    });
    assert!(!refused(&old) && !refused(&new));
    setup.mount("3", &setup.live, &other.pem());
    setup.serve.wait_for("/metrics", |body| {
        body.contains("tls_reloads_total{result=\"success\"} 3")
    });
    assert!(refused(&old) && !refused(&new));
}

#[test]
fn bad_new_files_leave_the_last_good_ones_live() {
    let setup = Setup::start(Clients::Certified);
    let (good, ca) = (setup.authority.signs(), setup.authority.pem());
    let other = setup.authority.signs();
    let with = |certificate: &str, key: &str| Certified {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
    };
    let no_key = "-----BEGIN PRIVATE KEY-----\nhunter2\n";
    let table = [
        (
            with(&good.certificate, &other.key),
            ca.as_str(),
            "is not the key of the certificate in TLS_CERT_FILE",
        ),
        (with("", &good.key), &ca, "tls.crt: holds no certificate in PEM"),
        (
            with(&good.certificate, no_key),
            &ca,
            "tls.key: holds no private key in PEM",
        ),
        (
            with(&good.certificate, &good.key),
            "",
            "ca.crt: holds no certificate in PEM",
        ),
    ];
    for (index, (live, ca, says)) in table.iter().enumerate() {
        setup.mount(&format!("bad-{index}"), live, ca);
        let count = format!("tls_reloads_total{{result=\"rejected\"}} {}", index + 1);
        let body = setup.serve.wait_for("/metrics", |body| body.contains(&count));
        assert!(body.contains("native_submit_tls_last_reload_success 0"), "{body}");
        setup.serve.wait_for_log(says);
        let output = setup.submit(&setup.authority, Some(&good));
        assert_eq!(output.status.code(), Some(0), "{says}: {}", text(&output.stderr));
    }
    let log = setup.serve.log();
    assert!(!log.contains("hunter2"), "{log}");
    assert_eq!(
        log.matches("are rejected").count(),
        table.len(),
        "each told once: {log}"
    );
    setup.mount("good", &good, &ca);
    setup
        .serve
        .wait_for("/metrics", |body| body.contains("tls_last_reload_success 1"));
}

#[test]
fn a_client_that_says_nothing_keeps_nobody_waiting_and_is_closed() {
    let setup = Setup::start(Clients::Any);
    let mut silent: Vec<_> = (0..20)
        .map(|_| TcpStream::connect(&setup.serve.rest).unwrap())
        .collect();
    let start = Instant::now();
    let answer = get(connect(&setup.serve.rest, &setup.authority, None).unwrap()).unwrap();
    assert_eq!(answer, "HTTP/1.1 405 Method Not Allowed");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    for stream in &mut silent {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "closed");
    }
}

#[test]
fn what_could_not_be_served_with_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let (good, other) = (authority.signs(), authority.signs());
    let path = |name: &str, text: &str| file(folder.path(), name, text).display().to_string();
    let (certificate, key) = (path("tls.crt", &good.certificate), path("tls.key", &good.key));
    let (wrong_key, missing) = (
        path("other.key", &other.key),
        folder.path().join("none").display().to_string(),
    );
    let garbage = path("garbage", "-----BEGIN hunter2");
    let table: [(Variables<'_>, i32, &str); 8] = [
        (
            &[("TLS_CERT_FILE", &certificate)],
            2,
            "TLS_CERT_FILE is set and TLS_KEY_FILE is not",
        ),
        (
            &[("TLS_KEY_FILE", &key)],
            2,
            "TLS_KEY_FILE is set and TLS_CERT_FILE is not",
        ),
        (
            &[("TLS_CLIENT_CA_FILE", &certificate)],
            2,
            "TLS_CLIENT_CA_FILE is set and TLS_CERT_FILE is not",
        ),
        (
            &[("GRPC_ADDRESS", "0.0.0.0")],
            2,
            "GRPC_ADDRESS: expected a loopback address or TLS, found 0.0.0.0",
        ),
        (
            &[("REST_ADDRESS", "::")],
            2,
            "REST_ADDRESS: expected a loopback address or TLS, found ::",
        ),
        (
            &[("TLS_CERT_FILE", &certificate), ("TLS_KEY_FILE", &wrong_key)],
            1,
            "is not the key",
        ),
        (
            &[("TLS_CERT_FILE", &certificate), ("TLS_KEY_FILE", &missing)],
            1,
            "none: can't be read: no such file or directory",
        ),
        (
            &[("TLS_CERT_FILE", &garbage), ("TLS_KEY_FILE", &key)],
            1,
            "garbage: is not PEM",
        ),
    ];
    for (environment, code, says) in table {
        let output = Command::new(env!("CARGO_BIN_EXE_native-submit"))
            .env_clear()
            .args(["serve", "--grpc-port=0", "--rest-port=0", "--health-port=0"])
            .arg(format!("--apply-to=dir:{}", folder.path().join("out").display()))
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{says}: {message}");
        assert!(message.contains(says), "{says}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn with_tls_a_reachable_address_is_served_and_without_clients_certificates_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let good = authority.signs();
    let path = |name: &str, text: &str| file(folder.path(), name, text).display().to_string();
    let (certificate, key, ca) = (
        path("tls.crt", &good.certificate),
        path("tls.key", &good.key),
        path("ca.crt", &authority.pem()),
    );
    let apply_to = format!("--apply-to=dir:{}", folder.path().join("out").display());
    let mut environment = vec![
        ("TLS_CERT_FILE", certificate.as_str()),
        ("TLS_KEY_FILE", &key),
        ("GRPC_ADDRESS", "0.0.0.0"),
    ];
    let warning = "anybody who reaches them can create pods";
    Serve::start(&[&apply_to], &environment).wait_for_log(warning);
    environment.push(("TLS_CLIENT_CA_FILE", &ca));
    assert!(!Serve::start(&[&apply_to], &environment).log().contains(warning));
}
