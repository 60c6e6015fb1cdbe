//! The last stage before the cluster: the administrators' policies over the finished objects.

use super::{PolicyFailure, PolicyRefusal, SubmitError};
use crate::{
    finding::Warnings,
    manifest::{self, Beside, Manifests},
    spark::{
        plan::DriverPlan,
        submission::{Submission, SubmitterContext},
    },
    templates::{Judgement, PolicyError, PolicyMode, RenderError, TemplateSet, Verdict},
};

/// What the refusal of a policy in audit mode begins with.
const AUDITED: &str = "a policy will refuse this (it is in audit mode): ";

/// What policies see beside the objects.
pub(super) fn beside(submission: &Submission, context: &SubmitterContext) -> Beside {
    Beside {
        user: context.user.clone(),
        entry_point: context.entry_point.to_owned(),
        labels: submission.application_labels.clone(),
        annotations: submission.application_annotations.clone(),
    }
}

/// Has the policies of a set, which has some, judge finished objects. Blocks where that happens in a render worker.
pub(super) fn judge(
    set: &TemplateSet,
    manifests: &mut Manifests,
    plan: &DriverPlan,
    beside: Beside,
) -> Result<Vec<Verdict>, SubmitError> {
    let judgement = set.judge(manifest::finished(manifests, plan, beside));
    outcome(set, judgement, &mut manifests.warnings)
}

/// The same, and waits for a render worker if it needs one.
pub(super) async fn judge_live(
    set: &TemplateSet,
    manifests: &mut Manifests,
    plan: &DriverPlan,
    beside: Beside,
) -> Result<Vec<Verdict>, SubmitError> {
    let judging = set.judge_live(manifest::finished(manifests, plan, beside));
    outcome(set, judging.await, &mut manifests.warnings)
}

/// What becomes of a submission. A refusal is one, whatever another policy failed at: to try again would not help.
fn outcome(
    set: &TemplateSet,
    judgement: Result<Judgement, RenderError>,
    warnings: &mut Warnings,
) -> Result<Vec<Verdict>, SubmitError> {
    let Judgement { verdicts, errors } = match judgement {
        Ok(judgement) => judgement,
        Err(RenderError::Unavailable(error)) => return Err(error.into()),
        // A limit of the worker: which policy it was stands in the error.
        Err(RenderError::Template(error)) => Judgement {
            verdicts: Vec::new(),
            errors: vec![PolicyError {
                policy: error.template.clone(),
                mode: PolicyMode::Enforce,
                error,
            }],
        },
    };
    for error in &errors {
        tracing::error!(
            template_set = set.id(),
            policy = error.policy,
            "a policy could not be evaluated: {}",
            error.error.brief()
        );
    }
    let (holding, rest): (Vec<_>, Vec<_>) = verdicts.into_iter().partition(Verdict::holds);
    if !holding.is_empty() {
        return Err(PolicyRefusal(holding).into());
    }
    let failed: Vec<_> = errors
        .into_iter()
        .filter(|error| error.mode == PolicyMode::Enforce)
        .collect();
    if !failed.is_empty() {
        return Err(PolicyFailure(failed).into());
    }
    warnings.extend(rest.iter().map(|verdict| {
        let audited = if verdict.refuses { AUDITED } else { "" };
        format!("{audited}{}", verdict.text)
    }));
    Ok(rest)
}
