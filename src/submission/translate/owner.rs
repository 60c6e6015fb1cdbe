//! Who owns the pods: the `SparkApplication`, where its uid is known.

use super::roles::Role;
use crate::{
    application::{API_VERSION, KIND, SparkApplication},
    submission::{PodTemplate, Refusal, append},
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
    let mut owner = json!({"apiVersion": API_VERSION, "kind": KIND, "name": application.name(), "uid": uid});
    if role == Role::Driver {
        owner["controller"] = true.into();
        owner["blockOwnerDeletion"] = true.into();
    }
    let there = template.metadata.get("ownerReferences").and_then(Value::as_array);
    if !there.is_some_and(|owners| owners.contains(&owner)) {
        append(&mut template.metadata, "ownerReferences", [owner]);
    }
    Ok(())
}
