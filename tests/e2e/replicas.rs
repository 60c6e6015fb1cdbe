//! Two servers work for one driver Pod on a real control plane (`tests/e2e/up`): every interleaving of their requests ends in
//! one complete set, and no answer is of what isn't there. `tests/it/cluster/replicas.rs` has the same against a stand-in.
//!
//! `REPLICAS=all` goes through every interleaving, without it through an even sample.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::support::{
    control_plane::ControlPlane,
    gate::{Gate, Treatment},
    manifests::{POD, Sample},
    proxy::{self, Proxy},
    replicas::{self, LONGEST_CALL, World},
    serve::Serve,
};
use futures::{StreamExt, stream};
use kube::Client;
use native_submit::cluster::{ClusterSettings, ClusterSink, Outcome};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// How many interleavings are gone through without `REPLICAS=all`.
const SAMPLE: usize = 320;

/// Times in the proportions of a real server's, and shorter.
fn settings() -> ClusterSettings {
    ClusterSettings {
        finish_within: Duration::from_secs(7),
        running_call: Duration::from_secs(9),
        request_timeout: Duration::from_secs(6),
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(300),
        ..ClusterSettings::default()
    }
}

/// An application in a namespace of its own.
struct Place {
    plane: ControlPlane,
    namespace: String,
    owner: String,
}

impl Place {
    async fn new(plane: &ControlPlane) -> Self {
        let namespace = plane.namespace("replicas").await;
        plane.prepare_for(&namespace, &json!({})).await;
        let mut application: Value =
            serde_yaml::from_str(include_str!("../../examples/spark-pi.yaml")).unwrap();
        application["metadata"] = json!({"name": "pi", "namespace": namespace});
        let live = plane.create(&namespace, &application).await.unwrap();
        Self {
            plane: plane.clone(),
            namespace,
            owner: live["metadata"]["uid"].as_str().unwrap().to_owned(),
        }
    }
}

impl World for Place {
    fn client(&self) -> Client {
        self.plane.client.clone()
    }

    fn sample(&self, id: &str) -> Sample {
        Sample::new(id).namespace(&self.namespace).owner(&self.owner)
    }

    async fn grow_old(&self) {
        tokio::time::sleep(settings().running_call + Duration::from_secs(2)).await;
    }

    async fn objects(&self) -> (Vec<Value>, Vec<Value>) {
        let mut objects = self.plane.objects(&self.namespace).await;
        objects.retain(|object| object["kind"] != "SparkApplication");
        objects.into_iter().partition(|object| object["kind"] == "Pod")
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_interleaving_of_two_servers_ends_in_one_complete_set() {
    let plane = ControlPlane::connect().await;
    let scenarios = replicas::sampled(replicas::all(), SAMPLE);
    let (count, begun) = (scenarios.len(), Instant::now());
    let reached = AtomicUsize::new(0);
    let failures: Vec<String> = stream::iter(scenarios)
        .map(|scenario| {
            let (plane, reached) = (&plane, &reached);
            async move {
                let place = Place::new(plane).await;
                let result = scenario.run(&place, &settings()).await;
                if let Ok(stopped) = result {
                    reached.fetch_add(usize::from(stopped), Ordering::Relaxed);
                    plane.remove_namespace(&place.namespace).await;
                }
                result.err().map(|flaw| format!("{scenario}: {flaw}"))
            }
        })
        .buffer_unordered(16)
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

/// A server is killed between its two waves, and the retry of the same id on another one heals that, by the times of a real
/// server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_its_default_times_a_retry_heals_what_a_dead_server_left() {
    let plane = ControlPlane::connect().await;
    let place = Place::new(&plane).await;
    // The Pod and one object are there, and then the server does nothing any more.
    let gate = Gate::new(|number, _, _| {
        if number > 2 {
            Treatment::HoldBefore
        } else {
            Treatment::Pass
        }
    });
    let dead = ClusterSink::new(gate.before(place.client()), ClusterSettings::default());
    let manifests = place.sample("id-1").manifests();
    let call = tokio::spawn({
        let manifests = manifests.clone();
        async move { dead.apply(manifests, None).await }
    });
    gate.until_stopped().await;
    call.abort();
    let uid = plane.get("Pod", &place.namespace, POD).await.unwrap()["metadata"]["uid"].clone();

    let begun = Instant::now();
    let live = ClusterSink::new(place.client(), ClusterSettings::default());
    let submitted = live.apply(manifests, None).await.unwrap();
    let time = begun.elapsed();
    assert_eq!(submitted.outcome, Outcome::Completed);
    assert_eq!(submitted.pod_uid.as_deref(), uid.as_str());
    assert!(time > Duration::from_secs(30) && time < LONGEST_CALL, "{time:?}");
    println!("healed after {time:?}");
    plane.remove_namespace(&place.namespace).await;
}

/// As for up to a minute after each change of the templates' `ConfigMap`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_with_different_templates_answer_for_one_driver_alike() {
    let plane = ControlPlane::connect().await;
    let place = Place::new(&plane).await;
    let proxy = Proxy::start(place.client(), |_| proxy::Treatment::Pass).await;
    let templates = tempfile::tempdir().unwrap();
    let patch = r#"metadata: {annotations: {team: "data"}}"#;
    std::fs::write(templates.path().join("driver-pod.patch.yaml.j2"), patch).unwrap();
    let arguments = ["--template-dir", templates.path().to_str().unwrap()];
    let (a, _of_a) = Serve::to(&proxy.url, &[]);
    let (b, _of_b) = Serve::to(&proxy.url, &arguments);

    for round in 0..6 {
        let name = format!("pi-{round}");
        let mut application: Value =
            serde_yaml::from_str(include_str!("../../examples/spark-pi.yaml")).unwrap();
        application["metadata"] = json!({"name": name, "namespace": place.namespace});
        let account = application["spec"]["driver"]["serviceAccount"].as_str().unwrap();
        plane.let_drivers_run(&place.namespace, account).await;
        let mut live = plane.create(&place.namespace, &application).await.unwrap();
        live["metadata"].as_object_mut().unwrap().remove("managedFields");
        let (application, id) = (live.to_string(), format!("replicas-{round}"));
        let (of_a, of_b) = tokio::join!(a.submit(&application, &id), b.submit(&application, &id));
        assert!(of_a.success && of_b.success, "{of_a:?}\n{of_b:?}");
        assert_ne!(
            of_a.duplicate_submission, of_b.duplicate_submission,
            "one made it"
        );
        let pod_name = of_a.driver_pod_name.clone().unwrap();
        let pod = plane.get("Pod", &place.namespace, &pod_name).await.unwrap();
        let annotations = &pod["metadata"]["annotations"];
        let by_b = of_a.duplicate_submission == Some(true);
        assert_eq!(annotations["team"] == "data", by_b);
        for server in [&a, &b, &a, &b] {
            let again = server.submit(&application, &id).await;
            assert_eq!(again.duplicate_submission, Some(true), "{again:?}");
            assert_eq!(again.driver_pod_uid.as_deref(), pod["metadata"]["uid"].as_str());
            assert_eq!(
                again.template_set.as_deref(),
                annotations["native-submit/template-set"].as_str()
            );
        }
        for reply in [of_a, of_b] {
            assert_eq!(reply.driver_pod_uid.as_deref(), pod["metadata"]["uid"].as_str());
            assert_eq!(
                reply.template_set.as_deref(),
                annotations["native-submit/template-set"].as_str()
            );
        }
    }
    plane.remove_namespace(&place.namespace).await;
}
