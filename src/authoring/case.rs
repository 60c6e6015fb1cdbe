//! A case: an application, and what differs from the context of golden files.
//!
//! On disk it is a folder with `application.yaml` and at most a `case.yaml`; beside them its golden files.

use super::text_file::read_text;
use crate::{
    finding::error_words,
    kubernetes::to_yaml,
    operator::{
        Origin, Webhook,
        application::{ApplicationDocument, ApplicationError, UnknownFields, documents, is_empty_list},
    },
    spark::submission::{
        self, EntryPoint, ExecutorCheck, NamespaceMetadata, SparkVersion, Submission, SubmissionId,
        SubmitterContext,
    },
    strict,
    submitter::{self, SubmitError},
};
use serde::Deserialize;
use serde_json::Value;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The file with the application.
pub const APPLICATION: &str = "application.yaml";

/// The file with what differs from the fixed values of golden files.
pub const SETTINGS: &str = "case.yaml";

/// The role, and so the file, of the executor Pod and its claims.
pub const EXECUTOR: &str = "pod-executor";

/// The file with what must hold of single fields.
pub const EXPECTATIONS: &str = "expect.yaml";

/// The file with the refusal, in a case that must be refused.
pub const REFUSAL: &str = "error.txt";

/// The most cases of one directory, lest a wrong path is searched for hours.
const MOST_CASES: usize = 10_000;

/// One application, and how it is submitted.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its folder's name, or the sample's.
    pub name: String,
    /// Whether it must be refused: it has an `error.txt`.
    pub must_be_refused: bool,
    /// Where its application is; none for a sample.
    path: Option<PathBuf>,
    application: Result<ApplicationDocument, ApplicationError>,
    terms: Terms,
}

/// How a case is submitted.
#[derive(Debug, Clone)]
struct Terms {
    id: SubmissionId,
    origin: Origin,
    context: SubmitterContext,
}

/// What a `case.yaml` may say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Settings {
    /// Who adds what the operator leaves to its webhook: the webhook (`on`), or native-submit.
    webhook: WebhookSetting,
    /// Whether the operator sends it, which makes some objects itself.
    operator: bool,
    /// The submission id; the nil UUID where none is given.
    submission_id: Option<String>,
    /// The Spark version of an application that names none.
    spark_version: Option<String>,
    /// `SPARK_USER`.
    user: Option<String>,
    /// The entry point that policies see: `grpc`, `rest`, `spark-submit` or `command-line`.
    entry_point: EntryPoint,
    /// The labels and annotations of the namespace, for policies.
    namespace: NamespaceMetadata,
    /// `EXECUTOR_CHECK`.
    executor_check: ExecutorCheck,
    /// The master that Spark gets, `k8s://https://host:port`.
    master: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WebhookSetting {
    On,
    #[default]
    Off,
}

/// Why a case can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// A file or folder can't be read or written.
    #[error("{}: {}", path.display(), error_words(error))]
    Unusable {
        /// The path.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// `case.yaml` or `expect.yaml` has a mistake.
    #[error("{}: {message}", path.display())]
    Settings {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A directory of cases without any.
    #[error("{}: there is no case in it: a case is a folder with {APPLICATION}", .0.display())]
    None(PathBuf),
    /// A case with several applications, of which each would have the same golden files.
    #[error("{}: expected one SparkApplication, found {count}; give each a case of its own", path.display())]
    Several {
        /// The path.
        path: PathBuf,
        /// How many there are.
        count: usize,
    },
    /// A case with an empty list, where one application is needed.
    #[error("{}: expected one SparkApplication, found an empty list", .0.display())]
    Empty(PathBuf),
    /// A directory with too many folders.
    #[error("{}: expected at most {MOST_CASES} cases in it, found more", .0.display())]
    TooMany(PathBuf),
}

impl CaseError {
    pub(super) fn unusable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |error| Self::Unusable { path, error }
    }
}

/// The folders with cases in a directory, by name. Every folder counts but hidden ones.
pub fn folders(directory: &Path) -> Result<Vec<PathBuf>, CaseError> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(directory).map_err(CaseError::unusable(directory))? {
        let path = entry.map_err(CaseError::unusable(directory))?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            // `golden update` writes there.
            stays_within(&path, directory).map_err(CaseError::unusable(&path))?;
            folders.push(path);
        }
        if folders.len() > MOST_CASES {
            return Err(CaseError::TooMany(directory.to_owned()));
        }
    }
    if folders.is_empty() {
        return Err(CaseError::None(directory.to_owned()));
    }
    folders.sort();
    Ok(folders)
}

