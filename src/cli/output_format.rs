//! `--output` of the commands that print data or a report.

use super::{End, print};
use crate::kubernetes::to_yaml;
use clap::{ValueEnum, builder::PossibleValue};
use serde_json::Value;

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DataFormat {
    /// JSON, indented.
    Json,
    /// YAML.
    Yaml,
}

impl DataFormat {
    /// Prints a value to standard output.
    pub(super) fn print(self, value: &Value) -> End {
        print(&match self {
            Self::Json => format!("{value:#}\n"),
            Self::Yaml => to_yaml(value),
        })
    }
}

/// How a report is printed: for people, or as data with everything in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReportFormat {
    /// For people.
    Text,
    /// For scripts.
    Data(DataFormat),
}

impl ValueEnum for ReportFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Text,
            Self::Data(DataFormat::Json),
            Self::Data(DataFormat::Yaml),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Text => Some(PossibleValue::new("text").help("For people")),
            Self::Data(format) => format.to_possible_value(),
        }
    }
}
