//! What those who write templates work with: the context that templates see and its reference, a check of a template
//! directory, what a change does to applications, and golden files of their own.
//!
//! [`crate::cli`] prints what these modules find. Of them only [`probe`] runs in the service.

mod again;
pub(crate) mod bench;
pub mod case;
pub mod check;
pub mod context;
pub mod coverage;
pub mod diff;
mod expect;
pub mod finding;
pub mod golden;
pub(crate) mod lineage;
mod lines;
mod lint;
mod live;
mod losses;
pub mod mask;
pub mod probe;
pub mod reference;
pub mod refusal;
mod rendered;
pub mod report;
mod sources;
pub(crate) mod text_file;
mod trace;
