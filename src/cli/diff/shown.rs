//! Differences for people.

use super::FileDiff;
use crate::{authoring::diff::Change, kubernetes::to_yaml};
use serde_json::Value;
use std::fmt::Write;

/// How a terminal is told the colour of what follows.
#[derive(Clone, Copy)]
enum Paint {
    Bold,
    Red,
    Green,
    Yellow,
}

struct Writer {
    text: String,
    colored: bool,
}

/// Each file, each of its objects, each field of it.
pub(super) fn text(files: &[FileDiff], colored: bool) -> String {
    let mut writer = Writer {
        text: String::new(),
        colored,
    };
    for file in files {
        writer.file(file);
    }
    writer.text
}

impl Writer {
    fn file(&mut self, file: &FileDiff) {
        if !file.differs() {
            return;
        }
        self.line(Paint::Bold, &file.file);
        if let Some(refused) = &file.refused {
            self.line(Paint::Red, &format!("  refused by --{} alone:", refused.by));
            for line in refused.reason.lines() {
                self.line(Paint::Red, &format!("    {line}"));
            }
        }
        for object in &file.objects {
            match &object.change {
                Change::Added { value } => self.whole(Paint::Green, '+', &object.object, value),
                Change::Removed { value } => self.whole(Paint::Red, '-', &object.object, value),
                Change::Changed { fields } => {
                    self.line(Paint::Bold, &format!("  {}", object.object));
                    for field in fields {
                        match (&field.from, &field.to) {
                            (None, Some(to)) => {
                                self.line(Paint::Green, &format!("    + {}: {to}", field.path));
                            }
                            (Some(from), None) => {
                                self.line(Paint::Red, &format!("    - {}: {from}", field.path));
                            }
                            (from, to) => {
                                let side = |value: &Option<Value>| value.clone().unwrap_or_default();
                                self.line(Paint::Yellow, &format!("    ~ {}:", field.path));
                                self.line(Paint::Red, &format!("      - {}", side(from)));
                                self.line(Paint::Green, &format!("      + {}", side(to)));
                            }
                        }
                    }
                }
            }
        }
    }

    fn whole(&mut self, paint: Paint, sign: char, name: &str, object: &Value) {
        self.line(paint, &format!("  {sign} {name}"));
        for line in to_yaml(object).lines() {
            self.line(paint, &format!("    {sign} {line}"));
        }
    }

    fn line(&mut self, paint: Paint, line: &str) {
        let code = match paint {
            Paint::Bold => 1,
            Paint::Red => 31,
            Paint::Green => 32,
            Paint::Yellow => 33,
        };
        // Writing to a String cannot fail. JSON and our YAML escape what a terminal would obey.
        let _ = if self.colored {
            writeln!(self.text, "\u{1b}[{code}m{line}\u{1b}[0m")
        } else {
            writeln!(self.text, "{line}")
        };
    }
}
