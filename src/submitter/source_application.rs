//! What the live application that an argument vector was made of adds to it.

use crate::{
    operator::{self, Webhook, application::Parsed},
    spark::submission::{NotAVersion, Refusal, SparkVersion, Submission},
};

/// The live application that an argument vector was made of.
pub(super) enum SourceApplication {
    /// As it is on the cluster, its uid included.
    Application(Box<Parsed>),
    /// There is one, or should be, but it isn't known; why.
    Unread(String),
    /// Somebody's own arguments, whose owner's uid can't be compared with the live one's; why.
    Unverified(String),
    /// There is none: somebody's own arguments.
    None,
}

impl SourceApplication {
    /// `spec.sparkVersion`, which arguments don't carry.
    pub(super) fn spark_version(&self) -> Result<Option<SparkVersion>, Refusal> {
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

    /// Completes what was made of the arguments: the template set that the application asks for, its ownership of the
    /// driver, and, where there is no webhook, what that would add.
    ///
    /// The webhook leaves an owner reference alone that is the same as its own, so ours is there with it, too: whether it acts
    /// may be a guess, and a driver without an owner is never collected.
    pub(super) fn complete(self, submission: &mut Submission, webhook: Webhook) -> Result<(), Refusal> {
        match self {
            Self::Application(parsed) => {
                let application = &parsed.application;
                operator::add_metadata(submission, application);
                if webhook == Webhook::Off {
                    operator::add_for_webhook(submission, application)?;
                }
                operator::add_owner(submission, application)?;
                submission.warnings.append(parsed.warnings);
            }
            Self::Unread(why) if webhook == Webhook::Off => submission.warnings.push(format!(
                "what the operator leaves to its webhook (the driver's owner, volumes, affinity, sidecars, …) is not in the \
                 pods, and the webhook is off: {why}"
            )),
            Self::Unverified(why) => submission.warnings.push(unverified(&why)),
            Self::Unread(_) | Self::None => {}
        }
        Ok(())
    }
}

/// The warning where an owner's uid is the request's word alone.
pub(super) fn unverified(why: &str) -> String {
    format!("the uid of the driver's owner is as the request gives it, for it can't be looked up: {why}")
}
