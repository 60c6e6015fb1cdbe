//! Spark's rules: how `spark-submit` reads its arguments and conf, and what its feature steps make of them.
//!
//! [`submission`] is what is to be submitted, as the arguments of `spark-submit` say it. [`plan`](mod@plan) is what Spark's feature
//! steps decide of it. [`driver_state`] is what Spark says of a running driver.

pub mod driver_state;
mod java_double;
pub mod plan;
pub mod submission;
