//! Strict reading: YAML or JSON into a type, with every unknown field and every wrong type reported by path.
//!
//! `serde` alone drops unknown fields, stops at the first error, and quotes the offending value, which may be
//! a secret. The reader here walks a [`serde_json::Value`] and knows, at each struct, which fields exist: so it
//! can name the path, what was found (its kind, never the value), what is allowed, and the nearest known name.

mod bounded;
mod general;
mod items;
mod json;
mod place;
mod plain;
mod quotes;
mod reader;

pub use bounded::{DocumentShape, Unread};
pub use general::generalised;
pub use items::{TakeItem, read_items};
pub use json::{json_mistake, read_json};

pub(crate) use place::{Place, at, hide_names, insert};
pub(crate) use quotes::opened as opened_quote;
pub(crate) use reader::nearest;

use crate::{
    finding::{Cut, Found, Hint, KEY_TWICE, Kept, Statement, Words, expected, one_line, rule, short_words},
    limits::{Budget, DEPTH, FINDINGS, MERGED, NODES, PATH_CHARACTERS, TEXT},
};
use bounded::{Bounds, Format};
use clap::ValueEnum;
use reader::Items;
use serde::de::{DeserializeOwned, DeserializeSeed as _};
use serde_json::Value;
use std::{collections::BTreeSet, fmt};

/// How deep a document may nest. Kubernetes' own types stay far below.
const DEEPEST: usize = DEPTH.most;

/// What becomes of fields that the types don't have. In files and on the command line they are slips, and refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UnknownFields {
    /// Those in a part of the Pod go to the API server, which may be newer than this program. Others are left out. Each gives a warning.
    Pass,
    /// The submission is refused.
    Refuse,
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, as in `spec.containers[0].image`; empty for the document itself. A key in it may have any length.
    pub path: String,
    /// What is wrong there.
    pub said: Statement,
}

impl Problem {
    /// A problem at a path.
    pub(crate) fn new(path: impl Into<String>, said: impl Into<Statement>) -> Self {
        Self {
            path: path.into(),
            said: said.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.said.to_string();
        if self.path.is_empty() {
            f.write_str(&one_line(&said))
        } else {
            write!(f, "{}: {}", Cut(&self.path, PATH_CHARACTERS), one_line(&said))
        }
    }
}

/// A typed document, and what was found beside the type.
#[derive(Debug)]
pub struct Reading<T> {
    /// The document, if it is of the type.
    pub value: Option<T>,
    /// Type errors, at most [`FINDINGS`]. Without any, `value` is there.
    pub errors: Vec<Problem>,
    /// Every field that the type doesn't have, because some readers pass them on; only the first few have a hint.
    pub unknown: Vec<UnknownField>,
}

/// A field that a type doesn't have. Some sources may carry one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    /// Where, its own name included.
    pub path: String,
    hint: Option<Box<Hint>>,
}

impl UnknownField {
    /// The field as a problem.
    pub fn problem(&self) -> Problem {
        let hint = self.hint.as_deref().cloned();
        Problem::new(self.path.as_str(), rule("unknown field").hint(hint))
    }
}

impl Reading<()> {
    /// What was found, for a reader that wanted a value and gets none.
    fn without_value<T>(self) -> Reading<T> {
        Reading {
            value: None,
            errors: self.errors,
            unknown: self.unknown,
        }
    }
}

impl<T> Reading<T> {
    /// All that is wrong, unknown fields included, by path.
    pub fn problems(self) -> Kept<Problem> {
        self.problems_if(true)
    }

    /// All that is wrong, by path, with unknown fields only if they are refused.
    pub(crate) fn problems_if(self, refuses_unknown: bool) -> Kept<Problem> {
        let mut problems: Kept<Problem> = self.errors.into_iter().collect();
        for field in self.unknown.iter().filter(|_| refuses_unknown) {
            problems.push_with(|| field.problem());
        }
        problems.sort_by_key(|problem| &problem.path);
        problems
    }

    /// The paths of the unknown fields without list indices, each once.
    pub(crate) fn generalised(&self) -> Vec<String> {
        let paths: BTreeSet<_> = self
            .unknown
            .iter()
            .map(|field| generalised(&field.path))
            .collect();
        paths.into_iter().collect()
    }

    /// Writes all paths as those of a document in which this one stands at `place`.
    pub(crate) fn below(&mut self, place: &str) {
        let errors = self.errors.iter_mut().map(|problem| &mut problem.path);
        for path in errors.chain(self.unknown.iter_mut().map(|field| &mut field.path)) {
            let dot = if path.is_empty() || path.starts_with('[') {
                ""
            } else {
                "."
            };
            *path = format!("{place}{dot}{path}");
        }
    }
}

