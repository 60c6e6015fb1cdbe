//! The path of a field, as findings and `diff` write it: `spec.containers[main].env[0].name`, `metadata.labels["a.b/c"]`.

use crate::{authoring::diff, kubernetes::ITEM_KEYS, limits::DEPTH};
use serde_json::{Map, Value};
use std::fmt;

/// The most steps of a path: twice as deep as a document, for a list's item is a step of its own.
const MOST_STEPS: usize = 2 * DEPTH.most;

/// The steps from an object to a field.
#[derive(Debug, Clone)]
pub(super) struct Path {
    written: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    /// An item of a list, from 0.
    Index(usize),
    /// The item of a list that has this name (a mount its path, a port its number).
    Named(String),
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if steps.len() == MOST_STEPS {
                return Err(format!(
                    "expected a path of at most {MOST_STEPS} steps, found more"
                ));
            }
            if let Some(inner) = rest.strip_prefix('[') {
                let (step, after) = bracket(inner)?;
                steps.push(step);
                rest = after;
                continue;
            }
            let field = match rest.strip_prefix('.') {
                Some(field) if !steps.is_empty() => field,
                None if steps.is_empty() => rest,
                _ => {
                    return Err(format!(
                        "expected a path such as spec.containers[0].image, found `{text}`"
                    ));
                }
            };
            let end = field.find(['.', '[']).unwrap_or(field.len());
            if end == 0 {
                return Err(format!("expected a field's name after each dot, found `{text}`"));
            }
            steps.push(Step::Field(field[..end].to_owned()));
            rest = &field[end..];
        }
        if steps.is_empty() {
            return Err("expected a path such as spec.containers[0].image, found an empty text".to_owned());
        }
        Ok(Self {
            written: text.to_owned(),
            steps,
        })
    }

    /// What stands there. The text of a `ConfigMap`'s properties or manifest is read where the path goes into it.
    pub(super) fn at(&self, object: &Value) -> Option<Value> {
        let mut at = object.clone();
        let mut key = "";
        for step in &self.steps {
            if let Value::String(text) = &at {
                at = diff::read(key, text)?;
            }
            at = match step {
                Step::Field(name) => {
                    key = name;
                    at.get_mut(name)?.take()
                }
                Step::Index(index) => at.get_mut(*index)?.take(),
                Step::Named(name) => named(&mut at, name)?.take(),
            };
        }
        Some(at)
    }

    /// An object of the same kind with this field alone, empty: the reader says if there is such a field.
    /// What stands in the text of a `ConfigMap` is left out.
    pub(super) fn probe(&self, object: &Value) -> Value {
        let in_data = self.steps.first() == Some(&Step::Field("data".to_owned()));
        let steps = if in_data {
            &self.steps[..self.steps.len().min(2)]
        } else {
            &self.steps[..]
        };
        let mut probe = Value::Null;
        for step in steps.iter().rev() {
            probe = match step {
                Step::Field(name) => Value::Object(Map::from_iter([(name.clone(), probe)])),
                Step::Index(_) | Step::Named(_) => Value::Array(vec![probe]),
            };
        }
        for field in ["apiVersion", "kind"] {
            if let Value::Object(fields) = &mut probe {
                fields.insert(field.to_owned(), object[field].clone());
            }
        }
        probe
    }

    /// The path in the probe.
    pub(super) fn plain(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            match step {
                Step::Field(name) if text.is_empty() => text.push_str(name),
                Step::Field(name) => {
                    text.push('.');
                    text.push_str(name);
                }
                Step::Index(_) | Step::Named(_) => text.push_str("[0]"),
            }
        }
        text
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// What stands in brackets, and what follows them.
fn bracket(inner: &str) -> Result<(Step, &str), String> {
    let unclosed = || format!("expected `]` after `[{inner}`");
    if inner.starts_with('"') {
        let mut stream = serde_json::Deserializer::from_str(inner).into_iter::<String>();
        let Some(Ok(name)) = stream.next() else {
            return Err(unclosed());
        };
        let rest = inner.get(stream.byte_offset()..).unwrap_or_default();
        let rest = rest.strip_prefix(']').ok_or_else(unclosed)?;
        return Ok((Step::Field(name), rest));
    }
    let (name, rest) = inner.split_once(']').ok_or_else(unclosed)?;
    if name.is_empty() {
        return Err("expected a number or a name in `[]`".to_owned());
    }
    let step = name
        .parse()
        .map_or_else(|_| Step::Named(name.to_owned()), Step::Index);
    Ok((step, rest))
}

/// The item of this name; of several the last one counts, as among environment variables.
fn named<'v>(list: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    let is_named = |item: &Value| {
        ITEM_KEYS.iter().any(|key| match item.get(key) {
            Some(Value::String(text)) => text == name,
            Some(Value::Number(number)) => number.to_string() == name,
            _ => false,
        })
    };
    list.as_array_mut()?.iter_mut().rev().find(|item| is_named(item))
}
