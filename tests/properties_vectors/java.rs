//! Java's `Properties.load`, in one JVM for many texts.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{BufRead, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// What Java read in a text; nothing where it refused the text. A lone surrogate, which no text of ours can have, is
/// U+FFFD.
pub(crate) type Reading = Option<BTreeMap<String, String>>;

/// A running JVM. It ends when this is dropped.
pub(crate) struct Java {
    process: Child,
    texts: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Java {
    /// Starts the JDK on PATH, or says why that is not possible.
    pub(crate) fn start() -> Result<Self, String> {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/properties_vectors/Load.java");
        let mut process = Command::new("java")
            .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("java can't be started: {error}"))?;
        let texts = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut java = Self {
            process,
            texts,
            answers,
        };
        match java.ask("") {
            Some(answer) if answer == "read" => Ok(java),
            _ => Err("java can't run a source file: it is no JDK of 11 or later".to_owned()),
        }
    }

    /// What `Properties.load` makes of `text`.
    pub(crate) fn load(&mut self, text: &str) -> Reading {
        let answer = self.ask(text).expect("an answer of the JVM");
        let mut words = answer.split(' ');
        match words.next() {
            Some("refused") => None,
            Some("read") => Some(
                words
                    .map(|word| word.split_once('=').unwrap())
                    .map(|(key, value)| (from_hex(key), from_hex(value)))
                    .collect(),
            ),
            _ => panic!("not an answer: {answer}"),
        }
    }

    fn ask(&mut self, text: &str) -> Option<String> {
        let mut line = to_hex(text);
        line.push('\n');
        self.texts.as_mut()?.write_all(line.as_bytes()).ok()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).ok()?;
        answer.strip_suffix('\n').map(str::to_owned)
    }
}

impl Drop for Java {
    fn drop(&mut self) {
        // The end of its stdin ends it.
        self.texts = None;
        self.process.wait().ok();
    }
}

fn to_hex(text: &str) -> String {
    text.encode_utf16().fold(String::new(), |mut hex, unit| {
        write!(hex, "{unit:04x}").unwrap();
        hex
    })
}

fn from_hex(hex: &str) -> String {
    let units: Vec<_> = hex
        .as_bytes()
        .chunks(4)
        .map(|digits| u16::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap())
        .collect();
    String::from_utf16_lossy(&units)
}
