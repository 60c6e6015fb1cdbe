//! Options that begin with another dash than a hyphen: they were pasted from a page or a word processor.

use crate::spark::submission::arguments::OtherDash;
use std::ffi::OsString;

/// What is wrong with the first argument that is an option of any command but for its dash. What follows `--` is not ours.
pub(super) fn wrong(command: &clap::Command, arguments: &[OsString]) -> Option<String> {
    let own = arguments.iter().take_while(|argument| *argument != "--");
    let mut typed = own.filter_map(|argument| OtherDash::of(argument.to_str()?));
    typed.find_map(|OtherDash { typed, dash }| {
        // A value may be joined to it.
        let option = typed.split('=').next().unwrap_or(&typed);
        is_option(command, option).then(|| {
            format!(
                "expected options that begin with hyphens, found one that begins with the dash {dash}; did you mean `{option}`?"
            )
        })
    })
}

/// Whether a command, or one of its own, has this option.
fn is_option(command: &clap::Command, option: &str) -> bool {
    let is_it = |argument: &clap::Arg| {
        let long = argument.get_long_and_visible_aliases().unwrap_or_default();
        let short = argument.get_short_and_visible_aliases().unwrap_or_default();
        long.iter().any(|name| option.strip_prefix("--") == Some(name))
            || short.iter().any(|name| {
                option
                    .strip_prefix('-')
                    .is_some_and(|rest| rest.chars().eq([*name]))
            })
    };
    ["--help", "-h", "--version", "-V"].contains(&option)
        || command.get_arguments().any(is_it)
        || command
            .get_subcommands()
            .any(|command| is_option(command, option))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_of_each_command_is_known_with_another_dash() {
        let command = crate::cli::command_line();
        let said = |arguments: &[&str]| {
            let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
            wrong(&command, &arguments)
        };
        let table: [(&[&str], Option<&str>); 9] = [
            (
                &["check", "\u{2013}-cases", "x", "t"],
                Some("U+2013; did you mean `--cases`?"),
            ),
            (
                &["check", "-\u{2013}cases=secret", "t"],
                Some("U+2013; did you mean `--cases`?"),
            ),
            (
                &["golden", "verify", "\u{2014}cases", "x"],
                Some("U+2014; did you mean `--cases`?"),
            ),
            (
                &["render", "\u{2212}o", "json"],
                Some("U+2212; did you mean `-o`?"),
            ),
            (&["\u{2014}help"], Some("U+2014; did you mean `--help`?")),
            (
                &["render", "\u{2013}\u{2013}template-dir", "t"],
                Some("U+2013; did you mean `--template-dir`?"),
            ),
            // A file's name, an option, and arguments of spark-submit.
            (&["render", "\u{2013}a.yaml"], None),
            (&["check", "--cases", "x", "t"], None),
            (&["render", "--spark-submit", "--", "\u{2013}-cases"], None),
        ];
        for (arguments, wanted) in table {
            let said = said(arguments);
            let is_it = match (&said, wanted) {
                (Some(said), Some(wanted)) => said.ends_with(wanted) && !said.contains("secret"),
                (said, wanted) => said.is_none() && wanted.is_none(),
            };
            assert!(is_it, "{arguments:?}: {said:?}");
        }
    }
}
