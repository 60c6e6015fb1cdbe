//! Why a submission failed, whichever stage it was.

use crate::{
    cluster::{ApplyError, LiveError},
    error_code::ErrorCode,
    finding::listed,
    kubernetes::Findings,
    limits::OverLimit,
    operator::application::ApplicationError,
    spark::submission::Refusal,
    templates::{
        NoTemplateSet, PolicyError, PolicyMode, RenderError, TemplateError, Unchosen, Verdict,
        WorkerUnavailable,
    },
};

/// Why a submission failed. Its text is for the data engineer who sent it.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The application has errors.
    #[error(transparent)]
    Application(#[from] ApplicationError),
    /// It is larger than a limit allows.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// Spark would refuse it, or it asks for what can't be done here.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A pod template of the request is none.
    #[error(transparent)]
    PodTemplate(Refusal),
    /// No template set is live.
    #[error(transparent)]
    NoTemplates(#[from] NoTemplateSet),
    /// A template failed on it.
    #[error(transparent)]
    Template(TemplateError),
    /// A policy refuses it.
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
    /// A policy ended in an error, so that nobody knows whether it would refuse.
    #[error(transparent)]
    PolicyFailed(#[from] PolicyFailure),
    /// No render worker served it, which is no fault of the templates.
    #[error(transparent)]
    NoWorker(#[from] WorkerUnavailable),
    /// What the templates made is not right.
    #[error(transparent)]
    Manifest(#[from] Findings),
    /// The live application can't be used.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// The API server or the directory refused it.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl From<Unchosen> for SubmitError {
    fn from(unchosen: Unchosen) -> Self {
        match unchosen {
            Unchosen::Refused(refusal) => Self::Refused(refusal),
            Unchosen::NotLive(error) => Self::NoTemplates(error),
        }
    }
}

/// Policies that refuse a submission. Its text is the administrator's words alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", listed(&.0.iter().map(|verdict| &verdict.text).collect::<Vec<_>>(), 0))]
pub struct PolicyRefusal(pub Vec<Verdict>);

/// Policies that ended in an error. Its text is for the author of the application, who can do nothing about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a policy of this cluster could not be evaluated, so nothing was created; try again, and tell the cluster's administrator if it \
     stays so"
)]
pub struct PolicyFailure(pub Vec<PolicyError>);

impl From<TemplateError> for SubmitError {
    /// `refuse("text")` in a template is a policy, too.
    fn from(error: TemplateError) -> Self {
        match error.refusal() {
            Some(words) => Self::Policy(PolicyRefusal(vec![Verdict {
                policy: error.template.clone(),
                line: error.line,
                refuses: true,
                mode: PolicyMode::Enforce,
                exempt: None,
                text: words.to_owned(),
            }])),
            None => Self::Template(error),
        }
    }
}

impl From<RenderError> for SubmitError {
    fn from(error: RenderError) -> Self {
        match error {
            RenderError::Template(error) => error.into(),
            RenderError::Unavailable(error) => Self::NoWorker(error),
        }
    }
}

impl SubmitError {
    /// The reason as a label: few, and never a user's value.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Application(_) => "application",
            Self::OverLimit(_) => "over-limit",
            Self::Refused(refusal) | Self::PodTemplate(refusal) if refusal.over_limit => "over-limit",
            Self::Refused(_) => "refused",
            Self::PodTemplate(_) => "pod-template",
            Self::NoTemplates(_) => "no-templates",
            Self::Template(_) => "template",
            Self::Policy(_) => "policy",
            Self::PolicyFailed(_) => "policy-failed",
            Self::NoWorker(_) => "no-render-worker",
            Self::Manifest(_) => "manifest",
            Self::Live(_) => "live-application",
            Self::Apply(_) => "apply",
        }
    }

    /// Whether it is larger than a limit allows: then the request itself is wrong, whatever it asks for.
    pub fn over_limit(&self) -> bool {
        match self {
            Self::OverLimit(_) | Self::Live(LiveError::Failed(ApplyError::TooLarge { .. })) => true,
            Self::Refused(refusal) | Self::PodTemplate(refusal) => refusal.over_limit,
            _ => false,
        }
    }

    /// What kind of failure it is.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::OverLimit(_) => ErrorCode::BadRequest,
            Self::Refused(refusal) | Self::PodTemplate(refusal) if refusal.over_limit => {
                ErrorCode::BadRequest
            }
            Self::PodTemplate(_) | Self::Template(_) | Self::Manifest(_) => ErrorCode::InvalidPodTemplate,
            Self::Policy(_) => ErrorCode::RefusedByPolicy,
            Self::NoTemplates(_) | Self::NoWorker(_) => ErrorCode::SubmitterOverloaded,
            Self::Live(LiveError::Failed(error)) | Self::Apply(error) => error.code(),
            Self::PolicyFailed(_) | Self::Live(LiveError::NotPermitted { .. }) => {
                ErrorCode::InternalServerError
            }
            Self::Application(_) | Self::Refused(_) | Self::Live(_) => ErrorCode::InvalidSparkSubmitArgs,
        }
    }
}
