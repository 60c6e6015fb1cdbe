//! A running `native-submit studio`, and requests to it as its page sends them, or as somebody else does.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::serve::binary;
use serde_json::Value;
use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The name of a sample.
pub(crate) const PI: &str = "examples/spark-pi.yaml";

/// An override that adds an annotation.
pub(crate) const OVERRIDE: &str = "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block annotations %}\n{{ super() }}\n    example.com/a: \"1\"\n{% endblock %}\n";

/// A running studio; it is killed when this is dropped.
pub(crate) struct Studio {
    child: Child,
    pub(crate) port: u16,
    pub(crate) token: String,
}

impl Drop for Studio {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Studio {
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> Self {
        Self::start_in(Path::new("."), directory, arguments)
    }

    /// The same from another working directory.
    pub(crate) fn start_in(working: &Path, directory: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .current_dir(working)
            .args(["studio", "--no-open"])
            .arg(directory)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        printed.read_line(&mut url).unwrap();
        let (port, token) = url
            .trim()
            .strip_prefix("http://127.0.0.1:")
            .and_then(|rest| rest.split_once("/?token="))
            .unwrap_or_else(|| panic!("{url}"));
        Self {
            child,
            port: port.parse().unwrap(),
            token: token.to_owned(),
        }
    }

    /// Status, head and body of the answer to a request with these headers.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let headers = headers.iter().fold(String::new(), |mut text, (name, value)| {
            let _ = write!(text, "{name}: {value}\r\n");
            text
        });
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (
            status.unwrap_or_else(|| panic!("{head}")),
            head.to_owned(),
            body.to_owned(),
        )
    }

    /// The address that it printed.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/?token={}", self.host(), self.token)
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn cookie(&self) -> String {
        format!("native-submit-studio-{}={}", self.port, self.token)
    }

    /// As the page asks.
    pub(crate) fn ask(&self, path: &str, request: &Value) -> Result<Value, Value> {
        let (host, origin) = (self.host(), format!("http://{}", self.host()));
        let headers = [
            ("Host", &host[..]),
            ("Origin", &origin),
            ("Cookie", &self.cookie()),
        ];
        let (status, _, body) = self.send("POST", path, &headers, &request.to_string());
        let body = serde_json::from_str(&body).unwrap_or(Value::Null);
        if status == 200 { Ok(body) } else { Err(body) }
    }

    pub(crate) fn summary(&self) -> Value {
        let host = self.host();
        let (status, _, body) = self.send(
            "GET",
            "/api/summary",
            &[("Host", &host), ("Cookie", &self.cookie())],
            "",
        );
        assert_eq!(status, 200);
        serde_json::from_str(&body).unwrap()
    }

    /// The summary when it is as it should be.
    pub(crate) fn settled(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let summary = self.summary();
            if summary["is_complete"] == true && is_it(&summary) {
                return summary;
            }
            assert!(Instant::now() < end, "{what}: {summary:#}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
