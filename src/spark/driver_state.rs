//! A driver Pod's state in Spark's words: what its `KubernetesUtils.formatPodState` and `containersDescription` write.
//!
//! Scripts and Airflow look for these lines by regular expressions, so they are Spark's to the letter. The Pod is read
//! leniently: a field that is missing or of another type counts as empty, which Spark shows as `N/A`.

use serde_json::Value;
use std::fmt::Write as _;

/// The value that stands for none.
const NONE: &str = "N/A";

/// How Spark calls the driver's container where no pod template does.
const DRIVER_CONTAINER: &str = "spark-kubernetes-driver";

/// What one Pod is and does, as lines that each begin with a line break and a tab.
pub fn described(pod: &Value) -> String {
    let at = |path: &str| text(pod.pointer(path));
    let volumes = names(pod.pointer("/spec/volumes"));
    let status = containers(pod, 2);
    let rows = [
        ("pod name", at("/metadata/name")),
        ("namespace", at("/metadata/namespace")),
        ("labels", labels(pod.pointer("/metadata/labels"))),
        ("pod uid", at("/metadata/uid")),
        ("creation time", at("/metadata/creationTimestamp")),
        ("service account name", at("/spec/serviceAccountName")),
        ("volumes", volumes),
        ("node name", at("/spec/nodeName")),
        ("start time", at("/status/startTime")),
        ("phase", at("/status/phase")),
        ("container status", status),
    ];
    lines(&rows, 1)
}

/// What the containers of a Pod do, each line behind `indent` tabs; empty where none has a status.
pub fn containers(pod: &Value, indent: usize) -> String {
    let all: Vec<_> = statuses(pod).map(|status| container(status, indent)).collect();
    all.join("\n\n")
}

/// The phase; `None` where the status has none.
pub fn phase(pod: &Value) -> Option<&str> {
    pod.pointer("/status/phase").and_then(Value::as_str)
}

/// Whether the Pod has ended: nothing in it runs, or will run again.
pub fn has_ended(pod: &Value) -> bool {
    matches!(phase(pod), Some("Succeeded" | "Failed"))
}

/// The exit code of the driver's container; `None` where it has not ended, or has no status.
///
/// The driver's container is the one whose arguments begin with `driver`, as Spark's entry point needs it; else the one with
/// Spark's own name; else the only one.
pub fn exit_code(pod: &Value) -> Option<i64> {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    let by_arguments = containers
        .into_iter()
        .flatten()
        .find(|container| container["args"][0] == "driver")
        .map(|container| &container["name"]);
    let named = |name: &Value| statuses(pod).find(|status| status["name"] == *name);
    let by_name = by_arguments.map_or_else(|| named(&Value::from(DRIVER_CONTAINER)), named);
    let only = || statuses(pod).next().filter(|_| statuses(pod).count() == 1);
    by_name
        .or_else(only)?
        .pointer("/state/terminated/exitCode")?
        .as_i64()
}

fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    let statuses = pod.pointer("/status/containerStatuses").and_then(Value::as_array);
    statuses.into_iter().flatten()
}

fn container(status: &Value, indent: usize) -> String {
    let at = |path: &str| text(status.pointer(path));
    let mut rows = vec![("container name", at("/name")), ("container image", at("/image"))];
    let state = |name: &str| status["state"].get(name).is_some_and(Value::is_object);
    let state = ["running", "terminated", "waiting"]
        .into_iter()
        .find(|name| state(name));
    rows.push(("container state", state.unwrap_or_default().to_owned()));
    match state {
        Some("running") => rows.push(("container started at", at("/state/running/startedAt"))),
        Some("waiting") => rows.push(("pending reason", at("/state/waiting/reason"))),
        Some(_) => rows.extend([
            ("container started at", at("/state/terminated/startedAt")),
            ("container finished at", at("/state/terminated/finishedAt")),
            ("exit code", at("/state/terminated/exitCode")),
            ("termination reason", at("/state/terminated/reason")),
        ]),
        None => {}
    }
    lines(&rows, indent)
}

/// A text, or a number as text; empty for all else.
fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn names(list: Option<&Value>) -> String {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    let names: Vec<_> = items.map(|item| text(item.get("name"))).collect();
    names.join(", ")
}

fn labels(labels: Option<&Value>) -> String {
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    let pairs: Vec<_> = labels
        .map(|(key, value)| format!("{key} -> {}", text(Some(value))))
        .collect();
    pairs.join(", ")
}

fn lines(rows: &[(&str, String)], indent: usize) -> String {
    let mut all = String::new();
    for (name, value) in rows {
        let value = if value.is_empty() { NONE } else { value };
        // Writing to a String can't fail.
        let _ = write!(all, "\n{} {name}: {value}", "\t".repeat(indent));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_missing_or_of_another_type_is_shown_as_none() {
        let bare = "\n\t pod name: N/A\n\t namespace: N/A\n\t labels: N/A\n\t pod uid: N/A\n\t creation time: N/A\
                    \n\t service account name: N/A\n\t volumes: N/A\n\t node name: N/A\n\t start time: N/A\
                    \n\t phase: N/A\n\t container status: N/A";
        for pod in [
            json!({}),
            json!(null),
            json!({"metadata": 1, "spec": {"volumes": "x"}, "status": {}}),
            json!({"status": {"phase": 7, "containerStatuses": {}}}),
        ] {
            assert!(!has_ended(&pod));
            assert_eq!(described(&pod).replace("phase: 7", "phase: N/A"), bare, "{pod}");
        }
    }

    #[test]
    fn a_container_in_each_state() {
        let pod = json!({"status": {"containerStatuses": [
            {"name": "a", "image": "i", "state": {"running": {"startedAt": "t"}}},
            {"name": "b", "image": "i", "state": {"waiting": {"reason": "ErrImagePull"}}},
            {"name": "c", "image": "i", "state": {}},
            {"name": "d"},
        ]}});
        assert_eq!(
            containers(&pod, 1),
            "\n\t container name: a\n\t container image: i\n\t container state: running\n\t container started at: t\
             \n\n\n\t container name: b\n\t container image: i\n\t container state: waiting\n\t pending reason: ErrImagePull\
             \n\n\n\t container name: c\n\t container image: i\n\t container state: N/A\
             \n\n\n\t container name: d\n\t container image: N/A\n\t container state: N/A"
        );
    }

    #[test]
    fn the_drivers_exit_code_is_that_of_its_container() {
        let ended =
            |name: &str, code: i64| json!({"name": name, "state": {"terminated": {"exitCode": code}}});
        let pod = |statuses: Value| json!({"status": {"phase": "Failed", "containerStatuses": statuses}});
        let driver = "spark-kubernetes-driver";
        assert_eq!(
            exit_code(&pod(json!([ended("sidecar", 1), ended(driver, 3)]))),
            Some(3)
        );
        assert_eq!(exit_code(&pod(json!([ended("mine", 4)]))), Some(4));
        assert_eq!(exit_code(&pod(json!([ended("a", 1), ended("b", 2)]))), None);
        assert_eq!(
            exit_code(&pod(json!([{"name": driver, "state": {"running": {}}}]))),
            None
        );
        assert_eq!(exit_code(&pod(json!(null))), None);
        let mut own = pod(json!([ended("log", 1), ended("main", 2)]));
        own["spec"] =
            json!({"containers": [{"name": "log"}, {"name": "main", "args": ["driver", "--class"]}]});
        assert_eq!(exit_code(&own), Some(2));
    }
}
