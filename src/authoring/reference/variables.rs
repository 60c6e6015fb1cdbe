//! The variables, from the JSON Schema of the context.

use super::cell;
use serde_json::Value;
use std::fmt::Write;

/// The longest example, in characters.
const LONGEST: usize = 100;

/// What only some templates see: the name, which templates, what it is, and whose fields it has.
const FURTHER: [(&str, &str, &str, &str); 2] = [
    (
        "object",
        "`configmap.yaml.j2`, `secret.yaml.j2` and `persistent-volume-claim.yaml.j2`",
        "the item of `config_maps`, `secrets` or `persistent_volume_claims` for which the template is rendered",
        "",
    ),
    (
        "executor_pod",
        "`executor-configmap.yaml.j2`",
        "the text that `executor-pod.yaml.j2` wrote, a string with one line end",
        "",
    ),
];

/// A variable, or a field of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    /// Its path in the context: `pod.labels`; `[]` stands for any item of a list.
    pub(crate) path: String,
    /// Its type in words.
    pub(crate) kind: String,
    /// What it means, with its unit.
    pub(crate) meaning: String,
}

/// A mapping of the context: the context itself, or what one of its fields has.
struct Section {
    /// Its path; empty for the context itself.
    path: String,
    definition: Value,
    is_list: bool,
}

impl Section {
    /// Its fields, each with its name, its path and its definition.
    fn fields(&self) -> impl Iterator<Item = (&str, String, &Value)> {
        let fields = self.definition.get("properties").and_then(Value::as_object);
        fields.into_iter().flatten().map(|(name, field)| {
            let path = if self.is_list {
                format!("{}[].{name}", self.path)
            } else {
                join(&self.path, name)
            };
            (name.as_str(), path, field)
        })
    }
}

/// The context and every mapping below it, in the order in which they are met.
fn sections(schema: &Value) -> Vec<Section> {
    let mut sections = vec![Section {
        path: String::new(),
        definition: schema.clone(),
        is_list: false,
    }];
    let mut next = 0;
    while let Some(section) = sections.get(next) {
        let inner: Vec<_> = section
            .fields()
            .filter_map(|(_, path, field)| {
                let (inner, is_list) = of(field, schema);
                let inner = inner.filter(|inner| inner.get("properties").is_some())?;
                Some(Section {
                    path,
                    definition: inner.clone(),
                    is_list,
                })
            })
            .collect();
        sections.extend(inner);
        next += 1;
    }
    sections
}

/// Every variable and every field of one, in the order of the page.
pub(crate) fn variables(schema: &Value) -> Vec<Variable> {
    let sections = sections(schema);
    let fields = sections.iter().flat_map(Section::fields);
    fields
        .map(|(_, path, field)| {
            let meaning = field["description"].as_str().unwrap_or_default();
            Variable {
                path,
                kind: kind(field, schema),
                meaning: match field["x-unit"].as_str() {
                    Some(unit) => format!("{meaning} Unit: {unit}."),
                    None => meaning.to_owned(),
                },
            }
        })
        .collect()
}

