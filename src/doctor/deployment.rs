//! How native-submit is deployed, by the Deployments that have it: mounts that lack, releases that differ, settings that nobody reads.

use super::CheckResult;
use crate::{settings::ServeSettings, strict};
use clap::Args as _;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Container, PodSpec, Volume, VolumeMount},
};
use std::collections::BTreeSet;

const CHECK: &str = "deployment";

/// The container, as the chart and `deploy/` call it.
pub(super) const CONTAINER: &str = "native-submit";

/// Where the drop-in is mounted in the operator's container.
const DROP_IN: &str = "/bin/spark-submit";

/// Variables whose value is a file or a directory that a volume has to bring.
const PATHS: [&str; 4] = [
    "TEMPLATE_DIR",
    "TLS_CERT_FILE",
    "TLS_KEY_FILE",
    "TLS_CLIENT_CA_FILE",
];

/// Variables that no flag of `serve` has: those of the drop-in, of logs, of the API server's client and of this check.
const OTHER_VARIABLES: [&str; 9] = [
    "LOG_FORMAT",
    "RUST_LOG",
    "KUBECONFIG",
    "OPERATOR_NAMESPACE",
    "NATIVE_SUBMIT_SHADOW",
    "NATIVE_SUBMIT_FALLBACK",
    "NATIVE_SUBMIT_EXIT_CODE",
    "NATIVE_SUBMIT_SOCKET",
    "NATIVE_SUBMIT_DEPTH",
];

/// What is wrong with these Deployments; nothing where none of them has native-submit.
pub(super) fn examine(deployments: &[Deployment]) -> Vec<CheckResult> {
    let mut found = Vec::new();
    let mut releases = BTreeSet::new();
    let mut having = 0;
    for deployment in deployments {
        let name = deployment.metadata.name.as_deref().unwrap_or_default();
        let Some(pod) = deployment.spec.template.spec.as_ref() else {
            continue;
        };
        let server = pod
            .containers
            .iter()
            .find(|container| container.name == CONTAINER);
        having += usize::from(server.is_some());
        releases.extend(images(pod).map(str::to_owned));
        if let Some(server) = server {
            mounts(name, pod, server, &mut found);
            found.extend(variables(name, server));
            found.extend(unread_conf(name, server));
        }
        for operator in pod
            .containers
            .iter()
            .filter(|container| container.name != CONTAINER)
        {
            drop_in(name, operator, server, &mut found);
            rest(name, operator, server, &mut found);
            found.extend(defaults(name, operator));
        }
    }
    if releases.len() > 1 {
        let releases: Vec<_> = releases.into_iter().collect();
        found.push(CheckResult::fail(
            CHECK,
            format!("several releases of native-submit are deployed: {}", releases.join(", ")),
            "give server, sidecar and drop-in one image: a drop-in doesn't speak to a server of another release",
        ));
    }
    if found.is_empty() && having > 0 {
        found.push(CheckResult::ok(
            CHECK,
            format!("{having} of the namespace's Deployments have native-submit, with all mounts that their settings need"),
        ));
    }
    found
}

/// The images of native-submit that a Pod uses: of its containers, of its init containers, and those that are mounted.
fn images(pod: &PodSpec) -> impl Iterator<Item = &str> {
    let containers = pod.containers.iter().chain(pod.init_containers.iter().flatten());
    let ours = containers.filter(|container| container.name.starts_with(CONTAINER));
    let mounted = pod.volumes.iter().flatten();
    let mounted = mounted.filter(|volume| volume.name == CONTAINER);
    let mounted = mounted.filter_map(|volume| volume.image.as_ref()?.reference.as_deref());
    ours.filter_map(|container| container.image.as_deref())
        .chain(mounted)
}

fn mounts_of(container: &Container) -> impl Iterator<Item = &VolumeMount> {
    container.volume_mounts.iter().flatten()
}

