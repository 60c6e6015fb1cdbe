//! Why a submission is refused before anything is created.

use std::fmt;

/// A refusal: what it is about, and what is wrong with it, in words for a data engineer.
///
/// Spark's own message, where it has one, is part of the text, so that a search for it finds the same advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The conf key, option or field; empty where it is about the submission as a whole.
    pub subject: String,
    /// What is wrong, what was found (where that may be shown), and what is allowed.
    pub message: String,
}

impl Refusal {
    /// A refusal about `subject`.
    pub fn new(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.subject.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.subject, self.message)
        }
    }
}

impl std::error::Error for Refusal {}
