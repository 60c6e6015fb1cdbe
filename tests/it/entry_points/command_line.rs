//! The command line, as scripts use it: output, exit codes, and that nothing is written on a refusal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{
    program::{Ended, call, given, program, submission},
    serve::{FREE_PORTS, Serve},
};
use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    path::Path,
    process::Output,
};

fn native_submit(arguments: &[&str], input: &str) -> Output {
    given(&mut program(arguments), input)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn render_prints_the_pod_first_and_a_namespace_on_each_object() {
    let output = native_submit(&["render", "examples/spark-pi.yaml"], "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let documents: Vec<_> = printed
        .split("---\n")
        .filter(|document| !document.is_empty())
        .collect();
    assert!(documents[0].contains("kind: Pod"), "{printed}");
    for document in &documents {
        assert!(document.contains("\n  namespace: default\n"), "{document}");
    }
    assert_eq!(
        printed,
        text(&native_submit(&["render", "examples/spark-pi.yaml"], "").stdout)
    );
}

#[test]
fn render_prints_the_executor_pod_where_it_is_asked_for() {
    let plain = text(&native_submit(&["render", "examples/spark-pi.yaml"], "").stdout);
    let with = text(&native_submit(&["render", "examples/spark-pi.yaml", "--executor"], "").stdout);
    let executor = with.strip_prefix(&plain).expect("the executor Pod comes last");
    for part in ["kind: Pod", "spark-role: executor", "native-submit/not-created:"] {
        assert!(executor.contains(part), "{part} in {executor}");
    }
    assert!(!plain.contains("not-created"));
}

#[test]
fn render_reads_standard_input_and_prints_json() {
    let yaml = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/spark-pi.yaml"))
        .unwrap();
    let output = native_submit(
        &["render", "-", "--output", "json", "--submission-id", "abc"],
        &yaml,
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(list["kind"], "List");
    assert_eq!(
        list["items"][0]["metadata"]["annotations"]["native-submit/submission-id"],
        "abc"
    );
}

#[test]
fn submit_writes_one_file_for_each_object_and_prints_one_line() {
    let out = tempfile::tempdir().unwrap();
    let apply_to = format!("dir:{}", out.path().display());
    let arguments = [
        "submit",
        "examples/spark-pi.yaml",
        "--apply-to",
        &apply_to,
        "--submission-id",
        "abc",
    ];
    let output = native_submit(&arguments, "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (line["submission_id"].as_str(), line["outcome"].as_str()),
        (Some("abc"), Some("written"))
    );
    for file in [
        "pod-driver",
        "service-driver",
        "configmap-driver",
        "configmap-executor-template",
    ] {
        assert!(out.path().join(format!("{file}.yaml")).is_file(), "{file}");
    }
}

/// An application of this name.
fn named(name: &str) -> String {
    let text = include_str!("../../../examples/spark-pi.yaml");
    text.replacen("name: spark-pi", &format!("name: {name}"), 1)
}

const OTHER: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";

#[test]
fn render_takes_documents_lists_and_schedules() {
    let json = |text: &str| native_submit::strict::parse_yaml(text).unwrap();
    let items = serde_json::json!([json(&named("a")), json(OTHER), json(&named("b"))]);
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    let mut schedule = json(&named("s"));
    let template = schedule["spec"].take();
    schedule["kind"] = "ScheduledSparkApplication".into();
    schedule["spec"] = serde_json::json!({"schedule": "@daily", "template": template});
    let table: [(String, &[&str]); 6] = [
        (format!("---\n{}---\n", named("a")), &["a"]),
        (
            format!("# first\n---\n{OTHER}---\n{}...\n---\n", named("a")),
            &["a"],
        ),
        (format!("{}---\n{}", named("a"), named("b")), &["a", "b"]),
        (list.clone(), &["a", "b"]),
        (format!("{list}\n# yaml"), &["a", "b"]),
        (schedule.to_string(), &["s"]),
    ];
    for (input, names) in table {
        let output = native_submit(&["render", "-", "--output", "json"], &input);
        assert_eq!(output.status.code(), Some(0), "{input}\n{}", text(&output.stderr));
        let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let objects = printed["items"].as_array().unwrap();
        let pods: Vec<_> = objects
            .iter()
            .filter(|object| object["kind"] == "Pod")
            .map(|pod| {
                pod["metadata"]["name"]
                    .as_str()
                    .unwrap()
                    .trim_end_matches("-driver")
            })
            .collect();
        assert_eq!(pods, names, "{input}");
    }
}

#[test]
fn render_shows_what_it_was_given_even_if_a_sample_would_fail() {
    let folder = tempfile::tempdir().unwrap();
    let patch = "metadata: {labels: {team: {{ pod.labels[\"only-mine\"] }}}}\n";
    std::fs::write(folder.path().join("driver-pod.patch.yaml.j2"), patch).unwrap();
    let templates = folder.path().display().to_string();
    let mine = named("a").replacen("  driver:\n", "  driver:\n    labels: {only-mine: x}\n", 1);
    let arguments = ["render", "-", "--template-dir", &templates];
    let output = native_submit(&arguments, &mine);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("    team: x\n"));
    let output = native_submit(&arguments, &named("a"));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("driver-pod.patch.yaml.j2:1"));

    let output = native_submit(&[&arguments[..], &["--raw"]].concat(), &mine);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let raw = text(&output.stdout);
    assert!(raw.starts_with("--- # pod-driver ("), "{raw}");
    assert!(
        raw.contains(
            "\n--- # patch of pod-driver (driver-pod.patch.yaml.j2)\nmetadata: {labels: {team: \"x\"}}\n"
        ),
        "{raw}"
    );
    // What is no YAML at all is shown as it is.
    std::fs::write(folder.path().join("driver-pod.patch.yaml.j2"), "a: [\n").unwrap();
    let output = native_submit(&[&arguments[..], &["--raw"]].concat(), &mine);
    assert!(text(&output.stdout).contains("(driver-pod.patch.yaml.j2)\na: [\n"));
}

#[test]
fn one_bad_application_of_several_is_named_and_nothing_is_printed() {
    let misspelled = named("b").replace("sparkVersion", "sprakVersion");
    let invalid = named("b").replacen("mode: cluster", "mode: client", 1);
    let table = [
        (
            format!("{}---\n{misspelled}", named("a")),
            "error: - (document 2, default/b):\nspec.sprakVersion: unknown field",
        ),
        (format!("{}---\na: [\n", named("a")), "error: - (document 2):\n"),
        (
            format!("{OTHER}---\n{OTHER}"),
            "found none among its documents and items",
        ),
        ("---\n# nothing\n".to_owned(), "found an empty document"),
        (invalid, "mode"),
    ];
    for (input, says) in table {
        let output = native_submit(&["render", "-"], &input);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{input}\n{said}");
        assert!(said.contains(says) && output.stdout.is_empty(), "{input}\n{said}");
    }
    let output = native_submit(&["context", "-"], &format!("{}---\n{}", named("a"), named("b")));
    assert!(text(&output.stderr).contains("expected one SparkApplication, found 2"));
}

#[test]
fn submit_takes_several_and_no_schedule() {
    let out = tempfile::tempdir().unwrap();
    let apply_to = format!("dir:{}", out.path().display());
    let several = format!("{}---\n{OTHER}---\n{}", named("a"), named("b"));
    let output = native_submit(&["submit", "-", "--apply-to", &apply_to], &several);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let pods: Vec<_> = lines
        .iter()
        .map(|line| line["driver_pod_name"].as_str().unwrap())
        .collect();
    assert_eq!(pods, ["a-driver", "b-driver"]);
    for pod in pods {
        assert!(
            out.path()
                .join("default")
                .join(pod)
                .join("pod-driver.yaml")
                .is_file(),
            "{pod}"
        );
    }
    let output = native_submit(
        &["submit", "-", "--apply-to", &apply_to, "--submission-id", "x"],
        &several,
    );
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));

    let none = tempfile::tempdir().unwrap();
    let apply_to = format!("dir:{}/new", none.path().display());
    let schedule = "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: ScheduledSparkApplication\nmetadata: {name: s}\n\
                    spec: {schedule: '@daily', template: {driver: {}, executor: {}}}\n";
    for input in [
        format!("{}---\n{schedule}", named("a")),
        format!("{}---\nkind: SparkApplication\n", named("a")),
    ] {
        let output = native_submit(&["submit", "-", "--apply-to", &apply_to], &input);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
        assert!(
            !none.path().join("new").exists(),
            "all are read before the first is submitted"
        );
    }
}

