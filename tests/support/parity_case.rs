//! A case of `tests/parity`: what spark-submit was given and what it created, and what we make of the same.
// Each test uses a part of it; and clippy sees that code is a test's only inside #[test].
#![allow(dead_code, clippy::unwrap_used)]

use native_submit::{
    kubernetes::to_yaml,
    manifest::{Manifests, executor_pod},
    spark::{
        plan::{ExecutorPod, NoExecutorPod, plan},
        submission::{Request, Submission, SubmissionId, SubmitterContext, arguments, resolve},
    },
    strict,
    submitter::{self, SubmitError},
    templates::TemplateSet,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// Where the cases are; another folder of the same form can be named.
fn folder() -> PathBuf {
    std::env::var_os("PARITY_CASES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/cases"),
        PathBuf::from,
    )
}

/// The master that stands for the recording API server's.
const MASTER: &str = "k8s://http://127.0.0.1:49732";

/// Where the distribution would be, had we one.
pub(crate) const SPARK_HOME: &str = "/nonexistent/spark-home";

/// The built-in templates, compiled once.
static TEMPLATES: LazyLock<TemplateSet> = LazyLock::new(|| TemplateSet::builtin().unwrap());

pub(crate) struct Case {
    pub(crate) name: String,
    folder: PathBuf,
    pub(crate) input: Value,
}

/// The files of a case, where they are for as long as this lives.
pub(crate) struct Files {
    /// The working directory, below which they are.
    pub(crate) work: PathBuf,
    /// Absolute paths as the case has them, and where they were moved.
    pub(crate) moved: Vec<(String, String)>,
    _folder: tempfile::TempDir,
}

/// That we refuse a case.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The stage that did, as metrics name it; `arguments` for what isn't a command line.
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// The executor that we expect, and what is generated in it.
pub(crate) struct Executor {
    pub(crate) made: Result<ExecutorPod, NoExecutorPod>,
    /// The conf says what the names of executors start with.
    pub(crate) has_prefix: bool,
    /// The 16 hex digits of the driver's objects.
    pub(crate) suffix: String,
    pub(crate) application_id: String,
    pub(crate) work: PathBuf,
    pub(crate) moved: Vec<(String, String)>,
}

