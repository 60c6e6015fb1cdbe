//! A template set: the built-in templates and an admin's files, compiled once, never changed.

use super::{
    LoadError, Rendered, TemplateError, TemplateErrorKind, builtin,
    environment::environment,
    files::{self, FileKind, Files, is_template},
    markup, render,
    sources::{DEFAULT_PREFIX, Sources},
    worker::{Pool, RenderError},
};
use crate::{kubernetes::ExtraKind, spark::plan::DriverPlan};
use minijinja::Environment;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

/// The name of the set that serves where no other is chosen.
pub const DEFAULT_SET: &str = "default";

/// The stack of the thread that compiles, in bytes; what isn't used isn't taken.
const COMPILER_STACK: usize = 64 * 1024 * 1024;

/// How many bytes of the content's hash identify a set: 12 hex digits.
const HASH_BYTES: usize = 6;

/// The template of the executors' pod template.
const EXECUTOR: &str = "executor-pod.yaml.j2";

/// The most further objects of a set.
const MOST_EXTRAS: usize = 32;

/// The built-in templates together with an admin's overrides, patches and further objects.
///
/// All documents of a submission come from one set. A set is immutable; a changed file makes another one.
#[derive(Debug)]
pub struct TemplateSet {
    source: Arc<Source>,
    warnings: Vec<String>,
    engine: Engine,
}

/// Where a set is rendered.
#[derive(Debug)]
enum Engine {
    /// In this process.
    Here(Box<Compiled>),
    /// In render workers, which compile it themselves.
    Workers(Arc<Pool>),
}

/// A set as the engine has it.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) environment: Environment<'static>,
    pub(super) sources: Sources,
    pub(super) id: String,
    /// The templates of further objects.
    pub(super) extras: Vec<String>,
    /// The kinds that those may have.
    pub(super) extra_kinds: Vec<ExtraKind>,
    warnings: Vec<String>,
}

/// What a set is made of, on its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Source {
    name: String,
    id: String,
    #[serde(with = "encoded")]
    files: Files,
    #[serde(with = "encoded")]
    default: Files,
    extra_kinds: Vec<ExtraKind>,
}

impl Source {
    pub(super) fn of(parts: Parts<'_>) -> Self {
        Self {
            name: parts.name.to_owned(),
            id: parts.id(),
            files: parts.files.clone(),
            default: parts.default.clone(),
            extra_kinds: parts.extra_kinds.to_vec(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        Parts {
            name: &self.name,
            files: &self.files,
            default: &self.default,
            extra_kinds: &self.extra_kinds,
        }
    }
}

/// Files in JSON: they may be no text, which is an error that the compiler tells of.
mod encoded {
    use super::Files;
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use std::collections::BTreeMap;

    pub(super) fn serialize<S: Serializer>(files: &Files, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(files.iter().map(|(name, bytes)| (name, STANDARD.encode(bytes))))
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Files, D::Error> {
        let texts = BTreeMap::<String, String>::deserialize(from)?.into_iter();
        texts
            .map(|(name, text)| Ok((name, STANDARD.decode(text).map_err(D::Error::custom)?)))
            .collect()
    }
}

/// What a set is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'f> {
    /// Its name.
    pub(crate) name: &'f str,
    /// Its own files.
    pub(crate) files: &'f Files,
    /// The default set's files, which stand in for those that a named set lacks; empty for the default set itself.
    pub(crate) default: &'f Files,
    /// The kinds of further objects that the admin allows.
    pub(crate) extra_kinds: &'f [ExtraKind],
}

impl<'f> Parts<'f> {
    /// The file that stands under each name, and what messages call it.
    fn effective(self) -> BTreeMap<&'f str, (String, &'f [u8])> {
        let default = self
            .default
            .iter()
            .map(|(name, bytes)| (name, name.clone(), bytes));
        let own = self
            .files
            .iter()
            .map(|(name, bytes)| (name, self.shown(name), bytes));
        default
            .chain(own)
            .filter(|(name, ..)| is_template(name))
            .map(|(name, shown, bytes)| (name.as_str(), (shown, bytes.as_slice())))
            .collect()
    }

    fn shown(self, name: &str) -> String {
        if self.name == DEFAULT_SET {
            name.to_owned()
        } else {
            format!("{}/{name}", self.name)
        }
    }

    /// Whether no file of an admin is in it, so that it is what the golden files pin.
    pub(super) fn is_builtin(self) -> bool {
        self.files.is_empty() && self.default.is_empty()
    }

    /// The id that a set of these files has, or would have if it is broken.
    pub(crate) fn id(self) -> String {
        format!("{}@{}", self.name, hash(self))
    }
}

impl TemplateSet {
    /// The set without overrides.
    pub fn builtin() -> Result<Self, LoadError> {
        Self::load(&BTreeMap::new())
    }

