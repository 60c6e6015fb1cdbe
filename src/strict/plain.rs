//! The plain part of YAML: lines of `key: value` and `- item`, where a value is JSON or one simple word. It is what our
//! templates write, and all that most of an admin's do. On everything else this reader gives up, and the full one has its say:
//! what is read here is read there alike (the tests hold the two against each other), only more slowly.

use super::{DEEPEST, json};
use serde_json::{Map, Value};

/// The longest key that YAML reads without a `?` before it, in characters; bytes are the stricter count.
const LONGEST_KEY: usize = 1_000;

/// Reads a document that is plain; `None` where it isn't, or has any flaw.
pub(super) fn read(text: &str) -> Option<Value> {
    if text.as_bytes().chunks(64).any(|bytes| !is_printable(bytes)) && text.chars().any(is_special) {
        return None;
    }
    if text.starts_with(['{', '[']) {
        return json::read(text);
    }
    let mut lines = Lines {
        rest: text.split('\n'),
        current: None,
    };
    lines.advance();
    let value = lines.block(0)?;
    lines.current.is_none().then_some(value)
}

/// Whether all is printable ASCII in lines, as most text is. Without an early end it is looked at many bytes at a time.
fn is_printable(bytes: &[u8]) -> bool {
    let printable = |byte: u8| (byte == b'\n') | matches!(byte, b' '..=b'~');
    bytes.iter().fold(true, |all, byte| all & printable(*byte))
}

/// Whether YAML's readers may take a character for a line break, or refuse it.
fn is_special(character: char) -> bool {
    match character {
        '\n' | ' '..='~' => false,
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        other => other.is_control(),
    }
}

/// The lines that are not blank, one of which is current.
struct Lines<'t> {
    rest: std::str::Split<'t, char>,
    current: Option<Line<'t>>,
}

#[derive(Clone, Copy)]
struct Line<'t> {
    indent: usize,
    /// Without the indentation and spaces at the end; never empty.
    text: &'t str,
}

impl<'t> Lines<'t> {
    fn advance(&mut self) {
        self.current = self.rest.by_ref().find_map(|line| {
            let text = line.trim_start_matches(' ');
            let indent = line.len() - text.len();
            let text = text.trim_end_matches(' ');
            (!text.is_empty()).then_some(Line { indent, text })
        });
    }

    /// The list or map that begins with the current line.
    fn block(&mut self, depth: usize) -> Option<Value> {
        let first = self.current?;
        if depth > DEEPEST {
            None
        } else if item_of(first.text).is_some() {
            self.list(first.indent, depth)
        } else {
            self.map(first.indent, depth)
        }
    }

    fn list(&mut self, indent: usize, depth: usize) -> Option<Value> {
        let mut list = Vec::new();
        while let Some(line) = self.current
            && line.indent == indent
            && let Some(item) = item_of(line.text)
        {
            list.push(self.item(line, item, depth)?);
        }
        self.ends(indent).then_some(Value::Array(list))
    }

    fn item(&mut self, line: Line<'t>, item: &'t str, depth: usize) -> Option<Value> {
        if item.is_empty() {
            self.advance();
            return match self.current {
                Some(next) if next.indent > line.indent => self.block(depth + 1),
                _ => Some(Value::Null),
            };
        }
        if item_of(item).is_some() || entry_of(item).is_some() {
            // What follows the dash begins a block of its own, as if it stood on a line of its own.
            self.current = Some(Line {
                indent: line.indent + line.text.len() - item.len(),
                text: item,
            });
            return self.block(depth + 1);
        }
        self.advance();
        scalar(item)
    }

    fn map(&mut self, indent: usize, depth: usize) -> Option<Value> {
        let mut map = Map::new();
        while let Some(line) = self.current
            && line.indent == indent
        {
            let (key, text) = match entry_of(line.text) {
                Some(entry) => entry,
                // The list that this map is in goes on.
                None if item_of(line.text).is_some() => break,
                None => return None,
            };
            self.advance();
            let value = if text.is_empty() {
                match self.current {
                    Some(next) if next.indent > indent => self.block(depth + 1)?,
                    Some(next) if next.indent == indent && item_of(next.text).is_some() => {
                        self.list(indent, depth + 1)?
                    }
                    _ => Value::Null,
                }
            } else {
                scalar(text)?
            };
            if map.insert(key, value).is_some() {
                return None;
            }
        }
        self.ends(indent).then_some(Value::Object(map))
    }

    /// Whether a block of this indentation may end here: a deeper line would belong to what came before.
    fn ends(&self, indent: usize) -> bool {
        self.current.is_none_or(|line| line.indent <= indent)
    }
}

/// What follows a list's dash.
fn item_of(text: &str) -> Option<&str> {
    match text.strip_prefix('-')? {
        "" => Some(""),
        rest => rest.starts_with(' ').then(|| rest.trim_start_matches(' ')),
    }
}

