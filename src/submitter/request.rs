//! What an entry point hands to the pipeline: an application or an argument vector, as far as the request has it.

use super::subject::Subject;
use crate::{
    operator,
    operator::application::{ApplicationReference, Parsed, SparkApplication},
    spark::submission::{
        self, Refusal, Request, SparkSubmitArguments, SparkVersion, Submission, SubmitterContext,
    },
};

/// What is to be submitted, as a door hands it over.
#[derive(Debug)]
pub enum SubmitRequest {
    /// A whole application.
    Application(Box<Parsed>),
    /// What the gRPC messages can express of an application.
    Messages(Box<SparkApplication>),
    /// What was made of an argument vector.
    Arguments(Box<Submission>),
    /// The same, of a request that doesn't say for which Spark version.
    UnversionedArguments(Box<UnversionedArguments>),
}

/// An argument vector, and what was made of it for the version that holds where nobody names one; the live application may.
#[derive(Debug)]
pub struct UnversionedArguments {
    /// A refusal may be this version's alone.
    resolved: Result<Submission, Refusal>,
    pub(super) subject: Subject,
    arguments: SparkSubmitArguments,
    /// Without the pod templates that `resolved` has.
    request: Request,
    /// Whether `resolved` has the driver's pod template of the request, and the executors'.
    has_inline: (bool, bool),
}

impl UnversionedArguments {
    /// Resolves `arguments` as they are, without a version.
    ///
    /// # Errors
    /// What is wrong with them, where they name no live application that could have another version, or where no version
    /// would mend it.
    pub fn resolve(
        arguments: SparkSubmitArguments,
        request: Request,
        context: &SubmitterContext,
    ) -> Result<Self, Refusal> {
        let as_version = |spark_version| {
            let request = request.clone();
            operator::resolve(
                arguments.clone(),
                Request {
                    spark_version,
                    ..request
                },
                context,
            )
        };
        let resolved = as_version(request.spark_version.clone());
        let subject = match &resolved {
            Ok(submission) => Subject::of(submission),
            Err(_) => Subject::of_arguments(
                &arguments,
                request.driver_template.as_ref(),
                request.executor_template.as_ref(),
            ),
        };
        match resolved {
            Err(refusal)
                if subject.application().is_none()
                    || SparkVersion::of_each_behaviour()
                        .all(|version| as_version(Some(version)).is_err()) =>
            {
                Err(refusal)
            }
            resolved => Ok(Self::new(resolved, subject, arguments, request)),
        }
    }

    /// Pod templates may be large, so each is kept once.
    fn new(
        resolved: Result<Submission, Refusal>,
        subject: Subject,
        arguments: SparkSubmitArguments,
        mut request: Request,
    ) -> Self {
        let has_inline = match &resolved {
            Ok(_) => (
                request.driver_template.take().is_some(),
                request.executor_template.take().is_some(),
            ),
            Err(_) => (false, false),
        };
        Self {
            resolved,
            subject,
            arguments,
            request,
            has_inline,
        }
    }

    /// The submission, anew where another version was meant.
    pub(super) fn for_version(
        self,
        version: Option<SparkVersion>,
        context: &SubmitterContext,
    ) -> Result<Submission, Refusal> {
        let Some(version) = version else {
            return self.resolved;
        };
        let mut resolved = self.resolved;
        let mut request = Request {
            spark_version: Some(version),
            ..self.request
        };
        if let Ok(submission) = &mut resolved {
            let (driver, executor) = self.has_inline;
            let templates = (
                submission.driver_template.take(),
                submission.executor_template.take(),
            );
            request.driver_template = request.driver_template.or(templates.0.filter(|_| driver));
            request.executor_template = request.executor_template.or(templates.1.filter(|_| executor));
        }
        let submission = operator::resolve(self.arguments, request, context)?;
        match resolved {
            // Where the driver may run was asked of the arguments' own namespace; a properties file may have another.
            Err(refusal) if submission.namespace() != self.subject.namespace => Err(refusal),
            _ => Ok(submission),
        }
    }
}

impl UnversionedArguments {
    /// Whether any value of the arguments refers to another key.
    fn has_references(&self) -> bool {
        let given = self
            .arguments
            .conf
            .values()
            .any(|value| submission::refers(value));
        given
            || self
                .resolved
                .as_ref()
                .is_ok_and(|submission| submission.conf.has_references())
    }
}

impl SubmitRequest {
    /// Where the driver is to run.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Application(parsed) => parsed.application.namespace(),
            Self::Messages(application) => application.namespace(),
            Self::Arguments(submission) => submission.namespace(),
            Self::UnversionedArguments(unversioned) => &unversioned.subject.namespace,
        }
    }

    /// How many keys of its conf may each add an object to the driver's Pod.
    pub fn driver_keys(&self) -> usize {
        let count = |keys: &mut dyn Iterator<Item = &String>| {
            keys.filter(|key| key.starts_with("spark.kubernetes.driver"))
                .count()
        };
        let of_application = |application: &SparkApplication| count(&mut application.spec.spark_conf.keys());
        match self {
            Self::Application(parsed) => of_application(&parsed.application),
            Self::Messages(application) => of_application(application),
            Self::Arguments(submission) => submission.conf.below("spark.kubernetes.driver").count(),
            Self::UnversionedArguments(unversioned) => count(&mut unversioned.arguments.conf.keys()),
        }
    }

    /// Whether a part of it may have come out of another key of its conf.
    pub fn has_references(&self) -> bool {
        match self {
            Self::Application(_) | Self::Messages(_) => false,
            Self::Arguments(submission) => submission.conf.has_references(),
            Self::UnversionedArguments(unversioned) => unversioned.has_references(),
        }
    }

    /// The application that this is about; arguments have it as the driver's owner.
    pub fn application(&self) -> Option<ApplicationReference> {
        match self {
            Self::Application(parsed) => ApplicationReference::to(&parsed.application),
            Self::Messages(application) => ApplicationReference::to(application),
            Self::Arguments(submission) => Subject::of(submission).owner,
            Self::UnversionedArguments(unversioned) => unversioned.subject.owner.clone(),
        }
    }
}
