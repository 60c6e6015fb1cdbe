//! What is wrong with an application.

use crate::{
    finding::{Kept, Statement, expected},
    strict::Problem,
};
use std::fmt;

/// What is wrong with an application: not only the first, but the first few and the count of the rest.
///
/// Its text has one line for each problem, field path first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ApplicationError {
    /// At least one.
    pub problems: Kept<Problem>,
}

impl fmt::Display for ApplicationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problems.fmt(f)
    }
}

impl ApplicationError {
    /// `Ok` where nothing was found.
    pub(super) fn unless_empty(mut problems: Kept<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort_by_key(|problem| &problem.path);
        Err(Self { problems })
    }
}

impl From<Problem> for ApplicationError {
    fn from(problem: Problem) -> Self {
        Self {
            problems: [problem].into_iter().collect(),
        }
    }
}

/// A problem other than an unknown field.
pub(super) fn problem(path: impl Into<String>, said: impl Into<Statement>) -> Problem {
    Problem::new(path, said)
}

/// What is said of a field that has to be there and isn't.
pub(super) fn missing() -> Statement {
    expected("a value").nothing()
}
