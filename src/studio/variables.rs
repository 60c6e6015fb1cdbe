//! What templates can name, with the values of one application.

use crate::authoring::{
    case::Case,
    context,
    mask::{REDACTION, Secrets},
    reference::variables,
};
use serde::Serialize;
use serde_json::Value;

/// The mappings whose keys are users', each of which is a variable of its own here.
const OPEN: [&str; 3] = ["properties", "pod.labels", "pod.annotations"];

/// The longest value that is shown, in characters.
const LONGEST: usize = 400;

/// The most keys of one mapping.
const MOST_KEYS: usize = 300;

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ShownVariable {
    /// What a template writes to name it: `pod.labels["team"]`.
    pub(super) expression: String,
    /// Its type in words.
    pub(super) r#type: String,
    /// What it means.
    pub(super) meaning: String,
    /// The value, as JSON; none where the application has none there.
    pub(super) value: Option<String>,
}

/// Every variable, with the values of an application; its secrets are hidden, unless `show_secrets`.
///
/// # Errors
/// Why the application has no context.
pub(super) fn of(case: &Case, set: &str, show_secrets: bool) -> Result<Vec<ShownVariable>, String> {
    let (submission, submitter) = case.submission().map_err(|error| error.to_string())?;
    let context = context::of(&submission, &submitter, set).map_err(|refusal| refusal.to_string())?;
    let secrets = Secrets::of(context.plan.properties.get(REDACTION).map(String::as_str));
    let mut value = serde_json::to_value(context).map_err(|error| error.to_string())?;
    if !show_secrets && !case.is_sample() {
        secrets.hide(&mut value);
    }
    let mut shown = Vec::new();
    for variable in variables(&context::schema()) {
        let found = at(&value, &variable.path);
        if let Some(Value::Object(fields)) = found.filter(|_| OPEN.contains(&&variable.path[..])) {
            shown.extend(fields.iter().take(MOST_KEYS).map(|(key, value)| ShownVariable {
                expression: format!("{}[{}]", variable.path, Value::from(key.as_str())),
                r#type: "string".to_owned(),
                meaning: String::new(),
                value: Some(cut(value)),
            }));
        }
        shown.push(ShownVariable {
            expression: variable.path.replace("[]", "[0]"),
            r#type: variable.kind.replace('`', ""),
            meaning: variable.meaning.replace('`', ""),
            value: found.map(cut),
        });
    }
    shown.sort_by(|one, other| one.expression.cmp(&other.expression));
    Ok(shown)
}

/// The value at a path; of a list the first item's.
fn at<'v>(context: &'v Value, path: &str) -> Option<&'v Value> {
    let found = path.split('.').try_fold(context, |value, step| {
        let value = value.get(step.trim_end_matches("[]"))?;
        if step.ends_with("[]") {
            value.get(0)
        } else {
            Some(value)
        }
    });
    found.filter(|value| !value.is_null())
}

fn cut(value: &Value) -> String {
    let text = value.to_string();
    let mut cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::application::documents;

    #[test]
    fn a_variable_has_its_type_meaning_and_value_and_a_secret_has_none() {
        let text = include_str!("../../examples/spark-pi.yaml");
        let text = text.replacen("spec:\n", "spec:\n  sparkConf: {spark.my.password: hunter2}\n", 1);
        let (_, document) = documents(&text).remove(0);
        let case = Case::of("app.yaml", document);
        let variables = of(&case, "default@0", false).unwrap();
        let found = |expression: &str| {
            let found = variables
                .iter()
                .find(|variable| variable.expression == expression);
            found.unwrap_or_else(|| panic!("{expression}")).clone()
        };
        let name = found("application.name");
        assert_eq!(name.value.as_deref(), Some("\"spark-pi\""));
        assert_eq!(name.r#type, "string");
        assert!(!name.meaning.is_empty());
        let secret = found("properties[\"spark.my.password\"]");
        assert_eq!(secret.value.as_deref(), Some("\"<redacted, 7 bytes>\""));
        let all = serde_json::to_string(&variables).unwrap();
        assert!(!all.contains("hunter2"));
        assert!(
            serde_json::to_string(&of(&case, "default@0", true).unwrap())
                .unwrap()
                .contains("hunter2")
        );
    }
}
