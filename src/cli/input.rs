//! What the commands that take an application have in common.

use super::{End, policy_facts::PolicyFacts, process, progress};
use crate::{
    authoring::{probe::probe, text_file::bounded_text},
    cli::output::message,
    finding::error_words,
    operator::{
        Origin,
        application::{
            ApplicationDocument, Parsed, SparkApplication, UnknownFields, each_document, is_empty_list,
            may_have_application, no_application,
        },
    },
    redaction::shown,
    settings::{ExecutorSettings, OperatorWebhookSetting, TemplateSettings},
    spark::submission::{
        self, Request, SparkVersion, Submission, SubmissionId, SubmitterContext, arguments, resolve,
    },
    strict, submitter,
    templates::{Fallback, TemplateStore},
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The name that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// The text of a file, or of standard input.
fn read(file: &Path) -> std::io::Result<String> {
    if file.as_os_str() == STANDARD_INPUT {
        let _typing = progress::Paused::begin();
        return bounded_text(std::io::stdin(), None);
    }
    let file = std::fs::File::open(file)?;
    let metadata = file.metadata()?;
    bounded_text(file, metadata.is_file().then_some(metadata.len()))
}

/// Why a file can't be used.
fn unread(error: &std::io::Error) -> String {
    format!("can't be read: {}", error_words(error))
}

/// What was found in the input: a label for messages, and an application or why it can't be used.
pub(super) type Found = (String, Result<ApplicationDocument, String>);

/// Takes each application of the files and directories that a command was given.
pub(super) fn each_application(files: &[PathBuf], take: &mut dyn FnMut(Found)) {
    for file in files {
        match file_names(file) {
            Ok(None) => _ = of_file(file, true, take),
            Ok(Some(names)) => {
                // Each file is read, whatever is found before.
                let found = names.iter().filter(|name| of_file(name, false, take)).count();
                if found == 0 {
                    let none = "there is no SparkApplication in it".to_owned();
                    take((file.display().to_string(), Err(none)));
                }
            }
            Err((path, error)) => take((path.display().to_string(), Err(unread(&error)))),
        }
    }
}

/// The files with YAML or JSON of a directory and those below it, by name; `None` for what is no directory. Hidden ones don't count, and a
/// directory that several links lead to counts once.
///
/// # Errors
/// What can't be read, and why.
fn file_names(directory: &Path) -> Result<Option<Vec<PathBuf>>, (PathBuf, std::io::Error)> {
    if directory.as_os_str() == STANDARD_INPUT || !directory.is_dir() {
        return Ok(None);
    }
    let mut names = Vec::new();
    let mut seen = BTreeSet::new();
    let mut folders = vec![(directory.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let failed = |error| (folder.clone(), error);
        if !seen.insert(folder.canonicalize().map_err(failed)?) {
            continue;
        }
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
            {
                continue;
            }
            let is_read = |ending| ["yaml", "yml", "json"].iter().any(|known| ending == *known);
            if path.is_dir() && depth < DEEPEST_FOLDER {
                folders.push((path, depth + 1));
            } else if path.extension().is_some_and(is_read) && path.is_file() {
                names.push(path);
            }
            if names.len() > MOST_FILES || seen.len() + folders.len() > MOST_FILES {
                let many = format!("expected at most {MOST_FILES} files or folders in it, found more");
                return Err((directory.to_owned(), std::io::Error::other(many)));
            }
        }
    }
    names.sort();
    Ok(Some(names))
}

/// How many folders below a directory are read.
const DEEPEST_FOLDER: usize = 8;

/// The most files, and the most folders, of one directory, lest a wrong path is read for hours.
const MOST_FILES: usize = 10_000;

/// Takes each application of a file; whether there is one, or an empty list of them. A file that must have one and has none is an
/// error.
fn of_file(path: &Path, must_have_one: bool, take: &mut dyn FnMut(Found)) -> bool {
    let file = &path.display().to_string();
    let text = match read(path) {
        Ok(text) => text,
        Err(error) => {
            take((file.clone(), Err(unread(&error))));
            return true;
        }
    };
    if !must_have_one && !may_have_application(&text) {
        return said_if_empty(path, &text);
    }
    // YAML allows what JSON doesn't, such as a comma behind the last field: in a file of JSON that is a mistake.
    let is_json = path.extension().is_some_and(|ending| ending == "json");
    if let Some(mistake) = is_json.then(|| strict::json_mistake(&text)).flatten() {
        take((file.clone(), Err(mistake.to_string())));
        return true;
    }
    let mut taken = false;
    each_document(&text, &mut |place, document| {
        if document
            .as_ref()
            .is_ok_and(|document| !must_have_one && !document.is_meant())
        {
            return;
        }
        taken = true;
        let name = document
            .as_ref()
            .map(ApplicationDocument::name)
            .unwrap_or_default();
        let label = match (&place[..], &name[..]) {
            ("", _) => file.clone(),
            (place, "") => format!("{file} ({place})"),
            (place, name) => format!("{file} ({place}, {name})"),
        };
        take((label, document.map_err(|error| error.to_string())));
    });
    if taken || said_if_empty(path, &text) {
        return true;
    }
    if must_have_one {
        take((file.clone(), Err(no_application(&text).to_string())));
    }
    must_have_one
}

/// Whether a file has an empty list of applications, which is then said.
fn said_if_empty(path: &Path, text: &str) -> bool {
    let is_empty = is_empty_list(text);
    if is_empty {
        say_empty(path);
    }
    is_empty
}

/// Says that a file has an empty list: that is no mistake, and may be a surprise.
pub(super) fn say_empty(path: &Path) {
    message!(
        "note: {}: the list is empty, so there is no application in it",
        path.display()
    );
}

/// The application, its identity, and its templates.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
pub(super) struct Input {
    /// File with SparkApplications, YAML or JSON, or a directory with such files; - for standard input
    #[arg(
        index = 1,
        value_name = "FILE|DIR|-",
        required_unless_present = "spark_submit",
        conflicts_with = "spark_submit"
    )]
    pub(super) file: Option<PathBuf>,

    /// Take spark-submit's arguments, after --, in place of a file
    #[arg(long)]
    pub(super) spark_submit: bool,

    /// The arguments of spark-submit
    #[arg(index = 2, last = true, value_name = "ARGS", requires = "spark_submit")]
    arguments: Vec<String>,

    /// Id of this submission; all generated names follow from it
    #[arg(long, value_name = "ID", value_parser = submission_id)]
    pub(super) submission_id: Option<SubmissionId>,

    /// Spark version of an application that names none, such as 4.0.1
    #[arg(long, env = "SPARK_VERSION", value_name = "VERSION")]
    pub(super) spark_version: Option<SparkVersion>,

    /// Namespace of an application that names none; one that names another is refused
    #[arg(short, long, value_name = "NAMESPACE", conflicts_with = "spark_submit")]
    pub(super) namespace: Option<String>,

    /// Who adds volumes, affinity, sidecars and more to the Pods: the operator's webhook (on) or native-submit (off). With auto,
    /// submit to a cluster asks the API server by a dry run of the driver Pod; render, context and submit to a directory take
    /// auto as off
    #[arg(long, env = "OPERATOR_WEBHOOK", value_enum, default_value = "auto")]
    operator_webhook: OperatorWebhookSetting,

    #[command(flatten)]
    executors: ExecutorSettings,

    #[command(flatten)]
    facts: PolicyFacts,

    #[command(flatten)]
    pub(super) templates: TemplateSettings,
}

