//! Values that try to be YAML, Jinja or line breaks.

use super::parsed;
use crate::{
    strict,
    templates::{environment::environment, markup, sample, tests::load},
};
use minijinja::context;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Any text, and often such pieces as mean something to YAML or to Jinja.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = [
        "\"",
        "'",
        "\n",
        "\r",
        "\r\n",
        "\t",
        "\0",
        "\u{85}",
        "\u{2028}",
        "\u{2029}",
        "\u{feff}",
        "\u{7f}",
        "\u{9b}",
        "\u{fffe}",
        "\u{ffff}",
        "{{ pod.name }}",
        "{% raw %}",
        "{#",
        ": ",
        "evil: true",
        "- ",
        "#",
        " # ",
        "|",
        ">",
        "---",
        "...",
        "&a",
        "*a",
        "!!str",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\\",
        "\\u0041",
        "\\n",
        "%",
        "@",
        "`",
        "<<: ",
        "~",
        "null",
        "yes",
        "017",
        "1e3",
        ".inf",
        "é",
        "😀",
        "  ",
        "=",
        "?",
        "? ",
    ];
    let piece = prop_oneof![
        prop::sample::select(pieces.to_vec()).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Renders a template without the check of places, which refuses some of these.
fn render(source: &str, value: &str) -> String {
    let mut environment = environment();
    environment.add_template_owned("t", source.to_owned()).unwrap();
    environment
        .get_template("t")
        .unwrap()
        .render(context! { v => value })
        .unwrap()
}

fn keys(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => map.keys().cloned().collect(),
        other => panic!("not a map: {other}"),
    }
}

/// Where a value may stand: it comes out as itself in its own field.
const PLACES: &[&str] = &[
    "a: 1\nk: {{ v }}\nz: 2\n",
    "a: 1\nk:   {{ v }} # comment\nz: 2\n",
    "{a: 1, k: {{ v }}, z: 2}\n",
    "a: 1\nk:\n  {{ v }}\nz: 2\n",
    "a: 1\n{% autoescape false %}\nk: {{ v }}\n{% endautoescape %}\nz: 2\n",
    "a: 1\n{% macro m(x) %}k: {{ x }}{% endmacro %}\n{{ m(v) }}\nz: 2\n",
    "a: 1\n{% set s %}{{ v }}{% endset %}\nk: {{ s }}\nz: 2\n",
    "a: 1\n{% block b %}\nk: {{ v }}\n{% endblock %}\nz: 2\n",
    "a: 1\n{% macro m() %}{{ caller() }}{% endmacro %}\nk: {% call m() %}{{ v }}{% endcall %}\n\nz: 2\n",
    "a: 1\nk: {{ v | tojson }}\nz: 2\n",
    "a: 1\n{% filter indent(2) %}\nk: {{ v }}\n{% endfilter %}\n\nz: 2\n",
    "a: 1\n{% set s %}{{ v }}{% endset %}\nk: {{ s ~ '' if false else s }}\nz: 2\n",
];

/// Where it can't come out as itself; it must not get out of its place. (The first three don't pass the check.)
const FENCED: &[&str] = &[
    "a: 1\nk: \"{{ v }}\"\nz: 2\n",
    "a: 1\nk: '{{ v }}'\nz: 2\n",
    "a: 1\nk: text {{ v }}\nz: 2\n",
    "a: 1\nk: |\n  text {{ v }}\n  {{ v }}\nz: 2\n",
    "a: 1\nk: >-\n  {{ v }}\nz: 2\n",
    "a: 1\nk: 3 # by {{ v }}\nz: 2\n",
    "# by {{ v }}\na: 1\nk: 3\nz: 2\n",
];

