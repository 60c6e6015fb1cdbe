//! URIs of jars, files and archives, as Spark's `Utils.resolveURIs` makes them.

use super::context::{Reach, SubmitterContext};
use crate::finding::{Statement, expected};
use std::{
    fmt::Write,
    path::{Component, Path, PathBuf},
};

/// The scheme of a URI, if the text is a legal URI and has one.
pub(super) fn scheme(uri: &str) -> Option<&str> {
    let (scheme, _) = uri.split_once(':')?;
    let mut characters = scheme.chars();
    let starts_well = characters.next().is_some_and(|c| c.is_ascii_alphabetic());
    let is_scheme =
        starts_well && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    (is_scheme && is_legal(uri)).then_some(scheme)
}

/// The first character that a text with a scheme can't have as a URI; `None` for a legal URI, and for a path.
pub(crate) fn illegal_character(text: &str) -> Option<char> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !is_scheme || is_legal(text) {
        return None;
    }
    // Alone, each legal character is legal but `%`, and a second `#`.
    let is_wrong = |c: &char| !matches!(c, '%' | '#') && !is_legal(c.encode_utf8(&mut [0; 4]));
    let wrong = rest.chars().find(is_wrong);
    wrong.or_else(|| rest.chars().find(|c| *c == '%')).or(Some('#'))
}

/// What is said of a text that is no legal URI.
pub(crate) fn not_a_uri(text: &str) -> Option<Statement> {
    let character = illegal_character(text)?;
    let said = expected("a legal URI").kind(format!("one with `{}`", character.escape_debug()));
    Some(match (character, text.contains("${")) {
        ('<' | '>', _) => said.advice("put the real name in place of the placeholder"),
        ('{' | '}', true) => said.advice("nothing replaces a variable here; write the value itself"),
        ('{' | '}', false) => said.advice("name each file: braces are not expanded"),
        ('%', _) => {
            said.advice("a percent sign begins two hexadecimal digits; write %25 for the sign itself")
        }
        _ => said.advice("percent-encode it, as %20 for a space, or choose another name"),
    })
}

/// Whether the submitter itself would have to read or upload it: a path, or a `file:` URI.
pub(super) fn is_submitters_own(uri: &str) -> bool {
    scheme(uri).is_none_or(|scheme| scheme.eq_ignore_ascii_case("file"))
}

/// A comma-separated list with each item resolved and blank ones dropped.
pub(super) fn resolve_list(list: &str, context: &SubmitterContext) -> String {
    let items: Vec<_> = list
        .split(',')
        .filter(|item| !item.trim().is_empty())
        .map(|item| resolve(item, context))
        .collect();
    items.join(",")
}

/// A URI with a scheme as it is; everything else as an absolute `file:` URI.
pub(super) fn resolve(text: &str, context: &SubmitterContext) -> String {
    if scheme(text).is_some() {
        return text.to_owned();
    }
    match text.split_once('#') {
        Some((path, fragment)) if is_legal(text) => {
            format!("{}#{fragment}", file_uri(&context.working_directory.join(path)))
        }
        _ => {
            let absolute = context.working_directory.join(text);
            let canonical = match context.reach {
                Reach::Process => absolute
                    .canonicalize()
                    .unwrap_or_else(|_| without_dots(&absolute)),
                Reach::Roots(_) => without_dots(&absolute),
            };
            file_uri(&canonical)
        }
    }
}

fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// `file:/path`, percent-encoded as `java.io.File.toURI` does it.
fn file_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for character in path.to_string_lossy().chars() {
        if character.is_ascii_alphanumeric()
            || "-_.!~*'()/;:@&=+$,".contains(character)
            || is_other(character)
        {
            uri.push(character);
        } else {
            let mut buffer = [0; 4];
            for byte in character.encode_utf8(&mut buffer).bytes() {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

/// Whether `java.net.URI` takes the text: reserved, unreserved and `%XX`, and non-ASCII letters.
pub(super) fn is_legal(text: &str) -> bool {
    let mut rest = text.chars();
    let mut fragments = 0;
    while let Some(character) = rest.next() {
        let legal = match character {
            '%' => rest.by_ref().take(2).filter(char::is_ascii_hexdigit).count() == 2,
            '#' => {
                fragments += 1;
                fragments == 1
            }
            c => c.is_ascii_alphanumeric() || "-_.!~*'();/?:@&=+$,[]".contains(c) || is_other(c),
        };
        if !legal {
            return false;
        }
    }
    true
}

/// Java's category "other": non-ASCII, neither control nor space.
fn is_other(character: char) -> bool {
    !character.is_ascii() && !character.is_control() && !character.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_legal_uri_is_told_by_its_character() {
        let table = [
            ("s3a://<BUCKET>/x", Some('<')),
            ("s3a://${B}/x", Some('{')),
            ("local:///x y.jar", Some(' ')),
            ("https://h/a%zz", Some('%')),
            ("https://h/a#b#c", Some('#')),
            ("s3a://bucket/x%20y#z", None),
            ("/x/y z.jar", None),
            ("x.jar", None),
            ("C$:x y", None),
        ];
        for (text, character) in table {
            assert_eq!(illegal_character(text), character, "{text}");
        }
    }

    #[test]
    fn items_are_resolved_as_spark_resolves_them() {
        let context = SubmitterContext {
            working_directory: "/w/d".into(),
            ..SubmitterContext::golden()
        };
        let table = [
            ("local:///a.jar", "local:///a.jar"),
            ("s3a://b/k.jar,,https://h/x?y#z", "s3a://b/k.jar,https://h/x?y#z"),
            ("a.jar", "file:/w/d/a.jar"),
            ("../a.jar", "file:/w/a.jar"),
            ("/abs/a.zip#alias", "file:/abs/a.zip#alias"),
            ("/x/y z.jar", "file:/x/y%20z.jar"),
            ("local:///x y.jar", "file:/w/d/local:/x%20y.jar"),
            ("file:///x", "file:///x"),
            ("", ""),
        ];
        for (list, expected) in table {
            assert_eq!(resolve_list(list, &context), expected, "{list}");
        }
    }

    #[test]
    fn only_paths_and_file_uris_are_the_submitters_own() {
        for (uri, own) in [
            ("file:/x", true),
            ("/x", true),
            ("x.jar", true),
            ("local:///x", false),
            ("s3a://b/k", false),
        ] {
            assert_eq!(is_submitters_own(uri), own, "{uri}");
        }
    }
}
