//! Limits log lines that a caller could cause without end.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The period in which lines are counted.
const PERIOD: Duration = Duration::from_secs(10);

/// How many lines a period has.
const LINES: u32 = 10;

/// Lets some lines of a kind through in each period, and counts the rest.
#[derive(Debug, Default)]
pub(crate) struct LogLimiter(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    began: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl LogLimiter {
    /// Whether a line may be written now; if so, how many were left out since the last one.
    pub(crate) fn line(&self) -> Option<u64> {
        self.line_at(Instant::now())
    }

    fn line_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state
            .began
            .is_none_or(|began| now.duration_since(began) >= PERIOD)
        {
            state.began = Some(now);
            state.lines = 0;
        }
        if state.lines == LINES {
            state.left_out += 1;
            return None;
        }
        state.lines += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_some_lines_and_its_number() {
        let (seldom, start) = (LogLimiter::default(), Instant::now());
        let lines = (0..1000).filter_map(|_| seldom.line_at(start)).count();
        assert_eq!(lines, LINES as usize);
        assert_eq!(seldom.line_at(start + PERIOD), Some(990));
        assert_eq!(seldom.line_at(start + PERIOD), Some(0));
    }
}
