//! What the command line says and writes about itself: version, completion, man pages, and a set to begin with.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{
    program::{call, program},
    serve::binary,
};
use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

const COMMANDS: [&str; 14] = [
    "render",
    "context",
    "check",
    "diff",
    "golden",
    "init",
    "submit",
    "serve",
    "spark-submit",
    "install",
    "doctor",
    "studio",
    "completion",
    "man",
];

#[test]
fn the_long_version_says_what_was_built_of_what_and_for_what() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let after = |text: &str| {
        let (_, rest) = manifest.split_once(text).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let types = after("k8s-openapi = { version = \"0.29\", default-features = false, features = [\"v");
    let long = call(root, &["--version"], &[]);
    let lines: Vec<_> = long.out.lines().collect();
    let version = format!("native-submit {}", after("\nversion = \""));
    assert_eq!((lines[0], lines.len()), (&version[..], 5), "{}", long.out);
    assert_eq!(lines[2], "Spark versions: 3.5.0 to 4.3.0");
    assert_eq!(lines[3], format!("Kubernetes types: {}", types.replace('_', ".")));
    assert_eq!(lines[4], "template context: 1");
    assert_eq!(call(root, &["-V"], &[]).out, format!("{version}\n"));
    assert!(
        call(root, &["render", "--version"], &[])
            .out
            .contains("Kubernetes types: ")
    );

    let commit = lines[1].strip_prefix("commit: ").unwrap();
    let log = Command::new("git")
        .args(["reflog", "--format=%H"])
        .current_dir(root)
        .output();
    // The program may be one of an earlier commit, or of sources without git.
    if commit != "unknown" {
        let log = String::from_utf8(log.unwrap().stdout).unwrap();
        assert!(
            log.lines().any(|known| known.starts_with(commit)) && commit.len() == 12,
            "{commit}"
        );
    }
}

#[test]
fn completion_knows_every_command_and_its_flags() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = call(root, &["completion", shell], &[]);
        assert_eq!(script.code, 0);
        for word in COMMANDS.iter().chain(&["kubeconfig", "server-dry-run"]) {
            assert!(script.out.contains(word), "{shell}: {word}");
        }
        fs::write(folder.path().join(shell), script.out).unwrap();
    }
    assert_eq!(call(root, &["completion", "tcsh"], &[]).code, 2);
    // What bash itself offers.
    let offered = |words: &str, word: usize| {
        let script = format!(
            "source {}; function=$(complete -p native-submit | sed 's/.* -F \\([^ ]*\\).*/\\1/'); COMP_WORDS=({words}); COMP_CWORD={word}; \
             $function native-submit \"${{COMP_WORDS[{word}]}}\"; echo \"${{COMPREPLY[@]}}\"",
            folder.path().join("bash").display()
        );
        let output = Command::new("bash")
            .args(["--norc", "-c", &script])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(offered("native-submit gol", 1), "golden\n");
    assert_eq!(offered("native-submit submit --dry-run=", 2).trim(), "");
    assert_eq!(offered("native-submit check --wa", 2), "--watch\n");
    assert_eq!(offered("native-submit completion z", 2), "zsh\n");
}

#[test]
fn each_command_has_a_man_page() {
    let folder = tempfile::tempdir().unwrap();
    let ended = call(folder.path(), &["man", "share/man1"], &[]);
    assert_eq!(ended.code, 0, "{}", ended.said);
    for command in COMMANDS {
        let page = folder
            .path()
            .join(format!("share/man1/native-submit-{command}.1"));
        let text = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{command}: {error}"));
        assert!(
            text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"),
            "{command}"
        );
    }
    let main = fs::read_to_string(folder.path().join("share/man1/native-submit.1")).unwrap();
    assert!(main.contains("native\\-submit\\-golden(1)"), "{main}");
    fs::write(folder.path().join("file"), "").unwrap();
    let ended = call(folder.path(), &["man", "file"], &[]);
    assert_eq!(ended.code, 1);
    assert!(ended.said.starts_with("error: file: "), "{}", ended.said);
}

