//! native-submit, by each entry point.

use crate::{
    block::{Block, Run},
    support::{
        control_plane::ControlPlane,
        serve::{self, Serve},
    },
};
use native_submit::{
    operator::wire::{RunAltSparkSubmitRequest, spark_submit_service_client::SparkSubmitServiceClient},
    spark::submission::TEMPLATE_SET_ANNOTATION,
    telemetry::Stage,
};
use serde_json::{Value, json};
use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
};
use tonic::transport::Channel;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryPoint {
    Grpc,
    Rest,
    /// The drop-in with a server beside it.
    DropInBySocket,
    /// The drop-in alone.
    DropIn,
}

impl fmt::Display for EntryPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grpc => "gRPC",
            Self::Rest => "REST",
            Self::DropInBySocket => "drop-in, by the server's socket",
            Self::DropIn => "drop-in alone",
        })
    }
}

/// A server and a way into it.
pub(crate) struct Ours {
    /// How many template sets of an admin's own it has; applications take turns.
    sets: usize,
    entry_point: EntryPoint,
    serve: Serve,
    client: SparkSubmitServiceClient<Channel>,
    plane: ControlPlane,
    folder: tempfile::TempDir,
}

/// The kubeconfig of `tests/e2e/up`.
pub(crate) fn kubeconfig() -> PathBuf {
    std::env::var_os("KUBECONFIG")
        .expect("KUBECONFIG, which tests/e2e/bench sets")
        .into()
}

impl Ours {
    pub(crate) async fn start(entry_point: EntryPoint) -> Self {
        Self::with_sets(entry_point, 0).await
    }

    /// With so many template sets, each with an override, a patch and a policy.
    pub(crate) async fn with_sets(entry_point: EntryPoint, sets: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let templates = folder.path().join("templates");
        for number in 0..sets {
            let set = templates.join(set_name(number));
            std::fs::create_dir_all(&set).unwrap();
            for (name, text) in SET_FILES {
                std::fs::write(set.join(name), text).unwrap();
            }
        }
        let socket = folder.path().join("submit.sock");
        let program = folder.path().join("spark-submit");
        std::os::unix::fs::symlink(serve::binary(), program).unwrap();
        let mut arguments = vec!["--socket", socket.to_str().unwrap()];
        if sets > 0 {
            arguments.extend(["--template-dir", templates.to_str().unwrap()]);
        }
        let serve = Serve::start(
            &arguments,
            &[
                ("KUBECONFIG", kubeconfig().to_str().unwrap()),
                ("LOG_LEVEL", "warn"),
                // So that none of 256 in flight is turned away.
                ("MAX_IN_FLIGHT", "512"),
            ],
        );
        let client = serve.client().await;
        Self {
            sets,
            entry_point,
            serve,
            client,
            plane: ControlPlane::connect().await,
            folder,
        }
    }

    /// The server's process.
    pub(crate) fn server(&self) -> u32 {
        self.serve.pid()
    }

    /// The mean time of a submission in each stage so far, in ms, as the server's metrics have it.
    pub(crate) fn stages(&self) -> Vec<(&'static str, f64)> {
        let (_, metrics) = self.serve.get("/metrics");
        let value = |kind: &str, stage: &str| -> f64 {
            let series = format!("native_submit_stage_duration_seconds_{kind}{{stage=\"{stage}\"}} ");
            let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
            line.unwrap().parse().unwrap()
        };
        let calls = value("count", "apply");
        Stage::ALL
            .iter()
            .map(|stage| stage.name())
            .map(|stage| (stage, value("sum", stage) / calls * 1_000.0))
            .collect()
    }

    /// Submits a block; CPU is the server's, or the drop-in's that has none.
    pub(crate) async fn run(&self, count: usize, at_once: usize) -> Run {
        let block = Block::new(&self.plane, count).await;
        let process = if self.entry_point == EntryPoint::DropIn {
            "self".to_owned()
        } else {
            self.serve.pid().to_string()
        };
        match self.entry_point {
            EntryPoint::Grpc => {
                let requests: Vec<_> = block
                    .applications
                    .iter()
                    .enumerate()
                    .map(|(number, live)| {
                        let mut live = live.clone();
                        if self.sets > 0 {
                            let set = set_name(number % self.sets);
                            live["metadata"]["annotations"] = json!({TEMPLATE_SET_ANNOTATION: set});
                        }
                        request(&live)
                    })
                    .collect();
                Run::of(&block, at_once, &process, |number| {
                    let (mut client, request) = (self.client.clone(), requests[number].clone());
                    async move {
                        let reply = client.run_alt_spark_submit(request).await.unwrap().into_inner();
                        assert!(reply.success, "{}", reply.error_message);
                    }
                })
                .await
            }
            EntryPoint::Rest => {
                let bodies: Vec<_> = block
                    .applications
                    .iter()
                    .map(|live| body(&self.plane, live))
                    .collect();
                Run::of(&block, at_once, &process, |number| {
                    let (address, body) = (&self.serve.rest, &bodies[number]);
                    async move {
                        let (status, answer) = serve::exchange(
                            address,
                            "POST /api/v1/spark-submit",
                            "Content-Type: application/json\r\n",
                            body.as_bytes(),
                        );
                        assert_eq!(status, 201, "{answer}");
                    }
                })
                .await
            }
            EntryPoint::DropIn | EntryPoint::DropInBySocket => {
                let socket = if self.entry_point == EntryPoint::DropIn {
                    "none.sock"
                } else {
                    "submit.sock"
                };
                let templates = self.folder.path().join(&block.namespace);
                std::fs::create_dir(&templates).unwrap();
                let commands: Vec<_> = block
                    .applications
                    .iter()
                    .map(|live| by_operator(&self.plane, live, &templates))
                    .collect();
                Run::of(&block, at_once, &process, |number| {
                    let arguments = &commands[number];
                    async move { drop_in(self.folder.path(), socket, arguments) }
                })
                .await
            }
        }
    }
}

