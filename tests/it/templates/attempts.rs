//! The attempts of `bypasses.rs` through real sockets of running servers: gRPC, REST as the operator sends it, and the drop-in
//! `spark-submit`; with the operator's webhook on and off, with the set `restricted` and without.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::bypasses::{IN_APPLICATIONS, IN_ARGUMENTS, WITH_THE_WEBHOOK, application, has_image};
use crate::support::api_server::ApiServer;
use crate::support::serve::{Serve, binary, exchange, submit};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// How many attempts are under way at once.
const AT_ONCE: usize = 4;

/// What is tried: an application, or arguments alone; and what the refusal says.
#[derive(Clone)]
struct Attempt {
    name: String,
    what: String,
    application: Option<Value>,
    conf: Vec<String>,
    says: &'static str,
    /// Whether it is one with the operator's webhook alone.
    needs_webhook: bool,
}

/// A server, what it is called, and whether it has the set.
struct Server {
    serve: Serve,
    socket: std::path::PathBuf,
    what: &'static str,
    has_webhook: bool,
    is_restricted: bool,
}

impl Server {
    /// Whether an attempt is to be refused here.
    fn refuses(&self, attempt: &Attempt) -> bool {
        self.is_restricted && (self.has_webhook || !attempt.needs_webhook)
    }
}

fn attempts() -> Vec<Attempt> {
    let from = |list: &'static [(&str, &str, &'static str)], needs_webhook| {
        list.iter().map(move |(pointer, written, says)| {
            let application = application(pointer, written);
            let what = format!("{pointer}: {written}");
            (what, Some(application), Vec::new(), *says, needs_webhook)
        })
    };
    let in_applications = from(&IN_APPLICATIONS, false).chain(from(&WITH_THE_WEBHOOK, true));
    let in_arguments = IN_ARGUMENTS.iter().map(|(conf, says)| {
        let conf: Vec<_> = conf.iter().map(|conf| (*conf).to_owned()).collect();
        (conf.join(" "), None, conf, *says, false)
    });
    let all = in_applications.chain(in_arguments).enumerate();
    all.map(|(index, (what, application, conf, says, needs_webhook))| {
        let attempt = Attempt {
            name: String::new(),
            what,
            application,
            conf,
            says,
            needs_webhook,
        };
        attempt.named(&format!("attempt-{index}"))
    })
    .collect()
}

impl Attempt {
    /// The same under another name, so that no earlier one is in its way.
    fn named(&self, name: &str) -> Self {
        let mut attempt = Self {
            name: name.to_owned(),
            ..self.clone()
        };
        if let Some(application) = &mut attempt.application {
            application["metadata"]["name"] = json!(name);
            application["metadata"]["uid"] = json!(name);
        }
        attempt
    }