/// A name that is no text, links that lead back up in ten to the eighth ways, and a link that leads nowhere.
#[test]
fn directories_are_read_whatever_is_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let applications = folder.path().join("applications");
    fs::create_dir(&applications).unwrap();
    let odd = OsStr::from_bytes(b"\xff.yaml");
    fs::write(applications.join(odd), named("a")).unwrap();
    for link in 0..10 {
        symlink(".", applications.join(format!("link{link}"))).unwrap();
    }
    let render = |path: &OsStr| {
        let output = program([
            OsStr::new("render"),
            OsStr::new("--output"),
            OsStr::new("json"),
            path,
        ])
        .current_dir(&applications)
        .output()
        .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let objects = printed["items"].as_array().unwrap();
        objects.iter().filter(|object| object["kind"] == "Pod").count()
    };
    assert_eq!(render(OsStr::new(".")), 1);
    assert_eq!(render(odd), 1);
    symlink("nothing", applications.join("dangling.yaml")).unwrap();
    assert_eq!(render(OsStr::new(".")), 1, "a dangling link is no file");
}

#[test]
fn what_is_refused_ends_with_1_and_wrong_usage_with_2() {
    let out = tempfile::tempdir().unwrap();
    let apply_to = format!("dir:{}/new", out.path().display());
    let table: [(&[&str], i32, &str); 7] = [
        (&["render", "no-such-file.yaml"], 1, "no-such-file.yaml"),
        (&["render", "README.md"], 1, "README.md"),
        (
            &[
                "submit",
                "golden/error-unknown-fields/application.yaml",
                "--apply-to",
                &apply_to,
            ],
            1,
            "memroy",
        ),
        (&["render"], 2, "FILE"),
        (
            &["submit", "examples/spark-pi.yaml", "--apply-to", "nowhere"],
            2,
            "dir:PATH",
        ),
        (
            &["render", "examples/spark-pi.yaml", "--spark-version", "four"],
            2,
            "MAJOR.MINOR",
        ),
        (&["serve", "--grpc-address", "0.0.0.0"], 2, "ALLOW_PLAINTEXT"),
    ];
    for (arguments, code, says) in table {
        let output = native_submit(arguments, "");
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
        assert!(
            text(&output.stderr).contains(says),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
        assert!(
            output.stdout.is_empty(),
            "{arguments:?}: {}",
            text(&output.stdout)
        );
    }
    assert!(!out.path().join("new").exists());
}

#[test]
fn submit_goes_through_a_running_server() {
    let out = tempfile::tempdir().unwrap();
    let apply_to = format!("dir:{}", out.path().display());
    let serve = Serve::start(&["--apply-to", &apply_to], &[]);
    let submit = |file: &str| {
        native_submit(
            &["submit", file, "--server", &serve.grpc, "--submission-id", "abc"],
            "",
        )
    };
    let output = submit("examples/pyspark-report.yaml");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["driver_pod_name"], "pyspark-report-driver");
    assert!(
        out.path()
            .join("data/pyspark-report-driver/pod-driver.yaml")
            .is_file()
    );
    let refused = submit("golden/error-missing-image/application.yaml");
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("image"),
        "{}",
        text(&refused.stderr)
    );
    let nobody = native_submit(
        &["submit", "examples/spark-pi.yaml", "--server", "127.0.0.1:1"],
        "",
    );
    assert_eq!(nobody.status.code(), Some(1));
    assert!(
        text(&nobody.stderr).contains("--submission-id"),
        "{}",
        text(&nobody.stderr)
    );
}

