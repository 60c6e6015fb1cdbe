//! `native-submit doctor`: each fault is found and named, with its fix.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::{ApiServer, Effect, Fault};
use crate::support::program::program;
use crate::support::serve;
use crate::support::serve::Serve;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use std::path::Path;

/// Exit code and findings.
fn doctor(url: &str, arguments: &[&str], environment: &[(&str, &str)]) -> (i32, Vec<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    std::fs::write(&kubeconfig, serve::kubeconfig(url)).unwrap();
    let output = program(["doctor", "--output", "json", "--health-address", "127.0.0.1"])
        .args(["--grpc-port", "0", "--rest-port", "0"])
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (
        output.status.code().unwrap(),
        report["findings"].as_array().unwrap().clone(),
    )
}

/// A healthy surrounding: all rights, no Volcano, one operator without a webhook.
async fn healthy() -> ApiServer {
    let api = ApiServer::start().await;
    api.put(
        "deployments",
        json!({
            "metadata": {"name": "spark-operator-controller", "namespace": "spark-operator"},
            "spec": {"selector": {}, "template": {"spec": {"containers": [
                {"name": "controller", "image": "kubeflow/spark-operator/controller:2.5.2"},
            ]}}},
        }),
    );
    api
}

/// The finding of this check that says this.
fn finding<'f>(findings: &'f [Value], check: &str, says: &str) -> &'f Value {
    findings
        .iter()
        .find(|finding| finding["check"] == check && finding["message"].as_str().unwrap().contains(says))
        .unwrap_or_else(|| panic!("no finding of {check} says {says}: {findings:#?}"))
}

const FREE_HEALTH: [&str; 2] = ["--health-port", "0"];

