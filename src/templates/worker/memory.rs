//! What memory this process and its workers may have together.

use super::{MOST_HEAP, live_workers};

/// What the server itself needs at most, in bytes.
const SERVER: usize = 128 << 20;

/// The workers for submissions, and the one that tries new sets, never have all of their heap at once in practice: half is counted.
fn needed() -> usize {
    SERVER + (live_workers() + 1) * MOST_HEAP / 2
}

/// Where a cgroup says how much memory it may have: version 2, and 1.
const LIMITS: [&str; 2] = [
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
];

/// Warns where the container's memory is too little for the server and its render workers: the kernel would end one of them.
pub fn warn_of_little_memory() {
    let limit = LIMITS.iter().find_map(|path| std::fs::read_to_string(path).ok());
    if let Some((limit, needed)) = limit.and_then(|text| too_little(&text)) {
        tracing::warn!(
            limit_mib = limit >> 20,
            needed_mib = needed >> 20,
            "memory limit of the container: expected at least {} MiB for the server and its render workers, found {} MiB",
            needed >> 20,
            limit >> 20
        );
    }
}

/// The limit and what is needed, where that is more.
fn too_little(text: &str) -> Option<(usize, usize)> {
    let limit = text.trim().parse::<usize>().ok()?;
    (limit < needed()).then(|| (limit, needed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_our_deployments_is_enough_and_half_of_it_is_not() {
        for (text, warns) in [
            ("268435456\n", false),
            ("134217728\n", true),
            ("max\n", false),
            ("9223372036854771712", false),
        ] {
            assert_eq!(too_little(text).is_some(), warns, "{text}");
        }
    }
}
