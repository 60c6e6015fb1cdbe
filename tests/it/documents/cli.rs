//! docs/cli.md is what `--help` prints of each command; `UPDATE_GOLDEN=1` writes it anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{
    kept_text,
    program::{Ended, call},
};
use std::{fmt::Write, path::Path, sync::LazyLock};

const BEGINNING: &str = "\
# Command line

This page has the help of each command, as `native-submit help COMMAND` prints it. A test writes it; don't edit it.

In `[env: NAME=]`, NAME is the environment variable that sets the same value; the flag wins. The man pages have the same
text: `native-submit man DIR`.
";

/// A command by its words, and its help.
struct Command {
    words: Vec<String>,
    help: String,
}

/// A command's help, and that of each of its subcommands.
fn collect(words: &[String], commands: &mut Vec<Command>) {
    let mut arguments: Vec<_> = words.iter().map(String::as_str).collect();
    arguments.push("--help");
    let Ended { code, out, said } = call(Path::new(env!("CARGO_MANIFEST_DIR")), &arguments, &[]);
    assert_eq!(code, 0, "{words:?}: {said}");
    // As spark-submit it prints where spark-submit prints.
    let help = if out.is_empty() { said } else { out };
    let names: Vec<String> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    commands.push(Command {
        words: words.to_vec(),
        help,
    });
    for name in names {
        let mut words = words.to_vec();
        words.push(name);
        collect(&words, commands);
    }
}

/// Every command; each is called once for all tests.
static COMMANDS: LazyLock<Vec<Command>> = LazyLock::new(|| {
    let mut commands = Vec::new();
    collect(&[], &mut commands);
    assert!(commands.len() > 15, "{}", commands.len());
    commands
});

#[test]
fn the_page_is_the_help_of_all_commands() {
    let mut page = BEGINNING.to_owned();
    for Command { words, help } in &*COMMANDS {
        let name = format!("native-submit {}", words.join(" "));
        let help: Vec<_> = help.trim_end().lines().map(str::trim_end).collect();
        write!(
            page,
            "\n## {}\n\n```text\n{}\n```\n",
            name.trim_end(),
            help.join("\n")
        )
        .unwrap();
    }
    kept_text::verify("docs/cli.md", &page);
}

#[test]
fn the_help_of_each_command_begins_with_an_example() {
    for Command { words, help } in &*COMMANDS {
        let mut lines = help.lines();
        let heading = lines.next().unwrap();
        assert!(heading.starts_with("Example"), "{words:?}: {heading}");
        let example = lines.next().unwrap();
        let named = words.first().is_none_or(|word| example.contains(word.as_str()));
        assert!(example.starts_with("  ") && named, "{words:?}: {example}");
    }
}
