//! What the cluster adds to what was asked for: the live `SparkApplication` (CONTRACT 6), and whether the operator's
//! webhook is there (CONTRACT 10).

use super::{
    Asked, SubmitError, Submitter,
    behind::Behind,
    subject::{Subject, named_by},
};
use crate::{
    application::{Parsed, SparkApplication, UnknownFields, from_value, overlay},
    cluster::{LiveApplication, LiveError, Sink},
    limits::UNKNOWN_FIELDS,
    submission::{Origin, Submission, SubmitterContext, Webhook, operator_labels},
};
use std::time::Instant;

/// Where the specification of an application comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpecSource {
    /// From the request; and from the live application what the request's form can't carry.
    #[default]
    Auto,
    /// From the request alone. The live application is never read.
    Request,
    /// As `Auto`, but the live application must be there and readable.
    Cluster,
}

/// What is to be submitted, with all that the cluster has to say about it.
pub(super) enum Informed {
    /// An application, to be translated.
    Application(Box<Parsed>),
    /// What was made of an argument vector.
    Arguments(Box<Submission>),
}

impl Submitter {
    /// Who adds what the operator leaves to its webhook: as the cluster has it, where it is looked at.
    pub(super) async fn webhook(&self, asked: &Asked, origin: Origin) -> Webhook {
        let Some(webhook) = &self.webhook else {
            return origin.webhook;
        };
        let labels = match asked {
            Asked::Application(parsed) => operator_labels(&parsed.application),
            Asked::Messages(application) => operator_labels(application),
            Asked::Arguments(submission) => Subject::of(submission).labels,
            Asked::Unversioned(unversioned) => unversioned.subject.labels.clone(),
        };
        if named_by(&labels).is_none() {
            return Webhook::Off;
        }
        webhook.acts_on(asked.namespace(), &labels).await
    }

    /// What was asked for, with what the cluster has of it.
    pub(super) async fn informed(
        &self,
        asked: Asked,
        origin: Origin,
        context: &SubmitterContext,
        deadline: Option<Instant>,
    ) -> Result<Informed, SubmitError> {
        let (webhook, unknown_fields) = (origin.webhook, origin.unknown_fields.into());
        Ok(match asked {
            Asked::Arguments(mut submission) => {
                if webhook == Webhook::Off || self.templates.heeds_annotation() {
                    let subject = Subject::of(&submission);
                    let live = self.behind(&subject, unknown_fields, deadline).await?;
                    live.complete(&mut submission, webhook)?;
                }
                Informed::Arguments(submission)
            }
            Asked::Unversioned(unversioned) => {
                let live = self
                    .behind(&unversioned.subject, unknown_fields, deadline)
                    .await?;
                let mut submission = unversioned.for_version(live.spark_version()?, context)?;
                live.complete(&mut submission, webhook)?;
                Informed::Arguments(Box::new(submission))
            }
            Asked::Messages(application) => Informed::Application(Box::new(
                self.completed(*application, unknown_fields, deadline).await?,
            )),
            Asked::Application(parsed) => Informed::Application(self.owned(parsed, deadline).await?),
        })
    }

    /// A whole application with its uid. A uid is never made up, for Kubernetes collects what has an owner that does
    /// not exist.
    async fn owned(
        &self,
        mut parsed: Box<Parsed>,
        deadline: Option<Instant>,
    ) -> Result<Box<Parsed>, SubmitError> {
        let needed = parsed.application.uid().is_none();
        match self.live(&parsed.application, needed, deadline).await? {
            Live::Read(live) => parsed.application.metadata.uid = Some(live.uid),
            Live::Without(warning) => parsed.warnings.extend(warning),
        }
        Ok(parsed)
    }

    /// What the gRPC messages could not carry, from the live application; with or without a uid, the messages are
    /// poorer than it.
    async fn completed(
        &self,
        application: SparkApplication,
        unknown_fields: UnknownFields,
        deadline: Option<Instant>,
    ) -> Result<Parsed, SubmitError> {
        match self.live(&application, true, deadline).await? {
            Live::Read(live) => {
                let parsed = overlay(&application, live.value, unknown_fields)?;
                UNKNOWN_FIELDS.holds("", parsed.unknown_fields.len())?;
                Ok(parsed)
            }
            Live::Without(warning) => Ok(Parsed {
                application,
                warnings: warning.into_iter().collect(),
                unknown_fields: Vec::new(),
            }),
        }
    }

