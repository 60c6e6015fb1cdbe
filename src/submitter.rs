//! The pipeline: inform, intent, plan, render, check, policies, apply, in this order for every entry point.

mod audit;
mod error;
mod intent;
mod judge;
mod live;
mod owners;
mod request;
mod samples;
mod subject;

use crate::{
    cluster::{Events, Namespaces, OperatorWebhook, Sink, Submitted},
    finding::{Cut, Warnings, Words},
    kubernetes::{A_VOLUME, Findings},
    limits::{OBJECT, SHOWN_NAME},
    manifest::{self, Beside, Manifests, Terms},
    operator::{self, Origin},
    redaction::shown,
    spark::{
        plan::{self, DriverPlan},
        submission::{LeftToWebhook, Refusal, Submission, SubmissionId, SubmitterContext, UnmountedVolume},
    },
    telemetry::{Metrics, Stage, Stages},
    templates::{Judgement, Rendered, TemplateSet, TemplateSets, TemplateStore, UnknownNamespace},
};
pub(crate) use audit::PolicyOutcome;
pub use error::{PolicyFailure, PolicyRefusal, SubmitError};
pub use intent::{intent, submission_of};
pub use live::SpecSource;
pub use request::{RequestArguments, SubmitRequest};
pub use samples::{SampleFindings, probe, samples};

use audit::Audit;
use serde_json::Value;
use std::{borrow::Cow, io, sync::Arc, time::Instant};
use tracing::{info, warn};

/// Submits applications: templates and a place to put the objects, with everything measured.
#[derive(Debug)]
pub struct Submitter {
    /// The template sets, hot-reloaded.
    pub templates: Arc<TemplateStore>,
    /// Where objects go.
    pub sink: Sink,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where specifications come from.
    pub spec_source: SpecSource,
    /// The operator's webhook on the cluster; where this is `None`, what [`Origin`] says of it holds.
    pub webhook: Option<OperatorWebhook>,
    /// Where policies find the metadata of namespaces, if there is a cluster.
    pub namespaces: Option<Namespaces>,
    /// Where refusals are reported on the cluster, if they are.
    pub events: Option<Events>,
}

/// Whether objects are to exist afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are.
    Submit,
    /// The API server checks them, and stores nothing.
    DryRun,
}

/// What an entry point knows of a call besides the request.
#[derive(Debug)]
pub struct SubmitOptions<'c> {
    /// The caller's id of this attempt.
    pub id: SubmissionId,
    /// Who sends the application.
    pub origin: Origin,
    /// The submitter, as Spark sees it.
    pub context: &'c SubmitterContext,
    /// How long the caller waits, if there is a limit.
    pub deadline: Option<Instant>,
    /// Whether objects are to exist afterwards.
    pub mode: Mode,
}

/// A submission that succeeded.
#[derive(Debug)]
pub struct Accepted {
    /// What exists now.
    pub submitted: Submitted,
    /// The caller's id of this attempt.
    pub submission_id: String,
    /// The application's name.
    pub application_name: String,
    /// The template set that made what exists, `default@0123456789ab`.
    pub template_set: String,
    /// What was odd but not wrong.
    pub warnings: Vec<String>,
}

impl Submitter {
    /// Submits a request: the whole pipeline, up to the cluster. `stages` measures it.
    pub async fn submit(
        &self,
        request: SubmitRequest,
        options: SubmitOptions<'_>,
        stages: &mut Stages,
    ) -> Result<Accepted, SubmitError> {
        let SubmitOptions {
            id,
            origin,
            context,
            deadline,
            mode,
        } = options;
        // Boxed: a future that is passed on is kept once by each who passes it, which were tens of KiB for each call in flight.
        let about = request.application();
        let informing = Box::pin(self.inform(&request, origin, &context.reach, deadline));
        let informed = stages.wait(Stage::Inform, informing).await?;
        let submission = stages.run(Stage::Intent, || {
            intent::informed_submission(request, informed, id, origin, context)
        })?;
        let set = self.templates.current().choose(&submission)?;
        stages.rendered_with(set.id());
        let subject = audit::Subject::of(&submission, about.as_ref(), context);
        let audit = Audit {
            set: &set,
            subject: &subject,
            metrics: &self.metrics,
            // Only the caller learns of a dry run.
            events: self
                .events
                .as_ref()
                .zip(about.as_ref())
                .filter(|_| mode == Mode::Submit),
        };
        // The API server takes its time, and many wait for it at once: nothing but the manifests is left then.
        let beside = self.beside(&submission, context, &set).await;
        let (manifests, judgement) = Box::pin(made(submission, context, &set, beside, stages))
            .await
            .inspect_err(|error| audit.of_failure(error))?;
        audit.of(&judgement);
        let mut manifests = manifests;
        judge::settle(&set, &judgement, &mut manifests.warnings)
            .inspect_err(|error| self.note(&set, error))?;
        let manifests = Arc::new(manifests);
        drop((set, subject, judgement));
        let warnings = manifests.warnings.clone();
        let identity = manifests.identity.clone();
        let applying = Box::pin(async {
            match mode {
                Mode::Submit => self.sink.apply(manifests, deadline).await,
                Mode::DryRun => self.sink.dry_run(manifests, deadline).await,
            }
        });
        let submitted = stages.wait(Stage::Apply, applying).await?;
        let warnings: Vec<_> = warnings.lines().map(Cow::into_owned).collect();
        for warning in &warnings {
            warn!(pod = identity.pod_name, "{warning}");
        }
        info!(
            submission_id = identity.submission_id,
            namespace = identity.namespace,
            application = Cut(&identity.application_name, SHOWN_NAME).to_string(),
            pod = identity.pod_name,
            application_id = identity.application_id,
            template_set = submitted.template_set,
            outcome = submitted.outcome.name(),
            inform_ms = stages.milliseconds(Stage::Inform),
            intent_ms = stages.milliseconds(Stage::Intent),
            plan_ms = stages.milliseconds(Stage::Plan),
            render_ms = stages.milliseconds(Stage::Render),
            check_ms = stages.milliseconds(Stage::Check),
            policies_ms = stages.milliseconds(Stage::Policies),
            apply_ms = stages.milliseconds(Stage::Apply),
            "submitted"
        );
        Ok(Accepted {
            template_set: submitted.template_set.clone(),
            submitted,
            submission_id: identity.submission_id,
            application_name: identity.application_name,
            warnings,
        })
    }
}

