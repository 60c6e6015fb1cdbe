//! Whether the driver makes its executors by the properties that are written for it.
//!
//! `spark-submit` in the driver's container takes properties from elsewhere, too: from its own arguments, and as system properties
//! of its JVM. Who can give those can change executors, so what is computed from the properties alone is then not known.

use super::unknown;
use crate::spark::plan::{EXECUTOR_TEMPLATE_MOUNT, NoExecutorPod, PROPERTIES_PATH};
use serde_json::Value;
use std::collections::BTreeMap;

/// The entry point of Spark's images.
const ENTRY_POINT: &str = "/opt/entrypoint.sh";

/// The properties with options of the driver's JVM (`SparkSubmitCommandBuilder`).
const JAVA_OPTIONS: [&str; 2] = ["spark.driver.defaultJavaOptions", "spark.driver.extraJavaOptions"];

/// The variables with options of every JVM, or of `spark-submit`'s.
const JAVA_VARIABLES: [&str; 4] = [
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "SPARK_SUBMIT_OPTS",
    "_JAVA_OPTIONS",
];

/// Refuses to know where the driver `container` reads other properties than these.
///
/// # Errors
/// What makes it read others.
pub(super) fn reads_only(
    properties: &BTreeMap<String, String>,
    container: &Value,
) -> Result<(), NoExecutorPod> {
    let beside = "gives the driver Spark properties that nobody else sees, and executors are made by them; set them in the conf";
    for key in JAVA_OPTIONS {
        if properties
            .get(key)
            .is_some_and(|options| sets_properties(options))
        {
            return Err(unknown(key, beside));
        }
    }
    let environment = container["env"].as_array().into_iter().flatten();
    for entry in environment {
        let name = entry["name"].as_str().unwrap_or_default();
        let set = match &entry["value"] {
            Value::String(options) => sets_properties(options),
            _ => entry.get("valueFrom").is_some_and(|source| !source.is_null()),
        };
        if set && JAVA_VARIABLES.contains(&name) {
            return Err(unknown(&format!("{name} of the driver"), beside));
        }
    }
    if !runs_the_entry_point(&container["command"]) || !begins_as_sparks(&container["args"]) {
        let said = "isn't what Spark writes, so only the driver knows by which properties it makes executors";
        return Err(unknown("command and args of the driver", said));
    }
    let mounts = container["volumeMounts"].as_array().into_iter().flatten();
    for path in mounts.filter_map(|mount| mount["mountPath"].as_str()) {
        if path == PROPERTIES_PATH || is_in_template_mount(path) {
            let said = "hides a file that is written for the driver, so only the driver knows by what it makes executors";
            return Err(unknown("a volume mount of the driver", said));
        }
    }
    Ok(())
}