impl From<SubmitError> for Refused {
    fn from(error: SubmitError) -> Self {
        Self {
            reason: error.reason(),
            message: error.to_string(),
        }
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|folder| Case {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            input: serde_json::from_str(&fs::read_to_string(folder.join("case.json")).unwrap()).unwrap(),
            folder,
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

impl Case {
    /// The versions it was recorded with, and how each ended.
    pub(crate) fn recordings(&self) -> BTreeMap<String, Value> {
        let text = fs::read_to_string(self.folder.join("expected.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The API server was set to fail: the creation of the objects is compared, and not what happened to them.
    pub(crate) fn has_faults(&self) -> bool {
        ["faults", "preload"]
            .iter()
            .any(|field| self.input.get(field).is_some_and(|value| !value.is_null()))
    }

    /// The objects that spark-submit of this version left on the API server, if any.
    pub(crate) fn objects(&self, version: &str) -> Option<Vec<Value>> {
        let text = fs::read_to_string(self.folder.join(format!("spark-{version}.yaml"))).ok()?;
        // Whether the generated id began with a digit, which a name must not, is chance.
        let text = text.replace("x<ID>", "<ID>");
        let documents = text
            .split("\n---\n")
            .map(|document| document.trim_start_matches("---"));
        Some(
            documents
                .map(|document| strict::parse_yaml(document).unwrap())
                .collect(),
        )
    }

    /// Writes the case's files below a new directory; absolute paths are moved there too.
    pub(crate) fn lay_out(&self) -> Files {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().canonicalize().unwrap();
        let mut moved = Vec::new();
        for (path, contents) in self.input["files"].as_object().into_iter().flatten() {
            let target = work.join("absolute").join(path.trim_start_matches('/'));
            let target = if path.starts_with('/') {
                target
            } else {
                work.join(path)
            };
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            let bytes = match contents {
                Value::String(text) => text
                    .replace("{{MASTER}}", MASTER)
                    .replace("{{WORK}}", work.to_str().unwrap())
                    .into_bytes(),
                other => base64_of(other),
            };
            fs::write(&target, bytes).unwrap();
            if path.starts_with('/') {
                moved.push((path.clone(), target.to_str().unwrap().to_owned()));
            }
        }
        Files {
            work,
            moved,
            _folder: folder,
        }
    }

    /// What we make of the case's arguments.
    pub(crate) fn manifests(&self, files: &Files, version: &str) -> Result<Manifests, Refused> {
        let (submission, context) = self.submission(files, version)?;
        submitter::manifests(&submission, &context, &TEMPLATES).map_err(Refused::from)
    }

    /// The application's id, and what would be sent were nothing checked: objects by role. Nothing where the conf
    /// itself is refused.
    pub(crate) fn unchecked(&self, files: &Files, version: &str) -> Option<(String, Vec<(String, Value)>)> {
        let (submission, context) = self.submission(files, version).ok()?;
        let plan = plan(&submission, &context).ok()?;
        let objects = TEMPLATES.render(&plan).unwrap().documents.into_iter();
        let objects = objects.map(|document| {
            let mut object = strict::parse_yaml(&document.text).unwrap();
            drop_nulls(&mut object);
            (document.role, object)
        });
        Some((plan.application.id, objects.collect()))
    }

    /// The versions that an executor was recorded with, and whether Spark made it.
    pub(crate) fn executor_recordings(&self) -> BTreeMap<String, Value> {
        let text = fs::read_to_string(self.folder.join("executor-expected.json"));
        text.map_or_else(|_| BTreeMap::new(), |text| serde_json::from_str(&text).unwrap())
    }

    /// The Pod that Spark made for executor 1, and its claims.
    pub(crate) fn executor_objects(&self, version: &str) -> Option<Vec<Value>> {
        let text = fs::read_to_string(self.folder.join(format!("executor-spark-{version}.yaml"))).ok()?;
        let mut text = text.replace("x<ID>", "<ID>");
        // Of an application without a name that can be used, the id is all of the host's name, and was not replaced.
        if let Some((before, after)) = text.split_once("-driver-svc")
            && let Some((start, id)) = before.split_at_checked(before.len().saturating_sub(16))
            && id.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            text = format!("{start}<ID>-driver-svc{after}");
        }
        let documents = text
            .split("\n---\n")
            .map(|document| document.trim_start_matches("---"));
        Some(
            documents
                .map(|document| strict::parse_yaml(document).unwrap())
                .collect(),
        )
    }

    /// The executor that we expect of the case's driver; nothing where we refuse the conf itself.
    pub(crate) fn executor(&self, version: &str) -> Option<Executor> {
        let files = self.lay_out();
        let (submission, context) = self.submission(&files, version).ok()?;
        let plan = plan(&submission, &context).ok()?;
        let documents = TEMPLATES.render(&plan).unwrap().documents;
        let mut objects: Vec<_> = documents
            .iter()
            .filter_map(|document| strict::parse_yaml(&document.text).ok())
            .collect();
        if let Some(executor) = &plan.executor {
            for object in &mut objects {
                tidy_template(object, &executor.key);
            }
        }
        let objects: Vec<_> = objects.iter().collect();
        let made = executor_pod(&plan, &version.parse().unwrap(), &objects);
        let suffix = plan.config_map.name.trim_start_matches("spark-drv-");
        Some(Executor {
            made,
            has_prefix: plan
                .properties
                .contains_key("spark.kubernetes.executor.podNamePrefix"),
            suffix: suffix.trim_end_matches("-conf-map").to_owned(),
            application_id: plan.application.id,
            work: files.work.clone(),
            moved: files.moved.clone(),
        })
    }

    fn submission(&self, files: &Files, version: &str) -> Result<(Submission, SubmitterContext), Refused> {
        let fill = |text: &Value| files.fill(text.as_str().unwrap());
        let argv: Vec<_> = self.input["argv"].as_array().unwrap().iter().map(fill).collect();
        let mut environment = BTreeMap::from([("SPARK_HOME".to_owned(), SPARK_HOME.to_owned())]);
        for (name, value) in self.input["env"].as_object().into_iter().flatten() {
            environment.insert(name.clone(), fill(value));
        }
        let login_name = Some("root".to_owned());
        let of_process = SubmitterContext::of_spark_submit(environment, login_name, files.work.clone(), 1);
        let context = SubmitterContext {
            spark_version: Some(version.parse().unwrap()),
            ..of_process.map_err(SubmitError::from)?
        };
        let request = Request {
            default_id: Some(SubmissionId::nil()),
            ..Request::default()
        };
        let arguments = arguments::parse(&argv).map_err(|error| Refused {
            reason: "arguments",
            message: error.to_string(),
        })?;
        let submission = resolve(arguments, request, &context).map_err(SubmitError::from)?;
        Ok((submission, context))
    }
}

impl Files {
    /// Puts what is real here where the case has placeholders and paths.
    fn fill(&self, text: &str) -> String {
        let text = text
            .replace("{{MASTER}}", MASTER)
            .replace("{{WORK}}", self.work.to_str().unwrap())
            .replace("{{SPARK_HOME}}", SPARK_HOME);
        self.moved
            .iter()
            .fold(text, |text, (given, real)| text.replace(given, real))
    }
}

fn base64_of(value: &Value) -> Vec<u8> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.decode(value["base64"].as_str().unwrap()).unwrap()
}

/// The executor pod template as the driver finds it: the check drops what is null.
fn tidy_template(object: &mut Value, key: &str) {
    if let Some(Value::String(text)) = object["data"].get_mut(key)
        && let Ok(mut template) = strict::parse_yaml(text)
    {
        drop_nulls(&mut template);
        *text = to_yaml(&template);
    }
}

/// What is null counts as not written.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
