//! What the cluster adds to what was asked for: the live `SparkApplication` (CONTRACT 6), and whether the operator's
//! webhook is there (CONTRACT 10).

use super::{
    SubmitError, SubmitRequest, Submitter,
    owners::{self, Expected, NamedOwner},
    source_application::{SourceApplication, unverified},
    subject::{Subject, named_by},
};
use crate::{
    cluster::{LiveApplication, LiveError, Sink},
    limits::UNKNOWN_FIELDS,
    operator::{
        Origin, Webhook,
        application::{Parsed, SparkApplication, UnknownFields, few_volumes, from_value, overlay},
        operator_labels,
    },
    spark::submission::{Reach, Submission, SubmitterContext},
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
    pub(super) async fn webhook(&self, asked: &SubmitRequest, origin: Origin) -> Webhook {
        let Some(webhook) = &self.webhook else {
            return origin.webhook;
        };
        let labels = match asked {
            SubmitRequest::Application(parsed) => operator_labels(&parsed.application),
            SubmitRequest::Messages(application) => operator_labels(application),
            SubmitRequest::Arguments(submission) => Subject::of(submission).labels,
            SubmitRequest::UnversionedArguments(unversioned) => unversioned.subject.labels.clone(),
        };
        if named_by(&labels).is_none() {
            return Webhook::Off;
        }
        webhook.acts_on(asked.namespace(), &labels).await
    }

    /// What was asked for, with what the cluster has of it.
    pub(super) async fn informed(
        &self,
        asked: SubmitRequest,
        origin: Origin,
        context: &SubmitterContext,
        deadline: Option<Instant>,
    ) -> Result<Informed, SubmitError> {
        let (webhook, unknown_fields) = (origin.webhook, origin.unknown_fields);
        Ok(match asked {
            SubmitRequest::Arguments(mut submission) => {
                let subject = Subject::of(&submission);
                if webhook == Webhook::Off || self.templates.heeds_annotation() || !subject.owners.is_empty()
                {
                    let live = self
                        .behind(&subject, unknown_fields, &context.reach, deadline)
                        .await?;
                    live.complete(&mut submission, webhook)?;
                }
                Informed::Arguments(submission)
            }
            SubmitRequest::UnversionedArguments(unversioned) => {
                let live = self
                    .behind(&unversioned.subject, unknown_fields, &context.reach, deadline)
                    .await?;
                let mut submission = unversioned.for_version(live.spark_version()?, context)?;
                live.complete(&mut submission, webhook)?;
                Informed::Arguments(Box::new(submission))
            }
            SubmitRequest::Messages(application) => Informed::Application(Box::new(
                self.completed(*application, unknown_fields, &context.reach, deadline)
                    .await?,
            )),
            SubmitRequest::Application(parsed) => {
                Informed::Application(self.owned(parsed, &context.reach, deadline).await?)
            }
        })
    }

    /// A whole application with its uid, which is the live one's: Kubernetes collects what has an owner that doesn't exist,
    /// so a uid is neither made up here nor taken on trust.
    async fn owned(
        &self,
        mut parsed: Box<Parsed>,
        reach: &Reach,
        deadline: Option<Instant>,
    ) -> Result<Box<Parsed>, SubmitError> {
        match self
            .live(&parsed.application, unverified, reach, deadline)
            .await?
        {
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
        reach: &Reach,
        deadline: Option<Instant>,
    ) -> Result<Parsed, SubmitError> {
        let lost = |why: &str| format!("what the request's form can't carry is not in the pods: {why}");
        match self.live(&application, lost, reach, deadline).await? {
            Live::Read(live) => {
                few_volumes(&live.value)?;
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

    /// The live application that an argument vector was made of, which its labels name. An owner that the pod templates name
    /// is looked up without a label, too, but then adds nothing to the pods.
    async fn behind(
        &self,
        subject: &Subject,
        unknown_fields: UnknownFields,
        reach: &Reach,
        deadline: Option<Instant>,
    ) -> Result<SourceApplication, SubmitError> {
        let namespace = &subject.namespace;
        let labelled = subject.application().is_some();
        let name = subject.owning_application();
        let sent = subject.owner.as_ref().and_then(|owner| owner.uid.as_deref());
        let owners = |uid| {
            let expected = Expected { namespace, name, uid };
            owners::check(&subject.owners, expected, reach)
        };
        let Some(name) = name else {
            owners(None)?;
            return Ok(SourceApplication::None);
        };
        let unread = |why: String| {
            if labelled {
                SourceApplication::Unread(why)
            } else {
                SourceApplication::Unverified(why)
            }
        };
        if self.spec_source == SpecSource::Request {
            owners(sent)?;
            return Ok(if labelled {
                SourceApplication::Unread("SPEC_SOURCE is request".to_owned())
            } else {
                SourceApplication::None
            });
        }
        match self.sink.live_application(namespace, name, deadline).await {
            Ok(Some(live)) => {
                owners(Some(&live.uid))?;
                same(&live, subject.controller.as_deref(), namespace, name)?;
                if !labelled {
                    return Ok(SourceApplication::None);
                }
                few_volumes(&live.value)?;
                let parsed = from_value(live.value, unknown_fields)?;
                UNKNOWN_FIELDS.holds("", parsed.unknown_fields.len())?;
                Ok(SourceApplication::Application(Box::new(parsed)))
            }
            Ok(None) if matches!(self.sink, Sink::Directory(_)) => {
                owners(sent)?;
                Ok(SourceApplication::None)
            }
            Ok(None) => {
                self.without(
                    namespace,
                    name,
                    subject.owners.iter().any(NamedOwner::is_application),
                )?;
                owners(None)?;
                Ok(SourceApplication::Unread(
                    "there is no such SparkApplication".to_owned(),
                ))
            }
            Err(error @ LiveError::NotPermitted { .. }) if self.spec_source == SpecSource::Auto => {
                owners(sent)?;
                Ok(unread(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the live application, unless the settings say otherwise, and compares the owners that the request names with it.
    /// `lost` is the warning where the application has a uid and can't be read.
    async fn live(
        &self,
        application: &SparkApplication,
        lost: impl Fn(&str) -> String,
        reach: &Reach,
        deadline: Option<Instant>,
    ) -> Result<Live, SubmitError> {
        let (namespace, name, uid) = (application.namespace(), application.name(), application.uid());
        if name.is_empty() {
            // Refused as soon as the application is validated.
            return Ok(Live::Without(None));
        }
        let named = NamedOwner::in_application(application);
        let owners = |uid| {
            let expected = Expected {
                namespace,
                name: Some(name),
                uid,
            };
            owners::check(&named, expected, reach)
        };
        let without = |why: &str| {
            owners(uid)?;
            Ok(Live::Without(Some(match uid {
                Some(_) => lost(why),
                None => format!("the driver Pod has no owner: {why}"),
            })))
        };
        if self.spec_source == SpecSource::Request {
            owners(uid)?;
            let why = "the driver Pod has no owner: the request has no uid, and SPEC_SOURCE is request";
            return Ok(Live::Without(uid.is_none().then(|| why.to_owned())));
        }
        match self.sink.live_application(namespace, name, deadline).await {
            Ok(Some(live)) => {
                same(&live, uid, namespace, name)?;
                owners(Some(&live.uid))?;
                Ok(Live::Read(live))
            }
            Ok(None) if matches!(self.sink, Sink::Directory(_)) => {
                owners(uid)?;
                Ok(Live::Without(None))
            }
            Ok(None) => {
                let owned = uid.is_some() || named.iter().any(NamedOwner::is_application);
                self.without(namespace, name, owned)?;
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
