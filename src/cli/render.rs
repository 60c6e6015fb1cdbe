//! `native-submit render`

use super::{
    End,
    input::{self, Input},
    output_format::DataFormat,
    templates,
};
use crate::{
    authoring::refusal::Refusal,
    cli::output::message,
    kubernetes,
    manifest::Manifests,
    server::now_ms,
    spark::submission::{Submission, SubmissionId, SubmitterContext},
    submitter::{self, PolicyFailure, SubmitError},
    templates::TemplateSets,
};
use std::fmt::Write;

/// The arguments of `render`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A file may have several applications: documents, or a List as kubectl get writes it. Other kinds are ignored. Of a \
ScheduledSparkApplication the template is rendered. If one application is refused, nothing is printed. The same file, templates and submission id always give the same output: the submit time is 0, and without \
--submission-id the id is the nil UUID. Exit codes: 0 printed, 1 refused, 2 wrong usage.")]
pub(super) struct Render {
    #[command(flatten)]
    input: Input,

    /// How to print the objects: yaml as documents, json as one List. First what must precede the Pod, then the Pod, then what it owns
    #[arg(short, long, value_enum, default_value = "yaml", value_name = "FORMAT")]
    output: DataFormat,

    /// Print also the Pod that Spark's driver will make for its first executor, and its claims; they are not created by
    /// native-submit, and have the annotation native-submit/not-created
    #[arg(long)]
    executor: bool,

    /// Print the documents as the templates write them, neither read nor checked
    #[arg(long, conflicts_with_all = ["executor", "output"])]
    raw: bool,
}

impl Render {
    pub(super) fn run(self) -> End {
        match self.objects() {
            Ok(text) => super::print(&text),
            Err(end) => end,
        }
    }

    fn objects(&self) -> Result<String, End> {
        // What it is given is rendered: whether samples would be, `check` says.
        let sets = templates::load(&self.input.templates.options())?;
        // Reproducible for a file; arguments are submitted now, as spark-submit would.
        let submit_time_ms = if self.input.spark_submit { now_ms() } else { 0 };
        let context = self.input.context(submit_time_ms)?;
        let submissions = self.input.submissions(SubmissionId::nil(), &context)?;
        if self.raw {
            return raw(&submissions, &context, &sets);
        }
        let several = submissions.len() > 1;
        let (mut objects, mut failed) = (Vec::new(), false);
        for (label, submission) in submissions {
            let manifests = match manifests(&submission, &context, &sets) {
                Ok(manifests) => manifests,
                Err(error) => {
                    input::report_of(&label, several, &error);
                    failed = true;
                    continue;
                }
            };
            let of = if several {
                format!("{label}: ")
            } else {
                String::new()
            };
            for warning in manifests.warnings.lines() {
                message!("warning: {of}{warning}");
            }
            objects.extend(manifests.for_files().map(|(_, object)| object));
            if self.executor {
                objects.extend(manifests.executor_for_show());
                if manifests.executor.is_err() {
                    message!("warning: {of}the executor Pod can't be known before the driver makes it");
                }
            }
        }
        if failed {
            return Err(End::Refused);
        }
        Ok(match self.output {
            DataFormat::Yaml => kubernetes::to_documents(&objects),
            DataFormat::Json => kubernetes::to_json_list(&objects),
        })
    }
}

/// The objects of a submission; or why there are none. The caller of a command with a template directory is its author.
fn manifests(
    submission: &Submission,
    context: &SubmitterContext,
    sets: &TemplateSets,
) -> Result<Manifests, String> {
    let set = sets.choose(submission);
    let set = set.map_err(|error| SubmitError::from(error).to_string())?;
    submitter::manifests(submission, context, &set).map_err(|error| match &error {
        SubmitError::Manifest(_) => Refusal::of(&error, submission, context, &set).located,
        SubmitError::PolicyFailed(PolicyFailure(errors)) => {
            for error in errors {
                super::report(error);
            }
            error.to_string()
        }
        _ => error.to_string(),
    })
}

/// Every document as text, each with its role and template before it, and the patch that would be merged onto it behind it.
fn raw(
    submissions: &[(String, Submission)],
    context: &SubmitterContext,
    sets: &TemplateSets,
) -> Result<String, End> {
    let mut text = String::new();
    for (label, submission) in submissions {
        let rendered = sets
            .choose(submission)
            .map_err(SubmitError::from)
            .and_then(|set| submitter::rendered(submission, context, &set));
        let rendered = rendered.map_err(|error| input::report_of(label, submissions.len() > 1, &error))?;
        for document in &rendered.documents {
            let mut part = |what: &str, template: &str, written: &str| {
                // Writing to a String cannot fail.
                let _ = write!(
                    text,
                    "--- # {what} ({template})\n{}\n",
                    written.trim_end_matches('\n')
                );
            };
            part(&document.role, &document.template, &document.text);
            for patch in &document.patches {
                part(
                    &format!("patch of {}", document.role),
                    &patch.template,
                    &patch.text,
                );
            }
            for patch in document.carried.iter().flat_map(|carried| &carried.patches) {
                part("patch of the executor pod template", &patch.template, &patch.text);
            }
        }
    }
    Ok(text)
}