/// Whether a path is below the directory with the executors' pod template.
fn is_in_template_mount(path: &str) -> bool {
    path.strip_prefix(EXECUTOR_TEMPLATE_MOUNT)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// Whether options of a JVM set properties of Spark, or name a file with more options. Quotes are left out, for each reader of
/// options has its own rules of quoting.
fn sets_properties(options: &str) -> bool {
    let unquoted = options.replace(['"', '\'', '\\'], "");
    let file = |option: &str| option.starts_with('@') || option.starts_with("-XX:VMOptionsFile");
    unquoted.contains("-Dspark.") || unquoted.split_whitespace().any(file)
}

fn runs_the_entry_point(command: &Value) -> bool {
    match command.as_array().map(Vec::as_slice) {
        None | Some([]) => true,
        Some([only]) => *only == ENTRY_POINT,
        Some(_) => false,
    }
}

/// Whether the arguments begin as Spark writes them (`DriverCommandFeatureStep`), perhaps with more log lines: then what follows the
/// class are the main file and the application's own arguments.
fn begins_as_sparks(arguments: &Value) -> bool {
    let arguments = arguments.as_array().map(Vec::as_slice).unwrap_or_default();
    let arguments: Vec<_> = arguments
        .iter()
        .map(Value::as_str)
        .filter(|argument| !matches!(argument, Some("--verbose" | "-v")))
        .collect();
    let Some((&Some("driver"), options)) = arguments.split_first() else {
        return false;
    };
    let options = if let [Some("--proxy-user"), _, after @ ..] = options {
        after
    } else {
        options
    };
    options.starts_with(&[Some("--properties-file"), Some(PROPERTIES_PATH), Some("--class")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn container() -> Value {
        let args = [
            "driver",
            "--properties-file",
            PROPERTIES_PATH,
            "--class",
            "a.B",
            "local:///a.jar",
            "--conf",
            "x",
        ];
        json!({"name": "d", "args": args, "env": [], "volumeMounts": [
            {"name": "c", "mountPath": "/opt/spark/conf"}, {"name": "t", "mountPath": "/opt/spark/pod-template"},
            {"name": "l", "mountPath": "/opt/spark/conf/log4j2.properties", "subPath": "l"},
        ]})
    }

    fn known(changed: &Value, properties: &[(&str, &str)]) -> bool {
        let mut container = container();
        for (field, value) in changed.as_object().unwrap() {
            container[field] = value.clone();
        }
        let owned = properties
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        reads_only(&owned.collect(), &container).is_ok()
    }

    #[test]
    fn options_of_the_jvm_set_no_properties() {
        for (options, fits) in [
            ("-Xss2m -Dfile.encoding=UTF-8 -Dmy.spark.x=1", true),
            (
                "-Dspark.kubernetes.executor.volumes.hostPath.v.mount.path=/h",
                false,
            ),
            ("-Xss2m '-D'spark.executor.memory=9g", false),
            (r#"-"Dspark.x=1""#, false),
            ("-Xss2m\t@/tmp/options", false),
            ("-Da=b@c", true),
            ("-XX:VMOptionsFile=/tmp/o", false),
            ("", true),
        ] {
            for key in JAVA_OPTIONS {
                assert_eq!(known(&json!({}), &[(key, options)]), fits, "{key} {options}");
            }
            for name in JAVA_VARIABLES {
                let env =
                    json!({"env": [{"name": "A", "value": "-Dspark.x=1"}, {"name": name, "value": options}]});
                assert_eq!(known(&env, &[]), fits, "{name} {options}");
            }
        }
        let from = json!({"env": [{"name": "JAVA_TOOL_OPTIONS", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]});
        assert!(!known(&from, &[]));
        assert!(known(
            &json!({}),
            &[("spark.executor.extraJavaOptions", "-Dspark.x=1")]
        ));
    }

    #[test]
    fn the_driver_runs_as_spark_runs_it() {
        let args = |args: &[&str]| json!({"args": args});
        for (changed, fits) in [
            (json!({"command": []}), true),
            (json!({"command": [ENTRY_POINT]}), true),
            (json!({"command": ["/bin/sh", "-c"]}), false),
            (
                args(&[
                    "driver",
                    "--proxy-user",
                    "u",
                    "--properties-file",
                    PROPERTIES_PATH,
                    "--class",
                    "C",
                    "r",
                ]),
                true,
            ),
            (
                args(&[
                    "driver",
                    "--properties-file",
                    PROPERTIES_PATH,
                    "--conf",
                    "a=b",
                    "--class",
                    "C",
                    "r",
                ]),
                false,
            ),
            (
                args(&[
                    "driver",
                    "--conf",
                    "a=b",
                    "--properties-file",
                    PROPERTIES_PATH,
                    "--class",
                    "C",
                    "r",
                ]),
                false,
            ),
            (
                args(&["driver", "--properties-file", "/tmp/mine", "--class", "C", "r"]),
                false,
            ),
            (args(&["spark-shell"]), false),
            (args(&[]), false),
            (json!({"volumeMounts": [{"mountPath": PROPERTIES_PATH}]}), false),
            (
                json!({"volumeMounts": [{"mountPath": "/opt/spark/pod-template/pod-spec-template.yml"}]}),
                false,
            ),
        ] {
            assert_eq!(known(&changed, &[]), fits, "{changed}");
        }
        assert!(known(&json!({}), &[]));
    }
}