    /// A default set with overrides and patches: `files` by name, as they are in the `ConfigMap`.
    ///
    /// A name that a built-in template has overrides it; the built-in one stays in reach as
    /// `builtin/<name>`. `<name>.patch.yaml.j2` is merged onto what the template `<name>.yaml.j2` wrote. A name that
    /// begins with `_` is a partial for `include` and `import`. Any other name that ends in `.j2` is an error, and
    /// what doesn't end so is ignored with a warning.
    pub fn load(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, LoadError> {
        Self::load_parts(Parts {
            name: DEFAULT_SET,
            files,
            default: &Files::new(),
            extra_kinds: &[],
        })
    }

    /// A set of any name, in this process. A further `*.yaml.j2` writes a further object where `extra_kinds` has any.
    pub(crate) fn load_parts(parts: Parts<'_>) -> Result<Self, LoadError> {
        Self::load_telling(parts, &|_| ())
    }

    /// The same; `writes` is told each template before it is compiled.
    pub(super) fn load_telling(parts: Parts<'_>, writes: &(dyn Fn(&str) + Sync)) -> Result<Self, LoadError> {
        let mut compiled = Compiled::load(parts, writes)?;
        Ok(Self {
            source: Arc::new(Source::of(parts)),
            warnings: std::mem::take(&mut compiled.warnings),
            engine: Engine::Here(Box::new(compiled)),
        })
    }

    /// The same, in render workers if there are any and the set has an admin's file.
    pub(crate) fn load_in(parts: Parts<'_>, workers: Option<&Arc<Pool>>) -> Result<Self, LoadError> {
        let Some(workers) = workers.filter(|_| !parts.is_builtin()) else {
            return Self::load_parts(parts);
        };
        let source = Arc::new(Source::of(parts));
        Ok(Self {
            warnings: workers.load(&source)?,
            source,
            engine: Engine::Workers(Arc::clone(workers)),
        })
    }

    /// The same set, rendered in other workers from now on, if it is rendered in workers at all.
    pub(super) fn moved_to(self, workers: Option<&Arc<Pool>>) -> Self {
        let engine = match (self.engine, workers) {
            (Engine::Workers(_), Some(workers)) => Engine::Workers(Arc::clone(workers)),
            (engine, _) => engine,
        };
        Self { engine, ..self }
    }

    /// Its name and content hash: `default@0123456789ab`. Equal ids mean equal templates, built-in ones included.
    pub fn id(&self) -> &str {
        &self.source.id
    }

    /// What is odd about the files but not wrong.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Its own files.
    pub(crate) fn files(&self) -> &Files {
        &self.source.files
    }

    /// Whether an admin's file has a say in the executors' pod template.
    pub(crate) fn changes_executors(&self) -> bool {
        let patch = files::patch_of(EXECUTOR);
        let has = |name: &str| {
            [&self.source.files, &self.source.default]
                .iter()
                .any(|files| files.contains_key(name))
        };
        has(EXECUTOR) || has(&patch)
    }

    /// Whether it is rendered in this process, at once.
    pub(crate) fn is_here(&self) -> bool {
        matches!(self.engine, Engine::Here(_))
    }

    /// Writes all documents of one submission. Blocks where that happens in a render worker.
    pub fn render(&self, plan: &DriverPlan) -> Result<Rendered, TemplateError> {
        if self.is_here() {
            return self.render_telling(plan, &|_| ());
        }
        let rendered = futures::executor::block_on(self.render_live(Arc::new(plan.clone())));
        rendered.map_err(|error| match error {
            RenderError::Template(error) => error,
            RenderError::Unavailable(error) => {
                TemplateError::new(TemplateErrorKind::Limit, &self.source.name, error.to_string())
            }
        })
    }

    /// Writes all documents of one submission, and waits for a render worker if it needs one.
    ///
    /// # Errors
    /// Where a template fails on it, or no worker could render it.
    pub async fn render_live(&self, plan: Arc<DriverPlan>) -> Result<Rendered, RenderError> {
        match &self.engine {
            Engine::Here(_) => Ok(self.render_telling(&plan, &|_| ())?),
            Engine::Workers(workers) => workers.render(&self.source, plan).await,
        }
    }

    /// The same in this process; `writes` is told each template before it is rendered.
    pub(super) fn render_telling(
        &self,
        plan: &DriverPlan,
        writes: &dyn Fn(&str),
    ) -> Result<Rendered, TemplateError> {
        match &self.engine {
            Engine::Here(compiled) => render::documents(compiled, plan, writes),
            Engine::Workers(_) => self.render(plan),
        }
    }
}

impl Compiled {
    #[cfg(test)]
    pub(super) fn builtin() -> Self {
        let none = Files::new();
        let parts = Parts {
            name: DEFAULT_SET,
            files: &none,
            default: &none,
            extra_kinds: &[],
        };
        Self::load(parts, &|_| ()).unwrap()
    }

