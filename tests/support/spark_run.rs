//! A run of a real Spark on the node of `tests/e2e/node`: where it runs, by which entry point it came, and what it left behind.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{
    control_plane::ControlPlane,
    serve::{self, Serve},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// How long a run may take, in s; alone on two cores one takes 15 to 30.
const PATIENCE: Duration = Duration::from_secs(180);

/// The name of each application, which has a namespace to itself.
pub(crate) const NAME: &str = "app";
/// The driver Pod's.
pub(crate) const DRIVER: &str = "app-driver";

/// The Spark versions that `tests/e2e/spark` laid out, oldest first.
pub(crate) fn versions() -> [String; 2] {
    let given = std::env::var("E2E_SPARK_VERSIONS").expect("E2E_SPARK_VERSIONS, which tests/e2e/spark sets");
    let versions: Vec<_> = given.split(' ').map(str::to_owned).collect();
    versions.try_into().expect("two versions")
}

fn run_directory() -> PathBuf {
    let standard = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/e2e/run");
    std::env::var_os("E2E_RUN").map_or_else(standard, PathBuf::from)
}

/// An entry point of native-submit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryPoint {
    Grpc,
    Rest,
    DropIn,
}

/// A namespace in which a driver may run, with a directory for Spark's event logs.
pub(crate) struct Place {
    pub(crate) plane: ControlPlane,
    pub(crate) namespace: String,
}

/// How a driver ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) phase: String,
    pub(crate) status: Value,
    pub(crate) log: String,
}

impl Ended {
    /// The rest of the line that begins so, if the driver succeeded.
    pub(crate) fn said(&self, start: &str) -> Result<&str, String> {
        let last: Vec<_> = self.log.lines().rev().take(30).collect();
        if self.phase != "Succeeded" {
            return Err(format!("{}: {}\n{}", self.phase, self.status, last.join("\n")));
        }
        self.log
            .lines()
            .find_map(|line| line.strip_prefix(start))
            .ok_or_else(|| {
                format!(
                    "the driver never said {start}; its last lines, last first:\n{}",
                    last.join("\n")
                )
            })
    }
}

impl Place {
    pub(crate) async fn new() -> Self {
        let plane = ControlPlane::connect().await;
        let namespace = plane.namespace("spark").await;
        plane.let_drivers_run(&namespace, "spark").await;
        let place = Self { plane, namespace };
        fs::create_dir_all(place.events()).unwrap();
        fs::set_permissions(place.events(), fs::Permissions::from_mode(0o777)).unwrap();
        place
    }

    fn events(&self) -> PathBuf {
        run_directory().join("event-logs").join(&self.namespace)
    }

