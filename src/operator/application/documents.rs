//! The applications of a text: one document or several, lists as `kubectl get` writes them, and schedules, of which the template
//! is an application.

use super::{
    API_VERSION, ApplicationError, KIND, Parsed, SparkApplicationSpec, UnknownFields,
    error::{missing, problem},
    read::{SCHEDULED, over_limit},
};
use crate::{
    finding::{Kept, expected, rule},
    limits::Budget,
    strict::{self, DocumentShape, Problem, Unread},
};
use serde_json::{Map, Value};

/// One document with an application, read but not understood yet.
#[derive(Debug, Clone)]
pub struct ApplicationDocument {
    /// The application as a `SparkApplication`.
    pub value: Value,
    /// Whether it is the template of a `ScheduledSparkApplication`.
    pub of_schedule: bool,
    budget: Budget,
}

impl ApplicationDocument {
    /// A document that was read elsewhere.
    ///
    /// # Errors
    /// Where it is a schedule without a template.
    pub fn of(value: Value) -> Result<Self, ApplicationError> {
        application(value, Budget::default())
    }

    /// The application.
    ///
    /// # Errors
    /// As [`parse`](super::parse). The paths of a schedule's application begin with `spec.template`.
    pub fn parse(self, unknown_fields: UnknownFields) -> Result<Parsed, ApplicationError> {
        let of_schedule = self.of_schedule;
        super::read::of_document(self.value, self.budget, unknown_fields).map_err(|mut error| {
            if of_schedule {
                error.problems.each().for_each(in_template);
            }
            error
        })
    }

    /// Whether it is an application, or was meant to be one, and not another kind of object.
    pub fn is_meant(&self) -> bool {
        is_meant(&self.value)
    }

