//! `expect.yaml`: what must hold of single fields of a case's objects.
//!
//! Each entry names an object, a path in it, and one of `equal`, `matches`, `contains` and `absent`:
//!
//! ```yaml
//! - object: pod-driver
//!   path: spec.priorityClassName
//!   equal: high
//! - object: PodGroup/pi
//!   absent: true
//! ```

mod path;

use self::path::Path as FieldPath;
use super::{
    case::{CaseError, EXPECTATIONS},
    text_file::read_text,
};
use crate::{
    kubernetes::ObjectKind,
    manifest,
    strict::{self, Problem},
    templates::{EXTRA_ROLE, TemplateSets},
};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

/// The objects of a case by role. The executor's role has its Pod and then its claims.
pub(super) type Made = BTreeMap<String, Vec<Value>>;

/// The role of a claim begins so; its number follows.
const CLAIM: &str = "persistentvolumeclaim-";

/// The roles of the objects that a case may have; additional objects and claims are not among them.
const ROLES: [&str; 11] = [
    "configmap-driver",
    "configmap-executor-template",
    "configmap-hadoop",
    "configmap-krb5",
    "networkpolicy-executor",
    "pod-driver",
    "pod-executor",
    "podgroup-driver",
    "secret-credentials",
    "secret-keytab",
    "service-driver",
];

/// Whether a golden file's name without its ending can be a role.
pub(super) fn is_role(name: &str) -> bool {
    let is_claim = name
        .strip_prefix(CLAIM)
        .is_some_and(|number| number.parse::<usize>().is_ok());
    ROLES.contains(&name) || is_claim || name.starts_with(EXTRA_ROLE)
}

/// One entry as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    /// The object: the name of its golden file without `.yaml`, or its kind and name.
    object: String,
    /// The field; the object itself without.
    path: Option<String>,
    /// The value that it must have.
    equal: Option<Value>,
    /// A regular expression that must match somewhere in its text.
    matches: Option<String>,
    /// What must be part of it: of a text, of a list an item, of a mapping entries.
    contains: Option<Value>,
    /// `true`: it must not be there.
    absent: Option<bool>,
}

/// What must hold of a field.
#[derive(Debug, Clone)]
enum Wanted {
    Equal(Value),
    Matches(Regex),
    Contains(Value),
    Absent,
}

#[derive(Debug, Clone)]
struct Expectation {
    object: String,
    path: Option<FieldPath>,
    wanted: Wanted,
}

/// The expectations of one case.
#[derive(Debug, Clone)]
pub(super) struct Expectations {
    file: PathBuf,
    list: Vec<Expectation>,
}

/// An expectation that isn't met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// The object as the expectation names it.
    pub object: String,
    /// The path; empty for the object itself.
    pub path: String,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.object)?;
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// The expectations of a folder, if it has any.
///
/// # Errors
/// A mistake in the file.
pub(super) fn read(folder: &Path) -> Result<Option<Expectations>, CaseError> {
    let file = folder.join(EXPECTATIONS);
    let text = match read_text(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CaseError::unusable(&file)(error)),
    };
    match parse(&text) {
        Ok(list) => Ok(Some(Expectations { file, list })),
        Err(message) => Err(CaseError::Settings { path: file, message }),
    }
}

fn parse(text: &str) -> Result<Vec<Expectation>, String> {
    let value = strict::parse_yaml(text).map_err(|problem| problem.to_string())?;
    let reading = strict::read::<Vec<Entry>>(&value);
    let entries = match reading.value {
        Some(ref entries) if reading.unknown.is_empty() => entries.clone(),
        _ => return Err(reading.problems().in_one_line()),
    };
    if entries.is_empty() {
        return Err("expected a list of expectations, found none".to_owned());
    }
    let numbered = entries.into_iter().enumerate();
    numbered
        .map(|(index, entry)| Expectation::of(entry).map_err(|message| format!("[{index}]{message}")))
        .collect()
}

impl Expectation {
    fn of(entry: Entry) -> Result<Self, String> {
        let matches = entry.matches.as_deref().map(Regex::new).transpose();
        let matches =
            matches.map_err(|_| ".matches: expected a regular expression, found a text that is none")?;
        if entry.absent == Some(false) {
            return Err(
                ".absent: expected true, found false; leave it out, and say what the field must be"
                    .to_owned(),
            );
        }
        let wanted: Vec<_> = [
            entry.equal.map(Wanted::Equal),
            matches.map(Wanted::Matches),
            entry.contains.map(Wanted::Contains),
            entry.absent.map(|_| Wanted::Absent),
        ]
        .into_iter()
        .flatten()
        .collect();
        let path = entry.path.as_deref().map(FieldPath::parse).transpose();
        let path = path.map_err(|message| format!(".path: {message}"))?;
        let [wanted] = <[Wanted; 1]>::try_from(wanted).map_err(|wanted| {
            let found = match wanted.len() {
                0 => "none of them".to_owned(),
                count => format!("{count} of them; each expectation has one"),
            };
            format!(": expected equal, matches, contains or absent, found {found}")
        })?;
        Ok(Self {
            object: entry.object,
            path,
            wanted,
        })
    }
}

