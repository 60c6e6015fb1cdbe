//! A template set as the engine has it: every template compiled, in this process.

use super::{
    LoadError, TemplateError, TemplateErrorKind, analysis, builtin,
    environment::environment,
    files::{self, EXEMPT, FileKind, Files, is_part, is_template},
    markup::{self, unclosed::Unclosed},
    newer_fields::NewerFields,
    parts::{DEFAULT_SET, Layer, Parts},
    policy::{self, NamespaceFacts, Policies, SubmissionFacts},
    sources::{self, ALWAYS_PREFIX, DEFAULT_PREFIX, Sources},
    stack::on_large_stack,
    variables,
};
use crate::kubernetes::{ObjectKind, Shape};
use minijinja::Environment;
use std::{collections::BTreeMap, sync::LazyLock};

/// The most additional objects of a set.
const MOST_EXTRAS: usize = 32;

/// A set as the engine has it.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) environment: Environment<'static>,
    /// What may refuse the finished objects.
    pub(super) policies: Policies,
    pub(super) sources: Sources,
    pub(super) id: String,
    /// Whether an admin's file is in it: its templates then read typed values.
    pub(super) is_typed: bool,
    /// The templates of additional objects.
    pub(super) extras: Vec<String>,
    /// The patches of each template, the strongest last.
    pub(super) patches: BTreeMap<String, Vec<String>>,
    /// The kinds that those may have.
    pub(super) extra_kinds: Vec<ObjectKind>,
    pub(super) newer_fields: NewerFields,
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
            always: &none,
            extra_kinds: &[],
            newer_fields: NewerFields::Refuse,
        };
        Self::load(parts, &|_| ()).unwrap()
    }

    /// Compiles a set. `writes` gets the name of each template before it is compiled.
    ///
    /// # Errors
    /// All that is wrong with its files.
    pub(super) fn load(parts: Parts<'_>, writes: &(dyn Fn(&str) + Sync)) -> Result<Self, LoadError> {
        on_large_stack(|| Self::compile(parts, writes)).unwrap_or_else(|| {
            let message = "the templates could not be compiled: no thread, or a defect of the compiler";
            Err(LoadError(vec![TemplateError::new(
                TemplateErrorKind::Limit,
                "*",
                message,
            )]))
        })
    }

    fn compile(parts: Parts<'_>, writes: &dyn Fn(&str)) -> Result<Self, LoadError> {
        let is_default = parts.name == DEFAULT_SET;
        let shared = if is_default { &BUILTINS } else { &BUILTINS_OF_NAMED };
        let mut compiler = Compiler::new(LazyLock::force(shared).clone());
        let effective = parts.effective();
        // Of an additional object the kind is looked at, too.
        let named = |name: &str, bytes: &[u8]| -> (String, Vec<u8>) {
            let is_extra = files::kind(name) == FileKind::Extra;
            (
                name.to_owned(),
                if is_extra { bytes.to_vec() } else { Vec::new() },
            )
        };
        let names: Files = effective
            .iter()
            .map(|(name, (_, bytes))| named(name, bytes))
            .collect();
        compiler.marked_builtins(&names, parts.files);
        if !is_default {
            compiler.defaults(parts.default);
        }
        let allows_extras = !parts.extra_kinds.is_empty();
        for (name, (shown, bytes)) in &effective {
            // What each layer has of its own doesn't stand in for another layer's.
            if files::kind(name).is_of_its_layer() && !parts.files.contains_key(*name) {
                continue;
            }
            writes(shown);
            let wrong_name = files::name_error(name, &names, allows_extras);
            compiler.file(name, shown, bytes, wrong_name);
        }
        let always: Files = parts
            .always
            .iter()
            .map(|(name, bytes)| named(name, bytes))
            .collect();
        for (name, bytes) in parts.always.iter().filter(|(name, _)| is_template(name)) {
            let full = format!("{ALWAYS_PREFIX}{name}");
            writes(&full);
            let wrong_name = files::name_error_of_always(name, &always, &names, allows_extras);
            compiler.file(&full, &full, bytes, wrong_name);
        }
        let is_extra = |name: &String| files::kind(name) == FileKind::Extra;
        let of_always = always.keys().filter(|name| is_extra(name));
        let of_always = of_always.map(|name| format!("{ALWAYS_PREFIX}{name}"));
        let extras: Vec<_> = names
            .keys()
            .filter(|name| is_extra(name))
            .cloned()
            .chain(of_always)
            .collect();
        if extras.len() > MOST_EXTRAS {
            let message = format!(
                "expected at most {MOST_EXTRAS} templates of additional objects in the set, found more"
            );
            let error = TemplateError::new(TemplateErrorKind::Limit, parts.name, message);
            compiler.errors.push(error);
        }
        let patches = patches(parts, &always);
        compiler.policies(parts, writes);
        compiler.exemptions(parts);
        for name in parts.files.keys().filter(|name| !is_part(name)) {
            compiler.warnings.push(format!(
                "{}: ignored, because its name doesn't end in `.j2`",
                parts.shown(name)
            ));
        }
        // What doesn't compile has no names to look at.
        if compiler.errors.is_empty() && !parts.is_builtin() {
            compiler.analyse();
        }
        if !compiler.errors.is_empty() {
            return Err(LoadError(compiler.errors));
        }
        Ok(Self {
            environment: compiler.environment,
            policies: compiler.policies,
            sources: compiler.sources,
            id: parts.id(),
            is_typed: !parts.is_builtin(),
            extras,
            patches,
            extra_kinds: parts.extra_kinds.to_vec(),
            newer_fields: parts.newer_fields,
            warnings: compiler.warnings,
        })
    }
}

