//! Where in a document something stands, and how that is written: `spec.containers[0].image`,
//! `metadata.labels["a.b/c"]`.

use crate::redaction::hidden;
use serde_json::Value;
use std::fmt;

/// Where in the document the reader is: a list up the call stack, so that a path costs nothing until it is
/// written.
#[derive(Clone, Copy)]
pub(crate) enum Place<'p> {
    /// The document itself.
    Document,
    /// A field of a mapping.
    Field(&'p Place<'p>, &'p str),
    /// An entry of a mapping whose keys are the user's, which is always written in quotes.
    Key(&'p Place<'p>, &'p str),
    /// An item of a list.
    Item(&'p Place<'p>, usize),
    /// An item of a list, known by its name.
    Named(&'p Place<'p>, &'p str),
}

impl Place<'_> {
    /// How many steps below the document.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Place::Document => 0,
            Place::Field(parent, _)
            | Place::Key(parent, _)
            | Place::Item(parent, _)
            | Place::Named(parent, _) => 1 + parent.depth(),
        }
    }

    /// The name of the field or key that this is, or that this is an item of.
    pub(crate) fn name(&self) -> &str {
        match self {
            Place::Document => "",
            Place::Field(_, name) | Place::Key(_, name) => name,
            Place::Item(list, _) | Place::Named(list, _) => list.name(),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Document => Ok(()),
            Place::Item(parent, index) => write!(f, "{parent}[{index}]"),
            Place::Named(parent, name) => write!(f, "{parent}[{name}]"),
            Place::Key(parent, key) => write!(f, "{parent}[{}]", Value::from(*key)),
            Place::Field(parent, name) => {
                let plain = !name.is_empty()
                    && name
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/'));
                match (parent, plain) {
                    (_, false) => write!(f, "{parent}[{}]", Value::from(*name)),
                    (Place::Document, true) => f.write_str(name),
                    (_, true) => write!(f, "{parent}.{name}"),
                }
            }
        }
    }
}

/// Removes what stands at `path`, and tells whether there was anything.
pub(super) fn remove(document: &mut Value, path: &str) -> bool {
    let mut steps = path_steps(path);
    let Some(last) = steps.pop() else { return false };
    match (below(document, &steps), last) {
        (Some(Value::Object(map)), Step::Field(name)) => map.remove(&name).is_some(),
        (Some(Value::Array(items)), Step::Index(index)) if index < items.len() => {
            items.remove(index);
            true
        }
        _ => false,
    }
}

/// Puts `value` in the place of what stands at `path`.
pub(super) fn replace(document: &mut Value, path: &str, value: Value) {
    if let Some(old) = below(document, &path_steps(path)) {
        *old = value;
    }
}

/// What stands at `path`.
pub(crate) fn at<'v>(document: &'v Value, path: &str) -> Option<&'v Value> {
    path_steps(path).iter().try_fold(document, |at, step| match step {
        Step::Field(name) => at.get(name),
        Step::Index(index) => at.get(*index),
    })
}

/// Puts `value` at `path`, a field of a mapping that is there.
pub(crate) fn insert(document: &mut Value, path: &str, value: Value) {
    let mut steps = path_steps(path);
    if let Some(Step::Field(name)) = steps.pop()
        && let Some(Value::Object(map)) = below(document, &steps)
    {
        map.insert(name, value);
    }
}

fn below<'v>(document: &'v mut Value, steps: &[Step]) -> Option<&'v mut Value> {
    steps.iter().try_fold(document, |at, step| match (at, step) {
        (Value::Object(map), Step::Field(name)) => map.get_mut(name),
        (Value::Array(items), Step::Index(index)) => items.get_mut(*index),
        _ => None,
    })
}

enum Step {
    Field(String),
    Index(usize),
}

/// Takes a path apart again that [`Place`] wrote: `a.b[0]["odd key"].c`.
fn path_steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (step, end) = if let Some((name, end)) = quoted(after) {
                (Step::Field(name), end)
            } else {
                let end = after.find(']').unwrap_or(after.len());
                let Ok(index) = after[..end].parse() else {
                    return Vec::new();
                };
                (Step::Index(index), end)
            };
            steps.push(step);
            rest = after[end..].trim_start_matches(']');
        } else {
            let field = rest.strip_prefix('.').unwrap_or(rest);
            let end = field.find(['.', '[']).unwrap_or(field.len());
            steps.push(Step::Field(field[..end].to_owned()));
            rest = &field[end..];
        }
    }
    steps
}

