//! For people, and for editors that jump to `file:line`.

use super::{met_on, place};
use crate::authoring::{
    coverage::{Fired, PolicyCoverage},
    finding::{Level, ShownLine, TemplateFinding},
};
use crate::finding::counted;
use std::fmt::Write;

/// Each finding as `file:line: message`, with the template's line and the rendered lines below it.
pub fn text(findings: &[TemplateFinding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let level = match finding.level() {
            Level::Error => "",
            Level::Warning => "warning: ",
        };
        let met = met_on(finding).map(|on| format!(" ({on})")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}: {level}{}{met}", place(finding), finding.message);
        lines(&mut text, "template", &finding.source);
        lines(&mut text, "rendered", &finding.rendered);
        for note in &finding.notes {
            let _ = writeln!(text, "    {note}");
        }
    }
    text
}

/// Each call of `refuse` and `warn` that fired as `file:line: note: refuse() fired for …`.
pub fn coverage(calls: &[Fired]) -> String {
    let mut text = String::new();
    for call in calls.iter().filter(|call| !call.fired_for.is_empty()) {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}:{}: note: {}() fired for {}; the set let {} through",
            call.file,
            call.line,
            call.function,
            few(&call.fired_for),
            counted(call.let_through, "application")
        );
    }
    text
}

/// What each policy did about the samples and cases, a line for each: `file: let through …; refused …`.
pub fn policies(policies: &[PolicyCoverage]) -> String {
    let mut text = String::new();
    for policy in policies {
        let names =
            |what: &str, names: &[String]| (!names.is_empty()).then(|| format!("{what} {}", few(names)));
        // In audit mode a policy refuses nothing.
        let (let_through, refused) = if policy.mode == "audit" && !policy.refused.is_empty() {
            let all = policy.let_through.len() + policy.refused.len();
            (Some(format!("let all {all} through")), "would refuse")
        } else {
            (names("let through", &policy.let_through), "refused")
        };
        let parts = [
            Some(let_through.unwrap_or_else(|| "let nothing through".to_owned())),
            names(refused, &policy.refused),
            names("exempt:", &policy.exempt),
            names("ended in an error on", &policy.failed),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{} (set {}, {}): {}",
            policy.file,
            policy.set,
            policy.mode,
            parts.join("; ")
        );
    }
    text
}

/// The most names of a list that are written.
const MOST_NAMES: usize = 5;

/// The first names of a list, and how many more there are.
pub(in crate::authoring) fn few(names: &[String]) -> String {
    let shown = names
        .iter()
        .take(MOST_NAMES)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn lines(text: &mut String, what: &str, lines: &[ShownLine]) {
    let Some(last) = lines.last() else { return };
    let width = last.number.to_string().len();
    let _ = writeln!(text, "    {what}:");
    for line in lines {
        let mark = if line.meant { '>' } else { ' ' };
        let _ = writeln!(text, "    {mark} {:width$} | {}", line.number, line.text);
    }
}
