//! Submits Spark applications to Kubernetes without a JVM.
//!
//! ```text
//! gRPC ─ SparkApplication ─┐ translate
//! CLI  ─ YAML, arguments ──┴──────────► Submission ─plan─► DriverPlan ─render─► Rendered ─check─► Manifests ─apply─► Submitted
//!                                       (intent)           (decisions)          (text)            (typed)            (cluster)
//! ```
//!
//! Each module is a stage, and imports only those below it: [`cli`] and [`server`] are the doors, [`submitter`] is the
//! road, [`cluster`], [`manifest`], [`templates`], [`plan`], [`submission`] and [`application`] are its stages.
//! [`strict`] reads documents so that every mistake is named, [`finding`] holds what is wrong as parts, [`limits`] has the
//! limits, and [`redaction`] decides what of a user's value may be said; [`watch`] notices that mounted files changed. [`doctor`] looks at what a server would meet, for [`cli`] alone.

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
pub mod kubernetes;
pub mod limits;
pub mod manifest;
pub mod operator;
pub mod redaction;
pub mod server;
pub mod settings;
pub mod shadow;
pub mod spark;
pub mod strict;
pub mod submitter;
pub mod telemetry;
pub mod templates;
pub mod watch;
mod whole_file;
