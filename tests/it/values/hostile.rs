//! A hostile value in any free-form field comes out as that value in that one field, or is refused with its path.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use native_submit::{
    operator::{
        Origin, Webhook,
        application::{self, UnknownFields},
    },
    spark::submission::{self, SubmissionId, SubmitterContext, properties},
    submitter,
    templates::TemplateSet,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

static TEMPLATES: LazyLock<TemplateSet> = LazyLock::new(|| TemplateSet::builtin().unwrap());

/// An application with `value` in the field that `place` names.
fn application(place: &str, value: &str) -> Value {
    let mut application = json!({
        "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication",
        "metadata": {"name": "hostile", "namespace": "jobs"},
        "spec": {
            "type": "Scala", "mode": "cluster", "sparkVersion": "4.3.0", "image": "i", "mainClass": "a.B",
            "mainApplicationFile": "local:///a.jar", "arguments": ["placeholder"],
            "sparkConf": {"spark.a": "placeholder"}, "hadoopConf": {"b": "placeholder"},
            "driver": {
                "cores": 1, "memory": "1g", "javaOptions": "placeholder", "annotations": {"a": "placeholder"},
                "envVars": {"A": "placeholder"}, "env": [{"name": "B", "value": "placeholder"}],
                "sidecars": [{"name": "s", "image": "i", "command": ["placeholder"]}],
            },
            "executor": {"instances": 1, "cores": 1, "memory": "1g", "env": [{"name": "C", "value": "placeholder"}]},
        },
    });
    *application.pointer_mut(place).unwrap() = value.into();
    application
}

/// Where a value goes in, and where it must come out: the object's role, and the pointer into it.
const PLACES: [(&str, &str, &str); 9] = [
    ("/spec/arguments/0", "pod-driver", "/spec/containers/1/args/6"),
    (
        "/spec/driver/annotations/a",
        "pod-driver",
        "/metadata/annotations/a",
    ),
    (
        "/spec/driver/envVars/A",
        "pod-driver",
        "/spec/containers/1/env/2/value",
    ),
    (
        "/spec/driver/env/0/value",
        "pod-driver",
        "/spec/containers/1/env/6/value",
    ),
    (
        "/spec/driver/sidecars/0/command/0",
        "pod-driver",
        "/spec/containers/0/command/0",
    ),
    ("/spec/sparkConf/spark.a", "configmap-driver", "spark.a"),
    ("/spec/hadoopConf/b", "configmap-driver", "spark.hadoop.b"),
    (
        "/spec/driver/javaOptions",
        "configmap-driver",
        "spark.driver.extraJavaOptions",
    ),
    (
        "/spec/executor/env/0/value",
        "configmap-executor-template",
        "/spec/containers/0/env/0/value",
    ),
];

fn rendered(application: Value) -> Result<Vec<(String, Value)>, String> {
    let context = SubmitterContext::golden();
    let origin = Origin {
        webhook: Webhook::Off,
        operator: true,
        unknown_fields: submission::UnknownFields::Refuse,
    };
    let parsed =
        application::from_value(application, UnknownFields::Refuse).map_err(|error| error.to_string())?;
    let submission = submitter::intent(parsed.application, SubmissionId::nil(), origin, &context)
        .map_err(|error| error.to_string())?;
    let manifests =
        submitter::manifests(&submission, &context, &TEMPLATES).map_err(|error| error.to_string())?;
    // Through the text that is written to files, as a reader of them sees it.
    Ok(manifests
        .for_files()
        .map(|(name, object)| {
            let text = native_submit::kubernetes::to_yaml(&object);
            (
                name.trim_end_matches(".yaml").to_owned(),
                native_submit::strict::parse_yaml(&text).unwrap(),
            )
        })
        .collect())
}

/// The value at its place in the objects.
fn found(objects: &[(String, Value)], role: &str, pointer: &str) -> Option<String> {
    let (_, object) = objects.iter().find(|(name, _)| name == role)?;
    let data = |key: &str| object["data"][key].as_str();
    match role {
        "configmap-driver" => properties::read(data("spark.properties")?).ok()?.remove(pointer),
        "configmap-executor-template" => {
            let template = native_submit::strict::parse_yaml(data("podspec-configmap-key")?).ok()?;
            Some(template.pointer(pointer)?.as_str()?.to_owned())
        }
        _ => Some(object.pointer(pointer)?.as_str()?.to_owned()),
    }
}

