//! A `PodGroup` precedes its driver Pod, becomes the Pod's, and never stays behind without it.
// Clippy sees that code is a test's only inside #[test].
#![allow(clippy::unwrap_used)]

use crate::support::{
    api_server::{ApiServer, Effect, Fault},
    manifests::{POD, POD_GROUP, SERVICE, Sample},
};
use native_submit::cluster::{ApplyError, ClusterSettings, ClusterSink, Outcome, Submitted};
use serde_json::{Value, json};
use std::time::Duration;

struct Bench {
    api: ApiServer,
    sink: ClusterSink,
}

impl Bench {
    async fn new() -> Self {
        let api = ApiServer::start().await;
        // Short pauses and timeouts, so that faults are over soon.
        let settings = ClusterSettings {
            deadline: Duration::from_secs(3),
            finish_within: Duration::from_secs(6),
            request_timeout: Duration::from_millis(150),
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(5),
            tries: 4,
            ..ClusterSettings::default()
        };
        let sink = ClusterSink::new(api.client(), settings);
        Self { api, sink }
    }

    async fn apply(&self, sample: &Sample) -> Result<Submitted, ApplyError> {
        self.sink.apply(sample.manifests(), None).await
    }

    /// Until a group without a Pod, or an incomplete Pod, is nobody's.
    fn grow_old(&self) {
        self.api.pass(Duration::from_secs(37));
    }

    fn group(&self, sample: &Sample) -> Value {
        self.api.get("podgroups", "ns", &sample.name(POD_GROUP)).unwrap()
    }

    fn all_there(&self, sample: &Sample) {
        assert_eq!(self.api.names(), sample.names());
        let pod = self.api.get("pods", "ns", POD).unwrap();
        assert_eq!(
            self.group(sample)["metadata"]["ownerReferences"],
            json!([{"apiVersion": "v1", "kind": "Pod", "name": POD, "uid": pod["metadata"]["uid"], "controller": true}])
        );
    }

    /// As a process leaves it that dies before the Pod has taken its group over.
    fn forget_the_pod(&self, sample: &Sample) {
        self.api
            .change("podgroups", "ns", &sample.name(POD_GROUP), |group| {
                group["metadata"]["ownerReferences"] = json!([{
                    "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": "pi",
                    "uid": "app-uid", "controller": true, "blockOwnerDeletion": true,
                }]);
            });
    }
}

fn sample() -> Sample {
    Sample::new("id-1").gang()
}

#[tokio::test]
async fn it_comes_before_the_pod_and_becomes_the_pods() {
    let bench = Bench::new().await;
    let submitted = bench.apply(&sample()).await.unwrap();
    assert_eq!(submitted.outcome, Outcome::Created);
    assert_eq!(
        submitted.objects[1],
        "podgroups.scheduling.volcano.sh/pi-podgroup-id-1"
    );
    bench.all_there(&sample());

    let log = bench.api.log();
    assert_eq!(bench.api.lines()[..2], ["create podgroups", "create pods"]);
    assert_eq!(log[1].after, 1, "the Pod waits for its group");
    let owner = &log[0].body["metadata"]["ownerReferences"][0];
    assert_eq!(
        owner["kind"], "SparkApplication",
        "until there is a Pod, it goes with the application"
    );
}

#[tokio::test]
async fn the_same_submission_again_changes_nothing() {
    let bench = Bench::new().await;
    bench.apply(&sample()).await.unwrap();
    let before = bench.group(&sample());
    let again = bench.apply(&sample()).await.unwrap();
    assert_eq!(again.outcome, Outcome::Found);
    assert_eq!(bench.group(&sample()), before);
}

#[tokio::test]
async fn it_goes_where_its_pod_or_anything_beside_it_is_refused() {
    for (verb, resource) in [
        ("create", "podgroups"),
        ("create", "pods"),
        ("patch", "podgroups"),
        ("create", "services"),
        ("create", "configmaps"),
    ] {
        let bench = Bench::new().await;
        bench
            .api
            .fault(Fault::always(verb, resource, Effect::status(403)));
        let error = bench.apply(&sample()).await.unwrap_err();
        assert_eq!(bench.api.names(), Vec::<String>::new(), "{verb} {resource}");
        assert!(error.to_string().contains(resource), "{error}");
    }
}