#[test]
fn a_set_to_begin_with_passes_its_own_checks() {
    let folder = tempfile::tempdir().unwrap();
    let ended = call(folder.path(), &["init", "repository"], &[]);
    assert_eq!(ended.code, 0, "{}", ended.said);
    let repository = folder.path().join("repository");
    for line in ended.out.lines() {
        assert!(folder.path().join(line).is_file(), "{line}");
    }
    let templates = ["check", "templates", "--cases", "cases", "--deny-warnings"];
    let checked = call(&repository, &templates, &[]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.said);
    assert!(
        checked.out.contains("refuse() fired for"),
        "the policy has a case: {}",
        checked.out
    );
    let golden = [
        "golden",
        "verify",
        "--template-dir",
        "templates",
        "--cases",
        "cases",
    ];
    let verified = call(&repository, &golden, &[]);
    assert_eq!((verified.code, &verified.out[..]), (0, ""), "{}", verified.said);

    // The workflow's own lines, with a container engine that runs the program as it is.
    let workflow = fs::read_to_string(repository.join(".github/workflows/templates.yml")).unwrap();
    let workflow = native_submit::strict::parse_yaml(&workflow).unwrap();
    let steps = workflow["jobs"]["templates"]["steps"].as_array().unwrap();
    let docker = folder.path().join("docker");
    let engine = format!(
        "#!/bin/sh\n[ \"$*\" = \"${{*#run --rm -v }}\" ] && exit 9\nwhile [ \"$1\" != the-image ]; do shift || exit 9; done\nshift\nexec {} \"$@\"\n",
        binary().display()
    );
    fs::write(&docker, engine).unwrap();
    fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
    let run = |line: &str| {
        Command::new("sh")
            .args(["-c", line])
            .current_dir(&repository)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
            .env("IMAGE", "the-image")
            .status()
            .unwrap()
            .code()
    };
    let lines: Vec<_> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    assert_eq!(lines.len(), 2);
    for line in &lines {
        assert_eq!(run(line), Some(0), "{line}");
    }
    // They are no formality.
    fs::write(
        repository.join("templates/driver-pod.patch.yaml.j2"),
        "spec: {nodeNam: a}\n",
    )
    .unwrap();
    for line in lines {
        assert_ne!(run(line), Some(0), "{line}");
    }
}

#[test]
fn init_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir_all(path.join("a/templates")).unwrap();
    fs::create_dir_all(path.join("b/.github/workflows")).unwrap();
    fs::write(path.join("b/.github/workflows/templates.yml"), "mine").unwrap();
    fs::create_dir(path.join("c")).unwrap();
    symlink("gone", path.join("c/cases")).unwrap();
    fs::write(path.join("d"), "a file").unwrap();
    let table = [
        ("a", 1, "a/templates: expected nothing there"),
        (
            "b",
            1,
            "b/.github/workflows/templates.yml: expected nothing there",
        ),
        ("c", 1, "c/cases: expected nothing there"),
        ("d", 1, "d/templates"),
        ("", 2, "DIR"),
    ];
    for (directory, code, says) in table {
        let arguments: Vec<_> = ["init", directory]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        let ended = call(path, &arguments, &[]);
        assert_eq!(ended.code, code, "{directory}: {}", ended.said);
        assert!(
            ended.said.contains(says) && ended.out.is_empty(),
            "{directory}: {}",
            ended.said
        );
    }
    assert_eq!(
        fs::read_to_string(path.join("b/.github/workflows/templates.yml")).unwrap(),
        "mine"
    );
    assert!(!path.join("b/templates").exists() && !path.join("b/cases").exists());
    // What else is there doesn't matter.
    fs::create_dir(path.join("e")).unwrap();
    fs::write(path.join("e/README.md"), "mine").unwrap();
    assert_eq!(call(path, &["init", "e"], &[]).code, 0);
    // Half a set is taken away again: the workflow can't be written.
    fs::create_dir_all(path.join("f")).unwrap();
    fs::write(path.join("f/.github"), "a file").unwrap();
    let ended = program(["init", "f"]).current_dir(path).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(!path.join("f/templates/driver-pod.yaml.j2").exists());
}
