//! Golden files: what each application in `golden/` becomes, object by object.
//!
//! A case is a folder with `application.yaml`, at most a `case.yaml` with what differs from the golden context, and
//! either the objects that must come out, one file each, or `error.txt` with the refusal. `UPDATE_GOLDEN=1` writes
//! them anew; read that diff line by line, for it is what Kubernetes will get. `native-submit golden` is the same
//! code for an admin's own templates and cases.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use native_submit::{
    authoring::{
        case::{self, Case, REFUSAL},
        golden::{self, UpdateOptions},
    },
    templates::{SetOptions, TemplateSets},
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

fn cases() -> Vec<PathBuf> {
    case::folders(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")).unwrap()
}

fn builtin() -> TemplateSets {
    TemplateSets::load(&SetOptions::default()).unwrap()
}

fn rendered(folder: &Path, set: &TemplateSets) -> BTreeMap<String, String> {
    golden::rendered(&Case::read(folder).unwrap(), set)
}

/// By its name.
fn is_refused(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("error-")
}

fn differences(folder: &Path, set: &TemplateSets) -> String {
    let mismatches = golden::verify(folder, set).unwrap();
    mismatches.iter().map(ToString::to_string).collect()
}

#[test]
fn every_case_gives_its_golden_files() {
    let (cases, set) = (cases(), builtin());
    assert!(cases.len() >= 12, "golden/ has only {} cases", cases.len());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        for folder in &cases {
            let options = UpdateOptions {
                accept_refusals: is_refused(folder),
                ..UpdateOptions::default()
            };
            golden::update(folder, &set, options).unwrap();
            // The whole text, for an author of ours reads what changed.
            if let Some(refusal) = rendered(folder, &set).get(REFUSAL) {
                fs::write(folder.join(REFUSAL), refusal).unwrap();
            }
        }
    }
    let report: String = cases.iter().map(|folder| differences(folder, &set)).collect();
    for folder in cases.iter().filter(|folder| is_refused(folder)) {
        let whole = fs::read_to_string(folder.join(REFUSAL)).unwrap();
        assert_eq!(rendered(folder, &set)[REFUSAL], whole, "{}", folder.display());
    }
    assert!(
        report.is_empty(),
        "golden files differ (UPDATE_GOLDEN=1 rewrites them):\n{report}"
    );
}

#[test]
fn a_case_whose_name_says_error_is_refused_and_no_other() {
    let set = builtin();
    for folder in cases() {
        assert_eq!(
            is_refused(&folder),
            rendered(&folder, &set).contains_key(REFUSAL),
            "{}",
            folder.display()
        );
    }
}

#[test]
fn the_same_application_gives_the_same_bytes() {
    let (one, other) = (builtin(), builtin());
    for folder in cases() {
        assert_eq!(
            rendered(&folder, &one),
            rendered(&folder, &other),
            "{}",
            folder.display()
        );
    }
}

#[test]
fn a_missing_golden_file_fails() {
    let set = builtin();
    let copy = tempfile::tempdir().unwrap();
    let folder = cases()
        .into_iter()
        .find(|folder| folder.ends_with("type-scala"))
        .unwrap();
    fs::copy(
        folder.join("application.yaml"),
        copy.path().join("application.yaml"),
    )
    .unwrap();
    for (file, text) in rendered(&folder, &set) {
        fs::write(copy.path().join(file), text).unwrap();
    }
    assert_eq!(differences(copy.path(), &set), "");
    fs::remove_file(copy.path().join("service-driver.yaml")).unwrap();
    assert!(differences(copy.path(), &set).contains("+kind: Service"));
}

