//! The example sets of `deploy/templates` pass `check`, and give their golden files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The settings that the examples are made for.
const SETTINGS: [(&str, &str); 2] = [
    (
        "TEMPLATE_SETS",
        "namespace:restricted-*=restricted,namespace:data-*=team-data",
    ),
    ("ALLOWED_EXTRA_KINDS", "NetworkPolicy,PodDisruptionBudget"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/templates")
}

fn run(arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_native-submit"))
        .current_dir(folder())
        .env_clear()
        .envs(SETTINGS)
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        text(output.stdout),
        text(output.stderr)
    );
}

#[test]
fn they_pass_check_without_a_warning() {
    run(&["check", "sets", "--cases", "cases", "--deny-warnings"]);
}

#[test]
fn they_give_their_golden_files() {
    let command = if std::env::var_os("UPDATE_GOLDEN").is_some() {
        "update"
    } else {
        "verify"
    };
    run(&["golden", command, "--template-dir", "sets", "--cases", "cases"]);
}

#[test]
fn the_config_maps_have_every_file() {
    let text = fs::read_to_string(folder().join("kustomization.yaml")).unwrap();
    let listed: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- sets/"))
        .map(str::to_owned)
        .collect();
    let mut there = BTreeSet::new();
    for set in fs::read_dir(folder().join("sets")).unwrap() {
        let set = set.unwrap();
        for file in fs::read_dir(set.path()).unwrap() {
            let names = [set.file_name(), file.unwrap().file_name()].map(|name| name.into_string().unwrap());
            there.insert(names.join("/"));
        }
    }
    assert_eq!(listed, there);
}

#[test]
fn each_set_has_a_golden_case() {
    let mut sets = BTreeSet::new();
    for case in fs::read_dir(folder().join("cases")).unwrap() {
        let pod = fs::read_to_string(case.unwrap().path().join("pod-driver.yaml")).unwrap_or_default();
        let name = pod
            .lines()
            .find_map(|line| line.trim().strip_prefix("native-submit/template-set: "));
        let name = name.map(|name| name.trim_matches('"'));
        sets.extend(name.and_then(|name| name.split('@').next()).map(str::to_owned));
    }
    assert_eq!(
        sets,
        ["default", "gpu", "restricted", "team-data"]
            .map(str::to_owned)
            .into()
    );
}
