//! Tests on a real control plane, which `tests/e2e/up` brings up. Only `cargo test --test e2e` builds them.
// Clippy sees that code is a test's only inside #[test].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod applications;
mod crash;
mod events;
mod load;
mod node;
mod operator;
mod rbac;
mod replicas;
mod scale;
mod spark;
mod spark_operator;
mod templates;
mod validation;
mod waiting;
mod webhook;
