//! A block of applications in a namespace of its own, and how long each submission of it took.

use crate::{measured::Latencies, support::control_plane::ControlPlane};
use futures::{StreamExt, stream};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Applications that exist, each to be submitted once.
pub(crate) struct Block {
    pub(crate) namespace: String,
    /// As the API server gave them, without the managed fields, as the operator sends them.
    pub(crate) applications: Vec<Value>,
}

/// What came of a block.
pub(crate) struct Run {
    pub(crate) count: usize,
    pub(crate) latencies: Latencies,
    /// From the first to the last.
    pub(crate) took: Duration,
    /// CPU of the process under measurement, for all of it.
    pub(crate) cpu_ms: f64,
}

impl Block {
    pub(crate) async fn new(plane: &ControlPlane, count: usize) -> Self {
        let namespace = plane.namespace("bench").await;
        plane.let_drivers_run(&namespace, "spark-operator-spark").await;
        let applications = stream::iter(examples(&namespace, count))
            .map(|application| {
                let namespace = &namespace;
                async move {
                    let mut live = plane.create(namespace, &application).await.unwrap();
                    live["metadata"].as_object_mut().unwrap().remove("managedFields");
                    live
                }
            })
            .buffered(32)
            .collect()
            .await;
        // The API server and etcd have work left of so many new objects.
        tokio::time::sleep(Duration::from_secs(2)).await;
        Self {
            namespace,
            applications,
        }
    }

    /// Does `one` with the number of each application, so many at once.
    pub(crate) async fn go<F: Future<Output = ()>>(
        &self,
        at_once: usize,
        one: impl Fn(usize) -> F,
    ) -> (Vec<Duration>, Duration) {
        let start = Instant::now();
        let latencies = stream::iter(0..self.applications.len())
            .map(|number| {
                let done = one(number);
                async move {
                    let start = Instant::now();
                    done.await;
                    start.elapsed()
                }
            })
            .buffer_unordered(at_once)
            .collect()
            .await;
        (latencies, start.elapsed())
    }
}

/// So many applications of this namespace.
pub(crate) fn examples(namespace: &str, count: usize) -> Vec<Value> {
    let example: Value = serde_yaml::from_str(include_str!("../../examples/spark-pi.yaml")).unwrap();
    let named = |number| {
        let mut application = example.clone();
        application["metadata"]["name"] = format!("pi-{number}").into();
        application["metadata"]["namespace"] = namespace.into();
        application
    };
    (0..count).map(named).collect()
}
