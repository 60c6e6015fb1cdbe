//! What Go's YAML readers made of texts, as it is recorded; and how to record it.

use serde_json::Value;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What Go made of one text.
pub(crate) struct Reading {
    pub(crate) text: String,
    /// sigs.k8s.io/yaml, strict; nothing where it refuses the text.
    pub(crate) k8s: Option<Value>,
    /// gopkg.in/yaml.v3.
    #[allow(dead_code, reason = "not every test that reads the recordings asks for it")]
    pub(crate) v3: Option<Value>,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/yaml_vectors")
}

/// The readings of one file.
pub(crate) fn readings(file: &str) -> Vec<Reading> {
    let text =
        fs::read_to_string(directory().join(file)).expect("a recording; see tests/yaml_vectors/README.md");
    let readings: Vec<Value> = serde_json::from_str(&text).unwrap();
    readings
        .into_iter()
        .map(|mut reading| {
            let mut take = |field: &str| reading.get_mut(field).map(Value::take);
            let text = take("text")
                .and_then(|text| text.as_str().map(str::to_owned))
                .unwrap();
            let (k8s, v3) = (take("k8s"), take("v3"));
            let fails = |field: &str| reading.get(field) == Some(&Value::Bool(true));
            Reading {
                text,
                v3: v3.or_else(|| k8s.clone()).filter(|_| !fails("v3Fails")),
                k8s: k8s.filter(|_| !fails("k8sFails")),
            }
        })
        .collect()
}

/// Gives texts to Go, and writes what it made of them.
pub(crate) fn record(file: &str, texts: &[String]) {
    let mut go = Command::new("go")
        .args(["run", "."])
        .current_dir(directory())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Go");
    let mut stdin = go.stdin.take().unwrap();
    stdin.write_all(&serde_json::to_vec(texts).unwrap()).unwrap();
    drop(stdin);
    let output = go.wait_with_output().unwrap();
    assert!(output.status.success());
    fs::write(directory().join(file), output.stdout).unwrap();
}
