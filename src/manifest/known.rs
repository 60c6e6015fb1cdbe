//! Which kind a document is, and whether it may be.

use crate::{
    finding::{Statement, Words, expected},
    kubernetes::{ObjectKind, at::At, kinds},
    strict::{Problem, UnknownField},
    templates::{Document, EXTRA_ROLE},
};
use serde_json::Value;

/// The kind that a document says it is, if it is one that it may be: the one of its role, or for an additional object one of
/// those that the admin allows.
pub(super) fn kind(
    document: &Document,
    value: &Value,
    extra_kinds: &[ObjectKind],
) -> Result<ObjectKind, Problem> {
    if !value.is_object() {
        return Err(Problem::new("", expected("a Kubernetes object, a mapping")));
    }
    let at = At::document(value);
    let found = |said: Statement, field| match at.text(field) {
        Some(text) => said.shown(text),
        None => said.nothing(),
    };
    let kind = match at.text("kind") {
        Some(kind) if document.role.starts_with(EXTRA_ROLE) => {
            extra(kind, at.text("apiVersion"), extra_kinds)?
        }
        name => name.and_then(ObjectKind::known).ok_or_else(|| {
            let kinds: Vec<_> = kinds::known().map(|known| known.name).collect();
            let said = expected(Words::own(format!("one of {}", kinds.join(", "))));
            Problem::new("kind", found(said, "kind"))
        })?,
    };
    let api_version = kind.api_version();
    if at.text("apiVersion") != Some(&api_version) {
        let said = expected(Words::own(format!("{api_version} for a {}", kind.name())));
        return Err(Problem::new("apiVersion", found(said, "apiVersion")));
    }
    let role = document.role.split('-').next().unwrap_or_default();
    match kinds::known().find(|known| known.name.eq_ignore_ascii_case(role)) {
        Some(wanted) if wanted.name != kind.name() => {
            let said = expected(Words::own(format!("{} here ({})", wanted.name, document.role)));
            Err(Problem::new("kind", said.kind(kind.name().to_owned())))
        }
        _ => Ok(kind),
    }
}

/// The kind of an additional object: of several with one name the one of its version, else the first.
fn extra(kind: &str, version: Option<&str>, allowed: &[ObjectKind]) -> Result<ObjectKind, Problem> {
    let mut named = allowed.iter().filter(|allowed| allowed.name() == kind);
    let of_version = named.clone().find(|kind| version == Some(&*kind.api_version()));
    of_version.or_else(|| named.next()).cloned().ok_or_else(|| {
        let names = ObjectKind::names(allowed);
        let said = expected(Words::own(format!("one of {names} (ALLOWED_EXTRA_KINDS)")));
        Problem::new("kind", said.shown(kind))
    })
}

/// What is wrong with an object of its kind, unknown fields included; nothing where its kind has no type here.
pub(crate) fn field_problems(object: &Value) -> Vec<Problem> {
    let Some(kind) = ObjectKind::of(object) else {
        return Vec::new();
    };
    let reading = kind.read(object);
    let unknown = reading.unknown.iter().map(UnknownField::problem);
    unknown.chain(reading.errors.iter().cloned()).collect()
}