/// The application of examples/spark-pi.yaml, with this in place of that.
fn changed(from: &str, to: &str) -> String {
    let text = std::fs::read_to_string("examples/spark-pi.yaml").unwrap();
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

#[test]
fn submit_through_a_server_finds_what_render_finds_and_says_what_the_server_says() {
    let out = tempfile::tempdir().unwrap();
    let apply_to = format!("dir:{}", out.path().display());
    let serve = Serve::start(&["--apply-to", &apply_to], &[]);
    let through = |input: &str| {
        native_submit(
            &["submit", "-", "--server", &serve.grpc, "--submission-id", "abc"],
            input,
        )
    };
    // A misspelled field is an error before anything is sent.
    let misspelled = changed("imagePullPolicy", "imagePulPolicy");
    let (rendered, submitted) = (native_submit(&["render", "-"], &misspelled), through(&misspelled));
    assert_eq!(submitted.status.code(), Some(1));
    assert_eq!(text(&submitted.stderr), text(&rendered.stderr));
    assert!(
        text(&submitted.stderr).contains("imagePullPolicy"),
        "{}",
        text(&submitted.stderr)
    );
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0);
    // What the server finds odd is shown; what was written is not called created, and the same again is a duplicate.
    let conf = "spec:\n  sparkConf: {spark.kubernetes.driver.limits.cores: \"1\"}\n";
    let odd = changed("spec:\n", conf);
    for outcome in ["written", "found"] {
        let output = through(&odd);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(line["outcome"], outcome);
        assert!(
            text(&output.stderr)
                .contains("warning: spark.kubernetes.driver.limits.cores: Spark has no such key"),
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn a_pod_template_file_in_spark_conf_gets_one_answer_at_every_entry_point() {
    let out = tempfile::tempdir().unwrap();
    let apply_to = format!("dir:{}", out.path().display());
    let serve = Serve::start(&["--apply-to", &apply_to], &[]);
    let template = out.path().join("template.yaml");
    std::fs::write(&template, "spec: {containers: [{name: a}]}").unwrap();
    for role in ["driver", "executor"] {
        let conf = format!(
            "spec:\n  sparkConf: {{spark.kubernetes.{role}.podTemplateFile: {}}}\n",
            template.display()
        );
        let application = changed("spec:\n", &conf);
        for arguments in [
            &["render", "-"][..],
            &["submit", "-", "--apply-to", &apply_to],
            &["submit", "-", "--server", &serve.grpc],
        ] {
            let output = native_submit(arguments, &application);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
            let path = format!("spec.sparkConf[spark.kubernetes.{role}.podTemplateFile]");
            let plain = said.replace(['"', '\''], "");
            assert!(
                plain.contains(&path) && plain.contains(&format!("set spec.{role}.template")),
                "{arguments:?}: {said}"
            );
        }
    }
}

#[test]
fn without_a_version_an_official_images_tag_tells_it() {
    let label = |image: &str| {
        let application =
            changed("  sparkVersion: 4.0.1\n", "").replace("image: spark:4.0.1", &format!("image: {image}"));
        let output = native_submit(&["render", "-"], &application);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let rendered = text(&output.stdout);
        let (_, version) = rendered.split_once("spark-version: ").unwrap();
        version
            .lines()
            .next()
            .unwrap()
            .trim_matches(['"', '\''])
            .to_owned()
    };
    assert_eq!(label("apache/spark:3.5.6-java17"), "3.5.6");
    assert_eq!(label("mine/spark:3.5.6"), "4.3.0");
}

#[test]
fn healthcheck_tells_a_running_server_from_none() {
    let out = tempfile::tempdir().unwrap();
    let serve = Serve::start(&["--apply-to", &format!("dir:{}", out.path().display())], &[]);
    let port = serve.health.rsplit(':').next().unwrap().to_owned();
    assert_eq!(
        native_submit(&["healthcheck", "--port", &port], "").status.code(),
        Some(0)
    );
    drop(serve);
    assert_eq!(
        native_submit(&["healthcheck", "--port", &port], "").status.code(),
        Some(1)
    );
}

#[test]
fn help_explains_every_command() {
    for command in ["render", "submit", "serve", "install", "healthcheck"] {
        let output = native_submit(&[command, "--help"], "");
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("Usage: native-submit"), "{command}");
    }
}

#[test]
fn a_blank_variable_is_one_that_is_not_set() {
    let help = text(&native_submit(&["serve", "--help"], "").stdout);
    let variables: Vec<_> = help
        .split("[env: ")
        .skip(1)
        .filter_map(|rest| rest.split('=').next())
        .collect();
    assert!(variables.len() > 25, "{variables:?}");
    for blank in ["", " "] {
        let output = program(["doctor", "--output", "json", "--apply-to", "dir:/tmp"])
            .args(FREE_PORTS)
            .envs(variables.iter().map(|variable| (variable, blank)))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let printed = text(&output.stdout);
        assert!(printed.contains("settings are consistent"), "{printed}");
    }
}

/// The user of drivers that a server with this setting submits.
async fn spark_user(flags: &[&str], environment: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let out = format!("dir:{}", folder.path().display());
    let serve = Serve::start(&[&["--apply-to", &out], flags].concat(), environment);
    let application = fs::read_to_string("examples/spark-pi.yaml").unwrap();
    let reply = serve.submit(&application, "a").await;
    assert!(reply.success, "{}", reply.error_message);
    let pod = folder.path().join("default/spark-pi-driver/pod-driver.yaml");
    let pod: serde_json::Value = serde_yaml::from_str(&fs::read_to_string(pod).unwrap()).unwrap();
    let env = pod["spec"]["containers"][0]["env"].as_array().unwrap();
    let user = env.iter().find(|entry| entry["name"] == "SPARK_USER").unwrap();
    user["value"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_user_of_blanks_is_none_that_is_set() {
    assert_eq!(spark_user(&[], &[("SPARK_USER", "ada")]).await, "ada");
    assert_eq!(spark_user(&[], &[("SPARK_USER", "")]).await, "spark");
    assert_eq!(spark_user(&["--spark-user", ""], &[]).await, "spark");
}

#[test]
fn usage_names_the_file_before_what_follows_it() {
    for command in ["render", "submit", "context"] {
        let help = text(&native_submit(&[command, "--help"], "").stdout);
        let usage = help.lines().find(|line| line.starts_with("Usage:")).unwrap();
        assert!(usage.find("FILE|-") < usage.find("<ARGS>"), "{usage}");
    }
}

#[test]
fn arguments_of_spark_submit_are_taken_behind_two_dashes_by_each_command_that_takes_an_application() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = submission(
        "k8s://https://x",
        &["spark.kubernetes.container.image=spark:4.1.1"],
    );
    for command in [
        &["render", "--spark-submit", "--"][..],
        &["context", "--spark-submit", "--"],
        &["submit", "--apply-to", "dir:out", "--spark-submit", "--"],
    ] {
        let arguments: Vec<_> = command
            .iter()
            .chain(&arguments)
            .copied()
            .chain(["local:///a.jar"])
            .collect();
        let Ended { code, out, said } = call(folder.path(), &arguments, &[]);
        assert_eq!(code, 0, "{command:?}: {said}");
        assert!(out.contains("pi"), "{command:?}: {out}");
    }
}