    /// Conf by which the driver writes one plain event log file that this process can read.
    fn event_log_conf(&self) -> BTreeMap<String, String> {
        let events = self.events().to_str().unwrap().to_owned();
        [
            ("spark.eventLog.enabled", "true"),
            ("spark.eventLog.dir", "file:///events"),
            ("spark.eventLog.compress", "false"),
            ("spark.eventLog.rolling.enabled", "false"),
            (
                "spark.kubernetes.driver.volumes.hostPath.events.mount.path",
                "/events",
            ),
            (
                "spark.kubernetes.driver.volumes.hostPath.events.options.path",
                &events,
            ),
            // They are looked at when the driver is done.
            ("spark.kubernetes.executor.deleteOnTermination", "false"),
            ("spark.ui.enabled", "false"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }

    /// A `SparkApplication` for this place; `spec` is merged over what all have.
    pub(crate) fn application(&self, version: &str, spec: &Value) -> Value {
        let mut application = json!({
            "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication",
            "metadata": {"name": NAME, "namespace": self.namespace},
            "spec": {
                "type": "Scala", "mode": "cluster", "sparkVersion": version, "image": format!("spark:{version}"),
                "driver": {"cores": 1, "memory": "512m", "serviceAccount": "spark"},
                "executor": {"instances": 1, "cores": 1, "memory": "512m"},
                "sparkConf": self.event_log_conf(),
            },
        });
        merge(&mut application["spec"], spec);
        application
    }

    /// Arguments of spark-submit for this place, up to the conf.
    pub(crate) fn arguments(&self, version: &str, conf: &[(&str, &str)]) -> Vec<String> {
        let server = self.plane.server();
        let mut arguments: Vec<String> = [
            "--master",
            &format!("k8s://{server}"),
            "--deploy-mode",
            "cluster",
            "--name",
            NAME,
        ]
        .map(str::to_owned)
        .into();
        let mut all = self.event_log_conf();
        for (key, value) in [
            ("spark.kubernetes.namespace", self.namespace.as_str()),
            ("spark.kubernetes.container.image", &format!("spark:{version}")),
            ("spark.kubernetes.driver.pod.name", DRIVER),
            ("spark.kubernetes.authenticate.driver.serviceAccountName", "spark"),
            ("spark.kubernetes.submission.waitAppCompletion", "false"),
            (
                "spark.kubernetes.driver.label.sparkoperator.k8s.io/submission-id",
                "an-id",
            ),
            ("spark.driver.memory", "512m"),
            ("spark.executor.memory", "512m"),
            ("spark.executor.instances", "1"),
        ]
        .iter()
        .chain(conf)
        {
            all.insert((*key).to_owned(), (*value).to_owned());
        }
        for (key, value) in all {
            arguments.extend(["--conf".to_owned(), format!("{key}={value}")]);
        }
        arguments
    }

    /// Submits an application by gRPC, as the operator would: it exists.
    pub(crate) async fn submit(&self, application: &Value) {
        let live = self.create(application).await;
        self.submit_live(&live, &[]).await.unwrap();
    }

    /// Creates an application, and gives it back as it is in the cluster.
    pub(crate) async fn create(&self, application: &Value) -> Value {
        let mut live = self.plane.create(&self.namespace, application).await.unwrap();
        live["metadata"].as_object_mut().unwrap().remove("managedFields");
        live
    }

    /// Submits an application that exists to a server with these settings; the message where it is refused.
    pub(crate) async fn submit_live(&self, live: &Value, settings: &[(&str, &str)]) -> Result<(), String> {
        let server = serve(settings);
        let reply = serve::submit(&server.grpc, &live.to_string(), "an-id").await;
        if reply.success {
            Ok(())
        } else {
            Err(reply.error_message)
        }
    }

    /// Submits arguments of spark-submit by REST or through the drop-in.
    pub(crate) async fn submit_arguments(
        &self,
        entry_point: EntryPoint,
        version: &str,
        arguments: &[String],
    ) {
        match entry_point {
            EntryPoint::Grpc => panic!("gRPC takes applications"),
            EntryPoint::Rest => {
                let application = self.application(version, &json!({"mainApplicationFile": "local:///none"}));
                let live = self.plane.create(&self.namespace, &application).await.unwrap();
                let owner = json!([{
                    "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": NAME,
                    "uid": live["metadata"]["uid"], "controller": true,
                }]);
                let template = json!({"metadata": {"ownerReferences": owner}, "spec": {"containers": []}});
                let body = json!({
                    "submission_id": "an-id", "spark_submit_args": arguments, "driver_pod_template": template,
                });
                let server = serve(&[]);
                let (status, answer) = serve::exchange(
                    &server.rest,
                    "POST /api/v1/spark-submit",
                    "Content-Type: application/json\r\n",
                    body.to_string().as_bytes(),
                );
                assert_eq!(status, 201, "{answer}");
            }
            EntryPoint::DropIn => {
                let folder = tempfile::tempdir().unwrap();
                let program = folder.path().join("spark-submit");
                std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_native-submit"), &program).unwrap();
                let spark = run_directory().join("../spark").join(version);
                let output = Command::new(program)
                    .args(arguments)
                    .env_clear()
                    .env("KUBECONFIG", run_directory().join("admin.kubeconfig"))
                    .env("SPARK_HOME", spark)
                    .env("NATIVE_SUBMIT_SOCKET", folder.path().join("none.sock"))
                    .output()
                    .unwrap();
                assert!(
                    output.status.success(),
                    "{}",
                    String::from_utf8_lossy(&output.stderr)
                );
            }
        }
    }

    /// Waits until the driver has ended.
    pub(crate) async fn ended(&self) -> Ended {
        self.ended_within(PATIENCE).await
    }

    /// The driver when it has ended, or as it is after that time.
    pub(crate) async fn ended_within(&self, patience: Duration) -> Ended {
        let until = Instant::now() + patience;
        loop {
            let pod = self
                .plane
                .get("Pod", &self.namespace, DRIVER)
                .await
                .expect("the driver Pod");
            let phase = pod["status"]["phase"].as_str().unwrap_or_default();
            if ["Succeeded", "Failed"].contains(&phase) || Instant::now() > until {
                return Ended {
                    phase: phase.to_owned(),
                    status: pod["status"].clone(),
                    log: fs::read_to_string(log_file(&pod, "spark-kubernetes-driver")).unwrap_or_default(),
                };
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The executors' Pods.
    pub(crate) async fn executors(&self) -> Vec<Value> {
        let mut pods = self.plane.objects(&self.namespace).await;
        pods.retain(|object| {
            object["kind"] == "Pod" && object["metadata"]["labels"]["spark-role"] == "executor"
        });
        pods
    }

    /// What the driver's event log says.
    pub(crate) fn event_log(&self) -> EventLog {
        let files: Vec<_> = fs::read_dir(self.events())
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        assert_eq!(files.len(), 1, "one event log: {files:?}");
        EventLog::read(&fs::read_to_string(&files[0]).unwrap())
    }

    /// Takes all away.
    pub(crate) async fn leave(self) {
        self.plane.remove_namespace(&self.namespace).await;
    }
}

fn serve(settings: &[(&str, &str)]) -> Serve {
    let kubeconfig = run_directory().join("admin.kubeconfig");
    let mut environment = vec![("KUBECONFIG", kubeconfig.to_str().unwrap())];
    environment.extend(settings);
    Serve::start(&[], &environment)
}

/// Where the node writes what a container says.
pub(crate) fn log_file(pod: &Value, container: &str) -> PathBuf {
    let text = |field: &str| pod["metadata"][field].as_str().unwrap().to_owned();
    let directory = format!("{}.{}", text("name"), &text("uid")[..8]);
    run_directory()
        .join("pods")
        .join(text("namespace"))
        .join(directory)
        .join(format!("{container}.log"))
}

/// Lays one value over another, object by object.
pub(crate) fn merge(into: &mut Value, over: &Value) {
    match (into, over) {
        (Value::Object(into), Value::Object(over)) => {
            for (key, value) in over {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, over) => *into = over.clone(),
    }
}

/// The events of one run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct EventLog {
    pub(crate) executors: BTreeSet<String>,
    pub(crate) removed: BTreeSet<String>,
    /// Tasks that succeeded.
    pub(crate) tasks: usize,
    pub(crate) failed_tasks: usize,
    pub(crate) stages: usize,
    pub(crate) jobs: usize,
    pub(crate) ended: bool,
}

impl EventLog {
    fn read(text: &str) -> Self {
        let mut log = Self::default();
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let executor = || event["Executor ID"].as_str().unwrap().to_owned();
            match event["Event"].as_str().unwrap() {
                "SparkListenerExecutorAdded" => drop(log.executors.insert(executor())),
                "SparkListenerExecutorRemoved" => drop(log.removed.insert(executor())),
                "SparkListenerTaskEnd" if event["Task End Reason"]["Reason"] == "Success" => log.tasks += 1,
                "SparkListenerTaskEnd" => log.failed_tasks += 1,
                "SparkListenerStageCompleted" => log.stages += 1,
                "SparkListenerJobEnd" if event["Job Result"]["Result"] == "JobSucceeded" => log.jobs += 1,
                "SparkListenerApplicationEnd" => log.ended = true,
                _ => {}
            }
        }
        log
    }
}
