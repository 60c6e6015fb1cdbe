//! `native-submit context`

use super::{End, input::Input, output_format::DataFormat};
use crate::{
    authoring::{
        context::{self, TemplateContext},
        mask::{REDACTION, Secrets},
    },
    cli::output::message,
    server::now_ms,
    spark::submission::SubmissionId,
    submitter,
};
use serde_json::Value;

/// The arguments of `context`.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
#[command(override_usage = "\
native-submit context [OPTIONS] <FILE|-> [-- <ARGS>...]
       native-submit context --schema [--output <FORMAT>]")]
#[command(mut_arg("file", |file| file.required_unless_present("schema")))]
#[command(after_help = "\
The context has everything that a template can name. The data of Secrets, and properties, variables and arguments that match \
spark.redaction.regex, are masked without --show-secrets. Its field \
context_version grows when a field is removed or changes its meaning. What each field means is in --schema, and in \
docs/template-reference.md. Without --submission-id the id is the nil UUID, and the submit time is 0. Exit codes: \
0 printed, 1 refused, 2 wrong usage.")]
pub(super) struct Context {
    /// Print the JSON Schema of the context instead; takes no application
    #[arg(long, conflicts_with_all = ["file", "spark_submit"])]
    schema: bool,

    #[command(flatten)]
    input: Input,

    /// Print also executor_pod: the Pod that Spark's driver will make for its first executor, and its claims. Templates can't
    /// name it; the application is rendered for it
    #[arg(long, conflicts_with = "schema")]
    executor: bool,

    /// Print the values of secrets, too
    #[arg(long)]
    show_secrets: bool,

    /// How to print the context
    #[arg(short, long, value_enum, default_value = "json", value_name = "FORMAT")]
    output: DataFormat,
}

impl Context {
    pub(super) fn run(self) -> End {
        let printed = if self.schema {
            Ok(context::schema())
        } else {
            self.of_application()
        };
        match printed {
            Ok(value) => self.output.print(&value),
            Err(end) => end,
        }
    }
}

impl Context {
    fn of_application(&self) -> Result<Value, End> {
        let input = &self.input;
        let submit_time_ms = if input.spark_submit { now_ms() } else { 0 };
        let submitter = input.context(submit_time_ms)?;
        let submission = input.submission(SubmissionId::nil(), &submitter)?;
        let sets = super::templates::load(&input.templates.options())?;
        let set = sets.choose(&submission).map_err(|error| super::report(&error))?;
        for warning in submission.warnings.lines() {
            message!("warning: {warning}");
        }
        let context: TemplateContext =
            context::of(&submission, &submitter, set.id()).map_err(|refusal| super::report(&refusal))?;
        let secrets = Secrets::of(context.plan.properties.get(REDACTION).map(String::as_str));
        let mut value = serde_json::to_value(context).map_err(|error| super::report(&error))?;
        if self.executor {
            let manifests = submitter::manifests(&submission, &submitter, &set);
            let manifests = manifests.map_err(|error| super::report(&error))?;
            if manifests.executor.is_err() {
                message!("warning: the executor Pod can't be known before the driver makes it");
            }
            value["executor_pod"] = manifests.executor_for_show().into();
        }
        if !self.show_secrets {
            secrets.hide(&mut value);
        }
        Ok(value)
    }
}
