//! Golden files: what each application in `golden/` becomes, object by object.
//!
//! A case is a folder with `application.yaml`, at most a `case.yaml` with what differs from the golden context, and
//! either the objects that must come out, one file each, or `error.txt` with the refusal. `UPDATE_GOLDEN=1` writes
//! them anew; read that diff line by line, for it is what Kubernetes will get.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use native_submit::{
    application::{self, UnknownFields},
    manifest,
    submission::{self, Origin, SubmissionId, SubmitterContext, Webhook},
    submitter,
    templates::TemplateSet,
};
use serde::Deserialize;
use similar::TextDiff;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The file with the refusal, in a case that must be refused.
const ERROR: &str = "error.txt";

/// What a case says beside its application.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Case {
    webhook: Option<String>,
    #[serde(default)]
    operator: bool,
    submission_id: Option<String>,
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut cases: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.retain(|path| path.is_dir());
    cases.sort();
    cases
}

/// The files that the case must have: the objects, or the refusal.
fn rendered(folder: &Path) -> BTreeMap<String, String> {
    let case: Case = match fs::read_to_string(folder.join("case.yaml")) {
        Ok(text) => serde_yaml::from_str(&text).unwrap(),
        Err(_) => Case::default(),
    };
    match objects(
        &fs::read_to_string(folder.join("application.yaml")).unwrap(),
        &case,
    ) {
        Ok(objects) => objects,
        Err(refusal) => BTreeMap::from([(ERROR.to_owned(), format!("{refusal}\n"))]),
    }
}

fn objects(text: &str, case: &Case) -> Result<BTreeMap<String, String>, String> {
    let context = SubmitterContext::golden();
    let webhook = match case.webhook.as_deref() {
        None | Some("off") => Webhook::Off,
        Some("on") => Webhook::On,
        Some(other) => panic!("case.yaml: webhook is `{other}`; allowed are on and off"),
    };
    let origin = Origin {
        webhook,
        operator: case.operator,
        unknown_fields: submission::UnknownFields::Refuse,
    };
    let id = case
        .submission_id
        .as_deref()
        .map_or_else(SubmissionId::nil, |id| SubmissionId::new(id).unwrap());
    let parsed = application::parse(text, UnknownFields::Refuse).map_err(|error| error.to_string())?;
    let submission =
        submitter::intent(parsed.application, id, origin, &context).map_err(|error| error.to_string())?;
    let manifests = submitter::manifests(&submission, &context, &TemplateSet::builtin().unwrap())
        .map_err(|error| error.to_string())?;
    Ok(manifests
        .for_files()
        .map(|(name, object)| (name, manifest::to_yaml(&object)))
        .collect())
}

/// The files that are there, but for what the case is given.
fn expected(folder: &Path) -> BTreeMap<String, String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            !["application.yaml", "case.yaml"]
                .iter()
                .any(|given| path.ends_with(given))
        })
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}

fn differences(folder: &Path) -> String {
    let (expected, rendered) = (expected(folder), rendered(folder));
    let name = folder.file_name().unwrap().to_string_lossy();
    let mut report = String::new();
    for file in expected
        .keys()
        .chain(rendered.keys().filter(|file| !expected.contains_key(*file)))
    {
        match (expected.get(file), rendered.get(file)) {
            (Some(expected), Some(rendered)) if expected == rendered => {}
            (expected, rendered) => {
                let (before, after) = (expected.map_or("", |s| s), rendered.map_or("", |s| s));
                let header = (format!("golden/{name}/{file}"), "rendered now".to_owned());
                let diff = TextDiff::from_lines(before, after);
                report += &diff
                    .unified_diff()
                    .context_radius(3)
                    .header(&header.0, &header.1)
                    .to_string();
            }
        }
    }
    report
}

fn update(folder: &Path) {
    for file in expected(folder).keys() {
        fs::remove_file(folder.join(file)).unwrap();
    }
    for (file, text) in rendered(folder) {
        fs::write(folder.join(file), text).unwrap();
    }
}

#[test]
fn every_case_gives_its_golden_files() {
    let cases = cases();
    assert!(cases.len() >= 12, "golden/ has only {} cases", cases.len());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        for folder in &cases {
            update(folder);
        }
    }
    let report: String = cases.iter().map(|folder| differences(folder)).collect();
    assert!(
        report.is_empty(),
        "golden files differ (UPDATE_GOLDEN=1 rewrites them):\n{report}"
    );
}

#[test]
fn a_case_whose_name_says_error_is_refused_and_no_other() {
    for folder in cases() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(
            name.starts_with("error-"),
            rendered(&folder).contains_key(ERROR),
            "{name}"
        );
    }
}

#[test]
fn the_same_application_gives_the_same_bytes() {
    for folder in cases() {
        assert_eq!(rendered(&folder), rendered(&folder), "{}", folder.display());
    }
}

#[test]
fn a_missing_golden_file_fails() {
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
    for (file, text) in rendered(&folder) {
        fs::write(copy.path().join(file), text).unwrap();
    }
    assert_eq!(differences(copy.path()), "");
    fs::remove_file(copy.path().join("service-driver.yaml")).unwrap();
    assert!(differences(copy.path()).contains("+kind: Service"));
}
