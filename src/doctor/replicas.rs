//! Whether the servers of a namespace agree: the metrics of each say its release and its template sets.

use super::{ANSWER_TIMEOUT, CheckResult, deployment::CONTAINER};
use futures::future;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, api::ListParams};
use std::collections::{BTreeMap, BTreeSet};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const CHECK: &str = "replicas";

/// The port of health and metrics, where the container doesn't name another.
const PORT: i32 = 9090;
/// The container port's name in the chart and in `deploy/`.
const PORT_NAME: &str = "native-health";

/// The most that is read of one answer, in bytes.
const MOST: u64 = 4 << 20;

/// Asks all servers that run in a namespace; says nothing where there is one or none.
pub(super) async fn examine(client: &Client, namespace: &str) -> Vec<CheckResult> {
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    let pods = match pods.list(&ListParams::default()).await {
        Ok(pods) => pods.items,
        Err(error) => {
            return vec![CheckResult::warn(
                CHECK,
                format!(
                    "can't list the Pods in namespace {namespace}: {}",
                    crate::finding::root_cause(&error)
                ),
                "run doctor as somebody who may list them: native-submit itself needs no such right",
            )];
        }
    };
    let servers: Vec<_> = pods.iter().filter_map(address).collect();
    if servers.len() < 2 {
        return Vec::new();
    }
    let asked = servers
        .iter()
        .map(|(name, address)| async move { (name.as_str(), metrics(address).await) });
    compared(&future::join_all(asked).await)
}

/// The name of a running Pod with a server, and where that answers.
fn address(pod: &Pod) -> Option<(String, String)> {
    let server = pod
        .spec
        .as_ref()?
        .containers
        .iter()
        .find(|container| container.name == CONTAINER)?;
    let status = pod.status.as_ref()?;
    let ip = status
        .pod_ip
        .as_deref()
        .filter(|_| status.phase.as_deref() == Some("Running"))?;
    let mut ports = server.ports.iter().flatten();
    let port = ports
        .find(|port| port.name.as_deref() == Some(PORT_NAME))
        .map_or(PORT, |port| port.container_port);
    let host = if ip.contains(':') {
        format!("[{ip}]")
    } else {
        ip.to_owned()
    };
    Some((pod.metadata.name.clone()?, format!("{host}:{port}")))
}

async fn metrics(address: &str) -> Result<String, String> {
    let asking = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(MOST).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
    };
    match timeout(ANSWER_TIMEOUT, asking).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

/// What servers must agree on, each with the value that their metrics say: the release, and the hash of each set.
fn said(metrics: &str) -> BTreeMap<String, String> {
    let label = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("{name}=\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let of_line = |line: &str| {
        if line.starts_with("native_submit_build_info{") {
            Some(("the release".to_owned(), label(line, "version")?))
        } else if line.starts_with("native_submit_template_set_info{") {
            Some((
                format!("the template set {}", label(line, "set")?),
                label(line, "hash")?,
            ))
        } else {
            None
        }
    };
    metrics.lines().filter_map(of_line).collect()
}

fn compared(servers: &[(&str, Result<String, String>)]) -> Vec<CheckResult> {
    let mut found = Vec::new();
    let mut by_subject: BTreeMap<String, BTreeMap<String, Vec<&str>>> = BTreeMap::new();
    let reported: Vec<_> = servers
        .iter()
        .filter_map(|(name, metrics)| match metrics {
            Ok(metrics) => Some((*name, said(metrics))),
            Err(why) => {
                found.push(CheckResult::warn(
                    CHECK,
                    format!("Pod {name} doesn't say its metrics: {why}"),
                    "run doctor in the cluster, and let it reach the port native-health (NetworkPolicy); if Prometheus can't either, the server is dead",
                ));
                None
            }
        })
        .collect();
    let subjects: BTreeSet<_> = reported.iter().flat_map(|(_, said)| said.keys()).collect();
    for (name, said) in &reported {
        for subject in &subjects {
            let value = said.get(*subject).map_or("none", String::as_str);
            let values = by_subject.entry((*subject).clone()).or_default();
            values.entry(value.to_owned()).or_default().push(name);
        }
    }
    for (subject, values) in by_subject.iter().filter(|(_, values)| values.len() > 1) {
        let values: Vec<_> = values
            .iter()
            .map(|(value, names)| format!("{value} on {}", names.join(", ")))
            .collect();
        found.push(CheckResult::warn(
            CHECK,
            format!("servers differ in {subject}: {}", values.join("; ")),
            "for a minute after a change that is as it should be; later look at the ConfigMap's mount and at /readyz of each",
        ));
    }
    if found.is_empty() {
        found.push(CheckResult::ok(
            CHECK,
            format!(
                "{} servers have one release and the same template sets",
                servers.len()
            ),
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(version: &str, hash: &str) -> String {
        format!(
            "HTTP/1.1 200 OK\r\n\r\n# HELP a\nnative_submit_build_info{{version=\"{version}\"}} 1\n\
             native_submit_template_set_info{{set=\"default\",hash=\"{hash}\"}} 1\nnative_submit_ready 1\n"
        )
    }

    fn lines(servers: &[(&str, Result<String, String>)]) -> Vec<String> {
        compared(servers).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn servers_that_differ_are_named_with_what_they_have() {
        let agree = lines(&[("a", Ok(text("1", "x"))), ("b", Ok(text("1", "x")))]);
        assert_eq!(
            agree,
            ["OK   replicas: 2 servers have one release and the same template sets"]
        );
        let differ = lines(&[
            ("a", Ok(text("1", "x"))),
            ("b", Ok(text("1", "y"))),
            ("c", Ok(text("2", "x"))),
        ]);
        assert_eq!(
            differ[0],
            "WARN replicas: servers differ in the release: 1 on a, b; 2 on c\n     fix: for a minute after a change that is as it \
             should be; later look at the ConfigMap's mount and at /readyz of each"
        );
        assert!(
            differ[1].contains("in the template set default: x on a, c; y on b"),
            "{differ:?}"
        );
        let lacks = lines(&[
            ("a", Ok(text("1", "x"))),
            ("b", Ok("native_submit_build_info{version=\"1\"} 1".to_owned())),
        ]);
        assert!(lacks[0].contains("none on b; x on a"), "{lacks:?}");
        let dead = lines(&[("a", Ok(text("1", "x"))), ("b", Err("refused".to_owned()))]);
        assert_eq!(
            dead[0],
            "WARN replicas: Pod b doesn't say its metrics: refused\n     fix: run doctor in the cluster, and let it reach the \
             port native-health (NetworkPolicy); if Prometheus can't either, the server is dead"
        );
    }

    #[test]
    fn a_server_is_a_running_pod_with_our_container() {
        let pod = |phase: &str, container: &str, ip: &str| {
            let pod: Pod = serde_json::from_value(json!({
                "metadata": {"name": "a"}, "status": {"phase": phase, "podIP": ip},
                "spec": {"containers": [{"name": container, "ports": [{"name": "native-health", "containerPort": 9191}]}]},
            }))
            .unwrap();
            address(&pod).map(|(_, address)| address)
        };
        assert_eq!(
            pod("Running", "native-submit", "10.0.0.1").as_deref(),
            Some("10.0.0.1:9191")
        );
        assert_eq!(
            pod("Running", "native-submit", "fd00::1").as_deref(),
            Some("[fd00::1]:9191")
        );
        assert_eq!(pod("Pending", "native-submit", "10.0.0.1"), None);
        assert_eq!(pod("Running", "other", "10.0.0.1"), None);
    }
}
