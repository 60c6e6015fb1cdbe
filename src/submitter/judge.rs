//! The last stage before the cluster: the administrators' policies over the finished objects.

use super::{PolicyFailure, PolicyRefusal, SubmitError};
use crate::{
    finding::Warnings,
    manifest::{self, Beside, Manifests},
    spark::{
        plan::DriverPlan,
        submission::{Submission, SubmitterContext},
    },
    templates::{
        Judgement, PolicyError, PolicyMode, PolicyName, RenderError, TemplateSet, UnknownNamespace, Verdict,
    },
};

/// What the refusal of a policy in audit mode begins with.
const AUDITED: &str = "a policy will refuse this (it is in audit mode): ";

/// What the refusal of a policy begins with from which the namespace is exempt.
const EXEMPT: &str = "a policy refuses this, and this namespace is exempt from it: ";

/// Why the namespace's metadata isn't known where nobody gave it.
const NOT_GIVEN: &str = "nothing is known of it here (--namespace-label and --namespace-annotation give it; in a case.yaml \
                         namespace.labels)";

/// The label that the API server gives each namespace.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// What policies see beside the objects, with what the context knows of the namespace.
pub(super) fn beside(submission: &Submission, context: &SubmitterContext) -> Beside {
    let namespace = context.namespace.clone().map(|mut given| {
        let name = submission.namespace().to_owned();
        given.labels.entry(NAME_LABEL.to_owned()).or_insert(name);
        given
    });
    Beside {
        namespace: namespace.ok_or_else(|| UnknownNamespace(NOT_GIVEN.to_owned())),
        user: context.user.clone(),
        entry_point: context.entry_point,
        labels: submission.application_labels.clone(),
        annotations: submission.application_annotations.clone(),
    }
}

/// Has the policies of a set, which has some, judge finished objects. Blocks where that happens in a render worker.
///
/// # Errors
/// Where no render worker served it.
pub(super) fn judge(
    set: &TemplateSet,
    manifests: &Manifests,
    plan: &DriverPlan,
    beside: Beside,
) -> Result<Judgement, SubmitError> {
    judged(set, set.judge(manifest::finished(manifests, plan, beside)))
}

/// The same, and waits for a render worker if it needs one.
pub(super) async fn judge_live(
    set: &TemplateSet,
    manifests: &Manifests,
    plan: &DriverPlan,
    beside: Beside,
) -> Result<Judgement, SubmitError> {
    let judging = set.judge_live(manifest::finished(manifests, plan, beside));
    judged(set, judging.await)
}

fn judged(set: &TemplateSet, judgement: Result<Judgement, RenderError>) -> Result<Judgement, SubmitError> {
    match judgement {
        Ok(judgement) => Ok(judgement),
        Err(RenderError::Unavailable(error)) => Err(error.into()),
        // A limit of the worker: which policy it was stands in the error. What the others said is lost with it, so it is let through
        // only if none of them holds.
        Err(RenderError::Template(error)) => Ok(Judgement {
            verdicts: Vec::new(),
            errors: vec![PolicyError {
                policy: error.template.clone(),
                mode: mode_of_all(set.policies()),
                exempt: None,
                error,
            }],
        }),
    }
}

/// The mode of policies of which one ended all.
fn mode_of_all(policies: &[PolicyName]) -> PolicyMode {
    if policies.iter().all(|policy| policy.mode == PolicyMode::Audit) {
        PolicyMode::Audit
    } else {
        PolicyMode::Enforce
    }
}

/// What becomes of a submission. A refusal is one, whatever another policy failed at: to try again would not help.
///
/// # Errors
/// Where a policy refuses that holds, or one that would hold ended in an error.
pub(super) fn settle(
    set: &TemplateSet,
    judgement: &Judgement,
    warnings: &mut Warnings,
) -> Result<(), SubmitError> {
    for error in &judgement.errors {
        tracing::error!(
            template_set = set.id(),
            policy = error.policy,
            mode = error.mode.name(),
            "a policy could not be evaluated: {}",
            error.error.brief()
        );
    }
    let holding = judgement.verdicts.iter().filter(|verdict| verdict.holds());
    let holding: Vec<_> = holding.cloned().collect();
    if !holding.is_empty() {
        return Err(PolicyRefusal(holding).into());
    }
    let failed = judgement.errors.iter().filter(|error| error.holds());
    let failed: Vec<_> = failed.cloned().collect();
    if !failed.is_empty() {
        return Err(PolicyFailure(failed).into());
    }
    warnings.extend(judgement.verdicts.iter().map(|verdict| {
        let begins = match verdict {
            Verdict { refuses: false, .. } => "",
            Verdict { exempt: Some(_), .. } => EXEMPT,
            Verdict { .. } => AUDITED,
        };
        format!("{begins}{}", verdict.text)
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_one_policy_ended_all_it_is_let_through_only_if_none_would_hold() {
        let policy = |mode| PolicyName {
            policy: "a.policy.j2".to_owned(),
            mode,
        };
        let [audit, enforce] = [PolicyMode::Audit, PolicyMode::Enforce].map(policy);
        assert_eq!(mode_of_all(&[audit.clone(), audit.clone()]), PolicyMode::Audit);
        assert_eq!(mode_of_all(&[audit, enforce.clone()]), PolicyMode::Enforce);
        assert_eq!(mode_of_all(&[enforce]), PolicyMode::Enforce);
    }
}
