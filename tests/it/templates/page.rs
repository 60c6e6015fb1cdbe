//! docs/templates.md, docs/policies.md and docs/upgrade.md do what they say: each of their files is written, each of its commands is run, and what it shows of their
//! output is there.
//!
//! A fence is ```` ```<language> <path> ```` for a file, ```` ```sh ```` (or ```` ```sh exit=1 ````) for commands, all of a page in one shell, and ```` ```text ```` for lines
//! of the output of the commands before it, in any order. `kubectl` is a stand-in that looks whether the files are there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::program::program;
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};

const PAGE: &str = include_str!("../../../docs/templates.md");
pub(super) const POLICIES: &str = include_str!("../../../docs/policies.md");

const UPGRADE: &str = include_str!("../../../docs/upgrade.md");

/// Prints a file of a `ConfigMap`, or applies what it reads; else fails unless its arguments make a `ConfigMap` of a folder that is there.
const KUBECTL: &str = "#!/bin/sh\ncase \"$*\" in\n  'get configmap '*policy.j2*) echo '{% if not submission.labels.team %}{{ refuse(\"team\") }}{% endif %}'; exit;;\n  'get configmap '*patch.yaml.j2*) echo 'spec: {priorityClassName: low}'; exit;;\n  'apply -f -') grep -q created; exit;;\nesac\n[ \"$1 $2\" = 'create configmap' ] || exit 2\nfor argument; do\n  case \"$argument\" in --from-file=*) [ -d \"${argument#--from-file=}\" ] && echo created; exit;; esac\ndone\nexit 2\n";

/// A fenced block.
pub(super) struct Block<'p> {
    language: &'p str,
    pub(super) more: Option<&'p str>,
    pub(super) text: String,
}

pub(super) fn blocks(page: &'static str) -> Vec<Block<'static>> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let text: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            let text = text.join("\n") + "\n";
            let (language, more) = info
                .split_once(' ')
                .map_or((info, None), |(language, more)| (language, Some(more)));
            blocks.push(Block { language, more, text });
        }
    }
    blocks
}

/// A folder with programs, and nothing else of this machine but the system's own.
pub(crate) fn programs(folder: &Path) -> String {
    let programs = folder.join("programs");
    fs::create_dir(&programs).unwrap();
    symlink(
        env!("CARGO_BIN_EXE_native-submit"),
        programs.join("native-submit"),
    )
    .unwrap();
    let kubectl = programs.join("kubectl");
    fs::write(&kubectl, KUBECTL).unwrap();
    fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", programs.display())
}

/// Runs commands one by one: all must succeed but the last one, which ends as it is said. They begin in the folder and with the
/// variables that the commands before them left, as in a reader's shell.
fn run(work: &Path, path: &str, block: &Block<'_>) -> String {
    let expected = block
        .more
        .map_or(0, |more| more.strip_prefix("exit=").expect(more).parse().unwrap());
    // A command may go over several lines.
    let text = block.text.replace("\\\n", " ");
    let mut script: Vec<_> = text.lines().collect();
    let last = script.pop().unwrap();
    let state = work.with_extension("shell");
    let state = state.display();
    let script = format!(
        "exec 2>&1\nset -e\n[ ! -e {state} ] || . {state}\ntrap '{{ export -p; echo \"cd $PWD\"; }} > {state}' EXIT\n{}\nset +e\n\
         {last}\n",
        script.join("\n")
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(work)
        .env_clear()
        .env("PATH", path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(expected), "{}\n{text}", block.text);
    text
}

/// Writes the files of a page, runs its commands and looks for its texts in their output; how many files and commands it has.
pub(crate) fn follow(page: &'static str, work: &Path, path: &str) -> (usize, usize) {
    let (mut files, mut commands) = (0, 0);
    let mut output = None;
    for block in blocks(page) {
        match (block.language, block.more) {
            ("sh", _) => {
                output = Some(run(work, path, &block));
                commands += 1;
            }
            ("text", None) => {
                let output: String = output.take().expect("output of commands");
                for line in block.text.lines() {
                    assert!(output.contains(line), "not in the output: {line}\n{output}");
                }
            }
            ("yaml" | "jinja", Some(name)) => {
                let file = work.join(name);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, &block.text).unwrap();
                files += 1;
            }
            (language, more) => panic!("a block of no known sort: {language} {more:?}"),
        }
    }
    (files, commands)
}

