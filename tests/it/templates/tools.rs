//! `native-submit check`, `diff` and `golden` as scripts and CI call them: exit codes, formats, and what they ask of an API server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::{ApiServer, Effect, Fault};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

const SPARK_PI: &str = include_str!("../../../examples/spark-pi.yaml");

/// A folder with an application, a kubeconfig, and templates.
struct Work(tempfile::TempDir);

impl Work {
    fn new(files: &[(&str, &str)]) -> Self {
        let work = Self(tempfile::tempdir().unwrap());
        work.write("app.yaml", SPARK_PI);
        fs::create_dir(work.0.path().join("templates")).unwrap();
        for (name, text) in files {
            work.write(name, text);
        }
        work
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Lets commands find this API server.
    fn reach(&self, url: &str) {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": url}}],
            "users": [{"name": "test", "user": {}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        });
        self.write("kubeconfig", &config.to_string());
    }

    /// Exit code, output, and what was said beside it.
    fn run(&self, arguments: &str) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_native-submit"))
            .args(arguments.split(' '))
            .current_dir(self.0.path())
            .env_clear()
            .env("KUBECONFIG", self.0.path().join("kubeconfig"))
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    fn json(&self, arguments: &str, code: i32) -> Value {
        let (ended, out, said) = self.run(arguments);
        assert_eq!(ended, code, "{arguments}: {out}{said}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments}: {error}\n{out}"))
    }

    fn golden_files(&self, case: &str) -> Vec<String> {
        let files = fs::read_dir(self.0.path().join(case)).unwrap();
        let mut names: Vec<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

const MISSPELLED: (&str, &str) = (
    "templates/driver-pod.yaml.j2",
    "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block other_spec %}\n  tolerationz: []\n{% endblock %}\n",
);
const PRIORITY: (&str, &str) = (
    "templates/driver-pod.patch.yaml.j2",
    "spec: {priorityClassName: high}\n",
);

#[test]
fn findings_are_printed_for_people_scripts_and_ci() {
    let work = Work::new(&[MISSPELLED, ("templates/README.md", "")]);
    let (code, out, said) = work.run("check templates");
    assert_eq!(code, 1);
    assert!(
        out.starts_with("templates/driver-pod.yaml.j2:3: Pod/spark-pi-driver spec.tolerationz: "),
        "{out}"
    );
    assert!(out.contains("    > 3 |   tolerationz: []\n"), "{out}");
    assert!(
        said.starts_with("1 errors, 1 warnings in 1 templates, with 8 applications"),
        "{said}"
    );

    let findings = work.json("check templates --output json", 1);
    let error = &findings["findings"][0];
    assert_eq!(
        (&error["level"], &error["rule"], &error["file"], &error["line"]),
        (
            &json!("error"),
            &json!("manifest"),
            &json!("templates/driver-pod.yaml.j2"),
            &json!(3)
        )
    );
    let sarif = work.json("check templates --output sarif", 1);
    let result = &sarif["runs"][0]["results"][0];
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(
        (&sarif["version"], &result["ruleId"]),
        (&json!("2.1.0"), &json!("manifest"))
    );
    assert_eq!(place["artifactLocation"]["uri"], "templates/driver-pod.yaml.j2");
    assert_eq!(place["region"]["startLine"], 3);
    let (_, out, _) = work.run("check templates --output github");
    assert!(
        out.starts_with("::error file=templates/driver-pod.yaml.j2,line=3"),
        "{out}"
    );
    assert!(out.contains("::warning file=templates/README.md"), "{out}");
}

#[test]
fn what_is_odd_is_a_warning() {
    let builtin = include_str!("../../../templates/secret.yaml.j2");
    let extends = "{% extends \"builtin/driver-pod.yaml.j2\" %}\n";
    let work = Work::new(&[
        ("templates/README.md", "hello"),
        ("templates/secret.yaml.j2", builtin),
        ("templates/_unused.j2", "x"),
        (
            "templates/driver-pod.yaml.j2",
            &format!(
                "{extends}{{% block metadata %}}\n{{% if pod.name == \"x\" %}}{{{{ refuse(\"no\") }}}}{{% endif %}}\n  name: {{{{ pod.name }}}}\n  labels: {{{{ pod.labels }}}}\n\
                 {{% endblock %}}\n{{% block labels %}}\n{{% endblock %}}\n"
            ),
        ),
        ("templates/gpu/_unused.j2", "x"),
        (
            "templates/quota.yaml.j2",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: quota}\n",
        ),
    ]);
    let found = work.json("check templates --output json --allowed-extra-kinds ConfigMap", 0);
    let rules: std::collections::BTreeSet<_> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            assert_eq!(finding["level"], "warning", "{finding}");
            format!(
                "{} {}",
                finding["rule"].as_str().unwrap(),
                finding["file"].as_str().unwrap()
            )
        })
        .collect();
    for expected in [
        "ignored-file templates/README.md",
        "same-as-builtin templates/secret.yaml.j2",
        "unused-template templates/_unused.j2",
        "unused-template templates/gpu/_unused.j2",
        "unused-template templates/secret.yaml.j2",
        "shadowed-block templates/driver-pod.yaml.j2",
        "never-fired templates/driver-pod.yaml.j2",
        "shared-name templates/quota.yaml.j2",
    ] {
        assert!(rules.contains(expected), "{expected} is not in {rules:?}");
    }
    assert_eq!(
        work.run("check templates --deny-warnings --allowed-extra-kinds ConfigMap")
            .0,
        1
    );
    assert_eq!(work.run("check nowhere").0, 3);
    assert_eq!(work.run("check").0, 2);
}

