//! Manifests as text, to be read by people and by any YAML reader.
//!
//! Keys are sorted. A string stays plain only where no reader of YAML 1.1 or 1.2 can take it for something else
//! (Go's, which kubectl has, reads `yes`, `012` and `12:30` in the way of 1.1); several lines become a literal
//! block only where that gives exactly the same string back; everything else is double-quoted, with escapes for
//! all that some reader breaks lines at or refuses. serde-saphyr's writer is not used for its keys, which it
//! leaves plain by the rules of 1.2 alone.

mod scalar;

use scalar::Style;
use serde_json::{Map, Value};
use std::fmt::Write;

/// The longest key that every reader takes without `?`: 1024 in YAML's own rule, 128 in libyaml's writer.
const SIMPLE_KEY: usize = 128;

/// Several documents, separated by `---`.
pub fn to_documents<'v>(values: impl IntoIterator<Item = &'v Value>) -> String {
    let mut text = String::new();
    for value in values {
        if !text.is_empty() {
            text.push_str("---\n");
        }
        Writer(&mut text).document(value);
    }
    text
}

/// One document.
pub fn to_yaml(value: &Value) -> String {
    let mut text = String::new();
    Writer(&mut text).document(value);
    text
}

/// All objects as one `List`, which is how kubectl writes several objects as JSON; indented, with a line break
/// at the end.
pub fn to_json_list<'v>(values: impl IntoIterator<Item = &'v Value>) -> String {
    let items: Vec<&Value> = values.into_iter().collect();
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
    format!("{list:#}\n")
}

struct Writer<'t>(&'t mut String);

impl Writer<'_> {
    fn document(&mut self, value: &Value) {
        match value {
            Value::Object(fields) if !fields.is_empty() => self.mapping(fields, 0),
            Value::Array(items) if !items.is_empty() => self.list(items, 0),
            scalar => {
                self.scalar(scalar, None);
            }
        }
    }

    /// Writes fields where the first line is indented already.
    fn mapping(&mut self, fields: &Map<String, Value>, indent: usize) {
        // Sorted here too, lest a feature of serde_json that another crate turns on change what is printed.
        let mut fields: Vec<_> = fields.iter().collect();
        fields.sort_unstable_by_key(|(key, _)| *key);
        for (index, (key, value)) in fields.into_iter().enumerate() {
            if index > 0 {
                self.indent(indent);
            }
            let start = self.0.len();
            scalar::write(self.0, key, Style::of(key).for_key());
            if self.0.len() - start > SIMPLE_KEY {
                self.0.insert_str(start, "? ");
                self.0.push('\n');
                self.indent(indent);
            }
            self.0.push(':');
            match value {
                Value::Object(fields) if !fields.is_empty() => {
                    self.0.push('\n');
                    self.indent(indent + 2);
                    self.mapping(fields, indent + 2);
                }
                Value::Array(items) if !items.is_empty() => {
                    self.0.push('\n');
                    self.indent(indent);
                    self.list(items, indent);
                }
                scalar => {
                    self.0.push(' ');
                    self.scalar(scalar, Some(indent + 2));
                }
            }
        }
    }

    /// Writes items where the first line is indented already.
    fn list(&mut self, items: &[Value], indent: usize) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.indent(indent);
            }
            self.0.push_str("- ");
            match item {
                Value::Object(fields) if !fields.is_empty() => self.mapping(fields, indent + 2),
                Value::Array(items) if !items.is_empty() => self.list(items, indent + 2),
                scalar => self.scalar(scalar, Some(indent + 2)),
            }
        }
    }

    /// Writes a scalar and ends its line. A block needs to be indented, which it can't be at the root.
    fn scalar(&mut self, value: &Value, block_indent: Option<usize>) {
        match value {
            Value::String(text) => {
                let style = Style::of(text);
                if let (Style::Literal, Some(indent)) = (style, block_indent) {
                    scalar::write_literal(self.0, text, indent);
                } else {
                    scalar::write(self.0, text, style.for_key());
                    self.0.push('\n');
                }
            }
            Value::Object(_) => self.0.push_str("{}\n"),
            Value::Array(_) => self.0.push_str("[]\n"),
            scalar => {
                // Null, booleans and numbers are the same in JSON and in YAML.
                let _ = writeln!(self.0, "{scalar}");
            }
        }
    }

    fn indent(&mut self, indent: usize) {
        self.0.extend(std::iter::repeat_n(' ', indent));
    }
}

#[cfg(test)]
pub(crate) mod tests;
