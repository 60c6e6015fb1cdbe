//! YAML as Spark's Kubernetes client reads it (fabric8's `Serialization`, on snakeyaml-engine): only what JSON would
//! take for a number, a boolean or null is one, so that `010`, `0x10`, `1_000`, `yes` and `~` are text; `<<` is a
//! key like any other; tags other than YAML's own are errors.

use super::java;
use crate::{
    limits::{Budget, DEPTH, ENTRIES, KEY, Limit, MAPPINGS, NODES, OverLimit, STRING, TEXT},
    strict::{self, Place},
};
use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::{Map, Number, Value, map::Entry};
use std::{borrow::Cow, collections::BTreeMap};

/// Why a text was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::spark::submission) enum YamlError {
    /// It is not what Spark could read. The message has line and column, never the text.
    Problem(String),
    /// It is larger than a limit allows.
    OverLimit(OverLimit),
}

impl From<String> for YamlError {
    fn from(what: String) -> Self {
        Self::Problem(what)
    }
}

/// The answer to events that the parser never gives: a value without its end, or an end without its value.
const UNFINISHED: &str = "it ends too early";

/// Reads the one document of `text` that isn't empty. What aliases stand for counts as if it were written out, and what has an
/// anchor counts twice, for it is kept.
pub(in crate::spark::submission) fn read(text: &str, budget: &mut Budget) -> Result<Value, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut loader = Loader {
        text,
        events: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        budget,
    };
    let mut documents = Vec::new();
    loop {
        match loader.next()? {
            (Event::StreamEnd, _) => break,
            (Event::StreamStart | Event::DocumentEnd, _) => {}
            (Event::DocumentStart(..), _) => {
                loader.anchors.clear();
                let first = loader.next()?;
                let document = loader.value(first, &Place::Document, 0)?;
                documents.extend((!document.is_null()).then_some(document));
            }
            (_, span) => return Err(at(span, UNFINISHED).into()),
        }
    }
    match (documents.pop(), documents.is_empty()) {
        (Some(document), true) => Ok(document),
        (Some(_), false) => Err("more than one document, and one is expected".to_owned().into()),
        (None, _) => Err("the file is empty".to_owned().into()),
    }
}

struct Loader<'t, 'b> {
    text: &'t str,
    events: Parser<'t, StrInput<'t>>,
    anchors: BTreeMap<usize, Value>,
    budget: &'b mut Budget,
}

