//! Files of the repository that a test compares with what the program makes, and writes anew with `UPDATE_GOLDEN=1`.
#![allow(dead_code, clippy::unwrap_used)]

use std::{fs, path::Path};

/// The file, by its path in the repository, has this text.
pub(crate) fn verify(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "{file} is not up to date (UPDATE_GOLDEN=1 rewrites it):\n{}",
        similar::TextDiff::from_lines(kept.as_str(), text).unified_diff()
    );
}
