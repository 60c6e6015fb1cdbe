//! Findings and verdicts as people, editors and CI systems read them.

mod github;
mod junit;
mod sarif;
mod text;

pub use github::github;
pub use junit::{Failure, TestCase, junit};
pub use sarif::sarif;
pub(super) use text::few;
pub use text::{coverage, policies, text};

use super::{
    check::Checked,
    finding::{Level, TemplateFinding},
};
use serde_json::{Value, json};

/// All that a check found, as JSON.
pub fn json(checked: &Checked) -> Value {
    let findings: Vec<_> = checked
        .findings
        .iter()
        .map(|finding| {
            let mut value = serde_json::to_value(finding).unwrap_or_default();
            value["level"] = json!(finding.level());
            value
        })
        .collect();
    json!({
        "errors": checked.count(Level::Error),
        "warnings": checked.count(Level::Warning),
        "templates": checked.templates,
        "applications": checked.applications.len(),
        "findings": findings,
        "coverage": checked.coverage,
        "policies": checked.policies,
    })
}

/// `file:line`, as compilers write a place.
fn place(finding: &TemplateFinding) -> String {
    match finding.line {
        Some(line) => format!("{}:{line}", finding.file),
        None => finding.file.clone(),
    }
}

/// On which applications a finding was met, in a few words.
fn met_on(finding: &TemplateFinding) -> Option<String> {
    let (first, rest) = finding.applications.split_first()?;
    Some(match rest.len() {
        0 => first.clone(),
        more => format!("{first} and {more} more"),
    })
}
