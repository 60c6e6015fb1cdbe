//! The plain part of YAML, written as JSON: lines of `key: value` and `- item`, where a value is JSON or one simple word.
//!
//! It is what our templates write, and most of what an admin's templates do. The one reader of JSON then reads it, which is ten times as
//! fast as the reader of YAML and holds every limit. On everything else [`to_json`] gives up, and the reader of YAML decides: it would
//! read alike what is read here (the tests compare the two).

use memchr::memchr2;
use serde::de::IgnoredAny;
/// The longest text that is looked at, in bytes: the JSON is a second copy of it.
const LONGEST: usize = 64 << 10;

/// The longest key, in bytes. YAML reads one of 1,024 characters, with its quotes, without a `?` before it.
const LONGEST_KEY: usize = 1_000;

/// The document as JSON; `None` where it isn't plain, or has any flaw.
pub(super) fn to_json(text: &str) -> Option<String> {
    if text.len() > LONGEST || !is_printable(text) {
        return None;
    }
    let mut writer = Writer {
        json: String::with_capacity(text.len() + text.len() / 4),
        open: Vec::new(),
        awaits: Awaits::Document,
    };
    for line in text.split('\n') {
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        let content = content.trim_end_matches(' ');
        if !content.is_empty() && !content.starts_with('#') {
            writer.line(indent, content)?;
        }
    }
    writer.end()
}

/// Whether no character is a break, a blank or a mark to some reader of YAML, but for spaces and line feeds.
fn is_printable(text: &str) -> bool {
    let plain = |byte: u8| (byte == b'\n') | matches!(byte, b' '..=b'~');
    // Without an early end many bytes are looked at at a time.
    let ascii = text.as_bytes().chunks(64);
    let mut ascii = ascii.map(|bytes| bytes.iter().fold(true, |all, byte| all & plain(*byte)));
    ascii.all(|plain| plain)
        || text.chars().all(|character| match character {
            '\n' | ' '..='~' => true,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
            other => !other.is_control(),
        })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mapping,
    List,
}

/// A mapping or list whose end was not seen yet.
struct Open {
    kind: Kind,
    /// The column of its keys or dashes.
    indent: usize,
    /// Whether it has an entry or item already.
    begun: bool,
}

/// What the next line may be the value of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    /// The whole document.
    Document,
    /// A key of the innermost mapping, or a dash of the innermost list, with nothing behind it.
    Value,
    Nothing,
}

struct Writer {
    json: String,
    open: Vec<Open>,
    awaits: Awaits,
}

impl Writer {
    /// One line, without the spaces around it, of which so many stood before it.
    fn line(&mut self, mut indent: usize, mut text: &str) -> Option<()> {
        let mut item = item_of(text);
        self.awaited(indent, item.is_some())?;
        self.close(indent, item.is_some())?;
        // What follows a dash may begin a list or mapping of its own, as if it stood on a line of its own.
        while let Some(content) = item {
            self.separate();
            if content.is_empty() {
                self.awaits = Awaits::Value;
                return Some(());
            }
            let kind = match (item_of(content), entry_of(content)) {
                (Some(_), _) => Kind::List,
                (None, Some(_)) => Kind::Mapping,
                (None, None) => return self.scalar(content),
            };
            indent += text.len() - content.len();
            text = content;
            item = item_of(text);
            self.begin(kind, indent);
        }
        let (key, value) = entry_of(text)?;
        self.separate();
        key.write(&mut self.json);
        self.json.push(':');
        if value.is_empty() {
            self.awaits = Awaits::Value;
            return Some(());
        }
        self.scalar(value)
    }

    /// Begins the mapping or list that this line is the first of, if one is awaited; else what is awaited is null.
    fn awaited(&mut self, indent: usize, is_item: bool) -> Option<()> {
        let kind = if is_item { Kind::List } else { Kind::Mapping };
        let begins = match (self.awaits, self.open.last()) {
            (Awaits::Document, _) => true,
            (Awaits::Nothing, _) => return Some(()),
            // A list may stand as far left as the key that it is the value of.
            (Awaits::Value, Some(open)) => {
                indent > open.indent || (indent == open.indent && is_item && open.kind == Kind::Mapping)
            }
            (Awaits::Value, None) => return None,
        };
        self.awaits = Awaits::Nothing;
        if begins {
            self.begin(kind, indent);
        } else {
            self.json.push_str("null");
        }
        Some(())
    }

