//! `native-submit check`, `diff` and `golden` as scripts and CI call them: exit codes, formats, and what they ask of an API server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{
    api_server::{ApiServer, Effect, Fault},
    program::{Ended, call},
    serve::kubeconfig,
};
use serde_json::{Value, json};
use std::{fs, path::Path};

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
        self.write("kubeconfig", &kubeconfig(url));
    }

    /// Exit code, output, and what was said beside it.
    fn run(&self, arguments: &str) -> (i32, String, String) {
        let arguments: Vec<_> = arguments.split(' ').collect();
        let Ended { code, out, said } = call(self.0.path(), &arguments, &[("KUBECONFIG", "kubeconfig")]);
        (code, out, said)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
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
        said.starts_with("1 error, 1 warning in 1 template, with 8 renderings"),
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
fn each_refusal_is_reported_with_those_whom_it_refused() {
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
            {"file": "templates/_ban.j2", "line": 3, "function": "refuse", "fired_for": ["banned"], "let_through": 4},
            {"file": "templates/driver-pod.patch.yaml.j2", "line": 4, "function": "refuse", "fired_for": [], "let_through": 4},
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
        out.contains(
            "templates/_ban.j2:3: note: refuse() fired for banned; the set let 4 applications through"
        ),
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
    assert!(
        said.contains("(there is no Pod default/spark-pi-driver on the cluster: every object would be new)"),
        "{said}"
    );

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
fn a_change_of_templates_is_reported_field_by_field() {
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

/// An application of this name.
fn named(name: &str) -> String {
    SPARK_PI.replacen("name: spark-pi", &format!("name: {name}"), 1)
}

#[test]
fn many_applications_are_compared_and_a_bad_one_does_not_stop_the_others() {
    let bad = named("bad").replace("sparkVersion", "sprakVersion");
    let schedule = {
        let mut value = native_submit::strict::parse_yaml(&named("nightly")).unwrap();
        let template = value["spec"].take();
        value["kind"] = json!("ScheduledSparkApplication");
        value["spec"] = json!({"schedule": "@daily", "template": template});
        value
    };
    let list =
        json!({"apiVersion": "v1", "kind": "List", "items": [schedule, {"kind": "Pod", "apiVersion": "v1"}]});
    let work = Work::new(&[
        PRIORITY,
        (
            "apps/one.yaml",
            &format!("{}---\nkind: ConfigMap\n---\n{}---\n", named("a"), named("b")),
        ),
        ("apps/more/bad.yml", &bad),
        ("apps/more/list.json", &list.to_string()),
        ("apps/values.yaml", "replicas: 2\n"),
        ("apps/.hidden.yaml", &bad),
    ]);
    let (code, out, said) = work.run("diff --to templates apps");
    assert_eq!(code, 3, "{out}{said}");
    for pod in ["a", "b", "nightly"] {
        assert!(
            out.contains(&format!(
                "  Pod/{pod}-driver\n    + spec.priorityClassName: \"high\"\n"
            )),
            "{out}"
        );
    }
    let said: Vec<_> = said.lines().collect();
    assert_eq!(said[0], "error: apps/more/bad.yml:", "{said:?}");
    assert!(
        said[1].starts_with("spec.sprakVersion: unknown field"),
        "{said:?}"
    );
    assert_eq!(
        said[said.len() - 5..],
        [
            "apps/more/bad.yml: could not be compared",
            "apps/more/list.json (items[0], default/nightly): 1 object differs",
            "apps/one.yaml (document 1, default/a): 1 object differs",
            "apps/one.yaml (document 3, default/b): 1 object differs",
            "4 applications: 3 with differences, 1 could not be compared",
        ]
    );
    let (code, _, said) = work.run("diff --to templates templates");
    assert_eq!(code, 3);
    assert!(
        said.contains("templates:\nthere is no SparkApplication in it"),
        "{said}"
    );
    // Without a bad one, and with standard output for programs.
    fs::remove_file(work.0.path().join("apps/more/bad.yml")).unwrap();
    assert_eq!(
        work.json("diff --to templates apps --output json", 1)
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clusters_applications_are_compared_by_namespace_or_all() {
    let api = ApiServer::start().await;
    let work = Work::new(&[PRIORITY]);
    work.reach(&api.url);
    let put = |resource: &str, namespace: &str, name: &str| {
        let mut value = native_submit::strict::parse_yaml(&named(name)).unwrap();
        value["metadata"]["namespace"] = json!(namespace);
        value["spec"]["fieldOfANewerOperator"] = json!(1);
        if resource.starts_with("scheduled") {
            let template = value["spec"].take();
            value["spec"] = json!({"schedule": "@daily", "template": template});
        }
        // As the API server lists them.
        value.as_object_mut().unwrap().remove("kind");
        api.put(resource, value);
    };
    for number in 0..60 {
        put("sparkapplications", "jobs", &format!("app-{number}"));
    }
    put("sparkapplications", "other", "elsewhere");
    put("scheduledsparkapplications", "jobs", "nightly");
    for (arguments, count) in [
        ("-n jobs", 61),
        ("-n nowhere", 0),
        ("-A", 62),
        ("--all-namespaces", 62),
    ] {
        let code = i32::from(count > 0);
        let found = work.json(&format!("diff --to templates --output json {arguments}"), code);
        let found = found.as_array().unwrap();
        assert_eq!(found.len(), count, "{arguments}");
        assert!(
            found.iter().all(|diff| diff["objects"][0]["change"] == "changed"),
            "{found:?}"
        );
    }
    let (_, _, said) = work.run("diff --to templates -A");
    assert!(said.contains("\nother/elsewhere: 1 object differs\n"), "{said}");
    assert!(said.ends_with("62 applications: 62 with differences\n"), "{said}");
    let (code, _, said) = work.run("diff --live -n other");
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("there is no Pod other/elsewhere-driver on the cluster"),
        "{said}"
    );
    assert_eq!(work.run("diff --to templates -A app.yaml").0, 2);
    api.deny("list", "sparkapplications");
    api.fault(Fault::always(
        "list",
        "sparkapplications",
        Effect::Refuse(
            403,
            json!({"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no"}),
        ),
    ));
    let (code, _, said) = work.run("diff --to templates -A");
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("can't list SparkApplications: "), "{said}");
}

#[test]
fn a_diff_shows_the_executor_and_hides_secrets() {
    let keys = "  sparkConf:\n    spark.my.password: hunter2\n    spark.executorEnv.API_TOKEN: hunter2\n";
    let application = SPARK_PI.replacen("spec:\n", &format!("spec:\n{keys}"), 1);
    let application =
        application.replacen("  driver:\n", "  driver:\n    envVars: {API_TOKEN: hunter2}\n", 1);
    let patch = "spec:\n  containers:\n  - name: spark-kubernetes-driver\n    env: [{name: API_TOKEN, value: hunter3}]\n";
    let work = Work::new(&[
        (
            "templates/executor-pod.patch.yaml.j2",
            "metadata: {labels: {cost-center: '1'}}\n",
        ),
        ("other/driver-pod.patch.yaml.j2", patch),
        ("secret.yaml", &application),
    ]);
    let (code, out, said) = work.run("diff --to templates app.yaml");
    assert_eq!(code, 1, "{said}");
    assert!(
        out.contains("-exec-1 (Spark's driver makes it)\n    + metadata.labels[\"cost-center\"]: \"1\"\n")
            || out.contains("-exec-1 (Spark's driver makes it)\n    + metadata.labels.cost-center: \"1\"\n"),
        "{out}"
    );

    let (_, out, said) = work.run("diff --to other secret.yaml");
    assert!(
        out.contains("<redacted, 7 bytes>") && out.contains("<redacted, 7 bytes, another value>"),
        "{out}{said}"
    );
    assert!(!out.contains("hunter"), "{out}");
    let (_, out, _) = work.run("diff --to other secret.yaml --show-secrets");
    assert!(out.contains("hunter2") && out.contains("hunter3"), "{out}");

    let (code, out, said) = work.run("context secret.yaml --executor");
    assert_eq!(code, 0, "{said}");
    assert!(!out.contains("hunter2"), "{out}");
    let context: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        context["executor_pod"][0]["metadata"]["labels"]["spark-role"],
        "executor"
    );
    assert_eq!(context["properties"]["spark.my.password"], "<redacted, 7 bytes>");
    let (_, out, _) = work.run("context secret.yaml --executor --show-secrets");
    let context: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(context["properties"]["spark.my.password"], "hunter2");
}

#[test]
fn a_set_that_only_the_new_directory_has_is_compared_with_the_old_default() {
    let asks = SPARK_PI.replacen(
        "metadata:\n",
        "metadata:\n  annotations: {native-submit/template-set: gpu}\n",
        1,
    );
    let work = Work::new(&[
        ("old/driver-pod.patch.yaml.j2", "spec: {priorityClassName: low}\n"),
        (
            "templates/gpu/driver-pod.patch.yaml.j2",
            "spec: {priorityClassName: high}\n",
        ),
        ("asks.yaml", &asks),
    ]);
    for arguments in ["asks.yaml", "app.yaml --template-sets namespace:default=gpu"] {
        let (code, out, said) = work.run(&format!("diff --from old --to templates {arguments}"));
        assert_eq!(code, 1, "{out}{said}");
        assert!(
            out.contains("spec.priorityClassName:\n      - \"low\"\n      + \"high\"\n"),
            "{out}{said}"
        );
        assert!(
            said.contains("(set gpu is new; compared with the default set of --from)"),
            "{said}"
        );
    }
    let (code, out, said) = work.run("diff --from templates --to old asks.yaml");
    assert_eq!(code, 1, "{out}{said}");
    assert!(said.contains("refused by --to alone"), "{said}");
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
            "pod-executor.yaml",
            "service-driver.yaml"
        ]
    );
    assert_eq!(work.run(&format!("golden verify {arguments}")).0, 0);
    let pod = work.read("cases/pi/pod-driver.yaml");
    assert!(
        pod.contains("native-submit/template-set: \"default@<hash>\"\n"),
        "{pod}"
    );
    let executor = work.read("cases/pi/pod-executor.yaml");
    assert!(executor.contains("native-submit/not-created: "), "{executor}");
    // A comment changes the set's hash, and no file.
    work.write("templates/_note.j2", "{# a comment #}");
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

/// A set whose driver Pod is refused.
const REFUSING: (&str, &str) = ("templates/driver-pod.yaml.j2", "{{ refuse(\"no more\") }}");

#[test]
fn a_case_becomes_a_refusal_only_if_that_is_accepted() {
    let work = Work::new(&[
        ("templates/_note.j2", "x"),
        ("cases/a/application.yaml", SPARK_PI),
        ("cases/b/application.yaml", SPARK_PI),
    ]);
    let arguments = "--template-dir templates --cases cases";
    assert_eq!(work.run(&format!("golden update {arguments}")).0, 0);
    work.write("cases/a/notes.yaml", "mine: true\n");
    work.write("cases/a/configmap-mine.yaml", "a: 1\n");
    work.write("cases/a/README.md", "mine\n");
    let before = work.golden_files("cases/a");

    work.write(REFUSING.0, REFUSING.1);
    let (code, out, said) = work.run(&format!("golden verify {arguments}"));
    assert_eq!(code, 1, "{said}");
    assert!(
        out.starts_with("a: is refused, and has no error.txt:\n  "),
        "{out}"
    );
    assert!(
        out.contains("no more") && out.lines().count() == 6,
        "the reason, and no deleted lines: {out}"
    );
    let (code, out, said) = work.run(&format!("golden update {arguments}"));
    assert_eq!((code, out.as_str()), (1, ""), "{said}");
    assert!(
        said.contains("error: case a is refused") && said.contains("no more"),
        "{said}"
    );
    assert_eq!(work.golden_files("cases/a"), before);

    let (code, out, said) = work.run(&format!("golden update {arguments} --accept-refusals --case a"));
    assert_eq!(code, 0, "{said}");
    assert!(out.contains("deleted cases/a/pod-driver.yaml\n"), "{out}");
    assert!(
        out.contains("\ncases/a/error.txt\n") && !out.contains("cases/b"),
        "{out}"
    );
    assert_eq!(
        work.golden_files("cases/a"),
        [
            "README.md",
            "application.yaml",
            "configmap-mine.yaml",
            "error.txt",
            "notes.yaml"
        ]
    );
    assert_eq!(work.run(&format!("golden verify {arguments} --case a")).0, 0);
    assert_eq!(work.run(&format!("golden verify {arguments} --case b")).0, 1);
    let (code, _, said) = work.run(&format!("golden verify {arguments} --case c"));
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("there is no case `c`; it has a, b"), "{said}");

    // A part of the text is enough, and stays.
    work.write("cases/a/error.txt", "no more\n");
    assert_eq!(work.run(&format!("golden verify {arguments} --case a")).0, 0);
    assert_eq!(work.run(&format!("golden update {arguments} --case a")).1, "");
    work.write("cases/a/error.txt", "another reason\n");
    let (code, out, _) = work.run(&format!("golden verify {arguments} --case a"));
    assert_eq!(code, 1);
    assert!(
        out.contains("a: is refused with the text:\n") && out.contains("  another reason\n"),
        "{out}"
    );
    fs::remove_file(work.0.path().join(REFUSING.0)).unwrap();
    let (code, out, _) = work.run(&format!("golden verify {arguments} --case a"));
    assert_eq!(code, 1);
    assert_eq!(
        out,
        "a: is not refused; error.txt expects a refusal with the text:\n  another reason\n"
    );
    let (code, out, _) = work.run(&format!("golden update {arguments} --case a"));
    assert_eq!(code, 0);
    assert!(out.contains("deleted cases/a/error.txt\n"), "{out}");
}

