//! The real `spark-submit`, for what only it can do.

use super::{FAILED, OwnFlags};
use crate::cli::output::message;
use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, ExitCode},
};
use tokio::signal::unix::{SignalKind, signal};

/// The real one's command line, split at blanks: `/opt/spark/bin/spark-class org.apache.spark.deploy.SparkSubmit`.
const FALLBACK: &str = "NATIVE_SUBMIT_FALLBACK";

/// Set for the real one, so that a fallback that is this binary again ends here.
const DEPTH: &str = "NATIVE_SUBMIT_DEPTH";

/// Where programs look for Spark, and for `bin/spark-submit`.
const SPARK_HOME: &str = "SPARK_HOME";

/// Where the real one looks for its kubeconfig.
const KUBECONFIG: &str = "KUBECONFIG";

/// The real `spark-submit` with these arguments; else what is wrong with the variable.
pub(super) fn command(flags: &OwnFlags, arguments: &[OsString]) -> Result<Command, String> {
    let line = std::env::var(FALLBACK).unwrap_or_default();
    let mut words = line.split_whitespace();
    let Some(program) = words.next() else {
        return Err(format!(
            "To have the real spark-submit run such submissions, name it in {FALLBACK}."
        ));
    };
    if std::env::var_os(DEPTH).is_some() {
        return Err(format!(
            "{FALLBACK} leads back to native-submit: name the real spark-submit."
        ));
    }
    let mut command = Command::new(program);
    command.args(words).args(arguments).env(DEPTH, "1");
    if let Some(path) = flags.kubeconfig() {
        command.env(KUBECONFIG, path);
    }
    if std::env::var_os(SPARK_HOME).is_some_and(|home| is_own_home(Path::new(&home))) {
        // Spark's scripts would look there for Spark; without the variable they find it by themselves.
        command.env_remove(SPARK_HOME);
    }
    Ok(command)
}

/// Whether `spark-submit` in a `SPARK_HOME` is this program, and no Spark is there.
fn is_own_home(home: &Path) -> bool {
    let bin = home.join("bin");
    let ours = std::env::current_exe().and_then(|path| path.canonicalize());
    let there = bin.join(super::NAME).canonicalize();
    let is_ours = matches!((ours, there), (Ok(ours), Ok(there)) if ours == there);
    is_ours && !bin.join("spark-class").exists()
}

/// Becomes the real `spark-submit`, with the same arguments; ends with an error where there is none.
pub(super) fn hand_over(flags: &OwnFlags, arguments: &[OsString], why: &str) -> ExitCode {
    let mut command = match command(flags, arguments) {
        Ok(command) => command,
        Err(message) => {
            message!("Error: {why}\n{message}");
            return ExitCode::from(FAILED);
        }
    };
    let program = command.get_program().to_string_lossy().into_owned();
    message!("native-submit: handing over to {program}: {why}");
    // Only returns if it can't.
    let error = command.exec();
    withstand_closed_pipes();
    message!("Error: {FALLBACK}: {program} can't be run: {error}");
    ExitCode::from(FAILED)
}

/// Lets writing to a closed pipe be an error again: `exec` made it a signal that ends the process, also where it failed.
fn withstand_closed_pipes() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    if let Ok(runtime) = runtime {
        let _entered = runtime.enter();
        // The handler stays for the rest of the process.
        let _ = signal(SignalKind::pipe());
    }
}
