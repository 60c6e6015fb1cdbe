//! What is wrong with an application.

use crate::strict::Problem;
use std::fmt;

/// What is wrong with an application: everything that was found, not only the first.
///
/// Its text has one line for each problem, field path first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ApplicationError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ApplicationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl ApplicationError {
    /// `Ok` where nothing was found.
    pub(super) fn unless_empty(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self { problems })
        }
    }
}

impl From<Problem> for ApplicationError {
    fn from(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

/// A problem other than an unknown field.
pub(super) fn problem(path: impl Into<String>, message: impl Into<String>) -> Problem {
    Problem {
        path: path.into(),
        message: message.into(),
        unknown_field: false,
    }
}