/// The patches of each template, by the names that the engine has for them, the strongest last.
fn patches(parts: Parts<'_>, always: &Files) -> BTreeMap<String, Vec<String>> {
    let mut patches = BTreeMap::<_, Vec<_>>::new();
    for layer in parts.layers() {
        for name in layer.files.keys() {
            let FileKind::Patch(of) = files::kind(name) else {
                continue;
            };
            // An additional object of this layer alone.
            let own = always.contains_key(&of) && layer.prefix == ALWAYS_PREFIX;
            let of = if own { format!("{ALWAYS_PREFIX}{of}") } else { of };
            patches
                .entry(of)
                .or_default()
                .push(format!("{}{name}", layer.prefix));
        }
    }
    patches
}

/// The names of a layer's policies.
fn policies_of<'f>(layer: &Layer<'f>) -> impl Iterator<Item = &'f str> + use<'f> {
    let names = layer.files.keys().map(String::as_str);
    names.filter(|name| is_template(name) && files::kind(name) == FileKind::Policy)
}

/// The built-in templates, compiled once, under `builtin/` and under their own names.
static BUILTINS: LazyLock<Builtins> = LazyLock::new(|| {
    let mut builtins = Builtins {
        environment: environment(),
        errors: Vec::new(),
    };
    builtins.add(builtin::PREFIX);
    builtins.add("");
    builtins
});

/// The same for a named set, which reaches them under `default/` too, where the default set has no file of its own.
static BUILTINS_OF_NAMED: LazyLock<Builtins> = LazyLock::new(|| {
    let mut builtins = BUILTINS.clone();
    builtins.add(DEFAULT_PREFIX);
    builtins
});

#[derive(Clone)]
struct Builtins {
    environment: Environment<'static>,
    errors: Vec<TemplateError>,
}

impl Builtins {
    /// Compiles each under its name behind this prefix.
    fn add(&mut self, prefix: &str) {
        for (name, source) in builtin::SOURCES {
            let (name, full) = (format!("{prefix}{name}"), format!("{}{name}", builtin::PREFIX));
            let text = markup::with_line_breaks(source);
            let added = add_to(&mut self.environment, &name, &full, source, text);
            self.errors.extend(added.err());
        }
    }
}

/// Compiles what all sets share.
pub(super) fn compile_builtins() {
    LazyLock::force(&BUILTINS_OF_NAMED);
}

/// Collects templates, and all that is wrong with them.
struct Compiler {
    environment: Environment<'static>,
    policies: Policies,
    sources: Sources,
    /// The admin's templates that write objects, as the engine knows them.
    named: Vec<String>,
    errors: Vec<TemplateError>,
    warnings: Vec<String>,
}

impl Compiler {
    fn new(builtins: Builtins) -> Self {
        let Builtins {
            mut environment,
            errors,
        } = builtins;
        let mut policies = Policies::new();
        for environment in [&mut environment, &mut policies.environment] {
            environment.set_path_join_callback(|name, parent| sources::reached(name, parent).into());
        }
        Self {
            environment,
            policies,
            sources: Sources::default(),
            named: Vec::new(),
            errors,
            warnings: Vec::new(),
        }
    }

