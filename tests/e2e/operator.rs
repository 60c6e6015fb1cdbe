//! The real operator with native-submit behind it (`tests/e2e/entry-points`): its own example applications become drivers that it
//! recognises and follows; a failed one is rerun; and with an application everything goes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{
    control_plane::{ControlPlane, name_of},
    golden_case, pods,
};
use futures::future;
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

/// How long the operator may take for a step; it submits ten at a time.
const PATIENCE: Duration = Duration::from_secs(90);

/// The operator's examples that are a `SparkApplication`, by file name.
fn examples() -> Vec<(String, Value)> {
    let source =
        std::env::var("E2E_OPERATOR_SOURCE").expect("E2E_OPERATOR_SOURCE, which tests/e2e/entry-points sets");
    golden_case::examples(&Path::new(&source).join("examples"))
}

#[tokio::test]
async fn the_operators_examples_become_drivers_that_it_follows_to_their_end() {
    let plane = ControlPlane::connect().await;
    future::join_all(examples().into_iter().map(|(example, application)| {
        let plane = plane.clone();
        async move {
            Life::begin(&plane, &example, application).await.ends_well().await;
        }
    }))
    .await;
}

#[tokio::test]
async fn a_driver_that_failed_is_made_anew() {
    let plane = ControlPlane::connect().await;
    let (example, mut application) = examples()
        .into_iter()
        .find(|(example, _)| example == "spark-pi.yaml")
        .unwrap();
    application["spec"]["restartPolicy"] = json!({
        "type": "OnFailure", "onFailureRetries": 1, "onFailureRetryInterval": 1,
        "onSubmissionFailureRetries": 1, "onSubmissionFailureRetryInterval": 1,
    });
    let life = Life::begin(&plane, &example, application).await;
    let first = life.driver().await;
    life.ends("Failed", 1).await;
    let second = life
        .until("a driver of another submission", async || {
            let driver = plane.get("Pod", &life.namespace, &life.pod_name()).await?;
            (driver["metadata"]["uid"] != first["metadata"]["uid"]).then_some(driver)
        })
        .await;
    assert_ne!(
        submission_id(&first),
        submission_id(&second),
        "the operator's rerun is a new submission"
    );
    life.ends_well().await;
}

/// An application with all that the webhook brings to pods.
const RICH: &str = include_str!("../../golden/scheduling-and-security/application.yaml");

