//! The spine: the one road from a submission to objects, in the order of its stages.

mod asked;
mod behind;
mod error;
mod live;
mod samples;
mod subject;

pub use asked::{Asked, Unversioned};
pub use error::SubmitError;
use live::Informed;
pub use live::SpecSource;
pub use samples::{probe, samples};

use crate::{
    application::{self, SparkApplication},
    cluster::{OperatorWebhook, Sink, Submitted},
    manifest::{self, Manifests},
    plan::{self, DriverPlan},
    submission::{self, Origin, Refusal, Submission, SubmissionId, SubmitterContext},
    telemetry::{Metrics, Stage, Stages},
    templates::{TemplateSet, TemplateSets, TemplateStore},
};
use std::{sync::Arc, time::Instant};
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
}

/// Whether objects are to exist afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are.
    Submit,
    /// The API server is asked whether it would take them, and keeps nothing.
    DryRun,
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
    /// The template set that was used, `default@0123456789ab`.
    pub template_set: String,
    /// What was odd but not wrong.
    pub warnings: Vec<String>,
}

impl Submitter {
    /// Submits what was asked for: the whole road, up to the cluster.
    pub async fn submit(
        &self,
        asked: Asked,
        id: SubmissionId,
        origin: Origin,
        context: &SubmitterContext,
        deadline: Option<Instant>,
        mode: Mode,
    ) -> Result<Accepted, SubmitError> {
        let mut stages = Stages::counted(Arc::clone(&self.metrics));
        // Boxed: a future that is passed on is kept once by each who passes it, which were tens of KiB for each call in flight.
        let informing = Box::pin(async {
            let webhook = self.webhook(&asked, origin).await;
            let origin = Origin { webhook, ..origin };
            let informed = self.informed(asked, origin, context, deadline).await?;
            Ok::<_, SubmitError>((informed, origin))
        });
        let (informed, origin) = stages.wait(Stage::Inform, informing).await?;
        let submission = match informed {
            Informed::Arguments(submission) => *submission,
            Informed::Application(parsed) => stages.run(Stage::Intent, || {
                let mut submission = intent(parsed.application, id, origin, context)?;
                submission.warnings.extend(parsed.warnings);
                Ok::<_, SubmitError>(submission)
            })?,
        };
        let set = self.templates.current().choose(&submission)?;
        let manifests = Arc::new(measured(&submission, context, &set, &mut stages)?);
        // The API server takes its time, and many wait for it at once.
        drop((submission, set));
        let warnings = manifests.warnings.clone();
        let identity = manifests.identity.clone();
        let applying = Box::pin(async {
            match mode {
                Mode::Submit => self.sink.apply(manifests, deadline).await,
                Mode::DryRun => self.sink.dry_run(manifests, deadline).await,
            }
        });
        let submitted = stages.wait(Stage::Apply, applying).await?;
        for warning in &warnings {
            warn!(pod = identity.pod_name, "{warning}");
        }
        info!(
            submission_id = identity.submission_id,
            namespace = identity.namespace,
            application = identity.application_name,
            pod = identity.pod_name,
            application_id = identity.application_id,
            template_set = identity.template_set,
            outcome = submitted.outcome.name(),
            inform_ms = stages.milliseconds(Stage::Inform),
            intent_ms = stages.milliseconds(Stage::Intent),
            plan_ms = stages.milliseconds(Stage::Plan),
            render_ms = stages.milliseconds(Stage::Render),
            check_ms = stages.milliseconds(Stage::Check),
            apply_ms = stages.milliseconds(Stage::Apply),
            "submitted"
        );
        Ok(Accepted {
            submitted,
            submission_id: identity.submission_id,
            application_name: identity.application_name,
            template_set: identity.template_set,
            warnings,
        })
    }
}

/// What is to be submitted: the application with the operator's defaults, found valid, and translated.
pub fn intent(
    mut application: SparkApplication,
    id: SubmissionId,
    origin: Origin,
    context: &SubmitterContext,
) -> Result<Submission, SubmitError> {
    application::apply_defaults(&mut application);
    application::validate(&application)?;
    let mut submission = submission::from_application(&application, id, origin, context)?;
    submission.warnings.extend(application::warnings(&application));
    Ok(submission)
}

/// The road without its last step, with the set that is this submission's.
pub fn manifests_by(
    submission: &Submission,
    context: &SubmitterContext,
    sets: &TemplateSets,
) -> Result<Manifests, SubmitError> {
    let set = sets.choose(submission)?;
    manifests(submission, context, &set)
}

/// The road without its last step: plan, render, check. A pure function.
pub fn manifests(
    submission: &Submission,
    context: &SubmitterContext,
    set: &TemplateSet,
) -> Result<Manifests, SubmitError> {
    measured(submission, context, set, &mut Stages::default())
}

fn measured(
    submission: &Submission,
    context: &SubmitterContext,
    set: &TemplateSet,
    stages: &mut Stages,
) -> Result<Manifests, SubmitError> {
    let plan = stages.run(Stage::Plan, || planned(submission, context, set))?;
    let rendered = stages.run(Stage::Render, || set.render(&plan))?;
    let checked = stages.run(Stage::Check, || {
        manifest::check(
            &rendered,
            &plan,
            &submission.unknown_fields(),
            context.executor_check,
        )
    });
    let mut manifests = checked?;
    manifests.warnings.extend(submission.warnings.iter().cloned());
    Ok(manifests)
}

/// The plan of a submission. Where the set has a say in executors and the submission brings no template for them, it gets one
/// with nothing in it, for else the set's would be written nowhere.
fn planned(
    submission: &Submission,
    context: &SubmitterContext,
    set: &TemplateSet,
) -> Result<DriverPlan, Refusal> {
    let plan = plan::plan(submission, context)?;
    if submission.executor_template.is_some() || !set.changes_executors() {
        return Ok(plan);
    }
    let mut with_template = submission.clone();
    with_template.executor_template = Some(submission::executor_template());
    Ok(DriverPlan {
        known_by: Some(manifest::plan_hash(&plan)),
        ..plan::plan(&with_template, context)?
    })
}
