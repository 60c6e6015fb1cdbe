//! The gRPC messages to [`SparkApplication`]: every field that the wire has arrives.
//!
//! The messages are poorer than the application, and here and there of another shape. What is decided:
//!
//! - An enum's 0 is absent; a number that the contract doesn't have is an error.
//! - A field without presence is absent when it is `""`, 0 or `false`. So a grace period of 0, or a
//!   `minExecutors` of 0, can't be said; what absent means to Spark or Kubernetes holds.
//! - `type` 0 is absent, so that the operator's default (Scala) holds. Spark goes by the main file's suffix anyway.
//! - `uid` `""` is absent. None is ever made up.
//! - `status` isn't read.
//! - `DynamicAllocation` with `enabled` false stays: it says off, whatever counts it holds.
//! - `Quantity`: `s` where it isn't empty, else `d`, else `i`; `format` says only how `d` and `i` are written. With
//!   none of the three it is `0`, as in Go.
//! - `Volume`: `type` is the name of the Kubernetes volume source, `path` its main field; `nfs` has `server:/path`.
//! - `PodAntiAffinity` has the fields of one term: one required term.
//! - `LabelSelector.match_expressions` is one requirement: a list of one.
//! - `Ports.container_port` is text, and has to be a number.
//! - Of `TaintEffect`, `NO_SCHEDULE_NO_ADMIT` is an error: Kubernetes has no such effect.
//! - `PodTemplateSpec` becomes JSON, as a template in a file is.

mod container;
mod convert;
mod metadata;
mod names;
mod pod_template;
mod probe;
mod quantity;
mod scheduling;
mod spec;
mod volume;

use super::{ApplicationError, SparkApplication};
use crate::operator::wire;
use convert::{Convert, MessagePlace};
use std::cell::RefCell;

/// Converts the messages. The result has no defaults yet and isn't validated.
///
/// # Errors
/// What can't be an application, all of it at once, with the paths of the messages:
/// `spark_application.spec.driver.ports[0].container_port`.
pub fn from_wire(application: wire::SparkApplication) -> Result<SparkApplication, ApplicationError> {
    let problems = RefCell::default();
    let at = MessagePlace::root("spark_application", &problems);
    let wire::SparkApplication {
        metadata,
        spec,
        status: _,
    } = application;
    if spec.is_none() {
        at.field("spec").missing();
    }
    let converted = SparkApplication {
        metadata: metadata.unwrap_or_default().convert(&at.field("metadata")),
        spec: spec.unwrap_or_default().convert(&at.field("spec")),
        ..SparkApplication::default()
    };
    ApplicationError::unless_empty(problems.into_inner())?;
    Ok(converted)
}

#[cfg(test)]
mod tests;
