//! The pipeline of a submission without the cluster, stage by stage and as one: gRPC bytes in, JSON bodies out. `benches/growth` has
//! how its cost grows with the submission, and `docs/performance.md` the figures.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "spark_pi/mod.rs"]
mod spark_pi;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use native_submit::{
    manifest,
    operator::application::{self, UnknownFields},
    spark::{plan, submission::SubmitterContext},
    templates::TemplateSet,
};
use spark_pi::{SPARK_PI, bodies, from_messages, intent, messages, request, spark_pi, whole_pipeline};
use std::{collections::BTreeMap, hint::black_box};

/// As the command has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn stages(criterion: &mut Criterion) {
    let context = SubmitterContext::golden();
    let set = TemplateSet::builtin().unwrap();
    let json = spark_pi();
    let (text, bytes) = (json.to_string(), request(&json));
    let parsed = application::parse(&text, UnknownFields::Pass)
        .unwrap()
        .application;
    let submission = intent(parsed.clone(), &context);
    let planned = plan::plan(&submission, &context).unwrap();
    let rendered = set.render(&planned).unwrap();
    let checked = manifest::check(&rendered, &planned, manifest::Terms::default()).unwrap();

    let mut group = criterion.benchmark_group("SparkPi");
    group.bench_function("1 SparkApplication from JSON", |bencher| {
        bencher.iter(|| application::parse(black_box(&text), UnknownFields::Pass).unwrap());
    });
    group.bench_function("1 SparkApplication from YAML", |bencher| {
        bencher.iter(|| application::parse(black_box(SPARK_PI), UnknownFields::Pass).unwrap());
    });
    let messages = messages();
    group.bench_function("1 SparkApplication from messages", |bencher| {
        bencher.iter(|| from_messages(black_box(&messages)));
    });
    group.bench_function("2 defaults, validate, translate", |bencher| {
        bencher.iter(|| intent(black_box(&parsed).clone(), &context));
    });
    group.bench_function("3 plan", |bencher| {
        bencher.iter(|| plan::plan(black_box(&submission), &context).unwrap());
    });
    group.bench_function("4 render", |bencher| {
        bencher.iter(|| set.render(black_box(&planned)).unwrap());
    });
    group.bench_function("5 check", |bencher| {
        bencher.iter(|| manifest::check(black_box(&rendered), &planned, manifest::Terms::default()).unwrap());
    });
    group.bench_function("6 bodies", |bencher| bencher.iter(|| bodies(black_box(&checked))));
    group.bench_function("the whole pipeline", |bencher| {
        bencher.iter(|| whole_pipeline(black_box(&bytes), &context, &set));
    });
    group.finish();
}

/// A template set with many overrides is compiled once; a submission's cost doesn't depend on it.
fn templates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("templates compiled");
    group.sample_size(10);
    for size in [1_usize, 10, 100, 1_000] {
        let files: BTreeMap<String, Vec<u8>> = (0..size)
            .map(|index| {
                let text = format!(
                    "{{% macro label_{index}(value) %}}label-{index}: {{{{ value }}}}{{% endmacro %}}\n"
                );
                (format!("_partial_{index}.yaml.j2"), text.into_bytes())
            })
            .collect();
        group.throughput(Throughput::Elements(size as u64));
        group.bench_with_input(BenchmarkId::from_parameter(size), &files, |bencher, files| {
            bencher.iter(|| TemplateSet::load(black_box(files)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, stages, templates);
criterion_main!(benches);
