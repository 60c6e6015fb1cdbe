//! Times and bounds of applying.

use std::time::Duration;

/// Times and bounds of applying.
#[derive(Debug, Clone)]
pub struct ClusterSettings {
    /// How long a call may wait before it creates anything, whatever its caller's deadline is.
    pub deadline: Duration,
    /// How long the work may go on after the Pod's creation was sent: two thirds to finish, one third to roll back.
    pub finish_within: Duration,
    /// The age from which an incomplete driver Pod, or a `PodGroup` without one, is nobody's: until then it is the work of a
    /// running call, perhaps of another server. More than `finish_within`, by what clocks and connections may be slow.
    pub running_call: Duration,
    /// How long a call may take in all: longer than `deadline`, by what it takes to finish what it has begun.
    pub longest_call: Duration,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// The pause before the first retry of a request; it doubles with each.
    pub first_pause: Duration,
    /// The longest pause between retries, but where the server asks for a longer one.
    pub longest_pause: Duration,
    /// How often one request is sent at most.
    pub tries: u32,
    /// How many requests, and so connections, there may be at once.
    pub requests_at_once: usize,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(40),
            finish_within: Duration::from_secs(30),
            running_call: Duration::from_secs(35),
            longest_call: Duration::from_secs(45),
            request_timeout: Duration::from_secs(10),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(2),
            tries: 8,
            requests_at_once: 64,
        }
    }
}
