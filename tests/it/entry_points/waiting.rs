//! The drop-in waits for a driver's end, and has `--status` and `--kill`: as recorded from the real spark-submit of three versions
//! (`tests/parity/waiting`), and where something goes wrong on the way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{
    api_server::{ApiServer, Effect, Fault},
    process_memory,
    serve::{Serve, binary, kubeconfig},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// The line that each entry of the log begins with, after its time.
const WATCHER: &str = "DATE INFO LoggingPodStatusWatcherImpl: ";

/// The recordings: by version, by scenario.
fn recordings() -> BTreeMap<String, BTreeMap<String, Value>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/waiting");
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let version = path.file_stem().unwrap().to_str().unwrap().to_owned();
            all.insert(
                version,
                serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap(),
            );
        }
    }
    assert_eq!(all.len(), 3, "three versions are recorded");
    all
}

/// A running drop-in; it is killed when this is dropped.
struct Running {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    reading: Option<JoinHandle<()>>,
    _home: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// With credentials for the API server at `url` where there is one.
    fn start(url: Option<&str>, arguments: &[String], environment: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("config");
        // A shell starts what runs in its background with SIGINT ignored, and a child inherits that.
        let mut command = Command::new("/usr/bin/env");
        command
            .arg("--default-signal=INT")
            .arg(binary())
            .arg("spark-submit")
            .args(arguments)
            .env_clear()
            .env("HOME", home.path())
            .env("NATIVE_SUBMIT_SOCKET", home.path().join("none"))
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        if let Some(url) = url {
            fs::write(&config, kubeconfig(url)).unwrap();
            command.env("KUBECONFIG", &config);
        }
        let mut child = command.envs(environment.iter().copied()).spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (into, lines) = (
            Arc::clone(&said),
            BufReader::new(child.stderr.take().unwrap()).lines(),
        );
        let reading = std::thread::spawn(move || {
            for line in lines {
                into.lock().unwrap().push(line.unwrap());
            }
        });
        Self {
            child,
            said,
            reading: Some(reading),
            _home: home,
        }
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }

