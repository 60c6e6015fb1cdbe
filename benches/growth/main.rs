//! How the time grows with the size of a submission, of the template directory, and of a list of applications. It prints a table
//! and, where a file is named, draws the curves into it.
//!
//!     cargo bench --bench growth -- docs/growth.svg
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_precision_loss)]

mod chart;
#[path = "../measured/mod.rs"]
mod measured;
#[path = "../spark_pi/mod.rs"]
mod spark_pi;
mod studio;
#[path = "../../tests/support"]
mod support {
    pub(crate) mod serve;
    pub(crate) mod studio;
}

use chart::Curve;
use measured::{Latencies, machine};
use native_submit::{
    spark::submission::SubmitterContext,
    templates::{SetOptions, TemplateSet, TemplateSets},
};
use serde_json::{Value, json};
use spark_pi::{request, spark_pi, whole_pipeline};
use std::{
    fs,
    hint::black_box,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// As the command has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIZES: [usize; 4] = [1, 10, 100, 1_000];

/// How long one point is measured at least, unless it is measured once.
const LONG_ENOUGH: Duration = Duration::from_millis(500);

const MOST_RUNS: usize = 1_000;

/// The median time of one run, in ms.
fn median(mut run: impl FnMut() -> Duration) -> f64 {
    let mut times = Vec::new();
    let begin = Instant::now();
    while times.is_empty() || (begin.elapsed() < LONG_ENOUGH && times.len() < MOST_RUNS) {
        times.push(run());
    }
    Latencies::new(times).percentile(0.5)
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begin = Instant::now();
    black_box(work());
    begin.elapsed()
}

/// A curve of the pipeline: a change of `SparkPi` for each size up to `most`, which leaves room for our own below the limit.
fn pipeline(name: &'static str, most: usize, change: fn(&mut Value, usize)) -> Curve {
    let (context, set) = (SubmitterContext::golden(), TemplateSet::builtin().unwrap());
    let sizes = SIZES.into_iter().filter(|size| *size < most).chain([most]);
    let points = sizes.map(|size| {
        let mut application = spark_pi();
        change(&mut application, size);
        let bytes = request(&application);
        (
            size,
            median(|| timed(|| whole_pipeline(black_box(&bytes), &context, &set))),
        )
    });
    Curve {
        name,
        points: points.collect(),
    }
}

fn numbered(size: usize, entry: fn(usize) -> (String, Value)) -> Value {
    (0..size).map(entry).collect::<serde_json::Map<_, _>>().into()
}

/// Directories of so many sets, each with an override. With the default set there may be 100.
fn template_sets() -> Curve {
    let points = [1, 10, 99].map(|size| {
        let directory = tempfile::tempdir().unwrap();
        for number in 0..size {
            let set = directory.path().join(format!("set-{number}"));
            fs::create_dir(&set).unwrap();
            let text = format!("spec: {{nodeSelector: {{pool: \"p{number}\"}}}}\n");
            fs::write(set.join("driver-pod.patch.yaml.j2"), text).unwrap();
        }
        let options = SetOptions {
            directory: Some(directory.path().to_owned()),
            ..SetOptions::default()
        };
        (size, median(|| timed(|| TemplateSets::load(&options).unwrap())))
    });
    Curve {
        name: "template sets loaded",
        points: points.to_vec(),
    }
}

/// Files with so many applications.
fn applications(directory: &Path, size: usize) {
    fs::create_dir_all(directory).unwrap();
    for number in 0..size {
        let mut application = spark_pi();
        application["metadata"]["name"] = format!("app-{number}").into();
        fs::write(directory.join(format!("{number}.yaml")), application.to_string()).unwrap();
    }
}

/// `native-submit diff` of so many applications.
fn differences() -> Curve {
    let points = [1, 10, 100, 1_000].map(|size| {
        let directory = tempfile::tempdir().unwrap();
        let (apps, templates) = (directory.path().join("apps"), directory.path().join("templates"));
        applications(&apps, size);
        fs::create_dir(&templates).unwrap();
        let patch = "metadata: {labels: {team: a}}\n";
        fs::write(templates.join("driver-pod.patch.yaml.j2"), patch).unwrap();
        let time = median(|| {
            timed(|| {
                let mut command = Command::new(env!("CARGO_BIN_EXE_native-submit"));
                command.arg("diff").arg(&apps).arg("--to").arg(&templates);
                // It exits with 1 where something differs.
                command
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()
                    .unwrap()
            })
        });
        (size, time)
    });
    Curve {
        name: "applications in diff",
        points: points.to_vec(),
    }
}

fn main() {
    let file = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    println!("{}\n", machine());
    let curves = [
        pipeline("conf keys", 9_000, |application, size| {
            let key = |number| {
                (
                    format!("spark.sql.catalog.c{number}.uri"),
                    json!("thrift://host:9083"),
                )
            };
            application["spec"]["sparkConf"] = numbered(size, key);
        }),
        pipeline("arguments", 9_000, |application, size| {
            let arguments: Vec<_> = (0..size).map(|number| format!("--date=2026-{number}")).collect();
            application["spec"]["arguments"] = json!(arguments);
        }),
        pipeline("labels", 1_000, |application, size| {
            application["spec"]["driver"]["labels"] =
                numbered(size, |number| (format!("l{number}"), json!("x")));
        }),
        pipeline("volumes", 900, |application, size| {
            let key = |number| {
                let key = format!("spark.kubernetes.driver.volumes.emptyDir.v{number}.mount.path");
                (key, json!(format!("/v{number}")))
            };
            application["spec"]["sparkConf"] = numbered(size, key);
        }),
        template_sets(),
        differences(),
        studio::saves(),
    ];
    for curve in &curves {
        println!("{}", curve.name);
        let mut before: Option<(usize, f64)> = None;
        for (size, time) in &curve.points {
            let growth = before.map(|(_, before)| format!(", {:.1} × the one before", time / before));
            println!("  {size:>6}: {time:>10.3} ms{}", growth.unwrap_or_default());
            before = Some((*size, *time));
        }
    }
    if let Some(file) = file {
        fs::write(file, chart::drawn(&curves)).unwrap();
    }
}
