//! `native-submit render`

use super::{End, input::Input};
use crate::{cli::output::message, kubernetes, server::now_ms, spark::submission::SubmissionId, submitter};
use clap::ValueEnum;

/// How objects are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Documents: what must precede the Pod, the Pod, then what it owns.
    Yaml,
    /// One List.
    Json,
}

/// The arguments of `render`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The same file, templates and submission id always give the same output: the submit time is 0, and without \
--submission-id the id is the nil UUID. Exit codes: 0 printed, 1 refused, 2 wrong usage.")]
pub(super) struct Render {
    #[command(flatten)]
    input: Input,

    /// How to print the objects
    #[arg(long, value_enum, default_value = "yaml")]
    output: Output,

    /// Print also the Pod that Spark's driver will make for its first executor, and its claims; they are not created by
    /// native-submit, and have the annotation native-submit/not-created
    #[arg(long)]
    executor: bool,
}

impl Render {
    pub(super) fn run(self) -> End {
        match self.objects() {
            Ok(text) => super::print(&text),
            Err(end) => end,
        }
    }

    fn objects(&self) -> Result<String, End> {
        let sets = self.input.templates().current();
        // Reproducible for a file; arguments are submitted now, as spark-submit would.
        let submit_time_ms = if self.input.spark_submit { now_ms() } else { 0 };
        let context = self.input.context(submit_time_ms)?;
        let submission = self.input.submission(SubmissionId::nil(), &context)?;
        let manifests =
            submitter::manifests_by(&submission, &context, &sets).map_err(|error| super::report(&error))?;
        for warning in manifests.warnings.lines() {
            message!("warning: {warning}");
        }
        let mut objects: Vec<_> = manifests.for_files().map(|(_, object)| object).collect();
        if self.executor {
            objects.extend(manifests.executor_for_show());
            if manifests.executor.is_none() {
                message!("warning: the executor Pod can't be known before the driver makes it");
            }
        }
        Ok(match self.output {
            Output::Yaml => kubernetes::to_documents(&objects),
            Output::Json => kubernetes::to_json_list(&objects),
        })
    }
}
