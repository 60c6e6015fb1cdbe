//! The template context of an application, and its JSON Schema.

use crate::spark::{
    plan::{self, DriverPlan},
    submission::{Refusal, Submission, SubmitterContext},
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use serde_json::Value;

/// What a template sees of a submission: all variables that it can name.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TemplateContext {
    /// The decisions of the submission.
    #[serde(flatten)]
    pub plan: DriverPlan,
    /// The template set that renders, its name and content hash: `default@0123456789ab`.
    pub template_set: String,
}

/// The context of a submission for the template set of this id.
///
/// # Errors
/// If the submission is refused before any template is rendered.
pub fn of(
    submission: &Submission,
    context: &SubmitterContext,
    template_set: &str,
) -> Result<TemplateContext, Refusal> {
    Ok(TemplateContext {
        plan: plan::plan(submission, context)?,
        template_set: template_set.to_owned(),
    })
}

/// The JSON Schema (draft 2020-12) of the context, made of the types and their doc comments. `x-unit` is a value's
/// unit, `x-context-version` the version of the context.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<TemplateContext>().to_value();
    plain(&mut schema);
    if let Value::Object(root) = &mut schema {
        root.insert("x-context-version".to_owned(), plan::CONTEXT_VERSION.into());
        root.insert(
            "title".to_owned(),
            "The context of native-submit's templates".into(),
        );
    }
    schema
}

/// Doc comments without the brackets of their links.
fn plain(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "description" => {
                        *text = text.replace("[`", "`").replace("`]", "`");
                    }
                    value => plain(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authoring::case::Case;

    #[test]
    fn the_schema_has_every_field_of_a_real_context_with_a_description() {
        let schema = schema();
        for case in Case::samples() {
            let (submission, context) = case.submission().unwrap();
            let context = of(&submission, &context, "default@0").unwrap();
            let context = serde_json::to_value(context).unwrap();
            let properties = schema["properties"].as_object().unwrap();
            let names = |value: &serde_json::Map<String, Value>| value.keys().cloned().collect::<Vec<_>>();
            let mut expected = names(properties);
            expected.sort();
            let mut found = names(context.as_object().unwrap());
            found.sort();
            assert_eq!(found, expected);
        }
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            let fields = definition["properties"].as_object();
            for (field, property) in fields.into_iter().flatten() {
                assert!(property["description"].is_string(), "{name}.{field}");
            }
        }
    }
}
