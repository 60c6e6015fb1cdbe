//! How native-submit reads what YAML's versions, and their readers, disagree about; and beside it what kubectl's
//! reader makes of the same text, as recorded (see `tests/yaml_vectors/README.md`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::recorded;

use native_submit::strict::parse_yaml;
use recorded::{Reading, readings, record};
use serde_json::{Value, json};

const FILE: &str = "read.json";

/// What kubectl's reader makes of a text.
enum Kubectl {
    /// The same.
    Same,
    /// Something else.
    Reads(Value),
    /// It doesn't read it.
    Refuses,
}
use Kubectl::{Reads, Refuses, Same};

/// A text; what native-submit reads, or a piece of its message; and what kubectl does.
type Row = (&'static str, Result<Value, &'static str>, Kubectl);

/// Words that are booleans for YAML 1.1 alone are strings here: where a boolean is expected that is an error,
/// and where a string is, the word itself.
fn words() -> Vec<Row> {
    vec![
        ("true", Ok(json!(true)), Same),
        ("True", Ok(json!(true)), Same),
        ("TRUE", Ok(json!(true)), Same),
        ("yes", Ok(json!("yes")), Reads(json!(true))),
        ("Yes", Ok(json!("Yes")), Reads(json!(true))),
        ("no", Ok(json!("no")), Reads(json!(false))),
        ("on", Ok(json!("on")), Reads(json!(true))),
        ("off", Ok(json!("off")), Reads(json!(false))),
        ("y", Ok(json!("y")), Reads(json!(true))),
        ("n", Ok(json!("n")), Reads(json!(false))),
        ("\"yes\"", Ok(json!("yes")), Same),
        (
            "%YAML 1.1\n---\na: yes",
            Ok(json!({"a": "yes"})),
            Reads(json!({"a": true})),
        ),
        ("null", Ok(json!(null)), Same),
        ("Null", Ok(json!(null)), Same),
        ("~", Ok(json!(null)), Same),
        ("", Ok(json!(null)), Same),
        ("a:", Ok(json!({"a": null})), Same),
        ("a: =", Ok(json!({"a": "="})), Same),
    ]
}

/// Integers are those of YAML 1.1, as for kubectl; dates and times of day are strings.
fn numbers() -> Vec<Row> {
    vec![
        ("012", Ok(json!(10)), Same),
        ("0644", Ok(json!(420)), Same),
        ("08", Ok(json!(8)), Same),
        ("0o14", Ok(json!(12)), Same),
        ("0x1f", Ok(json!(31)), Same),
        ("0b11", Ok(json!(3)), Same),
        ("1_000", Ok(json!(1000)), Same),
        ("+1", Ok(json!(1)), Same),
        ("1.", Ok(json!(1)), Same),
        (".5", Ok(json!(0.5)), Same),
        ("1e3", Ok(json!(1000)), Same),
        (
            "9223372036854775808",
            Ok(json!(9_223_372_036_854_775_808_u64)),
            Same,
        ),
        (
            "18446744073709551616",
            Ok(json!(18_446_744_073_709_551_616.0)),
            Same,
        ),
        ("1e999", Err("not a finite number"), Reads(json!("1e999"))),
        (".inf", Err("not a finite number"), Refuses),
        (".nan", Err("not a finite number"), Refuses),
        ("inf", Ok(json!("inf")), Same),
        ("12:30", Ok(json!("12:30")), Same),
        ("12:30:45", Ok(json!("12:30:45")), Same),
        ("2001-01-01", Ok(json!("2001-01-01")), Same),
        ("512m", Ok(json!("512m")), Same),
        ("'012'", Ok(json!("012")), Same),
        ("!!str 012", Ok(json!("012")), Same),
        ("!!int \"12\"", Ok(json!(12)), Same),
    ]
}

/// A key twice is an error, but for an integer key and the string of the same digits.
fn keys() -> Vec<Row> {
    vec![
        ("a: 1\na: 2", Err("duplicate mapping key at line 2"), Refuses),
        ("{a: 1, a: 2}", Err("duplicate mapping key"), Refuses),
        ("a: 1\n\"a\": 2", Err("duplicate mapping key"), Refuses),
        ("a: {b: 1, b: 2}", Err("duplicate mapping key"), Refuses),
        ("1: a\n\"1\": b", Ok(json!({"1": "b"})), Same),
        ("1: a", Ok(json!({"1": "a"})), Same),
        ("true: a", Ok(json!({"true": "a"})), Same),
        ("null: a", Err("null is not allowed"), Refuses),
        ("[a]: b", Err("expected string"), Refuses),
        ("? a\n: b", Ok(json!({"a": "b"})), Same),
        ("{a, b: c}", Ok(json!({"a": null, "b": "c"})), Same),
    ]
}

