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
    application::{ApplicationReference, NEVER_IN_CONF, is_label_value},
    redaction::shown_if,
};
use std::collections::BTreeMap;

/// Keys that name files of the submitter.
const FILE_KEYS: [&str; 9] = [
    "spark.kubernetes.driver.podTemplateFile",
    "spark.kubernetes.executor.podTemplateFile",
    "spark.kubernetes.scheduler.volcano.podGroupTemplateFile",
    "spark.kubernetes.kerberos.krb5.path",
    KEYTAB,
    "spark.kubernetes.authenticate.driver.caCertFile",
    "spark.kubernetes.authenticate.driver.clientKeyFile",
    "spark.kubernetes.authenticate.driver.clientCertFile",
    "spark.kubernetes.authenticate.driver.oauthTokenFile",
];

const KEYTAB: &str = "spark.kerberos.keytab";

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
    for (key, instead) in NEVER_IN_CONF {
        if conf.raw().get(key).is_some() {
            return Err(Refusal::new(
                key,
                format!("not allowed, as by the operator; {instead}"),
            ));
        }
    }
    for key in FILE_KEYS {
        let Some(path) = conf.text(key)? else { continue };
        match path.strip_prefix("local:") {
            // Of the image, not of the submitter.
            Some(_) if key == KEYTAB => {}
            Some(local) => drop(context.reachable(key, local.strip_prefix("//").unwrap_or(local))?),
            None => drop(context.reachable(key, &path)?),
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
                    "expected one value, found {first} and {last}; it says which SparkApplication the driver belongs \
                     to: remove it from sparkConf"
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::submission::arguments;

    fn refused(pairs: &[&str], reach: Reach) -> Option<String> {
        let argv: Vec<_> = pairs
            .iter()
            .flat_map(|pair| ["--conf".to_owned(), (*pair).to_owned()])
            .collect();
        let arguments = arguments::parse(&argv).unwrap();
        let given: SparkConf = arguments.conf.clone().into_iter().collect();
        let context = SubmitterContext {
            reach,
            ..SubmitterContext::golden()
        };
        let refusal = conf(&arguments, ConfReader::new(&given, &context), &context).err()?;
        Some(refusal.subject)
    }

    #[test]
    fn what_the_operator_denies_and_never_writes_itself_is_refused_in_requests() {
        for role in ["", ".driver", ".executor"] {
            for what in ["oauthToken", "oauthTokenFile"] {
                let key = format!("spark.kubernetes.authenticate{role}.{what}");
                let pair = format!("{key}=x");
                assert_eq!(refused(&[&pair], Reach::Roots(Vec::new())), Some(key));
                assert_eq!(refused(&[&pair], Reach::Process), None);
            }
        }
        let master = refused(&["spark.master=x"], Reach::Roots(Vec::new()));
        assert_eq!(master.as_deref(), Some("spark.master"));
        for key in [
            "spark.kubernetes.driver.master",
            "spark.kubernetes.container.image",
            "spark.kubernetes.driver.container.image",
            "spark.kubernetes.authenticate.driver.serviceAccountName",
            "spark.kubernetes.authenticate.executor.serviceAccountName",
        ] {
            let pair = format!("{key}=x");
            assert_eq!(
                refused(&[&pair], Reach::Roots(Vec::new())),
                None,
                "the operator writes {key}"
            );
        }
    }

    #[test]
    fn a_local_path_is_the_submitters_but_for_a_keytab() {
        let none = || Reach::Roots(Vec::new());
        for key in FILE_KEYS.into_iter().filter(|key| *key != KEYTAB) {
            for path in ["/x", "local:///x", "local:/x", "file:/x"] {
                assert_eq!(refused(&[&format!("{key}={path}")], none()).as_deref(), Some(key));
            }
        }
        assert_eq!(refused(&[&format!("{KEYTAB}=local:///x")], none()), None);
        assert_eq!(
            refused(&[&format!("{KEYTAB}=/x")], none()).as_deref(),
            Some(KEYTAB)
        );
    }

    #[test]
    fn a_key_that_says_whose_the_driver_is_has_one_value_in_a_request() {
        let namespace = "spark.kubernetes.namespace";
        let twice = ["spark.kubernetes.namespace=a", "spark.kubernetes.namespace=b"];
        assert_eq!(
            refused(&twice, Reach::Roots(Vec::new())).as_deref(),
            Some(namespace)
        );
        assert_eq!(
            refused(&twice, Reach::Process),
            None,
            "as Spark has it, the later wins"
        );
        assert_eq!(refused(&[twice[0], twice[0]], Reach::Roots(Vec::new())), None);
        let others = ["spark.driver.memory=1g", "spark.driver.memory=2g"];
        assert_eq!(refused(&others, Reach::Roots(Vec::new())), None);
    }
}