fn is_below(path: &str, mount: &str) -> bool {
    let rest = path.strip_prefix(mount.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// That each path of a setting is below a mount, and that a directory of templates is one that changes, and that must be there.
fn mounts(deployment: &str, pod: &PodSpec, server: &Container, found: &mut Vec<CheckResult>) {
    for variable in server.env.iter().flatten() {
        let path = variable.value.as_deref().filter(|path| !path.trim().is_empty());
        let Some(path) = path.filter(|_| PATHS.contains(&variable.name.as_str())) else {
            continue;
        };
        let mounts: Vec<_> = mounts_of(server)
            .filter(|mount| is_below(path, &mount.mount_path) || is_below(&mount.mount_path, path))
            .collect();
        if mounts.is_empty() {
            found.push(CheckResult::fail(
                CHECK,
                format!("deployment {deployment}: {} is {path}, and no volume is mounted there", variable.name),
                "add the volume and its volumeMount; lists of Helm values replace each other: repeat what you have",
            ));
        }
        for mount in mounts {
            if mount.sub_path.is_some() {
                found.push(CheckResult::warn(
                    CHECK,
                    format!(
                        "deployment {deployment}: {} is mounted by a subPath, which never changes",
                        mount.mount_path
                    ),
                    "mount the directory, so that changes come without a restart",
                ));
            }
            let volume = pod
                .volumes
                .iter()
                .flatten()
                .find(|volume| volume.name == mount.name);
            if volume.is_some_and(is_optional) {
                found.push(CheckResult::fail(
                    CHECK,
                    format!(
                        "deployment {deployment}: the volume {} of {} is optional",
                        mount.name, variable.name
                    ),
                    "take `optional: true` away: without its ConfigMap or Secret the Pod should not start",
                ));
            }
        }
    }
}

fn is_optional(volume: &Volume) -> bool {
    let config_map = volume.config_map.as_ref().and_then(|source| source.optional);
    let secret = volume.secret.as_ref().and_then(|source| source.optional);
    config_map == Some(true) || secret == Some(true)
}

/// Variables that are almost one of ours.
fn variables(deployment: &str, server: &Container) -> Vec<CheckResult> {
    let command = ServeSettings::augment_args(clap::Command::new("serve"));
    let of_flags = command
        .get_arguments()
        .filter_map(|flag| flag.get_env()?.to_str());
    let known: BTreeSet<_> = of_flags.chain(OTHER_VARIABLES).collect();
    let list: Vec<_> = known.iter().copied().collect();
    let names = server.env.iter().flatten().map(|variable| variable.name.as_str());
    let unknown = names.filter(|name| !known.contains(name) && !name.starts_with("OTEL_"));
    unknown
        .filter_map(|name| {
            let near = strict::nearest(name, &list)?;
            Some(CheckResult::warn(
                CHECK,
                format!("deployment {deployment}: nobody reads the variable {name}"),
                format!("did you mean {near}?"),
            ))
        })
        .collect()
}

/// A drop-in is of use with the directory of the sidecar's socket, in both containers.
fn drop_in(deployment: &str, operator: &Container, server: Option<&Container>, found: &mut Vec<CheckResult>) {
    let Some(binary) = mounts_of(operator).find(|mount| mount.mount_path.ends_with(DROP_IN)) else {
        return;
    };
    if binary.sub_path.is_none() {
        found.push(CheckResult::fail(
            CHECK,
            format!("deployment {deployment}: {} is a directory", binary.mount_path),
            "mount one file: subPath native-submit of the image volume, or spark-submit of the init container's",
        ));
    }
    let Some(server) = server else { return };
    let directory = |container: &Container| {
        let mut mounts = mounts_of(container);
        mounts.any(|mount| is_below(crate::settings::DEFAULT_SOCKET, &mount.mount_path))
    };
    let named = server
        .env
        .iter()
        .flatten()
        .any(|variable| variable.name == "NATIVE_SUBMIT_SOCKET");
    for container in [operator, server] {
        if !named && !directory(container) {
            found.push(CheckResult::fail(
                CHECK,
                format!("deployment {deployment}: container {} has no mount of the socket's directory", container.name),
                "mount the emptyDir native-submit-socket at /var/run/native-submit in both containers; else the drop-in submits by itself",
            ));
        }
    }
}

/// The value of a flag of the operator's.
fn flag<'c>(operator: &'c Container, name: &str) -> Option<&'c str> {
    let mut arguments = operator.args.iter().flatten();
    arguments.find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))
}