fn stays_within(folder: &Path, directory: &Path) -> io::Result<()> {
    if !folder.is_symlink() || folder.canonicalize()?.starts_with(directory.canonicalize()?) {
        return Ok(());
    }
    Err(io::Error::other(
        "expected a folder of this directory, found a link that leads out of it",
    ))
}

impl Case {
    /// Reads the case of a folder, which has one application.
    ///
    /// # Errors
    /// Where a file can't be read, `case.yaml` has a mistake, or there are several applications. One that can't be understood is
    /// no error here: it is refused.
    pub fn read(folder: &Path) -> Result<Self, CaseError> {
        let mut cases = Self::read_each(folder)?;
        match (cases.pop(), cases.len()) {
            (Some(case), 0) => Ok(case),
            (None, _) => Err(CaseError::Empty(folder.join(APPLICATION))),
            (Some(_), others) => Err(CaseError::Several {
                path: folder.join(APPLICATION),
                count: others + 1,
            }),
        }
    }

    /// Reads a case for each application of a folder. An empty list, as `kubectl get` writes it, has none.
    ///
    /// # Errors
    /// Where a file can't be read, or `case.yaml` has a mistake.
    pub fn read_each(folder: &Path) -> Result<Vec<Self>, CaseError> {
        let path = folder.join(APPLICATION);
        let text = read_text(&path).map_err(CaseError::unusable(&path))?;
        let path = folder.join(SETTINGS);
        let terms = match read_text(&path) {
            Ok(text) => terms(&text).map_err(|message| CaseError::Settings { path, message })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Terms::golden(Webhook::Off),
            Err(error) => return Err(CaseError::Unusable { path, error }),
        };
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let must_be_refused = folder.join(REFUSAL).exists();
        if is_empty_list(&text) {
            return Ok(Vec::new());
        }
        let cases = documents(&text).into_iter().map(|(place, application)| Self {
            name: match (&place[..], &application) {
                ("", _) => name.clone().into_owned(),
                (_, Ok(document)) => format!("{name}/{}", document.name()),
                (place, Err(_)) => format!("{name}/{place}"),
            },
            must_be_refused,
            path: Some(folder.join(APPLICATION)),
            application,
            terms: terms.clone(),
        });
        Ok(cases.collect())
    }

    /// Every built-in sample, with the operator's webhook and without.
    pub fn samples() -> Vec<Self> {
        let samples = submitter::samples()
            .flat_map(|(name, text)| documents(text).into_iter().map(move |found| (name, found)));
        samples
            .flat_map(|(name, (_, application))| {
                [Webhook::On, Webhook::Off].map(|webhook| Self {
                    name: name.to_owned(),
                    must_be_refused: false,
                    path: None,
                    application: application.clone(),
                    terms: Terms::golden(webhook),
                })
            })
            .collect()
    }

    /// An application that was read elsewhere, in the context of golden files. `place` is what messages call it.
    pub(crate) fn of(place: &str, application: Result<ApplicationDocument, ApplicationError>) -> Self {
        Self {
            name: place.to_owned(),
            must_be_refused: false,
            path: Some(place.into()),
            application,
            terms: Terms::golden(Webhook::Off),
        }
    }

    /// The application as it was read.
    ///
    /// # Errors
    /// Where it can't be read.
    pub(crate) fn document(&self) -> Result<&ApplicationDocument, &ApplicationError> {
        self.application.as_ref()
    }

    /// The same with another application and another webhook.
    #[must_use]
    pub(crate) fn with(self, document: ApplicationDocument, webhook: Webhook) -> Self {
        let mut terms = self.terms;
        terms.origin.webhook = webhook;
        Self {
            application: Ok(document),
            terms,
            ..self
        }
    }

    /// Who adds what the operator leaves to its webhook.
    pub(crate) fn webhook(&self) -> Webhook {
        self.terms.origin.webhook
    }

