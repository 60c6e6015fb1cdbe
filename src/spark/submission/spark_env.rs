//! `spark-env.sh`, which `bin/spark-submit` sources before anything else.

use super::refusal::{Refusal, wrong};
use crate::finding::io_words;
use std::{collections::BTreeMap, path::PathBuf, process::Command};

/// Sources the script that it is given, with every variable exported, and writes the environment to what was standard output;
/// what the script itself says goes to standard error.
const SOURCE: &str = "exec 3>&1 1>&2; set -a; . \"$0\"; set +a; exec env -0 >&3";

/// What the scripts of a Spark distribution make of `environment` (`bin/load-spark-env.sh`): `SPARK_CONF_DIR` is where
/// the distribution's own `conf` is unless it is set, and `spark-env.sh` in it is sourced. For a command's own process only:
/// the script is the caller's own, and may do whatever the caller may.
///
/// # Errors
/// Where there is a `spark-env.sh` that `bash` can't source to its end.
pub(super) fn spark_env(
    mut environment: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Refusal> {
    if environment.contains_key("SPARK_ENV_LOADED") {
        return Ok(environment);
    }
    let given = environment
        .get("SPARK_CONF_DIR")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let own = || {
        environment
            .get("SPARK_HOME")
            .map(|home| PathBuf::from(home).join("conf"))
    };
    let Some(directory) = given.or_else(own) else {
        return Ok(environment);
    };
    let script = directory.join("spark-env.sh");
    if !script.is_file() {
        return Ok(environment);
    }
    environment.insert(
        "SPARK_CONF_DIR".to_owned(),
        directory.to_string_lossy().into_owned(),
    );
    let refused = |why: &str| {
        let allowed = format!("a script that bash can source to its end ({why})");
        wrong("spark-env.sh", &script.to_string_lossy(), &allowed)
    };
    let output = Command::new("bash")
        .arg("-c")
        .arg(SOURCE)
        .arg(&script)
        .env_clear()
        .envs(&environment)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| refused(&format!("bash does not run: {}", io_words(error.kind()))))?;
    if !output.status.success() || output.stdout.is_empty() {
        return Err(refused("it ended early"));
    }
    Ok(output
        .stdout
        .split(|byte| *byte == 0)
        .filter_map(|entry| std::str::from_utf8(entry).ok()?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sourced(script: &str) -> Result<BTreeMap<String, String>, Refusal> {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("conf")).unwrap();
        std::fs::write(home.path().join("conf/spark-env.sh"), script).unwrap();
        spark_env(BTreeMap::from([
            (
                "SPARK_HOME".to_owned(),
                home.path().to_string_lossy().into_owned(),
            ),
            ("PATH".to_owned(), std::env::var("PATH").unwrap()),
        ]))
    }

    #[test]
    fn what_the_script_sets_is_exported_and_what_it_says_is_not_taken_for_a_variable() {
        let environment = sourced("echo A=from-echo; B='two\nlines'; export C=${SPARK_HOME:+home}").unwrap();
        assert!(!environment.contains_key("A"));
        assert_eq!(environment["B"], "two\nlines");
        assert_eq!(environment["C"], "home");
        assert!(environment["SPARK_CONF_DIR"].ends_with("/conf"));
    }

    #[test]
    fn a_script_that_ends_the_shell_is_refused() {
        let refusal = sourced("exit 3").unwrap_err().to_string();
        assert!(refusal.contains("spark-env.sh"), "{refusal}");
    }

    #[test]
    fn without_a_script_nothing_changes() {
        let environment = BTreeMap::from([("SPARK_HOME".to_owned(), "/nonexistent".to_owned())]);
        assert_eq!(spark_env(environment.clone()).unwrap(), environment);
    }
}