    /// The built-in templates with marks, which a set brings that is compiled to find out which line wrote what: as files whose
    /// names no directory can have.
    fn marked_builtins(&mut self, names: &Files, files: &Files) {
        for (name, _) in builtin::SOURCES {
            let full = format!("{}{name}", builtin::PREFIX);
            let marked = files.get(&full).and_then(|bytes| std::str::from_utf8(bytes).ok());
            if let Some(source) = marked {
                self.add(&full, &full, source);
                if !names.contains_key(*name) {
                    self.add(name, &full, source);
                }
            }
        }
    }

    /// What the default set has under each name, in reach under `default/`. It was checked where it is that set.
    fn defaults(&mut self, files: &Files) {
        for name in files.keys() {
            self.environment
                .remove_template(&format!("{DEFAULT_PREFIX}{name}"));
        }
        for (name, bytes) in files.iter().filter(|(name, _)| is_template(name)) {
            if files::kind(name) != FileKind::Policy
                && let Ok(source) = std::str::from_utf8(bytes)
            {
                let reached = format!("{DEFAULT_PREFIX}{name}");
                self.sources.add(&reached, name.clone(), source);
                self.add(&reached, name, source);
            }
        }
    }

    /// A file of the set or of the layer `always`; policies have a place of their own.
    fn file(&mut self, name: &str, shown: &str, bytes: &[u8], wrong_name: Option<String>) {
        let plain = name.strip_prefix(ALWAYS_PREFIX).unwrap_or(name);
        if files::kind(plain) == FileKind::Policy {
            return;
        }
        let Some(source) = self.text(shown, bytes, wrong_name) else {
            return;
        };
        self.errors.extend(markup::check(shown, source));
        self.sources.add(name, shown.to_owned(), source);
        self.add(name, shown, source);
        self.named.push(name.to_owned());
    }

    /// Finds the names that nothing has.
    fn analyse(&mut self) {
        let is_root = |name: &&str| !name.rsplit('/').next().unwrap_or(name).starts_with('_');
        let named = self.named.iter().map(String::as_str).filter(is_root);
        let of_object = |name: &str| {
            // A patch or an additional object of a layer sees what the template that it is of sees.
            variables::of_template(name.rsplit('/').next().unwrap_or(name))
        };
        let found = analysis::check(&self.environment, &self.sources, named, &of_object);
        let of_policy =
            |_: &str| variables::of_policy(Shape::of::<SubmissionFacts>(), Shape::of::<NamespaceFacts>());
        let policies = &self.policies;
        let of_policies = analysis::check(&policies.environment, &self.sources, policies.names(), &of_policy);
        self.errors.extend(found.into_iter().chain(of_policies));
    }

    /// The policies of all layers, and the partials that they may include.
    fn policies(&mut self, parts: Parts<'_>, writes: &dyn Fn(&str)) {
        let layers = parts.layers();
        let of_kind = |wanted: FileKind| {
            layers.iter().flat_map(move |layer| {
                let wanted = wanted.clone();
                let files = layer.files.iter();
                files
                    .filter(move |(name, _)| is_template(name) && files::kind(name) == wanted)
                    .map(move |(name, bytes)| {
                        (
                            format!("{}{name}", layer.prefix),
                            parts.shown_in(layer, name),
                            bytes,
                        )
                    })
            })
        };
        let policies: Vec<_> = of_kind(FileKind::Policy).collect();
        if policies.is_empty() {
            return;
        }
        let inherited = parts.effective().into_iter();
        let inherited = inherited
            .filter(|(name, _)| files::kind(name) == FileKind::Partial)
            .map(|(name, (_, bytes))| (name.to_owned(), bytes));
        let partials: Vec<_> = of_kind(FileKind::Partial)
            .map(|(name, _, bytes)| (name, bytes.as_slice()))
            .chain(inherited)
            .collect();
        for (name, bytes) in partials {
            // Its errors were reported above.
            if let Ok(source) = std::str::from_utf8(bytes) {
                let _ = self.policies.add(&name, source);
            }
        }
        for (name, shown, bytes) in policies {
            writes(&shown);
            self.policy(name, &shown, bytes);
        }
    }