    /// The `case.yaml` that says how it is submitted; none where it is submitted as golden files are.
    pub(crate) fn settings(&self) -> Option<String> {
        let golden = Terms::golden(Webhook::Off);
        let Terms { id, origin, context } = &self.terms;
        let mut settings = serde_json::Map::new();
        let mut set = |name: &str, value: Value| settings.insert(name.to_owned(), value);
        if origin.webhook == Webhook::On {
            set("webhook", "on".into());
        }
        if origin.operator {
            set("operator", true.into());
        }
        if *id != golden.id {
            set("submissionId", id.as_str().into());
        }
        if let Some(version) = &context.spark_version {
            set("sparkVersion", version.to_string().into());
        }
        if context.user != golden.context.user {
            set("user", context.user.as_str().into());
        }
        if context.master != golden.context.master {
            set("master", context.master.as_str().into());
        }
        (!settings.is_empty()).then(|| to_yaml(&settings.into()))
    }

    /// Whether it is a built-in sample.
    pub fn is_sample(&self) -> bool {
        self.path.is_none()
    }

    /// The path of its application as the directory was given; a sample has its name alone.
    pub fn path(&self) -> String {
        let path = self.path.as_ref();
        path.map_or_else(|| self.name.clone(), |path| path.display().to_string())
    }

    /// What is submitted, and the context in which.
    pub fn submission(&self) -> Result<(Submission, SubmitterContext), SubmitError> {
        let Terms { id, origin, context } = self.terms.clone();
        let mut parsed = self.application.clone()?.parse(UnknownFields::Refuse)?;
        parsed.application.generate_name(&id);
        let submission = submitter::intent(parsed.application, id, origin, &context)?;
        Ok((submission, context))
    }
}

impl Terms {
    /// Those of golden files.
    fn golden(webhook: Webhook) -> Self {
        Self {
            id: SubmissionId::nil(),
            origin: Origin {
                webhook,
                operator: false,
                unknown_fields: submission::UnknownFields::Refuse,
            },
            context: SubmitterContext {
                namespace: Some(NamespaceMetadata::default()),
                ..SubmitterContext::golden()
            },
        }
    }
}

/// Reads a `case.yaml`.
fn terms(text: &str) -> Result<Terms, String> {
    let mut terms = Terms::golden(Webhook::Off);
    let value = strict::parse_yaml(text).map_err(|problem| problem.to_string())?;
    if value.is_null() {
        return Ok(terms);
    }
    let reading = strict::read::<Settings>(&value);
    let settings = match reading.value {
        Some(ref settings) if reading.unknown.is_empty() => settings.clone(),
        _ => return Err(reading.problems().in_one_line()),
    };
    if let WebhookSetting::On = settings.webhook {
        terms.origin.webhook = Webhook::On;
    }
    terms.origin.operator = settings.operator;
    if let Some(id) = &settings.submission_id {
        terms.id = SubmissionId::new(id).map_err(|refusal| format!("submissionId: {}", refusal.said))?;
    }
    if let Some(version) = &settings.spark_version {
        let version: SparkVersion = version
            .parse()
            .map_err(|error| format!("sparkVersion: {error}"))?;
        terms.context.spark_version = Some(version);
    }
    terms.context.entry_point = settings.entry_point;
    terms.context.executor_check = settings.executor_check;
    terms.context.namespace = Some(settings.namespace);
    if let Some(user) = settings.user {
        terms.context.user = user;
    }
    if let Some(master) = settings.master {
        terms.context.master = master;
    }
    Ok(terms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_strictly() {
        let table = [
            ("webhook: on\n", None),
            ("webhook: \"off\"\noperator: true\n", None),
            ("# nothing\n", None),
            ("webhook: maybe\n", Some("webhook: expected one of on, off")),
            ("webhok: on\n", Some("webhok: unknown field")),
            (
                "entryPoint: spark-submit\nnamespace: {labels: {a: b}, annotations: {}}\n",
                None,
            ),
            ("entryPoint: drop-in\n", Some("entryPoint: expected one of")),
            (
                "namespace: {lables: {a: b}}\n",
                Some("namespace.lables: unknown field; did you mean `labels`?"),
            ),
            ("sparkVersion: four\n", Some("sparkVersion: ")),
            ("submissionId: \"\"\n", Some("submissionId: ")),
            ("- a\n", Some("expected")),
        ];
        for (text, wrong) in table {
            match (terms(text), wrong) {
                (Ok(_), None) => {}
                (Err(message), Some(wrong)) => assert!(message.contains(wrong), "{text}: {message}"),
                (outcome, _) => panic!("{text}: {outcome:?}"),
            }
        }
    }
}
