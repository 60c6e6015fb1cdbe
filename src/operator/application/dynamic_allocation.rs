//! `spec.dynamicAllocation`.

use super::record::record;

record! {
    /// Dynamic allocation of executors: `spark.dynamicAllocation.*`.
    pub struct DynamicAllocation {
        /// Whether it is on. Present and `false` is the same as absent.
        enabled: bool = "enabled",
        /// Executors at the start.
        initial_executors: Option<i32> = "initialExecutors",
        /// The least number of executors.
        min_executors: Option<i32> = "minExecutors",
        /// The greatest number of executors.
        max_executors: Option<i32> = "maxExecutors",
        /// Whether executors that hold shuffle files are kept, so that no shuffle service is needed.
        shuffle_tracking_enabled: Option<bool> = "shuffleTrackingEnabled",
        /// Milliseconds for which they are kept.
        shuffle_tracking_timeout: Option<i64> = "shuffleTrackingTimeout",
    }
}