/// The namespace of applications, as kubectl has it.
#[derive(Debug, Clone, Default)]
pub(super) struct NamespaceChoice {
    /// What `--namespace` says: an application must not name another.
    pub(super) given: Option<String>,
    /// Where an application without a namespace goes if nothing is given: that of the kubeconfig's context.
    pub(super) fallback: Option<String>,
}

impl NamespaceChoice {
    /// What a flag says; an empty one says nothing.
    pub(super) fn of_flag(namespace: Option<&String>) -> Self {
        Self {
            given: namespace.filter(|name| !name.is_empty()).cloned(),
            fallback: None,
        }
    }

    /// Gives an application its namespace if it names none.
    ///
    /// # Errors
    /// If it names another one than `--namespace` does.
    pub(super) fn put_into(&self, application: &mut SparkApplication) -> Result<(), String> {
        let named = application.metadata.namespace.as_deref();
        match (named.filter(|name| !name.is_empty()), &self.given) {
            (Some(found), Some(expected)) if found != expected => Err(format!(
                "metadata.namespace: expected {} (--namespace), found {}; leave out --namespace, or the field",
                shown(expected),
                shown(found)
            )),
            (Some(_), _) => Ok(()),
            (None, given) => {
                if let Some(namespace) = given.as_ref().or(self.fallback.as_ref()) {
                    application.metadata.namespace = Some(namespace.clone());
                }
                Ok(())
            }
        }
    }
}

fn submission_id(text: &str) -> Result<SubmissionId, String> {
    SubmissionId::new(text).map_err(|refusal| refusal.said.to_string())
}