/// The objects without values: which fields there are, in which order.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), shape(value)))
            .collect(),
        Value::Array(list) => list.iter().map(shape).collect(),
        _ => Value::Null,
    }
}

fn holds(place: (&str, &str, &str), value: &str) -> Result<(), TestCaseError> {
    let (from, role, to) = place;
    match rendered(application(from, value)) {
        Ok(objects) => {
            prop_assert_eq!(found(&objects, role, to), Some(value.to_owned()), "{}", from);
            let plain = rendered(application(from, "placeholder")).unwrap();
            let shapes = |objects: &[(String, Value)]| -> Vec<_> {
                objects
                    .iter()
                    .map(|(name, object)| (name.clone(), shape(object)))
                    .collect()
            };
            prop_assert_eq!(shapes(&objects), shapes(&plain), "{}", from);
        }
        Err(refusal) => {
            let last = from
                .trim_end_matches("/0")
                .trim_end_matches("/value")
                .rsplit('/')
                .next()
                .unwrap();
            let key = if role == "configmap-driver" { to } else { last };
            let names_it = refusal.contains(key)
                || ["args", "env", "annotations", "command"]
                    .iter()
                    .any(|field| refusal.contains(field));
            prop_assert!(names_it, "{from}: {refusal}");
            prop_assert!(
                value.contains('\0')
                    || value.contains("-Xmx")
                    || value.is_empty()
                    // Spark 4 splits Java options, and refuses a quote that isn't closed and a backslash at the end.
                    || (from.ends_with("javaOptions") && value.contains(['"', '\'', '\\'])),
                "{from} refused: {refusal}"
            );
        }
    }
    Ok(())
}

#[test]
fn known_attacks_come_out_as_they_went_in() {
    let large = "x".repeat(200_000) + "\u{2028}evil: true\n";
    let attacks = [
        "",
        "\"",
        "'",
        "\\",
        "\n",
        "\r\n",
        "\t",
        "{{ pod.name }}",
        "{% raw %}",
        "{#",
        "a: b",
        "- a",
        "? a",
        "&a",
        "*a",
        "!!str a",
        "|",
        ">",
        "%YAML 1.1",
        "---",
        "...",
        "#",
        " # c",
        "yes",
        "no",
        "~",
        "null",
        "012",
        "0x1f",
        "1e3",
        "1:30",
        "=",
        "<<",
        "\u{85}evil: true",
        "x\u{2028}evil: true",
        "x\u{2029}evil: true",
        "\u{feff}",
        "\u{7f}",
        "\u{1b}[31m",
        "é日本🎉",
        "a=b",
        "${spark.a}",
        "{{APP_ID}}",
        " lead",
        "trail ",
        &large,
    ];
    for place in PLACES {
        for attack in attacks {
            // Annotations have a placeholder of Spark's own.
            if place.0.contains("annotations") && attack == "{{APP_ID}}" {
                continue;
            }
            holds(place, attack).unwrap();
        }
    }
}

#[test]
fn a_nul_is_refused_where_no_process_could_get_it() {
    for place in PLACES.iter().filter(|(_, role, _)| *role == "pod-driver") {
        let refusal = rendered(application(place.0, "a\0b")).unwrap_err();
        assert!(
            refusal.contains("NUL") || refusal.contains("U+0000"),
            "{}: {refusal}",
            place.0
        );
    }
}

#[test]
fn a_value_of_a_mebibyte_is_refused_and_not_cut() {
    for (from, _, _) in PLACES {
        let refusal = rendered(application(from, &"x".repeat(5 << 20))).unwrap_err();
        assert!(refusal.len() < 2000, "{from}: {}", &refusal[..2000]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_text_comes_out_as_it_went_in(value in any::<String>(), place in 0..PLACES.len()) {
        holds(PLACES[place], &value)?;
    }
}