/// Whether one of the operator's feature gates is on.
fn has_gate(operator: &Container, name: &str) -> bool {
    let gates = flag(operator, "--feature-gates").unwrap_or_default();
    gates
        .split(',')
        .any(|gate| gate.trim().strip_prefix(name) == Some("=true"))
}

/// Where Spark is in the operator's image, unless `SPARK_HOME` says otherwise.
const SPARK_HOME: &str = "/opt/spark";

/// The gate `LoadSparkDefaults` makes the operator give `--load-spark-defaults`: by REST nothing is loaded, and by the drop-in what is
/// in the operator's container.
fn defaults(deployment: &str, operator: &Container) -> Option<CheckResult> {
    if !has_gate(operator, "LoadSparkDefaults") {
        return None;
    }
    if has_gate(operator, "RestSubmitter") {
        return Some(CheckResult::warn(
            CHECK,
            format!(
                "deployment {deployment}: the gate LoadSparkDefaults is on, and REST loads no spark-defaults.conf"
            ),
            "put its keys into each application's sparkConf, or use the drop-in, which loads it",
        ));
    }
    mounts_of(operator).find(|mount| mount.mount_path.ends_with(DROP_IN))?;
    let variable = |name: &str| {
        let mut variables = operator.env.iter().flatten();
        variables.find(|variable| variable.name == name)
    };
    let directory = match (variable("SPARK_CONF_DIR"), variable("SPARK_HOME")) {
        // One that comes from elsewhere can't be known here.
        (Some(directory), _) => directory.value.clone()?,
        (None, Some(home)) => format!("{}/conf", home.value.as_deref()?),
        (None, None) => format!("{SPARK_HOME}/conf"),
    };
    let is_there = |mount: &VolumeMount| {
        is_below(&directory, &mount.mount_path) || is_below(&mount.mount_path, &directory)
    };
    (!mounts_of(operator).any(is_there)).then(|| {
        CheckResult::warn(
            CHECK,
            format!(
                "deployment {deployment}: the gate LoadSparkDefaults is on, and container {} has no volume at {directory}",
                operator.name
            ),
            "mount a ConfigMap with the key spark-defaults.conf there; else what the image has is loaded",
        )
    })
}

/// The server reads no conf directory of its own: neither gRPC nor REST loads one, and the drop-in reads its own container's.
fn unread_conf(deployment: &str, server: &Container) -> Option<CheckResult> {
    let mut variables = server.env.iter().flatten();
    variables.find(|variable| variable.name == "SPARK_CONF_DIR")?;
    Some(CheckResult::warn(
        CHECK,
        format!("deployment {deployment}: container {CONTAINER} doesn't read SPARK_CONF_DIR"),
        "set it, and mount the directory, in the operator's container, where the drop-in reads it; gRPC and REST load no \
         spark-defaults.conf",
    ))
}