impl Submitter {
    /// What policies see beside the objects, where the set has some. A namespace is looked up where one of them reads it.
    async fn beside(
        &self,
        submission: &Submission,
        context: &SubmitterContext,
        set: &TemplateSet,
    ) -> Option<Beside> {
        if !set.has_policies() {
            return None;
        }
        let mut beside = judge::beside(submission, context);
        if let (true, Err(_), Some(namespaces)) = (set.reads_namespace(), &beside.namespace, &self.namespaces)
        {
            let found = namespaces.of(submission.namespace()).await;
            beside.namespace = found.map_err(UnknownNamespace);
        }
        Some(beside)
    }

    /// Keeps what an administrator must know of a submission that failed.
    fn note(&self, set: &TemplateSet, error: &SubmitError) {
        if let SubmitError::PolicyFailed(PolicyFailure(errors)) = error {
            self.templates.policies_failed(set, errors);
        }
    }
}

/// The pipeline from plan to check, with the set that is this submission's.
pub fn manifests_by(
    submission: &Submission,
    context: &SubmitterContext,
    sets: &TemplateSets,
) -> Result<Manifests, SubmitError> {
    let set = sets.choose(submission)?;
    manifests(submission, context, &set)
}

/// The pipeline from plan to policies. A pure function.
pub fn manifests(
    submission: &Submission,
    context: &SubmitterContext,
    set: &TemplateSet,
) -> Result<Manifests, SubmitError> {
    let (mut manifests, judgement) = judged(submission, context, set)?;
    judge::settle(set, &judgement, &mut manifests.warnings)?;
    Ok(manifests)
}

/// The manifests of a submission, and all that policies said of them, whether they hold or not.
///
/// # Errors
/// Where there are no manifests to judge, or no render worker served it.
pub fn judged(
    submission: &Submission,
    context: &SubmitterContext,
    set: &TemplateSet,
) -> Result<(Manifests, Judgement), SubmitError> {
    let stages = &mut Stages::default();
    let plan = stages.run(Stage::Plan, || planned(submission, context, set))?;
    let rendered = stages.run(Stage::Render, || set.render(&plan))?;
    let manifests = checked(Rest::of(submission), context, &plan, &rendered, stages)?;
    let judgement = judge(submission, context, set, &plan, &manifests)?;
    Ok((manifests, judgement))
}

/// What the policies of a set say of manifests that were made with it, whether it holds or not.
///
/// # Errors
/// Where no render worker served it.
pub fn judge(
    submission: &Submission,
    context: &SubmitterContext,
    set: &TemplateSet,
    plan: &DriverPlan,
    manifests: &Manifests,
) -> Result<Judgement, SubmitError> {
    if !set.has_policies() {
        return Ok(Judgement::default());
    }
    judge::judge(set, manifests, plan, judge::beside(submission, context))
}

/// The documents of a submission as its templates write them: neither read nor checked.
///
/// # Errors
/// Where the submission is refused before it is rendered, or a template fails.
pub fn rendered(
    submission: &Submission,
    context: &SubmitterContext,
    set: &TemplateSet,
) -> Result<Rendered, SubmitError> {
    Ok(set.render(&planned(submission, context, set)?)?)
}

/// What of a submission is needed once its plan is there; the rest may be large.
struct Rest {
    unknown_fields: Vec<String>,
    left_to_webhook: LeftToWebhook,
    unmounted_volumes: Vec<UnmountedVolume>,
    warnings: Warnings,
}

