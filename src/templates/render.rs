//! From a plan and a compiled set to the text of all documents.

use super::{
    Document, Rendered, TemplateError, builtin, environment::MOST_BYTES, error::Cause, set::Sources,
    vocabulary,
};
use crate::plan::DriverPlan;
use minijinja::{
    Environment, context,
    value::{Serde, Value},
};
use std::io;

/// What every template sees: the fields of [`DriverPlan`], and the set's id.
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
const FURTHER: [&str; 9] = [
    "object",
    "executor_pod",
    "range",
    "dict",
    "refuse",
    "loop",
    "super",
    "self",
    "caller",
];

/// Writes all documents of one submission from one set.
pub(crate) fn documents(
    environment: &Environment<'static>,
    sources: &Sources,
    set: &str,
    plan: &DriverPlan,
) -> Result<Rendered, TemplateError> {
    let context = context! { template_set => set, ..Value::from(Serde(plan)) };
    let mut documents = Vec::new();
    for kind in builtin::DOCUMENTS {
        for subject in (kind.subjects)(plan) {
            let object = subject.object.and_then(|(list, index)| {
                context
                    .get_attr(list)
                    .and_then(|list| list.get_item(&Value::from(index)))
                    .ok()
            });
            let context = match object {
                Some(object) => context! { object => object, ..context.clone() },
                None if kind.template == builtin::EXECUTOR_CONFIG_MAP => {
                    let text = document(environment, sources, builtin::EXECUTOR_POD, &context)?.1;
                    // One line end, so that the ConfigMap can show the text as a block.
                    context! { executor_pod => format!("{}\n", text.trim_end()), ..context.clone() }
                }
                None => context.clone(),
            };
            let (template, text) = document(environment, sources, kind.template, &context)?;
            documents.push(Document {
                role: subject.role,
                template,
                text,
            });
        }
    }
    Ok(Rendered {
        template_set: set.to_owned(),
        documents,
    })
}

/// Writes one document; gives the name of the template too, `builtin/…` where nothing overrides it.
fn document(
    environment: &Environment<'static>,
    sources: &Sources,
    name: &str,
    context: &Value,
) -> Result<(String, String), TemplateError> {
    let failed = |error| TemplateError::rendering(name, sources, context, &error);
    let template = environment.get_template(name).map_err(failed)?;
    let mut text = Capped(Vec::with_capacity(template.source().len()));
    template
        .render_captured_to(context.clone(), &mut text)
        .map_err(failed)?;
    // The engine writes whole `str`s, so this cannot fail.
    let text = String::from_utf8(text.0).unwrap_or_default();
    Ok((sources.full_name(name), text))
}

/// Takes no more than [`MOST_BYTES`].
struct Capped(Vec<u8>);

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_BYTES {
            return Err(io::Error::other(Cause::TooLarge(MOST_BYTES)));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

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
            format!("{name}: nothing is named `{variable}`{near}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::CONTEXT;

    #[test]
    fn the_known_variables_are_those_of_the_plan() {
        let plan = serde_json::to_value(crate::templates::sample::plan()).unwrap();
        let fields = plan.as_object().unwrap().keys().map(String::as_str);
        let mut names: Vec<_> = fields.chain(["template_set"]).collect();
        names.sort_unstable();
        assert_eq!(names, CONTEXT);
    }
}
