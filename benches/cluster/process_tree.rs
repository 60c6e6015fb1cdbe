//! Processes with their children, as Linux has them.

use crate::measured::{process_memory::kib, stat};
use std::{collections::BTreeMap, fs};

/// The parent of each process.
fn parents() -> BTreeMap<u32, u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| Some((pid, parent(pid)?))).collect()
}

/// None where it is gone, or ended and not waited for.
fn parent(pid: u32) -> Option<u32> {
    let fields = stat(&pid.to_string())?;
    let (state, parent) = (fields.first()?, fields.get(1)?.parse().ok()?);
    (state != "Z").then_some(parent)
}

/// The processes below these.
fn children(roots: &[u32]) -> Vec<u32> {
    let parents = parents();
    let is_below = |pid: &&u32| {
        let mut at = **pid;
        while let Some(parent) = parents.get(&at) {
            if roots.contains(parent) {
                return true;
            }
            at = *parent;
        }
        false
    };
    parents.keys().filter(is_below).copied().collect()
}

/// Whether one of them has a child. Render workers are children that stay; the server of a comparison has none.
pub(crate) fn has_children(roots: &[u32]) -> bool {
    !children(roots).is_empty()
}

/// What these processes and all below them have resident now, in KiB. Pages that several have count several times.
pub(crate) fn resident_kib(roots: &[u32]) -> u64 {
    let all = roots.iter().copied().chain(children(roots));
    all.filter_map(|pid| kib(pid, "VmRSS")).sum()
}