/// Parses one YAML (or JSON) document that a template or its author wrote. Duplicate keys and further documents are errors.
///
/// What YAML's versions disagree about: booleans are those of YAML 1.2 (`yes` is a string, where kubectl reads a
/// boolean: in a boolean field it is then an error, never a wrong value), and integers are those of YAML 1.1, as
/// kubectl reads them, so that `mode: 0644` is 420. `tests/it/values/yaml_reading.rs` has the whole table.
///
/// The message has line and column, and never the text around them.
pub fn parse_yaml(text: &str) -> Result<Value, Problem> {
    Ok(read_yaml(
        text,
        DocumentShape::Rendered,
        &mut Budget::of_rendered(),
    )?)
}

/// As [`parse_yaml`], drawing on the budget of a submission.
///
/// # Errors
/// Where it is not one YAML document, or is larger than a limit allows.
pub fn read_yaml(text: &str, shape: DocumentShape, budget: &mut Budget) -> Result<Value, Unread> {
    // What was read is counted anew if the reader of YAML decides.
    let mut left = budget.clone();
    if let Some(read) = json::read_as_yaml(text, shape, &mut left) {
        *budget = left;
        return read;
    }
    read_fully(text, shape, budget)
}

/// Reads any YAML.
fn read_fully(text: &str, shape: DocumentShape, budget: &mut Budget) -> Result<Value, Unread> {
    let bounds = Bounds::new(budget, shape, Format::Yaml);
    let read =
        serde_yaml::with_deserializer_from_str_with_options(text, yaml_options(text), |deserializer| {
            bounds.document().deserialize(deserializer)
        });
    read.map_err(|error| match bounds.fault() {
        Some(Unread::OverLimit(over)) => Unread::OverLimit(over),
        _ => unread(&error, text),
    })
}

/// Why the reader of YAML ended early: a limit of its own, or what is wrong with the text.
fn unread(error: &serde_yaml::Error, text: &str) -> Unread {
    if !is_over_limit(error) {
        return Unread::Problem(yaml_problem(error, text));
    }
    let limit = if has_merge_key(text) { MERGED } else { NODES };
    Unread::OverLimit(limit.at(""))
}

fn is_over_limit(error: &serde_yaml::Error) -> bool {
    use serde_yaml::Error;
    match error {
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. } => true,
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => is_over_limit(error),
        _ => false,
    }
}

/// Whether a text may have a merge key, which is written in one way only.
fn has_merge_key(text: &str) -> bool {
    text.contains("<<")
}

/// As [`parse_yaml`], by the reader of YAML alone.
#[cfg(test)]
fn parse_fully(text: &str) -> Result<Value, Problem> {
    Ok(read_fully(
        text,
        DocumentShape::Rendered,
        &mut Budget::of_rendered(),
    )?)
}

/// How a text of YAML is read.
fn yaml_options(text: &str) -> serde_yaml::Options {
    // What aliases stand for is read from where it stands, and counts as if it were written out; what is merged is copied first.
    let (recorded, replayed) = if has_merge_key(text) {
        (2 * MERGED.most, MERGED.most)
    } else {
        (4 * NODES.most, 2 * NODES.most)
    };
    serde_yaml::options! {
        with_snippet: false,
        strict_booleans: true,
        legacy_octal_numbers: true,
        emit_comments: false,
        // Ours come first; these bound what is passed over, and what the reader keeps of anchors.
        budget: serde_yaml::budget! {
            max_depth: 2 * DEPTH.most,
            max_aliases: NODES.most,
            max_merge_keys: MERGED.most,
            max_recorded_anchor_events: recorded,
            max_recorded_anchor_bytes: 4 * TEXT.most,
        },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: replayed },
    }
}

