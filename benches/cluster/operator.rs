//! What users compare: the real operator with the real spark-submit and with native-submit by each entry point, and spark-submit
//! by itself, with 1, 10 and 100 applications at once.

use crate::{
    block::{Block, examples},
    measured::cpu_ms,
    ours::{self, kubeconfig},
    process_tree, real,
    support::{
        control_plane::ControlPlane,
        serve::{self, Serve},
    },
};
use futures::{AsyncBufReadExt, StreamExt, TryStreamExt, stream};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How many applications there are at once.
const AT_ONCE: [usize; 3] = [1, 10, 100];

/// How many spark-submits run at once by themselves: as many as the operator runs, by its default.
const SPARK_SUBMITS: usize = 10;

/// How long all drivers of a run may take.
const PATIENCE: Duration = Duration::from_secs(900);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    SparkSubmit,
    OperatorAndSparkSubmit,
    OperatorAndDropIn,
    OperatorAndSocket,
    OperatorAndGrpc,
    OperatorAndRest,
}

/// Those that take minutes come last.
const WAYS: [Way; 6] = [
    Way::OperatorAndDropIn,
    Way::OperatorAndSocket,
    Way::OperatorAndGrpc,
    Way::OperatorAndRest,
    Way::OperatorAndSparkSubmit,
    Way::SparkSubmit,
];

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SparkSubmit => "`spark-submit` alone",
            Self::OperatorAndSparkSubmit => "operator and `spark-submit`",
            Self::OperatorAndDropIn => "operator and drop-in",
            Self::OperatorAndSocket => "operator and drop-in, by the server's socket",
            Self::OperatorAndGrpc => "operator and server, by gRPC",
            Self::OperatorAndRest => "operator and server, by REST",
        })
    }
}

/// What is running of a way; it ends when this is dropped.
struct Running {
    way: Way,
    operator: Option<u32>,
    serve: Option<Serve>,
    folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.operator.is_some() {
            script("operator-down", &[], &[]);
        }
    }
}

impl Running {
    fn start(way: Way) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (socket, program) = (path("submit.sock"), path("spark-submit"));
        std::os::unix::fs::symlink(serve::binary(), &program).unwrap();
        let has_server = matches!(
            way,
            Way::OperatorAndSocket | Way::OperatorAndGrpc | Way::OperatorAndRest
        );
        let serve = has_server.then(|| {
            Serve::start(
                &["--socket", &socket],
                &[
                    ("KUBECONFIG", kubeconfig().to_str().unwrap()),
                    ("LOG_LEVEL", "warn"),
                ],
            )
        });
        let real = here("node/spark-submit");
        let address = |of: fn(&Serve) -> &str| serve.as_ref().map(of).unwrap_or_default().to_owned();
        let arguments = match way {
            Way::SparkSubmit => None,
            Way::OperatorAndSparkSubmit => {
                Some(["--spark-submit".to_owned(), real.to_str().unwrap().to_owned()])
            }
            Way::OperatorAndDropIn | Way::OperatorAndSocket => Some(["--spark-submit".to_owned(), program]),
            Way::OperatorAndGrpc => Some([
                "--entry-point".to_owned(),
                format!("grpc:{}", address(|serve| &serve.grpc)),
            ]),
            Way::OperatorAndRest => {
                let url = format!("rest:http://{}/api/v1/spark-submit", address(|serve| &serve.rest));
                Some(["--entry-point".to_owned(), url])
            }
        };
        let operator = arguments.map(|arguments| {
            // Without a server nothing listens there.
            script("operator-up", &arguments, &[("NATIVE_SUBMIT_SOCKET", &socket)]);
            let run = std::env::var("E2E_RUN").expect("E2E_RUN, which tests/e2e/bench sets");
            let pid = fs::read_to_string(Path::new(&run).join("operator-controller.pid")).unwrap();
            pid.trim().parse().unwrap()
        });
        Self {
            way,
            operator,
            serve,
            folder,
        }
    }

    /// Every process that a submission takes something of.
    fn processes(&self) -> Vec<u32> {
        let server = self.serve.as_ref().map(Serve::pid);
        let ours = (self.way == Way::SparkSubmit).then(std::process::id);
        self.operator.into_iter().chain(server).chain(ours).collect()
    }

    /// Waits until the operator has nothing left to do of earlier applications: its client sends only 20 requests a second, and a new
    /// application would wait behind them.
    async fn is_idle(&self) {
        let Some(operator) = self.operator.map(|pid| pid.to_string()) else {
            return;
        };
        let until = Instant::now() + PATIENCE;
        let (mut before, mut quiet) = (cpu_ms(&operator), 0);
        while quiet < 4 {
            assert!(Instant::now() < until, "the operator always has something to do");
            tokio::time::sleep(Duration::from_secs(1)).await;
            let now = cpu_ms(&operator);
            quiet = if now - before <= 10.0 { quiet + 1 } else { 0 };
            before = now;
        }
    }

    fn cpu_ms(&self) -> f64 {
        self.processes().iter().map(|pid| cpu_ms(&pid.to_string())).sum()
    }
}

