//! Java's `Properties.load` reads what native-submit writes as what it is, and native-submit reads what Java reads.
//! The readings are recorded; see `tests/properties_vectors/README.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../properties_vectors/java.rs"]
mod java;

use java::{Java, Reading};
use native_submit::spark::submission::{
    Request, SubmissionId, SubmitterContext, arguments, properties, resolve,
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::PathBuf};

type Properties = BTreeMap<String, String>;

/// The comment line above the properties; any other would do.
const COMMENT: &str = "c";

const WRITTEN: &str = "written.jsonl";
const ODD: &str = "odd.jsonl";

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/properties_vectors")
        .join(file)
}

/// The recorded texts, and what Java read in each.
fn vectors(file: &str) -> Vec<(String, Reading)> {
    let lines = fs::read_to_string(path(file)).expect("a recording; see tests/properties_vectors/README.md");
    lines
        .lines()
        .map(|line| {
            let mut vector: Value = serde_json::from_str(line).unwrap();
            let text = vector["text"].as_str().unwrap().to_owned();
            (text, serde_json::from_value(vector["java"].take()).unwrap())
        })
        .collect()
}

/// A character, or a few, that mean something to Java's reader or to some other one; and any at all.
fn piece() -> impl Strategy<Value = String> {
    let special = [
        " ",
        "  ",
        "\t",
        "\u{c}",
        "\n",
        "\r",
        "\r\n",
        "\\",
        "\\\\",
        "=",
        ":",
        "#",
        "!",
        "u",
        "\\u0041",
        "\\u00e9",
        "\\uD83C\\uDF89",
        "\0",
        "\u{1}",
        "\u{b}",
        "\u{1b}",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "\u{2029}",
        "\u{3000}",
        "\u{feff}",
        "\u{fffd}",
        "\u{ffff}",
        "é",
        "漢",
        "🎉",
        "\u{10ffff}",
        "a",
        "b",
        "k",
        "0",
        "n",
        "t",
    ];
    prop_oneof![
        8 => proptest::sample::select(special.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => (0_u32..0x20).prop_map(|code| char::from_u32(code).unwrap().to_string()),
    ]
}

fn text(pieces: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), pieces).prop_map(|pieces| pieces.concat())
}

fn any_properties() -> impl Strategy<Value = Properties> {
    proptest::collection::btree_map(text(0..8), text(0..12), 0..4)
}

/// Text that nobody wrote with care: lines of pieces, with continuations and escapes that go wrong.
fn odd_text() -> impl Strategy<Value = String> {
    let torn = [
        "\\\n",
        "\\\r\n",
        "\\\r",
        "\\\n\n",
        "\\\n#",
        "\\\n  #",
        "\\\n ! ",
        "\n#",
        "\n  !",
        "# \\\n",
        "\\u",
        "\\u0",
        "\\u00g1",
        "\\u004",
        "\\uuuu",
        "\\U0041",
        "\\u 041",
        "\\u+041",
        "\\u-041",
        "\\uD83C",
        "\\uDF89",
        "\\x",
        "\\\\\\",
        "a=b\n",
        "a = b",
        "k:",
        "=",
        "\n\n",
        " \\\n \\\n ",
    ];
    let torn = proptest::sample::select(torn.to_vec()).prop_map(str::to_owned);
    proptest::collection::vec(prop_oneof![2 => piece(), 1 => torn], 0..16).prop_map(|pieces| pieces.concat())
}

/// What each vector must hold of our code: the reader agrees with Java.
fn agrees(text: &str, java: &Reading) -> Result<(), TestCaseError> {
    prop_assert_eq!(&properties::read(text).ok(), java, "{:?}", text);
    Ok(())
}

#[test]
fn java_reads_what_is_written() {
    let vectors = vectors(WRITTEN);
    assert!(vectors.len() > 200, "{} vectors", vectors.len());
    for (text, java) in vectors {
        let read = java.as_ref().expect("properties that Java can read");
        assert!(
            properties::write(COMMENT, read) == text,
            "Java read other than was written, or the writer changed; record anew as \
             tests/properties_vectors/README.md says: {text:?}"
        );
        agrees(&text, &java).unwrap();
    }
}

#[test]
fn odd_texts_are_read_as_java_reads_them() {
    let vectors = vectors(ODD);
    let refused = vectors.iter().filter(|(_, java)| java.is_none()).count();
    assert!(refused > 20 && vectors.len() - refused > 200);
    for (text, java) in vectors {
        agrees(&text, &java).unwrap();
    }
}

