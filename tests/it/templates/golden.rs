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
        golden,
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

fn differences(folder: &Path, set: &TemplateSets) -> String {
    let differing = golden::verify(folder, set).unwrap();
    differing.into_iter().map(|file| file.diff).collect()
}

#[test]
fn every_case_gives_its_golden_files() {
    let (cases, set) = (cases(), builtin());
    assert!(cases.len() >= 12, "golden/ has only {} cases", cases.len());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        for folder in &cases {
            golden::update(folder, &set).unwrap();
        }
    }
    let report: String = cases.iter().map(|folder| differences(folder, &set)).collect();
    assert!(
        report.is_empty(),
        "golden files differ (UPDATE_GOLDEN=1 rewrites them):\n{report}"
    );
}

#[test]
fn a_case_whose_name_says_error_is_refused_and_no_other() {
    let set = builtin();
    for folder in cases() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(
            name.starts_with("error-"),
            rendered(&folder, &set).contains_key(REFUSAL),
            "{name}"
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