impl<'t> Loader<'t, '_> {
    fn next(&mut self) -> Result<(Event<'t>, Span), String> {
        loop {
            match self.events.next() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(event)) => return Ok(event),
                Some(Err(error)) => {
                    let (line, column) = (error.marker().line(), error.marker().col() + 1);
                    let said = error.info();
                    let said = match strict::opened_quote(self.text, &said, line) {
                        Some((line, column)) => format!("at line {line}, column {column}: unclosed quote"),
                        None => format!("at line {line}, column {column}: {said}"),
                    };
                    return Err(format!("not valid YAML {said}"));
                }
                None => return Err(format!("not valid YAML: {UNFINISHED}")),
            }
        }
    }

    /// Draws a value, with its text where it is a scalar. A key is no value, and has text.
    fn draw(&mut self, place: &Place<'_>, nodes: usize, text: usize) -> Result<(), YamlError> {
        let over = |limit: Limit| Err(YamlError::OverLimit(limit.at(place)));
        if text > STRING.most {
            return over(STRING);
        }
        if !self.budget.nodes(nodes) {
            return over(NODES);
        }
        if !self.budget.text(text) {
            return over(TEXT);
        }
        Ok(())
    }

    /// Draws a copy of `value`.
    fn draw_copy(&mut self, place: &Place<'_>, value: &Value) -> Result<(), YamlError> {
        let text = match value {
            Value::String(text) => text.len(),
            Value::Object(fields) => fields.keys().map(String::len).sum(),
            _ => 0,
        };
        // Keys together may be longer than one string; the text that is left bounds them.
        self.draw(place, 1, text.min(STRING.most))?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.draw_copy(place, item)),
            Value::Object(fields) => {
                if !fields.is_empty() && !self.budget.mapping() {
                    return Err(YamlError::OverLimit(MAPPINGS.at(place)));
                }
                fields.values().try_for_each(|value| self.draw_copy(place, value))
            }
            _ => Ok(()),
        }
    }

    fn value(
        &mut self,
        event: (Event<'t>, Span),
        place: &Place<'_>,
        depth: usize,
    ) -> Result<Value, YamlError> {
        self.key_or_value(event, place, depth, 1)
    }

    /// Draws as many `nodes` for what is no alias: none for a key.
    fn key_or_value(
        &mut self,
        (event, span): (Event<'t>, Span),
        place: &Place<'_>,
        depth: usize,
        nodes: usize,
    ) -> Result<Value, YamlError> {
        if depth > DEPTH.most {
            return Err(YamlError::OverLimit(DEPTH.at(place)));
        }
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                // The parser writes `~` for what isn't there.
                let text = if span.is_empty() { "" } else { &*text };
                self.draw(place, nodes, text.len())?;
                let value = scalar(text, style, tag.as_deref()).map_err(|what| at(span, what))?;
                (anchor, value)
            }
            Event::SequenceStart(_, anchor, tag) => {
                only(tag, "seq").map_err(|what| at(span, what))?;
                self.draw(place, nodes, 0)?;
                (anchor, self.list(place, depth)?)
            }
            Event::MappingStart(_, anchor, tag) => {
                only(tag, "map").map_err(|what| at(span, what))?;
                self.draw(place, nodes, 0)?;
                (anchor, self.mapping(place, depth)?)
            }
            Event::Alias(anchor) => {
                let Some(value) = self.anchors.remove(&anchor) else {
                    return Err(at(span, "an alias within what it stands for").into());
                };
                self.draw_copy(place, &value)?;
                self.anchors.insert(anchor, value.clone());
                (0, value)
            }
            _ => return Err(at(span, UNFINISHED).into()),
        };
        if anchor != 0 {
            self.draw_copy(place, &value)?;
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn list(&mut self, place: &Place<'_>, depth: usize) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items.into()),
                _ if items.len() == ENTRIES.most => return Err(YamlError::OverLimit(ENTRIES.at(place))),
                item => {
                    let item_place = Place::Item(place, items.len());
                    items.push(self.value(item, &item_place, depth + 1)?);
                }
            }
        }
    }

    fn mapping(&mut self, place: &Place<'_>, depth: usize) -> Result<Value, YamlError> {
        let mut fields = Map::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(fields.into());
            }
            if fields.len() == ENTRIES.most {
                return Err(YamlError::OverLimit(ENTRIES.at(place)));
            }
            if fields.is_empty() && !self.budget.mapping() {
                return Err(YamlError::OverLimit(MAPPINGS.at(place)));
            }
            let Some(key) = java::text(&self.key_or_value((event, span), place, depth + 1, 0)?) else {
                return Err(at(span, "a key must be text").into());
            };
            KEY.holds(&place.to_string(), key.len())
                .map_err(YamlError::OverLimit)?;
            let value = self.next()?;
            let value = self.value(value, &Place::Field(place, &key), depth + 1)?;
            match fields.entry(key) {
                Entry::Vacant(entry) => entry.insert(value),
                // Without the key: a file whose indentation slipped has values for keys.
                Entry::Occupied(_) => return Err(at(span, "duplicate mapping key").into()),
            };
        }
    }
}

fn at(span: Span, what: &str) -> String {
    let (line, column) = (span.start.line(), span.start.col() + 1);
    format!("not valid YAML: {what} at line {line}, column {column}")
}

