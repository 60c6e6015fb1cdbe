//! The options of an executor's JVM. Those that Spark adds for every Java (`--add-opens=…`) are not among them.

use super::draft::Draft;
use crate::{
    limits::ENTRIES,
    spark::submission::{ConfReader, Feature, Refusal, SparkVersion},
};

const EXTRA: &str = "spark.executor.extraJavaOptions";
const DEFAULT: &str = "spark.executor.defaultJavaOptions";

/// What an executor needs before it has its conf from the driver; what begins with `spark.ssl` and is a password is not
/// among it (`SparkConf.isExecutorStartupConf`).
const STARTUP: [&str; 4] = ["spark.auth", "spark.rpc", "spark.network", "spark.ssl"];

/// The options of the conf, and what an executor needs of the conf as `-Dspark…`.
pub(super) fn all(draft: &Draft<'_>) -> Result<Vec<String>, Refusal> {
    let conf = draft.conf;
    let mut text = Vec::new();
    if let Some(default) = conf.text(DEFAULT)? {
        let times = if draft.has(Feature::DefaultJavaOptionsOnce) {
            1
        } else {
            3
        };
        text.extend(std::iter::repeat_n(default, times));
    }
    text.extend(conf.text(EXTRA)?);
    let mut options = split(&draft.fill_placeholders(&text.join(" ")));
    // Each becomes a variable of the Pod.
    ENTRIES.holds(EXTRA, options.len())?;
    let startup = conf.raw().iter().filter(|(key, _)| is_startup(key));
    options.extend(startup.map(|(key, value)| format!("-D{key}={value}")));
    Ok(options)
}

fn is_startup(key: &str) -> bool {
    let of_spark = key.strip_prefix("spark.");
    let is_port =
        of_spark.is_some_and(|rest| rest.starts_with("port.") || rest.rsplit('.').next() == Some("port"));
    let is_of = STARTUP.iter().any(|start| key.starts_with(start));
    let is_secret =
        key == "spark.authenticate.secret" || (key.starts_with("spark.ssl") && key.contains("Password"));
    (is_of && !is_secret) || is_port
}

/// What Spark doesn't take among the options of executors (`SparkConf.validateSettings`).
pub(super) fn check(conf: ConfReader<'_>, version: &SparkVersion) -> Result<(), Refusal> {
    let default = version.has(Feature::DefaultJavaOptionsChecked).then_some(DEFAULT);
    for key in std::iter::once(EXTRA).chain(default) {
        let options = conf.raw().get(key).unwrap_or_default();
        if options.contains("-Dspark") {
            return Err(Refusal::new(
                key,
                "is not allowed to set Spark options (-Dspark…). Set them directly on a SparkConf or in a properties \
                 file when using ./bin/spark-submit.",
            ));
        }
        if options.contains("-Xmx") {
            return Err(Refusal::new(
                key,
                "is not allowed to specify max heap memory settings (-Xmx…). Use spark.executor.memory instead.",
            ));
        }
    }
    Ok(())
}

/// What stands between words.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Words as a shell splits them, roughly (Spark's `Utils.splitCommandString`): in quotes a backslash escapes a quote and
/// itself; an unclosed quote ends with the text. Of more words than a list may have, one more is given.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut in_word = false;
    let mut quote = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if words.len() > ENTRIES.most {
            return words;
        }
        match quote {
            Some(open) if character == open => quote = None,
            Some('"') if character == '\\' && matches!(characters.peek(), Some('"' | '\\')) => {
                word.extend(characters.next());
            }
            Some(_) => word.push(character),
            None if character == '"' || character == '\'' => {
                in_word = true;
                quote = Some(character);
            }
            None if BLANKS.contains(&character) => {
                if in_word {
                    words.push(std::mem::take(&mut word));
                    in_word = false;
                }
            }
            None => {
                in_word = true;
                word.push(character);
            }
        }
    }
    if in_word {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_split_as_spark_splits_them() {
        for (text, expected) in [
            ("", vec![]),
            ("  -a  -b ", vec!["-a", "-b"]),
            (r#"-Da="x y" 'c d'"#, vec!["-Da=x y", "c d"]),
            (r#""a\"b\\c\d" 'e\'"#, vec![r#"a"b\c\d"#, r"e\"]),
            (r#"-Dq="unclosed"#, vec!["-Dq=unclosed"]),
            (r#""" ''"#, vec!["", ""]),
            (r"a\ b", vec![r"a\", "b"]),
            ("\n-a\t-b\r\n -c\n", vec!["-a", "-b", "-c"]),
            ("-a='b\n' -c\u{b}d\u{85}", vec!["-a=b\n", "-c\u{b}d\u{85}"]),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }

    #[test]
    fn executors_start_with_what_they_need_to_reach_the_driver_and_with_no_password() {
        for key in [
            "spark.authenticate",
            "spark.rpc.askTimeout",
            "spark.network.timeout",
            "spark.driver.port",
            "spark.port.maxRetries",
            "spark.ssl.rpc.enabled",
        ] {
            assert!(is_startup(key), "{key}");
        }
        for key in [
            "spark.authenticate.secret",
            "spark.ssl.rpc.keyPassword",
            "spark.app.name",
            "spark.portly",
        ] {
            assert!(!is_startup(key), "{key}");
        }
    }
}
