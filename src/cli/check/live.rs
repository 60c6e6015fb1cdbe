//! `check --live`: the applications of the cluster checked with the current policies and templates.

use crate::{
    authoring::finding::{Rule, TemplateFinding},
    cli::{
        End,
        live_applications::{LiveNamespaces, each_application},
        process, templates,
    },
    cluster::ClientSettings,
    finding::counted,
    operator::{
        Origin, Webhook,
        application::{ApplicationDocument, UnknownFields},
    },
    settings::{ExecutorSettings, OperatorWebhookSetting, SetSettings},
    spark::submission::{self, EntryPoint, SparkVersion, SubmissionId, SubmitterContext},
    submitter::{self, PolicyRefusal, SubmitError},
    templates::{Judgement, PolicyMode, TemplateSets},
};
use serde::Serialize;
use std::{fmt::Write, path::Path};

/// Which applications, and as whose.
#[derive(Debug, clap::Args)]
pub(super) struct LiveArguments {
    /// Check the live applications of the cluster with the policies and templates, too: with --namespace or --all-namespaces
    #[arg(long)]
    pub(super) live: bool,

    /// With --live: the applications of all namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace", requires = "live")]
    all_namespaces: bool,

    /// With --live: the applications of this namespace
    #[arg(short, long, value_name = "NAMESPACE", requires = "live")]
    namespace: Option<String>,

    /// The entry point that policies see of live applications
    #[arg(
        long,
        value_enum,
        default_value = "grpc",
        value_name = "ENTRY_POINT",
        requires = "live"
    )]
    entry_point: EntryPoint,

    /// Spark version of a live application that names none, such as 4.0.1
    #[arg(long, env = "SPARK_VERSION", value_name = "VERSION")]
    spark_version: Option<SparkVersion>,

    /// Who adds volumes, affinity, sidecars and more to the Pods of live applications: the operator's webhook (on) or native-submit
    /// (off); auto means on
    #[arg(long, env = "OPERATOR_WEBHOOK", value_enum, default_value = "auto")]
    operator_webhook: OperatorWebhookSetting,

    #[command(flatten)]
    executors: ExecutorSettings,
}

/// What becomes of a live application.
#[derive(Debug, Serialize)]
pub(super) struct LiveApplication {
    /// `namespace/name`; of a schedule the template is meant.
    application: String,
    /// What policies said that refuse it, would refuse it, or from which its namespace is exempt.
    policies: Vec<Said>,
    /// Why it can't be submitted, where that is no policy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What a policy said.
#[derive(Debug, Serialize)]
struct Said {
    policy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    outcome: Outcome,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Refused,
    WouldRefuse,
    Exempt,
}

impl Outcome {
    fn in_words(self) -> &'static str {
        match self {
            Self::Refused => "refused by",
            Self::WouldRefuse => "would be refused by (audit mode)",
            Self::Exempt => "exempt from",
        }
    }
}

impl LiveApplication {
    /// Whether a server would not submit it.
    pub(super) fn is_refused(&self) -> bool {
        self.error.is_some() || self.has(Outcome::Refused)
    }

    /// Whether a policy in audit mode would refuse it.
    pub(super) fn is_audited(&self) -> bool {
        self.has(Outcome::WouldRefuse)
    }

    fn has(&self, outcome: Outcome) -> bool {
        self.policies.iter().any(|said| said.outcome == outcome)
    }

    /// A line for each thing that is said of it.
    pub(super) fn lines(&self) -> String {
        let mut text = String::new();
        for said in &self.policies {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{}: {} {}: {}",
                self.application,
                said.outcome.in_words(),
                said.policy,
                said.text
            );
        }
        if let Some(error) = &self.error {
            let error = error.replace('\n', "; ");
            let _ = writeln!(text, "{}: can't be submitted: {error}", self.application);
        }
        text
    }

    /// The same as findings.
    pub(super) fn findings(&self, directory: &Path) -> Vec<TemplateFinding> {
        let of = |rule, file: String, message| {
            let mut finding = TemplateFinding::new(rule, file, message);
            finding.applications = vec![self.application.clone()];
            finding
        };
        let refused = self
            .policies
            .iter()
            .filter(|said| said.outcome == Outcome::Refused);
        let refused = refused.map(|said| {
            let file = directory.join(&said.policy).display().to_string();
            of(Rule::Refused, file, format!("refused: {}", said.text)).at(said.line)
        });
        let error = self.error.as_ref();
        let error = error.map(|error| of(Rule::Case, directory.display().to_string(), error.clone()));
        refused.chain(error).collect()
    }
}

