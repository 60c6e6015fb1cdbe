//! The variables that a template may read.

use super::{policy, vocabulary};
use minijinja::Environment;

/// What every template sees: the fields of [`DriverPlan`](crate::spark::plan::DriverPlan), and the set's id.
const CONTEXT: [&str; 14] = [
    "application",
    "config_map",
    "config_maps",
    "context_version",
    "driver",
    "executor",
    "network_policy",
    "persistent_volume_claims",
    "pod",
    "pod_group",
    "properties",
    "secrets",
    "service",
    "template_set",
];

/// What some templates see beside it, and what the engine has by name.
const FURTHER: [&str; 10] = [
    "object",
    "executor_pod",
    "range",
    "dict",
    "refuse",
    "require_context",
    "loop",
    "super",
    "self",
    "caller",
];

/// Variables that a template of an object reads and that are nowhere: `{% if nmae %}` is no error, but never true.
pub(crate) fn unknown_of_object(environment: &Environment<'static>, name: &str) -> Vec<String> {
    let known = [&CONTEXT[..], &FURTHER].concat();
    let unknown = unknown(environment, name, &known).into_iter();
    unknown.map(|(_, message)| message).collect()
}

/// The same of a policy, with the variables themselves.
pub(crate) fn unknown_of_policy(environment: &Environment<'static>, name: &str) -> Vec<(String, String)> {
    unknown(
        environment,
        name,
        &[&policy::CONTEXT[..], &policy::FURTHER].concat(),
    )
}

fn unknown(environment: &Environment<'static>, name: &str, known: &[&str]) -> Vec<(String, String)> {
    // A partial sees what its user has set.
    let file = name.rsplit('/').next().unwrap_or(name);
    let Some(template) = environment
        .get_template(name)
        .ok()
        .filter(|_| !file.starts_with('_'))
    else {
        return Vec::new();
    };
    let mut unknown: Vec<_> = template
        .undeclared_variables(false)
        .into_iter()
        .filter(|variable| !known.contains(&variable.as_str()))
        .collect();
    unknown.sort();
    let message = |variable: String| {
        let near = vocabulary::nearest(&variable, known)
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        let message = format!("nothing is named `{variable}`{near}");
        (variable, message)
    };
    unknown.into_iter().map(message).collect()
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
        assert_eq!(names, CONTEXT);
    }
}
