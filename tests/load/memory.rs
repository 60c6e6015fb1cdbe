//! How much memory a server process has, and may have.
//!
//! The pages of the executable file don't count as they are here: a debug build reads some 40 MiB of its 180 MiB, how much
//! differs from run to run, and the kernel takes them back when memory is short. The whole of a release build counts instead.

use crate::support::process_memory::kib;

/// The limit that `deploy/` gives to a server without render workers, in KiB.
const LIMIT: u64 = 128 << 10;

/// The limit that `deploy/` gives to a server with its render workers, in KiB.
const LIMIT_WITH_WORKERS: u64 = 256 << 10;

/// The size of a release build's executable, in KiB, rounded up.
const EXECUTABLE: u64 = 20 << 10;

/// The most that the process ever had, in KiB; none where it is gone.
fn try_peak_kib(pid: u32) -> Option<u64> {
    let own = kib(pid, "VmHWM")?.saturating_sub(kib(pid, "RssFile")?);
    Some(own + EXECUTABLE)
}

/// The most that the server ever had, in KiB.
pub(crate) fn peak_kib(server: u32) -> u64 {
    try_peak_kib(server).unwrap()
}

/// The server never had more than its limit.
pub(crate) fn is_within_limit(server: u32, what: &str) {
    let peak = peak_kib(server);
    println!("{what}: {peak} KiB at most");
    assert!(peak < LIMIT, "{what}: {peak} KiB");
}

/// The server and its workers together never had more than their limit.
pub(crate) fn is_within_limit_with_workers(server: u32, workers: &[u32]) {
    is_within_limit(server, "server");
    // They have one executable.
    let workers: u64 = workers
        .iter()
        .filter_map(|worker| try_peak_kib(*worker))
        .map(|peak| peak - EXECUTABLE)
        .sum();
    let all = peak_kib(server) + workers;
    assert!(all < LIMIT_WITH_WORKERS, "{all} KiB");
}
