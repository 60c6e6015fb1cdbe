//! Applying to the cluster, against a stand-in API server: what exists afterwards, and what each caller is answered.
// Clippy sees that code is a test's only inside #[test].
#![allow(clippy::unwrap_used)]

use crate::support::{
    api_server::{ApiServer, Effect, Fault},
    manifests::{CONFIG_MAP, POD, SERVICE, Sample},
};
use native_submit::cluster::{
    ApplyError, ClusterSettings, ClusterSink, LiveError, OBJECTS_ANNOTATION, Outcome, ResourceVersion, Sink,
    Submitted,
};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// Short pauses and timeouts, so that faults are over soon.
fn quick() -> ClusterSettings {
    ClusterSettings {
        deadline: Duration::from_secs(3),
        finish_within: Duration::from_secs(6),
        request_timeout: Duration::from_millis(150),
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(5),
        tries: 4,
        ..ClusterSettings::default()
    }
}

struct Bench {
    api: ApiServer,
    sink: ClusterSink,
}

impl Bench {
    async fn new() -> Self {
        let api = ApiServer::start().await;
        let sink = ClusterSink::new(api.client(), quick());
        Self { api, sink }
    }

    async fn apply(&self, sample: &Sample) -> Result<Submitted, ApplyError> {
        Sink::Cluster(self.sink.clone())
            .apply(sample.manifests(), None)
            .await
    }

    fn all_there(&self, sample: &Sample) {
        assert_eq!(self.api.names(), sample.names());
        assert_eq!(self.api.orphans(), Vec::<String>::new());
        let uid = self.pod()["metadata"]["uid"].clone();
        for (resource, name) in [("services", SERVICE), ("configmaps", CONFIG_MAP)] {
            let object = self.api.get(resource, "ns", &sample.name(name)).unwrap();
            assert_eq!(
                object["metadata"]["ownerReferences"],
                json!([{"apiVersion": "v1", "kind": "Pod", "name": POD, "uid": uid, "controller": true}])
            );
        }
    }

    /// Until an incomplete Pod is nobody's.
    fn grow_old(&self) {
        self.api.pass(Duration::from_secs(37));
    }

    fn pod(&self) -> Value {
        self.api.get("pods", "ns", POD).unwrap()
    }

    fn run_driver(&self) {
        self.api.change("pods", "ns", POD, |pod| {
            pod["status"] = json!({"phase": "Running", "containerStatuses": [
                {"name": "spark-kubernetes-driver", "state": {"running": {}}},
            ]});
        });
    }
}

#[tokio::test]
async fn a_new_submission_takes_two_waves() {
    let bench = Bench::new().await;
    let sample = Sample::new("id-1");
    let submitted = bench.apply(&sample).await.unwrap();

    assert_eq!(submitted.outcome, Outcome::Created);
    assert!(!submitted.duplicate());
    assert_eq!(
        submitted.pod_uid.as_deref(),
        bench.pod()["metadata"]["uid"].as_str()
    );
    assert_eq!(
        submitted.objects,
        [
            format!("pods/{POD}"),
            format!("services/{SERVICE}-id-1"),
            format!("configmaps/{CONFIG_MAP}-id-1")
        ]
    );
    bench.all_there(&sample);

    let log = bench.api.log();
    let mut lines = bench.api.lines();
    lines[1..].sort();
    assert_eq!(lines, ["create pods", "create configmaps", "create services"]);
    assert_eq!(log[0].after, 0, "the Pod comes first");
    assert!(
        log[1..].iter().all(|seen| seen.after >= 1),
        "the rest waits for the Pod's uid"
    );
    assert!(
        log.iter()
            .all(|seen| seen.query == "fieldManager=native-submit&fieldValidation=Warn")
    );
    assert_eq!(
        log[0].body["spec"]["fromTheFuture"], true,
        "unknown fields pass through"
    );
    let listed = &log[0].body["metadata"]["annotations"][OBJECTS_ANNOTATION];
    assert_eq!(
        *listed,
        json!(format!("services/{SERVICE}-id-1,configmaps/{CONFIG_MAP}-id-1"))
    );
}

