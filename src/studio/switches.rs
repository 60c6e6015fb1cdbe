//! What the author changes about an application to see another one like it.

use crate::{
    authoring::case::Case,
    operator::{Webhook, application::ApplicationDocument},
    templates::DEFAULT_SET,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is changed; what is absent stays as the application has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Switches {
    namespace: Option<String>,
    r#type: Option<ApplicationKind>,
    spark_version: Option<String>,
    webhook: Option<bool>,
}

/// The types of applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
enum ApplicationKind {
    Java,
    Scala,
    Python,
    R,
}

/// What an application has, for the page's controls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Chosen {
    pub(super) namespace: String,
    pub(super) r#type: String,
    pub(super) spark_version: String,
    pub(super) webhook: bool,
}

impl ApplicationKind {
    fn name(self) -> &'static str {
        match self {
            Self::Java => "Java",
            Self::Scala => "Scala",
            Self::Python => "Python",
            Self::R => "R",
        }
    }

    /// The ending that its main application file has.
    fn ending(self) -> &'static str {
        match self {
            Self::Java | Self::Scala => "jar",
            Self::Python => "py",
            Self::R => "R",
        }
    }
}

impl Switches {
    /// The application with what is changed. One that can't be read stays as it is.
    pub(super) fn apply(&self, case: &Case) -> Case {
        let Ok(document) = case.document() else {
            return case.clone();
        };
        let mut document: ApplicationDocument = document.clone();
        let value = &mut document.value;
        if let Some(namespace) = &self.namespace {
            set(value, "metadata", "namespace", namespace);
        }
        if let Some(version) = &self.spark_version {
            set(value, "spec", "sparkVersion", version);
        }
        if let Some(kind) = self.r#type {
            switch_type(value, kind);
        }
        let webhook = match self.webhook {
            Some(true) => Webhook::On,
            Some(false) => Webhook::Off,
            None => case.webhook(),
        };
        case.clone().with(document, webhook)
    }
}

impl Chosen {
    /// What this application has.
    pub(super) fn of(case: &Case) -> Self {
        let Ok(document) = case.document() else {
            return Self::default();
        };
        let text = |pointer: &str| {
            let text = document.value.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let namespace = text("/metadata/namespace");
        Self {
            namespace: if namespace.is_empty() {
                DEFAULT_SET.to_owned()
            } else {
                namespace
            },
            r#type: text("/spec/type"),
            spark_version: text("/spec/sparkVersion"),
            webhook: case.webhook() == Webhook::On,
        }
    }
}

fn set(value: &mut Value, section: &str, field: &str, text: &str) {
    if let Some(section) = value.get_mut(section).and_then(Value::as_object_mut) {
        section.insert(field.to_owned(), text.into());
    }
}

/// Another type has another sort of main application file, and a main class only on the JVM.
fn switch_type(value: &mut Value, kind: ApplicationKind) {
    let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    if spec.get("type").is_some_and(|now| now == kind.name()) {
        return;
    }
    spec.insert("type".to_owned(), kind.name().into());
    let file = spec.get("mainApplicationFile").and_then(Value::as_str);
    let file = file.unwrap_or("local:///opt/spark/work/main.jar");
    let stem = match file.rsplit_once('.') {
        Some((stem, ending)) if !ending.contains('/') => stem,
        _ => file,
    };
    let file = format!("{stem}.{}", kind.ending());
    spec.insert("mainApplicationFile".to_owned(), file.into());
    match kind {
        ApplicationKind::Java | ApplicationKind::Scala => {
            spec.entry("mainClass")
                .or_insert_with(|| "com.example.Main".into());
        }
        ApplicationKind::Python | ApplicationKind::R => {
            spec.remove("mainClass");
        }
    }
    if kind != ApplicationKind::Python {
        spec.remove("pythonVersion");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_can_become_every_type_in_another_namespace_and_version() {
        for case in Case::samples() {
            for kind in ["Java", "Scala", "Python", "R"] {
                let switches = serde_json::json!({
                    "namespace": "other", "type": kind, "spark_version": "3.5.1", "webhook": true,
                });
                let switches: Switches = serde_json::from_value(switches).unwrap();
                let switched = switches.apply(&case);
                let chosen = Chosen::of(&switched);
                assert_eq!(
                    (&chosen.namespace[..], &chosen.r#type[..], chosen.webhook),
                    ("other", kind, true)
                );
                let (submission, _) = switched.submission().unwrap();
                assert_eq!(submission.namespace(), "other", "{} as {kind}", case.name);
            }
        }
    }
}
