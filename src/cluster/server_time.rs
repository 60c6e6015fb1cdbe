//! Moments by the API server's clock. Ours is never compared with them: two servers' clocks may differ by minutes.

use k8s_openapi::jiff::{Timestamp, fmt::rfc2822};
use std::{fmt, time::Duration};

/// A moment, in whole seconds, as the API server writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ServerTime(Timestamp);

impl ServerTime {
    /// From a response's `Date`: `Sun, 06 Nov 1994 08:49:37 GMT`.
    pub(crate) fn from_header(text: &str) -> Option<Self> {
        rfc2822::DateTimeParser::new()
            .parse_timestamp(text.trim())
            .ok()
            .map(Self)
    }

    /// From an object's `creationTimestamp` or an annotation: `1994-11-06T08:49:37Z`.
    pub(crate) fn from_field(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    /// The seconds from `earlier` to this; none where `earlier` is later, as clocks of several API servers may have it.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let seconds = self.0.as_second().saturating_sub(earlier.0.as_second());
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }
}

/// As [`ServerTime::from_field`] reads it.
impl fmt::Display for ServerTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_compared() {
        let date = ServerTime::from_header("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let created = ServerTime::from_field("1994-11-06T08:49:01Z").unwrap();
        assert_eq!(date.since(created), Duration::from_secs(36));
        assert_eq!(created.since(date), Duration::ZERO);
        assert_eq!(ServerTime::from_field(&date.to_string()), Some(date));
        for text in ["", "now", "1994-11-06", "1994-11-06 08:49:01", "-1"] {
            assert_eq!(ServerTime::from_field(text), None, "{text:?}");
            assert_eq!(ServerTime::from_header(text), None, "{text:?}");
        }
    }
}
