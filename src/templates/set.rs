//! A template set: the built-in templates and an admin's overrides, compiled once, never changed.

use super::{
    LoadError, Rendered, TemplateError, TemplateErrorKind, builtin, environment::environment, markup, render,
    vocabulary,
};
use crate::plan::DriverPlan;
use minijinja::Environment;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt::Write as _};

/// The ending of a file that is a template.
const TEMPLATE_ENDING: &str = ".j2";

/// The stack of the thread that compiles, in bytes; what isn't used isn't taken.
const COMPILER_STACK: usize = 64 * 1024 * 1024;

/// How many bytes of the content's hash identify a set: 12 hex digits.
const HASH_BYTES: usize = 6;

/// The built-in templates together with an admin's overrides.
///
/// All documents of a submission come from one set. A set is immutable; a changed file makes another one.
#[derive(Debug)]
pub struct TemplateSet {
    environment: Environment<'static>,
    sources: Sources,
    id: String,
    warnings: Vec<String>,
}

/// The text of a set's templates, as their authors wrote it.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    overrides: BTreeMap<String, String>,
}

impl Sources {
    /// The text of a template, by its own name or one under `builtin/`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let is_builtin = name.strip_prefix(builtin::PREFIX);
        match self.overrides.get(name) {
            Some(source) => Some(source),
            None => builtin::source(is_builtin.unwrap_or(name)),
        }
    }

    /// The name that tells whether a template is the built-in one.
    pub(crate) fn full_name(&self, name: &str) -> String {
        let is_builtin = !self.overrides.contains_key(name) && builtin::source(name).is_some();
        format!("{}{name}", if is_builtin { builtin::PREFIX } else { "" })
    }
}

impl TemplateSet {
    /// The set without overrides.
    pub fn builtin() -> Result<Self, LoadError> {
        Self::load(&BTreeMap::new())
    }

    /// A set with overrides: `files` by name, as they are in the `ConfigMap`.
    ///
    /// A name that a built-in template has overrides it; the built-in one stays in reach as
    /// `builtin/<name>`. A name that begins with `_` is a partial for `include` and `import`. Any other name
    /// that ends in `.j2` is an error, and what doesn't end so is ignored with a warning.
    pub fn load(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, LoadError> {
        // The engine's parser and compiler recurse, so they get a stack that fits the largest tag.
        let compile = || Self::compile(files);
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

    fn compile(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, LoadError> {
        let mut errors = Vec::new();
        let mut warnings = Vec::new();
        let mut environment = environment();
        let mut sources = Sources::default();
        for (name, source) in builtin::SOURCES {
            add(
                &mut environment,
                &format!("{}{name}", builtin::PREFIX),
                source,
                &mut errors,
            );
            if !files.contains_key(*name) {
                add(&mut environment, name, source, &mut errors);
            }
        }
        for (name, bytes) in files {
            if !is_template(name) {
                warnings.push(format!(
                    "{name}: ignored, because its name doesn't end in `{TEMPLATE_ENDING}`"
                ));
                continue;
            }
            match text(name, bytes).and_then(|source| markup::check_size(name, source).map(|()| source)) {
                Ok(source) => {
                    errors.extend(markup::check(name, source));
                    add(&mut environment, name, source, &mut errors);
                    warnings.extend(render::unknown_variables(&environment, name));
                    sources.overrides.insert(name.clone(), source.to_owned());
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            let id = id_of(files);
            Ok(Self {
                environment,
                sources,
                id,
                warnings,
            })
        } else {
            Err(LoadError(errors))
        }
    }

    /// Its name and content hash: `default@0123456789ab`. Equal ids mean equal templates, built-in ones included.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is odd about the files but not wrong.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Writes all documents of one submission.
    pub fn render(&self, plan: &DriverPlan) -> Result<Rendered, TemplateError> {
        render::documents(&self.environment, &self.sources, &self.id, plan)
    }
}

/// The id that a set of these files has, or would have if it is broken.
pub(crate) fn id_of(files: &BTreeMap<String, Vec<u8>>) -> String {
    format!("default@{}", hash(files))
}

/// Whether a file of this name is a template.
pub(crate) fn is_template(name: &str) -> bool {
    name.ends_with(TEMPLATE_ENDING)
}

fn add(environment: &mut Environment<'static>, name: &str, source: &str, errors: &mut Vec<TemplateError>) {
    if let Err(error) = environment.add_template_owned(name.to_owned(), markup::with_line_breaks(source)) {
        errors.push(TemplateError::compiling(name, source, &error));
    }
}

fn text<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, TemplateError> {
    let wrong = |message: String| Err(TemplateError::new(TemplateErrorKind::File, name, message));
    if !name.starts_with('_') && builtin::source(name).is_none() {
        let known: Vec<_> = builtin::SOURCES.iter().map(|(name, _)| *name).collect();
        let near = vocabulary::nearest(name, &known)
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        return wrong(format!(
            "no template has this name{near} (known: {}; a partial's name begins with `_`)",
            known.join(", ")
        ));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => wrong("the file is empty".to_owned()),
        Ok(text) => Ok(text),
        Err(error) => wrong(format!("not UTF-8, at byte {}", error.valid_up_to())),
    }
}

/// Over name and content of each template, with their lengths, so that no two sets run into each other.
fn hash(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut hasher = Sha256::new();
    let overrides = files.iter().filter(|(name, _)| is_template(name));
    let overrides = overrides.map(|(name, bytes)| (name.clone(), bytes.as_slice()));
    let builtins = builtin::SOURCES
        .iter()
        .map(|(name, source)| (format!("{}{name}", builtin::PREFIX), source.as_bytes()));
    let sorted: BTreeMap<String, &[u8]> = overrides.chain(builtins).collect();
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
