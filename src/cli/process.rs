//! What a command takes from its own process.

use crate::spark::submission::{Reach, Refusal, SparkVersion, SubmitterContext};
use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The context of arguments of `spark-submit`: the whole environment, and files by any path.
pub(super) fn spark_submit_context(submit_time_ms: u64) -> Result<SubmitterContext, Refusal> {
    SubmitterContext::of_spark_submit(environment(), login_name(), working_directory(), submit_time_ms)
}

/// The context of a `SparkApplication`: of this process it sees what the operator would give it, `SPARK_USER` and the
/// cluster's address.
pub(super) fn application_context(
    submit_time_ms: u64,
    spark_version: Option<SparkVersion>,
) -> SubmitterContext {
    let golden = SubmitterContext::golden();
    SubmitterContext {
        submit_time_ms,
        user: variable("SPARK_USER").unwrap_or(golden.user),
        no_login: None,
        master: master().unwrap_or(golden.master),
        spark_version,
        working_directory: working_directory(),
        reach: Reach::Process,
        environment: BTreeMap::new(),
        executor_check: golden.executor_check,
        entry_point: golden.entry_point,
        namespace: golden.namespace,
    }
}

/// What relative paths are relative to.
pub(super) fn working_directory() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| SubmitterContext::golden().working_directory)
}

/// A variable that is text and not empty.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The variables that are text.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The name of this process's user in the user database, as Hadoop's `UserGroupInformation` finds it.
fn login_name() -> Option<String> {
    let uid = Path::new("/proc/self").metadata().ok()?.uid().to_string();
    let database = std::fs::read_to_string("/etc/passwd").ok()?;
    database.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}

/// The API server as the operator names it to `spark-submit`; an IPv6 address gets brackets.
pub(super) fn master() -> Option<String> {
    let host = variable("KUBERNETES_SERVICE_HOST")?;
    let port = variable("KUBERNETES_SERVICE_PORT")?;
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host
    };
    Some(format!("k8s://https://{host}:{port}"))
}
