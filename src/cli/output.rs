//! The only writer of what a command prints.
//!
//! `println!` and its like panic when the reader is gone, as in `native-submit doctor | head -1`. Here a reader that went away
//! ends nothing and is no error: the command does its work, and its exit code tells the outcome.

use super::{End, report};
use std::{
    fmt,
    io::{self, ErrorKind, Write},
};

/// Writes what a command was asked for to standard output.
///
/// The result is [`End::Refused`] if it can't be written for another reason than that nobody reads it (a full disk).
pub(super) fn print(text: &str) -> End {
    let mut output = io::stdout().lock();
    // Flushed here, because an error at the process's end is lost.
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => End::Done,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => End::Done,
        Err(error) => report(&format!("standard output: {error}")),
    }
}

/// Writes a line to standard error; [`message!`] is the way to call it. If nobody reads it, there is nobody to tell.
pub(super) fn write_message(line: fmt::Arguments<'_>) {
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

/// Writes a line to standard error, as `eprintln!` does, but never panics.
macro_rules! message {
    ($($text:tt)*) => {
        $crate::cli::output::write_message(format_args!($($text)*))
    };
}

pub(super) use message;
