//! The fuzz targets' committed corpus, and what they once found, without a fuzzer. Fuzzing itself: `fuzz/run`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, missing_docs)]
mod targets;

use native_submit::{
    operator::wire::drop_in::SubmitRequest,
    server::reading,
    spark::submission::{Request, SubmissionId, SubmitterContext, arguments, resolve},
};
use prost::Message as _;
use std::{fs, path::Path};

/// What a target does with its bytes.
type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 8] = [
    ("argv", targets::argv),
    ("properties", targets::properties),
    ("spark_application", targets::spark_application),
    ("rest", targets::rest),
    ("proto", targets::proto),
    ("drop_in", targets::drop_in),
    ("template", targets::template),
    ("strict", targets::strict),
];

#[test]
fn every_target_is_run_here_and_by_the_fuzzer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    let (run, manifest) = (read("run"), read("Cargo.toml"));
    let mut targets: Vec<_> = fs::read_dir(folder.join("fuzz_targets"))
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    targets.sort();
    let mut here: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    here.sort();
    assert_eq!(here, targets);
    let (_, by_default) = run.split_once("set -- ").unwrap();
    let by_default: Vec<_> = by_default.lines().next().unwrap().split(' ').collect();
    for target in &targets {
        assert!(by_default.contains(&target.as_str()), "fuzz/run lacks {target}");
        assert!(
            manifest.contains(&format!("name = \"{target}\"")),
            "fuzz/Cargo.toml lacks {target}"
        );
    }
}

#[test]
fn the_corpus_passes_every_target() {
    for (name, target) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus")
            .join(name);
        let files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(files.len() >= 3, "{name} has {} files", files.len());
        for file in files {
            let data = fs::read(&file).unwrap();
            let ran = std::panic::catch_unwind(|| target(&data));
            assert!(ran.is_ok(), "{}", file.display());
        }
    }
}

/// What the drop-in sends of these arguments.
fn drop_in_request(argv: &str) -> Vec<u8> {
    let argv: Vec<_> = argv.split_whitespace().map(str::to_owned).collect();
    let request = Request {
        default_id: Some(SubmissionId::nil()),
        ..Request::default()
    };
    let submission = resolve(
        arguments::parse(&argv).unwrap(),
        request,
        &SubmitterContext::golden(),
    )
    .unwrap();
    SubmitRequest {
        release: env!("CARGO_PKG_VERSION").to_owned(),
        submission_id: submission.id.to_string(),
        submission: serde_json::to_vec(&submission).unwrap(),
        user: "spark".to_owned(),
        ..SubmitRequest::default()
    }
    .encode_to_vec()
}

/// A submission's JSON is of one release: the seeds are made anew with `UPDATE_GOLDEN=1`.
#[test]
fn the_drop_ins_seeds_are_still_read() {
    let common = "--master k8s://https://127.0.0.1:443 --deploy-mode cluster --conf spark.kubernetes.container.image=i";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/drop_in");
    for (name, more) in [
        ("jar", "--class a.B local:///a.jar 1 2"),
        ("python", "--conf spark.executor.instances=2 local:///a.py"),
        (
            "volumes",
            "--conf spark.kubernetes.driver.volumes.hostPath.v.mount.path=/v \
             --conf spark.kubernetes.driver.volumes.hostPath.v.options.path=/v --class a.B local:///a.jar",
        ),
    ] {
        let file = folder.join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&file, drop_in_request(&format!("{common} {more}"))).unwrap();
        }
        let read = reading::drop_in(&fs::read(&file).unwrap());
        assert!(
            read.is_ok(),
            "{name}: {:?}; make it anew with UPDATE_GOLDEN=1",
            read.err()
        );
    }
}
