//! The status page of a server, `/`, and the same as JSON, `/status`: read-only, without values and manifests.
//!
//! Names, namespaces and findings are for those who are on the machine, by `kubectl port-forward` for instance, and whose browser
//! was not led there by another name (DNS rebinding). Others get states, counts and hashes.

use super::{Service, connections::Peer, readiness::Readiness};
use crate::{
    finding::answer,
    telemetry::{PastSubmission, Stage},
    templates::{SetStatus, Status},
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use k8s_openapi::jiff::Timestamp;
use minijinja::{AutoEscape, Environment, context};
use serde::Serialize;
use std::{collections::BTreeMap, net::IpAddr, time::SystemTime};

const PAGE: &str = include_str!("status/page.html.j2");

/// The page's style: studio's, and what it alone has.
pub(super) const STYLE: &str = concat!(
    include_str!("../studio/page/style.css"),
    include_str!("status/page.css")
);

/// What the page may load: its style.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Everything that the page says.
#[derive(Debug, Clone, Serialize)]
pub(super) struct StatusPage {
    version: &'static str,
    ready: bool,
    state: &'static str,
    reason: Option<&'static str>,
    /// Whether names, namespaces and findings are left out.
    names_hidden: bool,
    template_sets: Vec<SetRow>,
    /// Why not everything is live that is to be; none where all is, or where findings are left out.
    template_error: Option<String>,
    submissions: Vec<SubmissionRow>,
    /// How many of the last submissions ended so, by outcome.
    outcomes: BTreeMap<&'static str, usize>,
    stages: [&'static str; Stage::ALL.len()],
    limits: Limits,
}

#[derive(Debug, Clone, Serialize)]
struct SetRow {
    /// None where names are left out.
    name: Option<String>,
    hash: Option<String>,
    since: Option<String>,
    rejected: Option<String>,
    is_rejected: bool,
    findings: Option<String>,
    limits_passed: u64,
    policies_failed: u64,
}

#[derive(Debug, Clone, Serialize)]
struct SubmissionRow {
    at: Option<String>,
    entry_point: &'static str,
    namespace: String,
    application: String,
    template_set: Option<String>,
    outcome: &'static str,
    code: Option<&'static str>,
    total_ms: f64,
    stages: Vec<StageBar>,
}

/// A stage as a part of a bar, which is 100 wide for the longest of all submissions.
#[derive(Debug, Clone, Serialize)]
struct StageBar {
    stage: &'static str,
    ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
struct Limits {
    in_flight: usize,
    max_in_flight: u32,
    max_request_bytes: usize,
}

/// Whether a client may know names: it is on this machine, and asks for this machine by one of its own names.
pub(super) fn may_know_names(peer: Peer, headers: &HeaderMap) -> bool {
    let is_here = peer.0.is_some_and(|peer| peer.to_canonical().is_loopback());
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let name = host.map(|host| match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    });
    let is_own = name.is_some_and(|name| {
        let address = name
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>();
        name == "localhost" || address.is_ok_and(|address| address.is_loopback())
    });
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let is_own_page = site.is_none_or(|site| site == b"same-origin" || site == b"none");
    is_here && is_own && is_own_page && hosts.next().is_none() && !headers.contains_key(header::ORIGIN)
}

impl StatusPage {
    /// What is to be said now.
    pub(super) fn of(service: &Service, readiness: &Readiness, names: bool) -> Self {
        let templates = service.templates();
        let state = readiness.state(&templates);
        let past = service.history().newest_first();
        let mut outcomes = BTreeMap::new();
        for submission in &past {
            *outcomes.entry(submission.outcome).or_default() += 1;
        }
        Self {
            version: env!("CARGO_PKG_VERSION"),
            ready: state.serves(),
            state: state.name(),
            reason: state.reason(),
            names_hidden: !names,
            template_sets: sets(&templates, names),
            template_error: templates
                .last_error
                .as_ref()
                .filter(|_| names)
                .map(|error| answer(error).into_owned()),
            submissions: if names { rows(&past) } else { Vec::new() },
            outcomes,
            stages: Stage::ALL.map(Stage::name),
            limits: Limits {
                in_flight: service.in_flight(),
                max_in_flight: service.capacity(),
                max_request_bytes: service.max_request_bytes(),
            },
        }
    }

    /// The page; every value in it is escaped.
    pub(super) fn html(&self) -> Result<String, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        let value = minijinja::value::Value::from(minijinja::value::Serde(self));
        environment.render_str(PAGE, context! { page => value })
    }
}

/// What every answer says.
pub(super) fn headers(content_type: &'static str) -> [(HeaderName, &'static str); 6] {
    [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ]
}