/// Aliases are what they stand for; merge keys merge, and what stands beside them wins.
fn aliases_and_merge_keys() -> Vec<Row> {
    vec![
        ("a: &x [1]\nb: *x", Ok(json!({"a": [1], "b": [1]})), Same),
        ("a: &x 1\nb: *x", Ok(json!({"a": 1, "b": 1})), Same),
        ("a: *x", Err("unknown value"), Refuses),
        ("a: &a [*a]", Err("Recursive"), Refuses),
        ("{<<: {a: 1}, b: 2}", Ok(json!({"a": 1, "b": 2})), Same),
        // kubectl's strict reading takes what is overridden for a duplicate.
        (
            "a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}",
            Ok(json!({"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}})),
            Refuses,
        ),
        (
            "a: &x {b: 1}\nd: {<<: *x, <<: *x}",
            Ok(json!({"a": {"b": 1}, "d": {"b": 1}})),
            Refuses,
        ),
        ("\"<<\": {a: 1}", Ok(json!({"<<": {"a": 1}})), Same),
        ("<<: 1", Err("merge value must be mapping"), Refuses),
        ("<<", Ok(json!("<<")), Same),
    ]
}

/// One document, where kubectl's reader drops the others.
fn documents() -> Vec<Row> {
    vec![
        ("---\na: 1", Ok(json!({"a": 1})), Same),
        ("a: 1\n...\n", Ok(json!({"a": 1})), Same),
        (
            "a: 1\n---\nb: 2",
            Err("expected one document, found a second at line"),
            Reads(json!({"a": 1})),
        ),
        (
            "a: 1\n---\n",
            Err("expected one document, found a second at line"),
            Reads(json!({"a": 1})),
        ),
    ]
}

/// U+0085, U+2028 and U+2029 break no line here; for kubectl's reader they do, so the writer of YAML escapes
/// them, as the templates' auto-escaping and our printing do.
fn lines_and_characters() -> Vec<Row> {
    let injected = || Reads(json!({"a": "x", "b": true}));
    vec![
        (
            "a: x\u{85}b: y",
            Err("mapping values are not allowed"),
            injected(),
        ),
        ("a: x # c\u{85}b: y", Ok(json!({"a": "x"})), injected()),
        ("a: x # c\u{2028}b: y", Ok(json!({"a": "x"})), injected()),
        (
            "a: |\n  x\u{2028}b: y\n",
            Ok(json!({"a": "x\u{2028}b: y\n"})),
            Reads(json!({"a": "x\u{2028}", "b": true})),
        ),
        ("\"x\u{85}y\"", Ok(json!("x\u{85}y")), Reads(json!("x y"))),
        ("\"\\u2028\"", Ok(json!("\u{2028}")), Same),
        ("\"\\u0085\"", Ok(json!("\u{85}")), Same),
        ("\"\\0\"", Ok(json!("\0")), Same),
        ("a: \0", Err("unexpected character"), Refuses),
        ("\"\\uD83D\\uDE00\"", Ok(json!("😀")), Refuses),
        ("\"\\ud800\"", Err("surrogate"), Refuses),
        ("\u{feff}a: x", Ok(json!({"a": "x"})), Same),
        ("a: |\n  x\n  y\n", Ok(json!({"a": "x\ny\n"})), Same),
        ("a: |-\n  x\n", Ok(json!({"a": "x"})), Same),
        ("a: >\n  x\n  y\n", Ok(json!({"a": "x y\n"})), Same),
        ("a: 'x\n  y'", Ok(json!({"a": "x y"})), Same),
        ("\ta: x", Ok(json!({"a": "x"})), Refuses),
        ("a: b: c", Err("mapping values are not allowed"), Refuses),
        ("a: {b: c", Err("unclosed bracket"), Refuses),
        ("a: @b", Err("unexpected character"), Refuses),
        ("!!binary aGk=", Ok(json!("hi")), Same),
        ("!mine a", Ok(json!("a")), Same),
    ]
}

fn table() -> Vec<Row> {
    [
        words(),
        numbers(),
        keys(),
        aliases_and_merge_keys(),
        documents(),
        lines_and_characters(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn texts_are_read_as_the_table_says() {
    for (text, expected, _) in table() {
        match (parse_yaml(text), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(plain(found), plain(expected), "{text:?}"),
            (Err(problem), Err(expected)) => {
                assert!(problem.to_string().contains(expected), "{text:?}: {problem}");
            }
            (found, expected) => panic!("{text:?}: {found:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn kubectl_reads_them_as_the_table_says() {
    let (table, recorded) = (table(), readings(FILE));
    assert_eq!(recorded.len(), table.len(), "the table changed: record anew");
    for (
        (text, ours, kubectl),
        Reading {
            text: recorded, k8s, ..
        },
    ) in table.into_iter().zip(recorded)
    {
        assert_eq!(text, recorded, "the table changed: record anew");
        let expected = match kubectl {
            Same => Some(ours.unwrap()),
            Reads(value) => Some(value),
            Refuses => None,
        };
        assert_eq!(k8s.map(plain), expected.map(plain), "{text:?}");
    }
}

#[test]
#[ignore = "needs Go: records anew"]
fn record_what_go_reads() {
    let texts: Vec<String> = table().iter().map(|(text, ..)| (*text).to_owned()).collect();
    record(FILE, &texts);
}

/// `1000.0` is `1000`, as it is in JSON for Go.
fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64()),
        other => other,
    }
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let previous = format!("*a{}, ", level - 1).repeat(10);
        bomb = format!("{bomb}a{level}: &a{level} [{previous}]\n");
    }
    assert!(parse_yaml(&bomb).is_err());
}

#[test]
fn long_comments_and_deep_documents_do_no_harm() {
    let comments = "# a comment\n".repeat(200);
    let text = format!("{comments}a:\n{comments}  b:\n{comments}  - c\n{comments}");
    assert_eq!(parse_yaml(&text), Ok(json!({"a": {"b": ["c"]}})));
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(parse_yaml(&deep).is_err());
}
