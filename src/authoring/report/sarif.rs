//! SARIF 2.1.0, the format of static analysis results (OASIS), which code scanning services read.

use super::met_on;
use crate::authoring::finding::{Level, Rule, ShownLine, TemplateFinding};
use serde_json::{Value, json};
use std::fmt::Write;

/// One run with all findings.
pub fn sarif(findings: &[TemplateFinding]) -> Value {
    let rules: Vec<_> = Rule::ALL
        .iter()
        .map(|rule| {
            json!({
                "id": rule.name(),
                "shortDescription": {"text": rule.description()},
                "defaultConfiguration": {"level": level(rule.level())},
            })
        })
        .collect();
    let results: Vec<_> = findings.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            // Columns count characters, not UTF-16 units.
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
    }
}

fn result(finding: &TemplateFinding) -> Value {
    let mut physical = json!({"artifactLocation": {"uri": uri(&finding.file)}});
    if let Some(line) = finding.line {
        let mut region = json!({"startLine": line});
        if let Some(column) = finding.column {
            region["startColumn"] = json!(column);
        }
        if let Some(source) = finding.source.first() {
            region["snippet"] = json!({"text": source.text});
        }
        physical["region"] = region;
    }
    json!({
        "ruleId": finding.rule.name(),
        "ruleIndex": Rule::ALL.iter().position(|rule| *rule == finding.rule),
        "level": level(finding.level()),
        "message": {"text": message(finding)},
        "locations": [{"physicalLocation": physical}],
    })
}

fn message(finding: &TemplateFinding) -> String {
    let mut text = finding.message.clone();
    if let Some(on) = met_on(finding) {
        // Writing to a String cannot fail.
        let _ = write!(text, " ({on})");
    }
    for note in &finding.notes {
        let _ = write!(text, "\n{note}");
    }
    for ShownLine {
        number,
        text: line,
        meant,
    } in &finding.rendered
    {
        let mark = if *meant { '>' } else { ' ' };
        let _ = write!(text, "\n{mark} {number} | {line}");
    }
    text
}

/// A path as a URI reference (RFC 3986): everything else than what paths are made of is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.trim_start_matches("./").bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_uri() {
        assert_eq!(uri("./a b/c:d.j2"), "a%20b/c%3Ad.j2");
        assert_eq!(uri("/tmp/é"), "file:///tmp/%C3%A9");
    }

    #[test]
    fn every_rule_has_a_name_of_its_own() {
        for (index, rule) in Rule::ALL.iter().enumerate() {
            assert_eq!(json!(rule), json!(rule.name()));
            assert_eq!(
                Rule::ALL.iter().position(|other| other.name() == rule.name()),
                Some(index)
            );
        }
    }
}
