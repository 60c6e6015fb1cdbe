use super::*;
use serde_json::json;

fn made() -> Made {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "pi-driver", "labels": {"a.b/c": "x"}},
        "spec": {
            "priorityClassName": "high",
            "containers": [{
                "name": "main", "args": ["driver", "--class", "A"],
                "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
                "volumeMounts": [{"name": "v", "mountPath": "/data"}],
                "resources": {"limits": {"memory": "896Mi"}},
            }],
        },
    });
    let config_map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"},
        "data": {"spark.properties": "spark.executor.instances=2\n", "x": "text"},
    });
    Made::from([
        ("pod-driver".to_owned(), vec![pod]),
        ("configmap-driver".to_owned(), vec![config_map]),
    ])
}

fn verdict(entry: &str) -> Result<Option<String>, String> {
    let sets = TemplateSets::load(&crate::templates::SetOptions::default()).unwrap();
    let list = parse(entry)?;
    list[0].verdict(&made(), &sets)
}

#[test]
fn each_sort_of_expectation_is_met_or_told_with_what_was_found() {
    let table = [
        ("{path: spec.priorityClassName, equal: high}", ""),
        (
            "{path: spec.priorityClassName, equal: low}",
            "expected \"low\", found \"high\"",
        ),
        ("{path: spec.nodeName, equal: a}", "expected \"a\", found nothing"),
        ("{path: 'spec.containers[main].env[A].value', equal: '2'}", ""),
        (
            "{path: 'spec.containers[main].env[A].value', equal: 2}",
            "expected 2, found \"2\"; the field is text: put the value in quotes",
        ),
        ("{path: 'spec.containers[0].args[1]', equal: --class}", ""),
        (
            "{path: 'spec.containers[0].volumeMounts[/data].name', equal: v}",
            "",
        ),
        ("{path: 'metadata.labels[\"a.b/c\"]', equal: x}", ""),
        (
            "{path: 'spec.containers[0].resources.limits.memory', matches: '^[0-9]+Mi$'}",
            "",
        ),
        (
            "{path: 'spec.containers[0].resources.limits.memory', matches: Gi}",
            "expected a match of /Gi/, found \"896Mi\"",
        ),
        ("{path: 'spec.containers[0].args', contains: driver}", ""),
        ("{path: spec.priorityClassName, contains: ig}", ""),
        (
            "{path: 'spec.containers', contains: {name: main, env: []}}",
            "expected {\"env\":[],\"name\":\"main\"} in it, found",
        ),
        (
            "{path: 'spec.containers', contains: {name: main, resources: {limits: {memory: 896Mi}}}}",
            "",
        ),
        ("{path: spec.nodeName, absent: true}", ""),
        (
            "{path: spec.priorityClassName, absent: true}",
            "expected nothing, found \"high\"",
        ),
    ];
    for (entry, expected) in table {
        let entry = format!("- {}", entry.replacen('{', "{object: pod-driver, ", 1));
        let found = verdict(&entry).unwrap().unwrap_or_default();
        assert!(
            found.starts_with(expected) && found.is_empty() == expected.is_empty(),
            "{entry}: {found}"
        );
    }
}

#[test]
fn objects_are_known_by_role_or_by_kind_and_name_and_properties_are_read() {
    let table = [
        (
            "{object: Pod/pi-driver, path: spec.priorityClassName, equal: high}",
            "",
        ),
        (
            "{object: configmap-driver, path: 'data[\"spark.properties\"][\"spark.executor.instances\"]', equal: '2'}",
            "",
        ),
        (
            "{object: configmap-driver, path: 'data[\"spark.properties\"]', contains: instances=2}",
            "",
        ),
        ("{object: podgroup-driver, absent: true}", ""),
        ("{object: Secret/nothing, absent: true}", ""),
        ("{object: pod-driver, absent: true}", "expected nothing, found"),
        (
            "{object: pod-executor, path: spec.nodeName, absent: true}",
            "expected the object, found only",
        ),
    ];
    for (entry, expected) in table {
        let found = verdict(&format!("- {entry}")).unwrap().unwrap_or_default();
        assert!(
            found.starts_with(expected) && found.is_empty() == expected.is_empty(),
            "{entry}: {found}"
        );
    }
}

#[test]
fn a_slip_in_the_file_is_an_error() {
    let table = [
        (
            "- {object: pod-driver, path: spec.nodeNmae, absent: true}",
            "[0]?.path: spec.nodeNmae: unknown field; did you mean `nodeName`?",
        ),
        (
            "- {object: pod-driver, path: spec.nodeName.x, absent: true}",
            ".path: spec.nodeName: expected a string, found a mapping",
        ),
        (
            "- {object: pod-driver, path: 'spec.containers[0].imagePolicy', absent: true}",
            ".path: spec.containers[0].imagePolicy: unknown field",
        ),
        (
            "- {object: pod-drver, absent: true}",
            ".object: expected an object of this case, found `pod-drver`",
        ),
        (
            "- {object: extra-pdb, absent: true}",
            ".object: expected an object of this case",
        ),
        (
            "- {object: Pdo/x, absent: true}",
            ".object: expected an object of this case",
        ),
        (
            "- {object: pod-driver, path: a, equals: b}",
            "[0].equals: unknown field; did you mean `equal`?",
        ),
        (
            "- {object: pod-driver, path: a}",
            "[0]: expected equal, matches, contains or absent, found none of them",
        ),
        (
            "- {object: pod-driver, path: a, equal: 1, absent: true}",
            "found 2 of them",
        ),
        (
            "- {object: pod-driver, path: a, absent: false}",
            ".absent: expected true, found false",
        ),
        (
            "- {object: pod-driver, path: a, matches: '('}",
            "[0].matches: expected a regular expression",
        ),
        (
            "- {object: pod-driver, path: 'a[', equal: 1}",
            "[0].path: expected `]`",
        ),
        (
            "- {object: pod-driver, path: a..b, equal: 1}",
            "[0].path: expected a field's name",
        ),
        (
            "- {object: pod-driver, path: '', equal: 1}",
            "[0].path: expected a path",
        ),
        ("- {path: a, equal: 1}", "object"),
        ("a: 1", "expected"),
        ("[]", "expected a list of expectations, found none"),
    ];
    for (entry, expected) in table {
        let found = verdict(entry).unwrap_err();
        assert!(
            found.contains(expected.trim_start_matches("[0]?")),
            "{entry}: {found}"
        );
    }
}
