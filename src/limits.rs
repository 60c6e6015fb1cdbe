//! The limits of the service, each with its name and value in one place.

mod output;

pub use output::*;
