//! `JUnit`'s XML, which every CI system shows as tests.

use std::fmt::Write;

/// One test: what it is named, and why it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCase {
    /// Its name.
    pub name: String,
    /// What is wrong; none where it passed.
    pub failure: Option<Failure>,
}

/// Why a test did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// In one line.
    pub message: String,
    /// All of it.
    pub text: String,
    /// The test could not be run, where a failure is of what is tested.
    pub is_error: bool,
}

/// One suite with these tests.
pub fn junit(suite: &str, tests: &[TestCase]) -> String {
    let count = |is_error: bool| {
        let failures = tests.iter().filter_map(|test| test.failure.as_ref());
        failures.filter(|failure| failure.is_error == is_error).count()
    };
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\"",
        tests.len(),
        count(false),
        count(true)
    );
    let suite = escaped(suite);
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    // Writing to a String cannot fail.
    let _ = writeln!(xml, "<testsuites name=\"{suite}\" {counts}>");
    let _ = writeln!(xml, "  <testsuite name=\"{suite}\" {counts}>");
    for test in tests {
        let name = escaped(&test.name);
        match &test.failure {
            None => {
                let _ = writeln!(xml, "    <testcase classname=\"{suite}\" name=\"{name}\"/>");
            }
            Some(failure) => {
                let tag = if failure.is_error { "error" } else { "failure" };
                let (message, text) = (escaped(&failure.message), escaped(&failure.text));
                let _ = writeln!(xml, "    <testcase classname=\"{suite}\" name=\"{name}\">");
                let _ = writeln!(xml, "      <{tag} message=\"{message}\">{text}</{tag}>");
                let _ = writeln!(xml, "    </testcase>");
            }
        }
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// Text as XML 1.0 has it; characters that it can't have become U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\r' => escaped.push_str("&#13;"),
            '\t' | '\n' => escaped.push(character),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_xml_is_escaped() {
        assert_eq!(
            escaped("<a b=\"c\">&'\u{1}\n"),
            "&lt;a b=&quot;c&quot;&gt;&amp;&apos;\u{fffd}\n"
        );
    }

    #[test]
    fn failures_and_errors_are_counted_apart() {
        let failed = |is_error| {
            Some(Failure {
                message: "m".to_owned(),
                text: "t".to_owned(),
                is_error,
            })
        };
        let tests = [None, failed(false), failed(true)].map(|failure| TestCase {
            name: "n".to_owned(),
            failure,
        });
        let xml = junit("s", &tests);
        assert!(
            xml.contains("<testsuite name=\"s\" tests=\"3\" failures=\"1\" errors=\"1\">"),
            "{xml}"
        );
    }
}