/// By each entry point, and with the webhook on or off, the same Pod comes into being. The first run writes it down, the others
/// hold theirs against it.
#[tokio::test]
async fn the_driver_is_the_same_by_every_entry_point_with_the_webhook_and_without() {
    let plane = ControlPlane::connect().await;
    let mut application: Value = serde_yaml::from_str(RICH).unwrap();
    // Whatever stands in a volume reaches the Pod by the webhook alone, and twice is refused.
    application["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
    application["spec"]["driver"]["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
    application["spec"]["driver"]["env"] = json!([{"name": "MODE", "value": "rich"}]);
    // The drop-in goes by the Spark that it stands in for.
    application["spec"]["sparkVersion"] = "4.0.1".into();
    let life = Life::begin(&plane, "rich", application).await;
    let driver = life.driver().await;
    let spec = pods::normal(driver.clone());
    let text = anonymous(&spec, &driver, &life.namespace);
    life.ends_well().await;

    let file = std::env::var("E2E_SAME_DRIVER").expect("E2E_SAME_DRIVER, which tests/e2e/entry-points sets");
    let Ok(first) = fs::read_to_string(&file) else {
        fs::write(file, text).unwrap();
        return;
    };
    let (first, ours) = (
        serde_json::from_str::<Value>(&first).unwrap(),
        serde_json::from_str::<Value>(&text).unwrap(),
    );
    let differences = pods::differing("", &first, &ours);
    assert!(differences.is_empty(), "{differences:#?}");
}

/// The Pod without what follows from its namespace and submission id.
fn anonymous(pod: &Value, driver: &Value, namespace: &str) -> String {
    let label = |name: &str| driver["metadata"]["labels"][name].as_str().unwrap().to_owned();
    let volumes = driver["spec"]["volumes"].as_array().unwrap();
    let config_map = volumes
        .iter()
        .find_map(|volume| volume["configMap"]["name"].as_str()?.strip_prefix("spark-drv-"))
        .unwrap();
    let suffix = config_map.trim_end_matches("-conf-map");
    let containers = driver["spec"]["containers"].to_string();
    let local_dir = containers
        .split("/var/data/spark-")
        .nth(1)
        .map(|rest| rest[..36].to_owned())
        .unwrap();
    let uid = driver["metadata"]["ownerReferences"][0]["uid"].as_str().unwrap();
    let mut text = pod.to_string();
    for (found, stands) in [
        (label("spark-app-selector").as_str(), "<application id>"),
        (
            label("sparkoperator.k8s.io/submission-id").as_str(),
            "<submission id>",
        ),
        (suffix, "<suffix>"),
        (&local_dir, "<local dir>"),
        (uid, "<uid>"),
        (namespace, "<namespace>"),
    ] {
        text = text.replace(found, stands);
    }
    text
}

/// One application on the control plane.
struct Life {
    plane: ControlPlane,
    example: String,
    namespace: String,
    application: Value,
}

impl Life {
    async fn begin(plane: &ControlPlane, example: &str, mut application: Value) -> Self {
        let namespace = plane.namespace("operator").await;
        application["metadata"]["namespace"] = namespace.clone().into();
        let account = application["spec"]["driver"]["serviceAccount"].clone();
        let classes = application["spec"]["driver"]["priorityClassName"].clone();
        let wanted = json!({"spec": {"serviceAccountName": account, "priorityClassName": classes}});
        plane.prepare_for(&namespace, &wanted).await;
        let application = plane
            .create(&namespace, &application)
            .await
            .unwrap_or_else(|status| panic!("{example}: {}", status.message));
        Self {
            plane: plane.clone(),
            example: example.to_owned(),
            namespace,
            application,
        }
    }

    fn name(&self) -> &str {
        self.application["metadata"]["name"].as_str().unwrap()
    }

    fn pod_name(&self) -> String {
        format!("{}-driver", self.name())
    }

    async fn until<T>(&self, what: &str, there: impl AsyncFn() -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = there().await {
                return found;
            }
            if Instant::now() > until {
                let live = self.live().await;
                panic!(
                    "{}: waited in vain for {what}; its status is {}",
                    self.example, live["status"]
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn live(&self) -> Value {
        let live = self
            .plane
            .get("SparkApplication", &self.namespace, self.name())
            .await;
        live.unwrap_or_default()
    }

    /// Waits until the operator has the application in this state.
    async fn is(&self, state: &str) -> Value {
        self.until(state, async || {
            let live = self.live().await;
            (live["status"]["applicationState"]["state"] == state).then_some(live)
        })
        .await
    }

    /// The driver of the operator's present submission, owned by the application.
    async fn driver(&self) -> Value {
        let live = self.is("SUBMITTED").await;
        let driver = self
            .plane
            .get("Pod", &self.namespace, &self.pod_name())
            .await
            .unwrap();
        assert_eq!(
            submission_id(&driver),
            &live["status"]["submissionID"],
            "{}",
            self.example
        );
        let owners = driver["metadata"]["ownerReferences"].as_array().unwrap();
        assert_eq!(owners.len(), 1, "{}: {owners:?}", self.example);
        assert_eq!(
            owners[0]["uid"], self.application["metadata"]["uid"],
            "{}",
            self.example
        );
        driver
    }

    /// The driver runs, and ends so.
    async fn ends(&self, phase: &str, exit_code: i32) {
        let container = json!({
            "name": "spark-kubernetes-driver", "ready": false, "restartCount": 0, "image": "i", "imageID": "",
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        });
        let status = json!({"phase": "Running", "containerStatuses": [container]});
        self.plane
            .set_pod_status(&self.namespace, &self.pod_name(), &status)
            .await;
        self.is("RUNNING").await;
        let mut container = container;
        container["state"] = json!({"terminated": {"exitCode": exit_code, "reason": "Ended"}});
        let status = json!({"phase": phase, "containerStatuses": [container]});
        self.plane
            .set_pod_status(&self.namespace, &self.pod_name(), &status)
            .await;
    }

    /// The driver succeeds, the operator sees it, and all goes with the application.
    async fn ends_well(self) {
        self.driver().await;
        let objects = self.plane.objects(&self.namespace).await;
        let names: Vec<_> = objects.iter().map(name_of).collect();
        for kind in ["Pod/", "Service/", "ConfigMap/"] {
            assert!(
                names.iter().any(|name| name.starts_with(kind)),
                "{}: {names:?}",
                self.example
            );
        }
        self.ends("Succeeded", 0).await;
        self.is("COMPLETED").await;
        self.plane.delete(&self.application).await.unwrap();
        self.plane.until_empty(&self.namespace).await;
        self.plane.remove_namespace(&self.namespace).await;
    }
}

fn submission_id(pod: &Value) -> &Value {
    &pod["metadata"]["labels"]["sparkoperator.k8s.io/submission-id"]
}
