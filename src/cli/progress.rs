//! A line that says that a command is at work: on standard error, only on a terminal, only after a second without anything else, and
//! gone before anything else is written.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// How long work may take without a line: from its beginning, and from what else was written.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the line is written anew.
const INTERVAL: Duration = Duration::from_millis(250);

/// Goes to the line's beginning and erases it.
const ERASE: &str = "\r\u{1b}[2K";

/// The one line of this process.
struct Line {
    /// Whether a command is at work.
    active: bool,
    /// How many wait for what a person types.
    paused: usize,
    /// Whether the line is on the terminal.
    drawn: bool,
    /// When the command began, or something else was last written.
    written: Option<Instant>,
    /// What is being worked at, where that is known: `3 of 12 cases`.
    step: String,
}

static LINE: Mutex<Line> = Mutex::new(Line {
    active: false,
    paused: 0,
    drawn: false,
    written: None,
    step: String::new(),
});

static ENDED: Condvar = Condvar::new();

fn line() -> MutexGuard<'static, Line> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    fn erase(&mut self) {
        if self.drawn {
            self.drawn = false;
            let _ = io::stderr().lock().write_all(ERASE.as_bytes());
        }
    }

    fn draw(&mut self, what: &str, since: Instant) {
        if self.paused > 0 {
            return;
        }
        let step = if self.step.is_empty() {
            String::new()
        } else {
            format!(", {}", self.step)
        };
        let seconds = since.elapsed().as_secs();
        let text = format!("{ERASE}native-submit {what}{step}: {seconds} s");
        // Who doesn't take it doesn't see it.
        let _ = io::stderr().lock().write_all(text.as_bytes());
        self.drawn = true;
    }
}

/// Erases the line, if it is there, before something else is written.
pub(super) fn erase() {
    let mut line = line();
    line.erase();
    line.written = Some(Instant::now());
}

/// Says what is being worked at.
pub(super) fn step(text: String) {
    line().step = text;
}

/// A command at work; the line is gone when this is dropped.
pub(super) struct Progress(Option<JoinHandle<()>>);

impl Progress {
    /// Begins. Where standard error is no terminal nothing is ever written.
    pub(super) fn of(what: &'static str) -> Self {
        if !io::stderr().is_terminal() {
            return Self(None);
        }
        let since = Instant::now();
        {
            let mut line = line();
            line.active = true;
            line.written = Some(since);
        }
        let thread = std::thread::Builder::new().name("progress".to_owned());
        let thread = thread.spawn(move || {
            let mut line = line();
            let mut pause = PATIENCE;
            while line.active {
                let waited = ENDED.wait_timeout(line, pause);
                line = waited.unwrap_or_else(PoisonError::into_inner).0;
                // After an error comes the end: no line between the two.
                let silence = line.written.unwrap_or(since).elapsed();
                pause = PATIENCE.saturating_sub(silence);
                if line.active && pause.is_zero() {
                    line.draw(what, since);
                    pause = INTERVAL;
                }
            }
            line.erase();
        });
        Self(thread.ok())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        line().active = false;
        ENDED.notify_all();
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

/// No line while this lives: a person may be typing.
pub(super) struct Paused;

impl Paused {
    pub(super) fn begin() -> Self {
        line().paused += 1;
        Self
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        line().paused -= 1;
    }
}