#[test]
fn an_object_that_is_no_longer_made_is_deleted_and_reported() {
    let work = Work::new(&[
        ("templates/_note.j2", "x"),
        ("cases/a/application.yaml", SPARK_PI),
        (
            "templates/quota.yaml.j2",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: quota}\n",
        ),
    ]);
    let arguments = "--template-dir templates --cases cases --allowed-extra-kinds ConfigMap";
    assert_eq!(work.run(&format!("golden update {arguments}")).0, 0);
    fs::remove_file(work.0.path().join("templates/quota.yaml.j2")).unwrap();
    let (code, out, _) = work.run(&format!("golden verify {arguments}"));
    assert_eq!(code, 1);
    assert!(out.contains("--- a/extra-quota.yaml\n+++ /dev/null\n"), "{out}");
    let (code, out, _) = work.run(&format!("golden update {arguments}"));
    assert_eq!((code, out.as_str()), (0, "deleted cases/a/extra-quota.yaml\n"));
}

#[test]
fn single_fields_are_expected_instead_of_whole_files_or_beside_them() {
    let expectations = "- {object: pod-driver, path: spec.priorityClassName, equal: high}\n\
                        - {object: pod-executor, path: 'spec.containers[spark-kubernetes-executor].image', matches: spark}\n\
                        - {object: podgroup-driver, absent: true}\n";
    let work = Work::new(&[
        PRIORITY,
        ("cases/a/application.yaml", SPARK_PI),
        ("cases/a/expect.yaml", expectations),
    ]);
    let arguments = "--template-dir templates --cases cases";
    let (code, out, said) = work.run(&format!("golden verify {arguments}"));
    assert_eq!(code, 0, "{out}{said}");
    assert_eq!(work.run(&format!("golden update {arguments}")).1, "");
    work.write(
        "templates/driver-pod.patch.yaml.j2",
        "spec: {priorityClassName: low}\n",
    );
    let (code, out, _) = work.run(&format!("golden verify {arguments}"));
    assert_eq!(code, 1);
    assert_eq!(
        out,
        "a: pod-driver spec.priorityClassName: expected \"high\", found \"low\"\n"
    );
    let (_, out, _) = work.run(&format!("golden verify {arguments} --output junit"));
    assert!(out.contains("not as before: expect.yaml"), "{out}");

    // Both count, once there are files.
    assert_eq!(work.run(&format!("golden update {arguments} --whole-files")).0, 0);
    work.write(
        "templates/driver-pod.patch.yaml.j2",
        "spec: {priorityClassName: high, nodeName: a}\n",
    );
    let (code, out, _) = work.run(&format!("golden verify {arguments}"));
    assert_eq!(code, 1);
    assert!(
        out.contains("+  nodeName: a\n") && !out.contains("expected"),
        "{out}"
    );

    for slip in [
        "- {object: pod-driver, path: spec.priorityClasName, absent: true}\n",
        "- {object: pod-driver, path: a, equals: b}\n",
    ] {
        work.write("cases/a/expect.yaml", slip);
        let (code, _, said) = work.run(&format!("golden verify {arguments}"));
        assert_eq!(code, 3, "{said}");
        assert!(
            said.contains("expect.yaml: [0].") && said.contains("unknown field; did you mean"),
            "{said}"
        );
    }
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

#[test]
fn a_case_that_asks_for_a_set_is_refused_where_nobody_may_ask() {
    let asking = SPARK_PI.replacen(
        "metadata:\n",
        "metadata:\n  annotations: {native-submit/template-set: gpu}\n",
        1,
    );
    let work = Work::new(&[
        (
            "templates/default/driver-pod.patch.yaml.j2",
            "spec: {nodeName: a}\n",
        ),
        ("templates/gpu/driver-pod.patch.yaml.j2", "spec: {nodeName: b}\n"),
        ("cases/asks/application.yaml", &asking),
    ]);
    assert_eq!(work.run("check templates --cases cases").0, 0);
    let refuse = "check templates --cases cases --template-set-annotation refuse";
    let (code, out, said) = work.run(refuse);
    assert_eq!(code, 1, "{out}{said}");
    let refused = "cases/asks/application.yaml: native-submit/template-set: expected no template set; TEMPLATE_SET_ANNOTATION \
                   is refuse";
    assert!(out.contains(refused), "{out}");
    work.write("cases/asks/error.txt", "expected no template set\n");
    assert_eq!(work.run(refuse).0, 0);
}

#[test]
fn the_executor_check_is_that_of_the_server() {
    let broken = SPARK_PI.replacen(
        "  executor:\n",
        "  executor:\n    labels: {team: \"a team\"}\n",
        1,
    );
    let work = Work::new(&[
        PRIORITY,
        ("broken.yaml", &broken),
        ("cases/broken/application.yaml", &broken),
    ]);
    let diff = "diff --to templates broken.yaml --output json";
    let refused = work.run(diff);
    let text = refused.1.clone() + &refused.2;
    assert!(text.contains("executor Pod metadata.labels.team"), "{text}");
    let found = work.json(&format!("{diff} --executor-check warn"), 1);
    assert!(found.to_string().contains("priorityClassName"), "{found}");
    assert_eq!(work.run("check templates --cases cases").0, 1);
    work.write("cases/broken/case.yaml", "executorCheck: warn\n");
    let (code, out, said) = work.run("check templates --cases cases");
    assert_eq!(code, 0, "{out}{said}");
}
