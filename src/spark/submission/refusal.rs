//! Why a submission is refused before anything is created.

use crate::{
    finding::{Cut, Statement, Words, answer, expected, one_line},
    limits::{OverLimit, PATH_CHARACTERS},
};
use std::fmt;

/// A refusal: what it is about, and what is wrong with it, in words for a data engineer.
///
/// Spark's own message, where it has one, is part of the text, so that a search for it finds the same advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The conf key, option or field; empty where it is about the submission as a whole.
    pub subject: String,
    /// What is wrong with it.
    pub said: Statement,
    /// The real `spark-submit` could do it: it needs a JVM, Hadoop's file systems, or another cluster manager.
    pub needs_spark: bool,
    /// It is larger than a limit allows: the request itself is wrong, whatever it asks for.
    pub over_limit: bool,
}

impl Refusal {
    /// A refusal about `subject`, in words that are Spark's own or have values in them.
    pub fn new(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::saying(subject, Statement::foreign(message))
    }

    /// A refusal about `subject` by its parts.
    pub fn saying(subject: impl Into<String>, said: Statement) -> Self {
        Self {
            subject: subject.into(),
            said,
            needs_spark: false,
            over_limit: false,
        }
    }

    /// The same with all values hidden.
    #[must_use]
    pub(crate) fn without_values(self) -> Self {
        Self {
            said: self.said.without_values(),
            ..self
        }
    }

    /// The same, of what the real `spark-submit` could do.
    #[must_use]
    pub fn needing_spark(self) -> Self {
        Self {
            needs_spark: true,
            ..self
        }
    }
}

impl From<OverLimit> for Refusal {
    fn from(over: OverLimit) -> Self {
        let message = over.message();
        Self {
            over_limit: true,
            ..Self::new(over.path, message)
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.subject.as_str() {
            "" => self.said.to_string(),
            subject => format!("{}: {}", Cut(subject, PATH_CHARACTERS), self.said),
        };
        f.write_str(&answer(&one_line(&text)))
    }
}

impl std::error::Error for Refusal {}

/// The refusal of a value of closed grammar.
pub(crate) fn wrong(key: &str, value: &str, allowed: &str) -> Refusal {
    Refusal::saying(key, expected(Words::own(allowed.to_owned())).shown(value))
}

/// The refusal of a value that may be anything, and so a secret.
pub(crate) fn wrong_text(key: &str, value: &str, allowed: &str) -> Refusal {
    Refusal::saying(key, expected(Words::own(allowed.to_owned())).hidden(value))
}
