//! An admin changes templates while submissions run: nothing is lost, nothing is mixed, nothing broken goes live.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::process_memory::resident_kib;
use crate::support::serve;
use crate::support::serve::{Serve, swap};
use std::{collections::BTreeSet, path::Path};

const SPARK_PI: &str = include_str!("../../../examples/spark-pi.yaml");
const SUBMISSIONS: usize = 1000;
const CALLERS: usize = 8;

/// Overrides that mark Pod and driver `ConfigMap` alike.
fn marked(mark: &str) -> [(&'static str, String); 2] {
    let pod = format!(
        "{{% extends \"builtin/driver-pod.yaml.j2\" %}}\n{{% block annotations %}}\n{{{{ super() }}}}\n    example.com/mark: {mark}\n\
         {{% endblock %}}\n"
    );
    let service = format!(
        "{{% extends \"builtin/driver-service.yaml.j2\" %}}\n{{% block labels %}}\n{{{{ super() }}}}\n    mark: {mark}\n{{% endblock %}}\n"
    );
    [("driver-pod.yaml.j2", pod), ("driver-service.yaml.j2", service)]
}

fn mount(mount: &Path, generation: usize, files: &[(&'static str, String)]) {
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    swap(mount, &format!("generation-{generation}"), &files);
}

fn mark_of(folder: &Path, file: &str, key: &str) -> String {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with(key))
        .unwrap_or_else(|| panic!("{key}:\n{text}"));
    line.rsplit(' ').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_1000_submissions_is_wholly_of_the_old_or_of_the_new_set() {
    let (out, templates) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    mount(templates.path(), 0, &marked("mark-0"));
    let apply_to = format!("dir:{}", out.path().display());
    let template_dir = templates.path().to_str().unwrap();
    let serve = Serve::start(&["--apply-to", &apply_to, "--template-dir", template_dir], &[]);

    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let address = serve.grpc.clone();
            tokio::spawn(async move {
                for number in (caller..SUBMISSIONS).step_by(CALLERS) {
                    let application = SPARK_PI.replace("name: spark-pi", &format!("name: spark-pi-{number}"));
                    let reply = serve::submit(&address, &application, &format!("id-{number}")).await;
                    assert!(reply.success, "{}", reply.error_message);
                }
            })
        })
        .collect();
    let submitting = tokio::spawn(async move { futures::future::join_all(callers).await });
    let mut generation = 0;
    while !submitting.is_finished() {
        generation += 1;
        mount(
            templates.path(),
            generation,
            &marked(&format!("mark-{generation}")),
        );
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    }
    for caller in submitting.await.unwrap() {
        caller.unwrap();
    }

    let mut marks = BTreeSet::new();
    for number in 0..SUBMISSIONS {
        let folder = out.path().join(format!("default/spark-pi-{number}-driver"));
        let pod = mark_of(&folder, "pod-driver.yaml", "example.com/mark:");
        let service = mark_of(&folder, "service-driver.yaml", "mark:");
        assert_eq!(pod, service, "submission {number} is of two sets");
        marks.insert(pod);
    }
    assert!(
        marks.len() > 1,
        "no swap was seen while {SUBMISSIONS} submissions ran: {marks:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_set_never_goes_live_and_says_why() {
    let (out, templates) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    mount(templates.path(), 0, &marked("good"));
    let apply_to = format!("dir:{}", out.path().display());
    let template_dir = templates.path().to_str().unwrap();
    let serve = Serve::start(&["--apply-to", &apply_to, "--template-dir", template_dir], &[]);
    let submit = async |name: &str| {
        let reply = serve
            .submit(&SPARK_PI.replace("name: spark-pi", &format!("name: {name}")), "a")
            .await;
        assert!(reply.success, "{}", reply.error_message);
        let folder = out.path().join(format!("default/{name}-driver"));
        mark_of(&folder, "pod-driver.yaml", "example.com/mark:")
    };
    assert_eq!(submit("before").await, "good");

    let broken = [
        ("syntax", "{% if %}", "driver-pod.yaml.j2"),
        ("undefined", "metadata: {name: {{ pod.nmae }}}", "nmae"),
        (
            "misspelled",
            "{% extends \"builtin/driver-pod.yaml.j2\" %}{% block other_spec %}\n  tolerationz: []\n{% endblock %}",
            "tolerationz",
        ),
        ("empty", "", "driver-pod.yaml.j2"),
        (
            "endless",
            "{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}",
            "driver-pod.yaml.j2",
        ),
    ];
    for (number, (what, text, names)) in broken.into_iter().enumerate() {
        mount(
            templates.path(),
            number + 1,
            &[("driver-pod.yaml.j2", text.to_owned())],
        );
        let body = serve.wait_for("/readyz", |body| {
            body.contains(names) && body.contains("\"rejected\": \"default@")
        });
        assert_eq!(
            serve.get("/readyz").0,
            200,
            "{what}: the last good set still serves: {body}"
        );
        assert_eq!(submit(what).await, "good");
        let metrics = serve.get("/metrics").1;
        assert!(
            metrics.contains("native_submit_template_set_last_reload_success 0"),
            "{what}: {metrics}"
        );
        mount(templates.path(), number + 101, &marked("good"));
        serve.wait_for("/readyz", |body| body.contains("\"error\": null"));
    }
    mount(templates.path(), 1000, &marked("fixed"));
    serve.wait_for("/metrics", |body| {
        body.contains("native_submit_template_set_last_reload_success 1")
    });
    let mut now = submit("after-0").await;
    for attempt in 1..100 {
        if now == "fixed" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        now = submit(&format!("after-{attempt}")).await;
    }
    assert_eq!(now, "fixed");
}

/// Swaps templates 100 times a second, good and broken ones, while submissions run.
async fn storm(time: std::time::Duration, least_swaps: u32) {
    let (out, templates) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    mount(templates.path(), 0, &marked("good-0"));
    let apply_to = format!("dir:{}", out.path().display());
    let template_dir = templates.path().to_str().unwrap();
    let serve = Serve::start(&["--apply-to", &apply_to, "--template-dir", template_dir], &[]);
    let (start, address) = (std::time::Instant::now(), serve.grpc.clone());
    let submitting = tokio::spawn(async move {
        let mut submitted = 0;
        while start.elapsed() < time {
            let application = SPARK_PI.replace("name: spark-pi", &format!("name: spark-pi-{submitted}"));
            let reply = serve::submit(&address, &application, &format!("id-{submitted}")).await;
            assert!(reply.success, "{}", reply.error_message);
            submitted += 1;
        }
        submitted
    });
    let (mut swaps, mut early) = (0_u32, 0);
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(10));
    while start.elapsed() < time {
        tick.tick().await;
        swaps += 1;
        let files = marked(&format!("good-{swaps}"));
        let broken = [("driver-pod.yaml.j2", format!("{{{{ broken_{swaps} }}}}"))];
        let number = usize::try_from(swaps).unwrap();
        if swaps % 3 == 0 {
            mount(templates.path(), number, &broken);
        } else {
            mount(templates.path(), number, &files);
        }
        if early == 0 && start.elapsed() > time / 3 {
            early = resident_kib(serve.pid());
        }
    }
    let submitted = submitting.await.unwrap();
    let late = resident_kib(serve.pid());
    assert!(submitted >= 5, "{submitted} submissions");
    assert!(swaps >= least_swaps, "{swaps} swaps");
    assert!(
        late < early + (8 << 10),
        "{early} KiB after a third of the time, {late} KiB at its end"
    );
    mount(templates.path(), 1_000_000, &marked("fixed"));
    serve.wait_for("/readyz", |body| body.contains("\"error\": null"));
    println!("{swaps} swaps, {submitted} submissions, {early} KiB, {late} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_storm_of_three_seconds_costs_no_submission_and_no_memory() {
    storm(std::time::Duration::from_secs(3), 100).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute"]
async fn a_reload_storm_of_a_minute_costs_no_submission_and_no_memory() {
    storm(std::time::Duration::from_secs(60), 5500).await;
}