    /// What the operator makes of the application: arguments, the rest in the pod templates and on the cluster.
    fn arguments(&self, id: &str) -> Vec<String> {
        let mut conf = vec![
            "spark.kubernetes.namespace=restricted-eu".to_owned(),
            "spark.kubernetes.submission.waitAppCompletion=false".to_owned(),
            format!("spark.kubernetes.driver.pod.name={}-driver", self.name),
        ];
        if let Some(application) = &self.application {
            let spec = &application["spec"];
            for role in ["driver", "executor"] {
                let label = format!("spark.kubernetes.{role}.label.sparkoperator.k8s.io");
                conf.push(format!("{label}/app-name={}", self.name));
                conf.push(format!("{label}/launched-by-spark-operator=true"));
            }
            conf.push(format!(
                "spark.kubernetes.driver.label.sparkoperator.k8s.io/submission-id={id}"
            ));
            for (key, image) in [
                ("spark.kubernetes.container.image", &spec["image"]),
                (
                    "spark.kubernetes.driver.container.image",
                    &spec["driver"]["image"],
                ),
                (
                    "spark.kubernetes.executor.container.image",
                    &spec["executor"]["image"],
                ),
            ] {
                conf.extend(image.as_str().map(|image| format!("{key}={image}")));
            }
            for role in ["driver", "executor"] {
                let annotations = spec[role]["annotations"].as_object();
                let annotations = annotations.into_iter().flatten();
                conf.extend(annotations.map(|(key, value)| {
                    let value = value.as_str().unwrap();
                    format!("spark.kubernetes.{role}.annotation.{key}={value}")
                }));
            }
            let own = spec["sparkConf"].as_object();
            let own = own.into_iter().flatten();
            conf.extend(own.map(|(key, value)| format!("{key}={}", value.as_str().unwrap())));
        }
        conf.extend(self.conf.iter().cloned());
        if !has_image(conf.iter().map(String::as_str)) {
            conf.push("spark.kubernetes.container.image=spark:4.1.1".to_owned());
        }
        let fixed = "--master k8s://https://10.0.0.1:443 --deploy-mode cluster --class a.B --name report";
        let mut arguments: Vec<_> = fixed.split(' ').map(str::to_owned).collect();
        arguments.extend(conf.into_iter().flat_map(|conf| ["--conf".to_owned(), conf]));
        arguments.push("local:///a.jar".to_owned());
        arguments
    }

    /// The pod template of a role, with its owner, as the operator makes it.
    fn template(&self, role: &str) -> Value {
        let mut template = match &self.application {
            Some(application) => application["spec"][role]["template"].clone(),
            None => Value::Null,
        };
        if template["spec"]["containers"]
            .as_array()
            .is_none_or(Vec::is_empty)
        {
            template["spec"]["containers"] = json!([{"name": format!("spark-kubernetes-{role}")}]);
        }
        if self.application.is_some() {
            template["metadata"]["ownerReferences"] = json!([{
                "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": self.name,
                "uid": self.name, "controller": role == "driver", "blockOwnerDeletion": true,
            }]);
        }
        template
    }
}

/// Why a server refuses an attempt; empty where it doesn't.
fn by_grpc(server: &Server, attempt: &Attempt) -> String {
    let application = attempt.application.as_ref().unwrap().to_string();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let reply = runtime.block_on(submit(
        &server.serve.grpc,
        &application,
        &id("grpc", server, attempt),
    ));
    reply.error_message
}

fn by_rest(server: &Server, attempt: &Attempt) -> String {
    let id = id("rest", server, attempt);
    let body = json!({
        "submission_id": id,
        "spark_submit_args": attempt.arguments(&id),
        "driver_pod_template": attempt.template("driver"),
        "executor_pod_template": attempt.template("executor"),
    });
    let headers = "Content-Type: application/json\r\n";
    let post = "POST /api/v1/spark-submit";
    let (status, answer) = exchange(&server.serve.rest, post, headers, body.to_string().as_bytes());
    if [200, 201].contains(&status) {
        return String::new();
    }
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["message"].as_str().unwrap().to_owned()
}

fn by_drop_in(server: &Server, attempt: &Attempt) -> String {
    let id = id("drop-in", server, attempt);
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = attempt.arguments(&id);
    let file = arguments.pop().unwrap();
    for role in ["driver", "executor"] {
        let path = folder.path().join(format!("{role}.yaml"));
        std::fs::write(&path, attempt.template(role).to_string()).unwrap();
        let key = format!("spark.kubernetes.{role}.podTemplateFile={}", path.display());
        arguments.extend(["--conf".to_owned(), key]);
    }
    let output = Command::new(binary())
        .arg("spark-submit")
        .args(arguments)
        .arg(file)
        .env_clear()
        .env("NATIVE_SUBMIT_SOCKET", &server.socket)
        .env("SPARK_VERSION", "4.1.1")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    if output.status.success() {
        String::new()
    } else {
        said
    }
}

/// Submits an attempt by one entry point.
type EntryPoint = fn(&Server, &Attempt) -> String;

