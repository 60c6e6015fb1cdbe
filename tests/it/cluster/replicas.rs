//! Several servers that share nothing but the API server work for one driver Pod: they never undo each other's work.
//! Against a stand-in, whose clock is put forward where a call waits for 35 s. `tests/e2e/replicas.rs` has the same on a real
//! control plane.
//!
//! `REPLICAS=all` goes through every interleaving, without it through an even sample.
// Clippy sees that code is a test's only inside #[test].
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::support::{
    api_server::{ApiServer, Effect, Fault},
    gate::{Gate, Treatment},
    manifests::{CONFIG_MAP, POD, POD_GROUP, SERVICE, Sample},
    replicas::{self, World},
};
use futures::{StreamExt, stream};
use http::Method;
use kube::Client;
use native_submit::cluster::{ApplyError, CALL_ANNOTATION, ClusterSettings, ClusterSink, Outcome, Submitted};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// How many interleavings are gone through each day.
const EVERYDAY: usize = 1500;

/// Pauses of no length to speak of, and the times of a real server.
fn settings() -> ClusterSettings {
    ClusterSettings {
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(8),
        tries: 4,
        ..ClusterSettings::default()
    }
}

/// Until an incomplete Pod is nobody's: 35 s, and the second by which its age is not known.
fn grow_old(api: &ApiServer) {
    api.pass(Duration::from_secs(37));
}

struct StandIn(ApiServer);

impl World for StandIn {
    fn client(&self) -> Client {
        self.0.direct()
    }

    fn sample(&self, id: &str) -> Sample {
        Sample::new(id)
    }

    async fn grow_old(&self) {
        grow_old(&self.0);
    }