    /// Namespace and name, as far as it has them.
    pub fn name(&self) -> String {
        let text = |field: &str| self.value["metadata"][field].as_str();
        match (text("namespace"), text("name")) {
            (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
            (_, name) => name.unwrap_or_default().to_owned(),
        }
    }
}

fn in_template(problem: &mut Problem) {
    if let Some(rest) = problem.path.strip_prefix("spec") {
        problem.path = format!("spec.template{rest}");
    }
}

/// Takes one document, or what is wrong with it, and its place in the text; the place is empty where the text has no other.
pub type TakeDocument<'t> = &'t mut dyn FnMut(String, Result<ApplicationDocument, ApplicationError>);

/// Finds the applications of a text. Empty documents and those of other kinds are passed over. The result is the number of
/// documents that were taken.
///
/// A text of one document is taken whatever it is, so that its reader says what is wrong with it.
pub fn each_document(text: &str, take: TakeDocument<'_>) -> usize {
    let documents: Vec<_> = split(text).filter(|(_, text)| !is_blank(text)).collect();
    let mut taken = 0;
    for (index, (line, document)) in documents.iter().enumerate() {
        let place = match documents.len() {
            1 => String::new(),
            _ => format!("document {}", index + 1),
        };
        taken += one(*line, document, &place, documents.len() == 1, take);
    }
    taken
}

/// The applications of a text with their places, or what is wrong with each. There is at least one entry.
pub fn documents(text: &str) -> Vec<(String, Result<ApplicationDocument, ApplicationError>)> {
    let mut documents = Vec::new();
    let taken = each_document(text, &mut |place, document| documents.push((place, document)));
    if taken == 0 {
        documents.push((String::new(), Err(none(text))));
    }
    documents
}

/// Whether a text has lists without any item, and nothing else: what `kubectl get` writes where there is nothing.
pub fn is_empty_list(text: &str) -> bool {
    let mut documents = split(text).filter(|(_, text)| !is_blank(text)).peekable();
    documents.peek().is_some()
        && documents.all(|(_, text)| {
            let value = strict::read_yaml(text, DocumentShape::Application, &mut Budget::default());
            value.is_ok_and(|value| {
                let is_of_kind = value["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
                match value.get("items") {
                    Some(Value::Array(items)) => is_list(&value) && items.is_empty(),
                    Some(Value::Null) => is_of_kind,
                    _ => false,
                }
            })
        })
}

/// What is said of a text without an application.
pub fn none(text: &str) -> ApplicationError {
    let found = if split(text).all(|(_, text)| is_blank(text)) {
        "an empty document"
    } else {
        "none among its documents and items"
    };
    problem("", expected("a SparkApplication as a mapping").kind(found)).into()
}

/// Takes the applications of one document.
fn one(line: usize, text: &str, place: &str, is_only: bool, take: TakeDocument<'_>) -> usize {
    let mut budget = Budget::default();
    let value = match strict::read_yaml(text, DocumentShape::Application, &mut budget) {
        Ok(value) if is_list(&value) => return items(text, place, take),
        Ok(value) => value,
        Err(Unread::OverLimit(over)) => {
            // A long list is read item by item.
            let mut found = 0;
            let read = strict::read_items(text, DocumentShape::Application, &mut |_, _, _| found += 1);
            if read.is_ok() && found > 0 {
                return items(text, place, take);
            }
            take(place.to_owned(), Err(over_limit(&over).into()));
            return 1;
        }
        Err(unread) => {
            // Read again with the lines before it, for the number of the line.
            let again = (line > 0).then(|| "\n".repeat(line) + text);
            let again = again
                .map(|text| strict::read_yaml(&text, DocumentShape::Application, &mut Budget::default()));
            let error = again.and_then(Result::err).unwrap_or(unread);
            take(place.to_owned(), Err(Problem::from(error).into()));
            return 1;
        }
    };
    if !is_only && !is_meant(&value) {
        return 0;
    }
    take(place.to_owned(), application(value, budget));
    1
}

/// Takes the applications of a list.
fn items(text: &str, place: &str, take: TakeDocument<'_>) -> usize {
    let mut taken = 0;
    let at = |item: &str| match place {
        "" => item.to_owned(),
        place => format!("{place}, {item}"),
    };
    let read = strict::read_items(
        text,
        DocumentShape::Application,
        &mut |index, mut value, budget| {
            // Of a list that no kubectl wrote the items have no kind of their own.
            if let Value::Object(fields) = &mut value
                && !fields.contains_key("kind")
                && fields.contains_key("spec")
            {
                let is_schedule = fields["spec"].get("schedule").is_some();
                let kind = if is_schedule { SCHEDULED } else { KIND };
                fields.insert("kind".to_owned(), kind.into());
                fields.entry("apiVersion").or_insert_with(|| API_VERSION.into());
            }
            if is_meant(&value) {
                taken += 1;
                take(at(&format!("items[{index}]")), application(value, budget));
            }
        },
    );
    if let Err(unread) = read {
        taken += 1;
        take(place.to_owned(), Err(Problem::from(unread).into()));
    }
    taken
}

/// Whether a text can have an application: it names the kind or the operator's group. A quick look at files of which most have none.
pub fn may_have_application(text: &str) -> bool {
    let group = API_VERSION.split('/').next().unwrap_or_default();
    text.contains(KIND) || text.contains(group)
}

fn is_list(value: &Value) -> bool {
    let kind = value["kind"].as_str().unwrap_or("List");
    kind.ends_with("List") && value["items"].is_array()
}

/// Whether a document among others is an application, or was meant to be one: by its kind, by the operator's group, or by what
/// it has.
fn is_meant(value: &Value) -> bool {
    let text = |field: &str| value[field].as_str().unwrap_or_default();
    let group = API_VERSION.split('/').next().unwrap_or_default();
    [KIND, SCHEDULED].contains(&text("kind"))
        || text("apiVersion").starts_with(group)
        || (value["kind"].is_null()
            && value["spec"]["driver"].is_object()
            && value["spec"]["executor"].is_object())
}

/// The application of a document; of a schedule its template, with the schedule's name, namespace and labels, as the operator
/// makes it.
fn application(value: Value, budget: Budget) -> Result<ApplicationDocument, ApplicationError> {
    if value["kind"] != SCHEDULED || value["apiVersion"] != API_VERSION {
        return Ok(ApplicationDocument {
            value,
            of_schedule: false,
            budget,
        });
    }
    let mut problems = Kept::default();
    let fields = value["spec"].as_object().into_iter().flat_map(Map::keys);
    let fields = fields.filter(|field| !SCHEDULE_FIELDS.contains(&field.as_str()));
    let (misplaced, unknown): (Vec<_>, Vec<_>) =
        fields.partition(|field| SparkApplicationSpec::FIELDS.contains(&field.as_str()));
    for field in unknown {
        problems.push(problem(format!("spec.{field}"), rule("unknown field")));
    }
    let template = value["spec"]["template"].clone();
    if !misplaced.is_empty() {
        let first: Vec<_> = misplaced
            .iter()
            .take(MOST_MISPLACED)
            .map(|field| field.as_str())
            .collect();
        let first = first.join(", ");
        let more = match misplaced.len().saturating_sub(MOST_MISPLACED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let said =
            expected("the application's fields below spec.template").kind(format!("{first}{more} beside it"));
        problems.push(problem("spec", said));
    } else if template.is_null() {
        problems.push(problem("spec.template", missing()));
    }
    ApplicationError::unless_empty(problems)?;
    let metadata = value["metadata"].as_object().cloned().unwrap_or_default();
    let kept = metadata
        .into_iter()
        .filter(|(field, _)| ["name", "namespace", "labels"].contains(&field.as_str()));
    let metadata: Map<_, _> = kept.collect();
    Ok(ApplicationDocument {
        value: serde_json::json!({
            "apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": template,
        }),
        of_schedule: true,
        budget,
    })
}

/// The most fields that are named where an application's stand in a schedule's `spec`.
const MOST_MISPLACED: usize = 3;

/// The fields of a schedule's `spec`.
const SCHEDULE_FIELDS: [&str; 7] = [
    "concurrencyPolicy",
    "failedRunHistoryLimit",
    "schedule",
    "successfulRunHistoryLimit",
    "suspend",
    "template",
    "timeZone",
];

/// The documents of a YAML text, each with the number of lines before it. In the first column `---` always begins a document, and
/// `...` ends one, whatever is open.
fn split(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut documents = Vec::new();
    let (mut start, mut first_line, mut at) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let is_marker = |marker: &str| {
            line.strip_prefix(marker)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
        };
        if is_marker("---") || is_marker("...") {
            documents.push((first_line, &text[start..at]));
            start = at + "---".len();
            first_line = number;
        }
        at += line.len();
    }
    documents.push((first_line, &text[start..]));
    documents.into_iter()
}

/// Whether a document has nothing but comments and directives.
fn is_blank(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    text.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line.starts_with('%')
    })
}

#[cfg(test)]
mod tests;
