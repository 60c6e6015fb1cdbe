//! Templates that take all memory or time that they get: they harm nobody but who uses them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::memory;
use crate::support::api_server::ApiServer;
use crate::support::serve;
use crate::support::serve::Serve;
use native_submit::{
    operator::{Origin, Webhook, application, wire::RunAltSparkSubmitResponse},
    spark::{
        plan,
        submission::{self, SubmissionId, SubmitterContext},
    },
    submitter,
    templates::{Rendering, SetOptions, TemplateSets},
};
use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

const SPARK_PI: &str = include_str!("../../examples/spark-pi.yaml");

/// A list that would have 2^60 items if it were written out.
fn long_list() -> String {
    format!("{{% set a=[1] %}}{}", "{% set a=a+a %}".repeat(60))
}

/// Whether a message tells of the limit. On a machine that is busy with other things the clock ends first what takes CPU.
fn tells(text: &str, of: &str, limit: &str) -> bool {
    let said = |limit: &str| text.contains(&format!("{of}passed its limit of {limit}"));
    said(limit) || (limit == CPU && said("10 s"))
}

const CPU: &str = "2 s of CPU";
const MEMORY: &str = "48 MiB";

/// Submits until the answer is no longer that another try may help.
async fn submitted(address: &str, application: &str, id: &str) -> RunAltSparkSubmitResponse {
    let mut reply = serve::submit(address, application, id).await;
    for _ in 0..10 {
        if reply.retryable != Some(true) {
            break;
        }
        reply = serve::submit(address, application, id).await;
    }
    reply
}

/// A list in a list, many times.
fn deep_list(depth: usize) -> String {
    format!("{{% set a=[1] %}}{}", "{% set a=[a] %}".repeat(depth))
}

/// Expressions that never end, or that ask for more memory than there is; what the finding says of each.
fn greedy() -> Vec<(&'static str, String, Option<&'static str>)> {
    let (cpu, memory) = (Some(CPU), Some(MEMORY));
    // Ended by the engine's own bounds, or by ours, whichever comes first.
    let any = None;
    let long = long_list();
    vec![
        ("first", format!("{long}{{{{ a[10**15:]|first }}}}"), cpu),
        ("last", format!("{long}{{{{ a[10**15:]|last }}}}"), cpu),
        ("join", format!("{long}{{{{ a|join }}}}"), cpu),
        ("in", format!("{long}{{{{ 2 in a }}}}"), cpu),
        ("sum", format!("{long}{{{{ a|sum }}}}"), cpu),
        ("max", format!("{long}{{{{ a|max }}}}"), cpu),
        ("list", format!("{long}{{{{ a|list|length }}}}"), any),
        ("lines", "{{ (\"\\n\"*40000000)|lines }}".to_owned(), memory),
        ("nested", "{{ [[1]*10**6]*10**6 }}".to_owned(), any),
        ("nested-json", "{{ [[1]*10**6]*10**6 | tojson }}".to_owned(), any),
        ("sort", "{{ ([1]*10**8)|sort|length }}".to_owned(), memory),
        (
            "batch",
            "{{ ([1]*10**8)|batch(1)|list|length }}".to_owned(),
            memory,
        ),
        ("unique", "{{ ([1]*10**8)|unique|length }}".to_owned(), any),
        ("string", "{{ (\"a\"*10**9)|length }}".to_owned(), any),
        (
            "replace",
            "{{ (\"a\"*10**7)|replace(\"a\", \"b\"*10**6)|length }}".to_owned(),
            any,
        ),
        (
            "indent",
            "{{ (\"a\\n\"*10**8)|indent(1000)|length }}".to_owned(),
            any,
        ),
        ("format", "{{ \"%999999999d\"|format(1) }}".to_owned(), any),
        ("range", "{{ range(10**12)|list|length }}".to_owned(), any),
        (
            "macros",
            "{% macro m(n) %}{{ m(n+1) }}{% endmacro %}{{ m(0) }}".to_owned(),
            any,
        ),
        ("includes", "{% include \"driver-pod.yaml.j2\" %}".to_owned(), any),
        (
            "loops",
            "{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}"
                .to_owned(),
            any,
        ),
        ("deep", format!("{}{{{{ a }}}}", deep_list(20_000)), any),
        (
            "power",
            "{{ (2**126)|string|length }}{{ 10**10**10 }}".to_owned(),
            any,
        ),
    ]
}

/// A driver Pod that is as it should be but for an annotation; `guard` says for whom it has that.
fn pod(greedy: &str, guard: &str) -> String {
    format!(
        "{{% extends \"builtin/driver-pod.yaml.j2\" %}}\n{{% block annotations %}}\n{{{{ super() }}}}\n\
         {{% if {guard} %}}\n    x: {greedy}\n{{% endif %}}\n{{% endblock %}}\n"
    )
}

