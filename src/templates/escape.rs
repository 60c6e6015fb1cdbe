//! How a template's `{{ value }}` is written: as compact JSON, which is YAML too, whatever the template's name
//! and whatever `{% autoescape %}` says.
//!
//! JSON leaves some characters raw that YAML 1.1 readers (libyaml, and Go's port of it) take for line breaks or
//! refuse. Inside a comment or a block scalar such a line break would end the value's line, so these are written
//! as `\uXXXX` as well.

use super::{error::Cause, typed};
use minijinja::{
    Error, Output, State,
    value::{DynObject, Value, ValueKind},
};

/// How deep a value may nest. Kubernetes' types stay far below; it bounds the recursion here.
const DEEPEST: usize = 128;

/// The formatter of every template: captured template output as it is, everything else as JSON.
pub(crate) fn write(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        // What a macro, a block or `{% set %}…{% endset %}` wrote: each value in it went through here before.
        Some(text) if value.is_safe() => Ok(out.write_str(text)?),
        _ => write_json(out, value, DEEPEST),
    }
}

/// The formatter of policies, which write to no document: a text as it is, everything else as JSON. So what a macro returns
/// can be compared with a text.
pub(crate) fn write_as_text(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) => Ok(out.write_str(text)?),
        None => write_json(out, value, DEEPEST),
    }
}

fn write_json(out: &mut Output, value: &Value, depth: usize) -> Result<(), Error> {
    if depth == 0 {
        return Err(Cause::TooDeep.into());
    }
    match value.kind() {
        ValueKind::None => Ok(out.write_str("null")?),
        ValueKind::Bool => Ok(out.write_str(if value.is_true() { "true" } else { "false" })?),
        ValueKind::Number => write_number(out, value),
        ValueKind::String => write_string(out, value.as_str().unwrap_or_default()),
        // What is null counts as not written, and so does what isn't there.
        ValueKind::Seq | ValueKind::Map if typed::is_absent(value) => Ok(out.write_str("null")?),
        ValueKind::Seq | ValueKind::Iterable => write_list(out, value, depth),
        ValueKind::Map => write_map(out, value, depth),
        ValueKind::Undefined => Err(Cause::Nothing.into()),
        ValueKind::Invalid => Err(Cause::Invalid.into()),
        kind => Err(Cause::NotAValue(kind).into()),
    }
}

fn write_list(out: &mut Output, value: &Value, depth: usize) -> Result<(), Error> {
    out.write_str("[")?;
    for (index, item) in value.try_iter()?.enumerate() {
        if index > 0 {
            out.write_str(",")?;
        }
        write_json(out, &item, depth - 1)?;
    }
    Ok(out.write_str("]")?)
}

fn write_map(out: &mut Output, value: &Value, depth: usize) -> Result<(), Error> {
    let object = value.as_object();
    // A macro or a module counts as a map of what is known of it.
    if object.is_some_and(|object| object.type_name().starts_with("minijinja::vm::")) {
        return Err(Cause::NotAValue(ValueKind::Plain).into());
    }
    let entries = object.and_then(DynObject::try_iter_pairs);
    out.write_str("{")?;
    for (index, (key, item)) in entries.into_iter().flatten().enumerate() {
        if index > 0 {
            out.write_str(",")?;
        }
        write_key(out, &key)?;
        out.write_str(":")?;
        write_json(out, &item, depth - 1)?;
    }
    Ok(out.write_str("}")?)
}

/// JSON's keys are strings; a number or a boolean becomes one, as in every JSON writer.
fn write_key(out: &mut Output, key: &Value) -> Result<(), Error> {
    match key.kind() {
        ValueKind::String => write_string(out, key.as_str().unwrap_or_default()),
        ValueKind::Number | ValueKind::Bool => write_string(out, &key.to_string()),
        kind => Err(Cause::NotAKey(kind).into()),
    }
}

fn write_number(out: &mut Output, value: &Value) -> Result<(), Error> {
    if value.is_integer() {
        return Ok(out.write_fmt(format_args!("{value}"))?);
    }
    let number = f64::try_from(value.clone())?;
    if !number.is_finite() {
        return Err(Cause::NotFinite.into());
    }
    Ok(out.write_fmt(format_args!("{}", serde_json::Value::from(number)))?)
}