proptest! {
    #[test]
    fn what_was_written_reads_the_same(properties in any_properties()) {
        prop_assert_eq!(properties::read(&properties::write(COMMENT, &properties)).unwrap(), properties);
    }

    #[test]
    fn reading_never_panics(text in odd_text()) {
        let _ = properties::read(&text);
    }
}

/// The `spark.properties` of a driver's `ConfigMap`, and the properties that it must hold.
fn driver_properties(conf: &Properties) -> (Properties, String) {
    let options = [
        "--master",
        "k8s://https://api:443",
        "--deploy-mode",
        "cluster",
        "--class",
        "a.B",
    ];
    let mut argv: Vec<_> = options.map(str::to_owned).to_vec();
    argv.extend([
        "--conf".to_owned(),
        "spark.kubernetes.container.image=i".to_owned(),
    ]);
    for (key, value) in conf {
        // A key of `--conf` ends at its first `=`, and carriage returns are dropped from the command line.
        let key = key.replace(['=', '\r'], "");
        argv.extend([
            "--conf".to_owned(),
            format!("spark.x.{key}={}", value.replace('\r', "")),
        ]);
    }
    argv.push("local:///a.jar".to_owned());
    let request = Request {
        default_id: Some(SubmissionId::nil()),
        ..Request::default()
    };
    let context = SubmitterContext::golden();
    let submission = resolve(arguments::parse(&argv).unwrap(), request, &context).unwrap();
    let mut plan = native_submit::spark::plan::plan(&submission, &context).unwrap();
    (
        plan.properties,
        plan.config_map.data.remove("spark.properties").unwrap(),
    )
}

proptest! {
    #[test]
    fn the_drivers_properties_read_as_what_was_decided(conf in any_properties()) {
        let (properties, text) = driver_properties(&conf);
        prop_assert_eq!(properties::read(&text).unwrap(), properties);
    }
}

/// Every character there is, 4096 to a value, and a value of a mebibyte.
fn all_characters() -> Properties {
    let characters: Vec<_> = ('\0'..=char::MAX).collect();
    let blocks = characters.chunks(4096).enumerate();
    let mut properties: Properties = blocks
        .map(|(index, block)| (format!("k{index}"), block.iter().collect()))
        .collect();
    properties.insert(" long=".repeat(1000), " \\\r\n:=#!\u{c}\té".repeat(80_000));
    properties
}

#[test]
fn the_java_on_path_agrees() {
    let mut java = match Java::start() {
        Ok(java) => java,
        Err(reason) => return eprintln!("skipped: {reason}"),
    };
    let all = all_characters();
    assert!(
        java.load(&properties::write(COMMENT, &all)) == Some(all),
        "all characters"
    );
    let mut runner = TestRunner::new(Config {
        cases: 500,
        failure_persistence: None,
        ..Config::default()
    });
    let java = std::cell::RefCell::new(java);
    let outcome = runner.run(&(any_properties(), odd_text()), |(properties, odd)| {
        let mut java = java.borrow_mut();
        let text = properties::write(COMMENT, &properties);
        prop_assert_eq!(java.load(&text), Some(properties.clone()), "{:?}", text);
        agrees(&text, &Some(properties.clone()))?;
        let (decided, text) = driver_properties(&properties);
        prop_assert_eq!(java.load(&text), Some(decided), "{:?}", text);
        agrees(&odd, &java.load(&odd))
    });
    outcome.unwrap();
}

#[test]
#[ignore = "needs a JDK: records anew"]
fn record_what_java_reads() {
    let mut java = Java::start().unwrap();
    // The same texts in every run.
    let mut runner = TestRunner::deterministic();
    let mut generate = |count: usize, make: &dyn Fn(&mut TestRunner) -> String| {
        (0..count).map(|_| make(&mut runner)).collect::<Vec<_>>()
    };
    let mut written = generate(300, &|runner| {
        properties::write(COMMENT, &any_properties().new_tree(runner).unwrap().current())
    });
    let controls: String = ('\0'..='\u{a0}').collect();
    let long = "long \\ value:\r\n".repeat(200);
    for special in [controls, long] {
        let properties = Properties::from([(special.clone(), special.clone()), (String::new(), special)]);
        written.push(properties::write(COMMENT, &properties));
    }
    let odd = generate(700, &|runner| odd_text().new_tree(runner).unwrap().current());
    for (file, texts) in [(WRITTEN, written), (ODD, odd)] {
        let vector = |text: &String| json!({"java": java.load(text), "text": text}).to_string();
        let lines: Vec<_> = texts.iter().map(vector).collect();
        fs::write(path(file), lines.join("\n") + "\n").unwrap();
    }
}