impl Rest {
    fn of(submission: &Submission) -> Self {
        Self {
            unknown_fields: submission.unknown_fields(),
            left_to_webhook: submission.left_to_webhook.clone(),
            unmounted_volumes: submission.unmounted_volumes.clone(),
            warnings: submission.warnings.clone(),
        }
    }
}

/// What becomes of a submission of which policies said this: the refusal or failure that holds; else warnings.
///
/// # Errors
/// Where a policy refuses that holds, or one that would hold ended in an error.
pub fn settle(
    set: &TemplateSet,
    judgement: &Judgement,
    manifests: &mut Manifests,
) -> Result<(), SubmitError> {
    judge::settle(set, judgement, &mut manifests.warnings)
}

/// The manifests of a submission, and what policies said of them; a render worker is waited for where the set needs one.
async fn made(
    submission: Submission,
    context: &SubmitterContext,
    set: &TemplateSet,
    beside: Option<Beside>,
    stages: &mut Stages,
) -> Result<(Manifests, Judgement), SubmitError> {
    let plan = Arc::new(stages.run(Stage::Plan, || planned(&submission, context, set))?);
    let rest = Rest::of(&submission);
    drop(submission);
    let rendered = if set.is_here() {
        stages.run(Stage::Render, || set.render(&plan))?
    } else {
        let rendering = set.render_live(Arc::clone(&plan));
        stages.wait(Stage::Render, rendering).await?
    };
    let manifests = checked(rest, context, &plan, &rendered, stages)?;
    drop(rendered);
    let judgement = match beside {
        Some(beside) => {
            let judging = judge::judge_live(set, &manifests, &plan, beside);
            stages.wait(Stage::Policies, judging).await?
        }
        None => Judgement::default(),
    };
    Ok((manifests, judgement))
}

fn checked(
    submission: Rest,
    context: &SubmitterContext,
    plan: &DriverPlan,
    rendered: &Rendered,
    stages: &mut Stages,
) -> Result<Manifests, SubmitError> {
    let checked = stages.run(Stage::Check, || {
        let terms = Terms {
            passed_unknown_fields: &submission.unknown_fields,
            executor_check: context.executor_check,
            left_to_webhook: &submission.left_to_webhook,
        };
        manifest::check(rendered, plan, terms)
    });
    let mut manifests = checked.map_err(|findings| advised(findings, &submission.unmounted_volumes))?;
    for manifest in manifests.owned.iter().chain([&manifests.driver_pod]) {
        let name = manifest.value.pointer("/metadata/name").and_then(Value::as_str);
        OBJECT.holds(name.unwrap_or(&manifest.role), json_bytes(&manifest.value))?;
    }
    manifests.warnings.append(submission.warnings);
    Ok(manifests)
}

/// The findings, with advice for a mount of a volume that the application has and its role doesn't mount.
fn advised(mut findings: Findings, unmounted: &[UnmountedVolume]) -> Findings {
    for finding in findings.0.each() {
        let Some(found) = finding.said.found_for(A_VOLUME) else {
            continue;
        };
        let role = if finding.subject.is_of_executor() {
            "spec.executor."
        } else {
            "spec.driver."
        };
        let of_role =
            |volume: &&UnmountedVolume| volume.field.starts_with(role) && shown(&volume.name) == found;
        let fields: Vec<_> = unmounted
            .iter()
            .filter(of_role)
            .map(|volume| &volume.field[..])
            .collect();
        if !fields.is_empty() {
            let advice = format!(
                "spec.volumes has it, and a Pod gets only what its role mounts: add it to {}",
                fields.join(" or ")
            );
            finding.said = finding.said.clone().further(Words::own(advice));
        }
    }
    findings
}

/// The plan of a submission. Where the set has a say in executors and the submission brings no template for them, it gets one
/// with nothing in it, for else the set's would be written nowhere.
///
/// # Errors
/// What Spark refuses; and a conf that would keep the set's say in executors from them.
pub(crate) fn planned(
    submission: &Submission,
    context: &SubmitterContext,
    set: &TemplateSet,
) -> Result<DriverPlan, Refusal> {
    // A value that is shown may have come from another key, where it is a secret.
    let hidden = |refusal: Refusal| {
        if submission.conf.has_references() {
            refusal.without_values()
        } else {
            refusal
        }
    };
    let plan = plan::plan(submission, context).map_err(hidden)?;
    if !set.changes_executors() {
        return Ok(plan);
    }
    if submission.executor_template.is_some() {
        return plan::carries_executor_template(&plan).map(|()| plan);
    }
    let mut with_template = submission.clone();
    with_template.executor_template = Some(operator::executor_template());
    let with_template = plan::plan(&with_template, context).map_err(hidden)?;
    plan::carries_executor_template(&with_template)?;
    Ok(DriverPlan {
        known_by: Some(manifest::plan_hash(&plan)),
        ..with_template
    })
}

/// How long a value's JSON is, without writing it anywhere.
fn json_bytes(value: &Value) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            self.0 += piece.len();
            Ok(piece.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // A value that can't be written is refused where it is sent.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}
