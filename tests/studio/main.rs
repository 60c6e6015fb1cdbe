//! Studio and the status page in a real browser: `cargo test --test studio`. It needs `chromium` and
//! `chromedriver`, which Debian has as `chromium` and `chromium-driver`.
// Clippy sees that code is a test's only inside #[test].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod browser;
mod page;
mod status;
