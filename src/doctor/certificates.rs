//! The files of TLS: whether they are good together, follow from each other, and for how long.

use super::CheckResult;
use crate::{server::certificates, settings::TlsSettings};
use rustls::pki_types::CertificateDer;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use x509_parser::prelude::{FromDer, X509Certificate};

const CHECK: &str = "certificates";

/// How long before its end a certificate is warned of: cert-manager renews at a third of its time, and by then must have.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

pub(super) fn examine(settings: &TlsSettings) -> Vec<CheckResult> {
    let files = match settings.files() {
        Err(error) => return vec![CheckResult::fail(CHECK, error, "set both, or neither")],
        Ok(None) => return vec![CheckResult::ok(CHECK, "no TLS: gRPC and REST speak plain text")],
        Ok(Some(files)) => files,
    };
    let fix =
        "mount a Secret of type kubernetes.io/tls, or let cert-manager make it (deploy/kustomize/reachable)";
    let found = match certificates(&files) {
        Err(error) => return vec![CheckResult::fail(CHECK, error.to_string(), fix)],
        Ok(found) => found,
    };
    let now = SystemTime::now();
    let mut findings = chain("TLS_CERT_FILE", &found.chain, now);
    for (nth, authority) in found.client_authorities.iter().enumerate() {
        findings.push(one(
            &format!("TLS_CLIENT_CA_FILE, certificate {}", nth + 1),
            authority,
            now,
        ));
    }
    if found.client_authorities.is_empty() {
        findings.push(CheckResult::warn(
            CHECK,
            "no TLS_CLIENT_CA_FILE: clients need no certificate, so anybody who reaches the ports can submit",
            "set TLS_CLIENT_CA_FILE to an authority of the clients' own",
        ));
    }
    findings
}

/// Each certificate by itself, and each as signed by the next one.
fn chain(setting: &str, chain: &[CertificateDer<'_>], now: SystemTime) -> Vec<CheckResult> {
    let mut findings: Vec<_> = chain
        .iter()
        .enumerate()
        .map(|(nth, certificate)| one(&format!("{setting}, certificate {}", nth + 1), certificate, now))
        .collect();
    for (nth, pair) in chain.windows(2).enumerate() {
        if let (Ok((_, below)), Ok((_, above))) = (
            X509Certificate::from_der(&pair[0]),
            X509Certificate::from_der(&pair[1]),
        ) && (below.issuer() != above.subject()
            || below.verify_signature(Some(above.public_key())).is_err())
        {
            findings.push(CheckResult::fail(
                CHECK,
                format!(
                    "{setting}: certificate {} is not signed by certificate {}, which follows it",
                    nth + 1,
                    nth + 2
                ),
                "put the server's certificate first, then each one's issuer",
            ));
        }
    }
    if let Some(Ok((_, server))) = chain.first().map(|first| X509Certificate::from_der(first))
        && !matches!(server.subject_alternative_name(), Ok(Some(_)))
    {
        findings.push(CheckResult::fail(
            CHECK,
            format!("{setting}: the server's certificate has no subject alternative name, and clients look at nothing else"),
            "issue it with the Service's DNS names",
        ));
    }
    findings
}

/// One certificate and its time.
fn one(what: &str, der: &CertificateDer<'_>, now: SystemTime) -> CheckResult {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return CheckResult::fail(
            CHECK,
            format!("{what} is not an X.509 certificate"),
            "issue it anew",
        );
    };
    let second = |time: x509_parser::time::ASN1Time| {
        UNIX_EPOCH + Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0))
    };
    let validity = certificate.validity();
    let (start, end) = (second(validity.not_before), second(validity.not_after));
    if start > now {
        return CheckResult::fail(
            CHECK,
            format!("{what} is not valid yet"),
            "look at the clocks of this node and of the authority",
        );
    }
    match end.duration_since(now) {
        Err(_) => CheckResult::fail(
            CHECK,
            format!(
                "{what} expired {} days ago",
                days(now.duration_since(end).unwrap_or_default())
            ),
            "renew it; the server takes new files without a restart",
        ),
        Ok(left) if left < SOON => CheckResult::warn(
            CHECK,
            format!("{what} expires in {} days", days(left)),
            "renew it; the server takes new files without a restart",
        ),
        Ok(left) => CheckResult::ok(CHECK, format!("{what} is valid for {} days", days(left))),
    }
}

fn days(time: Duration) -> u64 {
    time.as_secs() / (24 * 3600)
}