/// The quoted name that a part of a path begins with, and where it ends there.
fn quoted(text: &str) -> Option<(String, usize)> {
    let mut names = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let name = names.next()?.ok()?;
    Some((name, names.byte_offset()))
}

/// The same path with each name hidden that isn't `shown`: keys of mappings are the user's, and may be anything.
pub(crate) fn hide_names(path: &str, shown: impl Fn(&str) -> bool) -> String {
    let mut brief = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(first) = rest.chars().next() {
        if matches!(first, '.' | '[' | ']') {
            brief.push(first);
            rest = &rest[1..];
            continue;
        }
        let (name, end) = if first == '"' {
            // Else it is no path that was written here.
            quoted(rest).unwrap_or_else(|| (rest.to_owned(), rest.len()))
        } else {
            let end = rest.find(['.', '[', ']']).unwrap_or(rest.len());
            (rest[..end].to_owned(), end)
        };
        let (step, after) = rest.split_at(end);
        brief += &if shown(&name) {
            step.to_owned()
        } else {
            hidden(&name)
        };
        rest = after;
    }
    brief
}

/// The list items that were taken out of a document, so that paths into what is left can be written as paths
/// into the whole.
#[derive(Default)]
pub(super) struct TakenOut(Vec<(String, usize)>);

impl TakenOut {
    /// Notes that what stood at `path`, as the whole document has it, is out.
    pub(super) fn add(&mut self, path: &str) {
        let item = path
            .strip_suffix(']')
            .and_then(|path| path.rsplit_once('['))
            .and_then(|(list, index)| Some((list.to_owned(), index.parse().ok()?)));
        self.0.extend(item);
        self.0.sort();
    }

    /// The path in the whole document of what stands at `path` in the rest.
    pub(super) fn original(&self, path: &str) -> String {
        let mut original = String::with_capacity(path.len());
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('[') {
            original.push_str(before);
            let index = after
                .split_once(']')
                .and_then(|(index, tail)| Some((index.parse::<usize>().ok()?, tail)));
            if let Some((mut index, tail)) = index {
                for (_, out) in self.0.iter().filter(|(list, _)| *list == original) {
                    index += usize::from(index >= *out);
                }
                original.push('[');
                original += &index.to_string();
                original.push(']');
                rest = tail;
            } else {
                original.push('[');
                rest = after;
            }
        }
        original + rest
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_can_be_taken_apart_again() {
        let mut document = serde_json::json!({"a": {"x.y": [1, {"b": 2}]}});
        assert!(super::remove(&mut document, "a[\"x.y\"][1].b"));
        assert_eq!(document, serde_json::json!({"a": {"x.y": [1, {}]}}));
        assert!(!super::remove(&mut document, "a.nothing"));
    }

    #[test]
    fn a_path_is_written_without_the_keys_that_are_hidden() {
        let shown = |name: &str| name.len() < 7;
        for (path, brief) in [
            ("", ""),
            ("spec.a[0][main].b", "spec.a[0][main].b"),
            ("spec[\"a.b\"].c", "spec[\"a.b\"].c"),
            ("spec[\"hunter2\"].c[1]", "spec[<redacted, 7 bytes>].c[1]"),
            ("spec[\"a\\\"].hunter2\"]", "spec[<redacted, 11 bytes>]"),
            ("spec.hunter2", "spec.<redacted, 7 bytes>"),
            ("spec[hunter2].é", "spec[<redacted, 7 bytes>].é"),
            ("spec[\"no end", "spec[<redacted, 7 bytes>"),
        ] {
            assert_eq!(super::hide_names(path, shown), brief, "{path}");
        }
    }

    #[test]
    fn a_path_into_the_rest_becomes_a_path_into_the_whole() {
        let mut taken_out = super::TakenOut::default();
        taken_out.add("a[1]");
        taken_out.add("a[0]");
        taken_out.add("a[3].b[0]");
        for (rest, whole) in [
            ("a[0].c", "a[2].c"),
            ("a[1].b[0]", "a[3].b[1]"),
            ("a[\"x[0]\"][0]", "a[\"x[0]\"][0]"),
            ("c[0]", "c[0]"),
        ] {
            assert_eq!(taken_out.original(rest), whole);
        }
    }
}