/// The gate of the REST submitter needs a URL, and one on loopback needs the sidecar.
fn rest(deployment: &str, operator: &Container, server: Option<&Container>, found: &mut Vec<CheckResult>) {
    let gate = has_gate(operator, "RestSubmitter");
    match flag(operator, "--submitter-service-url") {
        None | Some("") if gate => found.push(CheckResult::fail(
            CHECK,
            format!("deployment {deployment}: the gate RestSubmitter is on, and there is no --submitter-service-url"),
            "set submitter.serviceUrl; the chart has that value from operator 2.6.0 on",
        )),
        Some(url) if !url.is_empty() && !gate => found.push(CheckResult::warn(
            CHECK,
            format!("deployment {deployment}: submitter.serviceUrl is set, and the gate RestSubmitter is off"),
            "add {name: RestSubmitter, enabled: true} to controller.featureGates",
        )),
        None | Some("") => {}
        Some(url) => {
            let parsed = url.parse::<http::Uri>().ok();
            let port = parsed.as_ref().and_then(http::Uri::port_u16);
            let path = parsed.as_ref().map(http::Uri::path);
            if port.is_none() || path != Some("/api/v1/spark-submit") {
                found.push(CheckResult::fail(
                    CHECK,
                    format!("deployment {deployment}: submitter.serviceUrl lacks the port, or the path /api/v1/spark-submit"),
                    "as in http://127.0.0.1:50052/api/v1/spark-submit",
                ));
            }
            let host = parsed.as_ref().and_then(http::Uri::host).unwrap_or_default();
            if ["127.0.0.1", "localhost", "[::1]"].contains(&host) && server.is_none() {
                found.push(CheckResult::fail(
                    CHECK,
                    format!("deployment {deployment}: submitter.serviceUrl is on loopback, and the Pod has no container native-submit"),
                    "add the sidecar (deploy/helm/rest.yaml), or name the Service of a server",
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// As the chart makes it of deploy/helm/drop-in.yaml, with templates.
    fn dropped_in() -> Value {
        json!({
            "metadata": {"name": "spark-operator-controller"},
            "spec": {"selector": {}, "template": {"spec": {
                "containers": [
                    {"name": "controller", "image": "kubeflow/spark-operator/controller:2.6.0",
                     "args": ["controller", "start", "--feature-gates=RestSubmitter=true",
                              "--submitter-service-url=http://127.0.0.1:50052/api/v1/spark-submit"],
                     "volumeMounts": [
                        {"name": "native-submit", "mountPath": "/opt/spark/bin/spark-submit", "subPath": "native-submit"},
                        {"name": "native-submit-socket", "mountPath": "/var/run/native-submit"}]},
                    {"name": "native-submit", "image": "native-submit:0.2.0",
                     "env": [{"name": "TEMPLATE_DIR", "value": "/templates"}, {"name": "OTEL_SERVICE_NAME", "value": "a"}],
                     "volumeMounts": [
                        {"name": "native-submit-socket", "mountPath": "/var/run/native-submit"},
                        {"name": "templates", "mountPath": "/templates/default"}]}],
                "volumes": [
                    {"name": "native-submit", "image": {"reference": "native-submit:0.2.0"}},
                    {"name": "templates", "configMap": {"name": "a"}},
                    {"name": "native-submit-socket", "emptyDir": {}}],
            }}},
        })
    }

    fn said(deployment: &Value) -> Vec<String> {
        let deployment = serde_json::from_value(deployment.clone()).unwrap();
        examine(&[deployment]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_deployment_as_it_should_be_is_ok_and_one_without_native_submit_is_nothing() {
        let found = said(&dropped_in());
        assert!(found.len() == 1 && found[0].starts_with("OK"), "{found:?}");
        let other = json!({"metadata": {"name": "a"}, "spec": {"selector": {}, "template": {"spec": {"containers": [{"name": "a"}]}}}});
        assert_eq!(said(&other), [""; 0]);
    }

    #[test]
    fn a_server_with_a_conf_directory_is_named() {
        let mut deployment = dropped_in();
        deployment["spec"]["template"]["spec"]["containers"][1]["env"][1]["name"] = json!("SPARK_CONF_DIR");
        let found = said(&deployment);
        let expected = "container native-submit doesn't read SPARK_CONF_DIR";
        assert!(
            found.len() == 1 && found[0].starts_with("WARN") && found[0].contains(expected),
            "{found:#?}"
        );
    }

    #[test]
    fn defaults_that_nobody_loads_are_named() {
        const REST: &str = "deployment spark-operator-controller: the gate LoadSparkDefaults is on, and REST loads no spark-defaults.conf";
        const NO_MOUNT: &str = "the gate LoadSparkDefaults is on, and container controller has no volume at ";
        let with = |gates: &str, env: Value, mount: Option<&str>| {
            let mut deployment = dropped_in();
            let operator = &mut deployment["spec"]["template"]["spec"]["containers"][0];
            operator["args"] = json!([format!("--feature-gates={gates}"), "--submitter-service-url="]);
            if gates.contains("RestSubmitter=true") {
                operator["args"][1] =
                    json!("--submitter-service-url=http://127.0.0.1:50052/api/v1/spark-submit");
            }
            operator["env"] = env;
            let mounts = operator["volumeMounts"].as_array_mut().unwrap();
            mounts.extend(mount.map(|path| json!({"name": "conf", "mountPath": path})));
            said(&deployment)
        };
        let none = json!([]);
        let conf_dir = json!([{"name": "SPARK_CONF_DIR", "value": "/etc/spark"}]);
        let home = json!([{"name": "SPARK_HOME", "value": "/spark"}]);
        let elsewhere = json!([{"name": "SPARK_CONF_DIR", "valueFrom": {"fieldRef": {"fieldPath": "a"}}}]);
        let (on, rest) = (
            "A=false,LoadSparkDefaults=true",
            "RestSubmitter=true,LoadSparkDefaults=true",
        );
        for (gates, env, mount, expected) in [
            (rest, &none, Some("/opt/spark/conf"), Some(REST.to_owned())),
            (on, &none, None, Some(format!("{NO_MOUNT}/opt/spark/conf"))),
            (
                on,
                &conf_dir,
                Some("/opt/spark/conf"),
                Some(format!("{NO_MOUNT}/etc/spark")),
            ),
            (on, &home, None, Some(format!("{NO_MOUNT}/spark/conf"))),
            (on, &none, Some("/opt/spark/conf"), None),
            (on, &conf_dir, Some("/etc/spark/spark-defaults.conf"), None),
            (on, &elsewhere, None, None),
            ("LoadSparkDefaults=false", &none, None, None),
            ("RestSubmitter=true", &none, None, None),
        ] {
            let found = with(gates, env.clone(), mount);
            match expected {
                Some(expected) => assert!(
                    found
                        .iter()
                        .any(|line| line.starts_with("WARN") && line.contains(&expected)),
                    "{gates} {env} {mount:?}: {found:#?}"
                ),
                None => assert!(
                    found.iter().all(|line| line.starts_with("OK")),
                    "{gates} {env}: {found:#?}"
                ),
            }
        }
    }

    #[test]
    fn each_slip_of_the_values_is_named() {
        let pod = "/spec/template/spec";
        for (pointer, value, verdict, expected) in [
            (
                "/containers/1/volumeMounts/1/mountPath",
                json!("/other"),
                "FAIL",
                "TEMPLATE_DIR is /templates, and no volume is mounted there",
            ),
            (
                "/containers/1/volumeMounts/1/subPath",
                json!("a"),
                "WARN",
                "mounted by a subPath",
            ),
            (
                "/volumes/1/configMap/optional",
                json!(true),
                "FAIL",
                "the volume templates of TEMPLATE_DIR is optional",
            ),
            (
                "/containers/1/env/1/name",
                json!("ALLOWED_NAMESPACE"),
                "WARN",
                "nobody reads the variable ALLOWED_NAMESPACE",
            ),
            (
                "/containers/1/image",
                json!("native-submit:0.1.0"),
                "FAIL",
                "several releases of native-submit are deployed: native-submit:0.1.0, native-submit:0.2.0",
            ),
            (
                "/containers/1/volumeMounts/0/mountPath",
                json!("/a"),
                "FAIL",
                "container native-submit has no mount of the socket's directory",
            ),
            (
                "/containers/0/volumeMounts/1/mountPath",
                json!("/a"),
                "FAIL",
                "container controller has no mount of the socket's directory",
            ),
            (
                "/containers/0/volumeMounts/0/subPath",
                Value::Null,
                "FAIL",
                "/opt/spark/bin/spark-submit is a directory",
            ),
            (
                "/containers/0/args/3",
                json!("--a"),
                "FAIL",
                "there is no --submitter-service-url",
            ),
            (
                "/containers/0/args/2",
                json!("--a"),
                "WARN",
                "the gate RestSubmitter is off",
            ),
            (
                "/containers/0/args/3",
                json!("--submitter-service-url=http://127.0.0.1/api/v1/spark-submit"),
                "FAIL",
                "lacks the port",
            ),
            (
                "/containers/0/args/3",
                json!("--submitter-service-url=http://127.0.0.1:50052"),
                "FAIL",
                "lacks the port, or the path",
            ),
            (
                "/containers/1/name",
                json!("sidecar"),
                "FAIL",
                "the Pod has no container native-submit",
            ),
        ] {
            let mut deployment = dropped_in();
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            let parent = deployment.pointer_mut(&format!("{pod}{parent}")).unwrap();
            match field.parse::<usize>() {
                Ok(index) => parent[index] = value,
                Err(_) => parent[field] = value,
            }
            let found = said(&deployment);
            assert!(
                found
                    .iter()
                    .any(|line| line.starts_with(verdict) && line.contains(expected)),
                "{pointer}: {found:#?}"
            );
        }
    }
}
