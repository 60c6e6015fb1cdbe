//! Whether the ports are free, or already a server of ours; and the drop-in's socket.

use super::CheckResult;
use crate::{settings::ServeSettings, whole_file};
use std::{io::ErrorKind, net::SocketAddr, path::Path};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

const CHECK: &str = "ports";

pub(super) async fn examine(settings: &ServeSettings) -> Vec<CheckResult> {
    let health = SocketAddr::new(settings.health_address, settings.health_port);
    let listeners = [
        (
            "GRPC_PORT",
            SocketAddr::new(settings.grpc_address, settings.grpc_port),
        ),
        (
            "REST_PORT",
            SocketAddr::new(settings.rest_address, settings.rest_port),
        ),
        ("HEALTH_PORT", health),
    ];
    let mut findings = Vec::new();
    let running = running(health).await;
    if let Some(status) = running {
        findings.push(if status == 200 {
            CheckResult::ok(CHECK, format!("a native-submit server is ready at {health}"))
        } else {
            CheckResult::warn(
                CHECK,
                format!("a native-submit server at {health} is not ready: /readyz answers {status}"),
                "read the body of /readyz: it has the reason",
            )
        });
    }
    // Kept until the end: two settings may name one port.
    let mut kept = Vec::new();
    for (variable, address) in listeners {
        let bound = TcpListener::bind(address)
            .await
            .map(|listener| kept.push(listener));
        findings.push(match bound {
            Ok(()) if running.is_some() => CheckResult::warn(
                CHECK,
                format!("{variable} {address} is free, though a server runs at {health}"),
                "run doctor with the settings of that server",
            ),
            Ok(()) => CheckResult::ok(CHECK, format!("{variable} {address} is free")),
            Err(error) if error.kind() == ErrorKind::AddrInUse && running.is_some() => {
                CheckResult::ok(CHECK, format!("{variable} {address} is listened on"))
            }
            Err(error)
                if error.kind() == ErrorKind::AddrInUse
                    && kept.iter().any(|other| has_port(other, address)) =>
            {
                CheckResult::fail(
                    CHECK,
                    format!("{variable} {address}: another entry point has the same port"),
                    "give each of GRPC_PORT, REST_PORT and HEALTH_PORT a port of its own",
                )
            }
            Err(error) => CheckResult::fail(
                CHECK,
                format!("{variable} {address} can't be listened on: {error}"),
                "stop what listens there, or choose another port or address",
            ),
        });
    }
    findings.push(socket(&settings.socket));
    findings
}

fn has_port(listener: &TcpListener, address: SocketAddr) -> bool {
    listener
        .local_addr()
        .is_ok_and(|own| own.port() == address.port())
}

/// The status of `/readyz`, where the body is one of ours.
async fn running(mut address: SocketAddr) -> Option<u16> {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    let asking = async {
        let mut stream = TcpStream::connect(address).await?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await?;
        let mut answer = String::new();
        stream.take(1 << 16).read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = timeout(super::ANSWER_TIMEOUT, asking).await.ok()?.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    body.get("templates").map(|_| status)
}

/// The server listens there only where the directory exists, which is how a deployment asks for it.
fn socket(path: &Path) -> CheckResult {
    const CHECK: &str = "socket";
    match path.parent() {
        Some(directory) if directory.is_dir() => {
            // A file of its own name, made and removed: access(2) says nothing of read-only mounts in all cases.
            let probe = directory.join(whole_file::unguessable("doctor"));
            match std::fs::File::create_new(&probe) {
                Ok(_) => {
                    let _ = std::fs::remove_file(&probe);
                    CheckResult::ok(
                        CHECK,
                        format!("NATIVE_SUBMIT_SOCKET {} can be made", path.display()),
                    )
                }
                Err(error) => CheckResult::fail(
                    CHECK,
                    format!(
                        "NATIVE_SUBMIT_SOCKET {}: its directory can't be written: {error}",
                        path.display()
                    ),
                    "mount an emptyDir there that this user (uid 185) may write, or set another path",
                ),
            }
        }
        _ => CheckResult::ok(
            CHECK,
            format!(
                "NATIVE_SUBMIT_SOCKET {} is not used: its directory does not exist; only a drop-in spark-submit needs it",
                path.display()
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::CheckStatus;
    use clap::{Args as _, FromArgMatches as _};

    fn settings(arguments: &[String]) -> ServeSettings {
        let command = ServeSettings::augment_args(clap::Command::new("serve"));
        ServeSettings::from_arg_matches(&command.get_matches_from(arguments)).unwrap()
    }

    #[tokio::test]
    async fn two_entry_points_with_one_port_are_named() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = free.local_addr().unwrap().port().to_string();
        drop(free);
        let with = |rest: &str| {
            let words = [
                "serve",
                "--grpc-port",
                &port,
                "--rest-port",
                rest,
                "--health-port",
                "0",
            ];
            settings(&words.map(str::to_owned))
        };
        assert_eq!(without_ok(examine(&with("0")).await), [""; 0]);
        assert_eq!(
            without_ok(examine(&with(&port)).await),
            [format!(
                "FAIL ports: REST_PORT 127.0.0.1:{port}: another entry point has the same port\n     fix: give each of GRPC_PORT, \
                 REST_PORT and HEALTH_PORT a port of its own"
            )]
        );
    }

    fn without_ok(results: Vec<CheckResult>) -> Vec<String> {
        let others = results
            .into_iter()
            .filter(|result| result.verdict != CheckStatus::Ok);
        others.map(|result| result.to_string()).collect()
    }

    #[tokio::test]
    async fn a_server_that_is_not_ready_and_has_other_ports_is_seen() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let health = server.local_addr().unwrap();
        let answering = tokio::spawn(async move {
            let (mut stream, _) = server.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await.unwrap();
            let answer = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n{\"templates\": {}}";
            stream.write_all(answer.as_bytes()).await.unwrap();
            server
        });
        let port = health.port().to_string();
        let words = [
            "serve",
            "--grpc-port",
            "0",
            "--rest-port",
            "0",
            "--health-port",
            &port,
        ];
        let found = without_ok(examine(&settings(&words.map(str::to_owned))).await);
        drop(answering.await.unwrap());
        let free = |variable: &str| {
            format!(
                "WARN ports: {variable} 127.0.0.1:0 is free, though a server runs at 0.0.0.0:{port}\n     fix: run doctor with the \
                 settings of that server"
            )
        };
        assert_eq!(
            found,
            [
                format!(
                    "WARN ports: a native-submit server at 0.0.0.0:{port} is not ready: /readyz answers 503\n     fix: read the body \
                     of /readyz: it has the reason"
                ),
                free("GRPC_PORT"),
                free("REST_PORT"),
            ]
        );
    }
}