    fn begin(&mut self, kind: Kind, indent: usize) {
        self.json.push(if kind == Kind::List { '[' } else { '{' });
        self.open.push(Open {
            kind,
            indent,
            begun: false,
        });
    }

    /// Ends what does not go on with a line of this indentation.
    fn close(&mut self, indent: usize, is_item: bool) -> Option<()> {
        while let Some(open) = self.open.last()
            && (open.indent > indent || (open.indent == indent && open.kind == Kind::List && !is_item))
        {
            self.end_innermost();
        }
        let kind = if is_item { Kind::List } else { Kind::Mapping };
        let open = self.open.last()?;
        (open.indent == indent && open.kind == kind).then_some(())
    }

    fn end_innermost(&mut self) {
        if let Some(open) = self.open.pop() {
            self.json.push(if open.kind == Kind::List { ']' } else { '}' });
        }
    }

    /// Writes the comma before an entry or item that is not the first.
    fn separate(&mut self) {
        if let Some(open) = self.open.last_mut() {
            if open.begun {
                self.json.push(',');
            }
            open.begun = true;
        }
    }

    fn scalar(&mut self, text: &str) -> Option<()> {
        scalar(text)?.write(&mut self.json);
        Some(())
    }

    fn end(mut self) -> Option<String> {
        match self.awaits {
            Awaits::Document => return None,
            Awaits::Value => self.json.push_str("null"),
            Awaits::Nothing => {}
        }
        while !self.open.is_empty() {
            self.end_innermost();
        }
        Some(self.json)
    }
}

/// What follows a list's dash.
fn item_of(text: &str) -> Option<&str> {
    match text.strip_prefix('-')? {
        "" => Some(""),
        rest => rest.starts_with(' ').then(|| rest.trim_start_matches(' ')),
    }
}

/// A key or value of one line.
#[derive(Clone, Copy)]
enum Scalar<'t> {
    /// A whole value of JSON.
    Json(&'t str),
    /// A string without quotes.
    Word(&'t str),
}

impl Scalar<'_> {
    fn len(self) -> usize {
        let (Self::Json(text) | Self::Word(text)) = self;
        text.len()
    }

    fn write(self, json: &mut String) {
        match self {
            Self::Json(text) => json.push_str(text),
            Self::Word(word) => {
                json.push('"');
                json.push_str(word);
                json.push('"');
            }
        }
    }
}

/// A mapping's key, and what follows it on its line.
fn entry_of(text: &str) -> Option<(Scalar<'_>, &str)> {
    let (key, rest) = if text.starts_with('"') {
        let (key, rest) = text.split_at(end_of_string(text)?);
        (Scalar::Json(key), rest.strip_prefix(':')?)
    } else {
        let (key, rest) = text.split_once(':')?;
        // A key that is no string is no key of ours.
        (word(key)?, rest)
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

/// The index behind the quote that ends the string at the beginning.
fn end_of_string(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut start = 1;
    loop {
        let found = start + memchr2(b'"', b'\\', bytes.get(start..)?)?;
        if bytes[found] == b'"' {
            return Some(found + 1);
        }
        // What is escaped is no end.
        start = found + 2;
    }
}

/// A value as JSON. It is one whole value, or it would mean something else between others.
fn scalar(text: &str) -> Option<Scalar<'_>> {
    match text.bytes().next()? {
        b'"' => (end_of_string(text)? == text.len()).then_some(Scalar::Json(text)),
        b'{' | b'[' | b'-' | b'0'..=b'9' => {
            let whole = serde_json::from_str::<IgnoredAny>(text).is_ok();
            whole.then_some(Scalar::Json(text))
        }
        _ if matches!(text, "true" | "false" | "null") => Some(Scalar::Json(text)),
        _ => word(text),
    }
}

/// A word without anything that means something to a reader of YAML.
fn word(text: &str) -> Option<Scalar<'_>> {
    let simple = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-');
    let is_word = text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(simple);
    // Readers disagree about these, or read them as no strings.
    let ambiguous = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan", "infinity",
    ];
    let is_ambiguous = || ambiguous.iter().any(|word| text.eq_ignore_ascii_case(word));
    (is_word && !is_ambiguous()).then_some(Scalar::Word(text))
}

