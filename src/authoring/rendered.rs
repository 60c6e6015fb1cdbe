//! Lines of a rendered object as they may be shown: the structure, without users' values.

use super::finding::ShownLine;
use crate::redaction::{hidden, shown};
use serde_json::Value;
use std::collections::BTreeSet;

/// How many lines are shown before and behind the one that is meant.
const AROUND: usize = 2;

/// The longest line that is shown, in characters.
const LONGEST: usize = 160;

/// The fields whose values have a closed grammar.
const CLOSED: [&str; 18] = [
    "apiVersion",
    "clusterIP",
    "containerPort",
    "cpu",
    "effect",
    "ephemeral-storage",
    "fieldPath",
    "imagePullPolicy",
    "ipFamilyPolicy",
    "kind",
    "memory",
    "name",
    "namespace",
    "operator",
    "protocol",
    "restartPolicy",
    "serviceAccountName",
    "storage",
];

/// The fields whose own fields are named by users.
const FREE: [&str; 6] = [
    "annotations",
    "data",
    "labels",
    "matchLabels",
    "nodeSelector",
    "stringData",
];

/// The lines around one of a rendered text. What a template's author wrote is shown as it is: `written` has the
/// templates' lines, without the space around them. Without `written` the text is of a public sample, and all of it is shown.
pub(super) fn excerpt(text: &str, line: usize, written: Option<&BTreeSet<&str>>) -> Vec<ShownLine> {
    text.lines()
        .enumerate()
        .map(|(index, text)| (index + 1, text))
        .filter(|(number, _)| number.abs_diff(line) <= AROUND)
        .map(|(number, text)| ShownLine {
            number,
            text: match written {
                Some(written) => cut(&shown_line(text, written)),
                None => cut(text),
            },
            meant: number == line,
        })
        .collect()
}

pub(super) fn cut(text: &str) -> String {
    let mut cut: String = text
        .chars()
        .take(LONGEST)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        cut.push('…');
    }
    cut
}

fn shown_line(line: &str, written: &BTreeSet<&str>) -> String {
    if written.contains(line.trim()) {
        return line.to_owned();
    }
    let mut body = line.trim_start();
    let mut indent = line[..line.len() - body.len()].to_owned();
    while let Some(item) = body.strip_prefix("- ") {
        indent.push_str("- ");
        body = item;
    }
    match key(body) {
        Some((key, quoted, value)) => {
            let label = if quoted {
                shown(&key).replace('`', "\"")
            } else {
                key.clone()
            };
            // A quoted key was a value, and so is a user's.
            let key = if quoted { "" } else { key.as_str() };
            let space = if value.is_empty() { "" } else { " " };
            format!("{indent}{label}:{space}{}", shown_value(key, value))
        }
        None => format!("{indent}{}", shown_value("", body)),
    }
}

/// The key that a line begins with, whether it has quotes, and what follows.
fn key(body: &str) -> Option<(String, bool, &str)> {
    if body.starts_with('"') {
        let mut stream = serde_json::Deserializer::from_str(body).into_iter::<String>();
        let key = stream.next()?.ok()?;
        let value = body[stream.byte_offset()..].strip_prefix(':')?;
        return Some((key, true, value.trim()));
    }
    let (key, value) = body.split_once(':')?;
    let plain = !key.is_empty()
        && key
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "_-./".contains(character));
    let apart = value.is_empty() || value.starts_with(' ');
    (plain && apart).then(|| (key.to_owned(), false, value.trim()))
}

fn shown_value(key: &str, text: &str) -> String {
    if text.is_empty() || matches!(text, "|" | "|-" | ">" | ">-") {
        return text.to_owned();
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value) => without_values(key, &value, FREE.contains(&key)).to_string(),
        Err(_) => hidden(text),
    }
}

fn without_values(key: &str, value: &Value, free: bool) -> Value {
    match value {
        Value::String(text) if !free && CLOSED.contains(&key) && text.len() <= 64 => value.clone(),
        Value::String(text) => Value::from(hidden(text)),
        Value::Array(items) => items.iter().map(|item| without_values("", item, free)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| {
                let free = free || FREE.contains(&key.as_str());
                (key.clone(), without_values(key, value, free))
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structure_is_shown_and_values_are_not() {
        let written = BTreeSet::from(["example.com/cost-center: \"1234\""]);
        let table = [
            (
                "    example.com/cost-center: \"1234\"",
                "    example.com/cost-center: \"1234\"",
            ),
            ("  name: \"spark-pi-driver\"", "  name: \"spark-pi-driver\""),
            ("  labels:", "  labels:"),
            (
                "    \"name\": \"hunter2\"",
                "    \"name\": \"<redacted, 7 bytes>\"",
            ),
            ("  restartPolicy: \"Never\"", "  restartPolicy: \"Never\""),
            ("  args: hunter2", "  args: <redacted, 7 bytes>"),
            ("        - \"hunter2\"", "        - \"<redacted, 7 bytes>\""),
            ("hunter2 hunter2", "<redacted, 15 bytes>"),
            (
                "    - {\"name\":\"A\",\"value\":\"hunter2\"}",
                "    - {\"name\":\"A\",\"value\":\"<redacted, 7 bytes>\"}",
            ),
            (
                "data: {\"name\":\"hunter2\",\"n\":1}",
                "data: {\"n\":1,\"name\":\"<redacted, 7 bytes>\"}",
            ),
        ];
        for (line, expected) in table {
            assert_eq!(shown_line(line, &written), expected);
        }
    }

    #[test]
    fn the_lines_around_are_numbered() {
        let lines = excerpt("a:\nb:\nc:\nd:\ne:\nf:\n", 2, Some(&BTreeSet::new()));
        let numbers: Vec<_> = lines.iter().map(|line| (line.number, line.meant)).collect();
        assert_eq!(numbers, [(1, false), (2, true), (3, false), (4, false)]);
    }
}
