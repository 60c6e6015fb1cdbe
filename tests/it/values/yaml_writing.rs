//! What native-submit prints is read by Go's YAML readers as what it is. The readings are recorded; see
//! `tests/yaml_vectors/README.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::recorded;

use native_submit::{kubernetes::to_yaml, strict::parse_yaml};
use recorded::{Reading, readings, record};
use serde_json::{Map, Value, json};

const FILE: &str = "written.json";

/// Were a text misread, what was read would be printed in another way.
#[test]
fn go_reads_what_is_written() {
    let readings = readings(FILE);
    assert!(!readings.is_empty());
    for Reading { text, k8s, v3 } in readings {
        let read = k8s.unwrap_or_else(|| panic!("Go can't read {text}"));
        assert_eq!(v3.as_ref(), Some(&read), "Go's readers differ on {text}");
        assert!(
            to_yaml(&read) == text,
            "Go read other than was written, or the writer changed; record anew: {text}"
        );
        assert_eq!(parse_yaml(&text).as_ref(), Ok(&read));
    }
}

#[test]
fn every_value_of_the_table_is_recorded() {
    let texts: Vec<String> = values().iter().map(to_yaml).collect();
    let recorded: Vec<String> = readings(FILE).into_iter().map(|reading| reading.text).collect();
    assert!(texts == recorded, "the table or the writer changed: record anew");
}

#[test]
#[ignore = "needs Go: records anew"]
fn record_what_go_reads() {
    let texts: Vec<String> = values().iter().map(to_yaml).collect();
    record(FILE, &texts);
}

/// Strings that some YAML reader takes for something else, or that need care in some position.
const STRINGS: &[&str] = &[
    "",
    " ",
    "\n",
    "\t",
    "a",
    "a ",
    " a",
    "a\n",
    "\na",
    "a\nb",
    "a\nb\n",
    "a\nb\n\n",
    "a\n\nb\n",
    "a\n b\n  c\n",
    " a\nb\n",
    "\ta\nb\n",
    "a\n\tb\n",
    "a\n \nb\n",
    "a \nb\t\n",
    "a\r\nb\r\n",
    "a\rb",
    "# a\n#b\n",
    "a: b\nc: d\n",
    "---\na\n",
    "a\n---\nb\n",
    "...\n...\n",
    "- a\n- b\n",
    "| a\n> b\n",
    "a\u{85}b",
    "a\u{2028}b\n",
    "a\u{2029}b\nc\n",
    "\u{feff}a\nb\n",
    "a\0b",
    "é\nü\n",
    "😀",
    "\u{a0}a\nb\u{a0}\n",
    "\u{7f}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{10ffff}",
    "yes",
    "Yes",
    "YES",
    "no",
    "No",
    "NO",
    "on",
    "On",
    "ON",
    "off",
    "Off",
    "OFF",
    "y",
    "Y",
    "n",
    "N",
    "true",
    "True",
    "TRUE",
    "tRuE",
    "false",
    "False",
    "FALSE",
    "null",
    "Null",
    "NULL",
    "~",
    "=",
    "<<",
    "!",
    "&",
    "*",
    "&a",
    "*a",
    "!a",
    "!!str",
    "|",
    ">",
    "|-",
    "%",
    "%YAML",
    "@",
    "`",
    "'",
    "\"",
    "\\",
    "\\n",
    "''",
    "\"\"",
    "'a'",
    "\"a\"",
    "{",
    "}",
    "{}",
    "[",
    "]",
    "[]",
    "{a: b}",
    "[a]",
    ",",
    ", a",
    "a,b",
    "a, b",
    "?",
    "? a",
    "?a",
    "-",
    "- a",
    "-a",
    "--",
    "--a",
    "---",
    "--- a",
    "---a",
    "...",
    "... a",
    "....",
    ":",
    ": a",
    ":a",
    "a:",
    "a: b",
    "a:b",
    "a :b",
    "a : b",
    "a::",
    "#",
    "# a",
    "#a",
    "a#",
    "a #b",
    "a# b",
    "0",
    "00",
    "012",
    "0o14",
    "0O14",
    "0x1f",
    "0X1F",
    "0b11",
    "1_000",
    "1__0",
    "_1",
    "1_",
    "+1",
    "-1",
    "+",
    "-.",
    "1.",
    ".5",
    "-.5",
    "+.5",
    ".",
    "..",
    "1.5",
    "1.2.3",
    "1e3",
    "1E3",
    "1e",
    "1e+3",
    "1.e3",
    "e1",
    "12e03",
    ".inf",
    "-.inf",
    "+.inf",
    ".Inf",
    ".INF",
    ".nan",
    ".NaN",
    ".NAN",
    "inf",
    "-inf",
    "nan",
    "NaN",
    "Infinity",
    "-Infinity",
    "12:30",
    "12:30:45",
    "1:1",
    "190:20:30",
    "-12:30",
    "12:60",
    "0:0",
    "2001-01-01",
    "2001-1-1",
    "2001-12-14t21:59:43.10-05:00",
    "2001-12-14 21:59:43.10 -5",
    "2001-12-15 2:59:43.10",
    "20010101",
    "512m",
    "1408Mi",
    "1Gi",
    "10g",
    "1k",
    "1e",
    "1E",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "0x",
    "0b",
    "0o",
    "0xg",
    "1a",
    "a1",
    "f",
    "F",
    "deadbeef",
    "0123456789abcdef",
    "1e1000",
    "local:///opt/a.jar",
    "k8s://https://a:443",
    "/opt/spark/conf",
    "$(A)",
    "${A}",
    "{{APP_ID}}",
    "--conf=spark.a=b c",
    "-Dx=y -Xmx1g",
    "-XX:+UseG1GC",
    "a;b",
    "a&b",
    "a|b",
    "a*b",
    "*.a",
    "a.*",
    "a=b",
    "=a",
    "a/b:c@sha256:0",
    "C:\\a",
    "100%",
    "%d",
    "a?b",
    "a!",
    "!a",
    "~a",
    "a~",
    "spark-role",
    "3.5.0",
    "v4.0.1",
    "null ",
    "null\n",
    "yes\n",
    "yes\nno\n",
    "12\n30\n",
];