fn sets(templates: &Status, names: bool) -> Vec<SetRow> {
    let row = |(name, set): (&String, &SetStatus)| {
        let passed = templates.limits_passed.iter();
        let passed = passed.filter(|((of, _), _)| of == name);
        let failed = templates.policies_failed.iter();
        let failed = failed.filter(|((of, _), _)| of == name);
        SetRow {
            name: names.then(|| name.clone()),
            hash: set.live.as_deref().map(hash),
            since: set.since.and_then(time),
            rejected: set.rejected.as_deref().map(hash),
            is_rejected: set.error.is_some(),
            findings: set
                .error
                .as_ref()
                .filter(|_| names)
                .map(|error| answer(error).into_owned()),
            limits_passed: passed.map(|(_, passed)| passed.count).sum(),
            policies_failed: failed.map(|(_, failed)| failed.count).sum(),
        }
    };
    templates.sets.iter().map(row).collect()
}

fn hash(id: &str) -> String {
    id.rsplit('@').next().unwrap_or_default().to_owned()
}

fn time(time: SystemTime) -> Option<String> {
    let seconds = Timestamp::try_from(time).ok()?.as_second();
    Timestamp::from_second(seconds).map(|time| time.to_string()).ok()
}

fn rows(past: &[PastSubmission]) -> Vec<SubmissionRow> {
    let total = |submission: &PastSubmission| submission.stages.iter().sum::<f64>();
    let longest = past.iter().map(total).fold(f64::MIN_POSITIVE, f64::max);
    let row = |submission: &PastSubmission| {
        let mut start = 0.0;
        let stages = Stage::ALL.iter().zip(submission.stages).map(|(stage, ms)| {
            let width = ms / longest * 100.0;
            let bar = StageBar {
                stage: stage.name(),
                ms: rounded(ms),
                start: Some(rounded(start)),
                width: Some(rounded(width)),
            };
            start += width;
            bar
        });
        SubmissionRow {
            at: time(submission.at),
            entry_point: submission.entry_point,
            namespace: submission.namespace.clone(),
            application: submission.application.clone(),
            template_set: submission.template_set.clone(),
            outcome: submission.outcome,
            code: submission.code,
            total_ms: rounded(total(submission)),
            stages: stages.collect(),
        }
    };
    past.iter().map(row).collect()
}

/// To two digits behind the point.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_client_of_this_machine_that_means_it_may_know_names() {
        let peer = |address: &str| Peer(Some(address.parse().unwrap()));
        let headers = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            headers
        };
        for (address, pairs, expected) in [
            ("127.0.0.1", &[("host", "localhost:9090")][..], true),
            ("::1", &[("host", "[::1]:9090")], true),
            (
                "::ffff:127.0.0.1",
                &[("host", "127.0.0.1:9090"), ("sec-fetch-site", "none")],
                true,
            ),
            ("10.0.0.7", &[("host", "localhost:9090")], false),
            ("127.0.0.1", &[("host", "evil.example:9090")], false),
            ("127.0.0.1", &[("host", "localhost.evil.example")], false),
            ("127.0.0.1", &[("host", "localhost"), ("host", "x")], false),
            (
                "127.0.0.1",
                &[("host", "localhost"), ("origin", "http://evil.example")],
                false,
            ),
            (
                "127.0.0.1",
                &[("host", "localhost"), ("sec-fetch-site", "cross-site")],
                false,
            ),
            ("127.0.0.1", &[], false),
        ] {
            assert_eq!(
                may_know_names(peer(address), &headers(pairs)),
                expected,
                "{address} {pairs:?}"
            );
        }
        assert!(!may_know_names(Peer(None), &headers(&[("host", "localhost")])));
    }
}
