//! How often the pipeline of a submission without the cluster asks for memory, stage by stage. `docs/performance.md` has the figures.
//!
//!     cargo bench --bench allocations
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "spark_pi/mod.rs"]
mod spark_pi;

use dhat::HeapStats;
use native_submit::{
    manifest,
    operator::application::{self, UnknownFields},
    spark::{plan, submission::SubmitterContext},
    templates::TemplateSet,
};
use spark_pi::{bodies, intent, request, spark_pi, whole_pipeline};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let context = SubmitterContext::golden();
    let set = TemplateSet::builtin().unwrap();
    let json = spark_pi();
    let (text, bytes) = (json.to_string(), request(&json));
    // What is made once, as tables and regular expressions are, is made here.
    whole_pipeline(&bytes, &context, &set);

    println!("| stage of SparkPi | allocations | KiB |\n| --- | --- | --- |");
    let parsed = counted("SparkApplication from JSON", || {
        application::parse(&text, UnknownFields::Pass).unwrap()
    });
    let submission = counted("defaults, validate, translate", || {
        intent(parsed.application, &context)
    });
    let planned = counted("plan", || plan::plan(&submission, &context).unwrap());
    let rendered = counted("render", || set.render(&planned).unwrap());
    let checked = counted("check", || {
        manifest::check(&rendered, &planned, manifest::Terms::default()).unwrap()
    });
    counted("bodies", || bodies(&checked));
    counted("the whole pipeline", || whole_pipeline(&bytes, &context, &set));
}

fn counted<T>(stage: &str, run: impl FnOnce() -> T) -> T {
    let before = HeapStats::get();
    let result = run();
    let after = HeapStats::get();
    println!(
        "| {stage} | {} | {} |",
        after.total_blocks - before.total_blocks,
        (after.total_bytes - before.total_bytes) / 1024
    );
    result
}
