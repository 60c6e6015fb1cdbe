//! The environment of an executor (Spark's `BasicExecutorFeatureStep`).

use super::{
    draft::{CONF_DIR, DRIVER_HOST, DRIVER_IP, Draft, GENERATED_SECRET, ID},
    java_options, resources,
};
use crate::{
    kubernetes::append,
    spark::submission::{Feature, Refusal, wrong},
};
use serde_json::json;

/// What the entry point of Spark's image hands to an executor.
pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let conf = draft.conf;
    let mut env = vec![
        ("SPARK_USER".to_owned(), user(draft)),
        ("SPARK_DRIVER_URL".to_owned(), driver_url(draft)?),
        (
            "SPARK_EXECUTOR_CORES".to_owned(),
            resources::cores_for_tasks(draft)?,
        ),
        (
            "SPARK_EXECUTOR_MEMORY".to_owned(),
            format!("{}m", resources::memory(draft)?),
        ),
        ("SPARK_APPLICATION_ID".to_owned(), draft.application_id.clone()),
        ("SPARK_CONF_DIR".to_owned(), CONF_DIR.to_owned()),
        ("SPARK_EXECUTOR_ID".to_owned(), ID.to_owned()),
        ("SPARK_RESOURCE_PROFILE_ID".to_owned(), "0".to_owned()),
    ];
    if draft.has(Feature::LogUrlAttributes) && conf.text("spark.ui.custom.executor.log.url")?.is_some() {
        env.extend([
            (
                "SPARK_EXECUTOR_ATTRIBUTE_APP_ID".to_owned(),
                draft.application_id.clone(),
            ),
            ("SPARK_EXECUTOR_ATTRIBUTE_EXECUTOR_ID".to_owned(), ID.to_owned()),
        ]);
    }
    env.extend(of_conf(draft));
    if is_secret_in_environment(draft)? {
        env.push(("_SPARK_AUTH_SECRET".to_owned(), GENERATED_SECRET.to_owned()));
    }
    if let Some(path) = class_path(draft)? {
        env.push(("SPARK_CLASSPATH".to_owned(), path));
    }
    if draft.has(Feature::ExecutorLibraryPath)
        && let Some(path) = conf.text("spark.executor.extraLibraryPath")?
    {
        env.push(("SPARK_EXECUTOR_LIBRARY_PATH".to_owned(), path));
    }
    let options = java_options::all(draft)?.into_iter().enumerate();
    env.extend(options.map(|(index, option)| (format!("SPARK_JAVA_OPT_{index}"), option)));
    for (name, value) in env {
        draft.pod.add_env(&name, &value);
    }
    let fields = [
        ("SPARK_EXECUTOR_POD_IP", "status.podIP"),
        ("SPARK_EXECUTOR_POD_NAME", "metadata.name"),
    ];
    append(
        &mut draft.pod.container,
        "env",
        fields.map(|(name, path)| {
            json!({"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}})
        }),
    );
    Ok(())
}

/// The user that the driver runs for.
fn user(draft: &Draft<'_>) -> String {
    ["SPARK_USER", "HADOOP_PROXY_USER", "HADOOP_USER_NAME"]
        .iter()
        .find_map(|name| draft.source.driver_environment.get(*name))
        .map_or_else(|| "spark".to_owned(), String::clone)
}

fn driver_url(draft: &Draft<'_>) -> Result<String, Refusal> {
    const PORT: &str = "spark.driver.port";
    let conf = draft.conf;
    let by_ip = draft.has(Feature::UseDriverPodIp)
        && conf.boolean(
            "spark.kubernetes.executor.useDriverPodIP",
            draft.has(Feature::DriverPodIpByDefault),
        )?;
    let host = if by_ip {
        DRIVER_IP.to_owned()
    } else {
        conf.text("spark.driver.host")?
            .unwrap_or_else(|| DRIVER_HOST.to_owned())
    };
    let host = if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host
    };
    let port = match conf.raw().get(PORT) {
        None => 7078,
        Some(text) => text
            .parse::<i32>()
            .map_err(|_| wrong(PORT, text, "a port from 1 to 65535"))?,
    };
    Ok(format!("spark://CoarseGrainedScheduler@{host}:{port}"))
}

/// `spark.executorEnv.*`, without the names that no variable may have: Spark drops them.
fn of_conf(draft: &Draft<'_>) -> Vec<(String, String)> {
    let of_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(of_name) && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    let given = draft.conf.raw().below("spark.executorEnv.");
    given
        .filter(|(name, _)| is_name(name))
        .map(|(name, value)| {
            let value = if name == "SPARK_EXECUTOR_DIRS" {
                value
                    .replace("SPARK_APPLICATION_ID", &draft.application_id)
                    .replace("SPARK_EXECUTOR_ID", ID)
            } else {
                value.to_owned()
            };
            (name.to_owned(), value)
        })
        .collect()
}

/// Whether the driver hands its executors a secret in their environment.
fn is_secret_in_environment(draft: &Draft<'_>) -> Result<bool, Refusal> {
    let conf = draft.conf;
    if !conf.boolean("spark.authenticate", false)? {
        return Ok(false);
    }
    let file = "spark.authenticate.secret.file";
    let [of_driver, of_executors] = [
        "spark.authenticate.secret.driver.file",
        "spark.authenticate.secret.executor.file",
    ]
    .map(|key| conf.first(&[key, file]));
    let (of_driver, of_executors) = (of_driver?, of_executors?);
    if of_driver.is_some() != of_executors.is_some() {
        return Err(Refusal::new(
            "spark.authenticate.secret.executor.file",
            "Invalid secret configuration: Secret files must be specified for both the driver and the executors, not \
             only one or the other.",
        ));
    }
    Ok(of_executors.is_none())
}

fn class_path(draft: &Draft<'_>) -> Result<Option<String>, Refusal> {
    let default = if draft.has(Feature::DefaultExtraClassPath) {
        draft.conf.text("spark.executor.defaultExtraClassPath")?
    } else {
        None
    };
    let extra = draft.conf.text("spark.executor.extraClassPath")?;
    let parts: Vec<_> = default.into_iter().chain(extra).collect();
    Ok((!parts.is_empty()).then(|| parts.join(":")))
}
