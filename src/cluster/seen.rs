//! An object as a look found it, and whether it is young: the work of a running call.

use super::{live_object::LiveObject, server_time::ServerTime};
use std::time::{Duration, Instant};

/// The timestamps are whole seconds: an age is known to within one second.
const GRAIN: Duration = Duration::from_secs(1);

/// An object as a look found it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) found: LiveObject,
    /// The API server's time at the look; `None` where it didn't say.
    pub(crate) at: Option<ServerTime>,
    /// When the look was sent, by our own clock.
    pub(crate) sent: Instant,
}

impl Seen {
    /// Whether a call may be at work on it, if it is incomplete: until the look it was surely not `limit` old. Without the
    /// API server's time nothing is sure, and so it counts as young.
    pub(crate) fn is_young(&self, limit: Duration) -> bool {
        match self.age() {
            Some(age) => age < limit + GRAIN,
            None => true,
        }
    }

    /// The earliest moment at which the object can have been created or taken over, by our own clock.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.sent.checked_sub(self.age()? + GRAIN)
    }

    fn age(&self) -> Option<Duration> {
        let since = self.found.created().max(self.found.taken_over());
        Some(self.at?.since(since?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::call::{CALL_ANNOTATION, CallName};
    use serde_json::json;

    fn seen(created: &str, call: Option<&str>, at: &str) -> Seen {
        let found = LiveObject(json!({"metadata": {
            "creationTimestamp": created, "annotations": {CALL_ANNOTATION: call},
        }}));
        Seen {
            found,
            at: ServerTime::from_field(at),
            sent: Instant::now(),
        }
    }

    #[test]
    fn an_object_is_old_when_it_surely_is() {
        let limit = Duration::from_secs(35);
        let cases = [
            ("2026-01-01T00:00:00Z", None, "2026-01-01T00:00:00Z", true),
            // Perhaps 34.1 s, perhaps 35.9 s.
            ("2026-01-01T00:00:00Z", None, "2026-01-01T00:00:35Z", true),
            ("2026-01-01T00:00:00Z", None, "2026-01-01T00:00:36Z", false),
            // Another API server's clock.
            ("2026-01-01T00:00:05Z", None, "2026-01-01T00:00:00Z", true),
            ("2026-01-01T00:00:00Z", None, "no date", true),
            ("no date", None, "2026-01-01T00:00:36Z", true),
            ("2026-01-01T00:00:00Z", Some("a"), "2026-01-01T00:00:36Z", false),
            (
                "2026-01-01T00:00:00Z",
                Some("a@2026-01-01T00:00:20Z"),
                "2026-01-01T00:00:36Z",
                true,
            ),
            (
                "2026-01-01T00:00:00Z",
                Some("a@2026-01-01T00:00:20Z"),
                "2026-01-01T00:00:56Z",
                false,
            ),
            (
                "2026-01-01T00:00:00Z",
                Some("a@later"),
                "2026-01-01T00:00:36Z",
                false,
            ),
        ];
        for (created, call, at, young) in cases {
            assert_eq!(
                seen(created, call, at).is_young(limit),
                young,
                "{created} {call:?} {at}"
            );
        }
    }

    #[test]
    fn a_call_knows_what_is_its_own() {
        let (mine, other) = (CallName::new(), CallName::new());
        let at = ServerTime::from_field("2026-01-01T00:00:20Z").unwrap();
        for value in [mine.as_str().to_owned(), mine.taking_over(at)] {
            let seen = seen("2026-01-01T00:00:00Z", Some(&value), "2026-01-01T00:00:00Z");
            assert!(seen.found.is_of(&mine) && !seen.found.is_of(&other), "{value}");
        }
        assert!(
            !seen("2026-01-01T00:00:00Z", None, "2026-01-01T00:00:00Z")
                .found
                .is_of(&mine)
        );
    }

    #[test]
    fn our_own_clock_is_never_late() {
        let seen = seen("2026-01-01T00:00:00Z", None, "2026-01-01T00:00:03Z");
        assert_eq!(seen.sent - seen.since().unwrap(), Duration::from_secs(4));
    }
}