    fn policy(&mut self, name: String, shown: &str, bytes: &[u8]) {
        let Some(source) = self.text(shown, bytes, None) else {
            return;
        };
        self.sources.add(&name, shown.to_owned(), source);
        let (mode, text) = match policy::mode(source) {
            Ok(read) => read,
            Err(message) => {
                let error = TemplateError::new(TemplateErrorKind::Syntax, shown, message);
                return self.errors.push(error.at(source, 1, None));
            }
        };
        self.errors.extend(policy::written(shown, &text));
        if let Err(error) = self.policies.add(&name, &text) {
            return self.errors.push(TemplateError::compiling(shown, source, &error));
        }
        self.policies.push(name, mode);
    }

    /// The exemptions of each layer, which are of that layer's policies alone: what a set says is no way around `always/`.
    fn exemptions(&mut self, parts: Parts<'_>) {
        let layers = parts.layers();
        for layer in &layers {
            // The default set's were checked where it is that set; a named set only has them apply.
            let Some(bytes) = layer.files.get(EXEMPT) else {
                continue;
            };
            let shown = parts.shown_in(layer, EXEMPT);
            let Some(source) = self.text(&shown, bytes, None) else {
                continue;
            };
            let others = layers.iter().filter(|other| other.prefix != layer.prefix);
            let names = policy::Names {
                own: policies_of(layer).collect(),
                others: others
                    .flat_map(|other| {
                        let exempt = parts.shown_in(other, EXEMPT);
                        policies_of(other).map(move |name| (name, exempt.clone()))
                    })
                    .collect(),
            };
            match policy::exemptions(source, &names) {
                Ok(exemptions) => {
                    for (policy, exempt) in exemptions {
                        self.policies
                            .exempt(&format!("{}{policy}", layer.prefix), &exempt);
                    }
                }
                Err(problems) => self.errors.extend(problems.into_iter().map(|(message, line)| {
                    let error = TemplateError::new(TemplateErrorKind::File, &shown, message);
                    line.map_or(error.clone(), |line| error.at(source, line, None))
                })),
            }
        }
    }

    /// The text of a file that may be compiled.
    fn text<'b>(&mut self, shown: &str, bytes: &'b [u8], wrong_name: Option<String>) -> Option<&'b str> {
        let wrong = |message: String| TemplateError::new(TemplateErrorKind::File, shown, message);
        let text = match wrong_name {
            Some(message) => Err(wrong(message)),
            None => text(bytes).map_err(|(message, line)| TemplateError {
                line,
                ..wrong(message)
            }),
        };
        let sized = text.and_then(|source| markup::check_size(shown, source).map(|()| source));
        sized.map_err(|error| self.errors.push(error)).ok()
    }

    fn add(&mut self, name: &str, shown: &str, source: &str) {
        let text = if shown.starts_with(builtin::PREFIX) {
            markup::with_line_breaks(source)
        } else {
            analysis::prepared(&self.environment, name, source)
        };
        self.errors
            .extend(add_to(&mut self.environment, name, shown, source, text).err());
    }
}

/// Compiles a template. `text` is what is compiled of its source.
fn add_to(
    environment: &mut Environment<'static>,
    name: &str,
    shown: &str,
    source: &str,
    text: String,
) -> Result<(), TemplateError> {
    environment
        .add_template_owned(name.to_owned(), text)
        .map_err(|error| {
            not_closed(shown, source, &error)
                .unwrap_or_else(|| TemplateError::compiling(shown, source, &error))
        })
}

/// An error at the end of a template that leaves a tag open, with the place of that tag.
fn not_closed(shown: &str, source: &str, error: &minijinja::Error) -> Option<TemplateError> {
    let detail = error.detail()?;
    let ends_early = detail.starts_with("unexpected end of input");
    let unknown = detail.strip_prefix("unknown statement ");
    if !ends_early && !unknown.is_some_and(|tag| tag.starts_with("end")) {
        return None;
    }
    let (message, line) = match markup::unclosed::unclosed(source)? {
        Unclosed::Open {
            tag,
            end,
            line,
            found,
        } => {
            let found = match found {
                Some((found, line)) => format!("`{{% {found} %}}` in line {line}"),
                None => "the end of the file".to_owned(),
            };
            let message = format!("`{{% {tag} %}}` is not closed: expected `{{% {end} %}}`, found {found}");
            (message, line)
        }
        Unclosed::Stray { tag, opens, line } => {
            let message = format!("`{{% {tag} %}}` closes nothing: no `{{% {opens} %}}` is open there");
            (message, line)
        }
    };
    let message = format!("syntax error: {message}");
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