fn only(tag: Option<Cow<'_, Tag>>, name: &str) -> Result<(), &'static str> {
    match tag {
        Some(tag) if tag.core_suffix() != Some(name) => Err(UNKNOWN_TAG),
        _ => Ok(()),
    }
}

const UNKNOWN_TAG: &str = "a tag that isn't known here";

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, &'static str> {
    let implied = || resolved(text);
    match tag.map(|tag| (tag, tag.core_suffix())) {
        None if style == ScalarStyle::Plain => implied(),
        None | Some((_, Some("str"))) => Ok(text.into()),
        Some((_, Some("int" | "float" | "bool" | "null"))) => implied(),
        Some((tag, _)) if tag.parts() == ("", "!") || tag.parts() == ("!", "") => Ok(text.into()),
        Some(_) => Err(UNKNOWN_TAG),
    }
}

/// A plain scalar by YAML 1.2's JSON schema, in snakeyaml-engine's wording of it.
fn resolved(text: &str) -> Result<Value, &'static str> {
    match text {
        "" | "null" => Ok(Value::Null),
        "true" => Ok(true.into()),
        "false" => Ok(false.into()),
        ".nan" | ".inf" | "-.inf" => Err("not a finite number"),
        _ => match number_form(text) {
            Some(Form::Whole) => Ok(match (text.parse::<i64>(), text.parse::<u64>()) {
                (Ok(number), _) => number.into(),
                (_, Ok(number)) => number.into(),
                // Java's BigInteger, which only a text can take up.
                _ => text.into(),
            }),
            Some(Form::Fraction) => text
                .parse::<f64>()
                .ok()
                .and_then(Number::from_f64)
                .map(Value::Number)
                .ok_or("not a finite number"),
            None => Ok(text.into()),
        },
    }
}

enum Form {
    Whole,
    Fraction,
}

