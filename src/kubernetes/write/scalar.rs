//! How a string is written: plain, double-quoted, or as a literal block.

use std::fmt::Write;

/// The style of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    DoubleQuoted,
    Literal,
}

/// Words that some reader takes for a boolean, a null or a number, whatever their case.
const WORDS: [&str; 13] = [
    "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "-inf", "-nan",
];

impl Style {
    pub(crate) fn of(text: &str) -> Self {
        if is_plain(text) {
            Style::Plain
        } else if is_literal(text) {
            Style::Literal
        } else {
            Style::DoubleQuoted
        }
    }

    /// A key stands on one line.
    pub(crate) fn for_key(self) -> Self {
        match self {
            Style::Literal => Style::DoubleQuoted,
            style => style,
        }
    }
}

/// Narrower than YAML allows, on purpose: what isn't plainly a word, a name, a path or an image is quoted.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let begins = match bytes {
        [b'-', b'-', letter, ..] | [b'-', letter, ..] => letter.is_ascii_alphabetic(),
        [b'_' | b'/', ..] => true,
        [first, ..] => first.is_ascii_alphanumeric(),
        [] => false,
    };
    let ends = bytes
        .last()
        .is_some_and(|last| last.is_ascii_graphic() && *last != b':');
    begins
        && ends
        && bytes
            .iter()
            .zip(bytes.iter().skip(1).chain(b" "))
            .all(|(byte, next)| match byte {
                b':' => *next != b' ',
                b' ' | b'_' | b'.' | b'/' | b'@' | b'%' | b'+' | b'=' | b',' | b'$' | b'-' | b'(' | b')'
                | b';' => true,
                byte => byte.is_ascii_alphanumeric(),
            })
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
        && !looks_like_a_number(bytes)
}

/// Whether some reader could take it for a number, a date or a time: it begins like one, and has nothing but
/// what one is made of.
fn looks_like_a_number(bytes: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let begins = match bytes {
        [b'-' | b'_', second, ..] => is_digit(second),
        [first, ..] => is_digit(first),
        [] => false,
    };
    let of_numbers = b"0123456789abcdefABCDEFxXoO_.:+-tTzZ ,";
    begins && bytes.iter().all(|byte| of_numbers.contains(byte))
}

/// Whether a literal block gives the string back exactly, in every reader: more than one line, nothing that
/// needs an escape, and no white space where indentation is guessed from.
fn is_literal(text: &str) -> bool {
    let lines = text.strip_suffix('\n').unwrap_or(text);
    let inner_break = text.contains('\n');
    inner_break
        && !text.starts_with(['\n', ' ', '\t'])
        && !lines.ends_with('\n')
        && lines
            .split('\n')
            .all(|line| line.is_empty() || !line.trim_matches([' ', '\t']).is_empty())
        && text
            .chars()
            .all(|character| character == '\n' || character == '\t' || is_printed(character))
}

/// Printable in both versions of YAML, and no line break in either.
fn is_printed(character: char) -> bool {
    matches!(character,
        ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}'
        | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

/// Writes a scalar on one line, plain or double-quoted.
pub(crate) fn write(out: &mut String, text: &str, style: Style) {
    if style == Style::Plain {
        out.push_str(text);
        return;
    }
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            character if is_printed(character) => out.push(character),
            // All that isn't printed lies in the basic plane.
            character => {
                let _ = write!(out, "\\u{:04X}", u32::from(character));
            }
        }
    }
    out.push('"');
}

/// Writes a literal block and ends its last line. Whether the string ends with a line break is the only thing
/// that the header has to say.
pub(crate) fn write_literal(out: &mut String, text: &str, indent: usize) {
    let lines = text.strip_suffix('\n');
    out.push_str(if lines.is_some() { "|\n" } else { "|-\n" });
    for line in lines.unwrap_or(text).split('\n') {
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
        out.push('\n');
    }
}
