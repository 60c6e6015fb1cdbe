//! The real `spark-submit`, for what only it can do.

use super::FAILED;
use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
};

/// The real one's command line, split at blanks: `/opt/spark/bin/spark-class org.apache.spark.deploy.SparkSubmit`.
const FALLBACK: &str = "NATIVE_SUBMIT_FALLBACK";

/// Set for the real one, so that a fallback that is this binary again ends here.
const DEPTH: &str = "NATIVE_SUBMIT_DEPTH";

/// Becomes the real `spark-submit`, with the same arguments; ends with an error where there is none.
pub(super) fn hand_over(arguments: &[OsString], why: &str) -> ExitCode {
    let line = std::env::var(FALLBACK).unwrap_or_default();
    let mut words = line.split_whitespace();
    let Some(program) = words.next() else {
        eprintln!(
            "Error: {why}\nThe real spark-submit is asked where {FALLBACK} names it, and it names none."
        );
        return ExitCode::from(FAILED);
    };
    if std::env::var_os(DEPTH).is_some() {
        eprintln!("Error: {why}\n{FALLBACK} leads back to native-submit: name the real spark-submit.");
        return ExitCode::from(FAILED);
    }
    eprintln!("native-submit: handing over to {program}: {why}");
    // Only returns if it can't.
    let error = Command::new(program)
        .args(words)
        .args(arguments)
        .env(DEPTH, "1")
        .exec();
    eprintln!("Error: {FALLBACK}: {program} can't be run: {error}");
    ExitCode::from(FAILED)
}
