//! How a policy is rolled out: what its refusals and audited refusals tell the admin, and exemptions by namespace.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::{ApiServer, Effect, Fault};
use crate::support::program::{Ended, call, submission};
use crate::support::serve::{Serve, exchange};
use crate::support::template_directory::{serve, templates, write};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

const SPARK_PI: &str = include_str!("../../../examples/spark-pi.yaml");

/// The example as its caller has it from the API server, which has it too.
fn application(api: &ApiServer, name: &str, namespace: &str, labels: &str) -> String {
    let metadata = json!({"metadata": {"name": name, "namespace": namespace, "uid": name}, "spec": {}});
    api.put("sparkapplications", metadata);
    let metadata = format!("  name: {name}\n  uid: {name}\n  labels: {labels}\n");
    SPARK_PI
        .replace("  name: spark-pi\n", &metadata)
        .replace("  namespace: default\n", &format!("  namespace: {namespace}\n"))
}

/// The log lines of policies, once there are so many.
fn audit(serve: &Serve, count: usize) -> Vec<Value> {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let lines: Vec<Value> = serve
            .log()
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|line: &Value| line["policy_outcome"].is_string())
            .collect();
        if lines.len() >= count {
            assert_eq!(lines.len(), count, "{lines:#?}");
            return lines;
        }
        assert!(Instant::now() < end, "{lines:#?}\n{}", serve.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Reason and message of each Event, once there are so many.
async fn events(api: &ApiServer, count: usize) -> Vec<(String, String)> {
    let names = |api: &ApiServer| -> Vec<String> {
        let names = api.names();
        let names = names.iter().filter_map(|name| name.strip_prefix("events/"));
        names.map(str::to_owned).collect()
    };
    api.until(&format!("{count} Events"), |api| names(api).len() >= count)
        .await;
    let events = names(api).into_iter().map(|name| {
        let found = ["default", "legacy"]
            .iter()
            .find_map(|namespace| api.get("events", namespace, &name));
        let event = found.unwrap();
        let text = |field: &str| event[field].as_str().unwrap().to_owned();
        (text("reason"), text("message"))
    });
    let mut events: Vec<_> = events.collect();
    events.sort();
    assert_eq!(events.len(), count, "{events:#?}");
    events
}

fn counted(serve: &Serve, labels: [&str; 4], count: u32) {
    let [set, policy, mode, outcome] = labels;
    let line = format!(
        "native_submit_policy_verdicts_total{{set=\"{set}\",policy=\"{policy}\",mode=\"{mode}\",outcome=\"{outcome}\"}} {count}\n"
    );
    let (_, metrics) = serve.get("/metrics");
    assert!(metrics.contains(&line), "{line}\n{metrics}");
}

const TEAM: &str = "{% if not submission.labels.team %}{{ refuse('a team, please') }}{% endif %}";
const COST: &str =
    "# mode: audit\n{% if not submission.labels.cost %}{{ refuse('a cost centre, please') }}{% endif %}";

#[tokio::test(flavor = "multi_thread")]
async fn who_was_refused_by_what_is_counted_logged_and_told_on_the_application() {
    let api = ApiServer::start().await;
    let directory = templates(&[
        ("always/team.policy.j2", TEAM),
        ("cost.policy.j2", COST),
        (
            "old.policy.j2",
            "{% if submission.labels.old %}{{ warn('old') }}{% endif %}",
        ),
    ]);
    let (serve, _folder) = serve(&api, directory.path(), &["--spark-user", "operator"]);
    let reply = serve
        .submit(&application(&api, "nobodys", "default", "{a: secret-value}"), "a")
        .await;
    // The author gets the words alone.
    assert_eq!(reply.error_message, "a team, please");
    let lines = audit(&serve, 2);
    let of = |outcome: &str| {
        let mut of = lines.iter().filter(|line| line["policy_outcome"] == outcome);
        of.next().unwrap()
    };
    let refused = of("refused");
    for (field, value) in [
        ("policy", "always/team.policy.j2"),
        ("mode", "enforce"),
        ("namespace", "default"),
        ("application", "nobodys"),
        ("user", "operator"),
        ("entry_point", "grpc"),
        ("submission_id", "a"),
        ("code", "REFUSED_BY_POLICY"),
        ("message", "a policy refuses: a team, please"),
    ] {
        assert_eq!(refused[field], value, "{field}: {refused:#}");
    }
    // The other refusals are reported, too.
    let audited = of("would-refuse");
    assert_eq!(
        (&audited["policy"], &audited["mode"], &audited["code"]),
        (&json!("cost.policy.j2"), &json!("audit"), &Value::Null)
    );
    assert!(!lines.iter().any(|line| line.to_string().contains("secret-value")));
    let told = events(&api, 2).await;
    let expected = [
        (
            "AuditedByPolicy",
            "will be refused by the policy, which is in audit mode, cost.policy.j2: a cost centre, please",
        ),
        (
            "RefusedByPolicy",
            "refused by the policy always/team.policy.j2: a team, please",
        ),
    ];
    assert_eq!(
        told,
        expected.map(|(reason, message)| (reason.to_owned(), message.to_owned()))
    );
    counted(
        &serve,
        ["default", "always/team.policy.j2", "enforce", "refused"],
        1,
    );
    counted(&serve, ["default", "cost.policy.j2", "audit", "would-refuse"], 1);
    // A series begins before anything is refused.
    counted(&serve, ["default", "old.policy.j2", "enforce", "refused"], 0);

    // One that is let through is reported as well; by REST, too.
    let labels = "{team: ml, old: \"yes\"}";
    let reply = serve
        .submit(&application(&api, "ours", "default", labels), "b")
        .await;
    assert!(reply.success, "{}", reply.error_message);
    let lines = audit(&serve, 4);
    let audited = lines
        .iter()
        .filter(|line| line["policy_outcome"] == "would-refuse");
    assert_eq!(audited.clone().count(), 2);
    assert_eq!(audited.clone().next_back().unwrap()["application"], "ours");
    events(&api, 3).await;
    counted(&serve, ["default", "cost.policy.j2", "audit", "would-refuse"], 2);
    counted(&serve, ["default", "old.policy.j2", "enforce", "warned"], 1);
    let body = json!({"submission_id": "c", "spark_submit_args": [
        "--master", "k8s://https://h", "--deploy-mode", "cluster", "--class", "a.B", "--name", "by-rest",
        "--conf", "spark.kubernetes.namespace=default", "--conf", "spark.kubernetes.container.image=spark:4.0.1",
        "local:///a.jar",
    ]});
    let headers = "Content-Type: application/json\r\n";
    let post = "POST /api/v1/spark-submit";
    let (status, _) = exchange(&serve.rest, post, headers, body.to_string().as_bytes());
    assert_eq!(status, 422);
    let lines = audit(&serve, 6);
    let refused = lines
        .iter()
        .rfind(|line| line["policy_outcome"] == "refused")
        .unwrap();
    assert_eq!(
        (&refused["entry_point"], &refused["application"]),
        (&json!("rest"), &json!("by-rest"))
    );
    counted(
        &serve,
        ["default", "always/team.policy.j2", "enforce", "refused"],
        2,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_exempt_as_long_as_the_file_says_so_and_it_is_reported() {
    let api = ApiServer::start().await;
    let broken = "{% if submission.labels.odd %}{{ 1 // 0 }}{% endif %}";
    let exempt =
        "team.policy.j2:\n- namespace: legacy\n  reason: moves in January\nbroken.policy.j2: [legacy]\n";
    let directory = templates(&[
        ("always/team.policy.j2", TEAM),
        ("always/broken.policy.j2", broken),
        ("always/exempt.yaml", exempt),
    ]);
    let (serve, _folder) = serve(&api, directory.path(), &[]);
    let odd = "{odd: \"yes\"}";
    let reply = serve.submit(&application(&api, "a", "legacy", odd), "a").await;
    assert!(reply.success, "{}", reply.error_message);
    let line = audit(&serve, 1).remove(0);
    for (field, value) in [
        ("policy", "always/team.policy.j2"),
        ("mode", "enforce"),
        ("policy_outcome", "exempt"),
        ("namespace", "legacy"),
        ("exempt_because", "moves in January"),
        (
            "message",
            "a policy would refuse, and the namespace is exempt: a team, please",
        ),
    ] {
        assert_eq!(line[field], value, "{field}: {line:#}");
    }
    counted(
        &serve,
        ["default", "always/team.policy.j2", "enforce", "exempt"],
        1,
    );
    counted(
        &serve,
        ["default", "always/broken.policy.j2", "enforce", "failed"],
        1,
    );
    // Nobody else is, and one that begins alike isn't.
    for namespace in ["default", "legacy-2"] {
        let reply = serve.submit(&application(&api, "b", namespace, "{}"), "b").await;
        assert_eq!(reply.error_message, "a team, please", "{namespace}");
    }

    // It is a part of the set: it has a say in its hash, is loaded anew, and is refused with the set where it is wrong.
    let generation = |number: u32| format!("native_submit_template_set_generation {number}\n");
    write(
        directory.path(),
        "always/exempt.yaml",
        "team.policy.j2: [other]\n",
    );
    serve.wait_for("/metrics", |body| body.contains(&generation(2)));
    let reply = serve.submit(&application(&api, "c", "legacy", "{}"), "c").await;
    assert_eq!(reply.error_message, "a team, please");
    write(
        directory.path(),
        "always/exempt.yaml",
        "taem.policy.j2: [legacy]\n",
    );
    let body = serve.wait_for("/readyz", |body| body.contains("did you mean `team.policy.j2`?"));
    assert!(
        body.contains("always/exempt.yaml:1: taem.policy.j2: expected"),
        "{body}"
    );
    let reply = serve.submit(&application(&api, "d", "other", "{}"), "d").await;
    assert!(reply.success, "the last good one stays: {}", reply.error_message);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_set_can_exempt_from_what_always_demands() {
    let api = ApiServer::start().await;
    let directory = templates(&[
        ("always/team.policy.j2", TEAM),
        ("exempt.yaml", "team.policy.j2: [default]\n"),
    ]);
    let (serve, _folder) = serve(&api, directory.path(), &[]);
    let body = serve.wait_for("/readyz", |body| body.contains("exempt.yaml"));
    assert!(
        body.contains("no-template-set") && body.contains("only always/exempt.yaml can exempt from it"),
        "{body}"
    );
    // Of its own it can.
    write(directory.path(), "exempt.yaml", "cost.policy.j2: [default]\n");
    write(
        directory.path(),
        "cost.policy.j2",
        &COST.replace("audit", "enforce"),
    );
    serve.wait_for("/readyz", |body| body.contains("\"ready\": true"));
    let reply = serve.submit(&application(&api, "a", "default", "{}"), "a").await;
    assert_eq!(reply.error_message, "a team, please");
    let reply = serve
        .submit(&application(&api, "b", "default", "{team: ml}"), "b")
        .await;
    assert!(reply.success, "{}", reply.error_message);

    // Exemptions alone are no layer: emptied of its policies, `always/` is refused.
    write(directory.path(), "always/exempt.yaml", "{}\n");
    fs::remove_file(directory.path().join("always/team.policy.j2")).unwrap();
    serve.wait_for("/readyz", |body| {
        body.contains("the folder `always` has no template")
    });
    let reply = serve.submit(&application(&api, "c", "default", "{}"), "c").await;
    assert_eq!(reply.error_message, "a team, please");
}

/// Exit code, and what a command printed and said.
fn run(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = std::process::Command::new(crate::support::serve::binary())
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn check_tells_whom_each_policy_lets_through_and_no_refusal_hides_an_error() {
    let named = |name: &str, namespace: &str| {
        let text = SPARK_PI.replace("name: spark-pi", &format!("name: {name}"));
        text.replace("namespace: default", &format!("namespace: {namespace}"))
    };
    let teamed = named("teamed", "jobs").replace("  namespace:", "  labels: {team: ml}\n  namespace:");
    let work = templates(&[
        ("templates/always/team.policy.j2", TEAM),
        ("templates/cost.policy.j2", COST),
        ("templates/always/exempt.yaml", "team.policy.j2: [legacy]\n"),
        ("cases/teamed/application.yaml", &teamed),
        ("cases/exempt/application.yaml", &named("old", "legacy")),
        ("cases/banned/application.yaml", &named("banned", "jobs")),
        ("cases/banned/error.txt", "a team, please\n"),
    ]);
    let arguments = ["check", "templates", "--cases", "cases", "--output", "json"];
    let (code, out, said) = run(work.path(), &arguments);
    assert_eq!(code, 0, "{out}{said}");
    let found: Value = serde_json::from_str(&out).unwrap();
    let samples = [
        "examples/spark-pi.yaml",
        "examples/java-etl.yaml",
        "examples/pyspark-report.yaml",
        "examples/sparkr-model.yaml",
    ];
    let and = |more: &[&'static str]| [&samples[..], more].concat();
    assert_eq!(
        found["policies"],
        json!([
            {
                "file": "templates/cost.policy.j2", "set": "default", "mode": "audit", "let_through": [],
                "refused": and(&["banned", "exempt", "teamed"]), "exempt": [], "failed": [],
            },
            {
                "file": "templates/always/team.policy.j2", "set": "default", "mode": "enforce",
                "let_through": ["examples/java-etl.yaml", "teamed"],
                "refused": [samples[0], samples[2], samples[3], "banned"], "exempt": ["exempt"], "failed": [],
            },
        ]),
        "{found:#}"
    );
    // An error of another policy, on an application that the first one refuses, and in audit mode, too.
    for mode in ["", "# mode: audit\n"] {
        let broken = format!("{mode}\n{{% if driver.spec.volumes | length / 0 %}}{{% endif %}}\n");
        write(work.path(), "templates/broken.policy.j2", &broken);
        let (code, out, said) = run(work.path(), &["check", "templates"]);
        assert_eq!(code, 1, "{out}{said}");
        assert!(out.contains("templates/broken.policy.j2:"), "{out}");
        let failed = "ended in an error on examples/spark-pi.yaml, examples/java-etl.yaml";
        assert!(out.contains(failed), "{out}");
    }
    fs::remove_file(work.path().join("templates/broken.policy.j2")).unwrap();
    // What is wrong with exemptions is an error with file and line.
    write(
        work.path(),
        "templates/always/exempt.yaml",
        "\nteam.policy.j2: [a, a]\n",
    );
    let (code, out, said) = run(work.path(), &["check", "templates"]);
    assert_eq!(code, 1, "{out}{said}");
    assert!(
        out.contains("templates/always/exempt.yaml:2: team.policy.j2[1].namespace: is there twice"),
        "{out}"
    );
}

/// A namespace of the API server.
fn namespace(api: &ApiServer, name: &str, tier: &str) {
    api.put(
        "namespaces",
        json!({"metadata": {"name": name, "labels": {"tier": tier}}}),
    );
}

const TIER: &str = "{% set tier = namespace.labels.tier | default('none') %}\
                    {% if tier != submission.labels.tier | default('none') %}{{ refuse('this namespace is for the tier ' ~ tier) }}{% endif %}";

fn looks_at_namespaces(api: &ApiServer) -> bool {
    api.log().iter().any(|seen| seen.resource == "namespaces")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_reads_the_namespaces_labels_as_they_are_now() {
    let api = ApiServer::start().await;
    namespace(&api, "default", "gold");
    let directory = templates(&[("always/team.policy.j2", TEAM)]);
    let (serve, _folder) = serve(&api, directory.path(), &[]);
    let silver = |name: &str, namespace: &str| application(&api, name, namespace, "{team: a, tier: silver}");
    assert!(serve.submit(&silver("a", "default"), "a").await.success);
    assert!(!looks_at_namespaces(&api), "no policy reads them");

    write(directory.path(), "always/tier.policy.j2", TIER);
    serve.wait_for("/metrics", |body| {
        body.contains("native_submit_template_set_generation 2\n")
    });
    let reply = serve.submit(&silver("b", "default"), "b").await;
    assert_eq!(reply.error_message, "this namespace is for the tier gold");
    // What changes, and what comes, is followed.
    namespace(&api, "legacy", "silver");
    let reply = serve.submit(&silver("c", "legacy"), "c").await;
    assert!(reply.success, "{}", reply.error_message);
    namespace(&api, "default", "silver");
    let end = Instant::now() + Duration::from_secs(60);
    while !serve.submit(&silver("d", "default"), "d").await.success {
        assert!(Instant::now() < end, "{}", serve.log());
    }
    // One that isn't there is not taken for one without labels.
    let reply = serve.submit(&silver("e", "nowhere"), "e").await;
    assert_eq!(
        (reply.error_code(), reply.retryable),
        ("INTERNAL_SERVER_ERROR", Some(true)),
        "{}",
        reply.error_message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_read_namespaces_a_policy_that_does_is_refused_retryably_and_the_admin_sees_why()
{
    let api = ApiServer::start().await;
    namespace(&api, "default", "gold");
    let forbidden = json!({"kind": "Status", "reason": "Forbidden", "code": 403, "message": "no"});
    api.fault(Fault::always(
        "list",
        "namespaces",
        Effect::Refuse(403, forbidden),
    ));
    let careful = "{% if namespace.known and namespace.labels.tier %}{{ refuse('known') }}{% endif %}";
    let directory = templates(&[("always/tier.policy.j2", careful)]);
    let (serve, _folder) = serve(&api, directory.path(), &[]);
    let reply = serve.submit(&application(&api, "a", "default", "{}"), "a").await;
    assert!(reply.success, "it asks first: {}", reply.error_message);
    write(directory.path(), "always/tier.policy.j2", TIER);
    serve.wait_for("/metrics", |body| {
        body.contains("native_submit_template_set_generation 2\n")
    });
    let reply = serve.submit(&application(&api, "b", "default", "{}"), "b").await;
    assert_eq!(
        (reply.error_code(), reply.retryable),
        ("INTERNAL_SERVER_ERROR", Some(true))
    );
    let (_, body) = serve.get("/readyz");
    assert!(body.contains("deploy/rbac/namespaces"), "{body}");
    counted(
        &serve,
        ["default", "always/tier.policy.j2", "enforce", "failed"],
        1,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_sees_by_which_entry_point_a_submission_came() {
    let api = ApiServer::start().await;
    let directory = templates(&[(
        "always/entry.policy.j2",
        "{{ refuse('by ' ~ submission.entry_point) }}",
    )]);
    let socket = directory.path().with_extension("sock");
    let (serve, _folder) = serve(&api, directory.path(), &["--socket", socket.to_str().unwrap()]);
    let reply = serve.submit(&application(&api, "a", "default", "{}"), "a").await;
    assert_eq!(reply.error_message, "by grpc");
    let conf = [
        "spark.kubernetes.container.image=spark:4.0.1",
        "spark.kubernetes.submission.waitAppCompletion=false",
    ];
    let mut arguments = submission("k8s://https://h", &conf);
    arguments.push("local:///a.jar");
    let body = json!({"submission_id": "b", "spark_submit_args": arguments}).to_string();
    let headers = "Content-Type: application/json\r\n";
    let (_, answer) = exchange(&serve.rest, "POST /api/v1/spark-submit", headers, body.as_bytes());
    assert!(answer.contains("\"by rest\""), "{answer}");
    let drop_in = std::process::Command::new(crate::support::serve::binary())
        .arg("spark-submit")
        .args(arguments)
        .env_clear()
        .env("NATIVE_SUBMIT_SOCKET", &socket)
        .output()
        .unwrap();
    let said = String::from_utf8(drop_in.stderr).unwrap();
    assert!(said.contains("by spark-submit"), "{said}");
}

#[test]
fn the_command_line_is_reported_what_only_a_server_knows() {
    let patch = "metadata:\n  annotations:\n    team: {{ application.labels.team | default(\"none\") }}\n    note: {{ application.annotations.note | default(\"none\") }}\n";
    let executor = "metadata: {annotations: {container: {{ executor.name }}}}\n";
    let metadata = "  labels: {team: ml, tier: gold}\n  annotations: {note: hello}\n  namespace:";
    let work = templates(&[
        ("templates/driver-pod.patch.yaml.j2", patch),
        ("templates/executor-pod.patch.yaml.j2", executor),
        ("templates/always/tier.policy.j2", TIER),
        (
            "templates/always/entry.policy.j2",
            "{% if submission.entry_point == 'rest' %}{{ refuse('no REST') }}{% endif %}",
        ),
        ("app.yaml", &SPARK_PI.replace("  namespace:", metadata)),
        (
            "cases/gold/application.yaml",
            &SPARK_PI.replace("  namespace:", metadata),
        ),
        ("cases/gold/case.yaml", "namespace: {labels: {tier: gold}}\n"),
        (
            "cases/rest/application.yaml",
            &SPARK_PI.replace("  namespace:", metadata),
        ),
        (
            "cases/rest/case.yaml",
            "namespace: {labels: {tier: gold}}\nentryPoint: rest\n",
        ),
        ("cases/rest/error.txt", "no REST\n"),
        (
            "cases/none/application.yaml",
            &SPARK_PI.replace("  namespace:", metadata),
        ),
        ("cases/none/error.txt", "this namespace is for the tier none\n"),
    ]);
    let render = ["render", "app.yaml", "--template-dir", "templates"];
    let (code, _, said) = run(work.path(), &render);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("always/tier.policy.j2") && said.contains("--namespace-label"),
        "{said}"
    );
    let with = |more: &[&'static str]| run(work.path(), &[&render[..], more].concat());
    let (code, out, said) = with(&["--namespace-label", "tier=gold"]);
    assert_eq!(code, 0, "{said}");
    for line in ["team: ml", "note: hello", "container: spark-kubernetes-executor"] {
        assert!(out.contains(line), "{line}: {out}");
    }
    let (code, _, said) = with(&["--namespace-label", "tier=gold", "--entry-point", "rest"]);
    assert_eq!((code, said.as_str()), (1, "error: no REST\n"));
    let (code, _, said) = with(&["--namespace-label", "tier"]);
    assert_eq!(code, 2, "{said}");
    let (code, out, said) = run(
        work.path(),
        &["check", "templates", "--cases", "cases", "--output", "json"],
    );
    assert_eq!(code, 0, "{out}{said}");

    // The plan's hash, by which a submission is known, has nothing of it.
    let hash = |out: &str| -> String {
        let line = out
            .lines()
            .find(|line| line.contains("native-submit/plan-hash"))
            .unwrap();
        line.trim().to_owned()
    };
    let relabelled = SPARK_PI.replace("  namespace:", &metadata.replace("hello", "bye"));
    write(work.path(), "app.yaml", &relabelled);
    let (_, again, _) = with(&["--namespace-label", "tier=gold", "--entry-point", "grpc"]);
    assert!(again.contains("note: bye"), "{again}");
    assert_eq!(hash(&out_of(&work)), hash(&again));
}

/// The example as it was, rendered with the same templates.
fn out_of(work: &tempfile::TempDir) -> String {
    let metadata = "  labels: {team: ml, tier: gold}\n  annotations: {note: hello}\n  namespace:";
    write(
        work.path(),
        "first.yaml",
        &SPARK_PI.replace("  namespace:", metadata),
    );
    let render = [
        "render",
        "first.yaml",
        "--template-dir",
        "templates",
        "--namespace-label",
        "tier=gold",
    ];
    let (code, out, said) = run(work.path(), &render);
    assert_eq!(code, 0, "{said}");
    out
}

/// `check` of the templates in a folder, whose kubeconfig leads to the API server.
fn check(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let arguments = [&["check", "templates"], arguments].concat();
    let environment = [&[("KUBECONFIG", "kubeconfig")], environment].concat();
    call(folder, &arguments, &environment)
}

#[tokio::test(flavor = "multi_thread")]
async fn check_live_tells_which_applications_of_the_cluster_would_be_refused() {
    let api = ApiServer::start().await;
    for (name, tier) in [("default", "gold"), ("legacy", "silver"), ("jobs", "none")] {
        namespace(&api, name, tier);
    }
    let live = |name: &str, namespace: &str, labels: Value| -> Value {
        let mut application = native_submit::strict::parse_yaml(SPARK_PI).unwrap();
        application["metadata"] =
            json!({"name": name, "namespace": namespace, "uid": name, "labels": labels});
        application
    };
    let teamed = |tier: &str| json!({"team": "a", "tier": tier, "cost": "1"});
    api.put("sparkapplications", live("fine", "default", teamed("gold")));
    api.put("sparkapplications", live("untiered", "default", teamed("silver")));
    api.put(
        "sparkapplications",
        live("unteamed", "jobs", json!({"tier": "none", "cost": "1"})),
    );
    api.put(
        "sparkapplications",
        live("exempt", "legacy", json!({"tier": "silver"})),
    );
    let mut broken = live("broken", "jobs", teamed("none"));
    broken["spec"]["driver"]["coreLimit"] = json!("two");
    api.put("sparkapplications", broken);
    let schedule = json!({
        "metadata": {"name": "nightly", "namespace": "default"},
        "spec": {"schedule": "@daily", "template": live("x", "default", json!({}))["spec"]},
    });
    api.put("scheduledsparkapplications", schedule);
    let work = templates(&[
        ("templates/always/team.policy.j2", TEAM),
        ("templates/always/tier.policy.j2", TIER),
        ("templates/always/exempt.yaml", "team.policy.j2: [legacy]\n"),
        ("templates/cost.policy.j2", COST),
    ]);
    let reach = crate::support::serve::kubeconfig(&api.url);
    write(work.path(), "kubeconfig", &reach);
    let check = |arguments: &[&str]| -> (i32, String, String) {
        let Ended { code, out, said } = check(work.path(), arguments, &[]);
        (code, out, said)
    };
    let (code, out, said) = tokio::task::block_in_place(|| check(&["--live", "-A"]));
    assert_eq!(code, 1, "{out}{said}");
    for line in [
        "default/untiered: refused by always/tier.policy.j2: this namespace is for the tier gold\n",
        "jobs/unteamed: refused by always/team.policy.j2: a team, please\n",
        "legacy/exempt: exempt from always/team.policy.j2: a team, please\n",
        "legacy/exempt: would be refused by (audit mode) cost.policy.j2: a cost centre, please\n",
        "default/nightly: refused by always/team.policy.j2: a team, please\n",
        "jobs/broken: can't be submitted: ",
    ] {
        assert!(out.contains(line), "{line}{out}{said}");
    }
    assert!(!out.contains("default/fine"), "{out}");
    assert!(
        said.contains(
            "6 live applications: 4 refused, 1 would be refused by policies in audit mode, 1 exempt"
        ),
        "{said}"
    );
    let (code, out, said) =
        tokio::task::block_in_place(|| check(&["--live", "-n", "legacy", "--output", "json"]));
    assert_eq!(code, 0, "{out}{said}");
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["live"][0]["application"], "legacy/exempt", "{found}");
    assert_eq!(
        found["live"][0]["policies"][0]["outcome"], "would-refuse",
        "{found}"
    );
    let strict = ["--live", "-n", "legacy", "--deny-warnings"];
    assert_eq!(tokio::task::block_in_place(|| check(&strict)).0, 1);
    let (code, out, _) = tokio::task::block_in_place(|| check(&["--live", "-A", "--output", "github"]));
    assert!(code == 1 && out.contains("always/team.policy.j2"), "{out}");
    assert_eq!(tokio::task::block_in_place(|| check(&["--live"])).0, 2);
    assert_eq!(tokio::task::block_in_place(|| check(&["-A"])).0, 2);
    // It must say so where it can't look.
    write(
        work.path(),
        "kubeconfig",
        &crate::support::serve::kubeconfig("http://127.0.0.1:1"),
    );
    assert_eq!(tokio::task::block_in_place(|| check(&["--live", "-A"])).0, 3);
}

/// Templates see a sidecar only where native-submit adds it.
#[tokio::test(flavor = "multi_thread")]
async fn check_live_takes_who_adds_what_the_webhook_adds() {
    let api = ApiServer::start().await;
    let mut sided = native_submit::strict::parse_yaml(SPARK_PI).unwrap();
    sided["metadata"] = json!({"name": "sided", "namespace": "jobs", "uid": "sided"});
    sided["spec"]["driver"]["sidecars"] = json!([{"name": "proxy", "image": "proxy:1"}]);
    api.put("sparkapplications", sided);
    let work = templates(&[(
        "templates/driver-pod.patch.yaml.j2",
        "{% if pod.sidecars %}{{ refuse('no sidecars') }}{% endif %}",
    )]);
    let reach = crate::support::serve::kubeconfig(&api.url);
    write(work.path(), "kubeconfig", &reach);
    for (webhook, code) in [("on", 0), ("off", 1), ("auto", 0)] {
        let live = ["--live", "-A"];
        let ended =
            tokio::task::block_in_place(|| check(work.path(), &live, &[("OPERATOR_WEBHOOK", webhook)]));
        let out = ended.out;
        assert_eq!(ended.code, code, "{webhook}: {out}");
        assert_eq!(out.contains("no sidecars"), code == 1, "{webhook}: {out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_live_looks_at_executors_as_the_server_does() {
    let api = ApiServer::start().await;
    let mut labelled = native_submit::strict::parse_yaml(SPARK_PI).unwrap();
    labelled["metadata"] = json!({"name": "labelled", "namespace": "jobs", "uid": "labelled"});
    labelled["spec"]["executor"]["labels"] = json!({"team": "a team"});
    api.put("sparkapplications", labelled);
    let work = templates(&[("templates/driver-pod.patch.yaml.j2", "metadata: {}\n")]);
    let reach = crate::support::serve::kubeconfig(&api.url);
    write(work.path(), "kubeconfig", &reach);
    for (executor_check, code) in [("refuse", 1), ("warn", 0)] {
        let live = ["--live", "-A"];
        let ended =
            tokio::task::block_in_place(|| check(work.path(), &live, &[("EXECUTOR_CHECK", executor_check)]));
        let out = ended.out;
        assert_eq!(ended.code, code, "{executor_check}: {out}");
        let refused = out.contains("jobs/labelled: can't be submitted: executor Pod metadata.labels.team");
        assert_eq!(refused, code == 1, "{executor_check}: {out}");
    }
}
