//! The process itself: start to ready, a reload, idle memory, the binary's size; against a stand-in for the API server.
//! `docs/performance.md` has the figures.
//!
//!     cargo bench --bench process
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::cast_precision_loss)]

#[path = "../measured/mod.rs"]
mod measured;
#[path = "../../tests/support"]
mod support {
    pub(crate) mod api_server;
    pub(crate) mod serve;
}

use measured::{Latencies, machine, memory_mib};
use std::{
    fs,
    time::{Duration, Instant},
};
use support::{
    api_server::ApiServer,
    serve::{Serve, binary, swap},
};

const STARTS: usize = 50;
const RELOADS: usize = 20;

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    println!("{}\n", machine());
    let api = ApiServer::start().await;
    let url = api.url.clone();
    tokio::task::spawn_blocking(move || {
        start(&url);
        reload();
    })
    .await
    .unwrap();
    let binary = fs::metadata(binary()).unwrap();
    println!("binary: {:.1} MiB", binary.len() as f64 / 1024.0 / 1024.0);
}

fn start(url: &str) {
    let mut memory = Vec::new();
    let times = (0..STARTS)
        .map(|_| {
            let start = Instant::now();
            let (serve, _kubeconfig) = Serve::to(url, &[]);
            let took = start.elapsed();
            memory.push(memory_mib(serve.pid()).0);
            took
        })
        .collect();
    let times = Latencies::new(times);
    memory.sort_unstable_by(f64::total_cmp);
    println!(
        "start to ready, {STARTS} times: p50 {:.1} ms, longest {:.1} ms; resident then: median {:.1} MiB",
        times.percentile(0.5),
        times.percentile(1.0),
        memory[STARTS / 2]
    );
}

/// From the swap of a mounted `ConfigMap` to the new set's being live.
fn reload() {
    let (templates, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = |number: usize| {
        format!(
            "{{% extends \"builtin/driver-pod.yaml.j2\" %}}\n{{% block annotations %}}\n{{{{ super() }}}}\n    a/b: \"{number}\"\n{{% endblock %}}\n"
        )
    };
    let put = |number: usize| {
        swap(
            templates.path(),
            &number.to_string(),
            &[("driver-pod.yaml.j2", &text(number))],
        );
    };
    put(0);
    let apply_to = format!("dir:{}", out.path().display());
    let serve = Serve::start(
        &[
            "--apply-to",
            &apply_to,
            "--template-dir",
            templates.path().to_str().unwrap(),
        ],
        &[],
    );
    let lives = |log: &str| log.matches("template set is live").count();
    let before = lives(&serve.log());
    let times = (1..=RELOADS)
        .map(|number| {
            let start = Instant::now();
            put(number);
            while lives(&serve.log()) < before + number {
                assert!(start.elapsed() < Duration::from_secs(20), "{}", serve.log());
                std::thread::sleep(Duration::from_millis(1));
            }
            start.elapsed()
        })
        .collect();
    let times = Latencies::new(times);
    println!(
        "swap of a template to its being live, {RELOADS} times: p50 {:.0} ms, longest {:.0} ms",
        times.percentile(0.5),
        times.percentile(1.0)
    );
}
