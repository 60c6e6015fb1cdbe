//! Variables that are there and empty, as a chart writes a value that nobody set.

use clap::Command;

/// The command, for which a variable of blanks is one that is not set.
pub(super) fn without_blank_variables(command: Command) -> Command {
    command
        .mut_args(|argument| {
            let value = argument.get_env().and_then(std::env::var_os);
            if value.is_some_and(|value| value.to_string_lossy().trim().is_empty()) {
                argument.env(None::<&str>)
            } else {
                argument
            }
        })
        .mut_subcommands(without_blank_variables)
}
