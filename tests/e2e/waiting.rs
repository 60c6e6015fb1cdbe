//! Dozens of drop-ins wait for their drivers while real things break: the API server is killed and restarted, etcd is compacted so that
//! a watch can't be taken up where it ended (410), the network is cut without a word. None misses its driver's end, and none leaks.
//!
//! The first test restarts the API server, so it is run by itself. `E2E_WAITING=all` cuts the network of real processes too, which
//! takes the two and a half minutes that a connection may be silent; without it the same code is cut with a shorter silence.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{control_plane::ControlPlane, process_memory, serve::binary};
use native_submit::cluster::{
    ClientSettings, ClusterSettings, ClusterSink, Credentials, FollowEnd, FollowTiming, client,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::{
    fs,
    net::SocketAddr,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
    task::JoinHandle,
};

/// How many wait at once.
const WAITERS: usize = 36;

/// How long anything here may take; alone on two cores it takes some seconds.
const PATIENCE: Duration = Duration::from_secs(240);

/// What a waiter may have in memory for itself, in KiB: its part of 10 MiB that isn't the program's own file.
const OWN_MEMORY: u64 = 10 << 10;

/// The files of one control plane.
fn run_directory() -> PathBuf {
    let standard = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/e2e/run");
    std::env::var_os("E2E_RUN").map_or_else(standard, PathBuf::from)
}

/// A process of the control plane, which is started again as it was.
struct Component {
    name: &'static str,
}

impl Component {
    fn pid_file(&self) -> PathBuf {
        run_directory().join(format!("{}.pid", self.name))
    }

    fn pid(&self) -> Pid {
        let pid = fs::read_to_string(self.pid_file()).unwrap();
        Pid::from_raw(pid.trim().parse().unwrap()).unwrap()
    }

    /// The words of its command line.
    fn command(&self) -> Vec<String> {
        let line = fs::read_to_string(format!("/proc/{}/cmdline", self.pid().as_raw_nonzero())).unwrap();
        line.split_terminator('\0').map(str::to_owned).collect()
    }

    /// Ends it by a signal, and starts it anew once it is gone.
    fn restart(&self, signal: Signal) {
        let (pid, command) = (self.pid(), self.command());
        kill_process(pid, signal).unwrap();
        let until = Instant::now() + PATIENCE;
        while is_running(pid) {
            assert!(Instant::now() < until, "{} doesn't end", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
        // Its last thread may hold the port for longer than the process seems to be there.
        let port = command
            .iter()
            .find_map(|word| word.strip_prefix("--secure-port="));
        let address = format!("127.0.0.1:{}", port.expect("the port"));
        while std::net::TcpListener::bind(&address).is_err() {
            assert!(Instant::now() < until, "{address} stays taken");
            std::thread::sleep(Duration::from_millis(20));
        }
        let log = fs::File::options()
            .append(true)
            .open(run_directory().join(format!("{}.log", self.name)))
            .unwrap();
        let child = Command::new(&command[0])
            .args(&command[1..])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            // It outlives this test, and a terminal's signals to it.
            .process_group(0)
            .spawn()
            .unwrap();
        fs::write(self.pid_file(), child.id().to_string()).unwrap();
        // The script that started the control plane ends it; the zombie of one that this test kills goes with the test.
        std::mem::forget(child);
    }
}

/// Whether a process is there, and not only its exit code.
fn is_running(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))
        .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with('Z'))
}

