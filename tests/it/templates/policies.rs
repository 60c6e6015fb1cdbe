//! Policies and the layer `always/`, as those meet them who submit, who write templates, and who run the server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::ApiServer;
use crate::support::program::{Ended, call, submission};
use crate::support::serve::{Serve, binary, exchange};
use crate::support::template_directory::{serve, templates, write};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

const SPARK_PI: &str = include_str!("../../../examples/spark-pi.yaml");

/// No hostPath, for driver and executors, from any author and in any form.
const NO_HOST_PATH: &str = "\
{% for pod in [driver, executor] %}
{% for volume in pod.spec.volumes | default([]) if volume.hostPath %}
{{ refuse('hostPath is not allowed: ' ~ volume.name) }}
{% endfor %}
{% endfor %}
";

/// The example under another name, with these lines in its `sparkConf` and this under its `metadata`.
fn application(name: &str, conf: &[(&str, &str)], metadata: &str) -> String {
    let lines = conf
        .iter()
        .map(|(key, value)| format!("    {key}: \"{value}\"\n"));
    let conf = lines.collect::<Vec<_>>().concat();
    let text = SPARK_PI.replace("  name: spark-pi\n", &format!("  name: {name}\n{metadata}"));
    match conf.as_str() {
        "" => text,
        conf => text.replace("\nspec:\n", &format!("\nspec:\n  sparkConf:\n{conf}")),
    }
}

const HOST_PATHS: [(&str, &str); 4] = [
    ("spark.kubernetes.driver.volumes.hostPath.d.options.path", "/"),
    ("spark.kubernetes.driver.volumes.hostPath.d.mount.path", "/host"),
    ("spark.kubernetes.executor.volumes.hostPath.x.options.path", "/"),
    ("spark.kubernetes.executor.volumes.hostPath.x.mount.path", "/host"),
];

const WORDS: &str = "hostPath is not allowed: d\nhostPath is not allowed: x";

