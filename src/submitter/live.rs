//! The stage `inform`: what the cluster knows of a request. That is its live `SparkApplication`, and whether the operator's
//! webhook acts on its driver.

use super::{
    SubmitError, SubmitRequest, Submitter,
    owners::{self, Expected, NamedOwner},
    subject::RequestSubject,
};
use crate::{
    cluster::{LiveApplication, LiveError, Sink},
    operator::{Origin, Webhook},
    spark::submission::Reach,
};
use clap::ValueEnum;
use std::time::Instant;

/// Where the specification of an application comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
pub enum SpecSource {
    /// The request, and the live SparkApplication for what the request's form can't carry.
    #[default]
    Auto,
    /// The request alone.
    Request,
    /// As auto, but the live SparkApplication must be there.
    Cluster,
}

/// What the cluster knows of a request.
#[derive(Debug)]
pub(super) struct Informed {
    /// Whether the operator's webhook acts on the driver.
    pub(super) webhook: Webhook,
    pub(super) live: Live,
    /// Whether the submission goes on without the live application: only the checks need it, and the template set that it asks for.
    pub(super) live_is_optional: bool,
}

/// What came of looking for the live application.
#[derive(Debug)]
pub(super) enum Live {
    Read(LiveApplication),
    /// Nobody's application, or one that needs no look; or the objects go to files.
    None,
    /// `SPEC_SOURCE=request`.
    NotLookedUp,
    Missing,
    /// Why it may not be read.
    NotPermitted(String),
}

impl Submitter {
    /// Asks the cluster about a request. Each owner that the request names must be the live application.
    pub(super) async fn inform(
        &self,
        request: &SubmitRequest,
        origin: Origin,
        reach: &Reach,
        deadline: Option<Instant>,
    ) -> Result<Informed, SubmitError> {
        let subject = request.subject();
        let webhook = match &self.webhook {
            None => origin.webhook,
            Some(_) if subject.application().is_none() => Webhook::Off,
            Some(webhook) => webhook.acts_on(&subject.namespace, &subject.labels).await,
        };
        let needed = match request {
            SubmitRequest::Resolved(_) => {
                webhook == Webhook::Off || self.templates.heeds_annotation() || !subject.owners.is_empty()
            }
            _ => true,
        };
        let live = self.live(&subject, reach, deadline).await;
        let live = if needed {
            live?
        } else {
            // The objects have nothing from it, so nothing fails by it.
            live.unwrap_or_else(|error| Live::NotPermitted(error.to_string()))
        };
        Ok(Informed {
            webhook,
            live,
            live_is_optional: !needed,
        })
    }

    /// Reads the live application, unless the settings say otherwise, and compares the owners that the request names with it.
    async fn live(
        &self,
        subject: &RequestSubject,
        reach: &Reach,
        deadline: Option<Instant>,
    ) -> Result<Live, SubmitError> {
        let namespace = &subject.namespace;
        let name = subject.owning_application();
        let sent = subject.owner.as_ref().and_then(|owner| owner.uid.as_deref());
        let check_owners = |uid| {
            let expected = Expected { namespace, name, uid };
            owners::check(&subject.owners, expected, reach)
        };
        let Some(name) = name else {
            check_owners(None)?;
            return Ok(Live::None);
        };
        if self.spec_source == SpecSource::Request {
            check_owners(sent)?;
            return Ok(Live::NotLookedUp);
        }
        let seen = subject.resource_version.as_ref();
        match self.sink.live_application(namespace, name, seen, deadline).await {
            Ok(Some(live)) => {
                check_owners(Some(&live.uid))?;
                is_the_one_that_was_sent(&live, subject, name)?;
                Ok(Live::Read(live))
            }
            Ok(None) if matches!(self.sink, Sink::Directory(_) | Sink::Nowhere) => {
                check_owners(sent)?;
                Ok(Live::None)
            }
            Ok(None) => {
                let owned = sent.is_some() || subject.owners.iter().any(NamedOwner::is_application);
                self.may_be_missing(namespace, name, owned)?;
                check_owners(None)?;
                Ok(Live::Missing)
            }
            Err(error @ LiveError::NotPermitted { .. }) if self.spec_source == SpecSource::Auto => {
                check_owners(sent)?;
                Ok(Live::NotPermitted(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a submission may go on whose application is not on the cluster. It may not where it has the application for
    /// its owner already: Kubernetes collects a Pod with an owner that is not in its namespace.
    fn may_be_missing(&self, namespace: &str, name: &str, owned: bool) -> Result<(), LiveError> {
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

/// The live application must not be a successor of the same name.
fn is_the_one_that_was_sent(
    live: &LiveApplication,
    subject: &RequestSubject,
    name: &str,
) -> Result<(), LiveError> {
    match &subject.controller {
        Some(sent) if *sent != live.uid => Err(LiveError::Another {
            namespace: subject.namespace.clone(),
            name: name.to_owned(),
            sent: sent.clone(),
            found: live.uid.clone(),
        }),
        _ => Ok(()),
    }
}
