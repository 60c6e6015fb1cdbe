//! Who owns the pods: the `SparkApplication`, where its uid is known.

use super::roles::Role;
use crate::{
    kubernetes::append,
    operator::application::{API_VERSION, KIND, SparkApplication},
    spark::submission::{PodTemplate, Refusal},
};
use serde_json::{Value, json};

/// Adds the operator's owner reference to a pod template. Without a uid there is none: Kubernetes collects what
/// has an owner that does not exist, so a uid is never made up.
pub(super) fn add(
    template: &mut PodTemplate,
    application: &SparkApplication,
    role: Role,
) -> Result<(), Refusal> {
    let owners = template.metadata.get("ownerReferences").and_then(Value::as_array);
    let foreign_controller = owners
        .into_iter()
        .flatten()
        .any(|owner| owner["controller"] == true && owner["uid"].as_str() != application.uid());
    if foreign_controller {
        return Err(Refusal::new(
            format!("spec.{}.template.metadata.ownerReferences", role.name()),
            "names a controller; the driver's controller is the SparkApplication, and a pod can have one only",
        ));
    }
    let Some(uid) = application.uid() else {
        return Ok(());
    };
    // What the template says itself stays, as long as it says who controls the driver.
    let is_there =
        |owner: &Value| owner["uid"] == uid && (role == Role::Executor || owner["controller"] == true);
    let mut owner = json!({"apiVersion": API_VERSION, "kind": KIND, "name": application.name(), "uid": uid});
    if role == Role::Driver {
        owner["controller"] = true.into();
        owner["blockOwnerDeletion"] = true.into();
    }
    if let Some(Value::Array(owners)) = template.metadata.get_mut("ownerReferences") {
        if owners.iter().any(is_there) {
            return Ok(());
        }
        owners.retain(|owner| owner["uid"] != uid);
    }
    append(&mut template.metadata, "ownerReferences", [owner]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_has_its_application_for_an_owner_once_and_what_the_template_says_of_it_stays() {
        let mut application = SparkApplication::default();
        application.metadata.name = Some("pi".to_owned());
        application.metadata.uid = Some("u".to_owned());
        let plain = json!({"apiVersion": API_VERSION, "kind": KIND, "name": "pi", "uid": "u"});
        let mut full = plain.clone();
        (full["controller"], full["blockOwnerDeletion"]) = (true.into(), true.into());
        let mut controlling = plain.clone();
        controlling["controller"] = true.into();
        let other = json!({"apiVersion": "v1", "kind": "Pod", "name": "o", "uid": "o"});
        let (driver, executor) = (Role::Driver, Role::Executor);
        for (role, before, after) in [
            (driver, json!(null), json!([full])),
            (driver, json!([other]), json!([other, full])),
            (driver, json!([full]), json!([full])),
            (driver, json!([controlling]), json!([controlling])),
            (driver, json!([plain, other]), json!([other, full])),
            (executor, json!(null), json!([plain])),
            (executor, json!([plain]), json!([plain])),
            (executor, json!([other]), json!([other, plain])),
        ] {
            let mut template = PodTemplate::default();
            if !before.is_null() {
                template
                    .metadata
                    .insert("ownerReferences".to_owned(), before.clone());
            }
            add(&mut template, &application, role).unwrap();
            assert_eq!(template.metadata["ownerReferences"], after, "{role:?} {before}");
        }
        let mut template = PodTemplate::default();
        let mut foreign = other;
        foreign["controller"] = true.into();
        template
            .metadata
            .insert("ownerReferences".to_owned(), json!([foreign]));
        add(&mut template, &application, driver).unwrap_err();
    }
}
