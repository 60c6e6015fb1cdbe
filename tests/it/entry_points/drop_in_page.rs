//! The table of the drop-in in docs/operations.md is what the drop-in does: each row is tried, with a stand-in for the real spark-submit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

const PAGE: &str = include_str!("../../../docs/operations.md");

/// How a row's first column begins, and arguments that are a case of it.
const CASES: [(&str, &[&str]); 9] = [
    (
        "`spark.kubernetes.submission.waitAppCompletion=true`",
        &["--deploy-mode", "cluster", "--class", "a.B", "local:///a.jar"],
    ),
    (
        "`--deploy-mode client`",
        &[
            "--class",
            "a.B",
            "--conf",
            "spark.kubernetes.submission.waitAppCompletion=false",
            "local:///a.jar",
        ],
    ),
    (
        "other masters than `k8s://…`",
        &[
            "--master",
            "yarn",
            "--deploy-mode",
            "cluster",
            "--class",
            "a.B",
            "local:///a.jar",
        ],
    ),
    (
        "`--kill`, `--status`",
        &[
            "--kill",
            "jobs:pi-driver",
            "--master",
            "k8s://https://127.0.0.1:1",
        ],
    ),
    (
        "`--kill`, `--status` with",
        &["--kill", "jobs:pi-driver", "--master", "yarn"],
    ),
    (
        "files of the submitter",
        &[
            "--deploy-mode",
            "cluster",
            "--class",
            "a.B",
            "--conf",
            "spark.kubernetes.submission.waitAppCompletion=false",
            "/a.jar",
        ],
    ),
    ("`--version`", &["--version"]),
    ("`--help`, `-h`", &["--help"]),
    ("wrong usage", &["--no-such-option"]),
];

/// Rows that other tests try: a submission (`tests/it/entry_points/spark_submit.rs`), and shadow mode (`tests/it/operations/shadow.rs`),
/// and flags (`tests/it/entry_points/cluster_flags.rs`).
const ELSEWHERE: [&str; 3] = [
    "`--master k8s://…`, `--deploy-mode cluster`",
    "`--shadow`",
    "`--context`, `--kubeconfig`, `-n` before all other arguments",
];

/// First and second column of the table.
fn rows() -> Vec<(&'static str, &'static str)> {
    let section = PAGE.split("\n## The drop-in\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let table = section.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = table.map(|line| {
        let mut cells = line.split(" | ");
        (cells.next().unwrap(), cells.next().unwrap())
    });
    cells.skip(2).collect()
}

#[test]
fn each_row_is_native_or_fallback_as_the_page_says() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real");
    fs::write(&real, "#!/bin/sh\necho \"real $NATIVE_SUBMIT_DEPTH\"\nexit 7\n").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o755)).unwrap();
    let rows = rows();
    assert_eq!(rows.len(), CASES.len() + ELSEWHERE.len(), "{rows:?}");
    for (begins, arguments) in CASES {
        let (_, whose) = rows
            .iter()
            .find(|(option, _)| *option == begins)
            .or_else(|| rows.iter().find(|(option, _)| option.starts_with(begins)))
            .unwrap_or_else(|| panic!("no row for {begins}"));
        let run = |fallback: &str| {
            let master = [
                "--master",
                "k8s://https://127.0.0.1:1",
                "--conf",
                "spark.kubernetes.container.image=spark",
            ];
            let given = arguments.contains(&"--master") || arguments.len() <= 2;
            Command::new(env!("CARGO_BIN_EXE_native-submit"))
                .arg("spark-submit")
                .args(master.iter().take(if given { 0 } else { 4 }))
                .args(arguments)
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .env("HOME", folder.path())
                .env("NATIVE_SUBMIT_FALLBACK", fallback)
                .output()
                .unwrap()
        };
        let output = run(real.to_str().unwrap());
        let handed_over = output.status.code() == Some(7) && output.stdout == b"real 1\n";
        assert_eq!(handed_over, *whose == "fallback", "{begins}: {output:?}");
        if handed_over {
            let output = run("");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{begins}: {said}");
            assert!(said.contains("NATIVE_SUBMIT_FALLBACK"), "{begins}: {said}");
        }
    }
    for begins in ELSEWHERE {
        assert!(
            rows.iter().any(|(option, _)| option.starts_with(begins)),
            "{begins}"
        );
    }
}