#[tokio::test]
async fn what_a_crash_left_without_a_pod_is_taken_up_by_the_same_submission() {
    for pod_is_refused in [false, true] {
        let bench = Bench::new().await;
        bench.apply(&sample()).await.unwrap();
        bench.forget_the_pod(&sample());
        bench.api.remove("pods", "ns", POD);
        bench.api.collect_garbage();
        assert_eq!(bench.api.names(), ["podgroups/pi-podgroup-id-1"]);
        bench.grow_old();
        if pod_is_refused {
            bench
                .api
                .fault(Fault::always("create", "pods", Effect::status(403)));
            bench.apply(&sample()).await.unwrap_err();
            assert_eq!(bench.api.names(), Vec::<String>::new());
        } else {
            bench.apply(&sample()).await.unwrap();
            bench.all_there(&sample());
        }
    }
}

#[tokio::test]
async fn what_a_crash_left_beside_its_pod_is_completed_or_gives_way() {
    let bench = Bench::new().await;
    bench.apply(&sample()).await.unwrap();
    bench.forget_the_pod(&sample());
    bench.grow_old();
    let again = bench.apply(&sample()).await.unwrap();
    assert_eq!(again.outcome, Outcome::Completed);
    bench.all_there(&sample());

    bench.forget_the_pod(&sample());
    bench.grow_old();
    let next = Sample::new("id-2").gang();
    bench.apply(&next).await.unwrap();
    bench.all_there(&next);
}

/// The next attempt's id is a new one, and so is its group's name: nothing but the label leads to the dead one's.
#[tokio::test]
async fn what_a_crash_left_before_its_pod_goes_with_the_next_attempt() {
    for what_fails in [None, Some("list"), Some("delete")] {
        let bench = Bench::new().await;
        for (owner, id) in [("app-uid", "id-1"), ("another-application", "id-3")] {
            // As a process leaves it that dies over its Pod.
            bench
                .api
                .fault(Fault::always("create", "pods", Effect::status(403)));
            bench
                .api
                .fault(Fault::always("delete", "podgroups", Effect::status(403)));
            bench
                .apply(&Sample::new(id).gang().owner(owner))
                .await
                .unwrap_err();
        }
        bench.api.heal();
        bench.grow_old();
        if let Some(verb) = what_fails {
            bench
                .api
                .fault(Fault::always(verb, "podgroups", Effect::status(403)));
        }
        let next = Sample::new("id-2").gang();
        assert_eq!(bench.apply(&next).await.unwrap().outcome, Outcome::Created);
        let groups: Vec<_> = bench
            .api
            .names()
            .into_iter()
            .filter(|name| name.starts_with("podgroups/"))
            .collect();
        assert_eq!(
            groups.contains(&"podgroups/pi-podgroup-id-1".to_owned()),
            what_fails.is_some(),
            "{what_fails:?}: {groups:?}"
        );
        assert!(
            groups.contains(&"podgroups/pi-podgroup-id-3".to_owned()),
            "another application's stays"
        );
        let labels = &bench.group(&next)["metadata"]["labels"];
        assert_eq!(*labels, json!({}), "it waits no more");
    }
}

#[tokio::test]
async fn another_plan_replaces_it_with_its_pod() {
    let bench = Bench::new().await;
    bench.apply(&sample()).await.unwrap();
    let before = bench.group(&sample())["metadata"]["uid"].clone();
    let replaced = bench.apply(&sample().plan("plan-2")).await.unwrap();
    assert_eq!(replaced.outcome, Outcome::Replaced);
    assert_ne!(bench.group(&sample())["metadata"]["uid"], before);
    bench.all_there(&sample());
}

#[tokio::test]
async fn it_goes_where_another_submission_has_the_pods_name() {
    let bench = Bench::new().await;
    let first = sample().owner("another-application");
    bench.apply(&first).await.unwrap();
    let error = bench.apply(&Sample::new("id-2").gang()).await.unwrap_err();
    assert!(matches!(error, ApplyError::AlreadyExists { .. }), "{error}");
    bench.all_there(&first);
}

#[tokio::test]
async fn a_found_pod_keeps_its_group_when_completing_it_fails() {
    let bench = Bench::new().await;
    bench.apply(&sample()).await.unwrap();
    bench.api.change("pods", "ns", POD, |pod| {
        pod["status"] = json!({"phase": "Running"});
    });
    bench.forget_the_pod(&sample());
    bench.api.remove("services", "ns", &sample().name(SERVICE));
    bench.grow_old();
    bench
        .api
        .fault(Fault::always("create", "services", Effect::status(403)));
    bench.apply(&sample()).await.unwrap_err();
    assert!(
        bench
            .api
            .names()
            .contains(&"podgroups/pi-podgroup-id-1".to_owned())
    );
}
