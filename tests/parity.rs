//! Parity: what real `spark-submit` created, against what we would create for the same arguments.
//!
//! Each case in `tests/parity/cases` is one command line with its recordings, one for each Spark version
//! (`tests/parity/README.md` has the format). The comparison is strict: objects by kind and name, maps as maps,
//! properties parsed, the executors' pod template as YAML, arguments as a list, env in order. A case that differs
//! must stand in `docs/parity.md` with its reason, and a case that stands there must differ.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

// By its path: a folder of this test's own name is there too.
#[path = "support/parity_case.rs"]
mod parity_case;

use native_submit::{
    manifest::{self, Difference, Manifests},
    strict,
    submission::properties,
};
use parity_case::{Case, SPARK_HOME, cases};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// How a case ended: with objects by name, or refused.
type Ending = Result<BTreeMap<String, Value>, String>;

fn recorded(case: &Case, version: &str, recording: &Value) -> Option<Ending> {
    let error = recording["error"].as_str().unwrap_or_default();
    if error.contains("Exception in thread \"main\" io.fabric8") && !case.has_faults() {
        // A master that the recorder could not reach: nothing of it was recorded.
        return None;
    }
    if recording["exit_code"] != 0 {
        // Failed by an API server that was told to: nothing of the objects is left to compare.
        return (!case.has_faults()).then(|| Err(error.to_owned()));
    }
    // --help, --kill, --status and --version submit nothing.
    Some(Ok(by_name(case.objects(version)?.into_iter())))
}

fn ours(case: &Case, version: &str) -> Ending {
    let files = case.lay_out();
    let manifests = case
        .manifests(&files, version)
        .map_err(|refused| refused.message)?;
    let mut objects = Vec::new();
    for manifest in std::iter::once(&manifests.driver_pod).chain(&manifests.owned) {
        let mut text = manifest.value.to_string();
        for (given, real) in &files.moved {
            text = text.replace(real, given);
        }
        objects.push(serde_json::from_str(&anonymous(&text, &manifests, &files.work)).unwrap());
    }
    Ok(by_name(objects.into_iter()))
}

/// Puts the recordings' placeholders where names were generated.
fn anonymous(text: &str, manifests: &Manifests, work: &Path) -> String {
    let id = &manifests.identity.application_id;
    let config_map = manifests
        .owned
        .last()
        .and_then(|last| last.value["metadata"]["name"].as_str())
        .unwrap_or_default();
    let suffix = config_map
        .trim_start_matches("spark-drv-")
        .trim_end_matches("-conf-map");
    let local =
        manifests.driver_pod.value["spec"]["volumes"].to_string() + &manifests.driver_pod.value.to_string();
    let uuid = local
        .find("/var/data/spark-")
        .map(|at| local[at + 16..at + 16 + 36].to_owned());
    let mut text = text
        .replace(work.to_str().unwrap(), "{{WORK}}")
        .replace(id, "spark-<APPID>")
        .replace(suffix, "<ID>")
        .replace("49732", "<PORT>")
        .replace(SPARK_HOME, "{{SPARK_HOME}}");
    // A name that starts with the suffix itself has its first digit made a letter.
    text = text.replace(&format!("x{}", &suffix[1..]), "<ID>");
    match uuid {
        Some(uuid) => text.replace(&uuid, "<UUID>"),
        None => text,
    }
}

/// Objects in a form in which only what matters differs.
fn by_name(objects: impl Iterator<Item = Value>) -> BTreeMap<String, Value> {
    objects
        .filter(|object| !object.is_null())
        .map(|mut object| {
            let kind = object["kind"].as_str().unwrap().to_owned();
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let metadata = object["metadata"].as_object_mut().unwrap();
            // The namespace is in the URL that Spark posts to; ours is in the object too.
            metadata.remove("namespace");
            if kind != "Pod" {
                metadata.remove("ownerReferences");
            }
            if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
                annotations.retain(|key, _| !key.starts_with("native-submit/"));
                if annotations.is_empty() {
                    metadata.remove("annotations");
                }
            }
            order_local_dirs(&mut object);
            name_local_dirs_by_path(&mut object);
            order_hadoop_files(&mut object);
            for (key, value) in object["data"].as_object_mut().into_iter().flatten() {
                if kind == "ConfigMap" {
                    *value = parsed(key, value.as_str().unwrap());
                }
            }
            (format!("{kind}/{name}"), without_empty(object))
        })
        .collect()
}

/// Spark shuffles its local directories; their order says nothing.
fn order_local_dirs(object: &mut Value) {
    for container in object["spec"]["containers"].as_array_mut().into_iter().flatten() {
        for variable in container["env"].as_array_mut().into_iter().flatten() {
            if variable["name"] == "SPARK_LOCAL_DIRS" {
                let mut directories: Vec<_> = variable["value"].as_str().unwrap().split(',').collect();
                directories.sort_unstable();
                variable["value"] = directories.join(",").into();
            }
        }
    }
}

