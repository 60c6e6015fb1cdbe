//! U+0000 in a string.
//!
//! The API server itself would store it, but a container whose argument, variable, path or command holds one
//! can't be started: `execve` and the file system end a string there. So it is refused, in every string but the
//! contents of files in a `ConfigMap`, where it is a byte like any other.

use super::{Kind, Report};
use crate::{finding::expected, kubernetes::at::At};

pub(crate) fn no_nul(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    let mut look = |at: &At<'_, '_>, text: &str| {
        if text.contains('\0') {
            report.wrong(
                at,
                "",
                expected("text that a container can be started with").kind("a NUL character (U+0000)"),
            );
        }
    };
    if kind == Kind::ConfigMap {
        document.each("metadata", &mut |metadata| metadata.each_text(&mut look));
    } else {
        document.each_text(&mut look);
    }
}
