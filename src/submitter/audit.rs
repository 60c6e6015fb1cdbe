//! Reports of policies for administrators: which policy refused a submission, would have refused it, or let it pass by an exemption.
//!
//! There are three reports: a counter, a line of the log, and an Event on the application. None of them holds a value of the
//! submission but those that the admin's words have.

use super::{PolicyRefusal, SubmitError};
use crate::{
    cluster::Events,
    error_code::ErrorCode,
    finding::Cut,
    limits::SHOWN_NAME,
    operator::application::ApplicationReference,
    spark::submission::{Submission, SubmitterContext},
    telemetry::Metrics,
    templates::{Judgement, PolicyMode, TemplateSet, Verdict},
};
use std::collections::BTreeMap;
use tracing::{info, warn};

/// The most characters of the words of one policy in one line of the log.
const MOST_WORDS: usize = 2000;

/// What a policy did about a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PolicyOutcome {
    /// It refused it.
    Refused,
    /// It would have refused it, and is in audit mode.
    WouldRefuse,
    /// It would have refused it, and the namespace is exempt.
    Exempt,
    /// It warned.
    Warned,
    /// It ended in an error.
    Failed,
}

impl PolicyOutcome {
    /// The outcome as a metric's label.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::WouldRefuse => "would-refuse",
            Self::Exempt => "exempt",
            Self::Warned => "warned",
            Self::Failed => "failed",
        }
    }

    /// What a policy of this mode counts as where it refuses for the first time: its series begins at zero.
    pub(crate) fn of_mode(mode: PolicyMode) -> Self {
        match mode {
            PolicyMode::Enforce => Self::Refused,
            PolicyMode::Audit => Self::WouldRefuse,
        }
    }

    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict { refuses: false, .. } => Self::Warned,
            Verdict { exempt: Some(_), .. } => Self::Exempt,
            Verdict { mode, .. } => Self::of_mode(*mode),
        }
    }

    /// What an Event says of it; the author has to know of these alone.
    fn in_words(self) -> Option<&'static str> {
        match self {
            Self::Refused => Some("refused by the policy"),
            Self::WouldRefuse => Some("will be refused by the policy, which is in audit mode,"),
            Self::Exempt | Self::Warned | Self::Failed => None,
        }
    }
}

/// Whom a policy judged.
#[derive(Debug)]
pub(super) struct Subject {
    namespace: String,
    application: String,
    user: String,
    entry_point: &'static str,
    submission_id: String,
}

impl Subject {
    pub(super) fn of(
        submission: &Submission,
        about: Option<&ApplicationReference>,
        context: &SubmitterContext,
    ) -> Self {
        let application = match about {
            Some(about) => about.name.clone(),
            None => submission
                .conf
                .get("spark.app.name")
                .unwrap_or_default()
                .to_owned(),
        };
        Self {
            namespace: submission.namespace().to_owned(),
            application,
            user: context.user.clone(),
            entry_point: context.entry_point.label(),
            submission_id: submission.id.to_string(),
        }
    }
}

/// What is reported, and where.
pub(super) struct Audit<'a> {
    pub(super) set: &'a TemplateSet,
    pub(super) subject: &'a Subject,
    pub(super) metrics: &'a Metrics,
    /// The Events, and the application that they are about.
    pub(super) events: Option<(&'a Events, &'a ApplicationReference)>,
}

impl Audit<'_> {
    /// Tells what policies said of a submission.
    pub(super) fn of(&self, judgement: &Judgement) {
        for error in &judgement.errors {
            let (set, outcome) = (self.set.name(), PolicyOutcome::Failed.name());
            self.metrics
                .policy(set, &error.policy, error.mode.name(), outcome);
        }
        self.verdicts(&judgement.verdicts);
    }

    /// Tells of a template's own `refuse("text")`, which is a policy, too.
    pub(super) fn of_failure(&self, error: &SubmitError) {
        if let SubmitError::Policy(PolicyRefusal(verdicts)) = error {
            self.verdicts(verdicts);
        }
    }

    fn verdicts(&self, verdicts: &[Verdict]) {
        let mut told: BTreeMap<(&str, PolicyOutcome), Vec<&Verdict>> = BTreeMap::new();
        for verdict in verdicts {
            let outcome = PolicyOutcome::of(verdict);
            told.entry((&verdict.policy, outcome)).or_default().push(verdict);
        }
        for ((policy, outcome), verdicts) in &told {
            let Some(first) = verdicts.first() else { continue };
            let (set, mode) = (self.set.name(), first.mode.name());
            self.metrics.policy(set, policy, mode, outcome.name());
            self.line(*outcome, first, &words(verdicts));
        }
        for outcome in [PolicyOutcome::Refused, PolicyOutcome::WouldRefuse] {
            let of_outcome = told.iter().filter(|((_, known), _)| *known == outcome);
            let said: Vec<_> = of_outcome
                .map(|((policy, _), verdicts)| format!("{policy}: {}", words(verdicts)))
                .collect();
            if let (Some(does), Some((events, about)), false) =
                (outcome.in_words(), self.events, said.is_empty())
            {
                let message = format!("{does} {}", said.join("\n"));
                let reason = match outcome {
                    PolicyOutcome::Refused => None,
                    _ => Some("AuditedByPolicy"),
                };
                events.judged(about.clone(), reason, message);
            }
        }
    }

    /// A line of the log.
    fn line(&self, outcome: PolicyOutcome, verdict: &Verdict, words: &str) {
        let subject = self.subject;
        let (application, user) = (
            Cut(&subject.application, SHOWN_NAME).to_string(),
            Cut(&subject.user, SHOWN_NAME).to_string(),
        );
        let code = (outcome == PolicyOutcome::Refused).then(|| ErrorCode::RefusedByPolicy.name());
        let reason = verdict
            .exempt
            .as_ref()
            .and_then(|exempt| exempt.reason.as_deref());
        macro_rules! line {
            ($log:ident, $text:literal) => {
                $log!(
                    policy = verdict.policy,
                    mode = verdict.mode.name(),
                    policy_outcome = outcome.name(),
                    template_set = self.set.id(),
                    namespace = subject.namespace,
                    application,
                    user,
                    entry_point = subject.entry_point,
                    submission_id = subject.submission_id,
                    code,
                    exempt_because = reason,
                    $text,
                    Cut(words, MOST_WORDS)
                )
            };
        }
        match outcome {
            PolicyOutcome::Refused => line!(warn, "a policy refuses: {}"),
            PolicyOutcome::WouldRefuse => line!(warn, "a policy in audit mode would refuse: {}"),
            PolicyOutcome::Exempt => line!(warn, "a policy would refuse, and the namespace is exempt: {}"),
            PolicyOutcome::Warned | PolicyOutcome::Failed => line!(info, "a policy warns: {}"),
        }
    }
}

fn words(verdicts: &[&Verdict]) -> String {
    let texts: Vec<_> = verdicts.iter().map(|verdict| verdict.text.as_str()).collect();
    texts.join("; ")
}
