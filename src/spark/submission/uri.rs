//! URIs of jars, files and archives, as Spark's `Utils.resolveURIs` makes them.

use super::{
    blanks::trim,
    context::{Reach, SubmitterContext},
};
use crate::finding::{Statement, expected};
use std::{
    fmt::Write,
    path::{Component, Path, PathBuf},
};

/// The scheme of a URI, if the text is a legal URI and has one.
pub(super) fn scheme(uri: &str) -> Option<&str> {
    let (scheme, _) = uri.split_once(':')?;
    (is_scheme(scheme) && is_legal(uri)).then_some(scheme)
}

/// The path of a URI: what stands behind scheme and authority, without query and fragment.
pub(super) fn path(uri: &str) -> &str {
    let rest = scheme(uri).map_or(uri, |scheme| &uri[scheme.len() + 1..]);
    let rest = match rest.strip_prefix("//") {
        Some(rest) => rest.find('/').map_or("", |at| &rest[at..]),
        None => rest,
    };
    rest.split(['?', '#']).next().unwrap_or(rest)
}

/// Whether a URI has no path: behind its scheme stands no `/`.
pub(super) fn is_opaque(uri: &str) -> bool {
    scheme(uri).is_some_and(|scheme| !uri[scheme.len() + 1..].starts_with('/'))
}

/// The first character that a text with a scheme can't have as a URI; `None` for a legal URI, and for a path.
pub(crate) fn illegal_character(text: &str) -> Option<char> {
    let (scheme, rest) = text.split_once(':')?;
    if !is_scheme(scheme) || is_legal(text) {
        return None;
    }
    // Alone, each legal character is legal but `%`, and a second `#`.
    let is_wrong = |c: &char| !matches!(c, '%' | '#') && !is_legal(c.encode_utf8(&mut [0; 4]));
    let wrong = rest.chars().find(is_wrong);
    wrong
        .or_else(|| rest.chars().find(|c| *c == '%'))
        .or_else(|| (rest.matches('#').count() > 1).then_some('#'))
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
        .filter(|item| !trim(item).is_empty())
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

/// Whether `java.net.URI` takes the text.
pub(super) fn is_legal(text: &str) -> bool {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let of_uri = |part: &str| is_made_of(part, "-_.!~*'();/?:@&=+$,[]");
    if !of_uri(fragment) {
        return false;
    }
    let rest = match text.find([':', '/', '?']).map(|at| text.split_at(at)) {
        Some((scheme, rest)) if rest.starts_with(':') => {
            let rest = &rest[1..];
            if !is_scheme(scheme) {
                return false;
            }
            if !rest.starts_with('/') {
                return !rest.is_empty() && of_uri(rest);
            }
            rest
        }
        _ => text,
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            if authority.is_empty() && path.is_empty() && query.is_empty() && fragment.is_empty() {
                return false;
            }
            if !is_authority(authority) {
                return false;
            }
            path
        }
    };
    is_made_of(path, "-_.!~*'():@&=+$,;/") && of_uri(query)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// Whether it may stand between `//` and the path: a name of any kind, or an IPv6 address in brackets with a port.
fn is_authority(text: &str) -> bool {
    let (user, host) = text.rsplit_once('@').unwrap_or(("", text));
    let Some((address, port)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
        return is_made_of(text, "-_.!~*'()$,;:@&=+");
    };
    let (address, zone) = address.split_once('%').unwrap_or((address, "0"));
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| digits.chars().all(|c| c.is_ascii_digit()));
    address.parse::<std::net::Ipv6Addr>().is_ok()
        && !zone.is_empty()
        && zone
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '_'))
        && is_port
        && is_made_of(user, "-_.!~*'();:&=+$,")
}

/// Whether a part of a URI has letters and digits of ASCII, `%XX`, other letters of Unicode and `marks` only.
fn is_made_of(part: &str, marks: &str) -> bool {
    let mut rest = part.chars();
    while let Some(character) = rest.next() {
        let legal = match character {
            '%' => rest.by_ref().take(2).filter(char::is_ascii_hexdigit).count() == 2,
            c => c.is_ascii_alphanumeric() || marks.contains(c) || is_other(c),
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
    fn the_path_is_what_stands_behind_the_authority() {
        for (uri, expected) in [
            ("s3a://u:p@b:80/x/y:z.jar?q=/a#b:c", "/x/y:z.jar"),
            ("s3a://b", ""),
            ("s3a:///x", "/x"),
            ("s3a:/x#y", "/x"),
            ("s3a:x", "x"),
            ("/x/y", "/x/y"),
        ] {
            assert_eq!(path(uri), expected, "{uri}");
        }
    }

    #[test]
    fn what_is_no_legal_uri_is_reported_by_its_character() {
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
    fn a_uri_is_legal_where_java_takes_it() {
        for text in [
            "",
            "a",
            "a/b?c#d",
            "local:///a",
            "local:///",
            "s3a://b",
            "s3a:x",
            "https://h/?a=[b]",
            "https://h/x#a[b]",
            "https://[::1]/x",
            "https://u@[fe80::1%eth0]:80",
            "https://my_bucket/x",
            "https://h:x/y",
            "https://h/é%20b",
            "///x",
            "s3a:x[y]",
        ] {
            assert!(is_legal(text), "{text}");
        }
        for text in [
            "https://",
            "local:",
            "local:#x",
            ":x",
            "1a:x",
            "a b:x",
            "https://h/a[b]",
            "https://h[1]/x",
            "https://[1]/x",
            "https://[::1]x/",
            "https://h/x#a#b",
            "https://h/%zz",
            "https://h/a b",
            "https://h/x|y",
            "s3a://b/\u{85}",
            "[x",
        ] {
            assert!(!is_legal(text), "{text}");
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
