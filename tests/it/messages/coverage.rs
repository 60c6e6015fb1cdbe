//! A new message lands in a table: a text of the code that reads like a message has an occurrence in one of the tables beside this
//! file, or stands in `elsewhere.txt` below the reason why it doesn't. Where that is another test, the heading names the places of
//! it, `## in PATH PATH: REASON`, and each text below must occur in what these tests expect: in the literals of test code, and in the
//! files of other kinds.
//!
//! A text reads like a message if it has three words besides its `{…}`. Texts of tests, of attributes other than `#[error]`, of the
//! macros of the log and of those that assert don't count.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Macros whose texts nobody reads as an answer.
const SILENT: [&str; 15] = [
    "assert",
    "assert_eq",
    "concat",
    "debug",
    "debug_assert",
    "debug_assert_eq",
    "debug_span",
    "env",
    "error",
    "include_str",
    "info",
    "info_span",
    "trace",
    "unreachable",
    "warn",
];

/// Files and folders of the source whose texts are no messages, and why.
const NO_MESSAGES: [(&str, &str); 8] = [
    (
        "src/authoring/reference",
        "the template reference, which is a page of its own",
    ),
    ("src/authoring/report", "the forms of reports"),
    (
        "src/cli/examples.rs",
        "examples of the help, each of which a test runs",
    ),
    ("src/studio/page.rs", "kinds of content"),
    ("src/studio/guard.rs", "headers"),
    (
        "src/telemetry/metrics.rs",
        "help of the metrics, which docs/operations.md lists",
    ),
    ("src/templates/vocabulary.rs", "words of the template engine"),
    ("src/server/status.rs", "the status page"),
];

/// The texts of a file, without those of its tests.
fn texts(tokens: TokenStream, found: &mut Vec<String>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                if matches!(tokens.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == '!') {
                    at += 1;
                }
                let Some(TokenTree::Group(attribute)) = tokens.get(at) else {
                    continue;
                };
                at += 1;
                let text = attribute.stream().to_string();
                if text.starts_with("error") {
                    texts(attribute.stream(), found);
                } else if text.starts_with("cfg") && text.contains("test") {
                    // The item that it belongs to.
                    while let Some(token) = tokens.get(at) {
                        at += 1;
                        let is_end = match token {
                            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                            TokenTree::Punct(mark) => mark.as_char() == ';',
                            _ => false,
                        };
                        if is_end {
                            break;
                        }
                    }
                }
            }
            TokenTree::Ident(name) => {
                let is_call = matches!(tokens.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == '!');
                if is_call && SILENT.iter().any(|silent| name == silent) {
                    at += 2;
                }
            }
            TokenTree::Group(group) => texts(group.stream(), found),
            TokenTree::Literal(literal) => found.extend(text(&literal.to_string())),
            TokenTree::Punct(_) => {}
        }
    }
}

/// What a literal of the source stands for, if it is text.
fn text(literal: &str) -> Option<String> {
    if let Some(raw) = literal.strip_prefix('r') {
        return Some(raw.trim_matches('#').trim_matches('"').to_owned());
    }
    let quoted = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::new();
    let mut characters = quoted.chars().peekable();
    while let Some(character) = characters.next() {
        match (
            character,
            (character == '\\').then(|| characters.next()).flatten(),
        ) {
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some('r')) => text.push('\r'),
            ('\\', Some('t')) => text.push('\t'),
            ('\\', Some('\n')) => while characters.next_if(|next| next.is_whitespace()).is_some() {},
            ('\\', Some(other)) | (other, _) => text.push(other),
        }
    }
    Some(text)
}

/// The pieces of a text around its `{…}`.
fn pieces(text: &str) -> Vec<String> {
    let text = text.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut pieces = vec![String::new()];
    let mut within = false;
    for character in text.chars() {
        match character {
            '{' => {
                within = true;
                pieces.push(String::new());
            }
            '}' if within => within = false,
            _ if within => {}
            other => pieces.last_mut().unwrap().push(other),
        }
    }
    let own = |piece: &String| piece.replace('\u{1}', "{").replace('\u{2}', "}");
    pieces.iter().map(own).collect()
}

/// Whether it has three words.
fn is_message(text: &str) -> bool {
    let text = pieces(text).join(" ");
    let words = text.split(|c: char| !c.is_ascii_alphabetic());
    words.filter(|word| word.len() > 1).count() >= 3 && text.trim().contains(' ')
}

/// Whether each line of a text occurs in a line of the tables.
fn occurs(text: &str, tables: &str) -> bool {
    let of_format = text.lines().all(|line| line_occurs(&pieces(line), tables));
    of_format || text.lines().all(|line| line_occurs(&[line.to_owned()], tables))
}

fn line_occurs(pieces: &[String], tables: &str) -> bool {
    // What has no letter says nothing.
    let pieces = pieces.iter().map(|piece| piece.trim());
    let pieces: Vec<_> = pieces
        .filter(|piece| piece.contains(|c: char| c.is_alphabetic()))
        .collect();
    let Some(longest) = pieces.iter().max_by_key(|piece| piece.len()) else {
        return true;
    };
    longest.is_empty()
        || tables.match_indices(longest).any(|(at, _)| {
            let start = tables[..at].rfind('\n').map_or(0, |end| end + 1);
            let mut rest = tables[start..].lines().next().unwrap_or_default();
            pieces.iter().all(|piece| match rest.split_once(piece) {
                Some((_, behind)) => {
                    rest = behind;
                    true
                }
                None => false,
            })
        })
}

