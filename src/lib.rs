//! native-submit
pub mod cluster;
pub mod manifest;
pub mod plan;
pub mod redaction;
pub mod strict;
pub mod templates;
