//! What `check` says of the mistakes that admins make: whole outputs, kept in `messages.txt`. `UPDATE_GOLDEN=1` writes them anew; read
//! the diff as somebody who made the mistake.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fmt::Write, fs, path::Path, process::Command};

/// The mistake, the file's name, and its text.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "super() is forgotten in a block that the built-in template fills",
        "driver-pod.yaml.j2",
        "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block labels %}\n    cost: \"1\"\n{% endblock %}\n",
    ),
    (
        "what belongs to spec is not indented",
        "driver-pod.patch.yaml.j2",
        "spec:\nnodeName: a\n",
    ),
    (
        "one mistake in YAML, at another line of each application",
        "driver-pod.yaml.j2",
        "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block other_spec %}\n  a: [\n{% endblock %}\n",
    ),
    (
        "a key twice in a patch",
        "driver-pod.patch.yaml.j2",
        "spec:\n  nodeName: a\n  nodeName: b\n",
    ),
    (
        "a tab in a patch",
        "driver-pod.patch.yaml.j2",
        "spec:\n\tnodeName: a\n",
    ),
    (
        "a bad label in a patch",
        "driver-pod.patch.yaml.j2",
        "metadata:\n  labels:\n    team: \"a team\"\n",
    ),
    (
        "a bad quantity in a patch",
        "driver-pod.patch.yaml.j2",
        "spec:\n  containers:\n  - name: spark-kubernetes-driver\n    resources:\n      limits:\n        memory: 1 Gi\n",
    ),
    (
        "a value of no enum in a patch",
        "driver-pod.patch.yaml.j2",
        "spec:\n  restartPolicy: Newer\n",
    ),
    (
        "a misspelled field in the second item of a list",
        "driver-pod.patch.yaml.j2",
        "spec:\n  tolerations:\n  - key: a\n    operator: Exists\n  - key: b\n    operatr: Exists\n",
    ),
    (
        "a template extends itself",
        "driver-pod.yaml.j2",
        "{% extends \"driver-pod.yaml.j2\" %}\n",
    ),
    (
        "a misspelled built-in template",
        "driver-pod.yaml.j2",
        "{% extends \"builtin/drivr-pod.yaml.j2\" %}\n",
    ),
    (
        "a built-in template without its ending",
        "driver-pod.yaml.j2",
        "{% extends \"builtin/driver-pod.yaml\" %}\n",
    ),
    (
        "endblock is missing",
        "driver-pod.yaml.j2",
        "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block other_spec %}\n  nodeName: x\n",
    ),
];

#[test]
fn each_mistake_is_told_in_as_few_words_as_it_takes() {
    let mut told = String::new();
    for (mistake, file, text) in MISTAKES {
        let work = tempfile::tempdir().unwrap();
        fs::create_dir(work.path().join("t")).unwrap();
        fs::write(work.path().join("t").join(file), text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_native-submit"))
            .args(["check", "t"])
            .current_dir(work.path())
            .env_clear()
            .output()
            .unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{mistake}: {out}{said}");
        write!(told, "=== {mistake}\n{out}{said}\n").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/templates/messages.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &told).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(told == kept, "UPDATE_GOLDEN=1 writes {}:\n{told}", path.display());
}
