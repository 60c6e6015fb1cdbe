//! `native-submit healthcheck`: for images without a shell.

use super::End;
use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// How long the server may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The arguments of `healthcheck`.
#[derive(Debug, clap::Args)]
pub(super) struct Healthcheck {
    /// Address of the health endpoint
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,

    /// Port of the health endpoint
    #[arg(long, env = "HEALTH_PORT", default_value_t = 9090)]
    port: u16,
}

impl Healthcheck {
    pub(super) fn run(self) -> End {
        match ask(SocketAddr::new(self.address, self.port)) {
            Ok(status) if status.starts_with("HTTP/1.1 200") => End::Done,
            Ok(status) => super::report(&format!("not healthy: {status}")),
            Err(error) => super::report(&format!("no answer from {}:{}: {error}", self.address, self.port)),
        }
    }
}

/// The status line of `GET /healthz`.
fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
