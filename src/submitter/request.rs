//! What an entry point hands to the pipeline: an application or an argument vector, as far as the request has it.

use super::subject::RequestSubject;
use crate::{
    operator::{
        CheckedArguments,
        application::{ApplicationReference, Parsed, SparkApplication},
    },
    spark::submission::{Refusal, Request, SparkSubmitArguments, SparkVersion, Submission, SubmitterContext},
};
use std::borrow::Cow;

/// What is to be submitted, as an entry point hands it over.
#[derive(Debug)]
pub enum SubmitRequest {
    /// A whole application.
    Application(Box<Parsed>),
    /// What the gRPC messages can express of an application.
    Messages(Box<SparkApplication>),
    /// An argument vector.
    Arguments(Box<RequestArguments>),
    /// An argument vector that was resolved where its files and its environment are.
    Resolved(Box<Submission>),
}

/// The arguments of a request. They are resolved in the stage `intent`, when their Spark version is known: the live
/// application may name one.
#[derive(Debug)]
pub struct RequestArguments {
    arguments: CheckedArguments,
    pub(super) subject: RequestSubject,
}

impl RequestArguments {
    /// Checks `arguments`, and reads the properties files that they name.
    ///
    /// # Errors
    /// What a request must not say, as far as that is known before they are resolved.
    pub fn new(
        arguments: SparkSubmitArguments,
        request: Request,
        context: &SubmitterContext,
    ) -> Result<Self, Refusal> {
        let arguments = CheckedArguments::new(arguments, request, context)?;
        let subject = RequestSubject::of_outline(&arguments.outline(context)?);
        Ok(Self { arguments, subject })
    }

    /// The submission. Its namespace, application and owners are those that were looked up on the cluster.
    pub(super) fn resolve(
        self,
        live_version: Option<SparkVersion>,
        context: &SubmitterContext,
    ) -> Result<Submission, Refusal> {
        let submission = self.arguments.resolve(live_version, context)?;
        if RequestSubject::of(&submission) == self.subject {
            return Ok(submission);
        }
        let said = "expected the same namespace, driver labels and owners whenever it is read, found others: a file \
                    changed, or the namespace refers to what Spark changes";
        Err(Refusal::new("spark_submit_args", said))
    }
}

impl SubmitRequest {
    /// Where the driver is to run.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Application(parsed) => parsed.application.namespace(),
            Self::Messages(application) => application.namespace(),
            Self::Arguments(arguments) => &arguments.subject.namespace,
            Self::Resolved(submission) => submission.namespace(),
        }
    }

    /// How many keys of its conf may each add an object to the driver's Pod.
    pub fn driver_keys(&self) -> usize {
        let of_driver = "spark.kubernetes.driver";
        let of_application = |application: &SparkApplication| {
            let keys = application.spec.spark_conf.keys();
            keys.filter(|key| key.starts_with(of_driver)).count()
        };
        match self {
            Self::Application(parsed) => of_application(&parsed.application),
            Self::Messages(application) => of_application(application),
            Self::Arguments(arguments) => arguments.arguments.conf().below(of_driver).count(),
            Self::Resolved(submission) => submission.conf.below(of_driver).count(),
        }
    }

    /// Whether a part of it may have come out of another key of its conf.
    pub fn has_references(&self) -> bool {
        match self {
            Self::Application(_) | Self::Messages(_) => false,
            Self::Arguments(arguments) => arguments.arguments.conf().has_references(),
            Self::Resolved(submission) => submission.conf.has_references(),
        }
    }

    /// The application that this is about; arguments have it as the driver's owner.
    pub fn application(&self) -> Option<ApplicationReference> {
        self.subject().owner.clone()
    }

    /// The name of the application that the operator's labels or the pods' owners name; none for somebody's own arguments.
    pub fn named_application(&self) -> Option<String> {
        self.subject().owning_application().map(str::to_owned)
    }

    /// What is needed to find the live application.
    pub(super) fn subject(&self) -> Cow<'_, RequestSubject> {
        match self {
            Self::Application(parsed) => Cow::Owned(RequestSubject::of_application(&parsed.application)),
            Self::Messages(application) => Cow::Owned(RequestSubject::of_application(application)),
            Self::Arguments(arguments) => Cow::Borrowed(&arguments.subject),
            Self::Resolved(submission) => Cow::Owned(RequestSubject::of(submission)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spark::submission::{Reach, arguments};
    use std::{fs, path::Path};

    fn request(more: &[&str], root: &Path) -> Result<RequestArguments, Refusal> {
        let argv = "--master k8s://https://h --deploy-mode cluster --class a.B";
        let argv = argv
            .split(' ')
            .chain(more.iter().copied())
            .chain(["local:///a.jar"]);
        let argv: Vec<_> = argv.map(str::to_owned).collect();
        RequestArguments::new(
            arguments::parse(&argv).unwrap(),
            Request::default(),
            &context(root),
        )
    }

    fn context(root: &Path) -> SubmitterContext {
        SubmitterContext {
            reach: Reach::Roots(vec![root.canonicalize().unwrap()]),
            ..SubmitterContext::golden()
        }
    }

    #[test]
    fn the_driver_is_where_and_whose_the_cluster_was_asked_about() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().canonicalize().unwrap().join("template.yaml");
        let template = format!("spark.kubernetes.driver.podTemplateFile={}", file.display());
        let written = |metadata: &str| {
            let text = format!("metadata: {{{metadata}}}\nspec: {{containers: []}}\n");
            fs::write(&file, text).unwrap();
        };
        let named = |uid: &str| {
            format!(
                "ownerReferences: [{{apiVersion: sparkoperator.k8s.io/v1beta2, kind: SparkApplication, name: pi, uid: {uid}}}]"
            )
        };
        written(&named("u"));
        let first = request(&["--conf", &template], root.path()).unwrap();
        assert_eq!(first.subject.owning_application(), Some("pi"));
        let second = request(&["--conf", &template], root.path()).unwrap();
        assert!(first.resolve(None, &context(root.path())).is_ok());
        // The owner that was looked up is not the one that is there now.
        written(&named("v"));
        second.resolve(None, &context(root.path())).unwrap_err();
        // Spark adds the main file to `spark.jars`: the namespace would be another one afterwards.
        let namespace = "spark.kubernetes.namespace=n${spark.jars}";
        let moved = request(&["--conf", namespace], root.path()).unwrap();
        moved.resolve(None, &context(root.path())).unwrap_err();
    }
}