    async fn objects(&self) -> (Vec<Value>, Vec<Value>) {
        self.0.collect_garbage();
        (
            self.0.objects(|kind| kind == "pods"),
            self.0.objects(|kind| kind != "pods"),
        )
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_interleaving_of_two_servers_ends_in_one_complete_set() {
    let scenarios = replicas::sampled(replicas::all(), EVERYDAY);
    let (count, begun) = (scenarios.len(), Instant::now());
    let reached = AtomicUsize::new(0);
    let failures: Vec<String> = stream::iter(scenarios)
        .map(|scenario| {
            let reached = &reached;
            async move {
                let world = StandIn(ApiServer::unserved());
                match scenario.run(&world, &settings()).await {
                    Ok(stopped) => {
                        reached.fetch_add(usize::from(stopped), Ordering::Relaxed);
                        None
                    }
                    Err(flaw) => Some(format!("{scenario}: {flaw}\n    {:?}", world.0.lines())),
                }
            }
        })
        .buffer_unordered(48)
        .filter_map(|failure| async move { failure })
        .collect()
        .await;
    let reached = reached.into_inner();
    println!(
        "{count} interleavings, {reached} of two stopped servers, in {:?}",
        begun.elapsed()
    );
    assert!(
        failures.is_empty(),
        "{} of {count}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(reached * 3 > count, "only {reached} of {count} were stopped");
}

/// Two servers and an API server.
struct Two {
    api: Arc<ApiServer>,
    a: ClusterSink,
    b: ClusterSink,
    /// In front of `a`.
    gate: Arc<Gate>,
}

type Call = JoinHandle<Result<Submitted, ApplyError>>;

impl Two {
    /// The requests of one server, `a`, are treated so.
    fn new(treat: impl Fn(u64, &Method, &str) -> Treatment + Send + Sync + 'static) -> Self {
        Self::with(settings(), treat)
    }

    fn with(
        of_a: ClusterSettings,
        treat: impl Fn(u64, &Method, &str) -> Treatment + Send + Sync + 'static,
    ) -> Self {
        let api = Arc::new(ApiServer::unserved());
        let gate = Gate::new(treat);
        Self {
            a: ClusterSink::new(gate.before(api.direct()), of_a),
            b: ClusterSink::new(api.direct(), settings()),
            gate,
            api,
        }
    }

    /// `a` stops in its second wave.
    fn stopped_in_the_second_wave() -> Self {
        Self::new(|_, method, path| {
            if method == Method::POST && path.ends_with("/configmaps") {
                Treatment::HoldBefore
            } else {
                Treatment::Pass
            }
        })
    }

    fn start(sink: &ClusterSink, sample: &Sample) -> Call {
        let (sink, manifests) = (sink.clone(), sample.manifests());
        tokio::spawn(async move { sink.apply(manifests, None).await })
    }

    fn pod(&self) -> Value {
        self.api.get("pods", "ns", POD).unwrap()
    }

    /// What an incomplete Pod of this sample leaves that is nobody's.
    async fn left_by_a_crash(&self, sample: &Sample) {
        self.b.apply(sample.manifests(), None).await.unwrap();
        self.api.remove("configmaps", "ns", &sample.name(CONFIG_MAP));
        grow_old(&self.api);
    }

    /// Waits until another look at the Pod has been answered.
    async fn until_looked_at(&self, resource: &str) {
        let before = self.api.lines().len();
        let line = format!("get {resource}");
        self.api
            .until("another look", |api| api.lines()[before..].contains(&line))
            .await;
    }
}

/// A deadline.
fn in_time(millis: u64) -> Instant {
    Instant::now() + Duration::from_millis(millis)
}

#[tokio::test]
async fn a_running_calls_pod_is_waited_for_until_it_is_complete() {
    for (id, set) in [
        ("id-1", "default@1"),
        ("id-1", "default@2"),
        ("id-2", "default@1"),
        ("id-2", "default@2"),
    ] {
        let two = Two::stopped_in_the_second_wave();
        let a = Two::start(&two.a, &Sample::new("id-1"));
        two.gate.until_stopped().await;
        let b = Two::start(&two.b, &Sample::new(id).template_set(set));
        two.until_looked_at("configmaps").await;
        two.until_looked_at("configmaps").await;
        two.gate.open();
        let (a, b) = (a.await.unwrap().unwrap(), b.await.unwrap());
        assert_eq!(a.outcome, Outcome::Created);
        if id == "id-1" {
            let b = b.unwrap();
            assert_eq!(b.outcome, Outcome::Found);
            assert_eq!((b.pod_uid, b.template_set), (a.pod_uid, a.template_set));
        } else {
            assert!(matches!(b, Err(ApplyError::AlreadyExists { .. })), "{b:?}");
        }
        assert_eq!(two.api.names(), Sample::new("id-1").names());
    }
}

#[tokio::test]
async fn a_running_calls_pod_is_waited_for_until_it_is_rolled_back() {
    for id in ["id-1", "id-2"] {
        let two = Two::new(|_, method, path| {
            if method == Method::POST && path.ends_with("/configmaps") {
                Treatment::Refuse(403)
            } else if method == Method::DELETE {
                Treatment::HoldBefore
            } else {
                Treatment::Pass
            }
        });
        let a = Two::start(&two.a, &Sample::new("id-1"));
        two.gate.until_stopped().await;
        let b = Two::start(&two.b, &Sample::new(id));
        two.until_looked_at("configmaps").await;
        two.gate.open();
        assert!(a.await.unwrap().is_err());
        assert_eq!(b.await.unwrap().unwrap().outcome, Outcome::Created);
        assert_eq!(two.api.names(), Sample::new(id).names());
    }
}

/// For any caller, however little the Pod has to do with it.
#[tokio::test]
async fn a_running_calls_pod_is_not_touched_and_the_answer_is_retryable() {
    for started in [false, true] {
        for other in [
            Sample::new("id-1"),
            Sample::new("id-1").template_set("default@2"),
            Sample::new("id-1").plan("plan-2"),
            Sample::new("id-2"),
            Sample::new("id-2").owner("another-application"),
        ] {
            let two = Two::stopped_in_the_second_wave();
            let a = Two::start(&two.a, &Sample::new("id-1"));
            two.gate.until_stopped().await;
            if started {
                two.api.change("pods", "ns", POD, |pod| {
                    pod["status"] = json!({"phase": "Running"});
                });
            }
            let (pod, before) = (two.pod(), two.api.names());
            let error = two
                .b
                .apply(other.manifests(), Some(in_time(60)))
                .await
                .unwrap_err();
            assert!(matches!(error, ApplyError::Timeout { .. }), "{error}");
            assert_eq!(
                (error.code().http_status(), error.code().retryable()),
                (503, true)
            );
            assert_eq!((two.pod(), two.api.names()), (pod, before), "{other:?}");
            two.gate.open();
            assert_eq!(a.await.unwrap().unwrap().outcome, Outcome::Created);
        }
    }
}

#[tokio::test]
async fn what_a_dead_call_left_is_completed_under_its_id_and_removed_under_another() {
    for (id, outcome) in [("id-1", Outcome::Completed), ("id-2", Outcome::Created)] {
        let two = Two::stopped_in_the_second_wave();
        let a = Two::start(&two.a, &Sample::new("id-1"));
        two.gate.until_stopped().await;
        a.abort();
        let uid = two.pod()["metadata"]["uid"].clone();
        let b = Two::start(&two.b, &Sample::new(id));
        two.until_looked_at("configmaps").await;
        // Not yet: its age is 34 s, and then perhaps 35.
        two.api.pass(Duration::from_secs(34));
        two.until_looked_at("configmaps").await;
        assert_eq!(two.pod()["metadata"]["uid"], uid);
        assert!(!b.is_finished());
        two.api.pass(Duration::from_secs(3));
        assert_eq!(b.await.unwrap().unwrap().outcome, outcome);
        assert_eq!(two.pod()["metadata"]["uid"] == uid, id == "id-1");
        two.api.collect_garbage();
        assert_eq!(two.api.names(), Sample::new(id).names());
    }
}

/// The age is by the API server's clock: ours is years away from it here.
#[tokio::test]
async fn our_own_clock_does_not_count() {
    let two = Two::stopped_in_the_second_wave();
    two.api.pass(Duration::from_secs(10 * 365 * 24 * 3600));
    let _a = Two::start(&two.a, &Sample::new("id-1"));
    two.gate.until_stopped().await;
    let error = two
        .b
        .apply(Sample::new("id-1").manifests(), Some(in_time(40)))
        .await;
    assert!(matches!(error, Err(ApplyError::Timeout { .. })), "{error:?}");
}

/// Between a call's look at an old Pod and its deletion another one takes the Pod over.
#[tokio::test]
async fn a_pod_that_is_taken_over_is_not_removed() {
    let two = Two::new(|_, method, path| {
        if method == Method::DELETE && path.ends_with("/pods/pi-driver") {
            Treatment::HoldBefore
        } else {
            Treatment::Pass
        }
    });
    let first = Sample::new("id-1");
    two.left_by_a_crash(&first).await;
    let uid = two.pod()["metadata"]["uid"].clone();
    let a = Two::start(&two.a, &Sample::new("id-2"));
    two.gate.until_stopped().await;
    let b = two.b.apply(first.manifests(), None).await.unwrap();
    assert_eq!(b.outcome, Outcome::Completed);
    two.gate.open();
    let error = a.await.unwrap().unwrap_err();
    assert!(matches!(error, ApplyError::AlreadyExists { .. }), "{error}");
    assert_eq!(two.pod()["metadata"]["uid"], uid);
    assert_eq!(two.api.names(), first.names());
}

#[tokio::test]
async fn of_two_that_take_over_one_does() {
    let two = Two::new(|_, method, _| {
        if method == Method::PATCH {
            Treatment::HoldBefore
        } else {
            Treatment::Pass
        }
    });
    let sample = Sample::new("id-1");
    two.left_by_a_crash(&sample).await;
    let a = Two::start(&two.a, &sample);
    two.gate.until_stopped().await;
    // The other one takes it over, fails, and may remove it, for it is its own now.
    two.api
        .fault(Fault::always("create", "configmaps", Effect::status(403)));
    let b = two.b.apply(sample.manifests(), None).await.unwrap_err();
    assert!(matches!(b, ApplyError::RolledBack { .. }), "{b}");
    two.api.heal();
    two.gate.open();
    assert_eq!(a.await.unwrap().unwrap().outcome, Outcome::Created);
    assert_eq!(two.api.names(), sample.names());
}

#[tokio::test]
async fn a_pod_that_was_taken_over_belongs_to_a_running_call() {
    let two = Two::stopped_in_the_second_wave();
    let sample = Sample::new("id-1");
    two.left_by_a_crash(&sample).await;
    let a = Two::start(&two.a, &sample);
    two.gate.until_stopped().await;
    let before = two.pod();
    for id in ["id-1", "id-2"] {
        let error = two.b.apply(Sample::new(id).manifests(), Some(in_time(40))).await;
        assert!(
            matches!(error, Err(ApplyError::Timeout { .. })),
            "{id}: {error:?}"
        );
    }
    assert_eq!(two.pod(), before);
    two.gate.open();
    assert_eq!(a.await.unwrap().unwrap().outcome, Outcome::Completed);
}

/// An installation of an earlier release doesn't have the right.
#[tokio::test]
async fn without_the_right_to_patch_an_incomplete_pod_is_replaced_or_completed_once_it_runs() {
    for started in [false, true] {
        let two = Two::new(|_, _, _| Treatment::Pass);
        let sample = Sample::new("id-1");
        two.left_by_a_crash(&sample).await;
        if started {
            two.api.change("pods", "ns", POD, |pod| {
                pod["status"] = json!({"phase": "Running"});
            });
        }
        let uid = two.pod()["metadata"]["uid"].clone();
        two.api.fault(Fault::always("patch", "pods", Effect::status(403)));
        let submitted = two.a.apply(sample.manifests(), None).await.unwrap();
        let outcome = if started {
            Outcome::Completed
        } else {
            Outcome::Replaced
        };
        assert_eq!(submitted.outcome, outcome);
        assert_eq!(two.pod()["metadata"]["uid"] == uid, started);
        two.api.collect_garbage();
        assert_eq!(two.api.names(), sample.names());
    }
}

/// All answers about one object are lost to the first call, although the object is there: another one has found the set
/// complete, so it must not be rolled back.
#[tokio::test]
async fn a_set_that_turns_out_to_be_complete_is_not_rolled_back() {
    let looks = AtomicUsize::new(0);
    let two = Two::new(move |_, method, path| {
        if method == Method::POST && path.ends_with("/configmaps") {
            Treatment::Lose(500)
        } else if method == Method::GET
            && path.contains("/configmaps/")
            && looks.fetch_add(1, Ordering::SeqCst) < 4
        {
            Treatment::Refuse(503)
        } else {
            Treatment::Pass
        }
    });
    let sample = Sample::new("id-1");
    let a = Two::start(&two.a, &sample);
    two.api
        .until("the set is complete", |api| {
            api.names() == Sample::new("id-1").names()
        })
        .await;
    let b = two.b.apply(sample.manifests(), None).await.unwrap();
    assert_eq!(b.outcome, Outcome::Found);
    let a = a.await.unwrap().unwrap();
    assert_eq!((a.outcome, a.pod_uid), (Outcome::Created, b.pod_uid));
    assert_eq!(two.api.names(), sample.names());
}

/// The answer to the Pod's POST is lost, and the Pod that is there under the same id is another server's.
#[tokio::test]
async fn after_a_lost_answer_the_pod_is_its_makers() {
    let two = Two::new(|number, _, _| {
        if number == 1 {
            Treatment::HoldBefore
        } else {
            Treatment::Pass
        }
    });
    let sample = Sample::new("id-1");
    let a = Two::start(&two.a, &sample);
    two.gate.until_stopped().await;
    // What the first call can't tell from a Pod of its own but by the call's name.
    let mut pod = sample.manifests().driver_pod.value.clone();
    pod["metadata"]["annotations"][CALL_ANNOTATION] = json!("another call");
    pod["metadata"]["annotations"]["native-submit/objects"] = json!(format!(
        "services/{},configmaps/{}",
        sample.name(SERVICE),
        sample.name(CONFIG_MAP)
    ));
    two.api.put("pods", pod);
    two.api
        .fault(Fault::once("create", "pods", 1, Effect::ActThenRefuse(500)));
    two.gate.open();
    two.until_looked_at("configmaps").await;
    assert_eq!(two.api.names(), [format!("pods/{POD}")], "it waits");
    grow_old(&two.api);
    assert_eq!(a.await.unwrap().unwrap().outcome, Outcome::Completed);

    // And its own it knows.
    let two = Two::new(|number, _, _| {
        if number == 1 {
            Treatment::Lose(500)
        } else {
            Treatment::Pass
        }
    });
    let a = two.a.apply(sample.manifests(), None).await.unwrap();
    assert_eq!(a.outcome, Outcome::Created);
    assert_eq!(two.api.names(), sample.names());
}

/// A process that is paused beyond its time finds its Pod another's.
#[tokio::test]
async fn a_call_that_slept_too_long_claims_nothing_and_removes_nothing() {
    for id in ["id-1", "id-2"] {
        let short = ClusterSettings {
            finish_within: Duration::from_secs(1),
            ..settings()
        };
        let two = Two::with(short, |_, method, path| {
            if method == Method::POST && path.ends_with("/configmaps") {
                Treatment::HoldBefore
            } else {
                Treatment::Pass
            }
        });
        let a = Two::start(&two.a, &Sample::new("id-1"));
        two.gate.until_stopped().await;
        grow_old(&two.api);
        let b = two.b.apply(Sample::new(id).manifests(), None).await.unwrap();
        match a.await.unwrap() {
            // The other one has completed the very Pod.
            Ok(submitted) => assert_eq!((id, submitted.pod_uid), ("id-1", b.pod_uid.clone())),
            Err(error) => assert!(error.code().retryable(), "{error}"),
        }
        assert_eq!(two.pod()["metadata"]["uid"].as_str(), b.pod_uid.as_deref());
        two.api.collect_garbage();
        assert_eq!(two.api.names(), Sample::new(id).names());
    }
}

#[tokio::test]
async fn a_running_calls_group_without_a_pod_is_waited_for() {
    let sample = Sample::new("id-1").gang();
    for fate in ["it gets its Pod", "it fails", "it dies"] {
        let two = Two::new(move |number, method, path| {
            if method == Method::POST && path.ends_with("/pods") && fate == "it fails" {
                Treatment::Refuse(403)
            } else if number == 2 || method == Method::DELETE {
                Treatment::HoldBefore
            } else {
                Treatment::Pass
            }
        });
        let a = Two::start(&two.a, &sample);
        two.gate.until_stopped().await;
        let group = || two.api.get("podgroups", "ns", &sample.name(POD_GROUP));
        let before = group();
        let error = two.b.apply(sample.manifests(), Some(in_time(40))).await;
        assert!(matches!(error, Err(ApplyError::Timeout { .. })), "{error:?}");
        assert_eq!(group(), before, "it is neither taken up nor removed");
        let b = Two::start(&two.b, &sample);
        two.until_looked_at("podgroups").await;
        if fate == "it dies" {
            a.abort();
            grow_old(&two.api);
        } else {
            two.gate.open();
            assert_eq!(a.await.unwrap().is_ok(), fate == "it gets its Pod");
        }
        let b = b.await.unwrap().unwrap();
        let outcome = if fate == "it gets its Pod" {
            Outcome::Found
        } else {
            Outcome::Created
        };
        assert_eq!(b.outcome, outcome, "{fate}");
        assert_eq!(two.api.names(), sample.names(), "{fate}");
    }
}

/// Another id's group may be a running call's, which will find the Pod's name taken and remove its group itself.
#[tokio::test]
async fn another_ids_group_goes_when_it_is_nobodys_and_never_once_a_pod_has_it() {
    let two = Two::new(|number, _, _| {
        if number == 2 {
            Treatment::HoldBefore
        } else {
            Treatment::Pass
        }
    });
    let (first, second) = (Sample::new("id-1").gang(), Sample::new("id-2").gang());
    let a = Two::start(&two.a, &first);
    two.gate.until_stopped().await;
    assert_eq!(
        two.b.apply(second.manifests(), None).await.unwrap().outcome,
        Outcome::Created
    );
    let group = || two.api.get("podgroups", "ns", &first.name(POD_GROUP));
    assert!(group().is_some());
    two.gate.open();
    let error = a.await.unwrap().unwrap_err();
    assert!(matches!(error, ApplyError::AlreadyExists { .. }), "{error}");
    assert_eq!(group(), None);
    assert_eq!(two.api.names(), second.names());
}