/// `-? (0 | [1-9][0-9]*) (\.[0-9]*)? ([eE][-+]?[0-9]+)?`
fn number_form(text: &str) -> Option<Form> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.starts_with('0')) {
        return None;
    }
    let mut rest = &rest[whole..];
    if rest.is_empty() {
        return Some(Form::Whole);
    }
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = &fraction[digits(fraction)..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let length = digits(exponent);
        rest = if length == 0 {
            exponent
        } else {
            &exponent[length..]
        };
        if length == 0 {
            return None;
        }
    }
    rest.is_empty().then_some(Form::Fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::write::{tests::value, to_yaml};
    use proptest::prelude::*;
    use serde_json::json;

    fn read(text: &str) -> Result<Value, String> {
        super::read(text, &mut Budget::default()).map_err(|unread| match unread {
            YamlError::Problem(what) => what,
            YamlError::OverLimit(over) => over.to_string(),
        })
    }

    proptest! {
        #[test]
        fn what_we_write_is_read_as_it_was(value in value()) {
            let object = json!({"a": value});
            let text = to_yaml(&object);
            prop_assert_eq!(read(&text), Ok(object), "{}", text);
        }
    }

    #[test]
    fn only_what_json_takes_for_a_number_or_boolean_is_one() {
        for (text, expected) in [
            ("1", json!(1)),
            ("-0", json!(0)),
            ("1.50", json!(1.5)),
            ("1.", json!(1.0)),
            ("1e3", json!(1000.0)),
            ("-1e-2", json!(-0.01)),
            ("010", json!("010")),
            ("0x10", json!("0x10")),
            ("0o14", json!("0o14")),
            ("1_000", json!("1_000")),
            ("+1", json!("+1")),
            (".5", json!(".5")),
            ("1e", json!("1e")),
            ("1Gi", json!("1Gi")),
            ("12345678901234567890123", json!("12345678901234567890123")),
            ("true", json!(true)),
            ("True", json!("True")),
            ("yes", json!("yes")),
            ("null", json!(null)),
            ("~", json!("~")),
            ("", json!(null)),
            ("''", json!("")),
            ("&x", json!(null)),
            ("'1'", json!("1")),
            ("!!str 1.50", json!("1.50")),
            ("!!int '3'", json!(3)),
            ("! 3", json!("3")),
            ("2020-01-01", json!("2020-01-01")),
        ] {
            assert_eq!(
                read(&format!("a: {text}")).unwrap(),
                json!({"a": expected}),
                "{text}"
            );
        }
    }

    #[test]
    fn anchors_hold_and_merge_keys_are_keys() {
        assert_eq!(
            read("a: &x {b: 1}\nc: [*x, {<<: *x, b: 2}]").unwrap(),
            json!({"a": {"b": 1}, "c": [{"b": 1}, {"<<": {"b": 1}, "b": 2}]})
        );
    }

    #[test]
    fn each_limit_holds_and_not_before() {
        let entries = |count: usize| {
            (0..count)
                .map(|n| format!("k{n}: 0\n"))
                .collect::<Vec<_>>()
                .concat()
        };
        let items = |count: usize| "- 0\n".repeat(count);
        let deep = |depth: usize| format!("{}0{}", "[".repeat(depth), "]".repeat(depth));
        let string = |bytes: usize| format!("a: {}", "x".repeat(bytes));
        let key = |bytes: usize| format!("? {}\n: 0", "x".repeat(bytes));
        // With the document itself, and a list for each.
        let nodes = |more: usize| {
            format!(
                "{}- [{}]",
                "- [0, 0, 0, 0, 0, 0, 0, 0, 0]\n".repeat(9_999),
                "0, ".repeat(more)
            )
        };
        for (fits, more, limit) in [
            (entries(ENTRIES.most), entries(ENTRIES.most + 1), ENTRIES),
            (items(ENTRIES.most), items(ENTRIES.most + 1), ENTRIES),
            (deep(DEPTH.most), deep(DEPTH.most + 1), DEPTH),
            (string(STRING.most), string(STRING.most + 1), STRING),
            (key(KEY.most), key(KEY.most + 1), KEY),
            (nodes(8), nodes(9), NODES),
        ] {
            assert_eq!(read(&fits).map(|_| ()), Ok(()), "{}", limit.name);
            match super::read(&more, &mut Budget::default()) {
                Err(YamlError::OverLimit(over)) => assert_eq!(over.limit, limit),
                other => panic!("{}: {:.300?}", limit.name, other),
            }
        }
    }

    #[test]
    fn byte_order_marks_line_ends_and_empty_documents_are_passed_over() {
        for text in [
            "\u{feff}a: 1\n",
            "a: 1\r\n",
            "---\na: 1\n---\n",
            "---\n---\na: 1\n...\n",
            "# c\na: 1 # d",
        ] {
            assert_eq!(read(text).unwrap(), json!({"a": 1}), "{text:?}");
        }
    }

    #[test]
    fn what_spark_can_not_read_is_refused_without_its_text() {
        let bomb = (0..20).fold("l0: &l0 [x, x]\n".to_owned(), |text, n| {
            text + &format!("l{}: &l{} [*l{n}, *l{n}, *l{n}]\n", n + 1, n + 1)
        });
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        let long = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 19), "*a, ".repeat(8));
        for (text, message) in [
            ("", "the file is empty"),
            ("# only a comment\n", "the file is empty"),
            ("a: 1\n---\nb: 1\n", "more than one document"),
            ("a: hunter2\na: hunter3\n", "duplicate mapping key at line 2"),
            ("1: a\n\"1\": b\n", "duplicate mapping key"),
            ("null: a", "a key must be text"),
            ("[a]: b", "a key must be text"),
            ("a:\n\tb: 1\n", "line 2"),
            ("a: [", "not valid YAML"),
            ("a: *hunter2", "not valid YAML"),
            ("a: &a [*a]", "an alias within what it stands for"),
            ("a: !hunter2 1", "a tag that isn't known here at line 1"),
            ("a: !!map [1]", "a tag that isn't known here"),
            ("a: .inf", "not a finite number"),
            ("a: 1e999", "not a finite number"),
            (&deep, "expected at most 64 levels of nesting, found more"),
            (
                &bomb,
                "expected at most 100000 values in one submission, found more",
            ),
            (
                &long,
                "expected at most 4194304 bytes of text in one submission, found more",
            ),
        ] {
            let found = read(text).unwrap_err();
            assert!(found.contains(message), "{text:?}: {found}");
            assert!(!found.contains("hunter"), "{found}");
        }
    }
}