/// What tries to cut the quotes off. Each must come out as one scalar in `k`, whatever it is then.
const CUTS: &[&str] = &[
    "{{ s | replace('\"', '') }}",
    "{{ s | replace(s, v) }}",
    "{{ v | replace(v, s) }}",
    "{{ s | trim('\"') }}",
    "{{ s | trim }}",
    "{{ (s | split('\"')) | join }}",
    "{{ s | split('\"') | join(s) }}",
    "{{ s | split('\"') | last }}",
    "{{ s | lines | join }}",
    "{{ s | list | join }}",
    "{{ s | reverse }}",
    "{{ s | upper }}",
    "{{ s | lower }}",
    "{{ s | title }}",
    "{{ s | capitalize }}",
    "{{ s | string }}",
    "{{ s | first }}",
    "{{ s | last }}",
    "{{ s[1:-1] }}",
    "{{ s[0] }}",
    "{{ s | sort | join }}",
    "{{ s | unique | join }}",
    "{{ s | list | last }}",
    "{{ [s] | map('trim', '\"') | first }}",
    "{{ [s] | map('replace', '\"', '') | first }}",
    "{{ [s, s] | join(',') }}",
    "{{ [v] | join(s) }}",
    "{{ '%s' | format(s) }}",
    "{{ s | replace('\"', '') | indent }}",
    "{{ (s | replace('\"', '')) ~ v }}",
    "{{ {'x': s} }}",
    "{{ [s] }}",
    "{{ s | default(v) | trim('\"') }}",
    "{% filter replace('\"', '') %}{{ v }}{% endfilter %}",
    "{% filter trim('\"') %}{{ v }}{% endfilter %}",
    "{% filter upper %}{{ v }}{% endfilter %}",
    "{% autoescape false %}{{ s | replace('\"', '') }}{% endautoescape %}",
    "{% autoescape false %}{{ s ~ v }}{% endautoescape %}",
    "{% autoescape false %}{% set t %}{{ v }}{% endset %}{{ t }}{% endautoescape %}",
    "{% set x = s | replace('\"', '') %}{{ x }}",
    "{% set x | replace('\"', '') %}{{ v }}{% endset %}{{ x }}",
    "{% macro m() %}{{ v }}{% endmacro %}{{ m() | replace('\"', '') }}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 300 } else { 5000 }))]

    #[test]
    fn a_value_comes_out_as_itself_in_its_own_field(value in hostile()) {
        for place in PLACES {
            let text = render(place, &value);
            let document = strict::parse_yaml(&text)
                .unwrap_or_else(|problem| panic!("{place}\n{text:?}\n{problem}"));
            prop_assert_eq!(document, json!({"a": 1, "k": value.clone(), "z": 2}), "{}\n{:?}", place, text);
        }
    }

    #[test]
    fn a_value_stays_in_its_fence(value in hostile()) {
        for place in FENCED {
            let text = render(place, &value);
            // A document that is no YAML any more is refused as a whole.
            if let Ok(document) = strict::parse_yaml(&text) {
                prop_assert_eq!(keys(&document), ["a", "k", "z"], "{}\n{:?}", place, text);
                prop_assert_eq!((&document["a"], &document["z"]), (&json!(1), &json!(2)));
            }
        }
    }

    #[test]
    fn no_filter_cuts_the_quotes_off(value in hostile()) {
        for cut in CUTS {
            let source = format!("{{% set s %}}{{{{ v }}}}{{% endset %}}\na: 1\nk: {cut}\n\nz: 2\n");
            let mut environment = environment();
            environment.add_template_owned("t", source).unwrap();
            // An empty value has no first or last character.
            let Ok(text) = environment.get_template("t").unwrap().render(context! { v => &value }) else {
                continue;
            };
            let document = strict::parse_yaml(&text)
                .unwrap_or_else(|problem| panic!("{cut}\n{text:?}\n{problem}"));
            prop_assert_eq!(keys(&document), ["a", "k", "z"], "{}\n{:?}", cut, text);
        }
    }

    #[test]
    fn a_hostile_plan_gives_the_same_objects_with_the_values_in_their_fields(value in hostile()) {
        let mut plan = sample::plan();
        plan.pod.annotations.insert("note".into(), value.clone());
        plan.driver.args.push(value.clone());
        plan.driver.env.push(json!({"name": "X", "value": value.clone()}));
        plan.config_map.data.insert("spark.properties".into(), value.clone());
        let executor = plan.executor.as_mut().unwrap();
        executor.metadata.insert("annotations".into(), json!({"x": value.clone()}));
        let rendered = load(&[]).unwrap().render(&plan).unwrap();
        let pod = parsed(&rendered, "pod-driver");
        prop_assert_eq!(&pod["metadata"]["annotations"], &json!({"note": value.clone()}));
        let container = &pod["spec"]["containers"][1];
        prop_assert_eq!(&container["args"], &json!(plan.driver.args));
        prop_assert_eq!(&container["env"], &json!(plan.driver.env));
        let config_map = parsed(&rendered, "configmap-driver");
        prop_assert_eq!(&config_map["data"], &json!({"spark.properties": value.clone()}));
        let config_map = parsed(&rendered, "configmap-executor-template");
        let template = strict::parse_yaml(config_map["data"]["podspec-configmap-key"].as_str().unwrap()).unwrap();
        prop_assert_eq!(&template["metadata"]["annotations"], &json!({"x": value.clone()}));
    }
}

#[test]
fn each_character_of_unicode_comes_out_as_itself() {
    let all: Vec<char> = ('\0'..=char::MAX).collect();
    for some in all.chunks(4096) {
        let value: String = some.iter().collect();
        for place in ["k: {{ v }}\n", "{k: {{ v }}}\n"] {
            let text = render(place, &value);
            let document = strict::parse_yaml(&text)
                .unwrap_or_else(|problem| panic!("from U+{:04x}: {problem}", u32::from(some[0])));
            assert_eq!(
                document,
                json!({ "k": value }),
                "from U+{:04x}",
                u32::from(some[0])
            );
        }
    }
}

#[test]
fn a_mebibyte_comes_out_as_itself() {
    let value = "a\"\n😀".repeat(1024 * 1024 / 7);
    let mut plan = sample::plan();
    plan.config_map
        .data
        .insert("spark.properties".into(), value.clone());
    let rendered = load(&[]).unwrap().render(&plan).unwrap();
    assert_eq!(
        parsed(&rendered, "configmap-driver")["data"]["spark.properties"],
        value
    );
}

#[test]
fn the_places_that_cannot_hold_a_value_are_refused_at_load() {
    for place in &FENCED[..3] {
        assert_eq!(markup::check("t", place).len(), 1, "{place}");
    }
    for place in PLACES.iter().chain(&FENCED[3..]) {
        assert_eq!(markup::check("t", place), [], "{place}");
    }
}