#[test]
fn each_refusal_is_told_with_those_whom_it_refused() {
    let partial = "{% macro ban(name) %}\n{% if application.name == name %}\n{{ refuse(\"not \" ~ name) }}\n{% endif %}\n{% endmacro %}\n";
    let patch = "{% from \"_ban.j2\" import ban %}\n{{ ban(\"banned\") }}\n\
                 {% if application.name == \"nobody\" %}\n{{ refuse(\"never\") }}\n{% endif %}\nmetadata: {}\n";
    let work = Work::new(&[
        ("templates/_ban.j2", partial),
        ("templates/driver-pod.patch.yaml.j2", patch),
        (
            "cases/banned/application.yaml",
            &SPARK_PI.replace("name: spark-pi", "name: banned"),
        ),
        ("cases/banned/error.txt", "whatever it says"),
    ]);
    let found = work.json("check templates --cases cases --output json", 0);
    assert_eq!(
        found["coverage"],
        json!([
            {"file": "templates/_ban.j2", "line": 3, "function": "refuse", "fired_for": ["banned"], "let_through": 8},
            {"file": "templates/driver-pod.patch.yaml.j2", "line": 4, "function": "refuse", "fired_for": [], "let_through": 8},
        ])
    );
    let silent = &found["findings"][0];
    assert_eq!(
        (&silent["rule"], &silent["line"]),
        (&json!("never-fired"), &json!(4)),
        "{found}"
    );
    assert_eq!(found["findings"].as_array().unwrap().len(), 1, "{found}");
    let (_, out, _) = work.run("check templates --cases cases");
    assert!(
        out.contains("templates/_ban.j2:3: refuse() fired for banned; 8 applications were let through"),
        "{out}"
    );
    // Without the case nothing fires.
    let found = work.json("check templates --output json", 0);
    assert_eq!(found["warnings"], 2, "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_is_asked_and_keeps_nothing() {
    let api = ApiServer::start().await;
    let work = Work::new(&[PRIORITY]);
    work.reach(&api.url);
    let ask = "check templates --server-dry-run";
    let (code, out, said) = work.run(ask);
    assert_eq!(code, 0, "{out}{said}");
    assert!(api.log().iter().any(|seen| seen.verb == "create"));
    assert!(
        api.log().iter().all(|seen| seen.query.contains("dryRun=All")),
        "{:?}",
        api.lines()
    );
    assert_eq!(api.names(), [""; 0]);

    let cause = json!({"reason": "FieldValueForbidden", "message": "no such class", "field": "spec.priorityClassName"});
    let status = json!({"kind": "Status", "reason": "Invalid", "code": 422, "details": {"causes": [cause]}});
    let refusal = Effect::Refuse(422, status);
    api.fault(Fault::always("create", "pods", refusal));
    let found = work.json(&format!("{ask} --output json"), 1);
    let finding = &found["findings"][0];
    assert_eq!(finding["rule"], "api-server", "{found}");
    assert!(
        finding["message"]
            .as_str()
            .unwrap()
            .contains("spec.priorityClassName"),
        "{found}"
    );

    work.reach("http://127.0.0.1:1");
    assert_eq!(work.run(ask).0, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_compared_with_what_is_on_the_cluster() {
    let api = ApiServer::start().await;
    let work = Work::new(&[PRIORITY]);
    work.reach(&api.url);
    let (_, out, said) = work.run("diff --live --to templates app.yaml");
    assert!(out.contains("Pod/spark-pi-driver"), "{out}{said}");
    assert!(said.contains("there is no Pod default/spark-pi-driver"), "{said}");

    let (code, out, said) = work.run("submit app.yaml --template-dir templates --submission-id x");
    assert_eq!(code, 0, "{out}{said}");
    let (code, out, said) = work.run("diff --live --to templates app.yaml");
    assert_eq!((code, out.as_str()), (0, ""), "{said}");
    let (code, out, _) = work.run("diff --live app.yaml");
    assert_eq!(code, 1);
    assert!(out.contains("- spec.priorityClassName: \"high\""), "{out}");
    assert!(
        !out.contains('\u{1b}'),
        "no colours where it is no terminal: {out}"
    );
}

#[test]
fn a_change_of_templates_is_told_field_by_field() {
    let work = Work::new(&[
        PRIORITY,
        ("broken/driver-pod.yaml.j2", "{{ pod.labels.nothing }}"),
    ]);
    let differences = work.json("diff --to templates app.yaml --output json", 1);
    let object = &differences[0]["objects"][0];
    assert_eq!(object["object"], "Pod/spark-pi-driver", "{differences}");
    assert_eq!(
        object["fields"],
        json!([{"path": "spec.priorityClassName", "from": null, "to": "high"}])
    );
    let (code, out, _) = work.run("diff --to templates app.yaml --color always");
    assert_eq!(code, 1);
    assert!(out.contains('\u{1b}'), "{out}");
    for (arguments, code) in [
        ("diff --from templates --to templates app.yaml", 0),
        ("diff --to broken app.yaml", 1),
        ("diff --to nowhere app.yaml", 3),
        ("diff --to templates nothing.yaml", 3),
        ("diff app.yaml", 2),
    ] {
        let (ended, out, said) = work.run(arguments);
        assert_eq!(ended, code, "{arguments}: {out}{said}");
    }
}

#[test]
fn golden_files_are_written_and_held_against() {
    let work = Work::new(&[PRIORITY, ("cases/pi/application.yaml", SPARK_PI)]);
    let arguments = "--template-dir templates --cases cases";
    let (code, out, said) = work.run(&format!("golden verify {arguments}"));
    assert_eq!(code, 1, "{out}{said}");
    assert_eq!(work.run(&format!("golden update {arguments}")).0, 0);
    assert_eq!(
        work.golden_files("cases/pi"),
        [
            "application.yaml",
            "configmap-driver.yaml",
            "configmap-executor-template.yaml",
            "pod-driver.yaml",
            "service-driver.yaml"
        ]
    );
    assert_eq!(work.run(&format!("golden verify {arguments}")).0, 0);

    work.write(
        "templates/driver-pod.patch.yaml.j2",
        "spec: {priorityClassName: low}\n",
    );
    let (code, out, _) = work.run(&format!("golden verify {arguments}"));
    assert_eq!(code, 1);
    assert!(
        out.contains("-  priorityClassName: high\n+  priorityClassName: low\n"),
        "{out}"
    );
    let (_, out, _) = work.run(&format!("golden verify {arguments} --output junit"));
    assert!(
        out.contains("<testsuite name=\"native-submit golden\" tests=\"1\" failures=\"1\""),
        "{out}"
    );
    assert!(out.contains("priorityClassName: low"), "{out}");

    fs::remove_file(Path::new(work.0.path()).join("cases/pi/application.yaml")).unwrap();
    assert_eq!(work.run(&format!("golden verify {arguments}")).0, 3);
}

#[test]
fn a_set_that_template_sets_names_and_that_is_not_there_is_an_error() {
    let work = Work::new(&[("templates/gpu/driver-pod.patch.yaml.j2", "spec: {nodeName: a}\n")]);
    let rules = "type:R=nosuch,namespace:a=gpu";
    let found = work.json(
        &format!("check templates --output json --template-sets {rules}"),
        1,
    );
    let missing: Vec<_> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["rule"] == "missing-set")
        .collect();
    assert_eq!(missing.len(), 1, "{found}");
    assert!(
        missing[0]["message"].as_str().unwrap().contains("`nosuch`"),
        "{found}"
    );
    assert_eq!(work.run("check templates --template-sets namespace:a=gpu").0, 0);
}
