//! `metadata`: name, namespace, labels, annotations, owners.

use super::{
    Kind, Report,
    grammar::{self, Verdict},
};
use crate::{
    finding::{Words, expected},
    kubernetes::at::At,
};
use serde_json::Value;

/// apimachinery's `TotalAnnotationSizeLimitB`: keys and values of all annotations together.
const ANNOTATION_BYTES: usize = 256 << 10;

/// Applies to every kind; the executor pod template's name, if it has one, is overwritten by Spark.
pub(crate) fn metadata(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    name(kind, document, report);
    document.each("metadata", &mut |metadata| {
        label_map(&metadata, "labels", report);
        annotations(&metadata, report);
        owners(&metadata, report);
        resource_version(&metadata, report);
    });
    // These select by labels, too; what has expressions is in `selectors`.
    match kind {
        Kind::Service => document.each("spec", &mut |spec| label_map(&spec, "selector", report)),
        Kind::Pod | Kind::ExecutorTemplate => {
            document.each("spec", &mut |spec| label_map(&spec, "nodeSelector", report));
        }
        _ => {}
    }
}

fn name(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if kind == Kind::ExecutorTemplate {
        return;
    }
    let rule: fn(&str) -> Verdict = match kind {
        Kind::Service => grammar::rfc1035_label,
        _ => grammar::dns_subdomain,
    };
    for (field, rule) in [
        ("metadata.name", rule),
        ("metadata.namespace", grammar::dns_label),
    ] {
        if let Some(text) = document.text(field)
            && let Some(wrong) = rule(text)
        {
            report.wrong(document, field, expected(wrong).name(text));
        }
    }
    if kind == Kind::Pod
        && let Some(name) = document.text("metadata.name")
        && grammar::dns_subdomain(name).is_none()
        && grammar::dns_label(name).is_some()
    {
        report.odd(
            document,
            "metadata.name",
            expected("at most 63 characters without dots, for it is the Pod's hostname"),
        );
    }
}

/// Every key and value of a mapping of labels is one.
pub(super) fn label_map(at: &At<'_, '_>, field: &str, report: &mut Report<'_>) {
    at.each(field, &mut |labels| {
        for (key, value) in labels.value().as_object().into_iter().flatten() {
            if let Some(wrong) = grammar::label_key(key) {
                report.wrong_at(
                    || labels.path_of_key(key),
                    expected(Words::own("a label key: ").and(wrong)).shown(key),
                );
            }
            if let Some(text) = value.as_str()
                && let Some(wrong) = grammar::label_value(text)
            {
                report.wrong_at(|| labels.path_of_key(key), expected(wrong).hidden(text));
            }
        }
    });
}

fn annotations(metadata: &At<'_, '_>, report: &mut Report<'_>) {
    let mut bytes = 0;
    metadata.each("annotations", &mut |annotations| {
        for (key, value) in annotations.value().as_object().into_iter().flatten() {
            bytes += key.len() + value.as_str().map_or(0, str::len);
            if let Some(wrong) = grammar::annotation_key(key) {
                report.wrong_at(
                    || annotations.path_of_key(key),
                    expected(Words::own("an annotation key: ").and(wrong)).shown(key),
                );
            }
        }
    });
    if bytes > ANNOTATION_BYTES {
        report.wrong(
            metadata,
            "annotations",
            expected(Words::own(format!(
                "at most {ANNOTATION_BYTES} bytes of keys and values"
            )))
            .kind(bytes.to_string()),
        );
    }
}

/// The API server's storage takes an object with a version for one that was read from it.
fn resource_version(metadata: &At<'_, '_>, report: &mut Report<'_>) {
    let version = metadata
        .text("resourceVersion")
        .and_then(|text| text.parse().ok());
    if version.is_some_and(|version: u64| version != 0) {
        report.wrong(
            metadata,
            "resourceVersion",
            expected("nothing on an object that is to be created"),
        );
    }
}

fn owners(metadata: &At<'_, '_>, report: &mut Report<'_>) {
    let mut controllers = 0;
    metadata.each("ownerReferences[]", &mut |owner| {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner.text(field).is_none() {
                report.wrong(&owner, field, expected("a value").nothing());
            }
        }
        controllers += usize::from(owner.get("controller") == Some(&Value::Bool(true)));
    });
    if controllers > 1 {
        report.wrong(
            metadata,
            "ownerReferences",
            expected("at most one controller").kind(controllers.to_string()),
        );
    }
}