#[tokio::test]
async fn the_second_wave_is_sent_at_once() {
    let bench = Bench::new().await;
    let go = Arc::new(Notify::new());
    for resource in ["services", "configmaps"] {
        bench
            .api
            .fault(Fault::always("create", resource, Effect::Hold(Arc::clone(&go))));
    }
    // Neither is answered before both have arrived.
    let sink = ClusterSink::new(
        bench.api.client(),
        ClusterSettings {
            request_timeout: Duration::from_secs(5),
            ..quick()
        },
    );
    let work = tokio::spawn(async move { sink.apply(Sample::new("id-1").manifests(), None).await });
    bench
        .api
        .until("both are in flight", |api| api.log().len() == 3)
        .await;
    go.notify_one();
    go.notify_one();
    work.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_same_submission_again_is_found_and_changes_nothing() {
    let bench = Bench::new().await;
    let sample = Sample::new("id-1");
    let first = bench.apply(&sample).await.unwrap();
    for started in [false, true] {
        if started {
            bench.run_driver();
        }
        let before = bench.api.log().len();
        let again = bench.apply(&sample).await.unwrap();
        assert_eq!(again.outcome, Outcome::Found);
        assert!(again.duplicate());
        assert_eq!(again.pod_uid, first.pod_uid);
        assert_eq!(again.objects, first.objects);
        let verbs: Vec<_> = bench.api.log()[before..].iter().map(|seen| seen.verb).collect();
        assert_eq!(
            verbs,
            ["create", "get", "get", "get"],
            "nothing but the Pod's POST is more than a look"
        );
    }
    bench.all_there(&sample);
}

#[tokio::test]
async fn a_missing_object_is_completed_also_for_a_running_driver() {
    for started in [false, true] {
        let bench = Bench::new().await;
        let sample = Sample::new("id-1");
        bench.apply(&sample).await.unwrap();
        bench.api.remove("configmaps", "ns", &sample.name(CONFIG_MAP));
        if started {
            bench.run_driver();
        }
        bench.grow_old();
        let uid = bench.pod()["metadata"]["uid"].clone();
        let again = bench.apply(&sample).await.unwrap();
        assert_eq!(again.outcome, Outcome::Completed);
        assert_eq!(bench.pod()["metadata"]["uid"], uid);
        assert!(again.duplicate());
        bench.all_there(&sample);
    }
}

#[tokio::test]
async fn another_plan_replaces_a_driver_that_has_not_started() {
    let sample = Sample::new("id-1");
    for changed in [
        sample.clone().plan("plan-2"),
        sample.clone().plan("plan-2").template_set("default@2"),
    ] {
        let bench = Bench::new().await;
        let first = bench.apply(&sample).await.unwrap();
        let second = bench.apply(&changed).await.unwrap();
        assert_eq!(second.outcome, Outcome::Replaced);
        assert_ne!(second.pod_uid, first.pod_uid);
        // The old ConfigMap has the same name and the old Pod's uid; no garbage collector ran in between.
        bench.all_there(&changed);
        for seen in bench.api.log().iter().filter(|seen| seen.verb == "delete") {
            assert!(seen.body["preconditions"]["uid"].is_string(), "{seen:?}");
            assert_eq!(seen.body["propagationPolicy"], "Background");
        }
    }
}

/// Servers have different template sets for up to a minute, and different releases during a rollout.
#[tokio::test]
async fn the_same_submission_by_another_set_or_release_is_a_duplicate() {
    let first = Sample::new("id-1").plan("v2:plan-1");
    for again in [
        first.clone().template_set("default@2"),
        first.clone().plan("v3:plan-9"),
        first.clone().plan("plan-9"),
    ] {
        for started in [false, true] {
            let bench = Bench::new().await;
            let made = bench.apply(&first).await.unwrap();
            if started {
                bench.run_driver();
            }
            let found = bench.apply(&again).await.unwrap();
            assert_eq!(found.outcome, Outcome::Found);
            assert_eq!(
                (found.pod_uid, found.objects, found.template_set.as_str()),
                (made.pod_uid, made.objects, "default@1"),
                "the answer names the set that made it"
            );
            bench.all_there(&first);
        }
    }
}

/// All objects of a submission come from one set: what another set left half made is made anew.
#[tokio::test]
async fn what_another_set_left_half_made_is_replaced_unless_its_driver_runs() {
    for started in [false, true] {
        let bench = Bench::new().await;
        let first = Sample::new("id-1");
        bench.apply(&first).await.unwrap();
        bench.api.remove("configmaps", "ns", &first.name(CONFIG_MAP));
        if started {
            bench.run_driver();
        }
        bench.grow_old();
        let again = first.clone().template_set("default@2");
        let submitted = bench.apply(&again).await.unwrap();
        let (outcome, set) = if started {
            (Outcome::Completed, "default@1")
        } else {
            (Outcome::Replaced, "default@2")
        };
        assert_eq!(
            (submitted.outcome, submitted.template_set.as_str()),
            (outcome, set)
        );
        bench.all_there(&again);
    }
}

#[tokio::test]
async fn another_plan_for_a_started_driver_is_refused() {
    let bench = Bench::new().await;
    let sample = Sample::new("id-1");
    bench.apply(&sample).await.unwrap();
    bench.run_driver();
    let uid = bench.pod()["metadata"]["uid"].clone();
    let error = bench.apply(&sample.clone().plan("plan-2")).await.unwrap_err();
    assert!(
        matches!(error, ApplyError::StartedDifferently { differs: "plan", .. }),
        "{error}"
    );
    assert_eq!(
        (error.code().name(), error.code().retryable()),
        ("DRIVER_POD_ALREADY_EXISTS", false)
    );
    assert_eq!(bench.pod()["metadata"]["uid"], uid);
    bench.all_there(&sample);
}

#[tokio::test]
async fn a_driver_that_starts_while_it_is_to_be_replaced_stays() {
    let bench = Bench::new().await;
    let sample = Sample::new("id-1");
    bench.apply(&sample).await.unwrap();
    let go = Arc::new(Notify::new());
    bench
        .api
        .fault(Fault::once("delete", "pods", 1, Effect::Hold(Arc::clone(&go))));
    let changed = sample.clone().plan("plan-2").manifests();
    let sink = bench.sink.clone();
    let work = tokio::spawn(async move { sink.apply(changed, None).await });
    bench
        .api
        .until("the deletion arrived", |api| {
            api.lines().contains(&"delete pods".to_owned())
        })
        .await;
    bench.run_driver();
    go.notify_one();
    let error = work.await.unwrap().unwrap_err();
    assert!(matches!(error, ApplyError::StartedDifferently { .. }), "{error}");
    bench.all_there(&sample);
}

#[tokio::test]
async fn what_a_crash_left_half_made_gives_way_to_the_next_attempt() {
    for missing in [&[SERVICE][..], &[CONFIG_MAP], &[SERVICE, CONFIG_MAP]] {
        let bench = Bench::new().await;
        let first = Sample::new("id-1");
        bench.apply(&first).await.unwrap();
        for name in missing {
            let resource = if *name == SERVICE {
                "services"
            } else {
                "configmaps"
            };
            bench.api.remove(resource, "ns", &first.name(name));
        }
        bench.grow_old();
        let second = Sample::new("id-2");
        let submitted = bench.apply(&second).await.unwrap();
        assert_eq!(submitted.outcome, Outcome::Created, "{missing:?}");
        bench.all_there(&second);
    }
}

type Arrange = fn(&Bench);

#[tokio::test]
async fn the_name_of_another_submission_is_taken() {
    let complete = Sample::new("id-1");
    let cases: [(&str, Sample, Arrange); 5] = [
        ("complete, of the same application", complete.clone(), |_| {}),
        ("incomplete, but started", complete.clone(), |bench| {
            bench
                .api
                .remove("services", "ns", &Sample::new("id-1").name(SERVICE));
            bench.run_driver();
        }),
        (
            "incomplete, of another application",
            complete.clone().owner("other-uid"),
            |bench| {
                bench
                    .api
                    .remove("services", "ns", &Sample::new("id-1").name(SERVICE));
            },
        ),
        (
            "incomplete, but it doesn't say what it lacks",
            complete.clone(),
            |bench| {
                bench
                    .api
                    .remove("services", "ns", &Sample::new("id-1").name(SERVICE));
                bench.api.change("pods", "ns", POD, |pod| {
                    pod["metadata"]["annotations"]
                        .as_object_mut()
                        .unwrap()
                        .remove(OBJECTS_ANNOTATION);
                });
            },
        ),
        ("by spark-submit", complete, |bench| {
            bench.api.change("pods", "ns", POD, |pod| {
                pod["metadata"]["annotations"] = json!({});
                pod["metadata"]["labels"] = json!({"sparkoperator.k8s.io/submission-id": "id-1"});
            });
        }),
    ];
    for (name, first, arrange) in cases {
        let bench = Bench::new().await;
        bench.apply(&first).await.unwrap();
        arrange(&bench);
        bench.grow_old();
        let before = bench.api.names();
        let error = bench.apply(&Sample::new("id-2")).await.unwrap_err();
        assert!(
            matches!(&error, ApplyError::AlreadyExists { submission_id: Some(id), .. } if id == "id-1"),
            "{name}: {error}"
        );
        assert_eq!(error.code().http_status(), 409);
        assert_eq!(bench.api.names(), before, "{name}");
    }
}

#[tokio::test]
async fn a_pod_that_nobody_submitted_is_left_alone() {
    let bench = Bench::new().await;
    bench
        .api
        .put("pods", json!({"metadata": {"name": POD, "namespace": "ns"}}));
    let error = bench.apply(&Sample::new("id-1")).await.unwrap_err();
    assert!(
        matches!(
            error,
            ApplyError::AlreadyExists {
                submission_id: None,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(bench.api.names(), [format!("pods/{POD}")]);
}

#[tokio::test]
async fn spark_submits_own_pod_of_the_same_id_is_a_duplicate() {
    let bench = Bench::new().await;
    let labels = json!({"sparkoperator.k8s.io/submission-id": "id-1", "spark-app-selector": "spark-theirs"});
    bench.api.put(
        "pods",
        json!({"metadata": {"name": POD, "namespace": "ns", "labels": labels}}),
    );
    let submitted = bench.apply(&Sample::new("id-1")).await.unwrap();
    assert_eq!(submitted.outcome, Outcome::Found);
    assert_eq!(submitted.application_id, "spark-theirs");
    assert_eq!(
        bench.api.names(),
        [format!("pods/{POD}")],
        "its objects have names of their own"
    );
}

#[tokio::test]
async fn a_pod_that_is_being_deleted_is_waited_for() {
    for id in ["id-1", "id-2"] {
        let bench = Bench::new().await;
        bench.apply(&Sample::new("id-1")).await.unwrap();
        bench.api.change("pods", "ns", POD, |pod| {
            pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        });
        let sample = Sample::new(id);
        let (sink, manifests) = (bench.sink.clone(), sample.manifests());
        let work = tokio::spawn(async move { sink.apply(manifests, None).await });
        let before = bench.api.log().len();
        bench
            .api
            .until("it looked twice", |api| api.log().len() > before + 2)
            .await;
        bench.api.remove("pods", "ns", POD);
        bench.api.collect_garbage();
        assert_eq!(work.await.unwrap().unwrap().outcome, Outcome::Created);
        bench.all_there(&sample);
    }
}

#[tokio::test]
async fn a_pod_that_does_not_go_away_ends_the_wait_at_the_deadline() {
    let bench = Bench::new().await;
    bench.apply(&Sample::new("id-1")).await.unwrap();
    bench.api.change("pods", "ns", POD, |pod| {
        pod["metadata"]["deletionTimestamp"] = json!("now");
    });
    // The settings' deadline: a caller's own would race with the answer. It leaves room for what comes before the wait.
    let settings = ClusterSettings {
        deadline: Duration::from_secs(2),
        ..quick()
    };
    let sink = ClusterSink::new(bench.api.client(), settings);
    let error = sink
        .apply(Sample::new("id-2").manifests(), None)
        .await
        .unwrap_err();
    let says = format!("out of time while waiting for the earlier pods/{POD} to be gone: a retry");
    assert!(error.to_string().starts_with(&says), "{error}");
    assert_eq!(
        (error.code().name(), error.code().retryable()),
        ("SUBMITTER_OVERLOADED", true)
    );
}

/// The second wave fails for good: nothing that this call made is left, and the error says why.
#[tokio::test]
async fn a_second_wave_that_fails_for_good_is_rolled_back() {
    let quota = "services \"x\" is forbidden: exceeded quota: compute, requested: services=1, used: 5";
    let cases = [
        (
            "services",
            Effect::status(403),
            "INTERNAL_SERVER_ERROR",
            "may not create services",
        ),
        (
            "configmaps",
            Effect::status(403),
            "INTERNAL_SERVER_ERROR",
            "may not create configmaps",
        ),
        (
            "services",
            Effect::says(403, quota),
            "SUBMITTER_OVERLOADED",
            "quota `compute`",
        ),
        (
            "configmaps",
            Effect::status(422),
            "INVALID_POD_TEMPLATE",
            "as invalid",
        ),
        (
            "services",
            Effect::status(401),
            "INTERNAL_SERVER_ERROR",
            "credentials",
        ),
        ("services", Effect::status(503), "SUBMITTER_OVERLOADED", "503"),
        ("services", Effect::status(429), "SUBMITTER_OVERLOADED", "429"),
        ("configmaps", Effect::ActThenRefuse(500), "", ""),
        (
            "configmaps",
            Effect::HangBefore,
            "SUBMITTER_OVERLOADED",
            "no answer in 150 ms",
        ),
        (
            "configmaps",
            Effect::ResetBefore,
            "SUBMITTER_OVERLOADED",
            "cannot be reached",
        ),
    ];
    for (resource, effect, code, text) in cases {
        let bench = Bench::new().await;
        bench.api.fault(Fault::always("create", resource, effect));
        let sample = Sample::new("id-1");
        let result = bench.apply(&sample).await;
        if code.is_empty() {
            // Every answer is an error, but the object is there.
            assert_eq!(result.unwrap().outcome, Outcome::Created);
            bench.all_there(&sample);
            continue;
        }
        let error = result.unwrap_err();
        assert!(
            matches!(&error, ApplyError::RolledBack { left, .. } if left.is_empty()),
            "{error}"
        );
        assert_eq!(error.code().name(), code, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(bench.api.names(), Vec::<String>::new(), "{error}");

        bench.api.heal();
        assert_eq!(
            bench.apply(&sample).await.unwrap().outcome,
            Outcome::Created,
            "a retry converges"
        );
        bench.all_there(&sample);
    }
}

#[tokio::test]
async fn a_found_incomplete_pod_is_rolled_back_too_unless_its_driver_runs() {
    for started in [false, true] {
        let bench = Bench::new().await;
        let sample = Sample::new("id-1");
        bench.apply(&sample).await.unwrap();
        bench.api.remove("configmaps", "ns", &sample.name(CONFIG_MAP));
        if started {
            bench.run_driver();
        }
        bench.grow_old();
        let before = bench.api.names();
        bench
            .api
            .fault(Fault::always("create", "configmaps", Effect::status(403)));
        let error = bench.apply(&sample).await.unwrap_err();
        assert!(error.to_string().contains("may not create configmaps"), "{error}");
        bench.api.collect_garbage();
        assert_eq!(bench.api.names(), if started { before } else { vec![] });
    }
}

#[tokio::test]
async fn a_found_pod_whose_objects_cannot_be_seen_is_left_as_it_is() {
    let bench = Bench::new().await;
    let sample = Sample::new("id-1");
    bench.apply(&sample).await.unwrap();
    bench
        .api
        .fault(Fault::always("get", "services", Effect::status(503)));
    let error = bench.apply(&sample).await.unwrap_err();
    assert!(error.code().retryable(), "{error}");
    bench.all_there(&sample);
}

#[tokio::test]
async fn a_name_of_the_second_wave_that_is_anothers_is_an_error() {
    let bench = Bench::new().await;
    let sample = Sample::new("id-1");
    let theirs = json!({"metadata": {"name": sample.name(CONFIG_MAP), "namespace": "ns"}});
    let uid = bench.api.put("configmaps", theirs);
    let error = bench.apply(&sample).await.unwrap_err();
    assert!(
        matches!(&error, ApplyError::RolledBack { cause, .. } if matches!(**cause, ApplyError::OwnedByAnother { .. })),
        "{error}"
    );
    assert_eq!(error.code().name(), "INTERNAL_SERVER_ERROR");
    assert_eq!(
        bench.api.names(),
        [format!("configmaps/{}", sample.name(CONFIG_MAP))]
    );
    assert_eq!(
        bench
            .api
            .get("configmaps", "ns", &sample.name(CONFIG_MAP))
            .unwrap()["metadata"]["uid"],
        uid
    );
}

#[tokio::test]
async fn a_rollback_that_fails_says_what_is_left_and_the_next_attempt_heals_it() {
    for id in ["id-1", "id-2"] {
        let bench = Bench::new().await;
        bench
            .api
            .fault(Fault::always("create", "services", Effect::status(403)));
        bench.api.fault(Fault::always("delete", "*", Effect::status(403)));
        let error = bench.apply(&Sample::new("id-1")).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("could not be removed: pods/pi-driver, configmaps/"),
            "{error}"
        );
        bench.api.heal();
        bench.grow_old();
        let sample = Sample::new(id);
        bench.apply(&sample).await.unwrap();
        bench.all_there(&sample);
    }
}

#[tokio::test]
async fn a_missing_namespace_is_said() {
    let bench = Bench::new().await;
    bench.api.without_namespace("ns");
    let error = bench.apply(&Sample::new("id-1")).await.unwrap_err();
    assert_eq!(
        error,
        ApplyError::NamespaceMissing {
            namespace: "ns".into()
        }
    );
    assert_eq!(
        (error.code().name(), error.code().retryable()),
        ("INVALID_SPARK_SUBMIT_ARGS", false)
    );
}

#[tokio::test]
async fn the_operators_webhook_gets_time_to_see_the_application() {
    let behind =
        "admission webhook \"pods.sparkoperator.k8s.io\" denied the request: SparkApplication not found";
    let bench = Bench::new().await;
    bench
        .api
        .fault(Fault::once("create", "pods", 1, Effect::says(403, behind)));
    assert_eq!(
        bench.apply(&Sample::new("id-1")).await.unwrap().outcome,
        Outcome::Created
    );

    let bench = Bench::new().await;
    bench
        .api
        .fault(Fault::always("create", "pods", Effect::says(403, behind)));
    let error = bench.apply(&Sample::new("id-1")).await.unwrap_err();
    assert!(matches!(error, ApplyError::ApplicationUnknown { .. }), "{error}");
    assert_eq!(error.code().http_status(), 500);
}

#[tokio::test]
async fn a_retry_after_beyond_the_deadline_ends_at_once() {
    let bench = Bench::new().await;
    bench
        .api
        .fault(Fault::always("create", "pods", Effect::RetryAfter(429, 60)));
    let begun = Instant::now();
    let error = bench.apply(&Sample::new("id-1")).await.unwrap_err();
    assert!(matches!(error, ApplyError::Overloaded { retry_after: Some(time), .. } if time.as_secs() == 60));
    assert_eq!(bench.api.log().len(), 1);
    assert!(begun.elapsed() < quick().deadline);
}

#[tokio::test]
async fn a_caller_that_goes_after_the_pods_post_leaves_a_complete_submission() {
    let bench = Bench::new().await;
    let go = Arc::new(Notify::new());
    bench.api.fault(Fault::once(
        "create",
        "configmaps",
        1,
        Effect::Hold(Arc::clone(&go)),
    ));
    let sink = ClusterSink::new(
        bench.api.client(),
        ClusterSettings {
            request_timeout: Duration::from_secs(5),
            ..quick()
        },
    );
    let sample = Sample::new("id-1");
    let call = tokio::spawn({
        let (sink, manifests) = (sink.clone(), sample.manifests());
        async move { sink.apply(manifests, None).await }
    });
    bench
        .api
        .until("the second wave is in flight", |api| api.log().len() == 3)
        .await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    go.notify_one();
    sink.settled().await;
    bench.all_there(&sample);
}

#[tokio::test]
async fn a_caller_that_goes_while_the_api_server_is_busy_leaves_nothing() {
    let bench = Bench::new().await;
    bench
        .api
        .fault(Fault::once("create", "pods", 1, Effect::RetryAfter(429, 1)));
    let call = tokio::spawn({
        let (sink, manifests) = (bench.sink.clone(), Sample::new("id-1").manifests());
        async move { sink.apply(manifests, None).await }
    });
    bench
        .api
        .until("the Pod was refused", |api| api.log().len() == 1)
        .await;
    call.abort();
    bench.sink.settled().await;
    assert_eq!(bench.api.lines(), ["create pods"], "it was not sent again");
}

#[tokio::test]
async fn a_deadline_ends_the_call_and_not_the_work() {
    let bench = Bench::new().await;
    let go = Arc::new(Notify::new());
    bench.api.fault(Fault::once(
        "create",
        "services",
        1,
        Effect::Hold(Arc::clone(&go)),
    ));
    let sink = ClusterSink::new(
        bench.api.client(),
        ClusterSettings {
            request_timeout: Duration::from_secs(5),
            ..quick()
        },
    );
    let sample = Sample::new("id-1");
    // Long enough for the Pod's creation, on a busy machine too.
    let deadline = Instant::now() + Duration::from_secs(2);
    let error = sink.apply(sample.manifests(), Some(deadline)).await.unwrap_err();
    let says = format!("out of time while creating `ns/{POD}`, which goes on: a retry");
    assert!(error.to_string().starts_with(&says), "{error}");
    go.notify_one();
    sink.settled().await;
    bench.all_there(&sample);
}

#[tokio::test]
async fn two_at_once_make_one() {
    let bench = Bench::new().await;
    let sample = Sample::new("id-1");
    let (a, b) = tokio::join!(bench.apply(&sample), bench.apply(&sample));
    let mut outcomes = [a.unwrap().outcome, b.unwrap().outcome];
    outcomes.sort_by_key(|outcome| *outcome == Outcome::Found);
    assert_eq!(outcomes, [Outcome::Created, Outcome::Found]);
    bench.all_there(&sample);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_at_once_make_sixty_four() {
    let api = ApiServer::start().await;
    // A busy machine is no fault here.
    let settings = ClusterSettings {
        request_timeout: Duration::from_secs(10),
        deadline: Duration::from_secs(30),
        finish_within: Duration::from_secs(30),
        ..quick()
    };
    let sink = ClusterSink::new(api.client(), settings);
    for nth in [5, 30, 60] {
        api.fault(Fault::once("create", "*", nth, Effect::ResetAfter));
        api.fault(Fault::once("create", "*", nth + 1, Effect::status(503)));
    }
    let calls = (0..64).map(|n| {
        let (sink, sample) = (
            sink.clone(),
            Sample::new(&format!("id-{n}")).pod(&format!("driver-{n}")),
        );
        tokio::spawn(async move { sink.apply(sample.manifests(), None).await })
    });
    for call in futures::future::join_all(calls).await {
        assert_eq!(call.unwrap().unwrap().outcome, Outcome::Created);
    }
    assert_eq!(api.names().len(), 64 * 3);
    assert_eq!(api.orphans(), Vec::<String>::new());
}

#[tokio::test]
async fn names_that_are_no_names_reach_no_path() {
    let bench = Bench::new().await;
    let error = bench
        .apply(&Sample::new("id-1").pod("../secrets/x"))
        .await
        .unwrap_err();
    assert!(matches!(error, ApplyError::Invalid { .. }), "{error}");
    assert_eq!(bench.api.log().len(), 0);
}

#[tokio::test]
async fn an_api_server_out_of_reach_is_said() {
    let api = ApiServer::start().await;
    let client = api.client();
    drop(api);
    let sink = ClusterSink::new(client, quick());
    let error = sink
        .apply(Sample::new("id-1").manifests(), None)
        .await
        .unwrap_err();
    assert!(matches!(error, ApplyError::Unreachable { .. }), "{error}");
    assert_eq!(error.code().http_status(), 503);
}

/// A read that names a version is answered from the API server's cache, in half of the time.
#[tokio::test]
async fn the_live_application_is_read_from_the_cache_if_that_is_as_new_as_what_the_caller_saw() {
    let bench = Bench::new().await;
    let uid = bench.api.put(
        "sparkapplications",
        json!({"metadata": {"name": "pi", "namespace": "ns"}}),
    );
    for (seen, queries) in [
        (None, vec![""]),
        (Some("1"), vec!["resourceVersion=1"]),
        // The cache will never be so new: the caller is wrong, or the cluster was restored from a backup.
        (Some("1234567"), vec!["resourceVersion=1234567", ""]),
    ] {
        let before = bench.api.log().len();
        let version = seen.and_then(ResourceVersion::new);
        let live = bench
            .sink
            .live_application("ns", "pi", version.as_ref(), None)
            .await;
        assert_eq!(live.unwrap().unwrap().uid, uid);
        let log = bench.api.log();
        let found: Vec<_> = log[before..].iter().map(|seen| seen.query.as_str()).collect();
        assert_eq!(found, queries);
    }
    bench
        .api
        .fault(Fault::always("get", "sparkapplications", Effect::status(403)));
    let before = bench.api.log().len();
    let version = ResourceVersion::new("1");
    let live = bench
        .sink
        .live_application("ns", "pi", version.as_ref(), None)
        .await;
    assert!(matches!(live, Err(LiveError::NotPermitted { .. })));
    assert_eq!(
        bench.api.log().len(),
        before + 1,
        "another read would be refused as well"
    );
}

#[tokio::test]
async fn the_live_application_gives_its_uid() {
    let bench = Bench::new().await;
    let live = |bench: &Bench| {
        let sink = Sink::Cluster(bench.sink.clone());
        async move { sink.live_application("ns", "pi", None, None).await }
    };
    assert_eq!(live(&bench).await, Ok(None));
    let application = json!({"metadata": {"name": "pi", "namespace": "ns"}, "spec": {"type": "Java"}});
    let uid = bench.api.put("sparkapplications", application);
    let found = live(&bench).await.unwrap().unwrap();
    assert_eq!(found.uid, uid);
    assert_eq!(found.value["spec"]["type"], "Java");

    bench.api.change("sparkapplications", "ns", "pi", |app| {
        app["metadata"]["deletionTimestamp"] = json!("now");
    });
    assert!(matches!(live(&bench).await, Err(LiveError::BeingDeleted { .. })));
    bench
        .api
        .fault(Fault::always("get", "sparkapplications", Effect::status(403)));
    assert!(matches!(live(&bench).await, Err(LiveError::NotPermitted { .. })));
    bench.api.heal();
    bench
        .api
        .fault(Fault::always("get", "sparkapplications", Effect::status(503)));
    assert!(matches!(live(&bench).await, Err(LiveError::Failed(error)) if error.code().retryable()));
}
