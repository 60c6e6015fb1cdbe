//! native-submit
pub mod application;
pub mod cluster;
pub mod manifest;
pub mod plan;
pub mod redaction;
pub mod strict;
pub mod submission;
pub mod templates;
pub mod wire;