impl Input {
    /// Every application of the file or directory; a misspelled field is an error. None is given where one is wrong.
    pub(super) fn applications(&self) -> Result<Vec<(String, ApplicationDocument)>, End> {
        let files: Vec<_> = self.file.iter().cloned().collect();
        let (mut applications, mut failed) = (Vec::new(), false);
        each_application(&files, &mut |(label, document)| match document {
            Ok(document) => applications.push((label, document)),
            Err(error) => {
                super::report(&format!("{label}:\n{error}"));
                failed = true;
            }
        });
        if failed {
            return Err(End::Refused);
        }
        Ok(applications)
    }

    /// What is to be submitted, from the file or the arguments; each with a label where there are several.
    pub(super) fn submissions(
        &self,
        default_id: SubmissionId,
        context: &SubmitterContext,
    ) -> Result<Vec<(String, Submission)>, End> {
        if self.spark_submit {
            return Ok(vec![(String::new(), self.arguments(default_id, context)?)]);
        }
        let id = self.submission_id.clone().unwrap_or(default_id);
        let applications = self.applications()?;
        let several = applications.len() > 1;
        let namespace = NamespaceChoice::of_flag(self.namespace.as_ref());
        let (mut submissions, mut failed) = (Vec::new(), false);
        for (label, document) in applications {
            let Ok(mut parsed) = parsed(&label, document) else {
                failed = true;
                continue;
            };
            if let Err(refusal) = namespace.put_into(&mut parsed.application) {
                failed = true;
                super::report(&format!("{label}:\n{refusal}"));
                continue;
            }
            parsed.application.generate_name(&id);
            match submitter::intent(parsed.application, id.clone(), self.origin(), context) {
                Ok(mut submission) => {
                    submission.warnings.append(parsed.warnings);
                    submissions.push((label, submission));
                }
                Err(error) => {
                    failed = true;
                    report_of(&label, several, &error);
                }
            }
        }
        if failed {
            return Err(End::Refused);
        }
        Ok(submissions)
    }

    /// The one application of the file, or the arguments.
    pub(super) fn submission(
        &self,
        default_id: SubmissionId,
        context: &SubmitterContext,
    ) -> Result<Submission, End> {
        let mut submissions = self.submissions(default_id, context)?;
        match (submissions.pop(), submissions.len()) {
            (Some((_, submission)), 0) => Ok(submission),
            (last, others) => {
                let file = self.file.as_deref().unwrap_or(Path::new(STANDARD_INPUT));
                let file = file.display();
                let found = others + usize::from(last.is_some());
                Err(super::report(&format!(
                    "{file}: expected one SparkApplication, found {found}"
                )))
            }
        }
    }

    /// What arguments of `spark-submit` ask for.
    fn arguments(&self, default_id: SubmissionId, context: &SubmitterContext) -> Result<Submission, End> {
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
        TemplateStore::start(self.templates.options(), Arc::new(probe), Fallback::Refuse)
    }

    /// Whether the cluster is to be asked if the webhook acts on the driver Pod.
    pub(super) fn asks_for_webhook(&self) -> bool {
        self.operator_webhook == OperatorWebhookSetting::Auto
    }

    /// Where an application from a file comes from: no operator, and a webhook only if the admin says so.
    pub(super) fn origin(&self) -> Origin {
        origin(self.operator_webhook)
    }

    /// The context of this process. Arguments see the whole environment, as `spark-submit` does.
    pub(super) fn context(&self, submit_time_ms: u64) -> Result<SubmitterContext, End> {
        let context = if self.spark_submit {
            process::spark_submit_context(submit_time_ms).map_err(|refusal| super::report(&refusal))?
        } else {
            process::application_context(submit_time_ms, None)
        };
        Ok(self.facts.within(SubmitterContext {
            spark_version: self.spark_version.clone().or(context.spark_version),
            executor_check: self.executors.executor_check,
            ..context
        }))
    }
}

/// Where an application from a file comes from.
pub(super) fn origin(webhook: OperatorWebhookSetting) -> Origin {
    Origin {
        webhook: webhook.of_file(),
        operator: false,
        unknown_fields: submission::UnknownFields::Refuse,
    }
}

/// Prints why an application is refused; with its label where there are several.
pub(super) fn report_of(label: &str, several: bool, error: &dyn std::fmt::Display) -> End {
    if several {
        super::report(&format!("{label}:\n{error}"))
    } else {
        super::report(error)
    }
}

/// The application of a document; what is wrong with it is printed.
pub(super) fn parsed(label: &str, document: ApplicationDocument) -> Result<Parsed, End> {
    let parsed = document.parse(UnknownFields::Refuse);
    parsed.map_err(|error| super::report(&format!("{label}:\n{error}")))
}
