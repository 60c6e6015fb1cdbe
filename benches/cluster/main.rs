//! native-submit beside the baseline, and beside the real spark-submit, on the real API server of `tests/e2e/up`.
//!
//! The baseline is a client that only creates the same ready-made objects in the same two waves: the Pod, then what it owns. The
//! two take turns in blocks, each in a namespace of its own; of each pair of blocks the ratio is taken, and of the ratios the
//! median with its 95 % interval. `docs/performance.md` says how to run it and what came out.
//!
//!     cargo bench --bench cluster -- latency throughput entry-points spark-submit memory operator
//!
//! `BLOCK` is how many submissions a block has (1,000), `PAIRS` how many pairs of blocks there are (7), `IN_FLIGHT` how many are in
//! flight for the throughput (1, 8, 64 and 256 one after the other).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::cast_precision_loss)]

mod baseline;
mod block;
#[path = "../measured/mod.rs"]
mod measured;
mod operator;
mod ours;
mod process_tree;
mod real;
#[path = "../../tests/support"]
mod support {
    pub(crate) mod control_plane;
    pub(crate) mod serve;
}

use block::{Block, Run};
use measured::{Latencies, Ratios, cpu_ms, machine, memory_mib};
use ours::{EntryPoint, Ours};
use std::time::Duration;

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

#[tokio::main]
async fn main() {
    let asked: Vec<_> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    if asked.is_empty() {
        println!("say what to measure: latency, throughput, entry-points, spark-submit, memory, operator");
        return;
    }
    println!("{}\n", machine());
    for what in asked {
        match what.as_str() {
            "latency" => latency().await,
            "throughput" => throughput().await,
            "entry-points" => entry_points().await,
            "spark-submit" => spark_submit().await,
            "memory" => memory().await,
            "operator" => operator::run().await,
            other => {
                panic!("latency, throughput, entry-points, spark-submit, memory or operator, not {other}")
            }
        }
    }
}

/// By gRPC, one in flight.
async fn latency() {
    let (block, pairs) = (number("BLOCK", 1_000), number("PAIRS", 7));
    println!("Latency over the baseline, 1 in flight, {pairs} pairs of blocks of {block}\n");
    println!("| pair | ours p50 ms | p99 ms | baseline p50 ms | p99 ms |\n| --- | --- | --- | --- | --- |");
    let ours = Ours::start(EntryPoint::Grpc).await;
    let (mut halves, mut tails) = (Ratios::default(), Ratios::default());
    let mut means = [0.0; 2];
    for pair in 0..pairs {
        let (ours, baseline) = side_by_side(&ours, pair, block, 1).await;
        means[0] += ours.latencies.mean() / pairs as f64;
        means[1] += baseline.latencies.mean() / pairs as f64;
        let row = [&ours.latencies, &baseline.latencies]
            .map(|found| (found.percentile(0.5), found.percentile(0.99)));
        println!(
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} |",
            pair + 1,
            row[0].0,
            row[0].1,
            row[1].0,
            row[1].1
        );
        halves.add(row[0].0, row[1].0);
        tails.add(row[0].1, row[1].1);
    }
    println!("\np50 over the baseline: {halves}; p99 over the baseline: {tails}\n");
    println!(
        "| mean of | ms |\n| --- | --- |\n| baseline | {:.2} |\n| ours | {:.2} |",
        means[1], means[0]
    );
    let stages = ours.stages();
    let inside: f64 = stages.iter().map(|(_, mean)| mean).sum();
    for (stage, mean) in stages {
        println!("| ours: {stage} | {mean:.2} |");
    }
    println!("| ours: to the server and back | {:.2} |\n", means[0] - inside);
}

