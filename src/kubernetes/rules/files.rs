//! `ConfigMap`s and Secrets: keys that can be file names, and the size that etcd takes.

use super::{Kind, Report, grammar};
use crate::{
    finding::{Words, expected},
    kubernetes::at::At,
    limits::CONFIG_DATA,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Kubernetes' `MaxSecretSize`, which holds for a `ConfigMap` too: the values, without their keys.
const MOST_BYTES: usize = CONFIG_DATA.most;

/// The mappings of files, and whether their values are base64.
const CONFIG_MAP: &[(&str, bool)] = &[("data", false), ("binaryData", true)];
const SECRET: &[(&str, bool)] = &[("data", true), ("stringData", false)];

pub(crate) fn config_data(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    let mappings = match kind {
        Kind::ConfigMap => CONFIG_MAP,
        Kind::Secret => SECRET,
        _ => return,
    };
    let mut bytes = 0;
    let mut keys = BTreeSet::new();
    for (field, base64) in mappings {
        document.each(field, &mut |files| {
            for (key, value) in files.value().as_object().into_iter().flatten() {
                if let Some(wrong) = grammar::config_key(key) {
                    report.wrong_at(
                        || files.path_of_key(key),
                        expected(Words::own("a key of ").and(wrong)).shown(key),
                    );
                }
                if !keys.insert(key.as_str()) && kind == Kind::ConfigMap {
                    report.wrong_at(
                        || files.path_of_key(key),
                        expected("a key of data or of binaryData").kind("both"),
                    );
                }
                bytes += size(value, *base64);
            }
        });
    }
    if bytes > MOST_BYTES {
        report.wrong(
            document,
            "data",
            expected(Words::own(format!("at most {MOST_BYTES} bytes in all"))).kind(bytes.to_string()),
        );
    }
}

/// The size of a value in bytes, decoded. What isn't base64 and should be, the strict reading reports.
fn size(value: &Value, base64: bool) -> usize {
    let text = value.as_str().unwrap_or_default();
    if base64 {
        text.trim_end_matches('=').len() * 3 / 4
    } else {
        text.len()
    }
}