#[test]
fn every_snippet_does_what_the_page_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = programs(folder.path());
    let work = folder.path().join("work");
    fs::create_dir(&work).unwrap();
    let (files, commands) = follow(PAGE, &work, &path);
    assert!(
        files >= 11 && commands >= 12,
        "{files} files, {commands} commands"
    );
    for made in ["check.sarif", "golden.xml"] {
        assert!(fs::metadata(work.join(made)).unwrap().len() > 100, "{made}");
    }
}

/// Each of the ten policies refuses the last application of the page, in words of its own.
#[test]
fn every_policy_of_the_page_refuses_and_lets_through_as_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = programs(folder.path());
    let work = folder.path().join("work");
    fs::create_dir(&work).unwrap();
    let (files, commands) = follow(POLICIES, &work, &path);
    assert!(files >= 15 && commands >= 4, "{files} files, {commands} commands");
    assert_eq!(fs::read_dir(work.join("templates/always")).unwrap().count(), 10);
}

#[test]
fn the_first_step_of_an_upgrade_checks_what_is_mounted() {
    let folder = tempfile::tempdir().unwrap();
    let path = programs(folder.path());
    let work = folder.path().join("work");
    fs::create_dir(&work).unwrap();
    assert_eq!(follow(UPGRADE, &work, &path), (0, 1));
    assert!(work.join("mounted/always/team.policy.j2").is_file());
}

/// The values for several sets are those of `deploy/helm/drop-in.yaml`, and the sets.
#[test]
fn the_values_name_settings_that_there_are_and_lose_nothing() {
    let block = blocks(PAGE)
        .into_iter()
        .find(|block| block.more == Some("sets-values.yaml"))
        .unwrap();
    let mut values = native_submit::strict::parse_yaml(&block.text).unwrap();
    let help = program(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for variable in list(&mut values, "/controller/sidecars/0/env") {
        let name = variable["name"].as_str().unwrap();
        assert!(help.contains(&format!("[env: {name}=")), "{name}");
    }
    for volume in list(&mut values, "/controller/volumes") {
        if let Some(name) = volume["configMap"]["name"].as_str() {
            assert!(
                PAGE.contains(&format!("kubectl create configmap {name} ")),
                "{name}"
            );
        }
    }

    let mut shipped =
        native_submit::strict::parse_yaml(include_str!("../../../deploy/helm/drop-in.yaml")).unwrap();
    let of_sets = |named: &Value| {
        [
            "native-submit-templates",
            "native-submit-templates-gpu",
            "TEMPLATE_DIR",
            "TEMPLATE_SETS",
            "ALLOWED_EXTRA_KINDS",
        ]
        .iter()
        .any(|name| named["name"] == *name)
    };
    for (where_sets_are, sets) in [
        ("/controller/volumes", 2),
        ("/controller/sidecars/0/env", 3),
        ("/controller/sidecars/0/volumeMounts", 2),
    ] {
        let ours = list(&mut values, where_sets_are);
        let before = ours.len();
        ours.retain(|named| !of_sets(named));
        assert_eq!(before - ours.len(), sets, "{where_sets_are}");
    }
    // As it is shipped there are no templates, and so no setting.
    shipped["controller"]["sidecars"][0]["env"] = serde_json::json!([]);
    assert_eq!(values, shipped);
}

fn list<'v>(value: &'v mut Value, pointer: &str) -> &'v mut Vec<Value> {
    value
        .pointer_mut(pointer)
        .and_then(Value::as_array_mut)
        .expect(pointer)
}

/// Variables of the settings that are about templates, by the page.
#[test]
fn the_page_has_every_setting_of_templates() {
    let help = program(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let variables = help
        .lines()
        .filter_map(|line| line.trim().strip_prefix("[env: ")?.split('=').next());
    let of_templates: Vec<_> = variables
        .filter(|name| name.contains("TEMPLATE") || name.contains("EXTRA"))
        .collect();
    assert!(of_templates.len() >= 5, "{of_templates:?}");
    for name in of_templates {
        assert!(PAGE.contains(name), "{name}");
    }
}
