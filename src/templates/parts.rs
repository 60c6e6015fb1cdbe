//! What a template set is made of: files by name, and the id that follows from them.

use super::{
    builtin,
    files::{EXEMPT, Files, is_template},
    newer_fields::NewerFields,
    sources::{ALWAYS_PREFIX, DEFAULT_PREFIX},
};
use crate::{hash::hex, kubernetes::ObjectKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The name of the set that serves where no other is chosen.
pub const DEFAULT_SET: &str = "default";

/// How many bytes of the content's hash identify a set: 12 hex digits.
const HASH_BYTES: usize = 6;

/// What a set is made of, on its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Source {
    name: String,
    id: String,
    #[serde(with = "encoded")]
    files: Files,
    #[serde(with = "encoded")]
    default: Files,
    #[serde(with = "encoded")]
    always: Files,
    extra_kinds: Vec<ObjectKind>,
    newer_fields: NewerFields,
}

impl Source {
    pub(super) fn of(parts: Parts<'_>) -> Self {
        Self {
            name: parts.name.to_owned(),
            id: parts.id(),
            files: parts.files.clone(),
            default: parts.default.clone(),
            always: parts.always.clone(),
            extra_kinds: parts.extra_kinds.to_vec(),
            newer_fields: parts.newer_fields,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Its own files.
    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        Parts {
            name: &self.name,
            files: &self.files,
            default: &self.default,
            always: &self.always,
            extra_kinds: &self.extra_kinds,
            newer_fields: self.newer_fields,
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
    /// The files of the layer that applies to every submission, whichever set it gets.
    pub(crate) always: &'f Files,
    /// The kinds of additional objects that the admin allows.
    pub(crate) extra_kinds: &'f [ObjectKind],
    /// What becomes of a field that Kubernetes' types don't have.
    pub(crate) newer_fields: NewerFields,
}

/// The files of one layer, and how the engine's names of them begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer<'f> {
    pub(super) prefix: &'static str,
    pub(super) files: &'f Files,
}

impl<'f> Parts<'f> {
    /// The file that stands under each name, and what messages call it.
    pub(super) fn effective(self) -> BTreeMap<&'f str, (String, &'f [u8])> {
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
            .filter(|(name, ..)| is_template(name) && !name.starts_with(builtin::PREFIX))
            .map(|(name, shown, bytes)| (name.as_str(), (shown, bytes.as_slice())))
            .collect()
    }

    /// The layers whose patches and policies apply, the strongest last.
    pub(super) fn layers(self) -> Vec<Layer<'f>> {
        let layer = |prefix, files| Layer { prefix, files };
        let mut layers = vec![layer("", self.files), layer(ALWAYS_PREFIX, self.always)];
        if self.name != DEFAULT_SET {
            layers.insert(0, layer(DEFAULT_PREFIX, self.default));
        }
        layers
    }

    /// What messages call a file of a layer.
    pub(super) fn shown_in(self, layer: &Layer<'_>, name: &str) -> String {
        match layer.prefix {
            "" => self.shown(name),
            ALWAYS_PREFIX => format!("{ALWAYS_PREFIX}{name}"),
            _ => name.to_owned(),
        }
    }

    /// What messages call a file.
    pub(super) fn shown(self, name: &str) -> String {
        if self.name == DEFAULT_SET {
            name.to_owned()
        } else {
            format!("{}/{name}", self.name)
        }
    }

    /// Whether no file of an admin is in it, so that it is what the golden files pin.
    pub(super) fn is_builtin(self) -> bool {
        self.files.is_empty() && self.default.is_empty() && self.always.is_empty()
    }

    /// The id that a set of these files has, or would have if it is broken.
    pub(crate) fn id(self) -> String {
        format!("{}@{}", self.name, hash(self))
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
    let always = parts.always.iter().filter(|(name, _)| is_template(name));
    let always = always.map(|(name, bytes)| (format!("{ALWAYS_PREFIX}{name}"), bytes.as_slice()));
    // Each layer's exemptions are of its own policies.
    let exemptions = parts.layers().into_iter().filter_map(|layer| {
        let bytes = layer.files.get(EXEMPT)?;
        Some((format!("{}{EXEMPT}", layer.prefix), bytes.as_slice()))
    });
    let layers = overrides.chain(defaults).chain(always).chain(exemptions);
    let sorted: BTreeMap<String, &[u8]> = layers.chain(builtins).collect();
    for (name, bytes) in sorted {
        for part in [name.as_bytes(), bytes] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    hex(&hasher.finalize(), HASH_BYTES)
}
