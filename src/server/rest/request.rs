//! What is posted: the arguments of `spark-submit`, and the pod templates that the operator would otherwise write to files.

use crate::{
    limits::Budget,
    operator::{Origin, application::ApplicationReference, check_template_labels},
    server::service::RejectedRequest,
    spark::submission::{
        PodTemplate, Refusal, Request, SUBMISSION_ID_KEY, SubmissionId, SubmitterContext,
        arguments::{self, ArgumentsError},
    },
    strict::{self, DocumentShape, Unread},
    submitter::{RequestArguments, SubmitError, SubmitRequest},
};
use serde_json::{Map, Value};

/// The containers of the operator's templates. It names them in its arguments only where it writes templates to files.
const CONTAINER_NAMES: [(&str, &str); 2] = [
    (
        "spark.kubernetes.driver.podTemplateContainerName",
        "spark-kubernetes-driver",
    ),
    (
        "spark.kubernetes.executor.podTemplateContainerName",
        "spark-kubernetes-executor",
    ),
];

/// The fields of a body that are read.
const FIELDS: &[&str] = &[
    "submission_id",
    "spark_submit_args",
    "driver_pod_template",
    "executor_pod_template",
];

/// The body of a submission. Other top-level keys are ignored: a newer operator may send them. They are held to the same limits.
#[derive(Debug)]
pub(super) struct SparkSubmit {
    pub(super) submission_id: String,
    arguments: Vec<String>,
    driver_template: Option<Value>,
    executor_template: Option<Value>,
    /// What reading the body left of it.
    budget: Budget,
}

/// A body that is not a submission.
#[derive(Debug)]
pub(super) struct BadRequest {
    /// The submission id, if it was there; else empty.
    pub(super) submission_id: String,
    /// The field, what was found, and what is allowed.
    pub(super) message: String,
}

impl SparkSubmit {
    /// Reads a body.
    pub(super) fn read(body: &[u8], mut budget: Budget) -> Result<Self, BadRequest> {
        let bad = |submission_id: &str, message: String| BadRequest {
            submission_id: submission_id.to_owned(),
            message,
        };
        let mut fields = match strict::read_json(body, DocumentShape::Fields(FIELDS), &mut budget) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return Err(bad("", "the body is not a JSON object".to_owned())),
            // Where it is broken, not what stands there.
            Err(Unread::Problem(problem)) => return Err(bad("", format!("the body is {}", problem.said))),
            Err(Unread::KeyTwice(path)) => {
                let path = if path.is_empty() { "the body" } else { &path };
                return Err(bad(
                    "",
                    format!("{path}: expected each key once, found one twice"),
                ));
            }
            Err(Unread::OverLimit(over)) => return Err(bad("", over.to_string())),
        };
        let submission_id = match fields.remove("submission_id") {
            Some(Value::String(id)) if !id.is_empty() => id,
            other => {
                return Err(bad(
                    "",
                    missing("submission_id", other.as_ref(), "a non-empty text"),
                ));
            }
        };
        let arguments = match fields.remove("spark_submit_args") {
            Some(Value::Array(items)) if !items.is_empty() => items,
            other => {
                let message = missing("spark_submit_args", other.as_ref(), "a non-empty list");
                return Err(bad(&submission_id, message));
            }
        };
        let arguments = arguments
            .into_iter()
            .enumerate()
            .map(|(index, item)| match item {
                Value::String(text) => Ok(text),
                other => {
                    let field = format!("spark_submit_args[{index}]");
                    Err(bad(&submission_id, missing(&field, Some(&other), "a text")))
                }
            })
            .collect::<Result<_, _>>()?;
        let mut template = |field: &str| match fields.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(template @ Value::Object(_)) => Ok(Some(template)),
            Some(other) => Err(bad(
                &submission_id,
                missing(field, Some(&other), "a pod template"),
            )),
        };
        let (driver_template, executor_template) = (
            template("driver_pod_template")?,
            template("executor_pod_template")?,
        );
        Ok(Self {
            submission_id,
            arguments,
            driver_template,
            executor_template,
            budget,
        })
    }

    /// The request to submit: the arguments are the spec, and the templates are what `podTemplateFile` would name.
    pub(super) fn into_request(
        self,
        id: &SubmissionId,
        origin: Origin,
        context: &SubmitterContext,
    ) -> Result<SubmitRequest, RejectedRequest> {
        let about = self.about();
        self.read_arguments(id, about.as_ref(), origin, context)
            .map_err(|error| RejectedRequest { error, about })
    }

    /// The application that owns the driver, by the template and by arguments that may be wrong.
    fn about(&self) -> Option<ApplicationReference> {
        let owners = &self.driver_template.as_ref()?["metadata"]["ownerReferences"];
        let namespace = self.arguments.windows(2).find_map(|pair| match pair {
            [flag, conf] if flag == "--conf" => conf.strip_prefix("spark.kubernetes.namespace="),
            _ => None,
        });
        ApplicationReference::among(owners, namespace.unwrap_or("default"))
    }

    fn read_arguments(
        self,
        id: &SubmissionId,
        about: Option<&ApplicationReference>,
        origin: Origin,
        context: &SubmitterContext,
    ) -> Result<SubmitRequest, SubmitError> {
        let mut arguments = arguments::parse(&self.arguments).map_err(|error| match error {
            ArgumentsError::OverLimit(over) => over.into(),
            error => Refusal::new("spark_submit_args", error.to_string()),
        })?;
        arguments
            .conf
            .entry(SUBMISSION_ID_KEY.to_owned())
            .or_insert_with(|| id.to_string());
        for (key, name) in CONTAINER_NAMES {
            arguments
                .conf
                .entry(key.to_owned())
                .or_insert_with(|| name.to_owned());
        }
        // Here too, where the field has a name and the error is the template's.
        let owner = about.map(|about| about.name.as_str());
        let template = |field, value: Option<Value>| {
            let Some(value) = value.filter(|value| *value != Value::Object(Map::new())) else {
                return Ok(None);
            };
            PodTemplate::from_value(field, value, origin.unknown_fields)
                .and_then(|template| {
                    check_template_labels(field, &template, id, owner)?;
                    Ok(Some(template))
                })
                .map_err(SubmitError::PodTemplate)
        };
        let request = Request {
            id: Some(id.clone()),
            driver_template: template("driver_pod_template", self.driver_template)?,
            executor_template: template("executor_pod_template", self.executor_template)?,
            budget: self.budget,
            ..Request::default()
        };
        let arguments = RequestArguments::new(arguments, request, context)?;
        Ok(SubmitRequest::Arguments(Box::new(arguments)))
    }
}