/// A good override that leaves a mark.
fn marked(mark: &str) -> String {
    format!(
        "{{% extends \"builtin/driver-pod.yaml.j2\" %}}\n{{% block annotations %}}\n{{{{ super() }}}}\n    example.com/mark: {mark}\n\
         {{% endblock %}}\n"
    )
}

fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // As an editor does it: never half of a file.
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

fn named(name: &str) -> String {
    SPARK_PI.replace("name: spark-pi", &format!("name: {name}"))
}

fn in_namespace(namespace: &str, name: &str) -> String {
    named(name).replace("namespace: default", &format!("namespace: {namespace}"))
}

/// Runs a command that must end, and soon enough.
fn ends(command: &mut Command, most: Duration) -> Output {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > most {
            child.kill().unwrap();
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok())
        .flat_map(|text| {
            text.split_ascii_whitespace()
                .map(|pid| pid.parse().unwrap())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn is_small(serve: &Serve) {
    memory::is_within_limit_with_workers(serve.pid(), &children(serve.pid()));
}

/// Waits for a state that may come only after some sets were tried that take all time that they get.
fn waits_for(serve: &Serve, condition: impl Fn(&str) -> bool) -> String {
    let end = Instant::now() + Duration::from_secs(180);
    loop {
        let (_, body) = serve.get("/readyz");
        if condition(&body) {
            return body;
        }
        assert!(Instant::now() < end, "/readyz stays:\n{body}\n{}", serve.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn check_ends_with_a_finding_that_names_template_and_limit() {
    for (name, text, says) in greedy() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), "driver-pod.yaml.j2", &text);
        let mut check = Command::new(serve::binary());
        check.arg("check").arg(directory.path());
        let output = ends(&mut check, Duration::from_secs(120));
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {text}");
        assert!(text.contains("driver-pod.yaml.j2"), "{name}: {text}");
        if let Some(limit) = says {
            assert!(tells(&text, "driver-pod.yaml.j2: ", limit), "{name}: {text}");
        }
    }
}

/// The same where another file of the set is the greedy one, and where the set is a team's.
#[test]
fn check_names_the_template_that_is_greedy() {
    let greedy = format!("{}{{{{ a|join }}}}\n", long_list());
    for name in [
        "driver-configmap.yaml.j2",
        "driver-pod.patch.yaml.j2",
        "team/executor-pod.yaml.j2",
    ] {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), name, &greedy);
        let mut check = Command::new(serve::binary());
        check.arg("check").arg(directory.path());
        let output = ends(&mut check, Duration::from_secs(120));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(tells(&text, &format!("{name}: "), CPU), "{name}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teams_greedy_set_is_rejected_by_name_and_holds_up_no_other() {
    let api = ApiServer::start().await;
    let templates = tempfile::tempdir().unwrap();
    write(templates.path(), "driver-pod.yaml.j2", &marked("one"));
    for (name, text, _) in greedy()
        .into_iter()
        .filter(|(name, ..)| ["join", "in", "lines", "sort"].contains(name))
    {
        write(
            templates.path(),
            &format!("team-{name}/driver-pod.yaml.j2"),
            &text,
        );
    }
    write(templates.path(), "zeta/driver-pod.yaml.j2", &marked("zeta"));
    let arguments = [
        "--template-dir",
        templates.path().to_str().unwrap(),
        "--template-sets",
        "namespace:z=zeta",
    ];
    let (serve, _kubeconfig) = Serve::to(&api.url, &arguments);

    // While the others may be tried still.
    serve.wait_for("/readyz", |body| body.contains("\"live\": \"default@"));
    let first: Value = serde_json::from_str(&serve.get("/readyz").1).unwrap();
    assert!(serve.submit(&named("one"), "one").await.success);
    write(templates.path(), "driver-pod.yaml.j2", &marked("two"));
    let live = first["templates"]["live"].as_str().unwrap();
    serve.wait_for("/readyz", |body| !body.contains(&format!("\"live\": \"{live}\"")));
    assert!(serve.submit(&named("two"), "two").await.success);

    let body = waits_for(&serve, |body| {
        body.contains("team-lines")
            && body.contains("\"live\": \"zeta@")
            && body.matches("passed its limit").count() >= 8
    });
    assert!(serve.submit(&in_namespace("z", "three"), "three").await.success);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["state"], "template-set-rejected", "{body:#}");
    for (set, limit) in [("team-join", CPU), ("team-lines", MEMORY)] {
        let set = &body["templates"]["sets"][set];
        assert!(set["rejected"].is_string() && set["live"].is_null(), "{body:#}");
        let error = set["error"].as_str().unwrap();
        assert!(tells(error, "driver-pod.yaml.j2: ", limit), "{error}");
    }
    serve.wait_for_log("\"set\":\"team-join\"");
    is_small(&serve);
}

/// For one application's name only: the samples are rendered as they should be.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_is_greedy_for_one_application_harms_that_one_alone() {
    let api = ApiServer::start().await;
    let templates = tempfile::tempdir().unwrap();
    let cpu = format!("{}{{{{ a[10**15:]|first }}}}", long_list());
    let memory = "{{ ([1]*10**8)|sort|length }}";
    write(
        templates.path(),
        "team/driver-pod.yaml.j2",
        &pod(&cpu, "application.name == \"greedy-cpu\""),
    );
    write(
        templates.path(),
        "team/driver-service.yaml.j2",
        &format!(
            "{{% if application.name == \"greedy-memory\" %}}x: {memory}\n{{% endif %}}{{% include \"builtin/driver-service.yaml.j2\" %}}\n"
        ),
    );
    write(templates.path(), "other/driver-pod.yaml.j2", &marked("other"));
    let sets = "namespace:team=team,namespace:other=other";
    let arguments = [
        "--template-dir",
        templates.path().to_str().unwrap(),
        "--template-sets",
        sets,
    ];
    let (serve, _kubeconfig) = Serve::to(&api.url, &arguments);
    serve.wait_for("/readyz", |body| body.contains("\"state\": \"ready\""));
    assert!(
        serve
            .submit(&in_namespace("team", "modest"), "modest")
            .await
            .success
    );

    let greedy: Vec<_> = ["greedy-cpu", "greedy-memory", "greedy-cpu", "greedy-memory"]
        .into_iter()
        .enumerate()
        .map(|(index, name)| {
            let (address, application) = (serve.grpc.clone(), in_namespace("team", name));
            tokio::spawn(async move { submitted(&address, &application, &format!("greedy-{index}")).await })
        })
        .collect();
    let start = Instant::now();
    for index in 0..10 {
        for namespace in ["default", "other"] {
            let name = format!("{namespace}-{index}");
            let reply = serve.submit(&in_namespace(namespace, &name), &name).await;
            assert!(reply.success, "{reply:?}");
        }
    }
    assert!(
        start.elapsed() < Duration::from_secs(120),
        "{:?}",
        start.elapsed()
    );
    for (index, greedy) in greedy.into_iter().enumerate() {
        let reply = greedy.await.unwrap();
        assert!(!reply.success, "{reply:?}");
        assert_eq!(
            reply.error_code.as_deref(),
            Some("INVALID_POD_TEMPLATE"),
            "{reply:?}"
        );
        assert_eq!(reply.retryable, Some(false), "{reply:?}");
        let (template, limit) = if index % 2 == 0 {
            ("driver-pod", CPU)
        } else {
            ("driver-service", MEMORY)
        };
        let of = format!("team/{template}.yaml.j2: ");
        assert!(tells(&reply.error_message, &of, limit), "{reply:?}");
    }

    // The set is still live, and everything is reported.
    assert!(
        serve
            .submit(&in_namespace("team", "modest-2"), "modest-2")
            .await
            .success
    );
    let body: Value = serde_json::from_str(&serve.get("/readyz").1).unwrap();
    assert_eq!(body["state"], "ready", "{body:#}");
    let passed = &body["templates"]["sets"]["team"]["limits_passed"];
    for limit in ["cpu", "memory"] {
        assert_eq!(passed[limit]["count"], 2, "{body:#}");
        assert!(
            passed[limit]["last"].as_str().unwrap().starts_with("20"),
            "{body:#}"
        );
    }
    let metrics = serve.get("/metrics").1;
    assert!(
        metrics.contains("native_submit_template_limits_passed_total{set=\"team\",limit=\"cpu\"} 2"),
        "{metrics}"
    );
    assert!(metrics.contains("outcome=\"template\"} 4"), "{metrics}");
    serve.wait_for_log("\"set\":\"team\"");
    is_small(&serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_render_worker_has_nothing_of_the_server_and_is_replaced_and_ends_with_it() {
    let api = ApiServer::start().await;
    let templates = tempfile::tempdir().unwrap();
    write(templates.path(), "driver-pod.yaml.j2", &marked("one"));
    let (serve, _kubeconfig) = Serve::to(&api.url, &["--template-dir", templates.path().to_str().unwrap()]);
    assert!(serve.submit(&named("one"), "one").await.success);
    let workers = children(serve.pid());
    assert_eq!(workers.len(), 1, "the one of the probe has ended");
    let worker = workers[0];
    assert_eq!(fs::read(format!("/proc/{worker}/environ")).unwrap(), b"");
    let open: Vec<_> = fs::read_dir(format!("/proc/{worker}/fd"))
        .unwrap()
        .map(|fd| fs::read_link(fd.unwrap().path()).unwrap().display().to_string())
        .collect();
    for file in &open {
        assert!(
            file.starts_with("socket:") || file.starts_with("/memfd:"),
            "{open:?}"
        );
    }
    assert!(
        open.iter().filter(|file| file.starts_with("socket:")).count() <= 2,
        "{open:?}"
    );
    let limits = fs::read_to_string(format!("/proc/{worker}/limits")).unwrap();
    for limit in ["Max open files            0 ", "Max core file size        0 "] {
        assert!(limits.contains(limit), "{limits}");
    }

    let killed = Command::new("kill")
        .args(["-KILL", &worker.to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let reply = serve.submit(&named("two"), "two").await;
    assert!(reply.success || reply.retryable == Some(true), "{reply:?}");
    assert!(serve.submit(&named("three"), "three").await.success);
    let worker = children(serve.pid())[0];
    drop(serve);
    let end = Instant::now() + Duration::from_secs(30);
    while Path::new(&format!("/proc/{worker}")).exists() {
        assert!(Instant::now() < end, "the worker outlives its server");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What a worker writes is what this process would write, and so are its errors.
#[test]
fn a_render_worker_writes_what_the_process_itself_would_write() {
    let context = SubmitterContext::golden();
    let origin = Origin {
        webhook: Webhook::Off,
        operator: false,
        unknown_fields: submission::UnknownFields::Refuse,
    };
    let sets = |directory: &Path, rendering: Rendering| {
        let options = SetOptions {
            directory: Some(directory.to_owned()),
            rendering,
            ..SetOptions::default()
        };
        let sets = TemplateSets::load(&options).unwrap();
        sets.iter().next().cloned().unwrap()
    };
    for text in [
        marked("one"),
        "a: 1\nb: {{ pod.labels[\"nmae\"] }}\n".to_owned(),
        "{{ refuse(\"not here\") }}".to_owned(),
    ] {
        let templates = tempfile::tempdir().unwrap();
        write(templates.path(), "driver-pod.yaml.j2", &text);
        write(
            templates.path(),
            "driver-service.patch.yaml.j2",
            "metadata: {labels: {a: b}}\n",
        );
        let here = sets(templates.path(), Rendering::InProcess);
        let there = sets(templates.path(), Rendering::Workers(serve::binary()));
        assert_eq!((here.id(), here.warnings()), (there.id(), there.warnings()));
        for (name, application) in submitter::samples() {
            let parsed = application::parse(application, application::UnknownFields::Refuse).unwrap();
            let submission =
                submitter::intent(parsed.application, SubmissionId::nil(), origin, &context).unwrap();
            let plan = plan::plan(&submission, &context).unwrap();
            assert_eq!(here.render(&plan), there.render(&plan), "{name}");
        }
    }
}

/// Without a set that is live the server is there, and says so in the way that callers try again.
#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_set_is_live_callers_are_reported_to_come_back() {
    let api = ApiServer::start().await;
    let templates = tempfile::tempdir().unwrap();
    let directory = templates.path().join("gone");
    let (serve, _kubeconfig) = Serve::to(&api.url, &["--template-dir", directory.to_str().unwrap()]);
    let (status, body) = serve.get("/readyz");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("\"state\": \"no-template-set\""), "{body}");
    assert_eq!(serve.get("/healthz").0, 200);
    let reply = serve.submit(SPARK_PI, "a").await;
    assert_eq!(reply.retryable, Some(true), "{reply:?}");

    fs::create_dir(&directory).unwrap();
    serve.wait_for("/readyz", |body| body.contains("has no template"));
    assert_eq!(serve.get("/readyz").0, 503);
    write(&directory, "driver-pod.yaml.j2", &marked("one"));
    serve.wait_for("/readyz", |body| body.contains("\"state\": \"ready\""));
    assert_eq!(serve.get("/readyz").0, 200);
    assert!(serve.submit(SPARK_PI, "b").await.success);

    // What is emptied, or gone, later leaves the last good set.
    fs::remove_dir_all(&directory).unwrap();
    serve.wait_for("/readyz", |body| {
        body.contains("\"state\": \"template-set-rejected\"")
    });
    assert_eq!(serve.get("/readyz").0, 200);
    assert!(serve.submit(&named("c"), "c").await.success);
}
