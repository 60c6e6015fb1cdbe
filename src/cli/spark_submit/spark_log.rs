//! Lines as Spark's own log writes them by default, on standard error: scripts and Airflow read them.

use crate::cli::output::message;
use k8s_openapi::jiff::Timestamp;
use std::fmt::Display;

/// A line of the class `class` at level INFO; the time is UTC.
pub(super) fn info(class: &str, text: impl Display) {
    message!(
        "{} INFO {class}: {text}",
        Timestamp::now().strftime("%y/%m/%d %H:%M:%S")
    );
}