    fn load(parts: Parts<'_>, writes: &(dyn Fn(&str) + Sync)) -> Result<Self, LoadError> {
        // The engine's parser and compiler recurse, so they get a stack that fits the largest tag.
        let compile = || Self::compile(parts, writes);
        let compiled = std::thread::scope(|scope| {
            let builder = std::thread::Builder::new()
                .name("templates".to_owned())
                .stack_size(COMPILER_STACK);
            builder
                .spawn_scoped(scope, compile)
                .map(std::thread::ScopedJoinHandle::join)
        });
        compiled.ok().and_then(Result::ok).unwrap_or_else(|| {
            let message = "the templates could not be compiled: no thread, or a defect of the compiler";
            Err(LoadError(vec![TemplateError::new(
                TemplateErrorKind::Limit,
                "*",
                message,
            )]))
        })
    }

    fn compile(parts: Parts<'_>, writes: &dyn Fn(&str)) -> Result<Self, LoadError> {
        let mut compiler = Compiler::new();
        let effective = parts.effective();
        let names: Files = effective
            .keys()
            .map(|name| ((*name).to_owned(), Vec::new()))
            .collect();
        compiler.builtins(&names);
        if parts.name != DEFAULT_SET {
            compiler.defaults(parts.default);
        }
        let allows_extras = !parts.extra_kinds.is_empty();
        for (name, (shown, bytes)) in &effective {
            writes(shown);
            let wrong_name = files::name_error(name, &names, allows_extras);
            compiler.file(name, shown, bytes, wrong_name);
        }
        let extras: Vec<_> = names
            .into_keys()
            .filter(|name| files::kind(name) == FileKind::Extra)
            .collect();
        if extras.len() > MOST_EXTRAS {
            let message = format!("the set has over {MOST_EXTRAS} templates of further objects");
            let error = TemplateError::new(TemplateErrorKind::Limit, parts.name, message);
            compiler.errors.push(error);
        }
        for name in parts.files.keys().filter(|name| !is_template(name)) {
            compiler.warnings.push(format!(
                "{}: ignored, because its name doesn't end in `.j2`",
                parts.shown(name)
            ));
        }
        if !compiler.errors.is_empty() {
            return Err(LoadError(compiler.errors));
        }
        Ok(Self {
            environment: compiler.environment,
            sources: compiler.sources,
            id: parts.id(),
            extras,
            extra_kinds: parts.extra_kinds.to_vec(),
            warnings: compiler.warnings,
        })
    }
}

/// Collects templates, and all that is wrong with them.
struct Compiler {
    environment: Environment<'static>,
    sources: Sources,
    errors: Vec<TemplateError>,
    warnings: Vec<String>,
}

impl Compiler {
    fn new() -> Self {
        Self {
            environment: environment(),
            sources: Sources::default(),
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The built-in templates under `builtin/`, and under their own names where no file stands there.
    fn builtins(&mut self, names: &Files) {
        for (name, source) in builtin::SOURCES {
            let full = format!("{}{name}", builtin::PREFIX);
            self.add(&full, &full, source);
            if !names.contains_key(*name) {
                self.add(name, &full, source);
            }
        }
    }

    /// What the default set has under each name, in reach under `default/`. It was checked where it is that set.
    fn defaults(&mut self, files: &Files) {
        for (name, source) in builtin::SOURCES {
            if !files.contains_key(*name) {
                let full = format!("{}{name}", builtin::PREFIX);
                self.add(&format!("{DEFAULT_PREFIX}{name}"), &full, source);
            }
        }
        for (name, bytes) in files.iter().filter(|(name, _)| is_template(name)) {
            if let Ok(source) = std::str::from_utf8(bytes) {
                let reached = format!("{DEFAULT_PREFIX}{name}");
                self.sources.add(&reached, name.clone(), source);
                self.add(&reached, name, source);
            }
        }
    }

    fn file(&mut self, name: &str, shown: &str, bytes: &[u8], wrong_name: Option<String>) {
        let wrong = |message: String| TemplateError::new(TemplateErrorKind::File, shown, message);
        let text = match wrong_name {
            Some(message) => Err(wrong(message)),
            None => text(bytes).map_err(|(message, line)| TemplateError {
                line,
                ..wrong(message)
            }),
        };
        match text.and_then(|source| markup::check_size(shown, source).map(|()| source)) {
            Ok(source) => {
                self.errors.extend(markup::check(shown, source));
                self.sources.add(name, shown.to_owned(), source);
                self.add(name, shown, source);
                let unknown = render::unknown_variables(&self.environment, name);
                self.warnings
                    .extend(unknown.into_iter().map(|warning| format!("{shown}: {warning}")));
            }
            Err(error) => self.errors.push(error),
        }
    }

    fn add(&mut self, name: &str, shown: &str, source: &str) {
        let text = markup::with_line_breaks(source);
        if let Err(error) = self.environment.add_template_owned(name.to_owned(), text) {
            self.errors.push(TemplateError::compiling(shown, source, &error));
        }
    }
}

/// The text of a file; else what is wrong, and in which line.
fn text(bytes: &[u8]) -> Result<&str, (String, Option<usize>)> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => Err(("the file is empty".to_owned(), None)),
        Ok(text) => Ok(text),
        Err(error) => {
            let line = bytes
                .iter()
                .take(error.valid_up_to())
                .filter(|byte| **byte == b'\n')
                .count()
                + 1;
            Err((format!("not UTF-8, at byte {}", error.valid_up_to()), Some(line)))
        }
    }
}

/// Over name and content of each template, with their lengths, so that no two sets run into each other.
fn hash(parts: Parts<'_>) -> String {
    let mut hasher = Sha256::new();
    let effective = parts.effective().into_iter();
    let overrides = effective.map(|(name, (_, bytes))| (name.to_owned(), bytes));
    let defaults = parts.default.iter().filter(|(name, _)| is_template(name));
    let defaults = defaults.map(|(name, bytes)| (format!("{DEFAULT_PREFIX}{name}"), bytes.as_slice()));
    let builtins = builtin::SOURCES
        .iter()
        .map(|(name, source)| (format!("{}{name}", builtin::PREFIX), source.as_bytes()));
    let sorted: BTreeMap<String, &[u8]> = overrides.chain(defaults).chain(builtins).collect();
    for (name, bytes) in sorted {
        for part in [name.as_bytes(), bytes] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    let mut hex = String::new();
    for byte in hasher.finalize().iter().take(HASH_BYTES) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
