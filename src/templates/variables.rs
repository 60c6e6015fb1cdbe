//! The variables that a template may read.

use super::vocabulary;
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

/// Warns of variables that a template reads and that are nowhere: `{% if nmae %}` is no error, but never true.
pub(crate) fn unknown_variables(environment: &Environment<'static>, name: &str) -> Vec<String> {
    // A partial sees what its user has set.
    let Some(template) = environment
        .get_template(name)
        .ok()
        .filter(|_| !name.starts_with('_'))
    else {
        return Vec::new();
    };
    let known =
        |variable: &String| CONTEXT.contains(&variable.as_str()) || FURTHER.contains(&variable.as_str());
    let mut unknown: Vec<_> = template
        .undeclared_variables(false)
        .into_iter()
        .filter(|v| !known(v))
        .collect();
    unknown.sort();
    unknown
        .iter()
        .map(|variable| {
            let near = vocabulary::nearest(variable, &[&CONTEXT[..], &FURTHER].concat())
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            format!("nothing is named `{variable}`{near}")
        })
        .collect()
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
