//! Submits Spark applications to Kubernetes without a JVM.
//!
//! ```text
//! gRPC, YAML ─ SparkApplication ─┐
//! REST, argv ─ arguments ────────┴─► Submission ─plan─► DriverPlan ─render─► Rendered ─check─► Manifests ─apply─► Submitted
//!                                    (intent)           (decisions)          (text)            (typed)            (cluster)
//! ```
//!
//! A rule stands with the authority that made it: [`kubernetes`], [`spark`], [`operator`], or an admin's [`templates`].
//! [`manifest`] makes checked objects of rendered text, and [`cluster`] applies them. [`submitter`] is the pipeline; it can
//! be read there from end to end. [`server`] and [`cli`] are the entry points; [`authoring`], [`studio`], [`doctor`] and
//! [`shadow`] are tools. [`strict`] reads documents so that every mistake is named, [`finding`] holds mistakes as parts, [`limits`] has the
//! limits of a submission, and [`redaction`] decides which values may be shown. [`watch`] notices that mounted files
//! changed.
//!
//! Each module imports only from those below it; `docs/architecture.md` has the order, and a test holds it.

#![deny(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic when the reader is gone: commands write by cli/output.rs"
)]

pub mod authoring;
pub mod cli;
pub mod cluster;
pub mod doctor;
pub mod error_code;
pub mod finding;
mod hash;
pub mod kubernetes;
pub mod limits;
pub mod manifest;
pub mod operator;
pub mod redaction;
mod regular_file;
pub mod server;
pub mod settings;
pub mod shadow;
pub mod spark;
pub mod strict;
pub mod studio;
pub mod submitter;
pub mod telemetry;
pub mod templates;
pub mod watch;
mod whole_file;
