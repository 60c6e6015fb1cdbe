//! Log lines of bounded length, each in one line, whatever is logged: the last of several bounds, for all lines at once.

use crate::{
    finding::{cut, one_line},
    limits::LOG_LINE_BYTES,
};
use serde_json::Value;
use std::{
    borrow::Cow,
    io::{self, Write},
};

/// The lengths to which the texts of a JSON line are cut, until the line is short enough. The last fits whatever fields
/// our own lines have.
const LENGTHS: [usize; 3] = [4 << 10, 512, 32];

/// Writes lines, each with one call as `tracing` does, and cuts those that are too long.
pub(super) struct Short<W>(pub(super) W);

impl<W: Write> Write for Short<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let (body, end) = match text.strip_suffix('\n') {
            Some(body) => (body, "\n"),
            None => (&*text, ""),
        };
        match one_line(body) {
            // Nearly every line: it is written as it is.
            Cow::Borrowed(_) => self.0.write_all(&shortened(text.as_bytes()))?,
            Cow::Owned(escaped) => self.0.write_all(&shortened((escaped + end).as_bytes()))?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn shortened(line: &[u8]) -> Cow<'_, [u8]> {
    if line.len() <= LOG_LINE_BYTES {
        return Cow::Borrowed(line);
    }
    let text = String::from_utf8_lossy(line);
    let short = match serde_json::from_str::<Value>(&text) {
        Ok(fields @ Value::Object(_)) => json(fields),
        _ => None,
    };
    let short = short.unwrap_or_else(|| cut(text.trim_end(), LOG_LINE_BYTES - 1).into_owned());
    Cow::Owned((short + "\n").into_bytes())
}

/// The same JSON object with its long texts cut.
fn json(mut fields: Value) -> Option<String> {
    LENGTHS.into_iter().find_map(|most| {
        cut_texts(&mut fields, most);
        let text = fields.to_string();
        (text.len() < LOG_LINE_BYTES).then_some(text)
    })
}

fn cut_texts(value: &mut Value, most: usize) {
    match value {
        Value::String(text) => *text = cut(text, most).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| cut_texts(item, most)),
        Value::Object(fields) => fields.values_mut().for_each(|value| cut_texts(value, most)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(line: &str) -> String {
        let mut out = Vec::new();
        Short(&mut out).write_all(line.as_bytes()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_event_is_one_line_whatever_it_says() {
        let forged =
            "INFO submitted application=\"a\"\n2026-11-30T15:00:00Z INFO submitted\u{1b}[2K\u{2028}\r\n";
        let one = written(forged);
        assert_eq!(one.lines().count(), 1, "{one}");
        assert!(one.ends_with("\\u{1b}[2K\\u{2028}\\r\n"), "{one}");
        let json = "{\"message\":\"a\\nb\"}\n";
        assert_eq!(written(json), json);
    }

    #[test]
    fn a_line_at_the_limit_is_written_as_it_is_and_a_longer_one_is_cut() {
        let edge = "x".repeat(LOG_LINE_BYTES - 1) + "\n";
        assert_eq!(written(&edge), edge);
        let long = written(&("é".repeat(1 << 20) + "\n"));
        assert!(
            long.len() <= LOG_LINE_BYTES && long.ends_with("…\n"),
            "{}",
            long.len()
        );
    }

    #[test]
    fn a_long_json_line_stays_json_with_all_its_fields() {
        for texts in [1, 4, 100] {
            let long = "\"".repeat(1 << 16);
            let line = json!({"level": "WARN", "fields": vec![&long; texts], "spans": [{"entry_point": "rest", "a": long}]});
            let short = written(&(line.to_string() + "\n"));
            assert!(short.len() <= LOG_LINE_BYTES, "{}", short.len());
            let read: Value = serde_json::from_str(&short).unwrap();
            assert_eq!(read["level"], "WARN");
            assert_eq!(read["spans"][0]["entry_point"], "rest");
            assert_eq!(read["fields"].as_array().unwrap().len(), texts);
        }
    }
}
