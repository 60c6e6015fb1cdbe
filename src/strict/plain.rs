//! The plain part of YAML: lines of `key: value` and `- item`, where a value is JSON or one simple word.
//!
//! It is what our templates write, and most of what an admin's templates do. It is read here in a tenth of the time that the reader
//! of YAML takes, and built by what builds JSON, which holds every limit. On everything else [`Plain::of`] or the reading gives up,
//! and the reader of YAML decides: it would read alike what is read here (the tests compare the two).

use memchr::memchr2;
use serde::{
    de::{
        DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
        value::BorrowedStrDeserializer,
    },
    forward_to_deserialize_any,
};
use serde_json::Error;
use std::slice;

/// The longest text that is looked at, in bytes: its parts are kept beside it, and take up to three times as much.
const LONGEST: usize = 256 << 10;

/// How many bytes of text there are for a part, at least in most documents.
const PART_BYTES: usize = 12;

/// The longest key, in bytes. YAML reads one of 1,024 characters, with its quotes, without a `?` before it.
const LONGEST_KEY: usize = 1_000;

/// A plain document, in parts.
pub(super) struct Plain<'t>(Vec<Part<'t>>);

/// A part of a document, in the order in which they stand there.
#[derive(Clone, Copy)]
enum Part<'t> {
    Begin(Kind),
    Key(Scalar<'t>),
    Value(Scalar<'t>),
    /// The end of the innermost mapping or list.
    End,
}

impl<'t> Plain<'t> {
    /// The parts of a document; `None` where it isn't plain, or has a flaw that shows by its lines.
    pub(super) fn of(text: &'t str) -> Option<Self> {
        if text.len() > LONGEST || !is_printable(text) {
            return None;
        }
        let mut scan = Scan {
            parts: Vec::with_capacity(text.len() / PART_BYTES),
            open: Vec::new(),
            awaits: Awaits::Document,
        };
        for line in text.split('\n') {
            let content = line.trim_start_matches(' ');
            let indent = line.len() - content.len();
            let content = content.trim_end_matches(' ');
            if !content.is_empty() && !content.starts_with('#') {
                scan.line(indent, content)?;
            }
        }
        scan.end().map(Self)
    }

    /// What reads the document.
    pub(super) fn reader(&self) -> Reader<'_, 't> {
        Reader(self.0.iter())
    }
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

struct Scan<'t> {
    parts: Vec<Part<'t>>,
    open: Vec<Open>,
    awaits: Awaits,
}

impl<'t> Scan<'t> {
    /// One line, without the spaces around it, of which so many stood before it.
    fn line(&mut self, mut indent: usize, mut text: &'t str) -> Option<()> {
        let mut item = item_of(text);
        self.awaited(indent, item.is_some())?;
        self.close(indent, item.is_some())?;
        // What follows a dash may begin a list or mapping of its own, as if it stood on a line of its own.
        while let Some(content) = item {
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
        self.parts.push(Part::Key(key));
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
            self.parts.push(NULL);
        }
        Some(())
    }

    fn begin(&mut self, kind: Kind, indent: usize) {
        self.parts.push(Part::Begin(kind));
        self.open.push(Open { kind, indent });
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
        if self.open.pop().is_some() {
            self.parts.push(Part::End);
        }
    }

    fn scalar(&mut self, text: &'t str) -> Option<()> {
        self.parts.push(Part::Value(scalar(text)?));
        Some(())
    }

    fn end(mut self) -> Option<Vec<Part<'t>>> {
        match self.awaits {
            Awaits::Document => return None,
            Awaits::Value => self.parts.push(NULL),
            Awaits::Nothing => {}
        }
        while !self.open.is_empty() {
            self.end_innermost();
        }
        Some(self.parts)
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
    /// One value of JSON, if it is valid.
    Json(&'t str),
    /// A string without quotes.
    Word(&'t str),
}

/// A value of which nothing stands there.
const NULL: Part<'static> = Part::Value(Scalar::Json("null"));

impl Scalar<'_> {
    fn len(self) -> usize {
        let (Self::Json(text) | Self::Word(text)) = self;
        text.len()
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

/// A value: JSON, or a word.
fn scalar(text: &str) -> Option<Scalar<'_>> {
    match text.bytes().next()? {
        b'"' => (end_of_string(text)? == text.len()).then_some(Scalar::Json(text)),
        b'{' | b'[' | b'-' | b'0'..=b'9' => Some(Scalar::Json(text)),
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

/// Reads the parts of a document from here on.
pub(super) struct Reader<'p, 'de>(slice::Iter<'p, Part<'de>>);

impl<'de> Deserializer<'de> for &mut Reader<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.next() {
            Some(Part::Begin(Kind::Mapping)) => visitor.visit_map(self),
            Some(Part::Begin(Kind::List)) => visitor.visit_seq(self),
            Some(Part::Value(scalar)) => scalar.deserialize_any(visitor),
            Some(Part::Key(_) | Part::End) | None => Err(Error::custom("a value is expected")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for &mut Reader<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        match self.0.next() {
            Some(Part::Key(key)) => seed.deserialize(*key).map(Some),
            Some(Part::End) | None => Ok(None),
            Some(_) => Err(Error::custom("a key is expected")),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(&mut **self)
    }
}

impl<'de> SeqAccess<'de> for &mut Reader<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if let Some(Part::End) = self.0.as_slice().first() {
            self.0.next();
            return Ok(None);
        }
        seed.deserialize(&mut **self).map(Some)
    }
}

impl<'de> Deserializer<'de> for Scalar<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let string = |text| BorrowedStrDeserializer::new(text);
        match self {
            Self::Word(word) => string(word).deserialize_any(visitor),
            Self::Json(text) => match inside_quotes(text) {
                Some(inside) => string(inside).deserialize_any(visitor),
                None => {
                    let mut json = serde_json::Deserializer::from_str(text);
                    let value = json.deserialize_any(visitor)?;
                    // It is one whole value, and nothing follows it.
                    json.end().map(|()| value)
                }
            },
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The text of a string of JSON that has no escapes.
fn inside_quotes(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    memchr2(b'"', b'\\', inside.as_bytes())
        .is_none()
        .then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::super::{DocumentShape, json::read_as_yaml, parse_fully};
    use crate::limits::Budget;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(text: &str) -> Option<Value> {
        let read = read_as_yaml(text, DocumentShape::Rendered, &mut Budget::of_rendered());
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
