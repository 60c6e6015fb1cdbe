//! What a submission costs before templates and cluster: an argument vector with 200 conf keys, read, resolved and
//! planned. `docs/performance.md` has the figures.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use native_submit::spark::{
    plan::plan,
    submission::{Request, SubmissionId, SubmitterContext, arguments, resolve},
};
use std::hint::black_box;

/// How many `--conf` the argument vector has.
const CONF_KEYS: usize = 200;

/// What the operator hands over for a large application: mostly metadata and environment, some volumes and secrets,
/// and Spark's own keys, which go into the properties as they are.
fn argument_vector() -> Vec<String> {
    let driver_and_executor =
        |pattern: &str| ["driver", "executor"].map(|role| pattern.replace("ROLE", role));
    let fixed = [
        "spark.kubernetes.namespace=analytics",
        "spark.kubernetes.container.image=registry.example.com/spark:4.0.1",
        "spark.kubernetes.container.image.pullPolicy=IfNotPresent",
        "spark.kubernetes.container.image.pullSecrets=first,second",
        "spark.kubernetes.authenticate.driver.serviceAccountName=spark",
        "spark.kubernetes.driver.pod.name=orders-driver",
        "spark.kubernetes.driver.request.cores=500m",
        "spark.kubernetes.driver.limit.cores=2",
        "spark.kubernetes.driver.label.sparkoperator.k8s.io/submission-id=0f0e0d0c-0b0a-4908-8706-050403020100",
        "spark.kubernetes.submission.waitAppCompletion=false",
        "spark.driver.memory=4g",
        "spark.driver.cores=2",
        "spark.executor.instances=8",
    ];
    let mut conf: Vec<String> = fixed.map(str::to_owned).to_vec();
    for index in 0..12 {
        conf.extend(driver_and_executor(&format!(
            "spark.kubernetes.ROLE.label.example.com/label-{index}=value-{index}"
        )));
        conf.extend(driver_and_executor(&format!(
            "spark.kubernetes.ROLE.annotation.example.com/note-{index}=A sentence, with = and : in it. {index}"
        )));
    }
    for index in 0..20 {
        conf.push(format!(
            "spark.kubernetes.driverEnv.SETTING_{index}=https://service-{index}.example.com/path?a=b"
        ));
        conf.push(format!(
            "spark.executorEnv.SETTING_{index}=https://service-{index}.example.com/path?a=b"
        ));
    }
    for index in 0..5 {
        conf.extend(driver_and_executor(&format!(
            "spark.kubernetes.ROLE.secrets.credentials-{index}=/etc/secrets/{index}"
        )));
        conf.extend(driver_and_executor(&format!(
            "spark.kubernetes.ROLE.secretKeyRef.PASSWORD_{index}=credentials-{index}:password"
        )));
        let volume = format!("spark.kubernetes.ROLE.volumes.persistentVolumeClaim.data-{index}");
        conf.extend(driver_and_executor(&format!("{volume}.mount.path=/data/{index}")));
        conf.extend(driver_and_executor(&format!(
            "{volume}.options.claimName=claim-{index}"
        )));
    }
    for index in conf.len()..CONF_KEYS {
        conf.push(format!(
            "spark.sql.catalog.catalog-{index}.setting=s3a://bucket/warehouse/{index}"
        ));
    }
    assert_eq!(conf.len(), CONF_KEYS);

    let options = [
        "--master",
        "k8s://https://kubernetes.default.svc:443",
        "--deploy-mode",
        "cluster",
        "--name",
        "orders",
        "--class",
        "com.example.Orders",
    ];
    let mut argv: Vec<String> = options.map(str::to_owned).to_vec();
    argv.extend(conf.into_iter().flat_map(|entry| ["--conf".to_owned(), entry]));
    argv.extend(["local:///opt/app/orders.jar", "--date", "2026-01-01"].map(str::to_owned));
    argv
}

fn request() -> Request {
    Request {
        default_id: Some(SubmissionId::nil()),
        spark_version: Some("4.0.1".parse().unwrap()),
        ..Request::default()
    }
}

fn stages(criterion: &mut Criterion) {
    let argv = argument_vector();
    let context = SubmitterContext::golden();
    let parsed = arguments::parse(&argv).unwrap();
    let submission = resolve(parsed.clone(), request(), &context).unwrap();
    let mut group = criterion.benchmark_group("200 conf keys");
    group.bench_function("argv to arguments", |bencher| {
        bencher.iter(|| arguments::parse(black_box(&argv)));
    });
    group.bench_function("arguments to Submission", |bencher| {
        bencher.iter_batched(
            || (parsed.clone(), request()),
            |(parsed, request)| resolve(parsed, request, black_box(&context)),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("Submission to DriverPlan", |bencher| {
        bencher.iter(|| plan(black_box(&submission), &context));
    });
    group.bench_function("argv to DriverPlan", |bencher| {
        bencher.iter(|| {
            let parsed = arguments::parse(black_box(&argv)).unwrap();
            let submission = resolve(parsed, request(), &context).unwrap();
            plan(&submission, &context)
        });
    });
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
