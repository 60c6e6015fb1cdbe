//! Metrics in Prometheus' text form. No label ever holds a user's value.

use crate::error_code::ErrorCode;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter, exemplar::HistogramWithExemplars, family::Family, gauge::Gauge,
        histogram::exponential_buckets, info::Info,
    },
    registry::{Registry, Unit},
};
use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

/// A stage of the pipeline whose time is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// What is read from the cluster before: the live application, the operator's webhook.
    Inform,
    /// From an application to the submission.
    Intent,
    /// From the submission to the plan.
    Plan,
    /// From the plan to text.
    Render,
    /// From text to checked manifests.
    Check,
    /// What the policies of the template set say of the finished objects. A set without policies doesn't have this stage.
    Policies,
    /// On the cluster, or in the directory.
    Apply,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 7] = [
        Self::Inform,
        Self::Intent,
        Self::Plan,
        Self::Render,
        Self::Check,
        Self::Policies,
        Self::Apply,
    ];

    /// The stage as a label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inform => "inform",
            Self::Intent => "intent",
            Self::Plan => "plan",
            Self::Render => "render",
            Self::Check => "check",
            Self::Policies => "policies",
            Self::Apply => "apply",
        }
    }
}

/// The most series of policies; what a further one says is counted under `other`.
const MOST_POLICY_SERIES: usize = 1000;

/// The trace of an observation, as an exemplar.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Trace {
    trace_id: String,
}

/// A histogram whose buckets name the trace of their last observation, where traces are made.
type Durations = HistogramWithExemplars<Trace>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    entry_point: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabel {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadResult {
    result: &'static str,
}

/// A live set; its name is an admin's, and there are a hundred at most.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LiveSet {
    set: String,
    hash: String,
}

/// The name of a set is an admin's, and there are a hundred at most.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TemplateLimit {
    set: String,
    limit: &'static str,
}

/// The names of sets and policies are an admin's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct PolicyVerdict {
    set: String,
    policy: String,
    mode: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventResult {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShadowResult {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// The results of shadow mode.
pub(crate) const SHADOW_RESULTS: [&str; 6] = [
    "equal",
    "different",
    "unknown",
    "refused",
    "handed-over",
    "spark-failed",
];

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    submissions: Family<Outcome, Counter>,
    failures: Family<Failure, Counter>,
    durations: Family<StageLabel, Durations, fn() -> Durations>,
    in_flight: Gauge<i64, AtomicI64>,
    reloads: Family<ReloadResult, Counter<u64, AtomicU64>>,
    last_reload_success: Gauge<i64, AtomicI64>,
    generation: Gauge<i64, AtomicI64>,
    live_sets: Family<LiveSet, Gauge<i64, AtomicI64>>,
    /// Those that were live at the last update.
    known_sets: Mutex<Vec<LiveSet>>,
    template_limits_passed: Family<TemplateLimit, Counter<u64, AtomicU64>>,
    policies: Family<PolicyVerdict, Counter>,
    /// The series of policies that there are: bounded, for policies come and go with their sets.
    policy_series: Mutex<BTreeSet<PolicyVerdict>>,
    tls_reloads: Family<ReloadResult, Counter<u64, AtomicU64>>,
    tls_last_reload_success: Gauge<i64, AtomicI64>,
    tls_handshakes_failed: Counter,
    events: Family<EventResult, Counter>,
    shadow: Family<ShadowResult, Counter>,
    shadow_differences: Family<Kind, Counter>,
    ready: Gauge<i64, AtomicI64>,
    capacity: Gauge<i64, AtomicI64>,
    certificate_expiry: Gauge<i64, AtomicI64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("native_submit");
        // 0.1 ms to about 26 s.
        let durations: Family<StageLabel, Durations, fn() -> Durations> =
            Family::new_with_constructor(|| Durations::new(exponential_buckets(0.0001, 2.0, 19)));
        let metrics = Self {
            submissions: Family::default(),
            failures: Family::default(),
            durations,
            in_flight: Gauge::default(),
            reloads: Family::default(),
            last_reload_success: Gauge::default(),
            generation: Gauge::default(),
            live_sets: Family::default(),
            known_sets: Mutex::default(),
            template_limits_passed: Family::default(),
            policies: Family::default(),
            policy_series: Mutex::default(),
            tls_reloads: Family::default(),
            tls_last_reload_success: Gauge::default(),
            tls_handshakes_failed: Counter::default(),
            events: Family::default(),
            shadow: Family::default(),
            shadow_differences: Family::default(),
            ready: Gauge::default(),
            capacity: Gauge::default(),
            certificate_expiry: Gauge::default(),
            registry: Registry::default(),
        };
        metrics.register_submissions(&mut registry);
        metrics.register_files_and_service(&mut registry);
        metrics.begin_at_zero();
        Self { registry, ..metrics }
    }
}

