//! A driver Pod is followed to its end, whatever happens to the watch; and nothing leaks or spins meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::{ApiServer, Effect, Fault};
use native_submit::cluster::{
    ApplyError, ClusterSettings, ClusterSink, FollowEnd, FollowError, FollowTiming,
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{task::JoinHandle, time};

/// Quick, and with pauses that a loop without them would not keep to.
fn timing() -> FollowTiming {
    FollowTiming {
        watch: Duration::from_secs(60),
        answer: Duration::from_millis(500),
        first_pause: Duration::from_millis(10),
        longest_pause: Duration::from_millis(100),
        give_up: Duration::from_secs(60),
        refused: Duration::from_secs(60),
    }
}

/// A follower on its way.
struct Follower {
    seen: Arc<Mutex<Vec<String>>>,
    ends: JoinHandle<Result<FollowEnd, FollowError>>,
}

impl Follower {
    fn of(api: &ApiServer, uid: Option<&str>, timing: FollowTiming) -> Self {
        let sink = ClusterSink::new(api.client(), ClusterSettings::default());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (into, uid) = (Arc::clone(&seen), uid.map(str::to_owned));
        let ends = tokio::spawn(async move {
            let see = |pod: &Value| into.lock().unwrap().push(phase_of(pod));
            sink.follow(("jobs", "pi-driver"), uid.as_deref(), &timing, see)
                .await
        });
        Self { seen, ends }
    }

    async fn end(self) -> (Result<FollowEnd, FollowError>, Vec<String>) {
        let end = time::timeout(Duration::from_secs(60), self.ends).await;
        let seen = self.seen.lock().unwrap().clone();
        (end.expect("it ends").unwrap(), seen)
    }
}

fn phase_of(pod: &Value) -> String {
    pod["status"]["phase"].as_str().unwrap_or("none").to_owned()
}

async fn with_a_driver() -> ApiServer {
    let api = ApiServer::start().await;
    put_driver(&api);
    api
}

fn put_driver(api: &ApiServer) -> String {
    api.put(
        "pods",
        json!({"metadata": {"name": "pi-driver", "namespace": "jobs"}}),
    )
}

fn set(api: &ApiServer, phase: &str) {
    api.change("pods", "jobs", "pi-driver", |pod| {
        pod["status"] = json!({"phase": phase});
    });
}

async fn watched(api: &ApiServer) {
    api.until("a watch", |api| api.watching() > 0).await;
}

fn count(api: &ApiServer, line: &str) -> usize {
    api.lines().iter().filter(|seen| *seen == line).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_state_is_seen_once_and_one_watch_is_enough() {
    let api = with_a_driver().await;
    let follower = Follower::of(&api, None, timing());
    watched(&api).await;
    set(&api, "Running");
    api.bookmark();
    set(&api, "Failed");
    let (end, seen) = follower.end().await;
    assert_eq!(end, Ok(FollowEnd::Completed));
    assert_eq!(seen, ["Pending", "Running", "Failed"]);
    assert_eq!(api.lines(), ["get pods", "watch pods"]);
    api.until("no watch is left", |api| api.watching() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_ends_a_watch_it_is_taken_up_again_from_its_last_version() {
    let api = with_a_driver().await;
    let follower = Follower::of(&api, None, timing());
    watched(&api).await;
    set(&api, "Running");
    let end = Instant::now() + Duration::from_secs(30);
    while !follower
        .seen
        .lock()
        .unwrap()
        .iter()
        .any(|phase| phase == "Running")
    {
        assert!(Instant::now() < end, "not seen");
        time::sleep(Duration::from_millis(5)).await;
    }
    let version = api.get("pods", "jobs", "pi-driver").unwrap()["metadata"]["resourceVersion"].clone();
    api.cut_watches();
    api.until("the next watch", |api| count(api, "watch pods") == 2)
        .await;
    assert_eq!(from(&api, 1), version);
    // What happens while nobody watches is in the next watch.
    set(&api, "Succeeded");
    let (end, seen) = follower.end().await;
    assert_eq!(end, Ok(FollowEnd::Completed));
    assert_eq!(seen, ["Pending", "Running", "Succeeded"]);
    assert_eq!(
        count(&api, "get pods"),
        1,
        "nothing was read anew: {:?}",
        api.lines()
    );
}

/// The version that the watch of this number began from.
fn from(api: &ApiServer, number: usize) -> String {
    let watch = api
        .log()
        .into_iter()
        .filter(|seen| seen.verb == "watch")
        .nth(number)
        .unwrap();
    let mut parts = watch.query.split('&');
    parts
        .find_map(|part| part.strip_prefix("resourceVersion="))
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bookmark_is_where_the_next_watch_begins() {
    let api = with_a_driver().await;
    let mark = api.bookmark().to_string();
    let line = json!({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": mark}}});
    api.fault(Fault::once("watch", "pods", 1, Effect::Say(format!("{line}\n"))));
    let follower = Follower::of(&api, None, timing());
    api.until("the next watch", |api| count(api, "watch pods") == 2)
        .await;
    assert_eq!((from(&api, 0).as_str(), from(&api, 1)), ("1", mark));
    set(&api, "Succeeded");
    assert_eq!(follower.end().await.0, Ok(FollowEnd::Completed));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_is_found_through_every_fault() {
    let line = |text: &str| Effect::Say(text.to_owned());
    for (name, effect) in [
        ("closed before", Effect::ResetBefore),
        ("500", Effect::status(500)),
        ("502 by a proxy", Effect::Refuse(502, json!("<html>"))),
        ("429", Effect::RetryAfter(429, 0)),
        ("410", Effect::status(410)),
        ("404", Effect::status(404)),
        ("no answer", Effect::HangBefore),
        ("ended at once", Effect::EndAtOnce),
        ("cut in the middle of a line", Effect::CutAfter(40)),
        ("no JSON", line("what\n")),
        ("no event", line("{\"type\":\"NEW\"}\n")),
        ("half a line", line("{\"type\":\"MODIFIED\",\"obj")),
        (
            "an error event",
            line("{\"type\":\"ERROR\",\"object\":{\"code\":500}}\n"),
        ),
        (
            "an error event that is none",
            line("{\"type\":\"ERROR\",\"object\":7}\n"),
        ),
    ] {
        let api = with_a_driver().await;
        api.fault(Fault {
            verb: "watch",
            resource: "pods",
            nth: 1..=3,
            effect,
        });
        let follower = Follower::of(&api, None, timing());
        api.until("the first watch", |api| count(api, "watch pods") > 0)
            .await;
        set(&api, "Running");
        set(&api, "Succeeded");
        let (end, seen) = follower.end().await;
        assert_eq!(end, Ok(FollowEnd::Completed), "{name}");
        assert_eq!(
            seen.last().map(String::as_str),
            Some("Succeeded"),
            "{name}: {seen:?}"
        );
        api.until("no watch is left", |api| api.watching() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_the_pod_fails_and_is_tried_again() {
    for effect in [Effect::status(500), Effect::ResetBefore, Effect::HangBefore] {
        let api = with_a_driver().await;
        api.fault(Fault::once("get", "pods", 1, effect));
        let follower = Follower::of(&api, None, timing());
        api.until("a watch", |api| count(api, "watch pods") > 0).await;
        set(&api, "Succeeded");
        assert_eq!(follower.end().await.0, Ok(FollowEnd::Completed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_compaction_the_pod_is_read_anew() {
    let api = with_a_driver().await;
    let follower = Follower::of(&api, None, timing());
    watched(&api).await;
    api.compact();
    api.cut_watches();
    api.until("the pod is read anew", |api| count(api, "get pods") == 2)
        .await;
    api.change("pods", "jobs", "pi-driver", |pod| {
        pod["status"] = json!({"phase": "Succeeded"});
    });
    assert_eq!(follower.end().await.0, Ok(FollowEnd::Completed));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_spins_however_a_server_answers() {
    let gone = "{\"type\":\"ERROR\",\"object\":{\"code\":410,\"reason\":\"Expired\"}}\n";
    for effect in [
        Effect::EndAtOnce,
        Effect::status(410),
        Effect::status(500),
        Effect::ResetBefore,
        Effect::Say(gone.to_owned()),
        Effect::Say("x\n".to_owned()),
    ] {
        let api = with_a_driver().await;
        api.fault(Fault::always("watch", "pods", effect));
        let follower = Follower::of(&api, None, timing());
        time::sleep(Duration::from_secs(1)).await;
        let watches = count(&api, "watch pods");
        // At most one in 50 ms once the pauses have grown; a loop without them makes thousands.
        assert!(watches < 200, "{watches} watches in a second");
        api.until("it goes on", |api| count(api, "watch pods") > 2).await;
        // Where no watch ever works, the end is found by reading.
        api.heal();
        set(&api, "Failed");
        assert_eq!(follower.end().await.0, Ok(FollowEnd::Completed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_pod_ends_it_with_its_last_state() {
    let api = with_a_driver().await;
    let follower = Follower::of(&api, None, timing());
    watched(&api).await;
    set(&api, "Running");
    api.remove("pods", "jobs", "pi-driver");
    let (end, seen) = follower.end().await;
    let Ok(FollowEnd::Deleted(Some(last))) = end else {
        panic!("{end:?}");
    };
    assert_eq!(
        (phase_of(&last).as_str(), seen.last().unwrap().as_str()),
        ("Running", "Running")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_went_while_nobody_watched_and_another_of_its_name_end_it_too() {
    for recreated in [false, true] {
        let api = ApiServer::start().await;
        let uid = put_driver(&api);
        let follower = Follower::of(&api, Some(&uid), timing());
        watched(&api).await;
        api.fault(Fault::always("watch", "pods", Effect::status(410)));
        api.cut_watches();
        api.until("the watch was cut", |api| api.watching() == 0).await;
        api.remove("pods", "jobs", "pi-driver");
        if recreated {
            put_driver(&api);
        }
        let (end, seen) = follower.end().await;
        assert_eq!(end, Ok(FollowEnd::Deleted(None)), "recreated: {recreated}");
        assert_eq!(seen, ["Pending"], "the other one is not shown");
    }
    // By an event: of a Pod whose deletion the watch left out.
    let api = with_a_driver().await;
    let follower = Follower::of(&api, None, timing());
    watched(&api).await;
    api.change("pods", "jobs", "pi-driver", |pod| {
        pod["metadata"]["uid"] = json!("another");
    });
    assert_eq!(follower.end().await.0, Ok(FollowEnd::Deleted(None)));
    // And one that never was.
    let api = ApiServer::start().await;
    assert_eq!(
        Follower::of(&api, None, timing()).end().await.0,
        Ok(FollowEnd::Deleted(None))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_is_empty_is_no_end() {
    let api = with_a_driver().await;
    let follower = Follower::of(&api, None, timing());
    watched(&api).await;
    for status in [
        json!({}),
        json!(null),
        json!({"phase": null}),
        json!({"phase": ""}),
        json!([]),
    ] {
        api.change("pods", "jobs", "pi-driver", |pod| pod["status"] = status);
    }
    set(&api, "Succeeded");
    let (end, seen) = follower.end().await;
    assert_eq!(end, Ok(FollowEnd::Completed));
    assert_eq!(seen, ["Pending", "none", "none", "none", "", "none", "Succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_watch_it_says_so_at_once() {
    for (verb, code) in [("watch", 403), ("get", 403), ("get", 401)] {
        let api = with_a_driver().await;
        let refusal = json!({"code": code, "message": "User \"nobody\" cannot", "reason": "Forbidden"});
        api.fault(Fault::always(verb, "pods", Effect::Refuse(code, refusal)));
        let timing = FollowTiming {
            refused: Duration::from_millis(200),
            ..timing()
        };
        let (end, _) = Follower::of(&api, None, timing).end().await;
        let Err(FollowError::Refused(error)) = end else {
            panic!("{verb} {code}: {end:?}");
        };
        match error {
            ApplyError::Forbidden { verb: found, .. } => assert_eq!((found, code), (verb, 403)),
            ApplyError::Unauthorized { .. } => assert_eq!(code, 401),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_starts_may_refuse_for_a_while() {
    let api = with_a_driver().await;
    let follower = Follower::of(&api, None, timing());
    watched(&api).await;
    api.fault(Fault {
        verb: "watch",
        resource: "pods",
        nth: 1..=3,
        effect: Effect::status(403),
    });
    api.cut_watches();
    set(&api, "Succeeded");
    assert_eq!(follower.end().await.0, Ok(FollowEnd::Completed));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_answer_it_gives_up_in_the_end() {
    let api = with_a_driver().await;
    let timing = FollowTiming {
        give_up: Duration::from_millis(300),
        ..timing()
    };
    let follower = Follower::of(&api, None, timing);
    watched(&api).await;
    api.fault(Fault::always("*", "pods", Effect::ResetBefore));
    api.cut_watches();
    let (end, _) = follower.end().await;
    assert!(matches!(end, Err(FollowError::GaveUp { .. })), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_it_ends_the_watch() {
    let api = with_a_driver().await;
    let follower = Follower::of(&api, None, timing());
    watched(&api).await;
    follower.ends.abort();
    let _ = follower.ends.await;
    // The server notices when it writes.
    for _ in 0..200 {
        api.bookmark();
        if api.watching() == 0 {
            return;
        }
        time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a watch is left");
}
