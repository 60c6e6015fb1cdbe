//! Java `.properties` text, read and written as `java.util.Properties` does.

use std::collections::BTreeMap;

/// Writes properties as `Properties.store(Writer, …)` does, in the order of their keys, below `comment` lines.
///
/// Keys and values are escaped as Java escapes them: `\ ` for spaces of a key and a value's first space, a
/// backslash before `:`, `=`, `#`, `!` and `\`, and `\t \n \r \f`; everything else is written as it is, in
/// UTF-8. What Java's reader would take for something else is escaped too.
pub fn write(comment: &str, properties: &BTreeMap<String, String>) -> String {
    let size: usize = properties
        .iter()
        .map(|(key, value)| key.len() + value.len() + 8)
        .sum();
    let mut text = String::with_capacity(comment.len() + size);
    text.push('#');
    text.push_str(comment);
    text.push('\n');
    for (key, value) in properties {
        escape(key, true, &mut text);
        text.push('=');
        escape(value, false, &mut text);
        text.push('\n');
    }
    text
}

fn escape(raw: &str, every_space: bool, text: &mut String) {
    let mut plain = 0;
    for (index, byte) in raw.bytes().enumerate() {
        let escaped = match byte {
            b' ' if every_space || index == 0 => "\\ ",
            b'\t' => "\\t",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\x0c' => "\\f",
            b':' => "\\:",
            b'=' => "\\=",
            b'#' => "\\#",
            b'!' => "\\!",
            b'\\' => "\\\\",
            _ => continue,
        };
        text.push_str(&raw[plain..index]);
        text.push_str(escaped);
        plain = index + 1;
    }
    text.push_str(&raw[plain..]);
}

/// A malformed `\uXXXX` escape, the only thing that `Properties.load` refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: malformed \\uXXXX escape")]
pub struct MalformedEscape {
    /// The line, from 1.
    pub line: usize,
}

/// Reads properties as `Properties.load(Reader)` does; a later entry of the same key wins.
pub fn read(text: &str) -> Result<BTreeMap<String, String>, MalformedEscape> {
    let mut properties = BTreeMap::new();
    for (line, logical) in logical_lines(text) {
        let (key, value) = split(&logical);
        let unescape = |raw: &str| unescape(raw).ok_or(MalformedEscape { line });
        properties.insert(unescape(key)?, unescape(value)?);
    }
    Ok(properties)
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{c}')
}

/// Lines with their continuations joined, without comments and blank lines; each with its number. A line that has
/// nothing before its continuation is none yet: what follows may be a comment.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut rest = text;
    let mut number = 0;
    let mut joined: Option<(usize, String)> = None;
    while !rest.is_empty() {
        let (natural, line_break, after) = first_line(rest);
        rest = after;
        number += 1;
        let natural = natural.trim_start_matches(is_blank);
        if joined.is_none() && (natural.is_empty() || natural.starts_with(['#', '!'])) {
            continue;
        }
        let (first, mut line) = joined.take().unwrap_or((number, String::new()));
        let backslashes = natural.len() - natural.trim_end_matches('\\').len();
        if backslashes % 2 == 0 {
            line.push_str(natural);
            lines.push((first, line));
            continue;
        }
        line.push_str(&natural[..natural.len() - 1]);
        if !line.is_empty() {
            joined = Some((first, line));
        } else if rest.is_empty() && line_break != "\r\n" {
            // For Java a lone backslash at the very end is an entry without key and value.
            lines.push((first, line));
        }
    }
    lines.extend(joined);
    lines
}

/// The first line, its line break, and what comes after.
fn first_line(text: &str) -> (&str, &str, &str) {
    let end = text.find(['\n', '\r']).unwrap_or(text.len());
    let (line, rest) = text.split_at(end);
    let line_break = if rest.starts_with("\r\n") {
        2
    } else {
        rest.len().min(1)
    };
    let (line_break, after) = rest.split_at(line_break);
    (line, line_break, after)
}

/// Splits a logical line at its first unescaped separator: `=` or `:` with blanks around it, or blanks alone.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let mut end = line.len();
    for (index, character) in line.char_indices() {
        match character {
            '\\' => escaped = !escaped,
            '=' | ':' if !escaped => {
                end = index;
                break;
            }
            _ if is_blank(character) && !escaped => {
                end = index;
                break;
            }
            _ => escaped = false,
        }
    }
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start_matches(is_blank);
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, value.trim_start_matches(is_blank))
}

fn unescape(raw: &str) -> Option<String> {
    if !raw.contains('\\') {
        return Some(raw.to_owned());
    }
    let mut units: Vec<u16> = Vec::with_capacity(raw.len());
    let mut buffer = [0; 2];
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        let plain = match character {
            '\\' => match characters.next() {
                None => break,
                Some('u') => {
                    let mut unit = 0;
                    for _ in 0..4 {
                        unit = unit * 16 + characters.next()?.to_digit(16)?;
                    }
                    units.push(u16::try_from(unit).ok()?);
                    continue;
                }
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some(other) => other,
            },
            other => other,
        };
        units.extend_from_slice(plain.encode_utf16(&mut buffer));
    }
    Some(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_written_as_java_writes_it() {
        let table = [
            ("a b", "c d", "a\\ b=c d\n"),
            ("k", "  lead", "k=\\  lead\n"),
            ("k:1", "x=y#z!\\", "k\\:1=x\\=y\\#z\\!\\\\\n"),
            ("k", "a\tb\nc\rd\u{c}e", "k=a\\tb\\nc\\rd\\fe\n"),
            ("k", "é\u{2028}\u{85}🎉\0", "k=é\u{2028}\u{85}🎉\0\n"),
            ("k", "", "k=\n"),
        ];
        for (key, value, expected) in table {
            let written = write("c", &BTreeMap::from([(key.to_owned(), value.to_owned())]));
            assert_eq!(written, format!("#c\n{expected}"));
        }
    }

    #[test]
    fn text_is_read_as_java_reads_it() {
        let table = [
            ("a=b", "a", "b"),
            ("a : b", "a", "b"),
            ("a b c", "a", "b c"),
            ("  a\t=\tb ", "a", "b "),
            ("a=b\\\n   c", "a", "bc"),
            ("a=b\\\\\nx=y", "a", "b\\"),
            ("a\\=b=c", "a=b", "c"),
            ("a\\u0041=\\u00e9\\uD83C\\uDF89", "aA", "é🎉"),
            ("# no\n! no\n\na", "a", ""),
            ("a==b", "a", "=b"),
            ("a=\\x\\", "a", "x"),
            ("\\\n# no\na=b", "a", "b"),
            ("a\\\n# yes", "a#", "yes"),
            ("\\\n", "", ""),
        ];
        for (text, key, value) in table {
            assert_eq!(
                read(text).unwrap().get(key).map(String::as_str),
                Some(value),
                "{text}"
            );
        }
        for malformed in ["\\u00g1", "\\u+041", "\\u004", "\\U0041\\u"] {
            assert_eq!(
                read(&format!("a=1\nb={malformed}")),
                Err(MalformedEscape { line: 2 }),
                "{malformed}"
            );
        }
        assert_eq!(read("\\\r\n").unwrap(), BTreeMap::new());
    }
}
