//! What is said about metrics is about metrics that are: in the dashboard, the alerts and the docs. And each one that is, is
//! documented.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::serve::{Serve, exchange};
use native_submit::error_code::ErrorCode;
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};

const PREFIX: &str = "native_submit_";

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The metrics' names that occur in a text, without the endings of a histogram's series.
fn named_in(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices(PREFIX) {
        let name: String = text[at..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        let series = ["_bucket", "_count", "_sum"];
        let ending = series.iter().find_map(|series| name.strip_suffix(series));
        names.insert(ending.unwrap_or(&name).to_owned());
    }
    // The crate's own name.
    names.retain(|name| name != "native_submit_");
    names
}

/// The metrics of a running server, by their series' names: `# TYPE native_submit_submissions counter` is `…_total`.
fn of_a_server() -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir:{}", folder.path().display());
    let serve = Serve::start(&["--apply-to", &target], &[]);
    let metrics = serve.get("/metrics").1;
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            match kind {
                "counter" => format!("{name}_total"),
                "info" => format!("{name}_info"),
                _ => name.to_owned(),
            }
        })
        .collect()
}

#[test]
fn each_metric_that_is_named_exists_and_each_that_exists_is_documented() {
    let exist = of_a_server();
    assert!(exist.len() >= 15, "{exist:?}");
    for path in [
        "deploy/observability/dashboard.json",
        "deploy/observability/alerts.yaml",
        "deploy/observability/alerts_test.yaml",
        "docs/operations.md",
    ] {
        let unknown: Vec<_> = named_in(&read(path)).difference(&exist).cloned().collect();
        assert!(unknown.is_empty(), "{path} names what is not: {unknown:?}");
    }
    let documented = named_in(&read("docs/operations.md"));
    let silent: Vec<_> = exist.difference(&documented).collect();
    assert!(silent.is_empty(), "docs/operations.md lacks {silent:?}");
    let shown = named_in(&read("deploy/observability/dashboard.json"));
    let unseen: Vec<_> = exist.difference(&shown).collect();
    assert!(unseen.is_empty(), "the dashboard lacks {unseen:?}");
}

#[test]
fn each_alert_is_documented_where_it_says() {
    let rules: Value = serde_yaml::from_str(&read("deploy/observability/alerts.yaml")).unwrap();
    let docs = read("docs/operations.md");
    let mut alerts = 0;
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        let alert = rule["alert"].as_str().unwrap();
        assert!(
            docs.contains(&format!("### {alert}\n")),
            "docs/operations.md lacks {alert}"
        );
        let runbook = rule["annotations"]["runbook"].as_str().unwrap();
        assert_eq!(runbook, format!("docs/operations.md#{}", alert.to_lowercase()));
        alerts += 1;
    }
    assert_eq!(
        alerts,
        docs.matches("\n### NativeSubmit").count(),
        "docs of alerts that are no more"
    );
}

#[test]
fn each_error_code_is_documented() {
    let docs = read("docs/operations.md");
    for code in ErrorCode::ALL {
        let row = format!("| `{}` | {} |", code.name(), code.http_status());
        assert!(docs.contains(&row), "docs/operations.md lacks {row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_submitted_has_what_is_asked_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir:{}", folder.path().display());
    let serve = Serve::start(&["--apply-to", &target], &[]);
    let reply = serve
        .submit(include_str!("../../../examples/spark-pi.yaml"), "an-id")
        .await;
    assert!(reply.success, "{}", reply.error_message);
    serve.wait_for_log("\"submitted\"");
    let lines: Vec<Value> = serve
        .log()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let line = lines.iter().find(|line| line["message"] == "submitted").unwrap();
    for (field, expected) in [
        ("submission_id", "an-id"),
        ("application", "spark-pi"),
        ("namespace", "default"),
        ("pod", "spark-pi-driver"),
        ("application_id", reply.spark_application_id()),
        ("template_set", reply.template_set()),
        ("outcome", "written"),
    ] {
        assert_eq!(line[field], expected, "{field} of {line}");
    }
    assert!(
        reply.template_set().starts_with("default@"),
        "with its hash: {reply:?}"
    );
    for stage in native_submit::telemetry::Stage::ALL {
        let field = format!("{}_ms", stage.name());
        assert!(line[&field].is_number(), "{field} of {line}");
    }
}

/// The operator's arguments name their application by labels alone, where its webhook adds the owner.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_arguments_names_the_application_of_their_labels() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir:{}", folder.path().display());
    let serve = Serve::start(&["--apply-to", &target], &[]);
    let conf = |key: &str, value: &str| [String::from("--conf"), format!("{key}={value}")];
    let arguments: Vec<String> = [
        conf(
            "spark.kubernetes.driver.label.sparkoperator.k8s.io/app-name",
            "pi",
        ),
        conf("spark.executor.instances", "-1"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut body: Value = serde_json::from_str(&read("examples/spark-pi.rest.json")).unwrap();
    let argv = body["spark_submit_args"].as_array_mut().unwrap();
    let before_the_file = argv.len() - 2;
    argv.splice(
        before_the_file..before_the_file,
        arguments.into_iter().map(Value::from),
    );
    let (status, answer) = exchange(
        &serve.rest,
        "POST /api/v1/spark-submit",
        "Content-Type: application/json\r\n",
        body.to_string().as_bytes(),
    );
    assert_eq!(status, 400, "{answer}");
    serve.wait_for_log("refused: ");
    let log = serve.log();
    let line = log.lines().find(|line| line.contains("refused: ")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["spans"][0]["application"], "pi", "{line}");
}