impl Metrics {
    fn register_submissions(&self, registry: &mut Registry) {
        registry.register(
            "submissions",
            "Submissions by entry point and outcome (created, found, completed, replaced, written, or the reason of a refusal)",
            self.submissions.clone(),
        );
        registry.register(
            "failures",
            "Submissions that failed, by the error code of their answer",
            self.failures.clone(),
        );
        registry.register_with_unit(
            "stage_duration",
            "Time that a submission spends in each stage",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register("in_flight", "Submissions at work now", self.in_flight.clone());
    }

    fn register_files_and_service(&self, registry: &mut Registry) {
        registry.register(
            "template_set_reloads",
            "Attempts to put a template set live, by result",
            self.reloads.clone(),
        );
        registry.register(
            "template_set_last_reload_success",
            "Whether the last attempt to put a template set live succeeded (1) or the set was rejected (0)",
            self.last_reload_success.clone(),
        );
        registry.register(
            "template_set_generation",
            "How many template sets have gone live since the start",
            self.generation.clone(),
        );
        registry.register(
            "template_set_info",
            "The template sets that are live, each with the hash of its content; servers that differ in it differ in what they make",
            self.live_sets.clone(),
        );
        registry.register(
            "template_limits_passed",
            "Submissions on which a live set's template passed a limit of its render worker, by set and limit (memory, cpu, stack, output)",
            self.template_limits_passed.clone(),
        );
        registry.register(
            "policy_verdicts",
            "Submissions about which a policy said something, by the set that served, the policy's file, its mode (enforce, audit) and the outcome (refused, would-refuse, exempt, warned, failed)",
            self.policies.clone(),
        );
        registry.register(
            "tls_reloads",
            "Attempts to put TLS files live, the first one included, by result",
            self.tls_reloads.clone(),
        );
        registry.register(
            "tls_last_reload_success",
            "Whether the last attempt to put TLS files live succeeded (1) or they were rejected (0)",
            self.tls_last_reload_success.clone(),
        );
        registry.register(
            "tls_handshakes_failed",
            "Connections that ended in the TLS handshake",
            self.tls_handshakes_failed.clone(),
        );
        registry.register(
            "events",
            "Kubernetes Events about refused submissions, by what became of them (created, counted, no-application, dropped, failed)",
            self.events.clone(),
        );
        registry.register(
            "shadow",
            "Submissions of the real spark-submit that shadow mode looked at, by result (equal, different, refused, handed-over, spark-failed, unknown)",
            self.shadow.clone(),
        );
        registry.register(
            "shadow_differences",
            "Fields in which shadow mode found a difference, by the object's kind",
            self.shadow_differences.clone(),
        );
        registry.register(
            "ready",
            "Whether submissions are served (1): started, not draining, the API server in reach, a template set live",
            self.ready.clone(),
        );
        registry.register(
            "capacity",
            "Submissions that may be at work at once (MAX_IN_FLIGHT)",
            self.capacity.clone(),
        );
        registry.register(
            "tls_certificate_expiry_timestamp_seconds",
            "When the live TLS certificate ends, in seconds since 1970; 0 without TLS",
            self.certificate_expiry.clone(),
        );
        registry.register(
            "build",
            "The release that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
    }

    /// A counter that first appears as 1 has no rate: the first failure would raise no alert.
    fn begin_at_zero(&self) {
        for entry_point in ["grpc", "rest", "drop-in"] {
            for outcome in ["created", "overloaded"] {
                let _ = self.submissions.get_or_create(&Outcome { entry_point, outcome });
            }
        }
        for code in ErrorCode::ALL {
            let _ = self.failures.get_or_create(&Failure { code: code.name() });
        }
        for stage in Stage::ALL {
            let _ = self.durations.get_or_create(&StageLabel { stage: stage.name() });
        }
        // A server without policies has the metric, too.
        self.policy_begins("default", "none", "enforce", "refused");
        for limit in ["memory", "cpu", "stack", "output"] {
            self.template_limit_passed("default".to_owned(), limit, 0);
        }
        for result in ["success", "rejected"] {
            let _ = self.tls_reloads.get_or_create(&ReloadResult { result });
        }
        for result in ["created", "counted", "no-application", "dropped", "failed"] {
            let _ = self.events.get_or_create(&EventResult { result });
        }
        for result in SHADOW_RESULTS {
            let _ = self.shadow.get_or_create(&ShadowResult { result });
        }
    }

    /// Counts a submission that ended.
    pub fn submission(&self, entry_point: &'static str, outcome: &'static str) {
        self.submissions
            .get_or_create(&Outcome { entry_point, outcome })
            .inc();
    }

    /// Counts a submission that failed.
    pub fn failure(&self, code: ErrorCode) {
        self.failures.get_or_create(&Failure { code: code.name() }).inc();
    }

    /// Records the time that a submission spent in `stage`; `trace` is the trace that it is part of.
    pub fn stage(&self, stage: Stage, spent: Duration, trace: Option<String>) {
        self.durations
            .get_or_create(&StageLabel { stage: stage.name() })
            .observe(
                spent.as_secs_f64(),
                trace.map(|trace_id| Trace { trace_id }),
                None,
            );
    }

    /// Counts a submission as in flight until the guard is dropped.
    pub fn in_flight(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Takes over what the template store counts.
    pub fn template_sets(&self, succeeded: u64, failed: u64, last_succeeded: bool, generation: u64) {
        for (result, count) in [("success", succeeded), ("rejected", failed)] {
            self.reloads
                .get_or_create(&ReloadResult { result })
                .inner()
                .store(count, Ordering::Relaxed);
        }
        self.last_reload_success.set(i64::from(last_succeeded));
        self.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
    }

    /// Takes over which sets are live, each by its name and its content's hash.
    pub fn live_sets(&self, live: impl Iterator<Item = (String, String)>) {
        let live: Vec<_> = live.map(|(set, hash)| LiveSet { set, hash }).collect();
        let mut known = self.known_sets.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in known.iter().filter(|known| !live.contains(known)) {
            self.live_sets.remove(gone);
        }
        for set in &live {
            self.live_sets.get_or_create(set).set(1);
        }
        *known = live;
    }

    /// Takes over on how many submissions a set passed a limit of its render worker.
    pub fn template_limit_passed(&self, set: String, limit: &'static str, count: u64) {
        self.template_limits_passed
            .get_or_create(&TemplateLimit { set, limit })
            .inner()
            .store(count, Ordering::Relaxed);
    }

    /// Counts a submission about which a policy said something.
    pub fn policy(&self, set: &str, policy: &str, mode: &'static str, outcome: &'static str) {
        self.policies
            .get_or_create(&self.policy_series(set, policy, mode, outcome))
            .inc();
    }

    /// Lets the series of a policy begin at zero.
    pub fn policy_begins(&self, set: &str, policy: &str, mode: &'static str, outcome: &'static str) {
        let _ = self
            .policies
            .get_or_create(&self.policy_series(set, policy, mode, outcome));
    }

    /// The series to count in: beyond the bound one for all.
    fn policy_series(
        &self,
        set: &str,
        policy: &str,
        mode: &'static str,
        outcome: &'static str,
    ) -> PolicyVerdict {
        let of = |set: &str, policy: &str| PolicyVerdict {
            set: set.to_owned(),
            policy: policy.to_owned(),
            mode,
            outcome,
        };
        let series = of(set, policy);
        let mut known = self.policy_series.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&series) {
            return series;
        }
        if known.len() >= MOST_POLICY_SERIES {
            return of("other", "other");
        }
        known.insert(series.clone());
        series
    }

    /// Counts an attempt to put TLS files live.
    pub fn tls_reload(&self, succeeded: bool) {
        let result = if succeeded { "success" } else { "rejected" };
        self.tls_reloads.get_or_create(&ReloadResult { result }).inc();
        self.tls_last_reload_success.set(i64::from(succeeded));
    }

    /// Counts a connection that ended in the TLS handshake.
    pub fn tls_handshake_failed(&self) {
        self.tls_handshakes_failed.inc();
    }

    /// Counts a Kubernetes Event by what became of it.
    pub fn event(&self, result: &'static str) {
        self.events.get_or_create(&EventResult { result }).inc();
    }

    /// Counts what shadow mode found of a submission.
    pub fn shadow(&self, result: &'static str) {
        self.shadow.get_or_create(&ShadowResult { result }).inc();
    }

    /// The kinds whose differences may be counted: those of a submission.
    pub fn shadow_kinds(&self, kinds: impl Iterator<Item = &'static str>) {
        for kind in kinds {
            let _ = self.shadow_differences.get_or_create(&Kind { kind });
        }
    }

    /// Counts a field in which shadow mode found a difference.
    pub fn shadow_difference(&self, kind: &'static str) {
        self.shadow_differences.get_or_create(&Kind { kind }).inc();
    }

    /// Takes over whether the service is ready, and for how many.
    pub fn serving(&self, ready: bool, capacity: u32) {
        self.ready.set(i64::from(ready));
        self.capacity.set(i64::from(capacity));
    }

    /// Takes over when the live certificate ends, in seconds since 1970.
    pub fn certificate_ends(&self, seconds: i64) {
        self.certificate_expiry.set(seconds);
    }

    /// All metrics as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// A submission that is at work.
#[derive(Debug)]
pub struct InFlight(Gauge<i64, AtomicI64>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_is_live_no_more_is_not_told_of_any_more() {
        let metrics = Metrics::default();
        let live = |hash: &str| metrics.live_sets([("gpu".to_owned(), hash.to_owned())].into_iter());
        live("aa");
        live("bb");
        let text = metrics.text();
        assert!(
            text.contains(r#"native_submit_template_set_info{set="gpu",hash="bb"} 1"#),
            "{text}"
        );
        assert!(!text.contains("\"aa\""), "{text}");
    }

    #[test]
    fn metrics_are_written_as_prometheus_reads_them() {
        let metrics = Metrics::default();
        metrics.submission("grpc", "created");
        metrics.template_sets(2, 1, false, 2);
        let guard = metrics.in_flight();
        let text = metrics.text();
        for line in [
            "native_submit_submissions_total{entry_point=\"grpc\",outcome=\"created\"} 1",
            "native_submit_template_set_reloads_total{result=\"rejected\"} 1",
            "native_submit_template_set_last_reload_success 0",
            "native_submit_in_flight 1",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        metrics.policy("ml", "always/a.policy.j2", "audit", "would-refuse");
        for n in 0..2 * MOST_POLICY_SERIES {
            metrics.policy("ml", &format!("{n}.policy.j2"), "enforce", "refused");
        }
        let counted = metrics.text();
        let series = counted.matches("native_submit_policy_verdicts_total{").count();
        assert_eq!(series, MOST_POLICY_SERIES + 1);
        for line in [
            "{set=\"ml\",policy=\"always/a.policy.j2\",mode=\"audit\",outcome=\"would-refuse\"} 1",
            "{set=\"other\",policy=\"other\",mode=\"enforce\",outcome=\"refused\"} 1002",
        ] {
            assert!(counted.contains(line), "{line}");
        }
        drop(guard);
        assert!(metrics.text().contains("native_submit_in_flight 0"));
    }
}
