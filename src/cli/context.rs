//! `native-submit context`

use super::{End, input::Input};
use crate::{
    authoring::context::{self, TemplateContext},
    cli::output::message,
    kubernetes::to_yaml,
    server::now_ms,
    spark::submission::SubmissionId,
};
use clap::ValueEnum;
use serde_json::Value;

/// How the context is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Json,
    Yaml,
}

/// The arguments of `context`.
#[derive(Debug, clap::Args)]
#[command(override_usage = "\
native-submit context [OPTIONS] <FILE|-> [-- <ARGS>...]
       native-submit context --schema [--output <OUTPUT>]")]
#[command(mut_arg("file", |file| file.required_unless_present("schema")))]
#[command(after_help = "\
The context has everything that a template can name, values of Secrets included: keep it as you keep those. Its field \
context_version grows when a field is removed or changes its meaning. What each field means is in --schema, and in \
docs/template-reference.md. Without --submission-id the id is the nil UUID, and the submit time is 0. Exit codes: \
0 printed, 1 refused, 2 wrong usage.")]
pub(super) struct Context {
    /// Print the JSON Schema of the context instead; takes no application
    #[arg(long, conflicts_with_all = ["file", "spark_submit"])]
    schema: bool,

    #[command(flatten)]
    input: Input,

    /// How to print the context
    #[arg(long, value_enum, default_value = "json")]
    output: Output,
}

impl Context {
    pub(super) fn run(self) -> End {
        let printed = if self.schema {
            Ok(context::schema())
        } else {
            of(&self.input)
        };
        match printed {
            Ok(value) => super::print(&match self.output {
                Output::Json => format!("{value:#}\n"),
                Output::Yaml => to_yaml(&value),
            }),
            Err(end) => end,
        }
    }
}

fn of(input: &Input) -> Result<Value, End> {
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
    serde_json::to_value(context).map_err(|error| super::report(&error))
}
