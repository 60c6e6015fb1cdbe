//! The variables that a template may read.

use super::{
    builtin::{EXECUTOR_CONFIG_MAP, EXECUTOR_POD},
    files::patch_of,
    typed::{plan_shape, shape_of},
};
use crate::kubernetes::{Fields, Scalar, Shape};
use std::{collections::BTreeMap, sync::Arc};

/// The variables that a template may read, and their types.
pub(super) type Variables = BTreeMap<&'static str, Shape>;

/// What the engine or we have by name, whatever the context: functions, and what is there in some places only.
const OF_ENGINE: [&str; 12] = [
    "bytes",
    "caller",
    "cpu",
    "dict",
    "loop",
    "number",
    "range",
    "refuse",
    "require_context",
    "self",
    "super",
    "warn",
];

/// The templates that are rendered once for each item of a list of the plan's, and the list.
const OBJECTS: [(&str, &str); 3] = [
    ("configmap.yaml.j2", "config_maps"),
    ("persistent-volume-claim.yaml.j2", "persistent_volume_claims"),
    ("secret.yaml.j2", "secrets"),
];

/// Whether a name is a function, or what the engine has in some places only.
pub(super) fn is_of_engine(name: &str) -> bool {
    OF_ENGINE.contains(&name)
}

/// What a template of this name sees.
pub(super) fn of_template(name: &str) -> Variables {
    let Shape::Object(plan) = plan_shape() else {
        return Variables::new();
    };
    let known = plan
        .names()
        .filter_map(|name| Some((name, plan.get(name)?.clone())));
    let mut variables: Variables = known.collect();
    let is = |template: &str| name == template || name == patch_of(template);
    for (_, list) in OBJECTS.iter().filter(|(template, _)| is(template)) {
        if let Some(Shape::List(item)) = plan.get(list) {
            variables.insert("object", item.as_ref().clone());
        }
    }
    if is(EXECUTOR_CONFIG_MAP) || name == patch_of(EXECUTOR_POD) {
        variables.insert("executor_pod", Shape::Scalar(Scalar::Any));
    }
    variables
}

/// What a policy sees, with what is known of a submission and of its namespace.
pub(super) fn of_policy(submission: Shape, namespace: Shape) -> Variables {
    let unknown_fields = ["driver", "executor"].map(|pod| (pod, Shape::Scalar(Scalar::Any).list()));
    let unknown_fields = Fields::new("unknown_fields", unknown_fields, false);
    Variables::from([
        ("config_maps", shape_of("ConfigMap").list()),
        ("driver", shape_of("Pod")),
        ("executor", shape_of("Pod")),
        ("namespace", namespace),
        // Each is of the kind that it says it is.
        ("objects", shape_of("").list()),
        ("service", shape_of("Service")),
        ("submission", submission),
        ("unknown_fields", Shape::Object(Arc::new(unknown_fields))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_variables_are_those_of_the_plan() {
        let plan = serde_json::to_value(crate::templates::sample::plan()).unwrap();
        let fields = plan.as_object().unwrap().keys().map(String::as_str);
        let mut names: Vec<_> = fields.chain(["template_set"]).collect();
        names.sort_unstable();
        let known = of_template("driver-pod.yaml.j2");
        assert_eq!(names, known.keys().copied().collect::<Vec<_>>());
        assert!(of_template("secret.patch.yaml.j2").contains_key("object"));
        assert!(of_template("executor-configmap.yaml.j2").contains_key("executor_pod"));
    }
}
