//! Where Spark keeps its scratch files (Spark's `LocalDirsFeatureStep`).

use super::{draft::Draft, pod::SparkPod};
use crate::{
    limits::ENTRIES,
    spark::submission::{ConfReader, Refusal},
};
use serde_json::{Value, json};

/// Volumes whose names start so are local directories, whatever mounts them.
const VOLUME_PREFIX: &str = "spark-local-dir-";

pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let default = format!("/var/data/spark-{}", draft.names.local_directory_id);
    let environment = draft.context.environment.get("SPARK_LOCAL_DIRS");
    add(
        &mut draft.pod,
        draft.conf,
        environment.map(String::as_str),
        &default,
    )
}

/// Adds the local directories to a driver or an executor. `environment` is the `SPARK_LOCAL_DIRS` of the process that creates it;
/// `default` is the directory where neither that nor the conf names one.
pub(super) fn add(
    pod: &mut SparkPod,
    conf: ConfReader<'_>,
    environment: Option<&str>,
    default: &str,
) -> Result<(), Refusal> {
    let in_memory = is_in_memory(conf)?;
    let mounts = pod.container.get("volumeMounts").and_then(Value::as_array);
    let mounted: Vec<String> = mounts
        .into_iter()
        .flatten()
        .filter(|mount| {
            mount["name"]
                .as_str()
                .is_some_and(|name| name.starts_with(VOLUME_PREFIX))
        })
        .filter_map(|mount| mount["mountPath"].as_str().map(str::to_owned))
        .collect();
    let directories = if mounted.is_empty() {
        let given = environment.or_else(|| conf.raw().get("spark.local.dir"));
        make(pod, given.unwrap_or(default), in_memory)?
    } else {
        mounted
    };
    pod.add_env("SPARK_LOCAL_DIRS", &directories.join(","));
    Ok(())
}

/// Whether directories that Spark makes itself are in memory. Spark reads this whether it makes any or not.
pub(super) fn is_in_memory(conf: ConfReader<'_>) -> Result<bool, Refusal> {
    conf.boolean("spark.kubernetes.local.dirs.tmpfs", false)
}

fn make(pod: &mut SparkPod, list: &str, in_memory: bool) -> Result<Vec<String>, Refusal> {
    let directories = items(list);
    ENTRIES.holds("spark.local.dir", directories.len())?;
    let source = if in_memory {
        json!({"emptyDir": {"medium": "Memory"}})
    } else {
        json!({"emptyDir": {}})
    };
    for (index, directory) in directories.iter().enumerate() {
        pod.mount(
            &format!("{VOLUME_PREFIX}{}", index + 1),
            directory,
            source.clone(),
        );
    }
    Ok(directories)
}

/// The items of a list as Java's `String.split` has them: without the empty ones at its end.
fn items(list: &str) -> Vec<String> {
    match list.trim_end_matches(',') {
        "" if !list.is_empty() => Vec::new(),
        items => items.split(',').map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_no_empty_items_at_its_end() {
        let table: [(&str, &[&str]); 5] = [
            ("/a,/b", &["/a", "/b"]),
            ("/a,,", &["/a"]),
            ("/a,, /b ,", &["/a", "", " /b "]),
            ("", &[""]),
            (",", &[]),
        ];
        for (list, expected) in table {
            assert_eq!(items(list), expected, "{list}");
        }
    }
}
