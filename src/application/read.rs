//! Text to [`SparkApplication`], strictly.

use super::{
    API_VERSION, ApplicationError, KIND, KeptFields, SparkApplication, error::problem, place::Place,
};
use crate::{
    limits::{Budget, UNKNOWN_FIELDS},
    redaction::shown,
    strict::{self, Problem, Shape},
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::Value;

/// What to do with a field that the types don't have (CONTRACT 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownFields {
    /// An error: for files and the command line, where it is a slip.
    Refuse,
    /// A warning: for requests and live objects, which may come from a newer operator or Kubernetes.
    Warn,
}

/// An application that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The application, without defaults and not validated.
    pub application: SparkApplication,
    /// What is odd but not wrong, one line each, field path first. Unknown fields are among them.
    pub warnings: Vec<String>,
    /// The unknown fields. Those inside a `template` are still in it; all others are in the application's `kept`.
    pub unknown_fields: Vec<Problem>,
}

/// Parses an application from YAML or JSON.
///
/// `status`, `metadata.managedFields` and nulls are always accepted and dropped.
///
/// # Errors
/// Everything that isn't of the type, with field paths and without values.
pub fn parse(text: &str, unknown_fields: UnknownFields) -> Result<Parsed, ApplicationError> {
    let mut budget = Budget::default();
    let document = strict::read_yaml(text, Shape::Application, &mut budget).map_err(Problem::from)?;
    let mut parsed = from_value(document, unknown_fields)?;
    let unknown = UNKNOWN_FIELDS.holds("", parsed.unknown_fields.len());
    unknown.map_err(|over| problem(over.path.as_str(), over.message()))?;
    parsed.application.budget = budget;
    Ok(parsed)
}

/// Reads an application from a JSON value; else as [`parse`]. Of unknown fields it keeps one more than allowed, which is its
/// caller's to refuse.
///
/// # Errors
/// As [`parse`].
pub fn from_value(mut document: Value, unknown_fields: UnknownFields) -> Result<Parsed, ApplicationError> {
    let mut warnings = Vec::new();
    check_kind(&document)?;
    drop_accepted(&mut document);
    drop_nulls(&mut document, &Place::Root(""), &mut warnings);

    let reading = strict::read::<SparkApplication>(&document);
    let kept = KeptFields::of(&document, &reading.problems);
    let mut problems = missing(&document);
    problems.extend(reading.problems);
    problems.extend(template_problems(&document));
    let (unknown, mut errors): (Vec<_>, Vec<_>) =
        problems.into_iter().partition(|problem| problem.unknown_field);
    match unknown_fields {
        UnknownFields::Refuse => errors.extend(unknown.iter().cloned()),
        UnknownFields::Warn => warnings.extend(unknown.iter().map(ToString::to_string)),
    }
    errors.iter_mut().for_each(advise_quotes);
    errors.sort_by(|a, b| a.path.cmp(&b.path));
    ApplicationError::unless_empty(errors)?;

    let application = reading
        .value
        .ok_or_else(|| problem("", "not a SparkApplication"))?;
    Ok(Parsed {
        application: SparkApplication { kept, ..application },
        warnings,
        unknown_fields: unknown,
    })
}

/// Another kind or version would give dozens of errors about fields, so it is told before anything else.
fn check_kind(document: &Value) -> Result<(), ApplicationError> {
    let Value::Object(fields) = document else {
        let found = if document.is_null() {
            "an empty document"
        } else {
            "something else"
        };
        return Err(problem("", format!("expected a {KIND} as a mapping, found {found}")).into());
    };
    let mut problems = Vec::new();
    for (field, expected) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        let message = match fields.get(field) {
            Some(Value::String(found)) if found == expected => continue,
            Some(Value::String(found)) if field == "kind" && found == "ScheduledSparkApplication" => {
                "a ScheduledSparkApplication can't be submitted: it is a schedule by which the operator makes \
                 SparkApplications; submit one with its spec.template as spec"
                    .to_owned()
            }
            Some(Value::String(found)) => format!("expected `{expected}`, found {}", shown(found)),
            Some(Value::Null) | None => format!("missing; expected `{expected}`"),
            Some(_) => format!("expected `{expected}`, found something that isn't a string"),
        };
        problems.push(problem(field, message));
    }
    ApplicationError::unless_empty(problems)
}

fn drop_accepted(document: &mut Value) {
    if let Value::Object(fields) = document {
        fields.remove("status");
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            metadata.remove("managedFields");
        }
    }
}

/// The maps whose keys are the user's: a null in one of these is more likely a forgotten value than an absent field.
const USER_MAPS: &[&str] = &["sparkConf", "hadoopConf", "envVars", "labels", "annotations"];

/// How many such nulls are told of. Their paths are as long as their keys.
const MOST_NULLS: usize = 20;

/// To Kubernetes a field that is null is a field that is absent.
fn drop_nulls(value: &mut Value, place: &Place<'_>, warnings: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, value| {
                if value.is_null() && USER_MAPS.contains(&place.name()) && warnings.len() < MOST_NULLS {
                    warnings.push(format!("{}: null, so left out", Place::Key(place, key)));
                }
                !value.is_null()
            });
            for (key, value) in fields.iter_mut() {
                drop_nulls(value, &Place::Field(place, key), warnings);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                drop_nulls(item, &Place::Item(place, index), warnings);
            }
        }
        _ => {}
    }
}

/// The sections that the CRD requires. Single fields that it requires are `validate`'s, which also sees applications
/// that came by other ways.
fn missing(document: &Value) -> Vec<Problem> {
    let required = [
        ("/metadata", "metadata"),
        ("/spec", "spec"),
        ("/spec/driver", "spec.driver"),
        ("/spec/executor", "spec.executor"),
    ];
    let mut problems: Vec<_> = required
        .into_iter()
        .filter(|(pointer, _)| document.pointer(pointer).is_none())
        .map(|(_, path)| problem(path, "missing"))
        .collect();
    if problems.iter().any(|problem| problem.path == "spec") {
        problems.retain(|problem| !problem.path.starts_with("spec."));
    }
    problems
}

fn template_problems(document: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    for role in ["driver", "executor"] {
        let Some(template) = document.pointer(&format!("/spec/{role}/template")) else {
            continue;
        };
        for found in strict::read::<PodTemplateSpec>(template).problems {
            let dot = if found.path.is_empty() || found.path.starts_with('[') {
                ""
            } else {
                "."
            };
            problems.push(Problem {
                path: format!("spec.{role}.template{dot}{}", found.path),
                ..found
            });
        }
    }
    problems
}

/// YAML reads `true` and `2` as what they look like; most of the fields that hold a user's text are strings.
fn advise_quotes(problem: &mut Problem) {
    let unquoted = ["a boolean", "an integer", "a number with a fraction"]
        .iter()
        .any(|found| problem.message == format!("expected a string, found {found}"));
    if unquoted {
        problem.message.push_str("; put it in quotes");
    }
}

#[cfg(test)]
mod tests;
