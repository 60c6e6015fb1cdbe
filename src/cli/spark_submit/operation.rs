//! `--status` and `--kill`, as Spark's `K8SSparkSubmitOperation`: its lines, and 0 unless something failed.

use super::{Ending, by_conf};
use crate::{
    cli::output::message,
    cluster::{ApplyError, ClusterSettings, ClusterSink, client},
    spark::{
        driver_state,
        submission::{
            ConfReader, Refusal, SparkSubmitArguments,
            arguments::SubmissionOperation,
            operation_conf,
        },
    },
};
use serde_json::Value;

/// How long Pods may take to end, in seconds.
const GRACE: &str = "spark.kubernetes.appKillPodDeletionGracePeriod";

/// Which drivers an id means.
enum Drivers<'a> {
    One(&'a str),
    /// All whose names begin so.
    All(&'a str),
}

/// Does what the command line asks for.
pub(super) async fn run(
    operation: &SubmissionOperation,
    arguments: &SparkSubmitArguments,
) -> Result<(), Ending> {
    let context = super::super::process::spark_submit_context(super::now_ms())?;
    let (conf, master) = operation_conf(arguments, &context)?;
    let reader = ConfReader::new(&conf, &context);
    let id = operation.id();
    let grace = match operation {
        SubmissionOperation::Status(_) => {
            message!("Submitting a request for the status of submission {id} in {master}.");
            None
        }
        SubmissionOperation::Kill(_) => {
            let grace = reader.milliseconds(GRACE, 1_000)?.map(|grace| grace / 1_000);
            let shown = grace.map_or_else(|| "not set.".to_owned(), |grace| grace.to_string());
            message!("Submitting a request to kill submission {id} in {master}. Grace period in secs: {shown}");
            grace
        }
    };
    let (namespace, name) = match id.split_once(':') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, id),
    };
    let drivers = match name.strip_suffix('*') {
        Some(prefix) => Drivers::All(prefix),
        None if name.is_empty() => {
            let wrong = "expected [NAMESPACE:]POD, found no name of a Pod";
            return Err(Refusal::new(operation.option(), wrong).into());
        }
        None => Drivers::One(name),
    };
    let client = client(&by_conf(reader)?)
        .await
        .map_err(|error| Ending::Failed(error.to_string()))?;
    let namespace = namespace.unwrap_or(client.default_namespace()).to_owned();
    let sink = ClusterSink::new(client, ClusterSettings::default());
    let found = match drivers {
        Drivers::One(name) => {
            let found = sink.live_pod(&namespace, name).await.map_err(failed)?;
            found.map(|pod| pod.value).into_iter().collect()
        }
        Drivers::All(prefix) => sink.drivers(&namespace, prefix).await.map_err(failed)?,
    };
    let one = matches!(drivers, Drivers::One(_));
    if found.is_empty() {
        message!("{}", if one { "Application not found." } else { "No applications found." });
        return Ok(());
    }
    match operation {
        SubmissionOperation::Status(_) => {
            for pod in &found {
                message!("Application status (driver): {}", driver_state::described(pod));
            }
        }
        SubmissionOperation::Kill(_) => {
            if !one {
                for pod in &found {
                    let name = pod.pointer("/metadata/name").and_then(Value::as_str);
                    message!("Deleting driver pod: {}.", name.unwrap_or_default());
                }
            }
            for pod in &found {
                sink.kill(&namespace, pod, grace).await.map_err(failed)?;
            }
        }
    }
    Ok(())
}

fn failed(error: ApplyError) -> Ending {
    Ending::Failed(error.to_string())
}
