//! When a call must end, and who set that limit.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

/// The time that is left for a piece of work.
#[derive(Debug, Clone)]
pub(crate) struct Deadline {
    until: Instant,
    /// Dead once the caller has gone away; `None` where the work no longer depends on a caller.
    caller: Option<Weak<()>>,
}

impl Deadline {
    /// Until `until`, and only while the caller holds on to `caller`.
    pub(crate) fn of_caller(until: Instant, caller: &Arc<()>) -> Self {
        Self {
            until,
            caller: Some(Arc::downgrade(caller)),
        }
    }

    /// The deadline `time` from now, for all that listen.
    pub(crate) fn own(time: Duration) -> Self {
        Self::until(Instant::now() + time)
    }

    /// Until `until`, for work that ends by itself when its caller goes: it runs in the caller's own future.
    pub(crate) fn until(until: Instant) -> Self {
        Self { until, caller: None }
    }

    /// What is left; `None` when it is over or the caller has gone.
    pub(crate) fn left(&self) -> Option<Duration> {
        if self
            .caller
            .as_ref()
            .is_some_and(|caller| caller.strong_count() == 0)
        {
            return None;
        }
        Some(self.until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_with_the_time_or_with_the_caller() {
        let caller = Arc::new(());
        let later = Instant::now() + Duration::from_secs(60);
        assert!(Deadline::of_caller(Instant::now(), &caller).left().is_none());
        let deadline = Deadline::of_caller(later, &caller);
        assert!(deadline.left().is_some());
        drop(caller);
        assert!(deadline.left().is_none());
        assert!(Deadline::own(Duration::from_secs(60)).left().is_some());
    }
}
