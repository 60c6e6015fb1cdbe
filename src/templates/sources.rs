//! The text of a set's templates, as their authors wrote it, and the names by which messages call them.

use super::{
    builtin,
    files::{FileKind, kind},
};
use std::collections::BTreeMap;

/// The folder under which the default set's templates stay in reach of a named set: `default/driver-pod.yaml.j2`.
pub(crate) const DEFAULT_PREFIX: &str = "default/";

/// The folder of the layer that applies to every submission: `always/driver-pod.patch.yaml.j2`.
pub(crate) const ALWAYS_PREFIX: &str = "always/";

/// The text of an admin's templates by the name that the engine knows them by; the built-in ones are there anyway.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    files: BTreeMap<String, Source>,
}

#[derive(Debug)]
struct Source {
    text: String,
    shown: String,
}

impl Sources {
    /// Adds a file; `shown` is what messages call it, with its set: `gpu/driver-pod.yaml.j2`.
    pub(crate) fn add(&mut self, name: &str, shown: String, text: &str) {
        let text = text.to_owned();
        self.files.insert(name.to_owned(), Source { text, shown });
    }

    /// The names of all admin's templates, as the engine knows them.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The text of the template that the engine knows by this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        match self.files.get(name) {
            Some(source) => Some(&source.text),
            None => builtin::source(plain(name)),
        }
    }

    /// The name that tells where a template comes from: `builtin/…`, a named set's folder, or the plain name of a file
    /// of the default set.
    pub(crate) fn full_name(&self, name: &str) -> String {
        match self.files.get(name) {
            Some(source) => source.shown.clone(),
            None if builtin::source(plain(name)).is_some() => format!("{}{}", builtin::PREFIX, plain(name)),
            None => name.to_owned(),
        }
    }
}

/// The template that `parent` means by a name: what applies beside others' includes what is of its own layer, so that no other
/// layer can put something else in its place.
pub(crate) fn reached(name: &str, parent: &str) -> String {
    let is_full = [builtin::PREFIX, DEFAULT_PREFIX, ALWAYS_PREFIX]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    let is_layered = |plain: &str| kind(plain).is_of_its_layer() || kind(plain) == FileKind::Partial;
    match parent.strip_prefix(DEFAULT_PREFIX) {
        _ if is_full => name.to_owned(),
        _ if parent.starts_with(ALWAYS_PREFIX) => format!("{ALWAYS_PREFIX}{name}"),
        Some(plain) if is_layered(plain) => format!("{DEFAULT_PREFIX}{name}"),
        _ => name.to_owned(),
    }
}

fn plain(name: &str) -> &str {
    name.strip_prefix(builtin::PREFIX)
        .or_else(|| name.strip_prefix(DEFAULT_PREFIX))
        .unwrap_or(name)
}
