//! Studio with more and more applications: from the save of a template until all of them were tried again.

use crate::{applications, chart::Curve};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A running studio; it is killed when this is dropped.
struct Studio {
    child: Child,
    address: String,
    cookie: String,
}

impl Drop for Studio {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Studio {
    fn start(templates: &std::path::Path, apps: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_native-submit"))
            .args(["studio", "--no-open"])
            .arg(templates)
            .arg("--apps")
            .arg(apps)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines
            .by_ref()
            .map(Result::unwrap)
            .find_map(|line| Some(line.split_once("http://")?.1.trim().to_owned()))
            .unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        let (address, path) = url.split_once('/').unwrap();
        let page = get(address, &format!("/{path}"), "");
        let cookie = page
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .and_then(|cookie| cookie.split(';').next())
            .unwrap();
        Self {
            child,
            address: address.to_owned(),
            cookie: cookie.to_owned(),
        }
    }

    /// The generation of the templates, once all applications were tried with it.
    fn complete(&self) -> Option<u64> {
        let answer = get(&self.address, "/api/summary", &self.cookie);
        let summary: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).unwrap();
        summary["is_complete"]
            .as_bool()?
            .then(|| summary["generation"].as_u64())?
    }

    fn next_after(&self, generation: u64) -> u64 {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            if let Some(now) = self.complete()
                && now > generation
            {
                return now;
            }
            assert!(Instant::now() < end, "studio never completes");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn get(address: &str, path: &str, cookie: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn saves() -> Curve {
    let points = [1, 10, 100].map(|size| {
        let directory = tempfile::tempdir().unwrap();
        let (apps, templates) = (directory.path().join("apps"), directory.path().join("templates"));
        applications(&apps, size);
        fs::create_dir(&templates).unwrap();
        let file = templates.join("driver-pod.patch.yaml.j2");
        fs::write(&file, "metadata: {labels: {team: none}}\n").unwrap();
        let studio = Studio::start(&templates, &apps);
        let mut generation = studio.next_after(0);
        let mut number = 0;
        let time = crate::median(|| {
            number += 1;
            // What comes before a save is no part of it.
            std::thread::sleep(Duration::from_millis(100));
            let begin = Instant::now();
            fs::write(&file, format!("metadata: {{labels: {{team: \"t{number}\"}}}}\n")).unwrap();
            generation = studio.next_after(generation);
            begin.elapsed()
        });
        (size, time)
    });
    Curve {
        name: "applications in studio",
        points: points.to_vec(),
    }
}
