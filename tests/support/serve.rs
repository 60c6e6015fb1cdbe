//! A running `native-submit serve`: the real binary, on ports of its own.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use native_submit::operator::wire::{
    RunAltSparkSubmitRequest, RunAltSparkSubmitResponse,
    spark_submit_service_client::SparkSubmitServiceClient,
};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tonic::transport::Channel;

/// The server; it is killed when this is dropped.
pub(crate) struct Serve {
    child: Child,
    /// `127.0.0.1:PORT` of gRPC.
    pub(crate) grpc: String,
    /// `127.0.0.1:PORT` of REST.
    pub(crate) rest: String,
    /// `127.0.0.1:PORT` of health and metrics.
    pub(crate) health: String,
    log: Arc<Mutex<String>>,
    reading: Option<JoinHandle<()>>,
}

/// The program: the one that was built along, or another that `NATIVE_SUBMIT` names, such as the static one.
pub(crate) fn binary() -> PathBuf {
    let program = std::env::var_os("NATIVE_SUBMIT");
    let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_native-submit").into());
    std::path::absolute(program).unwrap()
}

/// Flags by which each port is a free one.
pub(crate) const FREE_PORTS: [&str; 6] = ["--grpc-port", "0", "--rest-port", "0", "--health-port", "0"];

impl Serve {
    /// Starts a server with these arguments and variables, and waits until it is ready.
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(binary())
            .arg("serve")
            .args(FREE_PORTS)
            .args(["--health-address", "127.0.0.1"])
            .args(arguments)
            .env_clear()
            .env("LOG_FORMAT", "json")
            .envs(environment.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut addresses = Vec::new();
        loop {
            let mut line = String::new();
            assert!(
                lines.read_line(&mut line).unwrap() > 0,
                "serve ended: {}",
                log.lock().unwrap()
            );
            log.lock().unwrap().push_str(&line);
            let message = serde_json::from_str::<Value>(&line).map(|line| line["message"].clone());
            match message.as_ref().ok().and_then(Value::as_str) {
                Some(text) if text == "ready" || text.starts_with("not ready: ") => break,
                Some(text) => addresses.extend(text.strip_prefix("listening on ").map(str::to_owned)),
                None => {}
            }
        }
        let reading = Some(keep_reading(lines, Arc::clone(&log)));
        let [grpc, rest, health] = addresses.try_into().expect("three listeners");
        Self {
            child,
            grpc,
            rest,
            health,
            log,
            reading,
        }
    }

    /// Starts a server that submits to the API server at `url`; the kubeconfig lives as long as the returned folder.
    pub(crate) fn to(url: &str, arguments: &[&str]) -> (Self, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("config");
        std::fs::write(&kubeconfig, self::kubeconfig(url)).unwrap();
        let serve = Self::start(arguments, &[("KUBECONFIG", kubeconfig.to_str().unwrap())]);
        (serve, folder)
    }

    /// A client of the contract.
    pub(crate) async fn client(&self) -> SparkSubmitServiceClient<Channel> {
        SparkSubmitServiceClient::connect(format!("http://{}", self.grpc))
            .await
            .unwrap()
    }

    /// Submits a whole application.
    pub(crate) async fn submit(&self, application: &str, id: &str) -> RunAltSparkSubmitResponse {
        submit(&self.grpc, application, id).await
    }

    /// Status and body of `GET path` on the health port.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        get(&self.health, path)
    }

    /// Waits until the body of `GET path` satisfies `condition`.
    pub(crate) fn wait_for(&self, path: &str, condition: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let (_, body) = self.get(path);
            if condition(&body) {
                return body;
            }
            assert!(Instant::now() < end, "{path} stays:\n{body}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the log has a text: a thread of its own reads it beside the test.
    pub(crate) fn wait_for_log(&self, text: &str) {
        let end = Instant::now() + Duration::from_secs(60);
        while !self.log().contains(text) {
            assert!(Instant::now() < end, "{text}: not in {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What was logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The id of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end, and gives its status and the whole log.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        if let Some(reading) = self.reading.take() {
            reading.join().unwrap();
        }
        (status, self.log())
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep_reading(lines: BufReader<ChildStderr>, log: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            let mut log = log.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    })
}

/// A kubeconfig for the API server at `url`, without credentials.
pub(crate) fn kubeconfig(url: &str) -> String {
    serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    })
    .to_string()
}

/// Submits a whole application to the server at `address`.
pub(crate) async fn submit(address: &str, application: &str, id: &str) -> RunAltSparkSubmitResponse {
    let request = RunAltSparkSubmitRequest {
        submission_id: id.to_owned(),
        spark_application_manifest: application.as_bytes().to_vec(),
        ..RunAltSparkSubmitRequest::default()
    };
    let mut client = SparkSubmitServiceClient::connect(format!("http://{address}"))
        .await
        .unwrap();
    client.run_alt_spark_submit(request).await.unwrap().into_inner()
}

/// Status and body of a plain HTTP GET.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    exchange(address, &format!("GET {path}"), "", b"")
}

/// Status and body of a plain HTTP request; `headers` are whole lines.
pub(crate) fn exchange(address: &str, request: &str, headers: &str, body: &[u8]) -> (u16, String) {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    )
    .unwrap();
    // A server may answer before it has read all, and close.
    let _ = stream.write_all(body);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// Replaces what a `ConfigMap` mount holds as the kubelet does it: a new directory, and one rename of `..data`.
pub(crate) fn swap(mount: &Path, generation: &str, files: &[(&str, &str)]) {
    let new = mount.join(format!("..{generation}"));
    std::fs::create_dir(&new).unwrap();
    for (name, text) in files {
        std::fs::write(new.join(name), text).unwrap();
        let link = mount.join(name);
        if !link.is_symlink() {
            std::os::unix::fs::symlink(Path::new("..data").join(name), link).unwrap();
        }
    }
    let old = std::fs::read_link(mount.join("..data")).ok();
    let staged = mount.join("..data_tmp");
    std::os::unix::fs::symlink(new.file_name().unwrap(), &staged).unwrap();
    std::fs::rename(&staged, mount.join("..data")).unwrap();
    for entry in std::fs::read_dir(mount).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with("..") && !files.iter().any(|(kept, _)| *kept == name) {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    if let Some(old) = old {
        std::fs::remove_dir_all(mount.join(old)).unwrap();
    }
}
