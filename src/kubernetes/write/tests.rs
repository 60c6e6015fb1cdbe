use super::{to_documents, to_json_list, to_yaml};
use crate::strict::parse_yaml;
use proptest::{collection, prelude::*};
use serde_json::{Value, json};

#[test]
fn a_manifest_reads_as_people_write_it() {
    let manifest = json!({
        "kind": "ConfigMap", "apiVersion": "v1",
        "data": {
            "b": "#comment\na=b\n\nc=d\n", "a": "one\ntwo", "yes": "no", "number": "012", "empty": "", "012": "x",
            "quantity": "1408Mi", "image": "example.com/a/b:v1.2", "argument": "--conf=a=b", "version": "4.0.1",
        },
        "list": [{"b": [1, 1.5, true, null], "a": {}}, [], ["x", ["z"]], "two\nlines\n"],
    });
    let text = "\
apiVersion: v1
data:
  \"012\": x
  a: |-
    one
    two
  argument: --conf=a=b
  b: |
    #comment
    a=b

    c=d
  empty: \"\"
  image: example.com/a/b:v1.2
  number: \"012\"
  quantity: 1408Mi
  version: \"4.0.1\"
  \"yes\": \"no\"
kind: ConfigMap
list:
- a: {}
  b:
  - 1
  - 1.5
  - true
  - null
- []
- - x
  - - z
- |
  two
  lines
";
    assert_eq!(to_yaml(&manifest), text);
    assert_eq!(parse_yaml(text).unwrap(), manifest);
}

#[test]
fn several_documents_are_separated() {
    let (a, b) = (json!({"a": 1}), json!({"b": "x\ny\n"}));
    assert_eq!(to_documents([&a, &b]), "a: 1\n---\nb: |\n  x\n  y\n");
    let list: Value = serde_json::from_str(&to_json_list([&a, &b])).unwrap();
    assert_eq!(list, json!({"apiVersion": "v1", "kind": "List", "items": [a, b]}));
}

/// Strings of all Unicode, and those that YAML is known for.
fn text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "null",
        "~",
        "012",
        "0x1f",
        "1e3",
        "1_000",
        "12:30:45",
        "2001-01-01",
        "=",
        "<<",
        ".inf",
        "-.inf",
        ".nan",
        " ",
        "\t",
        "\n",
        "\r",
        "\n\n",
        "\u{85}",
        "\u{2028}",
        "\u{2029}",
        "\u{feff}",
        "\0",
        "\u{7f}",
        "\u{fffe}",
        "\u{10ffff}",
        "---",
        "...",
        ": ",
        " #",
        "- ",
        "? ",
        "'",
        "\"",
        "\\",
        "{",
        "[",
        "&a",
        "*a",
        "!t",
        "|",
        ">",
        "%",
        "@",
        "`",
        "a",
        "é",
        "😀",
    ]);
    prop_oneof![
        any::<String>(),
        collection::vec(any::<char>(), 0..8).prop_map(|characters| characters.into_iter().collect()),
        collection::vec(pieces, 0..5).prop_map(|pieces| pieces.concat()),
        "[ -~\n\t]{0,200}",
    ]
}

/// Any value, with the texts that readers of YAML take for something else.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        8 => text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            collection::btree_map(text(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 1000 } else { 10_000 }))]

    #[test]
    fn what_is_written_is_read_again(value in value()) {
        let text = to_yaml(&value);
        prop_assert_eq!(parse_yaml(&text).map_err(|error| error.to_string()), Ok(value), "{}", text);
    }
}

#[test]
fn long_keys_are_written_with_a_question_mark() {
    for length in [100, 128, 1_000, 5_000] {
        let value =
            json!([{"k".repeat(length): {"a": [1], "b": "x\ny"}, "é\n".repeat(length): ["x"], "z": 1}]);
        assert_eq!(parse_yaml(&to_yaml(&value)).unwrap(), value, "{length}");
    }
}