/// The Rust files below a folder of the source, but those of tests.
fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if name.ends_with("tests") {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// What the tests of these paths expect: the literals of Rust files, of a file of the source those of its tests, and other files whole.
fn expected_in(paths: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = paths.split(' ').map(|path| root.join(path)).collect();
    let mut expected = String::new();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            let is_here = path.ends_with("tests/it/messages");
            files.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .filter(|_| !is_here)
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else {
            assert!(path.exists(), "{}: a heading names it", path.display());
            continue;
        };
        if path.extension().is_none_or(|ending| ending != "rs") {
            expected.push_str(&text);
            continue;
        }
        let below_source = path.strip_prefix(root.join("src"));
        let is_test = below_source.is_err()
            || path.iter().any(|part| part == "tests")
            || path
                .file_stem()
                .is_some_and(|name| name.to_str().unwrap().ends_with("tests"));
        let mut found = Vec::new();
        literals(text.parse().unwrap(), is_test, &mut found);
        expected.extend(found.iter().flat_map(|text| [text, "\n"]));
    }
    expected
}

/// The literals of tokens, all or only those of modules that are tests.
fn literals(tokens: TokenStream, all: bool, found: &mut Vec<String>) {
    let mut of_tests = false;
    for token in tokens {
        match token {
            TokenTree::Literal(literal) if all => found.extend(text(&literal.to_string())),
            TokenTree::Group(group) => {
                let is_attribute = group.delimiter() == Delimiter::Bracket;
                let attribute = group.stream().to_string().replace(' ', "");
                literals(group.stream(), all || of_tests, found);
                // From the attribute on up to the end of its item.
                of_tests = if is_attribute {
                    of_tests || attribute.starts_with("cfg(test")
                } else {
                    false
                };
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => of_tests = false,
            _ => {}
        }
    }
}

/// The messages of the code, each with the first file that has it.
fn messages() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let mut messages = BTreeMap::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if NO_MESSAGES.iter().any(|(without, _)| name.starts_with(without)) {
            continue;
        }
        let mut found = Vec::new();
        texts(fs::read_to_string(&file).unwrap().parse().unwrap(), &mut found);
        for text in found.into_iter().filter(|text| is_message(text)) {
            messages.entry(text).or_insert_with(|| name.clone());
        }
    }
    messages
}

/// A text as a line of `elsewhere.txt` has it.
fn escaped(text: &str) -> String {
    text.replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t")
}

#[test]
fn each_message_of_the_code_is_in_a_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/messages");
    let mut tables = String::new();
    let mut elsewhere = BTreeSet::new();
    let mut not_there = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "txt") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        if path.ends_with("elsewhere.txt") {
            let mut expected = None;
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
                if let Some(heading) = line.strip_prefix("## ") {
                    let paths = heading
                        .strip_prefix("in ")
                        .and_then(|heading| heading.split_once(": "));
                    expected = paths.map(|(paths, _)| expected_in(paths));
                    continue;
                }
                assert!(
                    elsewhere.insert(line.to_owned()),
                    "twice in elsewhere.txt: {line}"
                );
                if expected
                    .as_ref()
                    .is_some_and(|expected| !occurs(&line.replace("\\n", "\n"), expected))
                {
                    not_there.push(line.to_owned());
                }
            }
        } else {
            tables.push_str(&text);
        }
    }
    assert!(
        not_there.is_empty(),
        "lines of elsewhere.txt that the tests which their heading names don't expect:\n{}",
        not_there.join("\n")
    );
    let messages = messages();
    assert!(messages.len() > 800, "only {} messages are found", messages.len());
    let (mut missing, mut in_a_table) = (Vec::new(), Vec::new());
    for (message, file) in &messages {
        let line = escaped(message).trim().to_owned();
        match (elsewhere.remove(&line), occurs(message, &tables)) {
            (false, false) => missing.push(format!("{file}: {line}")),
            (true, true) => in_a_table.push(line),
            _ => {}
        }
    }
    assert!(
        missing.is_empty(),
        "messages that are in no table of tests/it/messages; add a case that shows them (or, for what no test can reach, a line to \
         elsewhere.txt below its reason):\n{}",
        missing.join("\n")
    );
    assert!(
        in_a_table.is_empty(),
        "lines of elsewhere.txt that a table has now:\n{}",
        in_a_table.join("\n")
    );
    assert!(
        elsewhere.is_empty(),
        "lines of elsewhere.txt that the code has no more: {elsewhere:#?}"
    );
}

#[test]
fn a_new_message_is_found_in_each_form_that_the_code_has() {
    let source = r#"
        #![doc = "a text about the file"]
        #[doc = "a text of a comment"]
        #[error("{path}: expected one, found {count}")]
        struct A;
        fn a() {
            warn!("a line of the log");
            problem("", expected("a value of that form").advice(format!("say {{}} of it in {place}")));
            let text = "of two \
                        lines joined";
        }
        #[cfg(test)]
        mod tests { fn b() { expected("what a test says"); } }
    "#;
    let mut found = Vec::new();
    texts(source.parse().unwrap(), &mut found);
    found.retain(|text| is_message(text));
    let expected = [
        "{path}: expected one, found {count}",
        "a value of that form",
        "say {{}} of it in {place}",
        "of two lines joined",
    ];
    assert_eq!(found, expected);
    let tables = "other\nerror: a.yaml: expected one, found 3; say {} of it in b\n";
    assert!(occurs(expected[0], tables) && occurs(expected[2], tables));
    assert!(!occurs(expected[1], tables) && !occurs("expected one, found\nnothing else", tables));
}
