//! The conf that the operator writes.

use std::collections::BTreeMap;

/// Conf keys and values; a later value replaces an earlier one.
#[derive(Default)]
pub(super) struct Conf(pub(super) BTreeMap<String, String>);

impl Conf {
    pub(super) fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.insert(key.into(), value.into());
    }

    /// A field that the operator passes on wherever it is given, an empty value too.
    pub(super) fn set_given(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// A field that the operator takes for absent where its value is empty.
    pub(super) fn set_filled(&mut self, key: &str, value: Option<&str>) {
        self.set_given(key, value.filter(|value| !value.is_empty()));
    }
}
