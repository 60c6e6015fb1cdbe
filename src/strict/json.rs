//! JSON: bodies of requests, and what programs write where YAML is allowed.

use super::{
    bounded::{Bounds, DocumentShape, Format, Unread},
    plain::Plain,
};
use crate::{
    finding::{Found, Words, expected, rule},
    limits::Budget,
    strict::Problem,
};
use serde::de::DeserializeSeed as _;
use serde_json::Value;

/// Reads one JSON document; an error has line and column, and not the text there.
///
/// # Errors
/// Where it is not JSON, has a key twice, or is larger than a limit allows.
pub fn read_json(text: &[u8], shape: DocumentShape, budget: &mut Budget) -> Result<Value, Unread> {
    read(text, shape, Format::Json, budget)
}

/// Reads JSON, or [plain YAML](Plain), that YAML reads alike. `None` where it is neither, or YAML may have another opinion or a
/// better message: duplicate keys, fractions and exponents, escaped surrogates.
pub(super) fn read_as_yaml(
    text: &str,
    shape: DocumentShape,
    budget: &mut Budget,
) -> Option<Result<Value, Unread>> {
    if text.contains("\\u") && (text.contains("\\ud") || text.contains("\\uD")) {
        return None;
    }
    let read = if text.starts_with(['{', '[']) {
        read(text.as_bytes(), shape, Format::JsonAsYaml, budget)
    } else {
        let plain = Plain::of(text)?;
        let bounds = Bounds::new(budget, shape, Format::JsonAsYaml);
        let value = bounds.document().deserialize(&mut plain.reader());
        value.map_err(|error| fault(bounds, &error))
    };
    match read {
        Err(Unread::Problem(_) | Unread::KeyTwice(_)) => None,
        read => Some(read),
    }
}

/// What is wrong with a text as JSON, if anything: only its syntax is looked at. Several values in a row are fine, as `jq` writes them.
pub fn json_mistake(text: &str) -> Option<Problem> {
    let text = text.trim_start_matches('\u{feff}');
    let values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    let error = values.into_iter().find_map(Result::err)?;
    let place = format!("a mistake at line {}, column {}", error.line(), error.column());
    let found = Found::Syntax(Words::own(place), Some(error.line()));
    Some(Problem::new("", expected("valid JSON").found(found)))
}

fn read(text: &[u8], shape: DocumentShape, format: Format, budget: &mut Budget) -> Result<Value, Unread> {
    let bounds = Bounds::new(budget, shape, format);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let read = bounds
        .document()
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|error| fault(bounds, &error))
}

/// Why the reading ended with an error.
fn fault(bounds: Bounds<'_>, error: &serde_json::Error) -> Unread {
    bounds.fault().unwrap_or_else(|| {
        let place = format!("not JSON: line {}, column {}", error.line(), error.column());
        Unread::Problem(Problem::new("", rule(Words::own(place))))
    })
}