fn write_string(out: &mut Output, text: &str) -> Result<(), Error> {
    out.write_str("\"")?;
    let mut written = 0;
    let mut at = 0;
    // Most strings are of bytes that mean themselves.
    while let Some(plain) = text.as_bytes()[at..].iter().position(|byte| !is_plain(*byte)) {
        at += plain;
        let Some(character) = text[at..].chars().next() else {
            break;
        };
        if let Some(escape) = escape_of(character) {
            out.write_str(&text[written..at])?;
            match escape {
                Escape::Short(escape) => out.write_str(escape)?,
                Escape::Unicode(code) => out.write_fmt(format_args!("\\u{code:04x}"))?,
            }
            written = at + character.len_utf8();
        }
        at += character.len_utf8();
    }
    out.write_str(&text[written..])?;
    Ok(out.write_str("\"")?)
}

/// Whether a byte is a character that [`escape_of`] leaves alone.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

enum Escape {
    Short(&'static str),
    Unicode(u32),
}

fn escape_of(character: char) -> Option<Escape> {
    Some(match character {
        '"' => Escape::Short("\\\""),
        '\\' => Escape::Short("\\\\"),
        '\n' => Escape::Short("\\n"),
        '\r' => Escape::Short("\\r"),
        '\t' => Escape::Short("\\t"),
        // U+FFFE and U+FFFF are outside YAML's printable set: a reader may refuse them raw.
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{feff}'
        | '\u{fffe}'
        | '\u{ffff}' => Escape::Unicode(u32::from(character)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::templates::environment::environment;
    use minijinja::{ErrorKind, context, value::Value};

    fn render(source: &str, value: impl Into<Value>) -> Result<String, ErrorKind> {
        let mut environment = environment();
        environment
            .add_template_owned("anything.txt", source.to_owned())
            .unwrap();
        let template = environment.get_template("anything.txt").unwrap();
        template
            .render(context! { v => value.into() })
            .map_err(|error| error.kind())
    }

    #[test]
    fn each_type_is_written_as_compact_json() {
        for (value, expected) in [
            (Value::from(()), "null"),
            (Value::from(true), "true"),
            (Value::from(1.0), "1.0"),
            (Value::from(-7), "-7"),
            (Value::from(u64::MAX), "18446744073709551615"),
            (Value::from("yes"), "\"yes\""),
            (Value::from(""), "\"\""),
            (Value::from(vec![1, 2]), "[1,2]"),
            (
                context! { a => vec![Value::from("x")], b => context! {} },
                r#"{"a":["x"],"b":{}}"#,
            ),
        ] {
            assert_eq!(render("{{ v }}", value).unwrap(), expected);
        }
    }

    #[test]
    fn characters_that_yaml_takes_for_line_breaks_are_escaped() {
        assert_eq!(
            render(
                "{{ v }}",
                "a\u{85}\u{2028}\u{2029}\u{feff}\u{7f}\u{9f}\0\n\"\\é😀"
            )
            .unwrap(),
            r#""a\u0085\u2028\u2029\ufeff\u007f\u009f\u0000\n\"\\é😀""#
        );
    }

    #[test]
    fn autoescape_false_changes_nothing_for_values() {
        let source = "{% autoescape false %}{{ v }} {{ [v] }}{% endautoescape %}";
        assert_eq!(
            render(source, "a\nb\u{2028}").unwrap(),
            r#""a\nb\u2028" ["a\nb\u2028"]"#
        );
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        for value in [
            Value::from(f64::NAN),
            Value::from(f64::INFINITY),
            Value::from_bytes(vec![1]),
            Value::UNDEFINED,
        ] {
            assert!(render("{{ v }}", value.clone()).is_err());
            assert!(render("{{ [v] }}", value.clone()).is_err());
            assert!(render("{{ {'a': v} }}", value).is_err());
        }
        assert!(render("{% macro m() %}{% endmacro %}{{ m }}", ()).is_err());
        assert!(render("{{ 'x' if false }}", ()).is_err());
        assert!(render("{{ {none: 1} }}", ()).is_err());
        assert_eq!(render("{{ {1: 2} }}", ()).unwrap(), r#"{"1":2}"#);
    }
}