/// Each server and entry point has ids of its own: a submission that is there already is no attempt.
fn id(entry_point: &str, server: &Server, attempt: &Attempt) -> String {
    format!("{entry_point}-{}-{}", server.what, attempt.name)
}

fn server(
    api: &ApiServer,
    folder: &Path,
    what: &'static str,
    webhook: &str,
    is_restricted: bool,
) -> (Server, tempfile::TempDir) {
    let socket = folder.join(format!("{what}.sock"));
    let sets = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/templates/sets");
    let mut arguments = vec![
        "--socket",
        socket.to_str().unwrap(),
        "--operator-webhook",
        webhook,
        "--spark-version",
        "4.1.1",
        "--events=false",
    ];
    if is_restricted {
        arguments.extend([
            "--template-dir",
            sets.to_str().unwrap(),
            "--template-sets",
            "namespace:restricted-*=restricted",
            "--template-set-annotation",
            "refuse",
            "--allowed-extra-kinds",
            "NetworkPolicy",
        ]);
    }
    let (serve, config) = Serve::to(&api.url, &arguments);
    if is_restricted {
        serve.wait_for("/readyz", |body| body.contains("\"live\": \"restricted@"));
    }
    let server = Server {
        serve,
        socket,
        what,
        has_webhook: webhook == "on",
        is_restricted,
    };
    (server, config)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_is_refused_by_every_entry_point_with_the_set_and_accepted_without_it() {
    let api = ApiServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let attempts = attempts();
    let servers = [
        server(&api, folder.path(), "on", "on", true),
        server(&api, folder.path(), "off", "off", true),
        server(&api, folder.path(), "without-on", "on", false),
        server(&api, folder.path(), "without-off", "off", false),
    ];
    let entry_points: [(&str, EntryPoint); 3] =
        [("gRPC", by_grpc), ("REST", by_rest), ("drop-in", by_drop_in)];
    // A process for each is dear, so each attempt of the drop-in meets one server with the set, and a few one without. And what is
    // accepted with the webhook on is so with it off: each attempt meets one of both.
    let is_tried = |entry_point: &str, index: usize, attempt: usize| match (entry_point, index) {
        ("drop-in", 0 | 1) => attempt % 2 == index,
        ("drop-in", _) => attempt % 8 == index,
        (_, 0 | 1) => true,
        _ => attempt % 2 == index % 2,
    };
    let mut work = Vec::new();
    for (index, (server, _)) in servers.iter().enumerate() {
        for (number, attempt) in attempts.iter().enumerate() {
            // Arguments alone are no application for gRPC.
            let fits = |entry_point: &str| entry_point != "gRPC" || attempt.application.is_some();
            let tried = entry_points
                .iter()
                .filter(|(entry_point, _)| fits(entry_point) && is_tried(entry_point, index, number));
            work.extend(tried.map(|entry_point| {
                let name = format!("{}-{}-{index}", attempt.name, entry_point.0.to_lowercase());
                let attempt = attempt.named(&name);
                if let Some(application) = &attempt.application {
                    api.put("sparkapplications", application.clone());
                }
                (server, attempt, entry_point)
            }));
        }
    }
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let try_all = || {
        while let Some((server, attempt, (entry_point, submit))) =
            work.get(next.fetch_add(1, Ordering::Relaxed))
        {
            let refused = submit(server, attempt);
            let is_right = if server.refuses(attempt) {
                refused.contains(attempt.says)
            } else {
                refused.is_empty()
            };
            if !is_right {
                let line = format!("{entry_point}, {}: {}: {refused:?}", server.what, attempt.what);
                wrong.lock().unwrap().push(line);
            }
        }
    };
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(try_all);
            }
        });
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let drivers = api.objects(|kind| kind == "pods").len();
    let accepted = work
        .iter()
        .filter(|(server, attempt, _)| !server.refuses(attempt));
    assert_eq!(
        drivers,
        accepted.count(),
        "each was accepted where the set doesn't refuse it, and none elsewhere"
    );
}
