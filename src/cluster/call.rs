//! Which call works on an object, and since when: how servers that share nothing but the API server keep out of each
//! other's way.
//!
//! A call writes its name into the annotation [`CALL_ANNOTATION`] of the Pod (and of the `PodGroup`) that it creates. While
//! the object is incomplete and young, it belongs to that call: every other call waits. A call ends its work, complete or
//! rolled back, within 30 s, so an incomplete object of 35 s is nobody's. The call that takes such a Pod over writes its own
//! name and the time, by a patch with the Pod's resource version: of several that try, one gets it, and it is young again.

use super::{found::Found, server_time::ServerTime};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The annotation: `NAME` by the call that created the object, `NAME@TIME` by one that took it over. Written by the
/// cluster sink alone, and no part of the plan or of golden files.
pub const CALL_ANNOTATION: &str = "native-submit/call";

/// The timestamps are whole seconds: an age is known to within one second.
const GRAIN: Duration = Duration::from_secs(1);

/// The name of one call, which no other call has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallName(String);

impl CallName {
    pub(crate) fn new() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// What the call writes on an object that it creates.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What the call writes on an object that it takes over.
    pub(crate) fn taking_over(&self, at: ServerTime) -> String {
        format!("{}@{at}", self.0)
    }

    /// Whether the object is this call's, to complete or to remove.
    pub(crate) fn has(&self, found: &Found) -> bool {
        found
            .call()
            .is_some_and(|value| value.split('@').next() == Some(&self.0))
    }
}

/// An object as a look found it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) found: Found,
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
    use serde_json::json;

    fn seen(created: &str, call: Option<&str>, at: &str) -> Seen {
        let found = Found(json!({"metadata": {
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
            assert!(mine.has(&seen.found) && !other.has(&seen.found), "{value}");
        }
        assert!(!mine.has(&seen("2026-01-01T00:00:00Z", None, "2026-01-01T00:00:00Z").found));
    }

    #[test]
    fn our_own_clock_is_never_late() {
        let seen = seen("2026-01-01T00:00:00Z", None, "2026-01-01T00:00:03Z");
        assert_eq!(seen.sent - seen.since().unwrap(), Duration::from_secs(4));
    }
}