/// The numbers in their volumes' names follow the shuffled order.
fn name_local_dirs_by_path(object: &mut Value) {
    let mut names = BTreeMap::new();
    for container in object["spec"]["containers"].as_array_mut().into_iter().flatten() {
        for mount in container["volumeMounts"].as_array_mut().into_iter().flatten() {
            if let Some(name) = mount["name"]
                .as_str()
                .filter(|name| name.starts_with("spark-local-dir-"))
            {
                let by_path = format!("spark-local-dir at {}", mount["mountPath"]);
                names.insert(name.to_owned(), by_path.clone());
                mount["name"] = by_path.into();
            }
        }
    }
    for volume in object["spec"]["volumes"].as_array_mut().into_iter().flatten() {
        if let Some(by_path) = volume["name"].as_str().and_then(|name| names.get(name)) {
            volume["name"] = by_path.as_str().into();
        }
    }
}

/// The files of `HADOOP_CONF_DIR` come as its file system lists them; every other list of files has an order.
fn order_hadoop_files(object: &mut Value) {
    for volume in object["spec"]["volumes"].as_array_mut().into_iter().flatten() {
        if volume["name"] == "hadoop-properties"
            && let Some(items) = volume["configMap"]["items"].as_array_mut()
        {
            items.sort_by_key(|item| item["key"].to_string());
        }
    }
}

/// The value of a `ConfigMap`'s key as its reader understands it.
fn parsed(key: &str, text: &str) -> Value {
    match key {
        "spark.properties" => {
            let mut properties = properties::read(text).unwrap();
            properties.insert("spark.app.submitTime".to_owned(), "<MS>".to_owned());
            serde_json::to_value(properties).unwrap()
        }
        "podspec-configmap-key" => strict::parse_yaml(text).map_or_else(|_| text.into(), without_empty),
        _ => text.into(),
    }
}

/// fabric8 leaves empty lists and maps out; `emptyDir: {}` and the like say something.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, without_empty(value)))
            .filter(|(_, value)| !value.is_null() && value != &Value::Array(Vec::new()))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(list) => list.into_iter().map(without_empty).collect(),
        scalar => scalar,
    }
}

/// What is different, one line each; empty where nothing is.
fn compare(recorded: &Ending, ours: &Ending) -> Vec<String> {
    match (recorded, ours) {
        (Err(_), Err(_)) => Vec::new(),
        (Ok(_), Err(refusal)) => vec![format!("spark-submit takes it, we refuse: {refusal}")],
        (Err(error), Ok(_)) => vec![format!("spark-submit refuses, we take it: {error}")],
        (Ok(recorded), Ok(ours)) => {
            let names: BTreeSet<_> = recorded.keys().chain(ours.keys()).collect();
            let absent = Value::Null;
            names
                .into_iter()
                .flat_map(|name| {
                    let (left, right) = (
                        recorded.get(name).unwrap_or(&absent),
                        ours.get(name).unwrap_or(&absent),
                    );
                    manifest::differences(left, right)
                        .into_iter()
                        .map(move |d| line(name, &d))
                })
                .collect()
        }
    }
}

fn line(name: &str, difference: &Difference) -> String {
    let show = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
    format!(
        "{name} {}: spark-submit {}, ours {}",
        difference.path,
        show(&difference.left),
        show(&difference.right)
    )
}

/// The cases that docs/parity.md names: in the table of decided differences, or in the list of open ones.
fn documented() -> BTreeSet<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/parity.md")).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("| `").or_else(|| line.strip_prefix("- `")))
        .filter_map(|line| line.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[test]
fn what_we_create_is_what_spark_submit_creates_or_is_documented() {
    let mut differing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut compared, mut left_out) = (0, 0);
    for case in cases() {
        for (version, recording) in case.recordings() {
            let Some(recorded) = recorded(&case, &version, &recording) else {
                left_out += 1;
                continue;
            };
            compared += 1;
            let lines = compare(&recorded, &ours(&case, &version));
            if !lines.is_empty() {
                let shown = lines.into_iter().map(|line| format!("  {version}: {line}"));
                differing.entry(case.name.clone()).or_default().extend(shown);
            }
        }
    }
    println!(
        "{compared} recordings compared; {left_out} left out, which failed by an injected fault or submitted nothing"
    );
    assert!(compared > 0, "no case was found");
    let documented = documented();
    let report: Vec<_> = differing
        .iter()
        .filter(|(name, _)| !documented.contains(*name))
        .map(|(name, lines)| format!("{name}\n{}", lines.join("\n")))
        .collect();
    assert!(
        report.is_empty(),
        "differences that docs/parity.md does not have:\n{}",
        report.join("\n")
    );
    let stale: Vec<_> = documented
        .iter()
        .filter(|name| !differing.contains_key(*name))
        .collect();
    assert!(
        stale.is_empty() || std::env::var_os("PARITY_CASES").is_some(),
        "docs/parity.md lists cases that don't differ: {stale:?}"
    );
}