fn rest(serve: &Serve, id: &str) -> (u16, Value) {
    let usual = [
        "spark.kubernetes.namespace=jobs",
        "spark.kubernetes.container.image=spark:4.0.1",
        "spark.kubernetes.submission.waitAppCompletion=false",
    ];
    let mut arguments = submission("k8s://https://10.0.0.1:443", &usual);
    let conf = HOST_PATHS.map(|(key, value)| format!("{key}={value}"));
    arguments.extend(conf.iter().flat_map(|conf| ["--conf", conf.as_str()]));
    arguments.push("local:///a.jar");
    let body = json!({"submission_id": id, "spark_submit_args": arguments}).to_string();
    let headers = "Content-Type: application/json\r\n";
    let (status, body) = exchange(&serve.rest, "POST /api/v1/spark-submit", headers, body.as_bytes());
    (status, serde_json::from_str(&body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_entry_point_tells_the_admins_words_alone_and_the_log_has_the_file() {
    let api = ApiServer::start().await;
    let directory = templates(&[("always/no-host-path.policy.j2", NO_HOST_PATH)]);
    let socket = directory.path().with_extension("sock");
    let (serve, _folder) = serve(&api, directory.path(), &["--socket", socket.to_str().unwrap()]);

    let reply = serve.submit(&application("a", &HOST_PATHS, ""), "a").await;
    assert_eq!(
        (reply.error_message.as_str(), reply.error_code(), reply.retryable),
        (WORDS, "REFUSED_BY_POLICY", Some(false))
    );
    let (status, answer) = rest(&serve, "b");
    assert_eq!(
        (status, answer["error_code"].as_str()),
        (422, Some("REFUSED_BY_POLICY")),
        "{answer}"
    );
    assert_eq!(answer["message"], WORDS);

    let conf = HOST_PATHS.map(|(key, value)| format!("--conf={key}={value}"));
    let drop_in = Command::new(binary())
        .arg("spark-submit")
        .args(submission(
            "k8s://https://127.0.0.1:1",
            &[
                "spark.kubernetes.container.image=spark:4.0.1",
                "spark.kubernetes.submission.waitAppCompletion=false",
            ],
        ))
        .args(conf)
        .arg("local:///a.jar")
        .env_clear()
        .env("NATIVE_SUBMIT_SOCKET", &socket)
        .output()
        .unwrap();
    let said = String::from_utf8(drop_in.stderr).unwrap();
    assert_eq!(drop_in.status.code(), Some(1), "{said}");
    assert!(said.contains(WORDS) && !said.contains("policy.j2"), "{said}");

    let accepted = serve.submit(&application("c", &[], ""), "c").await;
    assert!(accepted.success, "{}", accepted.error_message);
    serve.wait_for_log(r#""policy":"always/no-host-path.policy.j2""#);
    let (_, metrics) = serve.get("/metrics");
    assert!(
        metrics.contains(r#"native_submit_failures_total{code="REFUSED_BY_POLICY"} 3"#),
        "{metrics}"
    );
    let created = api.names();
    assert!(
        !created
            .iter()
            .any(|name| ["/a-", "/pi"].iter().any(|refused| name.contains(refused))),
        "nothing of what was refused: {created:?}"
    );
}

/// Whatever a request says of an application, the operator's webhook reads the one on the cluster.
#[tokio::test(flavor = "multi_thread")]
async fn policies_see_what_the_webhook_adds_from_the_live_application_and_not_from_the_request() {
    let api = ApiServer::start().await;
    let plain = application("a", &[], "");
    let parsed = native_submit::operator::application::parse(
        &plain,
        native_submit::operator::application::UnknownFields::Refuse,
    )
    .unwrap();
    let mut live = serde_json::to_value(parsed.application).unwrap();
    live["metadata"]["uid"] = json!("a");
    live["spec"]["volumes"] = json!([{"name": "d", "hostPath": {"path": "/"}}]);
    for role in ["driver", "executor"] {
        live["spec"][role]["volumeMounts"] = json!([{"name": "d", "mountPath": "/host"}]);
    }
    api.put("sparkapplications", live.clone());
    let directory = templates(&[("always/no-host-path.policy.j2", NO_HOST_PATH)]);
    let templates = directory.path().to_str().unwrap();
    let (serve, _folder) = Serve::to(
        &api.url,
        &["--template-dir", templates, "--operator-webhook", "on"],
    );
    let reply = serve.submit(&plain, "a").await;
    assert_eq!(
        (reply.error_message.as_str(), reply.error_code()),
        ("hostPath is not allowed: d", "REFUSED_BY_POLICY")
    );

    // Arguments that carry the operator's label, wherever they carry it.
    let [name, launched] =
        ["app-name", "launched-by-spark-operator"].map(|label| format!("sparkoperator.k8s.io/{label}"));
    let labels = json!({name.as_str(): "a", launched.as_str(): "true"});
    let labelled = json!({"metadata": {"labels": labels}, "spec": {"containers": []}});
    let conf = |role: &str| {
        [(&name, "a"), (&launched, "true")]
            .map(|(label, value)| format!("spark.kubernetes.{role}.label.{label}={value}"))
    };
    for (id, conf, driver, executor) in [
        ("driver-conf", Some(conf("driver")), None, None),
        ("executor-conf", Some(conf("executor")), None, None),
        ("driver-template", None, Some(&labelled), None),
        ("executor-template", None, None, Some(&labelled)),
    ] {
        let usual = [
            "spark.kubernetes.namespace=default",
            "spark.kubernetes.container.image=spark:4.0.1",
            "spark.kubernetes.submission.waitAppCompletion=false",
        ];
        let mut arguments = submission("k8s://https://10.0.0.1:443", &usual);
        let conf = conf.iter().flatten();
        arguments.extend(conf.flat_map(|conf| ["--conf", conf.as_str()]));
        arguments.push("local:///a.jar");
        let body = json!({
            "submission_id": id, "spark_submit_args": arguments, "driver_pod_template": driver, "executor_pod_template": executor,
        });
        let headers = "Content-Type: application/json\r\n";
        let body = body.to_string();
        let (status, answer) = exchange(&serve.rest, "POST /api/v1/spark-submit", headers, body.as_bytes());
        assert!(
            status == 422 && answer.contains("hostPath is not allowed: d"),
            "{id}: {answer}"
        );
    }
    let names = api.names();
    assert!(!names.iter().any(|name| name.starts_with("pods/")), "{names:?}");

    for role in ["driver", "executor"] {
        live["spec"][role]["volumeMounts"] = json!([]);
    }
    api.put("sparkapplications", live);
    let reply = serve.submit(&plain, "a").await;
    assert!(reply.success, "{}", reply.error_message);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_set_leaves_a_layer_out_and_a_templates_refusal_has_no_source() {
    let api = ApiServer::start().await;
    let bans = "{% if pod.labels['banned'] %}{{ refuse('banned by the company') }}{% endif %}\n";
    let directory = templates(&[
        (
            "default/driver-pod.patch.yaml.j2",
            &format!("{bans}metadata: {{labels: {{layer: default, company: x}}}}\n"),
        ),
        (
            "ml/driver-pod.patch.yaml.j2",
            "metadata: {labels: {layer: ml}}\nspec: {nodeSelector: {a: b}}\n",
        ),
        (
            "always/driver-pod.patch.yaml.j2",
            "metadata: {labels: {layer: always}}\n",
        ),
        (
            "always/team.policy.j2",
            "{% if not submission.labels.team %}{{ refuse('a team, please') }}{% endif %}",
        ),
    ]);
    let (serve, _folder) = serve(
        &api,
        directory.path(),
        &["--template-sets", "namespace:default=ml"],
    );
    let team = "  labels: {team: ml}\n";
    let reply = serve.submit(&application("a", &[], team), "a").await;
    assert!(reply.success, "{}", reply.error_message);
    let pod = api.get("pods", "default", "a-driver").unwrap();
    let labels = &pod["metadata"]["labels"];
    assert_eq!(
        (&labels["layer"], &labels["company"]),
        (&json!("always"), &json!("x"))
    );
    assert_eq!(pod["spec"]["nodeSelector"]["a"], "b");

    let banned = [("spark.kubernetes.driver.label.banned", "yes")];
    let reply = serve.submit(&application("b", &banned, team), "b").await;
    assert_eq!(
        (reply.error_message.as_str(), reply.error_code()),
        ("banned by the company", "REFUSED_BY_POLICY")
    );

    let asked = "  annotations: {native-submit/template-set: default}\n";
    let reply = serve.submit(&application("c", &[], asked), "c").await;
    assert_eq!(reply.error_message, "a team, please");
    let asked = "  annotations: {native-submit/template-set: always}\n";
    let reply = serve.submit(&application("d", &[], asked), "d").await;
    assert!(
        reply
            .error_message
            .contains("expected one of the template sets default, ml"),
        "{}",
        reply.error_message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_fails_on_a_submission_refuses_it_until_it_is_mended_and_the_admin_sees_why() {
    let api = ApiServer::start().await;
    let policy = "{% if submission.labels.odd %}{{ 1 // 0 }}{% endif %}";
    let directory = templates(&[("always/odd.policy.j2", policy)]);
    let (serve, _folder) = serve(&api, directory.path(), &[]);
    let odd = application("a", &[], "  labels: {odd: \"yes\"}\n");
    let reply = serve.submit(&odd, "a").await;
    assert_eq!(
        (reply.error_code(), reply.retryable),
        ("INTERNAL_SERVER_ERROR", Some(true))
    );
    assert!(
        reply.error_message.contains("could not be evaluated"),
        "{}",
        reply.error_message
    );
    assert!(
        !reply.error_message.contains("odd.policy"),
        "{}",
        reply.error_message
    );
    serve.wait_for_log("always/odd.policy.j2:1: ");
    let (status, body) = serve.get("/readyz");
    let body: Value = serde_json::from_str(&body).unwrap();
    let failed = &body["templates"]["sets"]["default"]["policies_failed"]["always/odd.policy.j2"];
    assert_eq!((status, failed["count"].as_u64()), (200, Some(1)), "{body}");
    assert!(
        failed["error"]
            .as_str()
            .unwrap()
            .starts_with("always/odd.policy.j2:1: "),
        "{body}"
    );
    assert_eq!(api.names(), Vec::<String>::new());

    write(
        directory.path(),
        "always/odd.policy.j2",
        "{% if false %}{% endif %}",
    );
    serve.wait_for("/metrics", |body| {
        body.contains("native_submit_template_set_generation 2")
    });
    assert!(serve.submit(&odd, "a").await.success);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audited_policy_refuses_nobody_and_the_entry_point_and_its_facts_are_seen() {
    let api = ApiServer::start().await;
    let policy = "# mode: audit\n{{ refuse([submission.entry_point, submission.namespace, submission.name, submission.type, \
                  submission.annotations.note] | join(' ')) }}";
    let directory = templates(&[
        ("facts.policy.j2", policy),
        ("warn.policy.j2", "{{ warn('soon ' ~ 'gone') }}"),
    ]);
    let (serve, _folder) = serve(&api, directory.path(), &[]);
    let reply = serve
        .submit(&application("a", &[], "  annotations: {note: hello}\n"), "a")
        .await;
    assert!(reply.success, "{}", reply.error_message);
    serve.wait_for_log("a policy will refuse this (it is in audit mode): grpc default a Java hello");
    serve.wait_for_log("soon gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_from_the_start_until_the_layer_is_good_and_warnings_are_at_readyz() {
    let api = ApiServer::start().await;
    let directory = templates(&[
        ("always/hosts.policy.j2", "{% if drvier %}{% endif %}"),
        ("secret.yaml.j2", "{{ nope }}"),
    ]);
    let (serve, _folder) = serve(&api, directory.path(), &[]);
    let body = serve.wait_for("/readyz", |body| body.contains("did you mean `driver`?"));
    assert!(
        body.contains("\"no-template-set\"") && body.contains("always/hosts.policy.j2:1: "),
        "{body}"
    );
    let reply = serve.submit(&application("a", &[], ""), "a").await;
    assert_eq!(
        (reply.error_code(), reply.retryable),
        ("SUBMITTER_OVERLOADED", Some(true))
    );

    write(directory.path(), "always/hosts.policy.j2", NO_HOST_PATH);
    write(directory.path(), "always/README.md", "");
    fs::remove_file(directory.path().join("secret.yaml.j2")).unwrap();
    let body = serve.wait_for("/readyz", |body| body.contains("\"ready\": true"));
    assert!(body.contains("always/README.md: ignored"), "{body}");
    serve.wait_for_log("always/README.md: ignored");

    // Emptied: the last good one stays, and nobody takes it for a wish to do without.
    fs::remove_file(directory.path().join("always/hosts.policy.j2")).unwrap();
    let body = serve.wait_for("/readyz", |body| {
        body.contains("the folder `always` has no template")
    });
    assert!(body.contains("\"ready\": true"), "{body}");
    let reply = serve.submit(&application("b", &HOST_PATHS, ""), "b").await;
    assert_eq!(reply.error_code(), "REFUSED_BY_POLICY");
}

/// Exit code, and all that a command said.
fn run(directory: &Path, arguments: &[&str]) -> (i32, String) {
    let Ended { code, out, said } = call(directory, arguments, &[]);
    (code, out + &said)
}

#[test]
fn the_tools_run_policies_and_samples_only_for_errors() {
    let work = templates(&[
        ("templates/all.policy.j2", "{{ refuse('nobody passes') }}\n"),
        ("templates/always/_part.j2", "{% macro no(pod) %}{% endmacro %}"),
        (
            "templates/always/part.policy.j2",
            "{% from '_part.j2' import no %}{{ no(driver) }}",
        ),
        ("app.yaml", SPARK_PI),
        ("cases/a/application.yaml", SPARK_PI),
        ("cases/a/error.txt", "nobody passes\n"),
    ]);
    let path = work.path();
    let (code, said) = run(path, &["check", "templates"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("templates/all.policy.j2: warning: the policies refuse every sample and every case"),
        "{said}"
    );
    assert!(said.contains("0 errors, 1 warning in 3 templates"), "{said}");
    let (code, said) = run(path, &["render", "app.yaml", "--template-dir", "templates"]);
    assert_eq!((code, said.as_str()), (1, "error: nobody passes\n"));
    let (code, said) = run(
        path,
        &[
            "golden",
            "verify",
            "--template-dir",
            "templates",
            "--cases",
            "cases",
        ],
    );
    assert_eq!(code, 0, "{said}");
    let (code, said) = run(path, &["diff", "--to", "templates", "app.yaml"]);
    assert!(code != 0 && said.contains("nobody passes"), "{code} {said}");

    // Without the refusal it is an error in a policy that a sample meets, with file and line.
    fs::remove_file(path.join("templates/all.policy.j2")).unwrap();
    write(
        path,
        "templates/always/part.policy.j2",
        "\n{% if driver.spec.nope.no %}{% endif %}\n",
    );
    let (code, said) = run(path, &["check", "templates"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("templates/always/part.policy.j2:2: "), "{said}");
}

#[test]
fn a_patch_of_executors_that_spark_overwrites_is_an_error_at_load() {
    let patch = "metadata: {labels: {team: ml}}\nspec: {nodeSelector: {a: b}, priorityClassName: low}\n";
    let work = templates(&[("templates/always/executor-pod.patch.yaml.j2", patch)]);
    let (code, said) = run(work.path(), &["check", "templates"]);
    assert_eq!(code, 1, "{said}");
    for (path, key) in [
        ("metadata.labels", "spark.kubernetes.executor.label."),
        ("spec.nodeSelector", "spark.kubernetes.executor.node.selector."),
    ] {
        let told = said
            .lines()
            .any(|line| line.contains(path) && line.contains(key) && line.contains("use a policy"));
        assert!(told, "{path}: {said}");
    }
    write(
        work.path(),
        "templates/always/executor-pod.patch.yaml.j2",
        "spec: {priorityClassName: low}\n",
    );
    let (code, said) = run(work.path(), &["check", "templates"]);
    assert_eq!(code, 0, "{said}");
    // In a set it is as before: the conf may be the stronger one.
    fs::rename(
        work.path().join("templates/always"),
        work.path().join("templates/default"),
    )
    .unwrap();
    write(work.path(), "templates/default/executor-pod.patch.yaml.j2", patch);
    let (code, said) = run(work.path(), &["check", "templates"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn an_executor_that_nobody_can_know_is_refused_where_a_policy_reads_it() {
    let work = templates(&[("templates/no-host-path.policy.j2", NO_HOST_PATH)]);
    let step = [("spark.kubernetes.executor.pod.featureSteps", "com.example.Step")];
    write(work.path(), "app.yaml", &application("a", &step, ""));
    let (code, said) = run(
        work.path(),
        &["render", "app.yaml", "--template-dir", "templates"],
    );
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("because a policy reads it"), "{said}");
    write(
        work.path(),
        "templates/no-host-path.policy.j2",
        "{% if driver.spec.hostNetwork %}{{ refuse('x') }}{% endif %}",
    );
    write(work.path(), "app.yaml", &application("a", &step, ""));
    let (code, said) = run(
        work.path(),
        &["render", "app.yaml", "--template-dir", "templates"],
    );
    assert_eq!(code, 0, "{said}");
}
