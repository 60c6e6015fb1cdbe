//! Parity of executors: the Pod that Spark's own `KubernetesExecutorBuilder` made of a recorded driver's properties and
//! template, against the one that we expect.
//!
//! `tests/parity/cases/<case>/executor-spark-<version>.yaml` has the Pod and the claims, `executor-expected.json` says where
//! Spark ended with an error. Left out of the comparison: owners, the namespace, `SPARK_USER`, and the options that
//! `SparkContext` adds for every Java. What has no order there is sorted.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use crate::support::parity_case::{Case, Executor, SPARK_HOME, cases};
use native_submit::{
    kubernetes,
    spark::plan::{DRIVER_IP, ExecutorPod, GENERATED_SECRET, NoExecutorPod},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// The options that `SparkContext` adds for every Java, or what they begin with.
const OF_EVERY_JAVA: [&str; 8] = [
    "-Djava.net.preferIPv6Addresses=false",
    "-XX:+IgnoreUnrecognizedVMOptions",
    "--add-modules=jdk.incubator.vector",
    "--add-opens=",
    "-Djdk.reflect.useDirectMethodHandle=false",
    "-Dio.netty.",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
];

/// Pod and claims in a form in which only what matters differs.
fn comparable(mut objects: Vec<Value>) -> Vec<Value> {
    name_claims_by_volume(&mut objects);
    for object in &mut objects {
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.remove("ownerReferences");
        metadata.remove("namespace");
        containers(object);
        local_directories(object);
        sort(&mut object["spec"]["volumes"]);
    }
    objects.into_iter().map(without_empty).collect()
}

/// Where one name comes twice in an environment the last one counts: so entries are sorted by name alone.
fn containers(object: &mut Value) {
    for container in object["spec"]["containers"].as_array_mut().into_iter().flatten() {
        sort(&mut container["volumeMounts"]);
        let Some(env) = container["env"].as_array_mut() else {
            continue;
        };
        let java = |entry: &Value| entry["name"].as_str().unwrap().starts_with("SPARK_JAVA_OPT_");
        let (mut options, mut others): (Vec<_>, Vec<_>) = std::mem::take(env).into_iter().partition(java);
        options.retain(|option| {
            let value = option["value"].as_str().unwrap();
            !OF_EVERY_JAVA.iter().any(|start| value.starts_with(start))
        });
        for option in &mut options {
            option["name"] = "SPARK_JAVA_OPT".into();
        }
        options.sort_by_key(Value::to_string);
        others.retain(|entry| entry["name"] != "SPARK_USER" || entry.get("value").is_none());
        others.sort_by_key(|entry| entry["name"].to_string());
        env.extend(others.into_iter().chain(options));
    }
}

/// Spark shuffles its local directories before it numbers them.
fn local_directories(object: &mut Value) {
    let mut names = BTreeMap::new();
    for container in object["spec"]["containers"].as_array_mut().into_iter().flatten() {
        for variable in container["env"].as_array_mut().into_iter().flatten() {
            if variable["name"] == "SPARK_LOCAL_DIRS"
                && let Some(list) = variable["value"].as_str()
            {
                let mut directories: Vec<_> = list.split(',').collect();
                directories.sort_unstable();
                variable["value"] = directories.join(",").into();
            }
        }
        for mount in container["volumeMounts"].as_array_mut().into_iter().flatten() {
            let name = mount["name"].as_str().unwrap();
            if name.starts_with("spark-local-dir-") {
                names.insert(
                    name.to_owned(),
                    format!("spark-local-dir at {}", mount["mountPath"]),
                );
                mount["name"] = names[name].as_str().into();
            }
        }
    }
    for volume in object["spec"]["volumes"].as_array_mut().into_iter().flatten() {
        if let Some(by_path) = volume["name"].as_str().and_then(|name| names.get(name)) {
            volume["name"] = by_path.as_str().into();
        }
    }
}

/// The number in `…-pvc-<n>` is a volume's place in the hash order of a Scala version.
fn name_claims_by_volume(objects: &mut [Value]) {
    let mut names = BTreeMap::new();
    for object in objects.iter_mut() {
        for volume in object["spec"]["volumes"].as_array_mut().into_iter().flatten() {
            let by_volume = format!("claim of {}", volume["name"]);
            if let Some(claim) = volume.pointer_mut("/persistentVolumeClaim/claimName")
                && let Some((prefix, number)) = claim.as_str().unwrap().rsplit_once("-pvc-")
                && number.parse::<usize>().is_ok()
            {
                let named = format!("{prefix} {by_volume}");
                names.insert(claim.as_str().unwrap().to_owned(), named.clone());
                *claim = named.into();
            }
        }
    }
    for object in objects
        .iter_mut()
        .filter(|object| object["kind"] == "PersistentVolumeClaim")
    {
        let name = &mut object["metadata"]["name"];
        if let Some(by_volume) = name.as_str().and_then(|name| names.get(name)) {
            *name = by_volume.as_str().into();
        }
    }
}

fn sort(list: &mut Value) {
    if let Some(list) = list.as_array_mut() {
        list.sort_by_key(Value::to_string);
    }
}

fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, without_empty(value)))
            .filter(|(key, value)| {
                !value.is_null()
                    && value != &Value::Array(Vec::new())
                    && !(key == "metadata" && value == &serde_json::json!({}))
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(list) => list.into_iter().map(without_empty).collect(),
        scalar => scalar,
    }
}

