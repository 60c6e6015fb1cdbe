//! The query of a submission: whether it is a dry run. Who asks for one must not get a driver, however it is written; so what
//! isn't understood is refused, and never taken for false.

use crate::{redaction::shown, submitter::Mode};

/// The one parameter, in any case of its letters.
const DRY_RUN: &str = "dryRun";

/// How `query` wants the submission, or what is wrong with it.
pub(super) fn mode(query: Option<&str>) -> Result<Mode, String> {
    let mut mode = None;
    let pairs = query.unwrap_or_default().split('&');
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name.contains('%') {
            return Err(format!("query: expected {DRY_RUN}, found an encoded name"));
        }
        if !name.eq_ignore_ascii_case(DRY_RUN) {
            continue;
        }
        let asked = match value {
            "true" => Mode::DryRun,
            "false" => Mode::Submit,
            other => {
                let found = shown(other);
                return Err(format!("{DRY_RUN}: expected true or false, found {found}"));
            }
        };
        if mode.is_some_and(|earlier| earlier != asked) {
            return Err(format!("{DRY_RUN}: expected true or false, found both"));
        }
        mode = Some(asked);
    }
    Ok(mode.unwrap_or(Mode::Submit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_is_asked_for_in_so_many_words_or_refused() {
        let table = [
            (None, Ok(Mode::Submit)),
            (Some(""), Ok(Mode::Submit)),
            (Some("trace=1&other"), Ok(Mode::Submit)),
            (Some("dryRun=false"), Ok(Mode::Submit)),
            (Some("dryRun=true"), Ok(Mode::DryRun)),
            (Some("a=b&dryrun=true"), Ok(Mode::DryRun)),
            (Some("DRYRUN=true&dryRun=true"), Ok(Mode::DryRun)),
            (Some("dryRun"), Err("found ``")),
            (Some("dryrun="), Err("found ``")),
            (Some("dryRun=True"), Err("found `True`")),
            (Some("dryRun=%74rue"), Err("found `%74rue`")),
            (Some("dry%52un=true"), Err("encoded name")),
            (Some("dryRun=false&dryRun=true"), Err("found both")),
        ];
        for (query, expected) in table {
            match (mode(query), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{query:?}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{query:?}: {found}"),
                (found, _) => panic!("{query:?}: {found:?}"),
            }
        }
    }
}
