//! The stage `intent`: a request, with what the cluster knows of it, becomes a submission. Pure functions.

use super::{
    SubmitError, SubmitRequest,
    live::{Informed, Live},
};
use crate::{
    cluster::LiveApplication,
    limits::UNKNOWN_FIELDS,
    operator::{
        self, Origin, Webhook,
        application::{self, Parsed, SparkApplication, UnknownFields},
    },
    spark::submission::{
        LeftToWebhook, NotAVersion, Refusal, SparkVersion, Submission, SubmissionId, SubmitterContext,
    },
};

/// The submission of an application: with the operator's defaults, found valid, and translated.
pub fn intent(
    mut application: SparkApplication,
    id: SubmissionId,
    origin: Origin,
    context: &SubmitterContext,
) -> Result<Submission, SubmitError> {
    application::apply_defaults(&mut application);
    application::validate(&application)?;
    let mut submission = operator::submission_of(&application, id, origin, context)?;
    submission.warnings.append(application::warnings(&application));
    Ok(submission)
}

/// The submission of a request of which nothing is looked up on a cluster.
pub fn submission_of(
    request: SubmitRequest,
    id: SubmissionId,
    origin: Origin,
    context: &SubmitterContext,
) -> Result<Submission, SubmitError> {
    let informed = Informed {
        webhook: origin.webhook,
        live: Live::None,
        live_is_optional: false,
    };
    informed_submission(request, informed, id, origin, context)
}

/// The submission of a request.
pub(super) fn informed_submission(
    request: SubmitRequest,
    informed: Informed,
    id: SubmissionId,
    origin: Origin,
    context: &SubmitterContext,
) -> Result<Submission, SubmitError> {
    let Informed {
        webhook,
        live,
        live_is_optional,
    } = informed;
    let origin = Origin { webhook, ..origin };
    let of_application = |parsed: Parsed, added: Added| {
        let mut submission = intent(parsed.application, id, origin, context)?;
        submission.warnings.append(parsed.warnings);
        added.leave(&mut submission)?;
        Ok(submission)
    };
    match request {
        SubmitRequest::Application(parsed) => {
            let added = Added::to(RequestForm::Whole, &live, origin)?;
            of_application(with_owner(*parsed, live), added)
        }
        SubmitRequest::Messages(application) => {
            let added = Added::to(RequestForm::Partial, &live, origin)?;
            of_application(completed(*application, live, origin.unknown_fields)?, added)
        }
        SubmitRequest::Arguments(arguments) => {
            let labelled = arguments.subject.application().is_some();
            let source = Source::new(live, labelled, origin.unknown_fields)?;
            let mut submission = arguments.resolve(source.spark_version()?, context)?;
            source.complete(&mut submission, webhook)?;
            Ok(submission)
        }
        SubmitRequest::Resolved(mut submission) => {
            let labelled = super::subject::RequestSubject::of(&submission)
                .application()
                .is_some();
            if live_is_optional {
                // What is wrong with the live application is its webhook's to say.
                let source = Source::new(live, labelled, origin.unknown_fields);
                let source = source.unwrap_or_else(|error| Source::Unread(error.to_string()));
                source.leave_to_webhook(&mut submission)?;
            } else {
                Source::new(live, labelled, origin.unknown_fields)?.complete(&mut submission, webhook)?;
            }
            Ok(*submission)
        }
    }
}

/// A whole application with its uid, which is the live one's: Kubernetes collects what has an owner that doesn't exist, so a
/// uid is neither made up here nor taken on trust.
fn with_owner(mut parsed: Parsed, live: Live) -> Parsed {
    match live {
        Live::Read(live) => parsed.application.metadata.uid = Some(live.uid),
        live => parsed
            .warnings
            .extend(live.warning(&parsed.application, unverified)),
    }
    parsed
}

/// The gRPC messages with what they could not carry, from the live application; with or without a uid, the messages are
/// poorer than it.
fn completed(
    application: SparkApplication,
    live: Live,
    unknown_fields: UnknownFields,
) -> Result<Parsed, SubmitError> {
    let lost = |why: &str| format!("what the request's form can't carry is not in the pods: {why}");
    match live {
        Live::Read(live) => {
            application::few_volumes(&live.value)?;
            let parsed = application::overlay(&application, live.value, unknown_fields)?;
            UNKNOWN_FIELDS.holds("", parsed.unknown_fields.len())?;
            Ok(parsed)
        }
        live => Ok(Parsed {
            warnings: live.warning(&application, lost).into_iter().collect(),
            unknown_fields: Vec::new(),
            application,
        }),
    }
}

/// Whether what a request says of its application is all of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RequestForm {
    Whole,
    Partial,
}

/// What the operator's webhook will read when it adds to the pods of an application: the live one, whatever the request says.
enum Added {
    /// The live application.
    ByLive(Box<SparkApplication>),
    /// The application of the request, for there is no other; or there is no webhook.
    ByRequest,
    /// Why the live application isn't known.
    Unknown(String),
}

impl Added {
    fn to(form: RequestForm, live: &Live, origin: Origin) -> Result<Self, SubmitError> {
        Ok(match live {
            _ if origin.webhook == Webhook::Off => Self::ByRequest,
            Live::Read(live) => {
                let mut application = parsed(live.clone(), origin.unknown_fields)?.application;
                application::apply_defaults(&mut application);
                Self::ByLive(Box::new(application))
            }
            Live::None | Live::Missing if form == RequestForm::Whole => Self::ByRequest,
            live => live.lacks().map_or(Self::ByRequest, Self::Unknown),
        })
    }

