//! What a template set with overrides and two policies costs over the built-in templates: `SparkPi`, gRPC bytes in, JSON bodies
//! out. Blocks of both, interleaved, in one run: the ratio with its interval, and the difference of the medians.
//!
//!     cargo bench --bench policies
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../measured/mod.rs"]
mod measured;
#[path = "../spark_pi/mod.rs"]
mod spark_pi;

use measured::{Latencies, Ratios, machine};
use native_submit::{
    operator::application::{self, UnknownFields},
    spark::submission::SubmitterContext,
    submitter,
    templates::{Rendering, SetOptions, TemplateSet, TemplateSets},
};
use spark_pi::{intent, request, spark_pi, whole_pipeline};
use std::{fs, hint::black_box, sync::Arc, time::Instant};

/// As the command has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PAIRS: usize = 15;
const OF_A_BLOCK: usize = 500;

/// An override, two patches, and two policies as `docs/policies.md` has them.
const FILES: [(&str, &str); 5] = [
    (
        "driver-pod.yaml.j2",
        "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block labels %}\n{{ super() }}\n    team: \"ml\"\n{% endblock %}\n",
    ),
    (
        "driver-pod.patch.yaml.j2",
        "spec:\n  nodeSelector: {pool: spark}\n  tolerations: [{key: spark, operator: Exists}]\n",
    ),
    ("executor-pod.patch.yaml.j2", "spec: {priorityClassName: batch}\n"),
    (
        "always/host-path.policy.j2",
        "{% macro check(role, pod) %}\n{% for volume in pod.spec.volumes %}\n{% if volume.hostPath %}{{ refuse(role) }}{% endif %}\n\
         {% endfor %}\n{% endmacro %}\n{{ check(\"driver\", driver) }}\n{{ check(\"executors\", executor) }}\n",
    ),
    (
        "always/non-root.policy.j2",
        "{% macro check(role, pod) %}\n{% for container in pod.spec.containers %}\n\
         {% if container.securityContext.privileged or container.securityContext.runAsUser == 0 %}{{ refuse(role) }}{% endif %}\n\
         {% endfor %}\n{% endmacro %}\n{{ check(\"driver\", driver) }}\n{{ check(\"executors\", executor) }}\n",
    ),
];

fn block(request: &[u8], context: &SubmitterContext, set: &TemplateSet) -> Latencies {
    let times = (0..OF_A_BLOCK).map(|_| {
        let start = Instant::now();
        black_box(whole_pipeline(black_box(request), context, set));
        start.elapsed()
    });
    Latencies::new(times.collect())
}

/// Both in turn; the order changes from pair to pair.
fn compare(what: &str, set: &TemplateSet, builtin: &TemplateSet) {
    let (context, bytes) = (SubmitterContext::golden(), request(&spark_pi()));
    let (mut ratios, mut of_set, mut of_builtin) = (Ratios::default(), Vec::new(), Vec::new());
    for pair in 0..=PAIRS {
        let (ours, baseline) = if pair % 2 == 0 {
            let ours = block(&bytes, &context, set);
            (ours, block(&bytes, &context, builtin))
        } else {
            let baseline = block(&bytes, &context, builtin);
            (block(&bytes, &context, set), baseline)
        };
        // The first warms both up.
        if pair > 0 {
            ratios.add(ours.percentile(0.5), baseline.percentile(0.5));
            of_set.push(ours.percentile(0.5));
            of_builtin.push(baseline.percentile(0.5));
        }
    }
    let median = |mut all: Vec<f64>| {
        all.sort_unstable_by(f64::total_cmp);
        all[all.len() / 2] * 1_000.0
    };
    let (of_set, of_builtin) = (median(of_set), median(of_builtin));
    println!(
        "{what}: {ratios} × the built-in pipeline; {of_set:.0} µs, {of_builtin:.0} µs, difference {:.0} µs",
        of_set - of_builtin
    );
}

fn main() {
    println!("{}, {PAIRS} pairs of {OF_A_BLOCK}\n", machine());
    let folder = tempfile::tempdir().unwrap();
    let all = folder.path().join("all");
    let overrides = folder.path().join("overrides");
    for (name, text) in FILES {
        for directory in [&all, &overrides] {
            if directory == &overrides && name.contains(".policy.") {
                continue;
            }
            let path = directory.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    let builtin = TemplateSet::builtin().unwrap();
    let context = SubmitterContext::golden();
    let parsed = application::from_value(spark_pi(), UnknownFields::Pass);
    let submission = intent(parsed.unwrap().application, &context);
    for (what, directory, rendering) in [
        ("overrides, in this process", &overrides, Rendering::InProcess),
        (
            "overrides, in render workers as a server has them",
            &overrides,
            Rendering::Workers(env!("CARGO_BIN_EXE_native-submit").into()),
        ),
        (
            "overrides and two policies, in this process",
            &all,
            Rendering::InProcess,
        ),
        (
            "overrides and two policies, in render workers as a server has them",
            &all,
            Rendering::Workers(env!("CARGO_BIN_EXE_native-submit").into()),
        ),
    ] {
        let options = SetOptions {
            directory: Some(directory.clone()),
            rendering,
            ..SetOptions::default()
        };
        let sets = TemplateSets::load(&options).unwrap();
        let set: Arc<TemplateSet> = sets.choose(&submission).unwrap();
        // What is measured is right: nothing is refused.
        submitter::manifests(&submission, &context, &set).unwrap();
        compare(what, &set, &builtin);
    }
}