#[cfg(test)]
mod tests {
    use super::super::{DocumentShape, parse_fully, read_plain};
    use crate::limits::Budget;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(text: &str) -> Option<Value> {
        let read = read_plain(text, DocumentShape::Rendered, &mut Budget::of_rendered());
        read.and_then(Result::ok)
    }

    #[test]
    fn what_templates_write_is_plain() {
        let text = "# ours\napiVersion: v1\nkind: Pod\nmetadata:\n  name: \"a\"\n\n  labels:\n    \"a.b/c\": \"x\\n\\u00e9\"\nspec:\n  \
                    containers:\n    - name: \"one\"\n      args: [\"a\",\"b\"]\n      # theirs\n    -   {\"name\":\"two\"}\n  tolerations:\n  - \
                    key: \"k\"\n  -\n    key: null\n  - - x\n    - z\n  empty:\n  mode: 420\n";
        let expected = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "labels": {"a.b/c": "x\né"}},
            "spec": {
                "containers": [{"name": "one", "args": ["a", "b"]}, {"name": "two"}],
                "tolerations": [{"key": "k"}, {"key": null}, ["x", "z"]], "empty": null, "mode": 420,
            },
        });
        assert_eq!(read(text), Some(expected.clone()));
        assert_eq!(parse_fully(text), Ok(expected));
    }

    #[test]
    fn it_gives_up_on_what_is_not_plain() {
        let long = format!("a: \"{}\"", "x".repeat(super::LONGEST));
        let long_key = format!("\"{}\": 1", "x".repeat(super::LONGEST_KEY));
        let many = ["a: 1", "a:"].map(|first| format!("{first}\n{}", "- b\n".repeat(2)));
        assert_eq!(read(&many[0]), None);
        assert_eq!(read(&many[1]), Some(json!({"a": ["b", "b"]})));
        for text in [
            "",
            "\n",
            "# a",
            "a",
            "a: 0644",
            "a: -0",
            "a: 1.5",
            "a: 1e3",
            "a: 18446744073709551616",
            "a: yes",
            "a: Yes",
            "yes: a",
            "true: a",
            "1: a",
            "a: b c",
            "a: 'b'",
            "a: |\n  b",
            "a: b\n  c",
            "a: # b",
            "a: b # c",
            "a: 1\na: 2",
            "a: 1\n\"a\": 2",
            "a: {\"b\":1,\"b\":2}",
            "a: &b c",
            "a: *b",
            "a: !b c",
            "? a",
            "---\na: b",
            "a: b\n---\na: b",
            "a:b",
            "- a\nb: c",
            "a: - b",
            "a:\n    b: c\n  d: e",
            "  a: b\nc: d",
            "a:\tb",
            "a: \"\\ud83e\\udd80\"",
            "a: \u{85}",
            "a: b\r\n",
            "a: \"b\" c",
            "a: \"b",
            "a: \"\\x41\"",
            "a: \"b\", \"c\": \"d\"",
            "a: {}, \"c\": {}",
            "a: 1, \"c\": 2",
            "- 1, 2",
            "a: [1], \"b\": [2]",
            "\"a\" : b",
            "a: [b]",
            &long,
            &long_key,
        ] {
            assert_eq!(read(text), None, "{text:.60?}");
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
            "\n# ",
            "\n  # ",
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
            "\n- - ",
            "- - ",
            "a.b/c",
            "é",
            "\"\\u00e9\"",
            "\", \"",
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn what_it_reads_the_reader_of_yaml_reads_alike(pieces in prop::collection::vec(piece(), 1..14)) {
            let text = pieces.concat();
            if let Some(value) = read(&text) {
                prop_assert_eq!(parse_fully(&text), Ok(value), "{:?}", text);
            }
        }
    }
}
