//! Workflow commands of GitHub Actions, which show findings at the lines of a pull request.

use super::met_on;
use crate::authoring::finding::{Level, TemplateFinding};
use std::fmt::Write;

/// Each finding as an `::error` or `::warning` command.
pub fn github(findings: &[TemplateFinding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let command = match finding.level() {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        let line = finding
            .line
            .map(|line| format!(",line={line}"))
            .unwrap_or_default();
        let column = finding
            .column
            .map(|column| format!(",col={column}"))
            .unwrap_or_default();
        let met = met_on(finding).map(|on| format!(" ({on})")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "::{command} file={}{line}{column},title={}::{}",
            property(&finding.file),
            property(finding.rule.name()),
            data(&format!("{}{met}", finding.message)),
        );
    }
    text
}

/// What stands behind the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What stands in a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authoring::finding::Rule;

    #[test]
    fn what_would_end_a_command_or_a_property_is_escaped() {
        let finding = TemplateFinding::new(Rule::Syntax, "a,b:c%.j2", "one\ntwo 100 %").at(Some(3));
        assert_eq!(
            github(&[finding]),
            "::error file=a%2Cb%3Ac%25.j2,line=3,title=syntax::one%0Atwo 100 %25\n"
        );
    }
}