#[test]
fn the_executor_comes_with_its_claims_or_the_file_says_why_it_is_unknown() {
    let executor = |conf: &str| {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: {{name: app, namespace: jobs}}\nspec:\n  \
             sparkVersion: 4.0.1\n  image: a\n  mainClass: a.B\n  mainApplicationFile: local:///a.jar\n  sparkConf: {{{conf}}}\n  \
             driver: {{memory: 512m}}\n  executor: {{memory: 512m}}\n"
        );
        fs::write(folder.path().join("application.yaml"), text).unwrap();
        golden::update(folder.path(), &builtin(), UpdateOptions::default()).unwrap();
        assert_eq!(differences(folder.path(), &builtin()), "");
        fs::read_to_string(folder.path().join("pod-executor.yaml")).unwrap()
    };
    let claim = "spark.kubernetes.executor.volumes.persistentVolumeClaim.spark-local-dir-1";
    let conf = [
        "options.claimName: OnDemand",
        "options.storageClass: fast",
        "options.sizeLimit: 10Gi",
        "mount.path: /s",
    ];
    let with_claims = executor(&conf.map(|entry| format!("{claim}.{entry}")).join(", "));
    let documents: Vec<_> = with_claims.split("---\n").collect();
    assert_eq!(documents.len(), 2, "{with_claims}");
    assert!(documents[0].contains("\nkind: Pod\n"), "{with_claims}");
    assert!(
        documents[1].contains("\nkind: PersistentVolumeClaim\n"),
        "{with_claims}"
    );
    for document in documents {
        assert!(document.contains("    native-submit/not-created: "), "{document}");
    }
    let unknown = executor("spark.kubernetes.executor.pod.featureSteps: com.example.Step");
    assert!(
        unknown.starts_with("# The executor Pod can't be known before the driver makes it.\n# executor Pod "),
        "{unknown}"
    );
    assert!(
        unknown.contains("spark.kubernetes.executor.pod.featureSteps"),
        "{unknown}"
    );
    assert_eq!(unknown.lines().count(), 2);
}

#[test]
fn a_case_of_pipes_ends_with_an_error_and_a_link_out_of_the_directory_is_no_case() {
    let set = builtin();
    for name in [
        "application.yaml",
        "case.yaml",
        "expect.yaml",
        "error.txt",
        "pod-driver.yaml",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("pi");
        fs::create_dir(&folder).unwrap();
        if name != "application.yaml" {
            fs::write(
                folder.join("application.yaml"),
                include_str!("../../../examples/spark-pi.yaml"),
            )
            .unwrap();
        }
        let made = std::process::Command::new("mkfifo")
            .arg(folder.join(name))
            .status()
            .unwrap();
        assert!(made.success());
        let said = format!("{name}: expected a regular file, found another kind of file");
        let error = golden::verify(&folder, &set).unwrap_err().to_string();
        assert!(error.ends_with(&said), "{error}");
        // What it doesn't need it doesn't read; and a file of its own it replaces.
        if let Err(error) = golden::update(&folder, &set, UpdateOptions::default()) {
            assert!(error.to_string().ends_with(&said), "{error}");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let (cases, elsewhere) = (directory.path().join("cases"), directory.path().join("elsewhere"));
    fs::create_dir_all(cases.join("real")).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink("real", cases.join("within")).unwrap();
    assert_eq!(case::folders(&cases).unwrap().len(), 2);
    std::os::unix::fs::symlink(&elsewhere, cases.join("without")).unwrap();
    let error = case::folders(&cases).unwrap_err().to_string();
    assert!(
        error.ends_with("without: expected a folder of this directory, found a link that leads out of it"),
        "{error}"
    );
}

#[test]
fn a_path_with_too_many_steps_is_an_error_however_many_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("pi");
    fs::create_dir(&folder).unwrap();
    fs::write(
        folder.join("application.yaml"),
        include_str!("../../../examples/spark-pi.yaml"),
    )
    .unwrap();
    for steps in [129, 400_000] {
        let path = format!("{}x", "a[0].".repeat(steps / 2));
        fs::write(
            folder.join("expect.yaml"),
            format!("- {{object: pod-driver, path: \"{path}\", absent: true}}\n"),
        )
        .unwrap();
        let error = golden::verify(&folder, &builtin()).unwrap_err().to_string();
        assert!(
            error.contains("expected a path of at most 128 steps, found more"),
            "{error}"
        );
    }
}
