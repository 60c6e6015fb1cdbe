//! Load and hostile clients against a real server: bounds of memory, time and bytes.
// Clippy sees that code is a test's only inside #[test].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod connections;
mod hostile_requests;
mod memory;
mod overload;
mod stalled;
mod template_limits;
