//! What `check` says of the mistakes that admins make: whole outputs, kept in `messages.txt`. `UPDATE_GOLDEN=1` writes them anew; read
//! the diff as somebody who made the mistake.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::program::{Ended, call};
use std::{fmt::Write, fs, path::Path};

/// The mistake, and the files with it.
const MISTAKES: &[(&str, &[(&str, &str)])] = &[
    (
        "super() is forgotten in a block that the built-in template fills",
        &[(
            "driver-pod.yaml.j2",
            "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block labels %}\n    cost: \"1\"\n{% endblock %}\n",
        )],
    ),
    (
        "what belongs to spec is not indented",
        &[("driver-pod.patch.yaml.j2", "spec:\nnodeName: a\n")],
    ),
    (
        "one mistake in YAML, at another line of each application",
        &[(
            "driver-pod.yaml.j2",
            "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block other_spec %}\n  a: [\n{% endblock %}\n",
        )],
    ),
    (
        "a key twice in a patch",
        &[(
            "driver-pod.patch.yaml.j2",
            "spec:\n  nodeName: a\n  nodeName: b\n",
        )],
    ),
    (
        "a tab in a patch",
        &[("driver-pod.patch.yaml.j2", "spec:\n\tnodeName: a\n")],
    ),
    (
        "a bad label in a patch",
        &[(
            "driver-pod.patch.yaml.j2",
            "metadata:\n  labels:\n    team: \"a team\"\n",
        )],
    ),
    (
        "a bad quantity in a patch",
        &[(
            "driver-pod.patch.yaml.j2",
            "spec:\n  containers:\n  - name: spark-kubernetes-driver\n    resources:\n      limits:\n        memory: 1 Gi\n",
        )],
    ),
    (
        "a value of no enum in a patch",
        &[("driver-pod.patch.yaml.j2", "spec:\n  restartPolicy: Newer\n")],
    ),
    (
        "a misspelled field in the second item of a list",
        &[(
            "driver-pod.patch.yaml.j2",
            "spec:\n  tolerations:\n  - key: a\n    operator: Exists\n  - key: b\n    operatr: Exists\n",
        )],
    ),
    (
        "a template extends itself",
        &[("driver-pod.yaml.j2", "{% extends \"driver-pod.yaml.j2\" %}\n")],
    ),
    (
        "a misspelled built-in template",
        &[(
            "driver-pod.yaml.j2",
            "{% extends \"builtin/drivr-pod.yaml.j2\" %}\n",
        )],
    ),
    (
        "a built-in template without its ending",
        &[(
            "driver-pod.yaml.j2",
            "{% extends \"builtin/driver-pod.yaml\" %}\n",
        )],
    ),
    (
        "endblock is missing",
        &[(
            "driver-pod.yaml.j2",
            "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block other_spec %}\n  nodeName: x\n",
        )],
    ),
    (
        "an unknown filter",
        &[(
            "driver-pod.yaml.j2",
            "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block labels %}\n{{ super() }}\n    a: {{ pod.name | uper }}\n{% endblock %}\n",
        )],
    ),
    (
        "an unknown test",
        &[(
            "driver-pod.yaml.j2",
            "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block labels %}\n{{ super() }}\n    a: {{ pod.name is strng }}\n{% endblock %}\n",
        )],
    ),
    (
        "an unknown function",
        &[("driver-pod.patch.yaml.j2", "metadata: {}\n{{ refus(\"no\") }}\n")],
    ),
    (
        "a filter of another engine",
        &[(
            "driver-pod.patch.yaml.j2",
            "metadata:\n  labels: {{ pod.labels | toYaml | nindent(4) }}\n",
        )],
    ),
    (
        "a macro fails while it runs, and one template calls it",
        &[
            (
                "driver-pod.patch.yaml.j2",
                "{% from \"_m.j2\" import m %}\nmetadata:\n  labels:\n    a: {{ m(pod.name) }}\n",
            ),
            ("_m.j2", "{% macro m(x) %}\n{{ x + 1 }}\n{% endmacro %}\n"),
        ],
    ),
    (
        "a macro fails while it runs, and two templates call it",
        &[
            (
                "driver-pod.patch.yaml.j2",
                "{% from \"_m.j2\" import m %}\nmetadata:\n  labels:\n    a: {{ m(pod.name) }}\n",
            ),
            (
                "driver-service.patch.yaml.j2",
                "{% from \"_m.j2\" import m as n %}\nmetadata:\n  labels:\n    a: {{ n(1) }}\n    b: {{ n(pod.name) }}\n",
            ),
            ("_m.j2", "{% macro m(x) %}\n{{ x + 1 }}\n{% endmacro %}\n"),
        ],
    ),
    (
        "a macro is given what it cannot use",
        &[(
            "driver-pod.patch.yaml.j2",
            "{% macro m(x) %}\n{{ x.nam }}\n{% endmacro %}\nmetadata:\n  labels:\n    a: {{ m(driver) }}\n",
        )],
    ),
    (
        "an included template has a mistake",
        &[
            (
                "driver-pod.patch.yaml.j2",
                "metadata:\n  labels:\n{% include \"_l.j2\" %}\n",
            ),
            ("_l.j2", "\n    a: {{ pod.nam }}\n"),
        ],
    ),
    (
        "a wrong value in the second item of a list",
        &[(
            "driver-pod.patch.yaml.j2",
            "spec:\n  tolerations:\n  - key: a\n    operator: Exists\n  - key: b\n    operator: Exsts\n",
        )],
    ),
    (
        "a wrong value in the second item of a list that a loop writes",
        &[(
            "driver-pod.patch.yaml.j2",
            "spec:\n  tolerations:\n{% for key in [1] %}\n  - key: a\n    operator: Exists\n{% endfor %}\n  - key: b\n    operator: Exsts\n",
        )],
    ),
    (
        "an item in another order than in the Pod",
        &[(
            "driver-pod.patch.yaml.j2",
            "spec:\n  containers:\n  - name: logs\n    image: a\n    imagePullPolicy: Always\n  - name: spark-kubernetes-driver\n    imagePullPolicy: Newer\n",
        )],
    ),
    (
        "an item without its name",
        &[(
            "driver-pod.patch.yaml.j2",
            "spec:\n  containers:\n  - name: spark-kubernetes-driver\n    env:\n    - name: A\n      value: a\n    - nam: B\n      value: b\n",
        )],
    ),
    (
        "an item that is a text",
        &[(
            "driver-pod.patch.yaml.j2",
            "spec:\n  imagePullSecrets:\n  - name: a\n  - b\n",
        )],
    ),
    (
        "a label that the Service selects the driver by",
        &[(
            "driver-pod.patch.yaml.j2",
            "metadata:\n  labels:\n    team: other\n",
        )],
    ),
    (
        "a bad label in a block",
        &[(
            "driver-pod.yaml.j2",
            "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block labels %}\n{{ super() }}\n    tier: \"a tier\"\n{% endblock %}\n",
        )],
    ),
    (
        "a bad annotation key in the executor template",
        &[(
            "executor-pod.patch.yaml.j2",
            "metadata:\n  annotations:\n    \"a b\": c\n",
        )],
    ),
];

#[test]
fn each_mistake_is_told_in_as_few_words_as_it_takes() {
    let mut told = String::new();
    for (mistake, files) in MISTAKES {
        let work = tempfile::tempdir().unwrap();
        fs::create_dir(work.path().join("t")).unwrap();
        for (file, text) in *files {
            fs::write(work.path().join("t").join(file), text).unwrap();
        }
        let Ended { code, out, said } = call(work.path(), &["check", "t"], &[]);
        assert_eq!(code, 1, "{mistake}: {out}{said}");
        write!(told, "=== {mistake}\n{out}{said}\n").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/templates/messages.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &told).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(told == kept, "UPDATE_GOLDEN=1 writes {}:\n{told}", path.display());
}
