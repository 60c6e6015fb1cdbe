//! Text to [`SparkApplication`], strictly.

use super::{
    API_VERSION, ApplicationError, KIND, KeptFields, SparkApplication,
    error::{missing, problem},
};
use crate::{
    finding::{Kept, Warnings, Words, expected, rule},
    limits::{Budget, OverLimit, UNKNOWN_FIELDS, VOLUMES},
    strict::{self, DocumentShape, Place, Problem, UnknownField, UnknownFields},
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::Value;

/// An application that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The application, without defaults and not validated.
    pub application: SparkApplication,
    /// What is odd but not wrong, one line each, field path first. Unknown fields are among them.
    pub warnings: Warnings,
    /// The unknown fields. Those inside a `template` are still in it; all others are in the application's `kept`.
    pub unknown_fields: Vec<UnknownField>,
}

/// Parses an application from YAML or JSON.
///
/// `status`, `metadata.managedFields` and nulls are always accepted and dropped.
///
/// # Errors
/// Everything that isn't of the type, with field paths and without values.
pub fn parse(text: &str, unknown_fields: UnknownFields) -> Result<Parsed, ApplicationError> {
    let mut budget = Budget::default();
    let document = strict::read_yaml(text, DocumentShape::Application, &mut budget).map_err(Problem::from)?;
    of_document(document, budget, unknown_fields)
}

/// A limit that doesn't hold, as a problem.
pub(super) fn over_limit(over: &OverLimit) -> Problem {
    problem(over.path.as_str(), rule(Words::own(over.message())))
}

/// The application of a document that was read with this budget.
pub(super) fn of_document(
    document: Value,
    budget: Budget,
    unknown_fields: UnknownFields,
) -> Result<Parsed, ApplicationError> {
    few_volumes(&document).map_err(|over| over_limit(&over))?;
    let mut parsed = from_value(document, unknown_fields)?;
    UNKNOWN_FIELDS
        .holds("", parsed.unknown_fields.len())
        .map_err(|over| over_limit(&over))?;
    parsed.application.budget = budget;
    Ok(parsed)
}

/// That an application has no more volumes than a Pod may; to be known before they are read as what they are.
///
/// # Errors
/// Where it has more.
pub fn few_volumes(document: &Value) -> Result<(), OverLimit> {
    let volumes = document.pointer("/spec/volumes").and_then(Value::as_array);
    VOLUMES.holds("spec.volumes", volumes.map_or(0, Vec::len))
}

/// Reads an application from a JSON value; else as [`parse`]. Of unknown fields it keeps one more than allowed, which is its
/// caller's to refuse.
///
/// # Errors
/// As [`parse`].
pub fn from_value(mut document: Value, unknown_fields: UnknownFields) -> Result<Parsed, ApplicationError> {
    let mut warnings = Warnings::default();
    check_kind(&document)?;
    drop_accepted(&mut document);
    drop_nulls(&mut document, &Place::Document, &mut warnings);

    let reading = strict::read::<SparkApplication>(&document);
    let mut unknown = reading.unknown;
    // Of the parts alone: in the templates they are kept where they stand.
    let kept = KeptFields::of(&document, &unknown);
    let mut errors = absent(&document);
    errors.extend(reading.errors);
    for template in template_problems(&document) {
        errors.extend(template.errors);
        unknown.extend(template.unknown);
    }
    match unknown_fields {
        UnknownFields::Refuse => errors.extend(unknown.iter().map(UnknownField::problem)),
        UnknownFields::Pass => unknown
            .iter()
            .for_each(|field| warnings.push_with(|| field.problem())),
    }
    errors.each().for_each(advise_quotes);
    ApplicationError::unless_empty(errors)?;

    let application = reading
        .value
        .ok_or_else(|| problem("", expected("a SparkApplication")))?;
    Ok(Parsed {
        application: SparkApplication { kept, ..application },
        warnings,
        unknown_fields: unknown,
    })
}

/// What the operator makes applications from, and nobody submits.
pub(super) const SCHEDULED: &str = "ScheduledSparkApplication";

/// Another kind or version would give dozens of errors about fields, so it is reported first.
fn check_kind(document: &Value) -> Result<(), ApplicationError> {
    let Value::Object(fields) = document else {
        let mapping = expected(Words::own(format!("a {KIND} as a mapping")));
        let found = match document {
            Value::Null => "an empty document",
            Value::Array(_) => "a list",
            _ => "a single value",
        };
        return Err(problem("", mapping.kind(found)).into());
    };
    let mut problems = Kept::default();
    for (field, wanted) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        let said = expected(Words::own(format!("`{wanted}`")));
        let said = match fields.get(field) {
            Some(Value::String(found)) if found == wanted => continue,
            Some(Value::String(found)) if field == "kind" && found == SCHEDULED => said.shown(found).advice(
                "a schedule can't be submitted; submit a SparkApplication with its spec.template as spec",
            ),
            Some(Value::String(found)) => said.shown(found),
            Some(Value::Null) | None => said.nothing(),
            Some(other) => expected("a string").kind(in_words(other)),
        };
        problems.push(problem(field, said));
    }
    ApplicationError::unless_empty(problems)
}

/// A number or a boolean as it is, and a collection by its kind.
fn in_words(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        scalar => scalar.to_string(),
    }
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

/// The most such nulls that are reported. Their paths are as long as their keys.
const MOST_NULLS: usize = 20;

/// To Kubernetes a field that is null is a field that is absent.
fn drop_nulls(value: &mut Value, place: &Place<'_>, warnings: &mut Warnings) {
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
fn absent(document: &Value) -> Kept<Problem> {
    let required = [
        ("/metadata", "metadata"),
        ("/spec", "spec"),
        ("/spec/driver", "spec.driver"),
        ("/spec/executor", "spec.executor"),
    ];
    let has_spec = document.get("spec").is_some();
    required
        .into_iter()
        .filter(|(pointer, path)| {
            document.pointer(pointer).is_none() && (has_spec || !path.starts_with("spec."))
        })
        .map(|(_, path)| problem(path, missing()))
        .collect()
}

/// The operator passes pod templates through, so the application keeps them as they are; here they are only read.
fn template_problems(document: &Value) -> impl Iterator<Item = strict::Reading<()>> {
    let roles = ["driver", "executor"].into_iter();
    roles.filter_map(|role| {
        let template = document.pointer(&format!("/spec/{role}/template"))?;
        let mut reading = strict::check::<PodTemplateSpec>(template);
        reading.below(&format!("spec.{role}.template"));
        Some(reading)
    })
}

/// A value that YAML takes for another type than a string needs quotes.
fn advise_quotes(problem: &mut Problem) {
    if problem.said.wants_quotes() {
        problem.said = problem.said.clone().advice("put it in quotes");
    }
}

#[cfg(test)]
mod tests;
