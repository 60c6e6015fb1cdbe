//! Template directories, and servers that have one.
#![allow(dead_code, clippy::unwrap_used)]

use super::{api_server::ApiServer, serve::Serve};
use std::{fs, path::Path};

/// Writes a file of the directory; its folder may be missing.
pub(crate) fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A directory with these files.
pub(crate) fn templates(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(directory.path(), name, text);
    }
    directory
}

/// A server that has these templates and adds what the operator's webhook would; the second lives as long as the server.
pub(crate) fn serve(api: &ApiServer, templates: &Path, more: &[&str]) -> (Serve, tempfile::TempDir) {
    let arguments = [
        "--template-dir",
        templates.to_str().unwrap(),
        "--operator-webhook",
        "off",
    ];
    Serve::to(&api.url, &[&arguments, more].concat())
}