/// Puts the recordings' placeholders where names were generated, or are known on the cluster alone.
fn anonymous(executor: &Executor, made: &ExecutorPod) -> Vec<Value> {
    let mut pod = made.pod.clone();
    let name = pod["metadata"]["name"].as_str().map(str::to_owned);
    let prefix = name.and_then(|name| Some(name.strip_suffix("-exec-1")?.to_owned()));
    if !executor.has_prefix && prefix.is_some() {
        pod["spec"]["hostname"] = "p-exec-1".into();
    }
    let objects: Vec<_> = std::iter::once(&pod).chain(&made.claims).collect();
    let mut text = serde_json::to_string(&objects).unwrap();
    if let Some(prefix) = prefix.filter(|_| !executor.has_prefix) {
        text = text.replace(&prefix, "p");
    }
    let config_map = between(&text, "\"name\":\"spark-exec-", "-conf-map");
    if let Some(id) = config_map {
        text = text.replace(&format!("spark-exec-{id}-"), "spark-exec-<ID>-");
    }
    if let Some(uuid) = between(&text, "/var/data/spark-", "\"").map(|uuid| uuid[..36].to_owned()) {
        text = text.replace(&uuid, "<UUID>");
    }
    let suffix = &executor.suffix;
    let mut text = text
        .replace(DRIVER_IP, "<DRIVER-IP>")
        .replace(GENERATED_SECRET, "<SECRET>")
        .replace(executor.work.to_str().unwrap(), "{{WORK}}")
        .replace(&executor.application_id, "spark-<APPID>")
        .replace(suffix, "<ID>")
        .replace(&format!("x{}", &suffix[1..]), "<ID>")
        .replace("49732", "<PORT>")
        .replace(SPARK_HOME, "{{SPARK_HOME}}");
    for (given, real) in &executor.moved {
        text = text.replace(real, given);
    }
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let from = &text[text.find(start)? + start.len()..];
    Some(from[..from.find(end)?].to_owned())
}

/// What differs; `None` where there is nothing to compare.
fn compare(case: &Case, version: &str, expected: &Value) -> Option<Vec<String>> {
    let executor = case.executor(version)?;
    let ok = expected["ok"] == true;
    Some(match (&executor.made, ok) {
        (Err(NoExecutorPod::Unknown(_)), _) => return None,
        (Err(NoExecutorPod::Thrown(refusal)), true) => vec![format!("Spark makes it, we refuse: {refusal}")],
        (Ok(made), false) if made.missing.is_empty() => {
            vec![format!(
                "Spark ends with an error, we make it: {}",
                expected["error"]
            )]
        }
        (Err(NoExecutorPod::Thrown(_)) | Ok(_), false) => Vec::new(),
        (Ok(made), true) => {
            let mut differences: Vec<_> = made.missing.iter().map(ToString::to_string).collect();
            let theirs = comparable(case.executor_objects(version).unwrap());
            let ours = comparable(anonymous(&executor, made));
            if theirs.len() != ours.len() {
                differences.push(format!("{} objects, ours {}", theirs.len(), ours.len()));
            }
            for (theirs, ours) in theirs.iter().zip(&ours) {
                differences.extend(
                    kubernetes::differences(theirs, ours)
                        .into_iter()
                        .map(|difference| {
                            let show = |value: Option<Value>| {
                                value.map_or("nothing".to_owned(), |value| value.to_string())
                            };
                            let (left, right) = (show(difference.left), show(difference.right));
                            format!("{}: Spark {left}, ours {right}", difference.path)
                        }),
                );
            }
            differences
        }
    })
}

#[test]
fn the_executor_pod_is_the_one_that_spark_makes() {
    let mut differences = Vec::new();
    let mut compared = 0;
    for case in cases() {
        for (version, expected) in case.executor_recordings() {
            let Some(found) = compare(&case, &version, &expected) else {
                continue;
            };
            compared += 1;
            differences.extend(
                found
                    .into_iter()
                    .map(|difference| format!("{} {version}: {difference}", case.name)),
            );
        }
    }
    println!("{compared} recordings compared");
    assert!(
        std::env::var_os("PARITY_CASES").is_some() || compared > 500,
        "only {compared} recordings of executors were compared"
    );
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