    /// The live application that an argument vector was made of, which its labels name.
    async fn behind(
        &self,
        subject: &Subject,
        unknown_fields: UnknownFields,
        deadline: Option<Instant>,
    ) -> Result<Behind, SubmitError> {
        let (namespace, Some(name)) = (&subject.namespace, subject.application()) else {
            return Ok(Behind::None);
        };
        if self.spec_source == SpecSource::Request {
            return Ok(Behind::Unread("SPEC_SOURCE is request".to_owned()));
        }
        match self.sink.live_application(namespace, name, deadline).await {
            Ok(Some(live)) => {
                same(&live, subject.controller.as_deref(), namespace, name)?;
                let parsed = from_value(live.value, unknown_fields)?;
                UNKNOWN_FIELDS.holds("", parsed.unknown_fields.len())?;
                Ok(Behind::Application(Box::new(parsed)))
            }
            Ok(None) if matches!(self.sink, Sink::Directory(_)) => Ok(Behind::None),
            Ok(None) => {
                let owner = subject.owner.as_ref().and_then(|owner| owner.uid.as_ref());
                self.without(namespace, name, owner.is_some())?;
                Ok(Behind::Unread("there is no such SparkApplication".to_owned()))
            }
            Err(error @ LiveError::NotPermitted { .. }) if self.spec_source == SpecSource::Auto => {
                Ok(Behind::Unread(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the live application, unless the settings say otherwise; with `auto` where it is `needed`.
    async fn live(
        &self,
        application: &SparkApplication,
        needed: bool,
        deadline: Option<Instant>,
    ) -> Result<Live, SubmitError> {
        let (namespace, name, uid) = (application.namespace(), application.name(), application.uid());
        let read = match self.spec_source {
            SpecSource::Request => false,
            SpecSource::Auto => needed,
            SpecSource::Cluster => true,
        };
        if name.is_empty() || (!read && uid.is_some()) {
            return Ok(Live::Without(None));
        }
        let without = |why: &str| {
            let lost = match uid {
                Some(_) => "what the request's form can't carry is not in the pods",
                None => "the driver Pod has no owner",
            };
            Ok(Live::Without(Some(format!("{lost}: {why}"))))
        };
        if !read {
            return without("the request has no uid, and SPEC_SOURCE is request");
        }
        match self.sink.live_application(namespace, name, deadline).await {
            Ok(Some(live)) => {
                same(&live, uid, namespace, name)?;
                Ok(Live::Read(live))
            }
            Ok(None) if matches!(self.sink, Sink::Directory(_)) => Ok(Live::Without(None)),
            Ok(None) => {
                self.without(namespace, name, uid.is_some())?;
                without("there is no such SparkApplication on the cluster")
            }
            Err(error @ LiveError::NotPermitted { .. }) if self.spec_source == SpecSource::Auto => {
                without(&error.to_string())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a submission may go on whose application is not on the cluster. It may not where it has the application for
    /// its owner already: Kubernetes collects a Pod with an owner that is not in its namespace.
    fn without(&self, namespace: &str, name: &str, owned: bool) -> Result<(), LiveError> {
        let asked_for_by = match (self.spec_source, owned) {
            (SpecSource::Cluster, _) => "SPEC_SOURCE=cluster asks for",
            (_, true) => "the request names by uid as the driver's owner",
            (_, false) => return Ok(()),
        };
        Err(LiveError::NotFound {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            asked_for_by,
        })
    }
}

/// What came of looking for the live application.
enum Live {
    Read(LiveApplication),
    /// It goes on without, with a warning where something is lost.
    Without(Option<String>),
}

/// The live application must be the one that was sent, and not its successor of the same name.
fn same(live: &LiveApplication, sent: Option<&str>, namespace: &str, name: &str) -> Result<(), LiveError> {
    match sent {
        Some(sent) if sent != live.uid => Err(LiveError::Another {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            sent: sent.to_owned(),
            found: live.uid.clone(),
        }),
        _ => Ok(()),
    }
}