fn values() -> Vec<Value> {
    let strings: Vec<String> = STRINGS.iter().map(|text| (*text).to_owned()).collect();
    let numbers = like_numbers();
    let mut values = in_every_position(&strings);
    values.extend(in_every_position(&numbers));
    values.extend(characters().chunks(8).map(|lines| json!(lines)));
    values.push(json!({
        "numbers": [0, -1, i64::MAX, i64::MIN, 1.5, -0.25, 1e-7], "empty": [{}, [], "", null], "booleans": [true, false],
        "nested": [[[["a"]], [{"a": [{"b": "c\nd\n"}]}]], {"a": {"b": {"c": "d\ne"}}}],
    }));
    values.push(json!({"k".repeat(200): {"a": 1}, "é\n".repeat(100): ["x\ny\n"], "z": "k".repeat(5_000)}));
    values
}

/// As values, as keys, in lists; and at the root, where no block can be indented.
fn in_every_position(strings: &[String]) -> Vec<Value> {
    let fields: Map<String, Value> = strings
        .iter()
        .enumerate()
        .map(|(index, text)| (format!("k{index}"), Value::from(text.as_str())))
        .collect();
    let keys: Map<String, Value> = strings.iter().map(|text| (text.clone(), json!("v"))).collect();
    let mut values = vec![Value::Object(fields), Value::Object(keys), json!(strings)];
    if strings.len() == STRINGS.len() {
        values.extend(strings.iter().map(|text| json!(text)));
    }
    values
}

/// Strings of what numbers, dates and times are made of; the same ones each time.
fn like_numbers() -> Vec<String> {
    const ALPHABET: &[u8] = b"0011223456789._+-eExXoObB:tTzZ aAfF,nNiI";
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed >> 33).unwrap_or_default() % below
    };
    (0..1_500)
        .map(|_| {
            let length = 1 + next(8);
            (0..length)
                .map(|_| char::from(ALPHABET[next(ALPHABET.len())]))
                .collect()
        })
        .collect()
}

/// Every character that a reader might treat in its own way, sixty-four to a string, in one line and in several.
fn characters() -> Vec<String> {
    let ranges = [
        0..0x800,
        0x1680..0x1690,
        0x2000..0x2100,
        0x3000..0x3010,
        0xd7f0..0xe010,
        0xfdd0..0xfdf0,
    ];
    let more = [
        0xfe00..0xff10,
        0xfff0..0x1_0010,
        0x1_fff0..0x2_0010,
        0x10_fff0..0x11_0000,
    ];
    let all: Vec<char> = ranges
        .into_iter()
        .chain(more)
        .flatten()
        .filter_map(char::from_u32)
        .collect();
    let lines = all.chunks(64).map(|chunk| chunk.iter().collect::<String>());
    lines.flat_map(|line| [format!("x\n{line}\n"), line]).collect()
}
