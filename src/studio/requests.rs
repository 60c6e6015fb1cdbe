//! What the page asks for. Every request is a small JSON document with known fields.

use super::switches::Switches;
use serde::Deserialize;

/// An application and what is changed about it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfApplication {
    pub(super) application: String,
    #[serde(default)]
    pub(super) switches: Switches,
}

/// The difference to other templates.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfDifference {
    pub(super) application: String,
    #[serde(default)]
    pub(super) switches: Switches,
    pub(super) with: With,
}

/// Which other templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum With {
    Builtin,
    Baseline,
}

/// The source of a template.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfSource {
    pub(super) file: String,
}

/// A file that is dropped onto the page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Drop {
    pub(super) name: String,
    pub(super) text: String,
}

/// A golden case to be saved.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Save {
    pub(super) application: String,
    #[serde(default)]
    pub(super) switches: Switches,
    pub(super) name: String,
}
