//! `native-submit diff`

mod live;
mod shown;

use super::{End, could_not_run, input, process, templates};
use crate::{
    authoring::diff::{ObjectDiff, compare, of_manifests},
    cli::output::message,
    manifest::Manifests,
    operator::{
        Origin,
        application::{self, SparkApplication, UnknownFields},
    },
    settings::SetSettings,
    spark::submission::{SparkVersion, SubmissionId, SubmitterContext},
    submitter::{self, SubmitError},
    templates::TemplateSets,
};
use clap::ValueEnum;
use serde::Serialize;
use std::path::PathBuf;

/// How differences are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// By object and field path.
    Text,
    /// Everything, for scripts.
    Json,
}

/// When to colour.
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The arguments of `diff`.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
#[command(after_help = "\
Objects are compared by what they mean: fields by path, items of lists by their name, properties and the executor pod \
template line by line; native-submit's own annotations are no difference. All values are printed, those of Secrets \
too. With --live the left side is what the cluster has, without status and without what the API server adds; the \
names follow from the live Pod's submission id. Exit codes: 0 no difference, 1 a difference, 2 wrong usage, 3 could \
not run.")]
pub(super) struct Diff {
    /// Files with a SparkApplication each, YAML or JSON; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,

    /// Directory with the templates as they were; the built-in ones without
    #[arg(long, value_name = "DIR", conflicts_with = "live")]
    from: Option<PathBuf>,

    /// Directory with the templates as they will be; the built-in ones without
    #[arg(long, value_name = "DIR", env = "TEMPLATE_DIR")]
    to: Option<PathBuf>,

    #[command(flatten)]
    sets: SetSettings,

    /// Compare with what is on the cluster instead of what templates make
    #[arg(long)]
    live: bool,

    /// Spark version of an application that names none, such as 4.0.1
    #[arg(long, env = "SPARK_VERSION", value_name = "VERSION")]
    spark_version: Option<SparkVersion>,

    /// How to print the differences
    #[arg(long, value_enum, default_value = "text")]
    output: Output,

    /// When to colour; auto is on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, default_value = "auto")]
    color: Color,
}

/// What differs for one file.
#[derive(Debug, Serialize)]
struct FileDiff {
    /// The file, as the command was given it.
    file: String,
    /// Why one side alone refuses the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
    /// The objects that differ.
    objects: Vec<ObjectDiff>,
}

/// One side refuses the application, and the other doesn't.
#[derive(Debug, Serialize)]
struct Refused {
    /// `from` or `to`.
    by: &'static str,
    /// Why.
    reason: String,
}

impl FileDiff {
    fn differs(&self) -> bool {
        self.refused.is_some() || !self.objects.is_empty()
    }
}

/// An application, read.
struct Asked {
    file: String,
    application: SparkApplication,
}

impl Diff {
    pub(super) fn run(self) -> End {
        self.differences().unwrap_or_else(|end| end)
    }

    fn differences(&self) -> Result<End, End> {
        if self.from.is_none() && self.to.is_none() && !self.live {
            message!("error: nothing to compare: give --from, --to (or TEMPLATE_DIR) or --live");
            return Err(End::Usage);
        }
        let set = |directory: &Option<PathBuf>| {
            templates::load(&self.sets.options(directory.clone())).map_err(|_| End::CouldNotRun)
        };
        let to = set(&self.to)?;
        let asked: Vec<_> = self
            .files
            .iter()
            .map(|file| asked(file))
            .collect::<Result<_, _>>()?;
        let files = if self.live {
            live::differences(asked, &self.context(), &to)?
        } else {
            let from = set(&self.from)?;
            let files = asked.into_iter().map(|asked| self.between(asked, &from, &to));
            files.collect::<Result<Vec<_>, _>>()?
        };
        let text = match self.output {
            Output::Text => shown::text(&files, self.colored()),
            Output::Json => format!("{:#}\n", serde_json::json!(files)),
        };
        if super::print(&text) == End::Refused {
            return Err(End::CouldNotRun);
        }
        let differs = files.iter().any(FileDiff::differs);
        Ok(if differs { End::Refused } else { End::Done })
    }

    fn colored(&self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::io::IsTerminal::is_terminal(&std::io::stdout())
                    && process::variable("NO_COLOR").is_none()
            }
        }
    }

    fn context(&self) -> SubmitterContext {
        process::application_context(0, self.spark_version.clone())
    }

    fn between(&self, asked: Asked, from: &TemplateSets, to: &TemplateSets) -> Result<FileDiff, End> {
        let Asked { file, application } = asked;
        let context = self.context();
        let made = |set| {
            manifests(
                &application,
                SubmissionId::nil(),
                input::Input::origin(),
                &context,
                set,
            )
        };
        let refused = |by, reason: SubmitError| {
            Some(Refused {
                by,
                reason: reason.to_string(),
            })
        };
        let (refused, objects) = match (made(from), made(to)) {
            (Ok(from), Ok(to)) => (None, compare(&of_manifests(&from), &of_manifests(&to))),
            (Ok(_), Err(reason)) => (refused("to", reason), Vec::new()),
            (Err(reason), Ok(_)) => (refused("from", reason), Vec::new()),
            (Err(_), Err(reason)) => return Err(could_not_run(&format!("{file}:\n{reason}"))),
        };
        Ok(FileDiff {
            file,
            refused,
            objects,
        })
    }
}

/// Reads the application of a file.
fn asked(file: &str) -> Result<Asked, End> {
    let text =
        input::read(file).map_err(|error| could_not_run(&format!("{file}: can't be read: {error}")))?;
    let parsed = application::parse(&text, UnknownFields::Refuse)
        .map_err(|error| could_not_run(&format!("{file}:\n{error}")))?;
    Ok(Asked {
        file: file.to_owned(),
        application: parsed.application,
    })
}

/// What an application becomes.
fn manifests(
    application: &SparkApplication,
    id: SubmissionId,
    origin: Origin,
    context: &SubmitterContext,
    sets: &TemplateSets,
) -> Result<Manifests, SubmitError> {
    let submission = submitter::intent(application.clone(), id, origin, context)?;
    submitter::manifests_by(&submission, context, sets)
}
