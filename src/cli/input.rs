//! What the commands that take an application have in common.

use super::{End, process};
use crate::{
    limits::APPLICATION_LIST,
    operator::{
        Origin, Webhook,
        application::{self, Parsed, UnknownFields},
    },
    settings::{ExecutorSettings, TemplateSettings},
    spark::submission::{
        self, Request, SparkVersion, Submission, SubmissionId, SubmitterContext, arguments, resolve,
    },
    submitter,
    templates::{Fallback, TemplateStore},
};
use std::{io::Read, sync::Arc};

/// The text of a file, or of standard input.
pub(super) fn read(file: &str) -> std::io::Result<String> {
    if file == "-" {
        return bounded(std::io::stdin());
    }
    bounded(std::fs::File::open(file)?)
}

/// As much as the longest list of applications may have.
fn bounded(source: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    source
        .take(APPLICATION_LIST.most as u64 + 1)
        .read_to_string(&mut text)?;
    let held = APPLICATION_LIST.holds("", text.len());
    held.map_err(|over| std::io::Error::new(std::io::ErrorKind::FileTooLarge, over))?;
    Ok(text)
}

/// The application, its identity, and its templates.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
pub(super) struct Input {
    /// File with a SparkApplication, YAML or JSON; - for standard input
    #[arg(
        value_name = "FILE|-",
        required_unless_present = "spark_submit",
        conflicts_with = "spark_submit"
    )]
    pub(super) file: Option<String>,

    /// Take spark-submit's arguments, after --, in place of a file
    #[arg(long)]
    pub(super) spark_submit: bool,

    /// The arguments of spark-submit
    #[arg(last = true, value_name = "ARGS", requires = "spark_submit")]
    arguments: Vec<String>,

    /// Id of this submission; all generated names follow from it
    #[arg(long, value_name = "ID", value_parser = submission_id)]
    pub(super) submission_id: Option<SubmissionId>,

    /// Spark version of an application that names none, such as 4.0.1
    #[arg(long, env = "SPARK_VERSION", value_name = "VERSION")]
    pub(super) spark_version: Option<SparkVersion>,

    #[command(flatten)]
    executors: ExecutorSettings,

    #[command(flatten)]
    pub(super) templates: TemplateSettings,
}

fn submission_id(text: &str) -> Result<SubmissionId, String> {
    SubmissionId::new(text).map_err(|refusal| refusal.said.to_string())
}

impl Input {
    /// The name of the file, for messages.
    fn file(&self) -> &str {
        self.file.as_deref().unwrap_or("-")
    }

    /// The text of the file.
    pub(super) fn text(&self) -> Result<String, End> {
        read(self.file()).map_err(|error| super::report(&format!("{}: can't be read: {error}", self.file())))
    }

    /// The application in the file; a misspelled field is an error.
    pub(super) fn application(&self) -> Result<Parsed, End> {
        self.parsed(&self.text()?)
    }

    /// The application in the file's text; a misspelled field is an error.
    pub(super) fn parsed(&self, text: &str) -> Result<Parsed, End> {
        application::parse(text, UnknownFields::Refuse)
            .map_err(|error| super::report(&format!("{}:\n{error}", self.file())))
    }

    /// What is to be submitted, from the file or the arguments.
    pub(super) fn submission(
        &self,
        default_id: SubmissionId,
        context: &SubmitterContext,
    ) -> Result<Submission, End> {
        if !self.spark_submit {
            let id = self.submission_id.clone().unwrap_or(default_id);
            return submitter::intent(self.application()?.application, id, Self::origin(), context)
                .map_err(|error| super::report(&error));
        }
        let request = Request {
            id: self.submission_id.clone(),
            default_id: Some(default_id),
            ..Request::default()
        };
        let arguments = arguments::parse(&self.arguments).map_err(|error| super::report(&error))?;
        resolve(arguments, request, context).map_err(|refusal| super::report(&refusal))
    }

    /// The templates: the built-in ones, or with the overrides of the directory. A set that fails a sample is refused,
    /// as it would be by a server.
    pub(super) fn templates(&self) -> TemplateStore {
        TemplateStore::start(
            self.templates.options(),
            Arc::new(submitter::probe),
            Fallback::Refuse,
        )
    }

    /// Where an application from a file comes from: no operator, and so no webhook.
    pub(super) fn origin() -> Origin {
        Origin {
            webhook: Webhook::Off,
            operator: false,
            unknown_fields: submission::UnknownFields::Refuse,
        }
    }

    /// The context of this process. Arguments see the whole environment, as `spark-submit` does.
    pub(super) fn context(&self, submit_time_ms: u64) -> Result<SubmitterContext, End> {
        let context = if self.spark_submit {
            process::spark_submit_context(submit_time_ms).map_err(|refusal| super::report(&refusal))?
        } else {
            process::application_context(submit_time_ms, None)
        };
        Ok(SubmitterContext {
            spark_version: self.spark_version.clone().or(context.spark_version),
            executor_check: self.executors.executor_check,
            ..context
        })
    }
}
