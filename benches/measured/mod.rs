//! How the benchmarks count: latencies, ratios with their interval, and what the operating system says of a process.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

#[path = "../../tests/support/process_memory.rs"]
pub(crate) mod process_memory;

use std::{fmt, fs, time::Duration};

/// How long each of many things took.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn new(mut all: Vec<Duration>) -> Self {
        assert!(!all.is_empty());
        all.sort_unstable();
        Self(all)
    }

    /// The duration that so large a part of all did not exceed, in ms.
    pub(crate) fn percentile(&self, part: f64) -> f64 {
        let rank = (part * self.0.len() as f64).ceil() as usize;
        self.0[rank.clamp(1, self.0.len()) - 1].as_secs_f64() * 1_000.0
    }

    /// Their mean, in ms.
    pub(crate) fn mean(&self) -> f64 {
        self.0.iter().sum::<Duration>().as_secs_f64() * 1_000.0 / self.0.len() as f64
    }
}

/// Ratios of pairs of blocks.
#[derive(Default)]
pub(crate) struct Ratios(Vec<f64>);

impl Ratios {
    pub(crate) fn add(&mut self, ours: f64, baseline: f64) {
        self.0.push(ours / baseline);
        self.0.sort_unstable_by(f64::total_cmp);
    }

    pub(crate) fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        if self.0.len() % 2 == 1 {
            self.0[middle]
        } else {
            f64::midpoint(self.0[middle - 1], self.0[middle])
        }
    }

    /// The narrowest interval of order statistics that holds the true median with at least 95 %, by the binomial
    /// distribution; with fewer than six pairs, all of them.
    fn interval(&self) -> (f64, f64) {
        let pairs = self.0.len();
        let half = 0.5_f64.powi(pairs as i32);
        let (mut outside, mut ways, mut dropped) = (0.0, 1.0, 0);
        while dropped < pairs / 2 {
            outside += 2.0 * ways * half;
            if outside > 0.05 {
                break;
            }
            ways *= (pairs - dropped) as f64 / (dropped + 1) as f64;
            dropped += 1;
        }
        let dropped = dropped.saturating_sub(1);
        (self.0[dropped], self.0[pairs - 1 - dropped])
    }
}

/// `1.05 (1.02 to 1.08)`.
impl fmt::Display for Ratios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.interval();
        write!(f, "{:.3} ({low:.3} to {high:.3})", self.median())
    }
}

/// The fields of `/proc/PID/stat` from the process's state on; none where it is gone.
pub(crate) fn stat(process: &str) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name is in brackets, and may have anything in it.
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

/// CPU that a process used, in ms, with the children that it waited for.
pub(crate) fn cpu_ms(process: &str) -> f64 {
    let ticks: u64 = stat(process).unwrap()[11..15]
        .iter()
        .map(|field| field.parse::<u64>().unwrap())
        .sum();
    // Linux has 100 of them in a second on all its architectures that Rust has.
    ticks as f64 * 10.0
}

/// What a process has resident: now, and at most so far, in MiB.
pub(crate) fn memory_mib(process: u32) -> (f64, f64) {
    let field = |name| process_memory::kib(process, name).unwrap() as f64 / 1024.0;
    (field("VmRSS"), field("VmHWM"))
}

/// What the figures were found on.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let count = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = read("/proc/loadavg");
    format!(
        "{count} × {model}, Linux {}, load before: {}",
        read("/proc/sys/kernel/osrelease").trim(),
        load.split(' ').next().unwrap_or_default()
    )
}