impl Expectations {
    /// Those that the objects of a case don't meet.
    ///
    /// # Errors
    /// An object that no case of these templates can have, or a field that its kind doesn't have.
    pub(super) fn unmet(&self, made: &Made, sets: &TemplateSets) -> Result<Vec<Unmet>, CaseError> {
        let mut unmet = Vec::new();
        for (index, expectation) in self.list.iter().enumerate() {
            let message = expectation
                .verdict(made, sets)
                .map_err(|message| CaseError::Settings {
                    path: self.file.clone(),
                    message: format!("[{index}]{message}"),
                })?;
            unmet.extend(message.map(|message| {
                Unmet {
                    object: expectation.object.clone(),
                    path: expectation
                        .path
                        .as_ref()
                        .map(ToString::to_string)
                        .unwrap_or_default(),
                    message,
                }
            }));
        }
        Ok(unmet)
    }
}

impl Expectation {
    /// What is wrong, or `None`.
    fn verdict(&self, made: &Made, sets: &TemplateSets) -> Result<Option<String>, String> {
        let Some(object) = find(made, &self.object) else {
            self.could_be_made(made, sets)?;
            return Ok(match (&self.wanted, &self.path) {
                (Wanted::Absent, None) => None,
                _ => Some(format!(
                    "expected the object, found only {}",
                    names(made).join(", ")
                )),
            });
        };
        let Some(path) = &self.path else {
            return Ok(self.wanted.unmet_by(Some(object)));
        };
        let probe = path.probe(object);
        let found = path.at(object);
        if found.is_none()
            && let Some(problem) = manifest::field_problems(&probe)
                .into_iter()
                .find(|problem| is_typo(problem, path))
        {
            let hint = if problem.said.is_unknown_field() {
                ""
            } else {
                "; a key with dots stands in brackets and quotes, as in `metadata.labels[\"a.b/c\"]`"
            };
            return Err(format!(".path: {problem}{hint} ({})", self.object));
        }
        Ok(self.wanted.unmet_by(found.as_ref()))
    }

    /// That the object's name is no slip: these templates can write one of that name.
    fn could_be_made(&self, made: &Made, sets: &TemplateSets) -> Result<(), String> {
        let known = match self.object.split_once('/') {
            Some((kind, name)) => {
                let mut of_made = made.values().flatten().map(|object| &object["kind"]);
                let is_kind = ObjectKind::known(kind).is_some() || of_made.any(|made| made == kind);
                is_kind && !name.is_empty()
            }
            None => {
                let mut extra = sets.iter().flat_map(|set| set.extra_roles());
                if self.object.starts_with(EXTRA_ROLE) {
                    extra.any(|role| role == self.object)
                } else {
                    is_role(&self.object)
                }
            }
        };
        if known {
            return Ok(());
        }
        Err(format!(
            ".object: expected an object of this case, found `{}`; it has {}",
            self.object,
            names(made).join(", ")
        ))
    }
}

/// Whether a reader's complaint about the probe is about the path: there is no such field, or a text has none. What the
/// probe leaves out is no mistake.
fn is_typo(problem: &Problem, path: &FieldPath) -> bool {
    let text = path.plain();
    let is_on_the_way = text != problem.path && text.starts_with(&problem.path);
    let is_no_scalar = problem.said.found_kind("a mapping") || problem.said.found_kind("a list");
    problem.said.is_unknown_field() || (is_on_the_way && is_no_scalar)
}

fn names(made: &Made) -> Vec<&str> {
    made.keys().map(String::as_str).collect()
}

/// An object by its role, or by its kind and name.
fn find<'m>(made: &'m Made, name: &str) -> Option<&'m Value> {
    match name.split_once('/') {
        Some((kind, name)) => made
            .values()
            .flatten()
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == name),
        None => made.get(name)?.first(),
    }
}

impl Wanted {
    /// What was expected and found, where that is not the same.
    fn unmet_by(&self, found: Option<&Value>) -> Option<String> {
        let found = found.filter(|found| !found.is_null());
        let is_met = match (self, found) {
            (Self::Absent, found) => found.is_none(),
            (_, None) => false,
            (Self::Equal(wanted), Some(found)) => wanted == found,
            (Self::Matches(expression), Some(found)) => {
                scalar(found).is_some_and(|text| expression.is_match(&text))
            }
            (Self::Contains(wanted), Some(found)) => contains(found, wanted),
        };
        if is_met {
            return None;
        }
        let wanted = match self {
            Self::Absent => "nothing".to_owned(),
            Self::Equal(wanted) => wanted.to_string(),
            Self::Matches(expression) => format!("a match of /{expression}/"),
            Self::Contains(wanted) => format!("{wanted} in it"),
        };
        let found_text = found.map_or_else(|| "nothing".to_owned(), Value::to_string);
        let hint = match (self, found) {
            (Self::Equal(wanted), Some(Value::String(text)))
                if scalar(wanted).is_some_and(|wanted| wanted == *text) =>
            {
                "; the field is text: put the value in quotes"
            }
            _ => "",
        };
        Some(format!("expected {wanted}, found {found_text}{hint}"))
    }
}

/// A scalar as text.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Whether a text has this in it, a list such an item, a mapping these entries.
fn contains(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Array(items), wanted) => items.iter().any(|item| covers(item, wanted)),
        (found, wanted) => found.is_object() && covers(found, wanted),
    }
}

/// Whether a value is the wanted one; of a mapping it may have more.
fn covers(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, wanted)| found.get(key).is_some_and(|found| covers(found, wanted))),
        (found, wanted) => found == wanted,
    }
}

#[cfg(test)]
mod tests;
