//! The `native-submit` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    native_submit::cli::run()
}