async fn until_ready(plane: &ControlPlane) {
    let until = Instant::now() + PATIENCE;
    loop {
        let request = http::Request::get("/readyz").body(Vec::new()).unwrap();
        if plane.client.request_text(request).await.is_ok() {
            return;
        }
        assert!(Instant::now() < until, "the API server isn't ready");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Removes the history of etcd up to now, by its own API.
async fn compact(plane: &ControlPlane) {
    let api_server = Component {
        name: "kube-apiserver",
    };
    let flag = api_server.command();
    let store = flag
        .iter()
        .find_map(|word| word.strip_prefix("--etcd-servers=http://"))
        .expect("the address of etcd");
    // Any list has the revision as its version.
    let request = http::Request::get("/api/v1/namespaces").body(Vec::new()).unwrap();
    let list: Value = plane.client.request(request).await.unwrap();
    let body = json!({"revision": list["metadata"]["resourceVersion"], "physical": true}).to_string();
    let mut etcd = TcpStream::connect(store).await.unwrap();
    let request = format!(
        "POST /v3/kv/compaction HTTP/1.1\r\nhost: {store}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    etcd.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    etcd.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// A drop-in that waits; it is killed when this is dropped.
struct Waiter {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Waiter {
    fn start(number: usize, server: &str, kubeconfig: &Path, namespace: &str, folder: &Path) -> Self {
        let name = format!("waits-{number}");
        let log = folder.join(format!("{name}.log"));
        let pod_name = format!("spark.kubernetes.driver.pod.name={name}");
        let child = Command::new(binary())
            .args([
                "spark-submit",
                "--master",
                &format!("k8s://{server}"),
                "--deploy-mode",
                "cluster",
                "--class",
                "a.B",
            ])
            .args([
                "--conf",
                &format!("spark.kubernetes.namespace={namespace}"),
                "--conf",
                &pod_name,
            ])
            .args([
                "--conf",
                "spark.kubernetes.container.image=spark:x",
                "--conf",
                "spark.kubernetes.report.interval=60s",
            ])
            .arg("local:///a.jar")
            .env_clear()
            .env("HOME", folder)
            .env("KUBECONFIG", kubeconfig)
            .env("NATIVE_SUBMIT_SOCKET", folder.join("none"))
            .env("NATIVE_SUBMIT_EXIT_CODE", "driver")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { name, child, log }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    async fn until(&mut self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.said().contains(text) {
            assert!(
                Instant::now() < until,
                "{} never said {text}:\n{}",
                self.name,
                self.said()
            );
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "{} ended with {ended:?}:\n{}",
                self.name,
                self.said()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().cast_signed()).unwrap(), signal).unwrap();
    }

    /// Its exit code, once it has ended.
    async fn code(&mut self) -> i32 {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().expect("it ends by itself");
            }
            assert!(
                Instant::now() < until,
                "{} misses the end:\n{}",
                self.name,
                self.said()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A line of its `/proc/PID/status` in KiB.
    fn memory(&self, what: &str) -> u64 {
        process_memory::kib(self.child.id(), what).unwrap()
    }

    /// How many sockets it has open.
    fn sockets(&self) -> usize {
        let open = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .filter(|target| target.to_string_lossy().starts_with("socket:"))
            .count()
    }
}

/// A driver's status as its kubelet writes it at the end.
fn ended(code: u8) -> Value {
    let phase = if code == 0 { "Succeeded" } else { "Failed" };
    let state = json!({"terminated": {"exitCode": code, "reason": "Completed"}});
    json!({"phase": phase, "containerStatuses": [{
        "name": "spark-kubernetes-driver", "image": "spark:x", "imageID": "", "ready": false, "restartCount": 0, "state": state,
    }]})
}

fn admin_kubeconfig() -> PathBuf {
    std::env::var_os("E2E_KUBECONFIG").map_or_else(|| run_directory().join("admin.kubeconfig"), PathBuf::from)
}

async fn waiters(server: &str, kubeconfig: &Path, namespace: &str, folder: &Path) -> Vec<Waiter> {
    let mut all = Vec::new();
    for number in 0..WAITERS {
        all.push(Waiter::start(number, server, kubeconfig, namespace, folder));
        // A few at a time: starting them isn't what is looked at.
        if number % 6 == 5 {
            for waiter in &mut all {
                waiter.until("Waiting for application").await;
            }
        }
    }
    all
}

/// Each ends with its driver's code, and has said how it ended.
async fn all_end(waiters: Vec<Waiter>) {
    for (number, mut waiter) in waiters.into_iter().enumerate() {
        let code = waiter.code().await;
        let said = waiter.said();
        assert_eq!(code, i32::from(code_of(number)), "{}: {said}", waiter.name);
        assert!(
            said.contains(&format!("exit code: {}", code_of(number))),
            "{}: {said}",
            waiter.name
        );
        assert!(said.trim_end().ends_with(" finished"), "{}: {said}", waiter.name);
    }
}

/// The code of the driver with this number.
fn code_of(number: usize) -> u8 {
    u8::try_from(number % 3).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_and_a_compaction_hide_no_end_from_dozens_of_waiters() {
    let plane = ControlPlane::connect().await;
    let namespace = plane.namespace("waiting").await;
    plane.prepare_for(&namespace, &json!({})).await;
    let folder = tempfile::tempdir().unwrap();
    let mut waiters = waiters(&plane.server(), &admin_kubeconfig(), &namespace, folder.path()).await;
    let sockets: Vec<_> = waiters.iter().map(Waiter::sockets).collect();
    let (own, resident) = waiters
        .iter()
        .map(|waiter| (waiter.memory("RssAnon"), waiter.memory("VmRSS")))
        .max()
        .unwrap();
    println!(
        "{WAITERS} wait with at most {own} KiB of their own each, {resident} KiB with the program's file"
    );
    assert!(own < OWN_MEMORY, "{own} KiB");

    let api_server = Component {
        name: "kube-apiserver",
    };
    let mut ends: Vec<usize> = (0..waiters.len()).collect();
    for signal in [Signal::KILL, Signal::TERM] {
        api_server.restart(signal);
        until_ready(&plane).await;
        // Some have come back by now, some have not; the end of some comes at once.
        for number in ends.split_off(ends.len() - WAITERS / 6) {
            plane
                .set_pod_status(&namespace, &format!("waits-{number}"), &ended(code_of(number)))
                .await;
        }
        // The others come back, and see the next change.
        let started = format!("2026-01-01T00:00:{:02}Z", ends.len());
        let running = json!({"phase": "Running", "startTime": started});
        for number in &ends {
            plane
                .set_pod_status(&namespace, &format!("waits-{number}"), &running)
                .await;
        }
        for number in &ends {
            waiters[*number].until(&started).await;
        }
    }

    // The end comes while they can't see it, and the history that has it is gone when they can.
    for number in &ends {
        waiters[*number].signal(Signal::STOP);
    }
    for number in &ends {
        plane
            .set_pod_status(&namespace, &format!("waits-{number}"), &ended(code_of(*number)))
            .await;
    }
    plane
        .create(
            &namespace,
            &json!({"kind": "ConfigMap", "metadata": {"name": "later"}}),
        )
        .await
        .unwrap();
    compact(&plane).await;
    api_server.restart(Signal::KILL);
    until_ready(&plane).await;
    let of_those: Vec<_> = ends
        .iter()
        .map(|number| (waiters[*number].sockets(), sockets[*number]))
        .collect();
    assert!(
        of_those.iter().all(|(now, before)| *now <= before + 1),
        "connections are left: {of_those:?}"
    );
    for number in &ends {
        waiters[*number].signal(Signal::CONT);
    }
    all_end(waiters).await;
    plane.remove_namespace(&namespace).await;
}

/// Carries bytes to the API server and back, until it is cut: then it takes all, carries nothing and closes nothing.
struct Wire {
    address: SocketAddr,
    cut: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Wire {
    async fn to(server: &str) -> Self {
        let server = server.trim_start_matches("https://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cut = watch::Sender::new(false);
        let state = cut.subscribe();
        let serving = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (server, state) = (server.clone(), state.clone());
                tokio::spawn(async move {
                    // What comes while it is cut stays silent for good.
                    let is_cut = *state.borrow();
                    if is_cut {
                        let _near = near;
                        return std::future::pending().await;
                    }
                    let Ok(far) = TcpStream::connect(server).await else {
                        return;
                    };
                    let (near_in, near_out) = near.into_split();
                    let (far_in, far_out) = far.into_split();
                    tokio::join!(
                        carry(near_in, far_out, state.clone()),
                        carry(far_in, near_out, state)
                    );
                });
            }
        });
        Self {
            address,
            cut,
            serving,
        }
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Carries one way; a connection that was open when the wire was cut never carries anything again.
async fn carry(mut from: tcp::OwnedReadHalf, mut to: tcp::OwnedWriteHalf, mut cut: watch::Receiver<bool>) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => Some(read),
            () = until_cut(&mut cut) => None,
        };
        let Some(read) = read else {
            // Both ends stay open.
            return std::future::pending().await;
        };
        match read {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                if to.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn until_cut(cut: &mut watch::Receiver<bool>) {
    let _ = cut.wait_for(|cut| *cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_cut_without_a_word_hides_no_end() {
    let plane = ControlPlane::connect().await;
    let namespace = plane.namespace("cut").await;
    plane.prepare_for(&namespace, &json!({})).await;
    let wire = Wire::to(&plane.server()).await;
    let run = run_directory();
    let file = |name: &str| Some(run.join(name).to_str().unwrap().to_owned());
    let settings = ClientSettings {
        server: Some(wire.url()),
        credentials: Credentials {
            authority_file: file("ca.crt"),
            certificate_file: file("admin.crt"),
            key_file: file("admin.key"),
            ..Credentials::default()
        },
        connect_timeout: Duration::from_secs(2),
        // In place of the minutes that a release waits for a bookmark.
        read_timeout: Duration::from_secs(4),
        ..ClientSettings::default()
    };
    let timing = FollowTiming {
        answer: Duration::from_secs(3),
        longest_pause: Duration::from_secs(1),
        ..FollowTiming::default()
    };
    let mut following = Vec::new();
    for number in 0..WAITERS {
        let name = format!("waits-{number}");
        let pod = json!({"kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        plane.create(&namespace, &pod).await.unwrap();
        let sink = ClusterSink::new(client(&settings).await.unwrap(), ClusterSettings::default());
        let (namespace, timing) = (namespace.clone(), timing.clone());
        let (seen, sees) = watch::channel(0_usize);
        let task = tokio::spawn(async move {
            sink.follow((&namespace, &name), None, &timing, |_| {
                seen.send_modify(|seen| *seen += 1);
            })
            .await
        });
        following.push((task, sees));
    }
    for (_, sees) in &mut following {
        let seen = tokio::time::timeout(PATIENCE, sees.wait_for(|seen| *seen > 0)).await;
        seen.expect("in time").unwrap();
    }
    wire.cut.send_replace(true);
    // Some ends come while it is cut, some after.
    for number in 0..WAITERS / 2 {
        plane
            .set_pod_status(&namespace, &format!("waits-{number}"), &ended(code_of(number)))
            .await;
    }
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(
        following.iter().all(|(task, _)| !task.is_finished()),
        "nobody can know yet"
    );
    wire.cut.send_replace(false);
    for number in WAITERS / 2..WAITERS {
        plane
            .set_pod_status(&namespace, &format!("waits-{number}"), &ended(code_of(number)))
            .await;
    }
    for (task, _) in following {
        let end = tokio::time::timeout(PATIENCE, task)
            .await
            .expect("in time")
            .unwrap();
        assert_eq!(end.unwrap(), FollowEnd::Completed);
    }
    plane.remove_namespace(&namespace).await;
    if std::env::var_os("E2E_WAITING").is_some_and(|how| how == "all") {
        processes_miss_no_end_either(&plane).await;
    }
}

/// The same for real processes, with the silence that they take.
async fn processes_miss_no_end_either(plane: &ControlPlane) {
    let namespace = plane.namespace("cut").await;
    plane.prepare_for(&namespace, &json!({})).await;
    let folder = tempfile::tempdir().unwrap();
    let wire = Wire::to(&plane.server()).await;
    let waiters = waiters(&wire.url(), &admin_kubeconfig(), &namespace, folder.path()).await;
    wire.cut.send_replace(true);
    for number in 0..waiters.len() {
        plane
            .set_pod_status(&namespace, &format!("waits-{number}"), &ended(code_of(number)))
            .await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    wire.cut.send_replace(false);
    all_end(waiters).await;
    plane.remove_namespace(&namespace).await;
}