/// A table for the top, and one for each type below it, in the order in which they are met.
pub(super) fn write(page: &mut String, schema: &Value, contexts: &[Value]) {
    for section in sections(schema) {
        heading(page, &section.path, &section.definition, section.is_list);
        for (name, path, field) in section.fields() {
            row(page, name, &path, field, schema, contexts);
        }
    }
    page.push_str("\n### Variables of some templates only\n\n");
    for (name, templates, what, _) in FURTHER {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "- `{name}`, in {templates}:\n  {what}.");
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn heading(page: &mut String, path: &str, definition: &Value, is_list: bool) {
    // Writing to a String cannot fail.
    let _ = match (path, is_list) {
        ("", _) => write!(page, "\n### At the top\n\n"),
        (path, false) => write!(page, "\n### `{path}`\n\n"),
        (path, true) => write!(page, "\n### Each of `{path}`\n\n"),
    };
    if !path.is_empty() {
        let _ = write!(
            page,
            "{}\n\n",
            definition["description"].as_str().unwrap_or_default()
        );
    }
    page.push_str("| variable | type | unit | meaning | example |\n| --- | --- | --- | --- | --- |\n");
}

fn row(page: &mut String, name: &str, path: &str, field: &Value, schema: &Value, contexts: &[Value]) {
    let unit = field["x-unit"].as_str().unwrap_or_default();
    let meaning = field["description"].as_str().unwrap_or_default();
    let (inner, is_list) = of(field, schema);
    let has_section = inner.is_some_and(|inner| inner.get("properties").is_some());
    let example = if has_section {
        let each = if is_list { "each of " } else { "" };
        format!("see {each}`{path}`")
    } else {
        example(path, contexts).map_or_else(String::new, |example| format!("`{example}`"))
    };
    // Writing to a String cannot fail.
    let _ = writeln!(
        page,
        "| `{name}` | {} | {} | {} | {} |",
        cell(&kind(field, schema)),
        cell(unit),
        cell(meaning),
        cell(&example)
    );
}

/// What a schema refers to, and whether it is a list of it. What may be null is looked through.
fn of<'s>(field: &'s Value, root: &'s Value) -> (Option<&'s Value>, bool) {
    if let Some(reference) = field["$ref"].as_str() {
        return (root.pointer(reference.trim_start_matches('#')), false);
    }
    if let Some(items) = field.get("items") {
        return (of(items, root).0, true);
    }
    let choices = field["anyOf"].as_array();
    let choice = choices.and_then(|choices| choices.iter().find(|choice| choice["type"] != "null"));
    choice.map_or((None, false), |choice| of(choice, root))
}

/// A type in words.
fn kind(field: &Value, root: &Value) -> String {
    if let Some(items) = field.get("items") {
        return format!("list of {}", plural(&kind(items, root)));
    }
    if let Some(choices) = field["anyOf"].as_array() {
        let kinds: Vec<_> = choices.iter().map(|choice| kind(choice, root)).collect();
        return kinds.join(" or ");
    }
    if let (Some(definition), _) = of(field, root) {
        if let Some(words) = definition["oneOf"].as_array().or(definition["enum"].as_array()) {
            let words: Vec<_> = words
                .iter()
                .filter_map(|word| word.as_str().or(word["const"].as_str()))
                .map(|word| format!("`{word}`"))
                .collect();
            return words.join(", ");
        }
        return "mapping".to_owned();
    }
    let types: Vec<_> = match &field["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one.as_str()],
        _ => return "anything".to_owned(),
    };
    let words = types.iter().map(|name| match *name {
        "object" => match field.get("additionalProperties") {
            Some(Value::Object(values)) if values.contains_key("type") => {
                format!(
                    "mapping of {}",
                    plural(&kind(&field["additionalProperties"], root))
                )
            }
            _ => "mapping".to_owned(),
        },
        name => name.to_owned(),
    });
    words.collect::<Vec<_>>().join(" or ")
}

fn plural(kind: &str) -> String {
    match kind {
        "anything" => "objects as Kubernetes has them".to_owned(),
        kind => format!("{kind}s"),
    }
}

/// The first value at `path` that has something to show; `[]` stands for the first item.
fn example(path: &str, contexts: &[Value]) -> Option<String> {
    let value = |context: &Value| {
        path.split('.').try_fold(context.clone(), |value, step| {
            let name = step.trim_end_matches("[]");
            let field = value.get(name)?;
            let found = if step.ends_with("[]") {
                field.get(0)?
            } else {
                field
            };
            Some(found.clone())
        })
    };
    let shows = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    let mut values = contexts.iter().filter_map(value).filter(shows);
    values.next().map(|value| short(&value))
}

/// A value that fits into a cell: the first item of a list, the first field of a mapping, the beginning of a text.
fn short(value: &Value) -> String {
    let first = match value {
        Value::Array(items) if items.len() > 1 => Value::Array(items[..1].to_vec()),
        Value::Object(fields) if fields.len() > 1 => fields
            .iter()
            .take(1)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    };
    let text = first.to_string().replace('`', "'");
    let more = if first == *value { "" } else { " …" };
    let cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() {
        format!("{cut}…")
    } else {
        format!("{text}{more}")
    }
}
