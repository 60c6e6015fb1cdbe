//! `metadata`: name, namespace, labels, annotations, owners.

use super::{
    Kind, Report,
    grammar::{self, Verdict},
};
use crate::{
    manifest::at::At,
    redaction::{hidden, shown},
};
use serde_json::Value;

/// apimachinery's `TotalAnnotationSizeLimitB`: keys and values of all annotations together.
const ANNOTATION_BYTES: usize = 256 << 10;

/// Applies to every kind; the executor pod template's name, if it has one, is overwritten by Spark.
pub(super) fn metadata(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    name(kind, document, report);
    document.each("metadata", &mut |metadata| {
        label_map(&metadata, "labels", report);
        annotations(&metadata, report);
        owners(&metadata, report);
        resource_version(&metadata, report);
    });
    // Selectors are labels too.
    match kind {
        Kind::Service => document.each("spec", &mut |spec| label_map(&spec, "selector", report)),
        Kind::Pod | Kind::ExecutorTemplate => {
            document.each("spec", &mut |spec| label_map(&spec, "nodeSelector", report));
        }
        Kind::NetworkPolicy => document.each("spec.podSelector", &mut |selector| {
            label_map(&selector, "matchLabels", report);
        }),
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
            report.wrong(document, field, format!("{wrong}; found {}", shown(text)));
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
            "is the Pod's hostname, which is cut at 63 characters and should have no dots",
        );
    }
}

fn label_map(at: &At<'_, '_>, field: &str, report: &mut Report<'_>) {
    at.each(field, &mut |labels| {
        for (key, value) in labels.value().as_object().into_iter().flatten() {
            if let Some(wrong) = grammar::label_key(key) {
                report.wrong(&labels, "", format!("label key {} {wrong}", shown(key)));
            }
            if let Some(text) = value.as_str()
                && let Some(wrong) = grammar::label_value(text)
            {
                report.wrong_at(
                    labels.path_of_key(key),
                    format!("{wrong}; found {}", hidden(text)),
                );
            }
        }
    });
}

fn annotations(metadata: &At<'_, '_>, report: &mut Report<'_>) {
    let Some(Value::Object(annotations)) = metadata.get("annotations") else {
        return;
    };
    let mut bytes = 0;
    for (key, value) in annotations {
        bytes += key.len() + value.as_str().map_or(0, str::len);
        if let Some(wrong) = grammar::annotation_key(key) {
            report.wrong(
                metadata,
                "annotations",
                format!("annotation key {} {wrong}", shown(key)),
            );
        }
    }
    if bytes > ANNOTATION_BYTES {
        report.wrong(
            metadata,
            "annotations",
            format!("keys and values must not exceed {ANNOTATION_BYTES} bytes together, found {bytes}"),
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
            "must not be set on an object that is to be created",
        );
    }
}

fn owners(metadata: &At<'_, '_>, report: &mut Report<'_>) {
    let mut controllers = 0;
    metadata.each("ownerReferences[]", &mut |owner| {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner.text(field).is_none() {
                report.wrong(&owner, field, "is required");
            }
        }
        controllers += usize::from(owner.get("controller") == Some(&Value::Bool(true)));
    });
    if controllers > 1 {
        report.wrong(
            metadata,
            "ownerReferences",
            format!("only one owner can be the controller, found {controllers}"),
        );
    }
}
