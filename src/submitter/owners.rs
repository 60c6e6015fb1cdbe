//! The owners that a request names. Kubernetes deletes a Pod whose owners don't exist, so each of them must be the live
//! `SparkApplication`, which the API server knows.

use super::SubmitError;
use crate::{
    cluster::LiveError,
    operator::application::{API_VERSION, KIND, SparkApplication},
    redaction::shown,
    spark::submission::{PodTemplate, Reach, Refusal},
};
use serde_json::Value;

/// An entry of `ownerReferences` in one of a request's pod templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedOwner {
    /// The field's path, from the pod template on.
    path: String,
    /// The owner's name, where it is a `SparkApplication`; other kinds aren't looked up.
    pub(super) application: Option<String>,
    /// The owner's uid, as the request has it.
    pub(super) uid: Option<String>,
}

/// What the owners of a submission are compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// Where the driver is to run, which is where its owner is.
    pub(super) namespace: &'a str,
    /// The name of the submission's `SparkApplication`; none where these are somebody's own arguments.
    pub(super) name: Option<&'a str>,
    /// The uid of the live application; if it isn't read, the one that the request gives.
    pub(super) uid: Option<&'a str>,
}

impl NamedOwner {
    /// Whether it names a `SparkApplication` by uid.
    pub(super) fn is_application(&self) -> bool {
        self.application.is_some() && self.uid.is_some()
    }

    /// The owners in the pod templates of an argument vector.
    pub(super) fn in_templates(driver: Option<&PodTemplate>, executor: Option<&PodTemplate>) -> Vec<Self> {
        let owners = |template: Option<&PodTemplate>, path| {
            list(
                template.and_then(|template| template.metadata.get("ownerReferences")),
                path,
            )
        };
        let mut named = owners(driver, "driver pod template");
        named.extend(owners(executor, "executor pod template"));
        named
    }

    /// The owners in the pod templates of an application.
    pub(super) fn in_application(application: &SparkApplication) -> Vec<Self> {
        let owners = |template: &Option<Value>, path| {
            list(
                template
                    .as_ref()
                    .and_then(|template| template.pointer("/metadata/ownerReferences")),
                path,
            )
        };
        let spec = &application.spec;
        let mut named = owners(&spec.driver.pod.template, "spec.driver.template");
        named.extend(owners(&spec.executor.pod.template, "spec.executor.template"));
        named
    }
}

fn list(owners: Option<&Value>, template: &str) -> Vec<NamedOwner> {
    let owners = owners.and_then(Value::as_array).into_iter().flatten();
    let text = |owner: &Value, field: &str| owner[field].as_str().map(str::to_owned);
    owners
        .enumerate()
        .map(|(index, owner)| {
            let is_application = owner["apiVersion"] == API_VERSION && owner["kind"] == KIND;
            NamedOwner {
                path: format!("{template}.metadata.ownerReferences[{index}]"),
                application: is_application.then(|| text(owner, "name").unwrap_or_default()),
                uid: text(owner, "uid"),
            }
        })
        .collect()
}

/// Each owner is the submission's `SparkApplication`, by name and uid.
///
/// A caller of a service can't name an owner of another kind: the service may have no right to look it up. The user of a
/// command can, as Spark lets them: they have the cluster before them.
///
/// # Errors
/// A pod template names an owner that isn't the application, or the application with another uid than the live one has.
pub(super) fn check(named: &[NamedOwner], expected: Expected<'_>, reach: &Reach) -> Result<(), SubmitError> {
    for owner in named {
        let allowed = || {
            expected.name.map_or_else(
                || format!("a SparkApplication ({API_VERSION})"),
                |name| format!("the SparkApplication {}", shown(name)),
            )
        };
        let refused = |found: &str| {
            Err(SubmitError::PodTemplate(Refusal::new(
                owner.path.as_str(),
                format!(
                    "expected an owner that is {}, found {found}; remove it",
                    allowed()
                ),
            )))
        };
        match (&owner.application, &owner.uid) {
            (None, _) if *reach == Reach::Process => {}
            (None, _) => return refused("an owner of another kind"),
            (Some(name), _) if expected.name != Some(name) => return refused("another SparkApplication"),
            // Without a uid the API server refuses it.
            (Some(_), None) => {}
            (Some(name), Some(uid)) => same_uid(expected, name, uid)?,
        }
    }
    Ok(())
}

fn same_uid(expected: Expected<'_>, name: &str, sent: &str) -> Result<(), LiveError> {
    match expected.uid {
        Some(found) if found != sent => Err(LiveError::Another {
            namespace: expected.namespace.to_owned(),
            name: name.to_owned(),
            sent: sent.to_owned(),
            found: found.to_owned(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn owner(kind: &str, name: &str, uid: &str) -> Value {
        json!({"apiVersion": API_VERSION, "kind": kind, "name": name, "uid": uid})
    }

    fn found(owners: Value, name: Option<&str>, reach: &Reach) -> Result<(), String> {
        let mut template = PodTemplate::default();
        template.metadata.insert("ownerReferences".to_owned(), owners);
        // In either template: an executor's owner is looked up as a driver's is.
        let checked = [
            NamedOwner::in_templates(Some(&template), None),
            NamedOwner::in_templates(None, Some(&template)),
        ]
        .map(|named| {
            let expected = Expected {
                namespace: "jobs",
                name,
                uid: Some("u"),
            };
            check(&named, expected, reach).map_err(|error| error.to_string())
        });
        let [driver, executor] = checked;
        assert_eq!(driver.is_ok(), executor.is_ok());
        driver
    }

    #[test]
    fn an_owner_is_the_application_by_name_and_uid() {
        let service = Reach::Roots(Vec::new());
        let (ours, pod) = (owner(KIND, "pi", "u"), owner("Pod", "pi", "u"));
        for (owners, expected) in [
            (json!(null), ""),
            (json!([]), ""),
            (json!([ours]), ""),
            (json!([ours, ours]), ""),
            (
                json!([ours, pod]),
                "ownerReferences[1]: expected an owner that is the SparkApplication `pi`, found an owner of another kind; \
                 remove it",
            ),
            (
                json!([owner(KIND, "other", "u")]),
                "found another SparkApplication",
            ),
            (json!([ours, owner(KIND, "pi", "made-up")]), "is another one now"),
            (json!([owner(KIND, "pi", "")]), "is another one now"),
        ] {
            let message = found(owners.clone(), Some("pi"), &service)
                .err()
                .unwrap_or_default();
            assert!(
                message.contains(expected) && message.is_empty() == expected.is_empty(),
                "{owners}: {message}"
            );
        }
        assert_eq!(found(json!([pod]), Some("pi"), &Reach::Process), Ok(()));
        found(json!([pod]), None, &service).unwrap_err();
        found(json!([ours]), None, &service).unwrap_err();
    }
}
