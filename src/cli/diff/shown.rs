//! Differences for people.

use super::FileDiff;
use crate::{
    authoring::diff::Change,
    cli::styled::{BOLD, GREEN, RED, Styled, YELLOW},
    kubernetes::to_yaml,
};
use anstyle::Style;
use serde_json::Value;

/// Each file, each of its objects, each field of it.
pub(super) fn text(files: &[FileDiff]) -> Styled {
    let mut writer = Writer(Styled::default());
    for file in files {
        writer.file(file);
    }
    writer.0
}

struct Writer(Styled);

impl Writer {
    fn file(&mut self, file: &FileDiff) {
        if !file.differs() {
            return;
        }
        self.line(BOLD, &file.file);
        if let Some(refused) = &file.refused {
            self.line(RED, &format!("  refused by --{} alone:", refused.by));
            for line in refused.reason.lines() {
                self.line(RED, &format!("    {line}"));
            }
        }
        for object in &file.objects {
            match &object.change {
                Change::Added { value } => self.whole(GREEN, '+', &object.object, value),
                Change::Removed { value } => self.whole(RED, '-', &object.object, value),
                Change::Changed { fields } => {
                    self.line(BOLD, &format!("  {}", object.object));
                    for field in fields {
                        match (&field.from, &field.to) {
                            (None, Some(to)) => {
                                self.line(GREEN, &format!("    + {}: {to}", field.path));
                            }
                            (Some(from), None) => {
                                self.line(RED, &format!("    - {}: {from}", field.path));
                            }
                            (from, to) => {
                                let side = |value: &Option<Value>| value.clone().unwrap_or_default();
                                self.line(YELLOW, &format!("    ~ {}:", field.path));
                                self.line(RED, &format!("      - {}", side(from)));
                                self.line(GREEN, &format!("      + {}", side(to)));
                            }
                        }
                    }
                }
            }
        }
    }

    fn whole(&mut self, paint: Style, sign: char, name: &str, object: &Value) {
        self.line(paint, &format!("  {sign} {name}"));
        for line in to_yaml(object).lines() {
            self.line(paint, &format!("    {sign} {line}"));
        }
    }

    fn line(&mut self, style: Style, line: &str) {
        self.0.line(style, line);
    }
}
