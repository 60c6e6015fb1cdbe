//! `native-submit completion` and `native-submit man`: made of the command line itself, so that they never differ from it.

use super::{End, report};
use crate::finding::error_words;
use clap::ValueEnum;
use clap_complete::Shell;
use std::{fs, path::PathBuf};

/// The shells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KnownShell {
    Bash,
    Zsh,
    Fish,
}

/// The arguments of `completion`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For the current shell: source <(native-submit completion bash). For all later shells: write it to the place where the shell looks for it, such as \
~/.local/share/bash-completion/completions/native-submit, a directory of zsh's $fpath under the name _native-submit, or \
~/.config/fish/completions/native-submit.fish.")]
pub(super) struct Completion {
    /// The shell
    #[arg(value_enum)]
    shell: KnownShell,
}

impl Completion {
    pub(super) fn run(self) -> End {
        let shell = match self.shell {
            KnownShell::Bash => Shell::Bash,
            KnownShell::Zsh => Shell::Zsh,
            KnownShell::Fish => Shell::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut super::command_line(), "native-submit", &mut script);
        let script = String::from_utf8_lossy(&script);
        // For bash clap_complete writes the hyphen of a program's name in two ways, and then no command has its flags.
        super::print(&script.replace("native__subcmd__submit", "native__submit"))
    }
}

/// The arguments of `man`.
#[derive(Debug, clap::Args)]
pub(super) struct Man {
    /// Directory for the pages, one for each command, such as ~/.local/share/man/man1
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Man {
    pub(super) fn run(self) -> End {
        let written = fs::create_dir_all(&self.directory)
            .and_then(|()| clap_mangen::generate_to(super::command_line(), &self.directory));
        match written {
            Ok(()) => End::Done,
            Err(error) => report(&format!("{}: {}", self.directory.display(), error_words(&error))),
        }
    }
}