/// A field that is not there, or is something else.
fn missing(field: &str, found: Option<&Value>, allowed: &str) -> String {
    let found = match found {
        None => "nothing",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a boolean",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(text)) if text.is_empty() => "an empty text",
        Some(Value::String(_)) => "a text",
        Some(Value::Array(list)) if list.is_empty() => "an empty list",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    };
    format!("{field}: expected {allowed}, found {found}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_no_submission_says_what_is_wrong_with_it() {
        let table = [
            ("", "the body is not JSON: line 1, column 0"),
            ("[]", "the body is not a JSON object"),
            ("{}", "submission_id: expected a non-empty text, found nothing"),
            (
                r#"{"submission_id":""}"#,
                "submission_id: expected a non-empty text, found an empty text",
            ),
            (
                r#"{"submission_id":"a"}"#,
                "spark_submit_args: expected a non-empty list, found nothing",
            ),
            (
                r#"{"submission_id":"a","spark_submit_args":[]}"#,
                "spark_submit_args: expected a non-empty list, found an empty list",
            ),
            (
                r#"{"submission_id":"a","spark_submit_args":["x",1]}"#,
                "spark_submit_args[1]: expected a text, found a number",
            ),
            (
                r#"{"submission_id":"a","spark_submit_args":["x"],"driver_pod_template":"y"}"#,
                "driver_pod_template: expected a pod template, found a text",
            ),
        ];
        for (body, message) in table {
            assert_eq!(
                SparkSubmit::read(body.as_bytes(), Budget::default())
                    .unwrap_err()
                    .message,
                message,
                "{body}"
            );
        }
    }

    #[test]
    fn unknown_top_level_keys_and_null_templates_are_ignored() {
        let body = r#"{"submission_id":"a","spark_submit_args":["x"],"driver_pod_template":null,"newer":1}"#;
        let read = SparkSubmit::read(body.as_bytes(), Budget::default()).unwrap();
        assert_eq!(read.arguments, ["x"]);
        assert_eq!(read.driver_template, None);
    }
}
