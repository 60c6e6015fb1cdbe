//! What the cluster adds to what was asked for: the live `SparkApplication` (CONTRACT 6), and whether the operator's
//! webhook is there (CONTRACT 10).

use super::{Asked, SubmitError, Submitter};
use crate::{
    application::{Parsed, SparkApplication, UnknownFields, from_value, overlay},
    cluster::{LiveApplication, LiveError, Sink},
    submission::{
        self, NotAVersion, Origin, Refusal, SparkVersion, Submission, SubmitterContext, Webhook,
        operator_labels,
    },
};
use serde_json::Value;
use std::{collections::BTreeMap, time::Instant};

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

/// The label by which arguments name their `SparkApplication`.
const APPLICATION_LABEL: &str = "sparkoperator.k8s.io/app-name";

/// The conf keys of the driver Pod's labels.
const DRIVER_LABELS: &str = "spark.kubernetes.driver.label.";

impl Submitter {
    /// Who adds what the operator leaves to its webhook: as the cluster has it, where it is looked at.
    pub(super) async fn webhook(&self, asked: &Asked, origin: Origin) -> Webhook {
        let Some(webhook) = &self.webhook else {
            return origin.webhook;
        };
        let labels = match asked {
            Asked::Application(parsed) => operator_labels(&parsed.application),
            Asked::Messages(application) => operator_labels(application),
            Asked::Arguments(submission) => driver_labels(submission),
            Asked::Unversioned(unversioned) => driver_labels(&unversioned.submission),
        };
        if !labels.contains_key(APPLICATION_LABEL) {
            return Webhook::Off;
        }
        webhook.acts_on(asked.namespace(), &labels).await
    }