/// A map's key, and what follows it on its line.
fn entry_of(text: &str) -> Option<(String, &str)> {
    let (key, rest) = if text.starts_with('"') {
        let end = closing_quote(text)?;
        let Value::String(key) = json::read(&text[..end])? else {
            return None;
        };
        (key, text[end..].strip_prefix(':')?)
    } else {
        let (key, rest) = text.split_once(':')?;
        let Value::String(key) = word(key)? else {
            return None;
        };
        (key, rest)
    };
    if key.len() > LONGEST_KEY {
        return None;
    }
    match rest {
        "" => Some((key, "")),
        _ => rest
            .strip_prefix(' ')
            .map(|value| (key, value.trim_start_matches(' '))),
    }
}

/// The index after the quote that ends the string at the beginning.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some(end + 2)
}

fn scalar(text: &str) -> Option<Value> {
    if text.starts_with(|first: char| first.is_ascii_alphabetic()) {
        word(text)
    } else {
        let number = text.strip_prefix('-').unwrap_or(text);
        // `0644` is no JSON, and `1.5` nothing that the reader of JSON takes.
        let begins = |set: &[char]| {
            number.starts_with(set) || number.starts_with(|first: char| first.is_ascii_digit())
        };
        begins(&['"', '{', '[']).then(|| json::read(text))?
    }
}

/// A word without anything that means something to YAML.
fn word(text: &str) -> Option<Value> {
    let simple = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-');
    if !text.starts_with(|first: char| first.is_ascii_alphabetic()) || !text.bytes().all(simple) {
        return None;
    }
    match text {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        "null" => Some(Value::Null),
        // Some have other opinions of these.
        _ if [
            "true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan", "infinity",
        ]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word)) =>
        {
            None
        }
        _ => Some(Value::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::parse_fully, read};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_templates_write_is_plain() {
        let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: \"a\"\n\n  labels:\n    \"a.b/c\": \"x\\n\\u00e9\"\nspec:\n  \
                    containers:\n    - name: \"one\"\n      args: [\"a\",\"b\"]\n    -   {\"name\":\"two\"}\n  tolerations:\n  - \
                    key: \"k\"\n  -\n    key: null\n  empty:\n  mode: 420\n";
        let expected = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "labels": {"a.b/c": "x\né"}},
            "spec": {
                "containers": [{"name": "one", "args": ["a", "b"]}, {"name": "two"}],
                "tolerations": [{"key": "k"}, {"key": null}], "empty": null, "mode": 420,
            },
        });
        assert_eq!(read(text), Some(expected.clone()));
        assert_eq!(parse_fully(text), Ok(expected));
    }

    #[test]
    fn it_gives_up_on_what_is_not_plain() {
        for text in [
            "a: 0644",
            "a: 1.5",
            "a: 1e3",
            "a: yes",
            "a: Yes",
            "yes: a",
            "a: b c",
            "a: 'b'",
            "a: |\n  b",
            "a: b\n  c",
            "a: # b",
            "# a",
            "a: 1\na: 2",
            "a: {\"b\":1,\"b\":2}",
            "a: &b c",
            "a: *b",
            "a: !b c",
            "? a",
            "---\na: b",
            "a:b",
            "- a\nb: c",
            "a: - b",
            "a:\n    b: c\n  d: e",
            "a:\tb",
            "a: \"\\ud83e\\udd80\"",
            "a: \u{85}",
            "a: b\r\n",
            "a: \"b\" c",
            "\"a\" : b",
            "a: [b]",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    /// Pieces of documents, with all that could be mistaken.
    fn piece() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "a",
            "b",
            "c",
            ": ",
            ":",
            "- ",
            "-",
            "\n",
            "\n",
            "\n",
            "\n  ",
            "\n  ",
            "\n    ",
            " ",
            "  ",
            "\"x\"",
            "\"y: z\"",
            "{}",
            "[]",
            "{\"a\":1}",
            "[1,\"b\"]",
            "1",
            "-1",
            "0",
            "01",
            "1.5",
            "null",
            "true",
            "no",
            "~",
            "#",
            " #",
            "|",
            ">",
            "'",
            "\"",
            "\\",
            "{",
            "}",
            "[",
            "]",
            ",",
            "&a",
            "*a",
            "!a",
            "?",
            "? ",
            "---",
            "...",
            "%",
            "@",
            "`",
            "a: ",
            "b: ",
            "\na: ",
            "\n- ",
            "\n  - ",
            "\n  b: ",
            "a.b/c",
            "é",
            "\"\\u00e9\"",
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn what_it_reads_the_full_reader_reads_alike(pieces in prop::collection::vec(piece(), 1..14)) {
            let text = pieces.concat();
            if let Some(value) = read(&text) {
                prop_assert_eq!(parse_fully(&text), Ok(value), "{:?}", text);
            }
        }
    }
}
