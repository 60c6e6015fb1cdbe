//! Rejected request fields: what a request to a service must not say.
//!
//! The service runs with the operator's rights, which the authors of applications don't have. The user of a command is in
//! their own process, and may do as Spark lets them.

use super::{
    application::{ApplicationReference, NEVER_IN_CONF},
    labels,
};
use crate::{
    kubernetes::grammar::is_label_value,
    redaction::shown_if,
    spark::submission::{
        ConfReader, MergedArguments, Outline, PodTemplate, Reach, Refusal, Request, SUBMISSION_CREDENTIALS,
        SparkConf, SparkSubmitArguments, SparkVersion, Submission, SubmissionId, SubmitterContext,
    },
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

/// Those of them that name pod templates, and the field that holds one.
const POD_TEMPLATE_FILES: [(&str, &str); 2] = [
    ("spark.kubernetes.driver.podTemplateFile", "spec.driver.template"),
    (
        "spark.kubernetes.executor.podTemplateFile",
        "spec.executor.template",
    ),
];

/// Checks that the conf names no file with a pod template, unless there are folders with files for requests. The operator's
/// users have no files where it runs, so the answer is the same for every entry point.
///
/// # Errors
/// The key, with the field to use.
fn no_pod_template_file(conf: &SparkConf, context: &SubmitterContext) -> Result<(), Refusal> {
    if matches!(&context.reach, Reach::Roots(roots) if !roots.is_empty()) {
        return Ok(());
    }
    for (key, field) in POD_TEMPLATE_FILES {
        if conf.get(key).is_some_and(|path| !path.is_empty()) {
            return Err(Refusal::new(
                key,
                format!(
                    "names a file of the submitter, which an application can't reach; write the pod template under {field}"
                ),
            ));
        }
    }
    Ok(())
}

/// Arguments of a request that say nothing which a request must not say, as far as that is known before they are resolved.
#[derive(Debug)]
pub struct CheckedArguments(MergedArguments);

impl CheckedArguments {
    /// Checks `arguments` before any file is read, and their conf before any file that it names is read.
    ///
    /// # Errors
    /// What a request must not say, or a properties file that can't be read.
    pub fn new(
        arguments: SparkSubmitArguments,
        request: Request,
        context: &SubmitterContext,
    ) -> Result<Self, Refusal> {
        before(&arguments, context)?;
        let merged = MergedArguments::new(arguments, request, context)?;
        check_conf(ConfReader::new(merged.conf(), context), context)?;
        Ok(Self(merged))
    }

    /// Their conf, with that of their properties files.
    pub fn conf(&self) -> &SparkConf {
        self.0.conf()
    }

    /// Where the driver will run and whose it is. The operator's labels are checked, so that no request goes to a cluster
    /// for a request that lies about them.
    ///
    /// # Errors
    /// A label with another value than the operator's, or a namespace that isn't known.
    pub fn outline(&self, context: &SubmitterContext) -> Result<Outline<'_>, Refusal> {
        let outline = self.0.outline(context)?;
        let templates = [&outline.driver_template, &outline.executor_template];
        labels(
            &outline.id,
            &outline.conf,
            templates.map(Option::as_deref),
            context,
        )?;
        Ok(outline)
    }

    /// Resolves them as [`MergedArguments::resolve`] does, and checks what came of it.
    ///
    /// # Errors
    /// What a request must not say, or what Spark would refuse.
    pub fn resolve(
        self,
        live_version: Option<SparkVersion>,
        context: &SubmitterContext,
    ) -> Result<Submission, Refusal> {
        let submission = self.0.resolve(live_version, context)?;
        let templates = [&submission.driver_template, &submission.executor_template];
        labels(
            &submission.id,
            &submission.conf,
            templates.map(Option::as_ref),
            context,
        )?;
        Ok(submission)
    }
}

/// Checks the arguments themselves. No file has been read yet, and none is.
fn before(arguments: &SparkSubmitArguments, context: &SubmitterContext) -> Result<(), Refusal> {
    if context.reach == Reach::Process {
        return Ok(());
    }
    let conf: SparkConf = arguments.conf.clone().into_iter().collect();
    unchanged(&arguments.changed_conf, &conf)?;
    check_conf(ConfReader::new(&conf, context), context)
}

