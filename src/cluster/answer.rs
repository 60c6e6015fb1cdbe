//! An object as the API server answers with it, without what is the most of it and nobody here reads.

use super::refusal::ApiFailure;
use crate::{
    limits::Budget,
    strict::{self, DocumentShape, Unread},
};
use serde_json::Value;

/// What asks for no more than the metadata of what was created, and takes the whole from a server that gives no less.
/// ([Receiving resources as metadata](https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches))
pub(super) const METADATA_ONLY: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/// Reads an object without its `metadata.managedFields` (who wrote which field: of a new Pod's metadata three quarters), within
/// the limits of a submission: its author may be the same.
pub(super) fn read(body: &[u8]) -> Result<Value, ApiFailure> {
    match strict::read_json(body, DocumentShape::Object, &mut Budget::default()) {
        Ok(object @ Value::Object(_)) => Ok(object),
        Err(Unread::OverLimit(over)) => Err(ApiFailure::OverLimit(over)),
        Ok(_) | Err(Unread::Problem(_) | Unread::KeyTwice(_)) => {
            Err(ApiFailure::Lost("the answer is no JSON object".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_is_read_but_the_managed_fields() {
        let answer = json!({
            "kind": "Pod", "metadata": {"name": "a", "uid": "1", "managedFields": [{"manager": "x"}]},
            "spec": {"managedFields": 1, "metadata": {"managedFields": 2}},
        });
        let read = read(answer.to_string().as_bytes()).unwrap();
        let mut expected = answer;
        expected["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("managedFields");
        assert_eq!(read, expected);
        for wrong in ["[]", "1", "{"] {
            assert!(super::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_does_not_count_may_be_large_and_all_else_may_not() {
        let large = format!("[{}1]", "{},".repeat(20_000));
        for (object, fits) in [
            (format!(r#"{{"metadata": {{"managedFields": {large}}}}}"#), true),
            (
                format!(r#"{{"kind": "SparkApplication", "status": {large}}}"#),
                true,
            ),
            (format!(r#"{{"kind": "Pod", "status": {large}}}"#), false),
            (
                format!(r#"{{"kind": "SparkApplication", "spec": {large}}}"#),
                false,
            ),
        ] {
            let read = read(object.as_bytes());
            match read {
                Ok(_) => assert!(fits),
                Err(failure) => assert!(
                    matches!(failure, ApiFailure::OverLimit(_)) && !fits,
                    "{failure:?}"
                ),
            }
        }
    }
}