/// By gRPC, with more and more in flight.
async fn throughput() {
    let (block, pairs) = (number("BLOCK", 1_000), number("PAIRS", 7));
    println!("Throughput over the baseline, {pairs} pairs of blocks of {block}\n");
    println!(
        "| in flight | ours a second | baseline a second | ratio | ours p50 ms | p99 ms | CPU ms each |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let levels = match number("IN_FLIGHT", 0) {
        0 => vec![1, 8, 64, 256],
        one => vec![one],
    };
    for at_once in levels {
        let ours = Ours::start(EntryPoint::Grpc).await;
        let (mut ratios, mut rates, mut all, mut cpu) = (Ratios::default(), [0.0; 2], Vec::new(), 0.0);
        for pair in 0..pairs {
            let (ours, baseline) = side_by_side(&ours, pair, block, at_once).await;
            ratios.add(ours.a_second(), baseline.a_second());
            rates[0] += ours.a_second() / pairs as f64;
            rates[1] += baseline.a_second() / pairs as f64;
            cpu += ours.cpu_ms / (pairs * block) as f64;
            all.push((ours.latencies.percentile(0.5), ours.latencies.percentile(0.99)));
        }
        let middle = |pick: fn(&(f64, f64)) -> f64| {
            let mut values: Vec<_> = all.iter().map(pick).collect();
            values.sort_unstable_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let (half, tail) = (middle(|pair| pair.0), middle(|pair| pair.1));
        println!(
            "| {at_once} | {:.0} | {:.0} | {ratios} | {half:.1} | {tail:.1} | {cpu:.2} |",
            rates[0], rates[1]
        );
    }
    println!();
}

/// Each entry point, one in flight.
async fn entry_points() {
    let (block, pairs) = (number("BLOCK", 1_000), number("PAIRS", 7));
    println!(
        "The entry points, 1 in flight, {pairs} pairs of blocks of {block}; CPU of the server, and of the drop-in's processes\n"
    );
    println!(
        "| entry point | p50 ms | p99 ms | baseline p50 ms | p50 over the baseline | p50 above the baseline, ms | CPU ms each |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for entry_point in [
        EntryPoint::Grpc,
        EntryPoint::Rest,
        EntryPoint::DropInBySocket,
        EntryPoint::DropIn,
    ] {
        let ours = Ours::start(entry_point).await;
        let (mut ratios, mut above, mut cpu) = (Ratios::default(), Vec::new(), 0.0);
        let mut last = None;
        for pair in 0..pairs {
            let (ours, baseline) = side_by_side(&ours, pair, block, 1).await;
            let (half, beneath) = (ours.latencies.percentile(0.5), baseline.latencies.percentile(0.5));
            ratios.add(half, beneath);
            above.push(half - beneath);
            cpu += ours.cpu_ms / (pairs * block) as f64;
            last = Some((half, ours.latencies.percentile(0.99), beneath));
        }
        above.sort_unstable_by(f64::total_cmp);
        let (half, tail, beneath) = last.unwrap();
        println!(
            "| {entry_point} | {half:.1} | {tail:.1} | {beneath:.1} | {ratios} | {:.1} | {cpu:.2} |",
            above[above.len() / 2]
        );
    }
    println!();
}

/// The real spark-submit, and ours by gRPC before and after it.
async fn spark_submit() {
    let (block, runs) = (number("BLOCK", 1_000), number("RUNS", 10));
    let ours = Ours::start(EntryPoint::Grpc).await;
    let before = ours.run(block, 1).await;
    let real = real::run(runs).await;
    let after = ours.run(block, 1).await;
    println!(
        "Beside the real spark-submit of Spark {}, {runs} runs one after the other\n",
        real::version()
    );
    println!("| | p50 ms | longest ms | CPU ms each |\n| --- | --- | --- | --- |");
    for (name, run) in [
        ("ours, before", &before),
        ("spark-submit", &real),
        ("ours, after", &after),
    ] {
        let each = run.cpu_ms / run.count as f64;
        println!(
            "| {name} | {:.1} | {:.1} | {each:.2} |",
            run.latencies.percentile(0.5),
            run.latencies.percentile(1.0)
        );
    }
    let worse = |pick: fn(&Run) -> f64| pick(&before).max(pick(&after));
    println!(
        "\nspark-submit over the slower of ours: latency {:.0} ×, CPU {:.0} ×\n",
        real.latencies.percentile(0.5) / worse(|run| run.latencies.percentile(0.5)),
        real.cpu_ms / real.count as f64 / worse(|run| run.cpu_ms / run.count as f64)
    );
}

/// Resident memory: idle, and after many submissions 64 in flight.
async fn memory() {
    let many = number("SUBMISSIONS", 10_000);
    for sets in [0, 10] {
        let ours = Ours::with_sets(EntryPoint::Grpc, sets).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let server = ours.server();
        // Render workers are processes of their own.
        let with_workers = || process_tree::resident_kib(&[server]) as f64 / 1_024.0;
        let (idle, idle_in_all) = (memory_mib(server).0, with_workers());
        for _ in 0..many / 1_000 {
            ours.run(1_000, 64).await;
        }
        let ((now, most), in_all) = (memory_mib(server), with_workers());
        println!(
            "Resident memory with {sets} template sets: idle {idle:.1} MiB, with render workers {idle_in_all:.1} MiB; after {many} \
             submissions 64 in flight {now:.1} MiB, at most {most:.1} MiB, with render workers {in_all:.1} MiB\n"
        );
    }
}

/// A block of each; which comes first, changes.
async fn side_by_side(ours: &Ours, pair: usize, block: usize, at_once: usize) -> (Run, Run) {
    if pair.is_multiple_of(2) {
        let baseline = baseline::run(block, at_once).await;
        (ours.run(block, at_once).await, baseline)
    } else {
        let run = ours.run(block, at_once).await;
        (run, baseline::run(block, at_once).await)
    }
}

impl Run {
    /// Submissions in a second.
    fn a_second(&self) -> f64 {
        self.count as f64 / self.took.as_secs_f64()
    }

    /// Runs the block, and takes what the process used meanwhile.
    async fn of<F: Future<Output = ()>>(
        block: &Block,
        at_once: usize,
        process: &str,
        one: impl Fn(usize) -> F,
    ) -> Self {
        let before = cpu_ms(process);
        let (latencies, took) = block.go(at_once, one).await;
        Self {
            count: block.applications.len(),
            latencies: Latencies::new(latencies),
            took,
            cpu_ms: cpu_ms(process) - before,
        }
    }
}
