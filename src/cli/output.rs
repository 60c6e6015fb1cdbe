//! The only writer of what a command prints.
//!
//! `println!` and its like panic when the reader is gone, as in `native-submit doctor | head -1`. Here a reader that went away
//! ends nothing and is no error: the command does its work, and its exit code tells the outcome.

use super::{End, progress, report, styled::Styled};
use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;
use std::{
    fmt,
    io::{self, ErrorKind, Write},
    sync::atomic::{AtomicBool, Ordering},
};

/// When to colour.
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set; anywhere if CLICOLOR_FORCE is.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Makes it the choice of this process, for its help, too.
    pub(super) fn choose(self) {
        match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        }
        .write_global();
    }
}

/// Whether the reader of standard output went away.
static UNREAD: AtomicBool = AtomicBool::new(false);

/// Whether nobody reads standard output any more: a command that never ends by itself ends then.
pub(super) fn is_unread() -> bool {
    UNREAD.load(Ordering::Relaxed)
}

/// Writes a command's data to standard output, unchanged.
///
/// The result is [`End::Refused`] if it can't be written for another reason than that nobody reads it (a full disk).
pub(super) fn print(text: &str) -> End {
    progress::erase();
    let mut output = io::stdout().lock();
    // Flushed here, because an error at the process's end is lost.
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => End::Done,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            UNREAD.store(true, Ordering::Relaxed);
            End::Done
        }
        Err(error) => report(&format!("standard output: {error}")),
    }
}

/// Writes text for people to standard output: with its styles where they are shown.
pub(super) fn print_styled(text: &Styled) -> End {
    print(text.shown(shows_styles(AutoStream::choice(&io::stdout()))))
}

/// Writes a line to standard error; [`message!`] is the way to call it. If nobody reads it, there is nobody to tell.
pub(super) fn write_message(line: fmt::Arguments<'_>) {
    progress::erase();
    let line = Styled::message(&format!("{line}\n"));
    let shown = line.shown(shows_styles(AutoStream::choice(&io::stderr())));
    let _ = io::stderr().lock().write_all(shown.as_bytes());
}

fn shows_styles(choice: ColorChoice) -> bool {
    matches!(choice, ColorChoice::Always | ColorChoice::AlwaysAnsi)
}

/// Writes a line to standard error, as `eprintln!` does, but never panics.
macro_rules! message {
    ($($text:tt)*) => {
        $crate::cli::output::write_message(format_args!($($text)*))
    };
}

pub(super) use message;
