//! What the commands that take an application have in common.

use super::End;
use crate::{
    application::{self, SparkApplication, UnknownFields},
    settings::TemplateSettings,
    submission::{self, Origin, Reach, SparkVersion, SubmissionId, SubmitterContext, Webhook},
    templates::{self, TemplateSet},
};
use std::{
    io::Read,
    time::{SystemTime, UNIX_EPOCH},
};

/// The file with the application, its identity, and its templates.
#[derive(Debug, clap::Args)]
pub(super) struct Input {
    /// File with a SparkApplication, YAML or JSON; - for standard input
    #[arg(value_name = "FILE|-")]
    pub(super) file: String,

    /// Id of this submission; all generated names follow from it
    #[arg(long, value_name = "ID", value_parser = submission_id)]
    pub(super) submission_id: Option<SubmissionId>,

    /// Spark version of an application that names none, such as 4.0.1
    #[arg(long, env = "SPARK_VERSION", value_name = "VERSION")]
    pub(super) spark_version: Option<SparkVersion>,

    #[command(flatten)]
    pub(super) templates: TemplateSettings,
}

fn submission_id(text: &str) -> Result<SubmissionId, String> {
    SubmissionId::new(text).map_err(|refusal| refusal.message)
}

impl Input {
    /// The text of the file.
    pub(super) fn text(&self) -> Result<String, End> {
        let read = if self.file == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| text)
        } else {
            std::fs::read_to_string(&self.file)
        };
        read.map_err(|error| super::report(&format!("{}: can't be read: {error}", self.file)))
    }

    /// The application in the file; a misspelled field is an error.
    pub(super) fn application(&self) -> Result<SparkApplication, End> {
        match application::parse(&self.text()?, UnknownFields::Refuse) {
            Ok(parsed) => Ok(parsed.application),
            Err(error) => Err(super::report(&format!("{}:\n{error}", self.file))),
        }
    }

    /// The template set: the built-in one, or with the overrides of the directory.
    pub(super) fn template_set(&self) -> Result<TemplateSet, End> {
        let Some(directory) = &self.templates.template_dir else { return Ok(TemplateSet::builtin()) };
        let loaded = templates::read_directory(directory).map_err(|error| super::report(&error))?;
        TemplateSet::load(&loaded).map_err(|error| super::report(&error))
    }

    /// Where an application from a file comes from: no operator, and so no webhook.
    pub(super) fn origin() -> Origin {
        Origin { webhook: Webhook::Off, operator: false, unknown_fields: submission::UnknownFields::Refuse }
    }

    /// The context of an application from a file. `SPARK_USER` and the cluster's address are those of the
    /// environment, as the operator has them.
    pub(super) fn context(&self, submit_time_ms: u64) -> SubmitterContext {
        let golden = SubmitterContext::golden();
        SubmitterContext {
            submit_time_ms,
            user: variable("SPARK_USER").unwrap_or(golden.user),
            master: master().unwrap_or(golden.master),
            spark_version: self.spark_version.clone(),
            working_directory: std::env::current_dir().unwrap_or(golden.working_directory),
            reach: Reach::Process,
            ..SubmitterContext::golden()
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The API server as the operator names it to `spark-submit`; an IPv6 address gets brackets.
pub(super) fn master() -> Option<String> {
    let host = variable("KUBERNETES_SERVICE_HOST")?;
    let port = variable("KUBERNETES_SERVICE_PORT")?;
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    Some(format!("k8s://https://{host}:{port}"))
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