    /// What was asked for, with what the cluster has of it.
    pub(super) async fn informed(
        &self,
        asked: Asked,
        webhook: Webhook,
        context: &SubmitterContext,
        deadline: Option<Instant>,
    ) -> Result<Informed, SubmitError> {
        Ok(match asked {
            Asked::Arguments(mut submission) => {
                if webhook == Webhook::Off || self.templates.heeds_annotation() {
                    let live = self.behind(&submission, deadline).await?;
                    choose_set(&mut submission, &live);
                    if webhook == Webhook::Off {
                        add(&mut submission, live)?;
                    }
                }
                Informed::Arguments(submission)
            }
            Asked::Unversioned(unversioned) => {
                let live = self.behind(&unversioned.submission, deadline).await?;
                let mut submission = unversioned.for_version(version(&live)?, context)?;
                choose_set(&mut submission, &live);
                if webhook == Webhook::Off {
                    add(&mut submission, live)?;
                }
                Informed::Arguments(Box::new(submission))
            }
            Asked::Messages(application) => {
                Informed::Application(Box::new(self.completed(*application, deadline).await?))
            }
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
        match self.live(&parsed.application, deadline).await? {
            Live::Read(live) => parsed.application.metadata.uid = Some(live.uid),
            Live::Without(warning) => parsed.warnings.extend(warning),
        }
        Ok(parsed)
    }

    /// What the gRPC messages could not carry, from the live application.
    async fn completed(
        &self,
        application: SparkApplication,
        deadline: Option<Instant>,
    ) -> Result<Parsed, SubmitError> {
        match self.live(&application, deadline).await? {
            Live::Read(live) => Ok(overlay(&application, live.value)?),
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
        submission: &Submission,
        deadline: Option<Instant>,
    ) -> Result<Behind, SubmitError> {
        let labels = driver_labels(submission);
        let Some(name) = labels.get(APPLICATION_LABEL) else {
            return Ok(Behind::None);
        };
        if self.spec_source == SpecSource::Request {
            return Ok(Behind::Unread("SPEC_SOURCE is request".to_owned()));
        }
        match self
            .sink
            .live_application(submission.namespace(), name, deadline)
            .await
        {
            Ok(Some(live)) => {
                same(&live, controller(submission), submission.namespace(), name)?;
                let parsed = from_value(live.value, UnknownFields::Warn)?;
                Ok(Behind::Application(Box::new(parsed.application)))
            }
            Ok(None) if matches!(self.sink, Sink::Directory(_)) => Ok(Behind::None),
            Ok(None) if self.spec_source == SpecSource::Auto => {
                Ok(Behind::Unread("there is no such SparkApplication".to_owned()))
            }
            Ok(None) => Err(not_found(submission.namespace(), name).into()),
            Err(error @ LiveError::NotPermitted { .. }) if self.spec_source == SpecSource::Auto => {
                Ok(Behind::Unread(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn live(
        &self,
        application: &SparkApplication,
        deadline: Option<Instant>,
    ) -> Result<Live, SubmitError> {
        let (namespace, name) = (application.namespace(), application.name());
        let read = match self.spec_source {
            SpecSource::Request => false,
            SpecSource::Auto => application.uid().is_none(),
            SpecSource::Cluster => true,
        };
        if name.is_empty() || (!read && application.uid().is_some()) {
            return Ok(Live::Without(None));
        }
        let unowned = |why: &str| Ok(Live::Without(Some(format!("the driver Pod has no owner: {why}"))));
        if !read {
            return unowned("the request has no uid, and SPEC_SOURCE is request");
        }
        match self.sink.live_application(namespace, name, deadline).await {
            Ok(Some(live)) => {
                same(&live, application.uid(), namespace, name)?;
                Ok(Live::Read(live))
            }
            Ok(None) if matches!(self.sink, Sink::Directory(_)) => Ok(Live::Without(None)),
            Ok(None) if self.spec_source == SpecSource::Auto => {
                unowned("there is no such SparkApplication on the cluster")
            }
            Ok(None) => Err(not_found(namespace, name).into()),
            Err(error @ LiveError::NotPermitted { .. }) if self.spec_source == SpecSource::Auto => {
                unowned(&error.to_string())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What came of looking for the live application.
enum Live {
    Read(LiveApplication),
    /// It goes on without, with a warning where something is lost.
    Without(Option<String>),
}

/// The live application that an argument vector was made of.
enum Behind {
    Application(Box<SparkApplication>),
    /// There is one, or should be, but it isn't known; why.
    Unread(String),
    /// There is none: somebody's own arguments.
    None,
}

/// `spec.sparkVersion`, which arguments don't carry.
fn version(live: &Behind) -> Result<Option<SparkVersion>, Refusal> {
    let Behind::Application(application) = live else {
        return Ok(None);
    };
    let given = application
        .spec
        .spark_version
        .as_deref()
        .filter(|text| !text.is_empty());
    given
        .map(|text| {
            text.parse()
                .map_err(|error: NotAVersion| Refusal::new("spec.sparkVersion", error.to_string()))
        })
        .transpose()
}

/// The template set that the application's annotation asks for, which arguments don't carry.
fn choose_set(submission: &mut Submission, live: &Behind) {
    if let Behind::Application(application) = live
        && let Some(set) = submission::template_set_of(application)
    {
        submission.template_set = Some(set);
    }
}

/// What the webhook would add, which arguments and pod templates don't have.
fn add(submission: &mut Submission, live: Behind) -> Result<(), Refusal> {
    match live {
        Behind::Application(application) => submission::add_for_webhook(submission, &application),
        Behind::Unread(why) => {
            submission.warnings.push(format!(
                "what the operator leaves to its webhook (volumes, affinity, sidecars, …) is not in the pods, and the \
                 webhook is off: {why}"
            ));
            Ok(())
        }
        Behind::None => Ok(()),
    }
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

fn not_found(namespace: &str, name: &str) -> LiveError {
    LiveError::NotFound {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

/// The driver Pod's labels, as far as conf and template give them.
fn driver_labels(submission: &Submission) -> BTreeMap<String, String> {
    let from_conf = submission.conf.iter().filter_map(|(key, value)| {
        let label = key.strip_prefix(DRIVER_LABELS)?;
        Some((label.to_owned(), value.to_owned()))
    });
    let mut labels: BTreeMap<_, _> = from_conf.collect();
    labels.insert("spark-role".to_owned(), "driver".to_owned());
    labels
}

/// The uid of the driver Pod's controller, which the operator puts into its pod template.
fn controller(submission: &Submission) -> Option<&str> {
    let metadata = &submission.driver_template.as_ref()?.metadata;
    let owners = metadata.get("ownerReferences").and_then(Value::as_array)?;
    owners
        .iter()
        .find(|owner| owner["controller"] == true)
        .and_then(|owner| owner["uid"].as_str())
}