/// A program of `tests/e2e`.
fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e").join(name)
}

fn script(name: &str, arguments: &[String], environment: &[(&str, &str)]) {
    let mut command = Command::new(here(name));
    let output = command
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {said}");
}

/// Watches the memory of processes and their children.
struct Memory {
    over: Arc<AtomicBool>,
    looking: thread::JoinHandle<u64>,
}

impl Memory {
    fn watch(processes: Vec<u32>, others: u64) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let looking = thread::spawn(move || {
            let mut most = 0;
            while !ended.load(Ordering::Relaxed) {
                most = most.max(process_tree::resident_kib(&processes));
                thread::sleep(Duration::from_millis(100));
            }
            most.saturating_sub(others)
        });
        Self { over, looking }
    }

    /// The most that was resident at once, in MiB.
    fn most_mib(self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        self.looking.join().unwrap() as f64 / 1024.0
    }
}

pub(crate) async fn run() {
    println!(
        "From the creation of so many SparkApplications at once to their driver Pods; Spark {}\n",
        real::version()
    );
    println!("| | at once | failed | driver Pod: median s | last s | CPU ms each | memory at most, MiB |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let plane = ControlPlane::connect().await;
    for way in WAYS {
        let running = Running::start(way);
        // An operator that has just started looks at everything there is first.
        if running.operator.is_some() {
            by_operator(&plane, 1).await;
            running.is_idle().await;
        }
        for at_once in AT_ONCE {
            row(&plane, &running, at_once).await;
            running.is_idle().await;
        }
    }
    println!();
}

/// What became of applications that were there at once.
struct Ended {
    /// How long each driver Pod took.
    times: Vec<Duration>,
    /// How many submissions failed: on two cores ten JVMs at once may wait too long for the API server.
    failed: usize,
}

async fn row(plane: &ControlPlane, running: &Running, at_once: usize) {
    let processes = running.processes();
    // The benchmark itself is no part of what it starts.
    let own = if running.way == Way::SparkSubmit {
        process_tree::resident_kib(&processes)
    } else {
        0
    };
    let memory = Memory::watch(processes.clone(), own);
    let before = running.cpu_ms();
    let Ended { mut times, failed } = if running.way == Way::SparkSubmit {
        by_spark_submit(plane, running, at_once).await
    } else {
        by_operator(plane, at_once).await
    };
    // The CPU of a child counts once it has ended.
    let until = Instant::now() + PATIENCE;
    while process_tree::has_children(&processes) {
        assert!(Instant::now() < until, "a process that submits doesn't end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let cpu = (running.cpu_ms() - before) / at_once as f64;
    times.sort_unstable();
    let seconds = |at: usize| times.get(at).map_or(f64::NAN, Duration::as_secs_f64);
    println!(
        "| {} | {at_once} | {failed} | {:.2} | {:.2} | {cpu:.0} | {:.0} |",
        running.way,
        seconds(times.len() / 2),
        seconds(times.len().saturating_sub(1)),
        memory.most_mib()
    );
}

/// The operator sees applications and submits them.
async fn by_operator(plane: &ControlPlane, count: usize) -> Ended {
    let namespace = plane.namespace("compared").await;
    plane.let_drivers_run(&namespace, "spark-operator-spark").await;
    let failed = Arc::new(AtomicUsize::new(0));
    let seen = tokio::spawn(drivers(
        plane.clone(),
        namespace.clone(),
        count,
        Arc::clone(&failed),
    ));
    let created: BTreeMap<String, Instant> = stream::iter(examples(&namespace, count))
        .map(|application| {
            let namespace = &namespace;
            async move {
                let begun = Instant::now();
                let live = plane.create(namespace, &application).await.unwrap();
                (name(&live), begun)
            }
        })
        .buffer_unordered(32)
        .collect()
        .await;
    while !seen.is_finished() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let applications = plane.of_kind("SparkApplication", &namespace).await;
        let states = applications
            .iter()
            .map(|object| &object["status"]["applicationState"]["state"]);
        failed.store(
            states
                .filter(|state| **state == "SUBMISSION_FAILED" || **state == "FAILED")
                .count(),
            Ordering::Relaxed,
        );
    }
    let times = seen.await.unwrap().into_iter().map(|(driver, at)| {
        let application = driver.strip_suffix("-driver").unwrap();
        at - created[application]
    });
    let times = times.collect();
    plane.remove_namespace(&namespace).await;
    Ended {
        times,
        failed: failed.load(Ordering::Relaxed),
    }
}

/// The real spark-submit by itself.
async fn by_spark_submit(plane: &ControlPlane, running: &Running, count: usize) -> Ended {
    let block = Block::new(plane, count).await;
    let failed = Arc::new(AtomicUsize::new(0));
    let seen = drivers(plane.clone(), block.namespace.clone(), count, Arc::clone(&failed));
    let seen = tokio::spawn(seen);
    let folder = running.folder.path();
    let commands = block
        .applications
        .iter()
        .map(|live| ours::by_operator(plane, live, folder));
    let begun = Instant::now();
    stream::iter(commands)
        .map(|arguments| {
            let failed = &failed;
            async move {
                let mut command = tokio::process::Command::new(here("node/spark-submit"));
                command.args(&arguments).env("KUBECONFIG", kubeconfig());
                if !command.output().await.unwrap().status.success() {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
        .buffer_unordered(SPARK_SUBMITS)
        .collect::<Vec<()>>()
        .await;
    Ended {
        times: seen.await.unwrap().into_values().map(|at| at - begun).collect(),
        failed: failed.load(Ordering::Relaxed),
    }
}

/// When each driver Pod came into being, as a watch sees it; it ends once there are no more to come.
async fn drivers(
    plane: ControlPlane,
    namespace: String,
    count: usize,
    failed: Arc<AtomicUsize>,
) -> BTreeMap<String, Instant> {
    let path = format!("/api/v1/namespaces/{namespace}/pods?watch=true&labelSelector=spark-role%3Ddriver");
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    let mut lines = plane.client.request_stream(request).await.unwrap().lines();
    let mut found = BTreeMap::new();
    let until = Instant::now() + PATIENCE;
    while found.len() + failed.load(Ordering::Relaxed) < count {
        assert!(
            Instant::now() < until,
            "{} of {count} drivers after {PATIENCE:?}",
            found.len()
        );
        let Ok(line) = tokio::time::timeout(Duration::from_secs(1), lines.try_next()).await else {
            continue;
        };
        let event: Value = serde_json::from_str(&line.unwrap().expect("a watch that goes on")).unwrap();
        if event["type"] == "ADDED" {
            found.insert(name(&event["object"]), Instant::now());
        }
    }
    found
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}