    /// Waits until it said this so many times.
    fn until(&mut self, text: &str, times: usize) {
        let end = Instant::now() + Duration::from_secs(60);
        while self.said().matches(text).count() < times {
            assert!(
                Instant::now() < end,
                "not said {times} times: {text}\n{}",
                self.said()
            );
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() {
                std::thread::sleep(Duration::from_millis(200));
                assert!(
                    self.said().matches(text).count() >= times,
                    "{ended:?}\n{}",
                    self.said()
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Its exit code, and the lines that it said.
    fn end(mut self) -> (i32, Vec<String>) {
        let end = Instant::now() + Duration::from_secs(60);
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code().expect("it ends by itself");
            }
            assert!(Instant::now() < end, "it does not end\n{}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        };
        self.reading.take().unwrap().join().unwrap();
        let said = self.said.lock().unwrap().clone();
        (code, said)
    }
}

/// The arguments of a recorded wait, on this API server.
fn arguments(url: &str, more: &[&str]) -> Vec<String> {
    let master = format!("k8s://{url}");
    let fixed = [
        "--master",
        &master,
        "--deploy-mode",
        "cluster",
        "--name",
        "Pi of mine",
        "--class",
        "a.B",
        "--conf",
        "spark.kubernetes.namespace=waiting",
        "--conf",
        "spark.kubernetes.container.image=spark:x",
        "--conf",
        "spark.kubernetes.driver.pod.name=pi-driver",
        "--conf",
        "spark.kubernetes.report.interval=60s",
    ];
    let all = fixed.iter().chain(more).chain(&["local:///a.jar"]);
    all.map(|word| (*word).to_owned()).collect()
}

/// A line without its time and what names this run.
fn tidy(line: &str) -> String {
    let mut line = line.to_owned();
    let is_time = |text: &str| {
        text.len() > 18
            && text.is_char_boundary(18)
            && text[..18]
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b"/: ".contains(&byte))
    };
    if is_time(&line) {
        line.replace_range(..17, "DATE");
    }
    if line.starts_with("\t pod uid: ") {
        "\t pod uid: UID".clone_into(&mut line);
    }
    // The application's id: `spark-` and 32 digits.
    let id = line.match_indices("spark-").find_map(|(at, _)| {
        let id = line.get(at..at + 38)?;
        id[6..]
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit())
            .then(|| id.to_owned())
    });
    match id {
        Some(id) => line.replace(&id, "APPLICATION"),
        None => line,
    }
}

/// The entries of the watcher's log: the states, each once, and all else.
fn entries(lines: &[String]) -> (Vec<String>, Vec<String>) {
    let mut all: Vec<String> = Vec::new();
    let mut ours = false;
    for line in lines.iter().map(|line| tidy(line)) {
        let continues = line.is_empty() || line.starts_with('\t');
        if !continues {
            ours = line.starts_with(WATCHER);
            if ours {
                all.push(line);
            }
        } else if ours {
            let last = all.last_mut().unwrap();
            last.push('\n');
            last.push_str(&line);
        }
    }
    let (mut states, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|entry| entry.contains("State changed"));
    states.dedup();
    (states, others)
}

fn strings(lines: &Value) -> Vec<String> {
    let lines = lines.as_array().unwrap().iter();
    lines.map(|line| line.as_str().unwrap().to_owned()).collect()
}

fn put_state(api: &ApiServer, recorded: &Value) {
    api.change("pods", "waiting", "pi-driver", |pod| {
        let uid = pod["metadata"]["uid"].clone();
        *pod = recorded.clone();
        pod["metadata"]["uid"] = uid;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_and_ends_as_recorded() {
    for (version, scenarios) in recordings() {
        for name in ["succeeded", "failed", "evicted", "image", "deleted", "unseen"] {
            let recorded = &scenarios[&format!("wait-{name}")];
            let pods = recorded["pods"].as_array().unwrap();
            let api = ApiServer::start().await;
            let mut running = Running::start(
                Some(&api.url),
                &arguments(&api.url, &[]),
                &[("SPARK_VERSION", &version)],
            );
            running.until("State changed", 1);
            for (index, pod) in pods.iter().enumerate().skip(1) {
                if pod == "deleted" {
                    api.remove("pods", "waiting", "pi-driver");
                } else {
                    put_state(&api, pod);
                    running.until("State changed", index + 1);
                }
            }
            let (code, lines) = running.end();
            let place = format!("{version} {name}");
            assert_eq!(code, recorded["exit_code"], "{place}: {}", lines.join("\n"));
            let (expected_states, expected) = entries(&strings(&recorded["stderr"]));
            let (states, others) = entries(&lines);
            // The first one is of our own manifest.
            assert_eq!(states[1..], expected_states[1..], "{place}");
            assert_eq!(others, expected, "{place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_was_deployed_in_sparks_words_whether_it_waits_or_not() {
    for (version, scenarios) in recordings() {
        let recorded: Vec<String> = strings(&scenarios["wait-not"]["stderr"]);
        let is_ours = |line: &&String| line.contains(" Client: Deployed ");
        let recorded = tidy(recorded.iter().find(is_ours).unwrap());
        for waits in ["false", "true"] {
            let api = ApiServer::start().await;
            let wait = format!("spark.kubernetes.submission.waitAppCompletion={waits}");
            let arguments = arguments(&api.url, &["--conf", &wait]);
            let mut running = Running::start(Some(&api.url), &arguments, &[("SPARK_VERSION", &version)]);
            running.until("Deployed Spark application", 1);
            if waits == "true" {
                running.until("State changed", 1);
                api.remove("pods", "waiting", "pi-driver");
            }
            let (code, lines) = running.end();
            assert_eq!(code, 0, "{}", lines.join("\n"));
            let said: Vec<_> = lines.iter().filter(is_ours).map(|line| tidy(line)).collect();
            assert_eq!(said, [recorded.as_str()], "{version}");
            // Airflow looks for the Pod's name, also where it follows the driver itself.
            let names = lines.iter().filter(|line| line.trim() == "pod name: pi-driver");
            assert!(names.count() >= 1, "{waits}: {}", lines.join("\n"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phase_is_reported_at_the_interval_and_no_other_interval_is_taken() {
    let api = ApiServer::start().await;
    let interval = ["--conf", "spark.kubernetes.report.interval=50ms"];
    let mut running = Running::start(Some(&api.url), &arguments(&api.url, &interval), &[]);
    running.until("(phase: Pending)", 3);
    api.remove("pods", "waiting", "pi-driver");
    assert_eq!(running.end().0, 0);
    for wrong in ["0", "-1s", "soon"] {
        let api = ApiServer::start().await;
        let interval = format!("spark.kubernetes.report.interval={wrong}");
        let running = Running::start(Some(&api.url), &arguments(&api.url, &["--conf", &interval]), &[]);
        let (code, lines) = running.end();
        assert_eq!(code, 1);
        assert!(
            lines.join("\n").contains("spark.kubernetes.report.interval"),
            "{lines:?}"
        );
        assert_eq!(api.lines(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drivers_own_exit_code_is_given_where_it_is_wanted() {
    let ended = |phase: &str, code: Option<i64>| {
        let state = code.map(
            |code| json!({"name": "spark-kubernetes-driver", "state": {"terminated": {"exitCode": code}}}),
        );
        json!({"phase": phase, "containerStatuses": state.map(|state| vec![state])})
    };
    for (whose, status, code) in [
        ("driver", Some(ended("Failed", Some(3))), 3),
        ("driver", Some(ended("Succeeded", Some(0))), 0),
        ("driver", Some(ended("Failed", None)), 1),
        ("driver", Some(ended("Succeeded", None)), 0),
        ("driver", None, 1),
        ("spark", Some(ended("Failed", Some(3))), 0),
        ("spark", None, 0),
    ] {
        let api = ApiServer::start().await;
        let environment = [("NATIVE_SUBMIT_EXIT_CODE", whose)];
        let mut running = Running::start(Some(&api.url), &arguments(&api.url, &[]), &environment);
        running.until("State changed", 1);
        match &status {
            Some(status) => api.change("pods", "waiting", "pi-driver", |pod| {
                pod["status"] = status.clone();
            }),
            None => api.remove("pods", "waiting", "pi-driver"),
        }
        let (found, lines) = running.end();
        assert_eq!(found, code, "{whose} {status:?}: {}", lines.join("\n"));
    }
    let api = ApiServer::start().await;
    let environment = [("NATIVE_SUBMIT_EXIT_CODE", "mine")];
    let (code, lines) = Running::start(Some(&api.url), &arguments(&api.url, &[]), &environment).end();
    assert_eq!(code, 1);
    assert!(
        lines
            .join("\n")
            .contains("NATIVE_SUBMIT_EXIT_CODE: expected spark or driver"),
        "{lines:?}"
    );
    assert_eq!(api.lines(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_end_it_as_recorded_and_the_driver_runs_on() {
    for (version, scenarios) in recordings() {
        for (name, signal) in [("sigterm", Signal::TERM), ("sigint", Signal::INT)] {
            let recorded = &scenarios[&format!("wait-{name}")];
            let api = ApiServer::start().await;
            let mut running = Running::start(
                Some(&api.url),
                &arguments(&api.url, &[]),
                &[("SPARK_VERSION", &version)],
            );
            running.until("Waiting for application", 1);
            running.signal(signal);
            assert_eq!(running.end().0, recorded["exit_code"], "{version} {name}");
            assert_eq!(recorded["pod_left"], true);
            assert!(api.get("pods", "waiting", "pi-driver").is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_watch_it_says_that_the_driver_runs_and_no_jvm_is_called() {
    let api = ApiServer::start().await;
    api.fault(Fault::always("watch", "pods", Effect::status(403)));
    let environment = [("NATIVE_SUBMIT_FALLBACK", "/bin/false")];
    let (code, lines) = Running::start(Some(&api.url), &arguments(&api.url, &[]), &environment).end();
    let said = lines.join("\n");
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("may not watch pods in namespace `waiting`"),
        "{said}"
    );
    assert!(
        said.contains("The driver Pod waiting:pi-driver of application spark-"),
        "{said}"
    );
    assert!(
        said.contains("runs on") && !said.contains("handing over"),
        "{said}"
    );
    assert!(api.get("pods", "waiting", "pi-driver").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_server_it_watches_by_itself_and_needs_credentials_for_it() {
    let api = ApiServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("submit.sock");
    let socket = socket.to_str().unwrap();
    let (_serve, _folder) = Serve::to(&api.url, &["--socket", socket]);
    let environment = [("NATIVE_SUBMIT_SOCKET", socket)];
    // Nothing to be known by: an error before anything is created.
    let master = "https://127.0.0.1:1";
    let (code, lines) = Running::start(None, &arguments(master, &[]), &environment).end();
    let said = lines.join("\n");
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("spark.kubernetes.submission.waitAppCompletion: expected false"),
        "{said}"
    );
    assert_eq!(api.lines(), Vec::<String>::new());
    // With some of its own.
    let mut running = Running::start(Some(&api.url), &arguments(&api.url, &[]), &environment);
    running.until("Waiting for application", 1);
    api.change("pods", "waiting", "pi-driver", |pod| {
        pod["status"] = json!({"phase": "Succeeded"});
    });
    let (code, lines) = running.end();
    let said = lines.join("\n");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("(phase: Succeeded)"), "{said}");
    let watches: Vec<_> = api
        .log()
        .into_iter()
        .filter(|seen| seen.verb == "watch")
        .collect();
    assert_eq!(watches.len(), 1, "{watches:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_waits_it_is_small() {
    let api = ApiServer::start().await;
    let interval = ["--conf", "spark.kubernetes.report.interval=10ms"];
    let mut running = Running::start(Some(&api.url), &arguments(&api.url, &interval), &[]);
    running.until("(phase: Pending)", 50);
    let kibibytes = process_memory::kib(running.child.id(), "RssAnon").unwrap();
    // What is of its own; the pages of this unoptimized program's file, which the kernel may drop, are larger.
    assert!(kibibytes < 10 << 10, "{kibibytes} KiB");
    api.remove("pods", "waiting", "pi-driver");
    assert_eq!(running.end().0, 0);
}

/// Runs a recorded `--status` or `--kill` on the recorded Pods.
async fn operate(version: &str, recorded: &Value) -> (i32, Vec<String>, ApiServer) {
    let api = ApiServer::start().await;
    for pod in recorded["pods"].as_array().unwrap() {
        api.put("pods", pod.clone());
    }
    let argv = strings(&recorded["argv"]);
    let argv: Vec<_> = argv
        .iter()
        .map(|word| word.replace("https://API-SERVER", &api.url))
        .collect();
    let (code, lines) = Running::start(Some(&api.url), &argv, &[("SPARK_VERSION", version)]).end();
    (code, lines, api)
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_kill_say_and_do_as_recorded() {
    let mut tried = 0;
    for (version, scenarios) in recordings() {
        for (name, recorded) in &scenarios {
            let is_kill = name.starts_with("kill-");
            // These are of another API server, or of a user without rights.
            if !(is_kill || name.starts_with("status-"))
                || name.contains("forbidden")
                || name.contains("unreachable")
            {
                continue;
            }
            tried += 1;
            let place = format!("{version} {name}");
            let (code, lines, api) = operate(&version, recorded).await;
            let said = lines.join("\n").replace(&api.url, "https://API-SERVER");
            assert_eq!(code, recorded["exit_code"], "{place}: {said}");
            let expected = strings(&recorded["stderr"]);
            if code == 0 {
                assert_eq!(said, expected.join("\n"), "{place}");
            } else {
                // Java's stack in place of our message: but for that, the same is said.
                let before: Vec<_> = expected
                    .iter()
                    .take_while(|line| line.starts_with("Submitting"))
                    .cloned()
                    .collect();
                assert!(
                    said.starts_with(&before.join("\n")) && said.contains("Error: "),
                    "{place}: {said}"
                );
            }
            // What was deleted, and with which grace.
            let left = recorded["left"].as_object().unwrap();
            let gone = |pod: &&Value| {
                left.get(pod["metadata"]["name"].as_str().unwrap())
                    .is_none_or(|grace| !grace.is_null())
            };
            let mut expected: Vec<&str> = recorded["pods"]
                .as_array()
                .unwrap()
                .iter()
                .filter(gone)
                .map(|pod| pod["metadata"]["name"].as_str().unwrap())
                .collect();
            let deletions: Vec<_> = api
                .log()
                .into_iter()
                .filter(|seen| seen.verb == "delete")
                .collect();
            let mut found: Vec<&str> = deletions.iter().map(|seen| seen.name.as_str()).collect();
            expected.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, expected, "{place}");
            let asked = strings(&recorded["argv"])
                .iter()
                .any(|word| word.contains("GracePeriod") && !word.contains("=-"));
            for deletion in deletions {
                let grace = left
                    .get(&deletion.name)
                    .filter(|_| asked)
                    .cloned()
                    .unwrap_or_default();
                let sent = &deletion.body["gracePeriodSeconds"];
                assert_eq!(*sent, grace, "{place}: {}", deletion.body);
                assert!(
                    deletion.body["preconditions"]["uid"].is_string(),
                    "never by name alone"
                );
            }
        }
    }
    assert!(tried > 20, "{tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_fails_ends_with_1_and_says_why() {
    let driver =
        json!({"metadata": {"name": "a-driver", "namespace": "waiting", "labels": {"spark-role": "driver"}}});
    for (words, verb) in [
        (["--status", "waiting:a-driver"], "get"),
        (["--status", "waiting:a*"], "list"),
        (["--kill", "waiting:a-driver"], "delete"),
    ] {
        let api = ApiServer::start().await;
        api.put("pods", driver.clone());
        api.fault(Fault::always(verb, "pods", Effect::status(403)));
        let master = format!("k8s://{}", api.url);
        let argv: Vec<_> = ["--master", &master]
            .iter()
            .chain(&words)
            .map(|word| (*word).to_owned())
            .collect();
        let (code, lines) = Running::start(Some(&api.url), &argv, &[]).end();
        let said = lines.join("\n");
        assert_eq!(code, 1, "{said}");
        assert!(
            said.contains(&format!("may not {verb} pods in namespace `waiting`")),
            "{said}"
        );
        assert_eq!(api.names(), ["pods/a-driver"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_glob_means_the_drivers_of_all_pages() {
    let api = ApiServer::start().await;
    for number in 0..120 {
        let name = format!("a-{number}");
        api.put(
            "pods",
            json!({"metadata": {"name": name, "namespace": "waiting", "labels": {"spark-role": "driver"}}}),
        );
    }
    let argv = [
        "--master",
        &format!("k8s://{}", api.url),
        "--kill",
        "waiting:a-1*",
    ]
    .map(str::to_owned);
    let (code, lines) = Running::start(Some(&api.url), &argv, &[]).end();
    assert_eq!(code, 0, "{lines:?}");
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.starts_with("Deleting driver pod: a-1"))
            .count(),
        31
    );
    assert_eq!(api.names().len(), 120 - 31);
}
