//! `--status` and `--kill`, as Spark's `K8SSparkSubmitOperation`: its lines, and 0 unless something failed.

use super::{Ending, OwnFlags, Settings};
use crate::{
    cli::output::message,
    cluster::{ApplyError, ClientSettings, ClusterSettings, ClusterSink, client},
    spark::{
        driver_state,
        submission::{
            ConfReader, Feature, Refusal, SparkSubmitArguments, SparkVersion, arguments::SubmissionOperation,
            operation_conf,
        },
    },
};
use kube::config::Kubeconfig;
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
    flags: &OwnFlags,
) -> Result<(), Ending> {
    flags.agree(arguments)?;
    let context = super::context(&Settings::of_environment()?)?;
    let (conf, master) = operation_conf(arguments.clone(), &context)?;
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
            message!(
                "Submitting a request to kill submission {id} in {master}. Grace period in secs: {shown}"
            );
            // A negative one is said, and the Pod's own counts.
            grace.filter(|grace| *grace >= 0)
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
    if let (Some(own), Some(flag)) = (namespace, flags.namespace())
        && own != flag
    {
        let wrong = "expected the namespace that the driver's name begins with, found another";
        return Err(Refusal::new("--namespace", wrong).into());
    }
    let reach = super::reach(reader, flags)?;
    let client = client(&reach)
        .await
        .map_err(|error| Ending::Failed(error.to_string()))?;
    let namespace = match namespace.or(flags.namespace()) {
        Some(namespace) => namespace.to_owned(),
        None => default_namespace(&client, reach),
    };
    if namespace.is_empty() {
        let wrong = "namespace not specified for an operation requiring one: expected NAMESPACE:POD, found neither there nor in the \
                     kubeconfig's context a namespace";
        return Err(Refusal::new(operation.option(), wrong).into());
    }
    let sink = ClusterSink::new(client, ClusterSettings::default());
    let found = match drivers {
        Drivers::One(name) => {
            let found = existing(sink.live_pod(&namespace, name).await)?.flatten();
            found.map(|pod| pod.value).into_iter().collect()
        }
        Drivers::All(prefix) => existing(sink.drivers(&namespace, prefix).await)?.unwrap_or_default(),
    };
    let one = matches!(drivers, Drivers::One(_));
    if found.is_empty() {
        let is_kill = matches!(operation, SubmissionOperation::Kill(_));
        let version = context.spark_version.unwrap_or_else(SparkVersion::newest);
        if !one {
            message!("No applications found.");
        } else if !is_kill || version.has(Feature::KillSaysNotFound) {
            message!("Application not found.");
        }
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
                sink.kill(&namespace, pod, grace)
                    .await
                    .map_err(|error| failed(&error))?;
            }
        }
    }
    Ok(())
}

/// The namespace where the id has none: the kubeconfig's, or in a Pod its own; empty where there is none.
fn default_namespace(client: &kube::Client, reach: ClientSettings) -> String {
    let read = match reach.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let Ok(kubeconfig) = read else {
        return client.default_namespace().to_owned();
    };
    let name = reach.context.or(kubeconfig.current_context);
    let named = kubeconfig
        .contexts
        .into_iter()
        .find(|context| Some(&context.name) == name.as_ref());
    named
        .and_then(|context| context.context?.namespace)
        .unwrap_or_default()
}

/// `None` for a name that no object can have: there is no such driver.
fn existing<T>(found: Result<T, ApplyError>) -> Result<Option<T>, Ending> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(ApplyError::Invalid { .. }) => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

fn failed(error: &ApplyError) -> Ending {
    Ending::Failed(error.to_string())
}