/// What is wrong with a text that is no YAML.
fn yaml_problem(error: &serde_yaml::Error, text: &str) -> Problem {
    if let serde_yaml::Error::MultipleDocuments { location, .. } = error {
        let line = location.line();
        let found = Words::own(format!("a second at line {line}"));
        let found = Found::Syntax(found, usize::try_from(line).ok());
        return Problem::new("", expected("one document").found(found));
    }
    let line = error.location().and_then(|at| usize::try_from(at.line()).ok());
    let found = match error {
        // Without the key: a file whose indentation slipped has values for keys.
        serde_yaml::Error::DuplicateMappingKey { location, .. } => {
            let (line, column) = (location.line(), location.column());
            let words = format!("{KEY_TWICE} at line {line}, column {column}");
            Found::Syntax(Words::own(words), usize::try_from(line).ok())
        }
        _ => {
            let said = error.render_with_formatter(&serde_yaml::UserMessageFormatter);
            match line.and_then(|line| quotes::opened(text, &said, line)) {
                Some((line, column)) => {
                    let words = format!("an unclosed quote at line {line}, column {column}");
                    Found::Syntax(Words::own(words), Some(line))
                }
                None => Found::Syntax(without_quotes(&said), line),
            }
        }
    };
    Problem::new("", expected("valid YAML").found(found))
}

/// A parser's message without what it quotes of the text, such as a number that is too long.
fn without_quotes(message: &str) -> Words {
    let pieces: Vec<_> = message.split('`').step_by(2).collect();
    Words::foreign(short_words(&pieces.join("…"), QUOTED_CHARACTERS))
}

/// The most of one word of a parser's message that is shown, in characters: an anchor's name stands in it without quotes.
const QUOTED_CHARACTERS: usize = 64;

/// Reads `value` as a `T`, and reports all that is unknown or of the wrong type.
pub fn read<T: DeserializeOwned>(value: &Value) -> Reading<T> {
    let report = reader::Report::new(None, Items::Kept);
    match reader::read(value, &report) {
        Ok(value) => Reading {
            value: Some(value),
            errors: Vec::new(),
            unknown: report.unknown.into_inner(),
        },
        Err(first) => all_problems::<T>(value, first, None).without_value(),
    }
}

/// As [`read`], where nobody wants the `T`: of each list one item is built at a time, for a typed item may take a hundred times the
/// memory of its text (a volume has 3 KiB). `T` has no tuples.
pub fn check<T: DeserializeOwned>(value: &Value) -> Reading<()> {
    let report = reader::Report::new(None, Items::Checked);
    match reader::read::<T>(value, &report) {
        Ok(_) => Reading {
            value: Some(()),
            errors: Vec::new(),
            unknown: report.unknown.into_inner(),
        },
        Err(first) => all_problems::<T>(value, first, None),
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

/// How a reader of another program takes scalars.
#[derive(Clone, Copy)]
pub(crate) struct Coercion<'c> {
    /// Makes a value the scalar that is wanted; the last argument is the field's name. `None` leaves it as it is.
    pub(crate) scalar: &'c dyn Fn(&Value, Wanted, &str) -> Option<Value>,
    /// Whether it can read a text as a quantity.
    pub(crate) is_quantity: fn(&str) -> bool,
}

/// As [`check`], for a reader that converts scalars: `value` has them converted afterwards, if no problem but unknown
/// fields is left.
pub(crate) fn check_coerced<T: DeserializeOwned>(value: &mut Value, coercion: Coercion<'_>) -> Reading<()> {
    let report = reader::Report::new(Some(coercion), Items::Checked);
    match reader::read::<T>(value, &report) {
        Ok(_) => {
            for (path, coerced) in report.coerced.into_inner() {
                place::replace(value, &path, coerced);
            }
            Reading {
                value: Some(()),
                errors: Vec::new(),
                unknown: report.unknown.into_inner(),
            }
        }
        Err(first) => all_problems::<T>(value, first, Some(coercion)),
    }
}

/// Takes out what was wrong and reads again, so that a reader of the report sees every error at once.
fn all_problems<T: DeserializeOwned>(
    value: &Value,
    first: Problem,
    coercion: Option<Coercion<'_>>,
) -> Reading<()> {
    let mut rest = value.clone();
    let mut errors: Vec<Problem> = Vec::new();
    let mut taken_out = place::TakenOut::default();
    let mut next = Some(first);
    let mut unknown = Vec::new();
    while let Some(mut error) = next.take() {
        let removed = place::remove(&mut rest, &error.path);
        error.path = taken_out.original(&error.path);
        taken_out.add(&error.path);
        errors.push(error);
        if !removed || errors.len() == FINDINGS {
            break;
        }
        let report = reader::Report::new(coercion, Items::Checked);
        next = reader::read::<T>(&rest, &report).err();
        unknown = report.unknown.into_inner();
    }
    for problem in &mut unknown {
        problem.path = taken_out.original(&problem.path);
    }
    errors.sort_by(|a, b| a.path.cmp(&b.path));
    Reading {
        value: None,
        errors,
        unknown,
    }
}
