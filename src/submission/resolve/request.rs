//! What a request to a service must not say (CONTRACT 3). The service runs with the operator's rights, which the authors of
//! applications don't have; who runs a command is in his own process, and may do as Spark lets him.

use super::{
    super::{
        ConfReader, PodTemplate, Reach, Refusal, SparkConf, SparkSubmitArguments, SubmissionId,
        SubmitterContext, reserved_labels,
    },
    validate::SUBMISSION_CREDENTIALS,
};
use crate::{
    application::{ApplicationReference, is_label_value},
    redaction::shown_if,
};
use std::collections::BTreeMap;

/// Keys that name files of the submitter.
const FILE_KEYS: [&str; 8] = [
    "spark.kubernetes.driver.podTemplateFile",
    "spark.kubernetes.executor.podTemplateFile",
    "spark.kubernetes.scheduler.volcano.podGroupTemplateFile",
    "spark.kubernetes.kerberos.krb5.path",
    "spark.kerberos.keytab",
    "spark.kubernetes.authenticate.driver.caCertFile",
    "spark.kubernetes.authenticate.driver.clientKeyFile",
    "spark.kubernetes.authenticate.driver.clientCertFile",
];

/// The arguments' conf: used or not, it names nothing of the service, and leaves what the operator says as it is.
pub(super) fn conf(
    arguments: &SparkSubmitArguments,
    conf: ConfReader<'_>,
    context: &SubmitterContext,
) -> Result<(), Refusal> {
    if context.reach == Reach::Process {
        return Ok(());
    }
    unchanged(&arguments.changed_conf, conf.raw())?;
    for key in FILE_KEYS {
        if let Some(path) = conf.text(key)?.filter(|path| !path.starts_with("local:")) {
            context.reachable(key, &path)?;
        }
    }
    match conf.raw().below(SUBMISSION_CREDENTIALS).next() {
        Some((rest, _)) => Err(Refusal::new(
            format!("{SUBMISSION_CREDENTIALS}{rest}"),
            "is for a submitter of one's own; this service talks to the API server as itself. Remove it",
        )),
        None => Ok(()),
    }
}

/// The operator writes an application's sparkConf behind its own conf, where it would win. So where the two differ in what
/// says whose the driver is, the namespace and the operator's labels, neither counts.
fn unchanged(changed: &BTreeMap<String, String>, conf: &SparkConf) -> Result<(), Refusal> {
    let namespace = "spark.kubernetes.namespace".to_owned();
    for key in std::iter::once(namespace).chain(reserved_labels::conf_keys()) {
        if let Some(first) = changed.get(&key) {
            let [first, last] =
                [first, conf.get(&key).unwrap_or_default()].map(|value| shown_if(value, is_label_value));
            return Err(Refusal::new(
                key,
                format!(
                    "found {first} and {last}, allowed is one value: it says which SparkApplication the driver \
                     belongs to. Remove it from sparkConf"
                ),
            ));
        }
    }
    Ok(())
}

/// The operator's labels in conf and pod templates are the operator's own: those of this submission, and of the
/// `SparkApplication` that owns the driver.
pub(super) fn labels(
    conf: &SparkConf,
    driver_template: Option<&PodTemplate>,
    executor_template: Option<&PodTemplate>,
    id: &SubmissionId,
    context: &SubmitterContext,
) -> Result<(), Refusal> {
    if context.reach == Reach::Process {
        return Ok(());
    }
    let owners = driver_template.and_then(|template| template.metadata.get("ownerReferences"));
    let application = owners.and_then(|owners| ApplicationReference::among(owners, ""));
    let mut given = Vec::new();
    for (role, template) in [("driver", driver_template), ("executor", executor_template)] {
        given.extend(reserved_labels::of_conf(role, |key| conf.get(key)));
        if let Some(template) = template {
            given.extend(reserved_labels::of_template(
                &format!("{role} pod template"),
                template,
            ));
        }
    }
    reserved_labels::check(&given, id, application.as_ref().map(|owner| owner.name.as_str()))
}