impl LiveArguments {
    /// Whether it is said which applications are meant.
    pub(super) fn is_complete(&self) -> bool {
        !self.live || self.all_namespaces || self.namespace.is_some()
    }

    /// What becomes of each live application.
    pub(super) fn check(
        &self,
        access: &ClientSettings,
        directory: &Path,
        sets: &SetSettings,
    ) -> Result<Vec<LiveApplication>, End> {
        let sets =
            templates::load(&sets.options(Some(directory.to_owned()))).map_err(|_| End::CouldNotRun)?;
        let mut namespaces = LiveNamespaces::connect(access)?;
        let mut found = Vec::new();
        each_application(access, self.namespace.as_deref(), true, &mut |(
            label,
            document,
        )| {
            found.push(self.application(label, document, &sets, &mut namespaces));
        })?;
        Ok(found)
    }

    fn application(
        &self,
        label: String,
        document: Result<ApplicationDocument, String>,
        sets: &TemplateSets,
        namespaces: &mut LiveNamespaces,
    ) -> LiveApplication {
        let mut live = LiveApplication {
            application: label,
            policies: Vec::new(),
            error: None,
        };
        match document.map(|document| self.judged(document, sets, namespaces)) {
            Ok(Ok(judgement)) => {
                live.policies = said(&judgement);
                let failed = judgement.errors.iter().filter(|error| error.holds());
                let failed: Vec<_> = failed.map(ToString::to_string).collect();
                live.error = (!failed.is_empty()).then(|| failed.join("\n"));
            }
            // A template's own refusal is a policy, too.
            Ok(Err(SubmitError::Policy(PolicyRefusal(verdicts)))) => {
                live.policies = said(&Judgement {
                    verdicts,
                    errors: Vec::new(),
                });
            }
            Ok(Err(error)) => live.error = Some(error.to_string()),
            Err(error) => live.error = Some(error),
        }
        live
    }

    fn judged(
        &self,
        document: ApplicationDocument,
        sets: &TemplateSets,
        namespaces: &mut LiveNamespaces,
    ) -> Result<Judgement, SubmitError> {
        let id = SubmissionId::nil();
        // A newer operator's fields are none of ours.
        let mut application = document.parse(UnknownFields::Pass)?.application;
        application.generate_name(&id);
        let context = SubmitterContext {
            entry_point: self.entry_point,
            executor_check: self.executors.executor_check,
            ..process::application_context(0, self.spark_version.clone())
        };
        // Policies see what is added either way; templates see it only where native-submit adds it.
        let origin = Origin {
            webhook: match self.operator_webhook {
                OperatorWebhookSetting::Off => Webhook::Off,
                OperatorWebhookSetting::On | OperatorWebhookSetting::Auto => Webhook::On,
            },
            operator: true,
            unknown_fields: submission::UnknownFields::Pass,
        };
        let submission = submitter::intent(application, id, origin, &context)?;
        let set = sets.choose(&submission)?;
        let context = SubmitterContext {
            namespace: namespaces.of(submission.namespace(), &set),
            ..context
        };
        Ok(submitter::judged(&submission, &context, &set)?.1)
    }
}

fn said(judgement: &Judgement) -> Vec<Said> {
    let refusals = judgement.verdicts.iter().filter(|verdict| verdict.refuses);
    refusals
        .map(|verdict| Said {
            policy: verdict.policy.clone(),
            line: verdict.line,
            outcome: match verdict.mode {
                _ if verdict.exempt.is_some() => Outcome::Exempt,
                PolicyMode::Enforce => Outcome::Refused,
                PolicyMode::Audit => Outcome::WouldRefuse,
            },
            text: verdict.text.clone(),
        })
        .collect()
}

/// A line for all.
pub(super) fn summary(found: &[LiveApplication]) -> String {
    let count = |is: &dyn Fn(&LiveApplication) -> bool| found.iter().filter(|live| is(live)).count();
    format!(
        "{}: {} refused, {} would be refused by policies in audit mode, {} exempt",
        counted(found.len(), "live application"),
        count(&LiveApplication::is_refused),
        count(&|live| live.is_audited() && !live.is_refused()),
        count(&|live| live.has(Outcome::Exempt))
    )
}
