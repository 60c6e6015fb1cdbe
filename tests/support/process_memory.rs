//! The memory of a process, as Linux counts it.
#![allow(dead_code, clippy::unwrap_used)]

/// A line of `/proc/PID/status` that is in KiB, such as `VmRSS`; none where the process is gone.
pub(crate) fn kib(pid: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mut fields = status.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(field, _)| *field == name)?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}

/// What the process has resident now, in KiB.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    kib(pid, "VmRSS").unwrap()
}
