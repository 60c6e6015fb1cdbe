//! The settings themselves: what clap can't tell, because it is about several of them, or about the machine.

use super::CheckResult;
use crate::settings::ServeSettings;
use std::time::Duration;

const CHECK: &str = "configuration";

/// How long the kubelet waits after SIGTERM where a Pod doesn't say (`terminationGracePeriodSeconds`).
const GRACE: Duration = Duration::from_secs(30);

pub(super) fn examine(settings: &ServeSettings) -> Vec<CheckResult> {
    let mut findings = Vec::new();
    if let Err(error) = settings.grpc().and_then(|_| settings.rest()) {
        findings.push(CheckResult::fail(
            CHECK,
            error,
            "the server would not start: see the message",
        ));
    }
    if settings.allow_plaintext && settings.is_reachable() && matches!(settings.tls.files(), Ok(None)) {
        findings.push(CheckResult::warn(
            CHECK,
            "ALLOW_PLAINTEXT=true: anybody who reaches gRPC or REST can create pods with this service's rights",
            "use TLS with TLS_CLIENT_CA_FILE, or keep others away (deploy/kustomize/reachable)",
        ));
    }
    if settings.drain_timeout >= GRACE {
        findings.push(CheckResult::warn(
            CHECK,
            format!(
                "DRAIN_TIMEOUT is {} s: a Pod is killed after terminationGracePeriodSeconds, {} s by default",
                settings.drain_timeout.as_secs(),
                GRACE.as_secs()
            ),
            "raise terminationGracePeriodSeconds above DRAIN_TIMEOUT, or lower DRAIN_TIMEOUT",
        ));
    }
    for said in settings.missing_file_roots() {
        findings.push(CheckResult::warn(
            CHECK,
            said,
            "mount it, or take it out of the list",
        ));
    }
    if findings.is_empty() {
        findings.push(CheckResult::ok(CHECK, "settings are consistent"));
    }
    findings
}
