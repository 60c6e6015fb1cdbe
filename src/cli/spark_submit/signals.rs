//! Signals, as a JVM takes them: SIGINT and SIGTERM end it with an exit code of its own, and the driver runs on.

use std::future::pending;
use tokio::signal::unix::{SignalKind, signal};

/// The exit code that a JVM has after a signal, and a shell reports.
const BY_SIGNAL: u8 = 128;

/// SIGINT and SIGTERM.
const ENDING: [u8; 2] = [2, 15];

/// The exit code, once a signal ended this process's work.
///
/// One that was ignored when the process started stays so, as with a JVM: a shell starts background work that way.
pub(super) async fn ended() -> u8 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = ignored(&status);
    let [interrupt, terminate] = ENDING.map(|number| {
        let is_ignored = ignored >> (number - 1) & 1 == 1;
        one(number, is_ignored)
    });
    tokio::select! {
        code = interrupt => code,
        code = terminate => code,
    }
}

async fn one(number: u8, is_ignored: bool) -> u8 {
    if !is_ignored
        && let Ok(mut signal) = signal(SignalKind::from_raw(number.into()))
        && signal.recv().await.is_some()
    {
        return BY_SIGNAL + number;
    }
    pending().await
}

/// The signals that are ignored, a bit for each, by `/proc/self/status`.
fn ignored(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_mask_of_ignored_signals_is_read() {
        assert_eq!(super::ignored("Name:\tx\nSigIgn:\t0000000000000006\n"), 6);
        assert_eq!(super::ignored(""), 0);
        assert_eq!(super::ignored("SigIgn:\tx"), 0);
    }
}