#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_well_it_says_so_and_changes_nothing() {
    let api = healthy().await;
    let (code, findings) = doctor(&api.url, &FREE_HEALTH, &[]);
    assert_eq!(code, 0, "{findings:#?}");
    for finding in &findings {
        assert_eq!(finding["verdict"], "OK", "{finding}");
    }
    for (check, says) in [
        ("configuration", "consistent"),
        ("certificates", "plain text"),
        ("ports", "GRPC_PORT"),
        ("templates", "renders all samples"),
        ("api-server", "Kubernetes v1.36.0"),
        ("operator", "sparkoperator.k8s.io/v1beta2"),
        ("operator", "the operator is 2.5.2: the drop-in"),
        ("webhook", "none for pods"),
        ("rights", "deploy/rbac/role.yaml holds in all namespaces"),
        ("rights", "deploy/rbac/webhook.yaml holds in the cluster"),
        ("rights", "no Volcano here"),
        ("rights", "no OpenShift here"),
    ] {
        finding(&findings, check, says);
    }
    assert!(
        api.log().iter().all(|seen| matches!(seen.verb, "get" | "list")),
        "{:?}",
        api.lines()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_lacks_is_named_with_the_file_that_gives_it() {
    let api = healthy().await;
    api.deny("create", "pods");
    api.deny("delete", "pods");
    api.deny("get", "secrets");
    let variables = [("ALLOWED_NAMESPACES", "jobs,other")];
    let (code, findings) = doctor(&api.url, &FREE_HEALTH, &variables);
    assert_eq!(code, 1);
    for namespace in ["jobs", "other"] {
        let pods = finding(
            &findings,
            "rights",
            &format!("may not in namespace {namespace}: pods: create, delete"),
        );
        assert_eq!(pods["verdict"], "FAIL");
        assert!(
            pods["fix"].as_str().unwrap().contains("deploy/rbac/role.yaml"),
            "{pods}"
        );
        let secrets = finding(
            &findings,
            "rights",
            &format!("may not in namespace {namespace}: secrets: get"),
        );
        assert_eq!(secrets["verdict"], "WARN", "only some need it");
        assert!(
            secrets["fix"]
                .as_str()
                .unwrap()
                .ends_with("kubectl apply -k deploy/rbac/credentials"),
            "{secrets}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_is_held_against_the_setting() {
    let api = healthy().await;
    let on = [("OPERATOR_WEBHOOK", "on")];
    let off = [("OPERATOR_WEBHOOK", "off")];
    let (code, findings) = doctor(&api.url, &FREE_HEALTH, &on);
    assert_eq!(
        (code, &finding(&findings, "webhook", "get lost")["verdict"]),
        (1, &json!("FAIL"))
    );
    assert_eq!(doctor(&api.url, &FREE_HEALTH, &off).0, 0);
    api.put("mutatingwebhookconfigurations", json!({"metadata": {"name": "c"}, "webhooks": [{
        "name": "mutate-pod.sparkoperator.k8s.io", "admissionReviewVersions": ["v1"], "sideEffects": "None", "clientConfig": {},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
    }]}));
    let (code, findings) = doctor(&api.url, &FREE_HEALTH, &off);
    assert_eq!(
        (code, &finding(&findings, "webhook", "there twice")["verdict"]),
        (1, &json!("FAIL"))
    );
    assert_eq!(doctor(&api.url, &FREE_HEALTH, &on).0, 0);
    api.fault(Fault::always(
        "list",
        "mutatingwebhookconfigurations",
        Effect::says(403, "no"),
    ));
    let (code, findings) = doctor(&api.url, &FREE_HEALTH, &[]);
    assert_eq!(
        (code, &finding(&findings, "webhook", "counts as on")["verdict"]),
        (0, &json!("WARN"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_not_there_ends_the_search() {
    let (code, findings) = doctor("http://127.0.0.1:1", &FREE_HEALTH, &[]);
    assert_eq!(code, 1);
    assert_eq!(finding(&findings, "api-server", "no answer")["verdict"], "FAIL");
    assert!(
        findings.iter().all(|finding| finding["check"] != "rights"),
        "{findings:#?}"
    );
}

#[test]
fn a_directory_is_submitted_to_without_a_cluster() {
    let (code, findings) = doctor(
        "http://127.0.0.1:1",
        &["--health-port", "0", "--apply-to", "dir:/tmp"],
        &[],
    );
    assert_eq!(code, 0, "{findings:#?}");
    assert!(
        findings.iter().all(|finding| finding["check"] != "api-server"),
        "{findings:#?}"
    );
}

#[test]
fn what_is_wrong_around_the_templates_is_reported_with_its_own_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    std::fs::write(folder.path().join("_part.j2"), "x").unwrap();
    let table = [
        (
            absent.as_path(),
            "",
            "TEMPLATE_DIR can't be read",
            "mount the directory",
        ),
        (
            folder.path(),
            "type:R=nosuch",
            "TEMPLATE_SETS names the set `nosuch`",
            "correct TEMPLATE_SETS",
        ),
    ];
    for (directory, sets, says, fix) in table {
        let directory = directory.to_str().unwrap();
        let arguments = [
            "--apply-to",
            "dir:/tmp",
            "--template-dir",
            directory,
            "--template-sets",
            sets,
        ];
        let (code, findings) = doctor("", &[&arguments[..], &FREE_HEALTH].concat(), &[]);
        let finding = finding(&findings, "templates", says);
        assert_eq!((code, &finding["verdict"]), (1, &json!("FAIL")), "{finding}");
        assert!(finding["fix"].as_str().unwrap().contains(fix), "{finding}");
    }
}

#[test]
fn a_bad_template_a_taken_port_and_a_missing_root_are_found() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("driver-pod.yaml.j2"), "kind: {{ nothing }").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let arguments = [
        "--apply-to",
        "dir:/tmp",
        "--health-port",
        &port,
        "--template-dir",
        folder.path().to_str().unwrap(),
    ];
    let (code, findings) = doctor(
        "",
        &arguments,
        &[("SUBMITTER_FILE_ROOTS", "/no/such"), ("DRAIN_TIMEOUT", "2m")],
    );
    assert_eq!(code, 1);
    for (check, says, verdict) in [
        ("configuration", "/no/such is not a directory", "WARN"),
        ("configuration", "DRAIN_TIMEOUT is 120 s", "WARN"),
        ("ports", "HEALTH_PORT", "FAIL"),
        ("templates", "driver-pod.yaml.j2", "FAIL"),
    ] {
        assert_eq!(finding(&findings, check, says)["verdict"], verdict, "{says}");
    }
}

#[test]
fn beside_a_running_server_its_ports_are_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir:{}", folder.path().display());
    let serve = Serve::start(&["--apply-to", &target], &[]);
    let port = |address: &str| address.rsplit(':').next().unwrap().to_owned();
    let (grpc, rest, health) = (port(&serve.grpc), port(&serve.rest), port(&serve.health));
    let output = program(["doctor", "--apply-to", &target, "--health-address", "127.0.0.1"])
        .args([
            "--grpc-port",
            &grpc,
            "--rest-port",
            &rest,
            "--health-port",
            &health,
        ])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains(&format!(
            "OK   ports: a native-submit server is ready at 127.0.0.1:{health}\n"
        )),
        "{text}"
    );
    assert!(
        text.contains(&format!("GRPC_PORT 127.0.0.1:{grpc} is listened on")),
        "{text}"
    );
}

/// A certificate chain of a server's and its issuer's certificate, and the server's key.
struct Chain {
    server: String,
    issuer: String,
    key: String,
}

fn chain(until_year: i32, names: &[&str]) -> Chain {
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until_year, 1, 1);
    let key = KeyPair::generate().unwrap();
    Chain {
        server: params.signed_by(&key, &authority).unwrap().pem(),
        issuer: authority.pem(),
        key: key.serialize_pem(),
    }
}

fn with_tls(folder: &Path, certificates: &str, key: &str) -> (i32, Vec<Value>) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    std::fs::write(folder.join("tls.crt"), certificates).unwrap();
    std::fs::write(folder.join("tls.key"), key).unwrap();
    let arguments = [
        "--apply-to",
        "dir:/tmp",
        "--health-port",
        "0",
        "--tls-cert-file",
        &path("tls.crt"),
        "--tls-key-file",
        &path("tls.key"),
    ];
    doctor("", &arguments, &[])
}

#[test]
fn certificates_are_looked_at_for_time_chain_and_names() {
    let folder = tempfile::tempdir().unwrap();
    let good = chain(2100, &["native-submit.spark"]);
    let (code, findings) = with_tls(folder.path(), &(good.server.clone() + &good.issuer), &good.key);
    assert_eq!(code, 0, "{findings:#?}");
    finding(&findings, "certificates", "TLS_CERT_FILE, certificate 2 is valid");
    assert_eq!(
        finding(&findings, "certificates", "no TLS_CLIENT_CA_FILE")["verdict"],
        "WARN"
    );

    let expired = chain(2021, &["native-submit.spark"]);
    let nameless = chain(2100, &[]);
    for (certificates, key, says) in [
        (expired.server, &expired.key, "certificate 1 expired"),
        (
            good.server.clone() + &expired.issuer,
            &good.key,
            "not signed by certificate 2",
        ),
        (nameless.server, &nameless.key, "no subject alternative name"),
        (
            good.server.clone(),
            &expired.key,
            "not the key of the certificate",
        ),
        ("no certificate".to_owned(), &good.key, "no certificate in PEM"),
    ] {
        let (code, findings) = with_tls(folder.path(), &certificates, key);
        assert_eq!(
            (code, &finding(&findings, "certificates", says)["verdict"]),
            (1, &json!("FAIL"))
        );
    }
}
