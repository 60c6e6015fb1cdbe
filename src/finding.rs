//! What is wrong with an input, as parts: where, what is expected, what was found, and a hint.
//!
//! Findings are data until they leave the process. Code that needs to know something about one reads its parts, and its
//! text has one grammar: `PATH: expected X, found Y; hint`. Each part knows whether it holds a value of a user, so
//! that a finding can also be written without any (`Statement::brief`).

mod kept;
mod statement;
mod text;
mod words;

pub use kept::{Kept, Warnings};
pub use statement::{Found, Hint, Statement};
pub(crate) use statement::{KEY_TWICE, expected, is_name, rule};
pub(crate) use text::{
    Cut, also, answer, counted, cut, error_words, io_words, listed, one_line, root_cause, short_words,
    shortened,
};
pub use words::Words;
