//! A template set as the engine has it: every template compiled, in this process.

use super::{
    LoadError, TemplateError, TemplateErrorKind, builtin,
    environment::environment,
    files::{self, FileKind, Files, is_template},
    markup,
    parts::{DEFAULT_SET, Parts},
    sources::{DEFAULT_PREFIX, Sources},
    variables::unknown_variables,
};
use crate::kubernetes::ExtraKind;
use minijinja::Environment;

/// The stack of the thread that compiles, in bytes; what isn't used isn't taken.
const COMPILER_STACK: usize = 64 * 1024 * 1024;

/// The most further objects of a set.
const MOST_EXTRAS: usize = 32;

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
    /// What is odd about the files but not wrong.
    pub(super) warnings: Vec<String>,
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

    /// Compiles a set. `writes` is told each template before it is compiled.
    ///
    /// # Errors
    /// All that is wrong with its files.
    pub(super) fn load(parts: Parts<'_>, writes: &(dyn Fn(&str) + Sync)) -> Result<Self, LoadError> {
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
            .iter()
            .map(|(name, (_, bytes))| ((*name).to_owned(), bytes.to_vec()))
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
                let unknown = unknown_variables(&self.environment, name);
                self.warnings
                    .extend(unknown.into_iter().map(|warning| format!("{shown}: {warning}")));
            }
            Err(error) => self.errors.push(error),
        }
    }

    fn add(&mut self, name: &str, shown: &str, source: &str) {
        let text = markup::with_line_breaks(source);
        if let Err(error) = self.environment.add_template_owned(name.to_owned(), text) {
            self.errors.push(
                not_closed(shown, source, &error)
                    .unwrap_or_else(|| TemplateError::compiling(shown, source, &error)),
            );
        }
    }
}

/// An error at the end of a template that leaves a tag open, told at that tag.
fn not_closed(shown: &str, source: &str, error: &minijinja::Error) -> Option<TemplateError> {
    let detail = error.detail()?;
    if !detail.starts_with("unexpected end of input") {
        return None;
    }
    let (tag, end, line) = markup::unclosed::unclosed(source)?;
    let message = format!(
        "syntax error: `{{% {tag} %}}` is not closed: expected `{{% {end} %}}`, found the end of the file"
    );
    Some(TemplateError::new(TemplateErrorKind::Syntax, shown, message).at(source, line, None))
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
