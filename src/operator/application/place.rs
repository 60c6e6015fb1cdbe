//! Where in a document something stands.

use serde_json::Value;
use std::fmt;

/// A place in a document, as a list up the call stack: a path costs nothing until it is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'p> {
    /// The document itself, or the part of a request that has this name.
    Root(&'p str),
    /// A field.
    Field(&'p Place<'p>, &'p str),
    /// An entry of a map whose keys are the user's.
    Key(&'p Place<'p>, &'p str),
    /// An item of a list.
    Item(&'p Place<'p>, usize),
}

impl Place<'_> {
    /// The name of the field or key that this is, or that this is an item of.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Root(name) | Self::Field(_, name) | Self::Key(_, name) => name,
            Self::Item(list, _) => list.name(),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(name) | Self::Field(Self::Root(""), name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Key(parent, key) => write!(f, "{parent}[{}]", Value::from(*key)),
            Self::Item(list, index) => write!(f, "{list}[{index}]"),
        }
    }
}