    /// Notes on a submission what is left to the webhook.
    fn leave(self, submission: &mut Submission) -> Result<(), Refusal> {
        match self {
            Self::ByLive(application) => operator::leave_to_webhook(submission, &application),
            Self::ByRequest => Ok(()),
            Self::Unknown(why) => {
                submission.left_to_webhook = LeftToWebhook::Unknown(why);
                Ok(())
            }
        }
    }
}

impl Live {
    /// Why messages that can't carry everything lack what the live application has, if they do.
    fn lacks(&self) -> Option<String> {
        Some(match self {
            Self::Read(_) => return None,
            Self::None => "the live SparkApplication isn't known".to_owned(),
            Self::NotLookedUp => "SPEC_SOURCE is request".to_owned(),
            Self::Missing => "there is no such SparkApplication on the cluster".to_owned(),
            Self::NotPermitted(why) => why.clone(),
        })
    }

    /// The warning where the live application of an application was not read. `lost` is that of one with a uid.
    fn warning(&self, application: &SparkApplication, lost: impl Fn(&str) -> String) -> Option<String> {
        let why = match self {
            Self::Read(_) | Self::None => return None,
            Self::NotLookedUp if application.uid().is_some() => return None,
            Self::NotLookedUp => "the request has no uid, and SPEC_SOURCE is request",
            Self::Missing => "there is no such SparkApplication on the cluster",
            Self::NotPermitted(why) => why,
        };
        Some(match application.uid() {
            Some(_) => lost(why),
            None => format!("the driver Pod has no owner: {why}"),
        })
    }
}

/// The live application that an argument vector was made of.
enum Source {
    /// As it is on the cluster, its uid included.
    Application(Box<Parsed>),
    /// There is one, or should be, but it isn't known; why.
    Unread(String),
    /// Somebody's own arguments, whose owner's uid can't be compared with the live one's; why.
    Unverified(String),
    /// There is none: somebody's own arguments.
    None,
}

impl Source {
    /// An application that the driver's labels name is the source of its arguments. An owner that the pod templates name is
    /// looked up without a label, too, but then adds nothing to the pods.
    fn new(live: Live, labelled: bool, unknown_fields: UnknownFields) -> Result<Self, SubmitError> {
        Ok(match live {
            Live::Read(live) if labelled => Self::Application(Box::new(parsed(live, unknown_fields)?)),
            Live::NotLookedUp if labelled => Self::Unread("SPEC_SOURCE is request".to_owned()),
            Live::Read(_) | Live::NotLookedUp | Live::None => Self::None,
            Live::Missing => Self::Unread("there is no such SparkApplication".to_owned()),
            Live::NotPermitted(why) if labelled => Self::Unread(why),
            Live::NotPermitted(why) => Self::Unverified(why),
        })
    }

    /// `spec.sparkVersion`, which arguments don't carry.
    fn spark_version(&self) -> Result<Option<SparkVersion>, Refusal> {
        let Self::Application(parsed) = self else {
            return Ok(None);
        };
        let given = parsed.application.spec.spark_version.as_deref();
        given
            .filter(|text| !text.is_empty())
            .map(|text| {
                text.parse()
                    .map_err(|error: NotAVersion| Refusal::new("spec.sparkVersion", error.to_string()))
            })
            .transpose()
    }

    /// Notes what the webhook will add, for the checks, and the template set that the application asks for: a server may have none of
    /// that name, or let nobody ask.
    fn leave_to_webhook(self, submission: &mut Submission) -> Result<(), Refusal> {
        match self {
            Self::Application(parsed) => {
                operator::add_metadata(submission, &parsed.application);
                operator::leave_to_webhook(submission, &parsed.application)
            }
            Self::Unread(why) | Self::Unverified(why) => {
                submission.left_to_webhook = LeftToWebhook::Unknown(why);
                Ok(())
            }
            Self::None => Ok(()),
        }
    }

    /// Completes what was made of the arguments: the template set that the application asks for, its ownership of the
    /// driver, and, where there is no webhook, what that would add.
    ///
    /// The webhook leaves an owner reference alone that is the same as its own, so ours is there with it, too: whether it acts
    /// may be a guess, and a driver without an owner is never collected.
    fn complete(self, submission: &mut Submission, webhook: Webhook) -> Result<(), Refusal> {
        match self {
            Self::Application(parsed) => {
                let application = &parsed.application;
                operator::add_metadata(submission, application);
                match webhook {
                    Webhook::Off => operator::add_for_webhook(submission, application)?,
                    Webhook::On => operator::leave_to_webhook(submission, application)?,
                }
                operator::add_owner(submission, application)?;
                submission.warnings.append(parsed.warnings);
            }
            Self::Unread(why) if webhook == Webhook::Off => submission.warnings.push(format!(
                "what the operator leaves to its webhook (the driver's owner, volumes, affinity, sidecars, …) is not in the \
                 pods, and the webhook is off: {why}"
            )),
            Self::Unverified(why) => submission.warnings.push(unverified(&why)),
            Self::Unread(why) => submission.left_to_webhook = LeftToWebhook::Unknown(why),
            Self::None => {}
        }
        Ok(())
    }
}

fn parsed(live: LiveApplication, unknown_fields: UnknownFields) -> Result<Parsed, SubmitError> {
    application::few_volumes(&live.value)?;
    let parsed = application::from_value(live.value, unknown_fields)?;
    UNKNOWN_FIELDS.holds("", parsed.unknown_fields.len())?;
    Ok(parsed)
}

/// The warning where an owner's uid is the request's word alone.
fn unverified(why: &str) -> String {
    format!("the uid of the driver's owner is as the request gives it, for it can't be looked up: {why}")
}
