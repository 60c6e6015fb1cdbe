//! Strict reading: YAML or JSON into a type, with every unknown field and every wrong type reported by path.
//!
//! `serde` alone drops unknown fields, stops at the first error, and quotes the offending value, which may be
//! a secret. The reader here walks a [`serde_json::Value`] and knows, at each struct, which fields exist: so it
//! can name the path, what was found (its kind, never the value), what is allowed, and the nearest known name.

mod bounded;
mod general;
mod json;
mod place;
mod reader;

pub use bounded::{Shape, Unread};
pub use general::generalised;
pub use json::read_json;

pub(crate) use place::{Place, at, insert};

use crate::limits::{Budget, DEPTH, NODES, TEXT};
use bounded::{Bounds, Format};
use serde::de::{DeserializeOwned, DeserializeSeed as _};
use serde_json::Value;
use std::fmt;

/// How many type errors are looked for in one document; a document with more is hardly one of this type.
const MOST_ERRORS: usize = 20;

/// How deep a document may nest. Kubernetes' own types stay far below.
const DEEPEST: usize = DEPTH.most;

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, as in `spec.containers[0].image`; empty for the document itself.
    pub path: String,
    /// What is wrong, without the value.
    pub message: String,
    /// An unknown field, which some sources may carry (CONTRACT 4); everything else is an error for all.
    pub unknown_field: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

/// A typed document, and what was found beside the type.
#[derive(Debug)]
pub struct Reading<T> {
    /// The document, if it is of the type.
    pub value: Option<T>,
    /// Unknown fields and type errors. Without a type error, `value` is there.
    pub problems: Vec<Problem>,
}

/// Parses one YAML (or JSON) document that a template or its author wrote. Duplicate keys and further documents are errors.
///
/// What YAML's versions disagree about: booleans are those of YAML 1.2 (`yes` is a string, where kubectl reads a
/// boolean: in a boolean field it is then an error, never a wrong value), and integers are those of YAML 1.1, as
/// kubectl reads them, so that `mode: 0644` is 420. `tests/yaml_reading.rs` has the whole table.
///
/// The message has line and column, and never the text around them.
pub fn parse_yaml(text: &str) -> Result<Value, Problem> {
    Ok(read_yaml(text, Shape::Rendered, &mut Budget::of_rendered())?)
}

/// As [`parse_yaml`], drawing on the budget of a submission.
///
/// # Errors
/// Where it is not one YAML document, or is larger than a limit allows.
pub fn read_yaml(text: &str, shape: Shape, budget: &mut Budget) -> Result<Value, Unread> {
    if text.starts_with(['{', '[']) {
        // What was read is counted anew if it is no JSON.
        let mut left = budget.clone();
        if let Some(read) = json::read_as_yaml(text, shape, &mut left) {
            *budget = left;
            return read;
        }
    }
    let options = serde_yaml::options! {
        with_snippet: false,
        strict_booleans: true,
        legacy_octal_numbers: true,
        emit_comments: false,
        // Ours come first; these bound what is passed over, and what the reader keeps of anchors.
        budget: serde_yaml::budget! {
            max_depth: 2 * DEPTH.most,
            max_aliases: NODES.most,
            max_recorded_anchor_events: 4 * NODES.most,
            max_recorded_anchor_bytes: 4 * TEXT.most,
        },
        // What aliases stand for counts as if it were written out.
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: 2 * NODES.most },
    };
    let bounds = Bounds::new(budget, shape, Format::Yaml);
    let read = serde_yaml::with_deserializer_from_str_with_options(text, options, |deserializer| {
        bounds.document().deserialize(deserializer)
    });
    read.map_err(|error| {
        let fault = bounds.fault();
        let what = match (&error, fault) {
            (_, Some(Unread::OverLimit(over))) => return Unread::OverLimit(over),
            (serde_yaml::Error::Budget { .. }, _) => return Unread::OverLimit(NODES.at("")),
            // Without the key: a file whose indentation slipped has values for keys.
            (serde_yaml::Error::DuplicateMappingKey { location, .. }, _) => {
                format!(
                    "duplicate mapping key at line {}, column {}",
                    location.line(),
                    location.column()
                )
            }
            _ => error.render_with_formatter(&serde_yaml::UserMessageFormatter),
        };
        Unread::Problem(Problem {
            path: String::new(),
            message: format!("not valid YAML: {what}"),
            unknown_field: false,
        })
    })
}

/// Reads `value` as a `T`, and reports all that is unknown or of the wrong type.
pub fn read<T: DeserializeOwned>(value: &Value) -> Reading<T> {
    let report = reader::Report::new(None);
    match reader::read(value, &report) {
        Ok(value) => Reading {
            value: Some(value),
            problems: report.unknown.into_inner(),
        },
        Err(first) => Reading {
            value: None,
            problems: all_problems::<T>(value, first, None),
        },
    }
}

/// The scalar type that a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A string, or a quantity.
    Text,
    /// An integer of 32 bits.
    Integer,
    /// An integer of 64 bits.
    Long,
    /// A boolean.
    Boolean,
}

/// Makes a value the scalar that is wanted; the last argument is the field's name. `None` leaves it as it is.
pub(crate) type Coercion<'c> = &'c dyn Fn(&Value, Wanted, &str) -> Option<Value>;

/// As [`read`], for a reader that converts scalars: `value` has them converted afterwards, if no problem but unknown
/// fields is left.
pub(crate) fn read_coerced<T: DeserializeOwned>(value: &mut Value, coercion: Coercion<'_>) -> Vec<Problem> {
    let report = reader::Report::new(Some(coercion));
    match reader::read::<T>(value, &report) {
        Ok(_) => {
            for (path, coerced) in report.coerced.into_inner() {
                place::replace(value, &path, coerced);
            }
            report.unknown.into_inner()
        }
        Err(first) => all_problems::<T>(value, first, Some(coercion)),
    }
}

/// Takes out what was wrong and reads again, so that a reader of the report sees every error at once.
fn all_problems<T: DeserializeOwned>(
    value: &Value,
    first: Problem,
    coercion: Option<Coercion<'_>>,
) -> Vec<Problem> {
    let mut rest = value.clone();
    let mut errors: Vec<Problem> = Vec::new();
    let mut taken_out = place::TakenOut::default();
    let mut next = Some(first);
    let mut problems = Vec::new();
    while let Some(mut error) = next.take() {
        let removed = place::remove(&mut rest, &error.path);
        error.path = taken_out.original(&error.path);
        taken_out.add(&error.path);
        errors.push(error);
        if !removed || errors.len() == MOST_ERRORS {
            break;
        }
        let report = reader::Report::new(coercion);
        next = reader::read::<T>(&rest, &report).err();
        problems = report.unknown.into_inner();
    }
    for problem in &mut problems {
        problem.path = taken_out.original(&problem.path);
    }
    problems.append(&mut errors);
    problems.sort_by(|a, b| a.path.cmp(&b.path));
    problems
}
