//! The applications of `golden/` and of the operator's examples, for tests on a control plane.
// Each test uses a part of it.
#![allow(dead_code, clippy::unwrap_used)]

use native_submit::operator::application::{self, Parsed, UnknownFields};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The cases that are not refused.
pub(crate) fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut cases: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && !path.join("error.txt").exists())
        .collect();
    cases.sort();
    assert!(cases.len() >= 12, "golden/ has only {} cases", cases.len());
    cases
}

/// A case's application, in this namespace.
pub(crate) fn application(folder: &Path, namespace: &str) -> Value {
    let text = fs::read_to_string(folder.join("application.yaml")).unwrap();
    let mut object: Value = serde_yaml::from_str(&text).unwrap();
    object["metadata"]["namespace"] = namespace.into();
    object
}

/// An application as the API server has it, read.
pub(crate) fn parsed(live: &Value) -> Parsed {
    application::parse(&live.to_string(), UnknownFields::Refuse).unwrap()
}

/// The files of a folder that are a `SparkApplication`.
pub(crate) fn examples(folder: &Path) -> Vec<(String, Value)> {
    let mut examples: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .filter_map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let application: Value = serde_yaml::from_str(&text).ok()?;
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (application["kind"] == "SparkApplication").then_some((name, application))
        })
        .collect();
    examples.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(examples.len() >= 10, "{} examples", examples.len());
    examples
}