/// Checks a conf: it names nothing of the service, whether it is used or not.
fn check_conf(conf: ConfReader<'_>, context: &SubmitterContext) -> Result<(), Refusal> {
    if context.reach == Reach::Process {
        return Ok(());
    }
    for (key, instead) in NEVER_IN_CONF {
        if conf.raw().get(key).is_some() {
            return Err(Refusal::new(
                key,
                format!("not allowed here, as in the operator; {instead}"),
            ));
        }
    }
    no_pod_template_file(conf.raw(), context)?;
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
    for key in std::iter::once(namespace).chain(labels::conf_keys()) {
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

/// The operator's labels in conf and pod templates, driver's and executors', are those of this submission, and of the
/// `SparkApplication` that owns the driver.
fn labels(
    id: &SubmissionId,
    conf: &SparkConf,
    templates: [Option<&PodTemplate>; 2],
    context: &SubmitterContext,
) -> Result<(), Refusal> {
    if context.reach == Reach::Process {
        return Ok(());
    }
    let owners = templates[0].and_then(|template| template.metadata.get("ownerReferences"));
    let application = owners.and_then(|owners| ApplicationReference::among(owners, ""));
    let mut given = Vec::new();
    for (role, template) in ["driver", "executor"].into_iter().zip(templates) {
        given.extend(labels::of_conf(role, |key| conf.get(key)));
        if let Some(template) = template {
            given.extend(labels::of_template(&format!("{role} pod template"), template));
        }
    }
    let application = application.as_ref().map(|owner| owner.name.as_str());
    labels::check(&given, id, application)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spark::submission::arguments;

    fn refused(pairs: &[&str], reach: Reach) -> Option<String> {
        let argv: Vec<_> = pairs
            .iter()
            .flat_map(|pair| ["--conf".to_owned(), (*pair).to_owned()])
            .collect();
        let arguments = arguments::parse(&argv).unwrap();
        let context = SubmitterContext {
            reach,
            ..SubmitterContext::golden()
        };
        let refusal = before(&arguments, &context).err()?;
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

    /// What a request with these arguments is refused for; `refused` is the conf alone.
    fn resolved(more: &[&str], root: &std::path::Path) -> Result<Submission, Refusal> {
        let fixed = [
            "--master",
            "k8s://https://h",
            "--deploy-mode",
            "cluster",
            "--class",
            "a.B",
        ];
        let argv = fixed.iter().chain(more).chain(&["local:///a.jar"]);
        let argv: Vec<_> = argv.map(|word| (*word).to_owned()).collect();
        let context = SubmitterContext {
            reach: Reach::Roots(vec![root.to_owned()]),
            ..SubmitterContext::golden()
        };
        CheckedArguments::new(arguments::parse(&argv).unwrap(), Request::default(), &context)?
            .resolve(None, &context)
    }

    #[test]
    fn a_request_is_checked_before_any_file_is_read_and_again_after_it_is_resolved() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let file = root.join("extra.properties");
        let path = file.to_str().unwrap();
        let token = "spark.kubernetes.authenticate.oauthToken";
        let denied = format!("{token}=x");
        // There is no such file: who reads it first says so.
        let refusal = resolved(&["--properties-file", path, "--conf", &denied], &root).unwrap_err();
        assert_eq!(refusal.subject, token);
        let refusal = resolved(&["--properties-file", path], &root).unwrap_err();
        assert_ne!(refusal.subject, token);
        // What a file says is checked before the files that it names are read.
        let template = "spark.kubernetes.driver.podTemplateFile";
        std::fs::write(&file, format!("{token} x\n{template} {path}.missing\n")).unwrap();
        let refusal = resolved(&["--properties-file", path], &root).unwrap_err();
        assert_eq!(refusal.subject, token);
        // And the operator's labels once all is known.
        let label = "spark.kubernetes.driver.label.sparkoperator.k8s.io/launched-by-spark-operator";
        std::fs::write(&file, format!("{label} false\n")).unwrap();
        let refusal = resolved(&["--properties-file", path], &root).unwrap_err();
        assert_eq!(refusal.subject, label);
        std::fs::write(&file, "spark.a b\n").unwrap();
        assert!(resolved(&["--properties-file", path], &root).is_ok());
    }
}