/// What each set has.
const SET_FILES: [(&str, &str); 3] = [
    (
        "driver-pod.yaml.j2",
        "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block labels %}\n{{ super() }}\n    example.com/bench: \"set\"\n{% endblock %}\n",
    ),
    ("executor-pod.patch.yaml.j2", "spec: {priorityClassName: batch}\n"),
    (
        "host-path.policy.j2",
        "{% for volume in driver.spec.volumes %}\n{% if volume.hostPath %}{{ refuse(\"no\") }}{% endif %}\n{% endfor %}\n",
    ),
];

fn set_name(number: usize) -> String {
    format!("set-{number}")
}

fn request(live: &Value) -> RunAltSparkSubmitRequest {
    RunAltSparkSubmitRequest {
        submission_id: uid(live).to_owned(),
        spark_application_manifest: live.to_string().into_bytes(),
        ..RunAltSparkSubmitRequest::default()
    }
}

fn body(plane: &ControlPlane, live: &Value) -> String {
    let arguments = arguments(plane, live);
    let template = template(live);
    json!({"submission_id": uid(live), "spark_submit_args": arguments, "driver_pod_template": template})
        .to_string()
}

/// The driver's pod template, in which the operator says whose Pod it is.
fn template(live: &Value) -> Value {
    let owner = json!([{
        "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": live["metadata"]["name"],
        "uid": live["metadata"]["uid"], "controller": true,
    }]);
    json!({"metadata": {"ownerReferences": owner}, "spec": {"containers": []}})
}

/// Arguments for the same driver, as the operator writes them.
pub(crate) fn arguments(plane: &ControlPlane, live: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (name, spec) = (text(&live["metadata"]["name"]), &live["spec"]);
    let mut arguments = vec![
        "--master".to_owned(),
        format!("k8s://{}", plane.server()),
        "--deploy-mode".to_owned(),
        "cluster".to_owned(),
        "--class".to_owned(),
        text(&spec["mainClass"]),
        "--name".to_owned(),
        name.clone(),
    ];
    let driver = "spark.kubernetes.driver.label.sparkoperator.k8s.io";
    for entry in [
        format!(
            "spark.kubernetes.namespace={}",
            text(&live["metadata"]["namespace"])
        ),
        format!("spark.kubernetes.container.image={}", text(&spec["image"])),
        "spark.kubernetes.container.image.pullPolicy=IfNotPresent".to_owned(),
        "spark.kubernetes.submission.waitAppCompletion=false".to_owned(),
        format!("spark.kubernetes.driver.pod.name={name}-driver"),
        format!("{driver}/launched-by-spark-operator=true"),
        format!("{driver}/app-name={name}"),
        format!("{driver}/submission-id={}", uid(live)),
        "spark.driver.cores=1".to_owned(),
        "spark.driver.memory=512m".to_owned(),
        "spark.kubernetes.authenticate.driver.serviceAccountName=spark-operator-spark".to_owned(),
        "spark.executor.instances=1".to_owned(),
        "spark.executor.cores=1".to_owned(),
        "spark.executor.memory=512m".to_owned(),
    ] {
        arguments.extend(["--conf".to_owned(), entry]);
    }
    arguments.extend([text(&spec["mainApplicationFile"]), "5000".to_owned()]);
    arguments
}

/// The same with the pod template in a file.
pub(crate) fn by_operator(plane: &ControlPlane, live: &Value, templates: &Path) -> Vec<String> {
    let file = templates.join(live["metadata"]["name"].as_str().unwrap());
    std::fs::write(&file, template(live).to_string()).unwrap();
    let mut arguments = arguments(plane, live);
    let conf = format!("spark.kubernetes.driver.podTemplateFile={}", file.display());
    arguments.splice(8..8, ["--conf".to_owned(), conf]);
    arguments
}

fn drop_in(folder: &Path, socket: &str, arguments: &[String]) {
    let output = Command::new(folder.join("spark-submit"))
        .args(arguments)
        .env_clear()
        .env("KUBECONFIG", kubeconfig())
        .env("NATIVE_SUBMIT_SOCKET", folder.join(socket))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

pub(crate) fn uid(live: &Value) -> &str {
    live["metadata"]["uid"].as_str().unwrap()
}
