//! What a door hands over: an application or an argument vector, as far as the request has it.

use crate::{
    application::{ApplicationReference, Parsed, SparkApplication},
    submission::{self, Refusal, Request, SparkSubmitArguments, SparkVersion, Submission, SubmitterContext},
};

/// What is to be submitted, as a door hands it over.
#[derive(Debug)]
pub enum Asked {
    /// A whole application.
    Application(Box<Parsed>),
    /// What the gRPC messages can express of an application.
    Messages(Box<SparkApplication>),
    /// What was made of an argument vector.
    Arguments(Box<Submission>),
    /// The same, of a request that doesn't say for which Spark version.
    Unversioned(Box<Unversioned>),
}

/// What was made of an argument vector for the version that holds where nobody names one; the live application may.
#[derive(Debug)]
pub struct Unversioned {
    pub(super) submission: Submission,
    arguments: SparkSubmitArguments,
    request: Request,
}

impl Unversioned {
    /// Resolves `arguments` as they are, without a version.
    pub fn resolve(
        arguments: SparkSubmitArguments,
        request: Request,
        context: &SubmitterContext,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            submission: submission::resolve(arguments.clone(), request.clone(), context)?,
            arguments,
            request,
        })
    }

    /// The submission, anew where another version was meant.
    pub(super) fn for_version(
        self,
        version: Option<SparkVersion>,
        context: &SubmitterContext,
    ) -> Result<Submission, Refusal> {
        match version {
            Some(version) => submission::resolve(
                self.arguments,
                Request {
                    spark_version: Some(version),
                    ..self.request
                },
                context,
            ),
            None => Ok(self.submission),
        }
    }
}

impl Asked {
    /// Where the driver is to run.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Application(parsed) => parsed.application.namespace(),
            Self::Messages(application) => application.namespace(),
            Self::Arguments(submission) => submission.namespace(),
            Self::Unversioned(unversioned) => unversioned.submission.namespace(),
        }
    }

    /// The application that this is about; arguments have it as the driver's owner.
    pub fn application(&self) -> Option<ApplicationReference> {
        match self {
            Self::Application(parsed) => ApplicationReference::to(&parsed.application),
            Self::Messages(application) => ApplicationReference::to(application),
            Self::Arguments(submission) => owner(submission),
            Self::Unversioned(unversioned) => owner(&unversioned.submission),
        }
    }
}

/// The application that the operator put into the driver's pod template.
fn owner(submission: &Submission) -> Option<ApplicationReference> {
    let template = submission.driver_template.as_ref()?;
    let owners = template.metadata.get("ownerReferences")?;
    ApplicationReference::among(owners, submission.namespace())
}
