//! The node of `tests/e2e/node` does what a kubelet would, or says that it can't; and native-submit in a Pod on it, with the
//! rights of `deploy/rbac` and its templates in a `ConfigMap` (`tests/e2e/spark`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{
    control_plane::ControlPlane,
    serve,
    spark_run::{log_file, merge},
};
use serde_json::{Value, json};
use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
const ACCOUNT: &str = "runner";

/// What the container below finds in its place, line by line.
const FOUND: &str = "\
init: first second
beside: still here
plain: a $(HOME) and a node-test
name: node-test
label: batch
from a Secret: p$ss
from a ConfigMap: one
all of it: one
file of the Secret: p$ss
sub path: one
token: a token
user: 185:0
can be written: no
resolved: a Service
swapped: two, all at once
";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pod_asks_for_is_there() {
    let plane = ControlPlane::connect().await;
    let namespace = a_namespace(&plane).await;
    let settings = config_map("settings", &json!({"first": "one", "second": "one"}));
    plane.create(&namespace, &settings).await.unwrap();
    // Base64 of `p$ss`.
    let secret =
        json!({"kind": "Secret", "metadata": {"name": "credentials"}, "data": {"password": "cCRzcw=="}});
    plane.create(&namespace, &secret).await.unwrap();
    let service = json!({
        "kind": "Service", "metadata": {"name": "itself"},
        "spec": {"clusterIP": "None", "selector": {"pool": "batch"}, "ports": [{"port": 80}]},
    });
    plane.create(&namespace, &service).await.unwrap();
    let look = r#"
        echo "init: $(cat /shared/order)"
        until grep -q here /shared/beside 2>/dev/null; do sleep 0.1; done
        echo "beside: $(cat /shared/beside)"
        echo "plain: $PLAIN"; echo "name: $NAME"; echo "label: $POOL"
        echo "from a Secret: $PASSWORD"; echo "from a ConfigMap: $FIRST"; echo "all of it: $ALL_second"
        echo "file of the Secret: $(cat /credentials/password)"
        echo "sub path: $(cat /one-file)"
        [ "$(cut -d. -f1 /var/run/secrets/kubernetes.io/serviceaccount/token | base64 -d 2>/dev/null | grep -c alg)" = 1 ] && echo "token: a token"
        echo "user: $(id -u):$(id -g)"
        if touch /written 2>/dev/null; then echo "can be written: yes"; else echo "can be written: no"; fi
        [ "$(getent hosts itself | cut -d' ' -f1)" = "$IP" ] && echo "resolved: a Service"
        echo looked > /shared/looked
        old=$(readlink /settings/..data)
        while [ "$(cat /settings/first)" = one ]; do
          [ "$(cat /settings/first)" ] || echo "a file was missing"
          sleep 0.01
        done
        [ "$(readlink /settings/..data)" != "$old" ] && echo "swapped: $(cat /settings/second), all at once"
        exit 7"#;
    let mount = |name: &str, path: &str| json!({"name": name, "mountPath": path});
    let initial = |name: &str, script: &str| {
        json!({
            "name": name, "image": "host", "command": ["sh", "-c", script], "volumeMounts": [mount("shared", "/shared")],
        })
    };
    let mut beside = initial("beside", "echo 'still here' > /shared/beside; exec sleep 600");
    beside["restartPolicy"] = "Always".into();
    let pod = pod(&json!({
        "serviceAccountName": ACCOUNT,
        "initContainers": [
            initial("first", "printf 'first ' > /shared/order"),
            initial("second", "printf second >> /shared/order"),
            beside,
        ],
        "containers": [{
            "name": "main", "image": "host", "command": ["sh", "-c", look],
            "securityContext": {"readOnlyRootFilesystem": true},
            "env": [
                {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "PLAIN", "value": "a $$(HOME) and a $(NAME)"},
                {"name": "POOL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['pool']"}}},
                {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "credentials", "key": "password"}}},
                {"name": "FIRST", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "first"}}},
            ],
            "envFrom": [{"prefix": "ALL_", "configMapRef": {"name": "settings"}}],
            "volumeMounts": [
                mount("shared", "/shared"), mount("settings", "/settings"), mount("credentials", "/credentials"),
                {"name": "settings", "mountPath": "/one-file", "subPath": "first"},
            ],
        }],
        "volumes": [
            {"name": "shared", "emptyDir": {}},
            {"name": "settings", "configMap": {"name": "settings"}},
            {"name": "credentials", "secret": {"secretName": "credentials", "defaultMode": 0o444}},
        ],
    }));
    let live = plane.create(&namespace, &pod).await.unwrap();
    let log = || fs::read_to_string(log_file(&live, "main")).unwrap_or_default();
    until("the Pod to have looked", async || {
        log().contains("resolved").then_some(())
    })
    .await;
    replace_config_map(&plane, &namespace, &json!({"first": "two", "second": "two"})).await;
    let ended = phase(&plane, &namespace, "Failed").await;
    assert_eq!(log(), FOUND);
    let state = &ended["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(
        (&state["exitCode"], &state["reason"]),
        (&json!(7), &json!("Error"))
    );
    plane.remove_namespace(&namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_cannot_do_is_a_failed_pod_with_the_reason() {
    let cases = [
        (json!({"hostNetwork": true}), "hostNetwork"),
        (json!({"schedulerName": "volcano"}), "schedulerName"),
        (json!({"restartPolicy": "Always"}), "restartPolicy"),
        (
            json!({"nodeSelector": {"pool": "gpu"}}),
            "a nodeSelector of other nodes",
        ),
        (json!({"containers": [container("spark:0.0.1")]}), "spark:0.0.1"),
        (json!({"containers": [container("busybox")]}), "busybox"),
        (
            json!({"volumes": [{"name": "disk", "nfs": {"server": "nowhere", "path": "/"}}]}),
            "volume disk",
        ),
        (
            json!({"securityContext": {"runAsUser": 0, "runAsNonRoot": true}}),
            "must not run as root",
        ),
    ];
    let plane = ControlPlane::connect().await;
    for (spec, reason) in cases {
        let namespace = a_namespace(&plane).await;
        plane.create(&namespace, &pod(&spec)).await.unwrap();
        let failed = phase(&plane, &namespace, "Failed").await;
        let message = failed["status"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(reason), "{spec}: {message}");
        plane.remove_namespace(&namespace).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_pod_has_its_grace() {
    let plane = ControlPlane::connect().await;
    let namespace = a_namespace(&plane).await;
    let script =
        "trap 'sleep 1; echo ended by itself; exit 0' TERM; echo begun; while true; do sleep 0.1; done";
    let pod = pod(&json!({
        "containers": [{"name": "main", "image": "host", "command": ["sh", "-c", script]}],
        "terminationGracePeriodSeconds": 20,
    }));
    let live = plane.create(&namespace, &pod).await.unwrap();
    let log = || fs::read_to_string(log_file(&live, "main")).unwrap_or_default();
    until("the Pod", async || log().contains("begun").then_some(())).await;
    plane.delete(&live).await.unwrap();
    plane.until_empty(&namespace).await;
    assert_eq!(log(), "begun\nended by itself\n");
    plane.remove_namespace(&namespace).await;
}

/// native-submit as it runs in a cluster: by its service account's token, with its shipped rights, and templates out of a
/// `ConfigMap` that an admin edits.
#[tokio::test(flavor = "multi_thread")]
async fn templates_of_a_config_map_go_live_and_mistakes_do_not() {
    let plane = ControlPlane::connect().await;
    let namespace = a_namespace(&plane).await;
    grant_shipped_rights(&namespace);
    let templates = |text: &str| json!({"driver-pod.yaml.j2": text});
    let settings = config_map("settings", &templates(&marked("one")));
    plane.create(&namespace, &settings).await.unwrap();
    let pod = pod(&json!({
        "serviceAccountName": ACCOUNT,
        "containers": [{
            "name": "main", "image": "host",
            "command": [env!("CARGO_BIN_EXE_native-submit"), "serve", "--template-dir", "/templates", "--grpc-address", "$(IP)", "--allow-plaintext"],
            "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
            "volumeMounts": [{"name": "templates", "mountPath": "/templates"}],
        }],
        "volumes": [{"name": "templates", "configMap": {"name": "settings"}}],
    }));
    plane.create(&namespace, &pod).await.unwrap();
    let live = phase(&plane, &namespace, "Running").await;
    let address = live["status"]["podIP"].as_str().unwrap().to_owned();
    let health = format!("{address}:9090");
    until("readiness", async || {
        std::net::TcpStream::connect(&health).ok()?;
        (serve::get(&health, "/readyz").0 == 200).then_some(())
    })
    .await;

    let submitted = async |name: &str| {
        let mut application = json!({
            "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "metadata": {"name": name},
            "spec": {
                "type": "Scala", "mode": "cluster", "sparkVersion": "4.0.1", "image": "spark:none", "mainClass": "Main",
                "mainApplicationFile": "local:///main.jar", "driver": {"serviceAccount": ACCOUNT}, "executor": {},
            },
        });
        let made = plane.create(&namespace, &application).await.unwrap();
        merge(&mut application, &made);
        application["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("managedFields");
        let reply = serve::submit(&format!("{address}:50051"), &application.to_string(), name).await;
        assert!(reply.success, "{}", reply.error_message);
        let pod = plane.get("Pod", &namespace, &format!("{name}-driver")).await;
        pod.unwrap()["metadata"]["annotations"]["example.com/mark"].clone()
    };
    assert_eq!(submitted("with-one").await, "one");

    replace_config_map(&plane, &namespace, &templates(&marked("two"))).await;
    reloads(&health, "success", 2).await;
    assert_eq!(submitted("with-two").await, "two");

    let wrong = marked("three").replace("endblock", "endblok");
    replace_config_map(&plane, &namespace, &templates(&wrong)).await;
    reloads(&health, "rejected", 1).await;
    assert_eq!(submitted("with-a-mistake").await, "two");
    plane.remove_namespace(&namespace).await;
}

fn marked(mark: &str) -> String {
    format!(
        "{{% extends \"builtin/driver-pod.yaml.j2\" %}}\n{{% block annotations %}}\n{{{{ super() }}}}\n    example.com/mark: {mark}\n\
         {{% endblock %}}\n"
    )
}

/// Waits until templates were read again, with this result.
async fn reloads(health: &str, result: &str, times: u32) {
    until("a reload", async || {
        let (_, metrics) = serve::get(health, "/metrics");
        let counted = metrics
            .lines()
            .find(|line| {
                line.starts_with("native_submit_template_set_reloads_total")
                    && line.contains(&format!("\"{result}\""))
            })
            .and_then(|line| line.rsplit(' ').next())
            .and_then(|count| count.parse::<u32>().ok());
        counted.filter(|count| *count >= times)
    })
    .await;
}

/// What `deploy/rbac` grants, to the account of this namespace.
fn grant_shipped_rights(namespace: &str) {
    let root = env!("CARGO_MANIFEST_DIR");
    let script = format!(
        "{root}/tests/e2e/rbac \
         | sed -e 's/^  name: native-submit/&-{namespace}/' -e 's/name: spark-operator-controller/name: {ACCOUNT}/' \
               -e 's/namespace: spark-operator/namespace: {namespace}/' \
         | {root}/tests/e2e/kubectl apply -f -"
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn a_namespace(plane: &ControlPlane) -> String {
    let namespace = plane.namespace("node").await;
    plane.let_drivers_run(&namespace, ACCOUNT).await;
    namespace
}

fn config_map(name: &str, data: &Value) -> Value {
    json!({"kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

async fn replace_config_map(plane: &ControlPlane, namespace: &str, data: &Value) {
    plane.replace(namespace, &config_map("settings", data)).await;
}

fn container(image: &str) -> Value {
    json!({"name": "main", "image": image, "command": ["true"]})
}

fn pod(spec: &Value) -> Value {
    let mut pod = json!({
        "kind": "Pod", "metadata": {"name": "node-test", "labels": {"pool": "batch"}},
        "spec": {
            "restartPolicy": "Never", "serviceAccountName": ACCOUNT, "containers": [container("host")],
        },
    });
    merge(&mut pod["spec"], spec);
    pod
}

/// The Pod when it has come to this phase.
async fn phase(plane: &ControlPlane, namespace: &str, phase: &str) -> Value {
    until(phase, async || {
        let pod = plane.get("Pod", namespace, "node-test").await?;
        (pod["status"]["phase"] == phase).then_some(pod)
    })
    .await
}

async fn until<T>(what: &str, mut there: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = there().await {
            return found;
        }
        assert!(Instant::now() < until, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
