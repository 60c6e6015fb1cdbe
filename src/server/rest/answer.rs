//! Answers of the REST contract. Each has the structured body: the operator decides by `error_code` alone, and takes
//! an answer without one for something to be tried again.

use crate::{
    cluster::Outcome,
    error_code::ErrorCode,
    finding,
    limits::SHOWN_NAME,
    server::{Service, connections, service::ServiceError},
    spark::submission::SubmissionId,
    submitter::Accepted,
};
use axum::{
    http::{
        StatusCode,
        header::{ALLOW, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

/// Makes answers.
pub(super) struct RestAnswer;

impl RestAnswer {
    /// 201 for a new driver, 200 for one that was there, and for a dry run.
    pub(super) fn accepted(accepted: &Accepted) -> Response {
        let submitted = &accepted.submitted;
        let duplicate = submitted.duplicate();
        let dry_run = submitted.outcome == Outcome::WouldCreate;
        let message = match submitted.outcome {
            Outcome::WouldCreate => "dry run: the API server would create the driver",
            Outcome::Written => "the driver was written to files",
            _ if duplicate => "the same submission was there: nothing was created twice",
            _ => "the driver was created",
        };
        let body = json!({
            "submission_id": accepted.submission_id,
            "app_name": finding::shortened(&accepted.application_name, SHOWN_NAME),
            "message": message,
            "submitted_at": Timestamp::now().to_string(),
            "spark_app_id": submitted.application_id,
            "driver_pod_name": submitted.pod_name,
            "driver_pod_uid": submitted.pod_uid.as_deref().unwrap_or_default(),
            "namespace": submitted.namespace,
            "template_set": accepted.template_set,
            "duplicate_submission": duplicate,
        });
        let status = if duplicate || dry_run {
            StatusCode::OK
        } else {
            StatusCode::CREATED
        };
        (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    }

    /// A submission that failed: its code, its message, and whether to try again.
    pub(super) fn failed(submission_id: &str, error: &ServiceError) -> Response {
        let code = error.code();
        let mut answer = refusal(code, submission_id, &error.text());
        if code == ErrorCode::SubmitterOverloaded {
            answer.headers_mut().insert(RETRY_AFTER, 1.into());
        }
        answer
    }

    /// A request that is no submission; counted and logged by `service`, for nothing else sees it.
    pub(super) fn no_submission(service: &Service, kind: &NoSubmission<'_>) -> Response {
        let (code, submission_id, message) = match kind {
            NoSubmission::Bad(message) => (ErrorCode::BadRequest, "", *message),
            NoSubmission::BadOf(id, message) => (ErrorCode::BadRequest, *id, *message),
            NoSubmission::MediaType => (
                ErrorCode::UnsupportedMediaType,
                "",
                "Content-Type: expected application/json",
            ),
            NoSubmission::Method => (ErrorCode::MethodNotAllowed, "", "method: expected POST"),
            NoSubmission::Path => (
                ErrorCode::NotFound,
                "",
                "there is no such path; submissions go to /api/v1/spark-submit",
            ),
        };
        service.not_a_submission(super::ENTRY_POINT, code, message);
        let mut answer = refusal(code, submission_id, message);
        if code == ErrorCode::MethodNotAllowed {
            answer
                .headers_mut()
                .insert(ALLOW, http::HeaderValue::from_static("POST"));
        }
        answer
    }
}

/// Why a request is no submission.
pub(super) enum NoSubmission<'r> {
    /// The request is not the contract's, for this reason.
    Bad(&'r str),
    /// The same, and its submission id could be read.
    BadOf(&'r str, &'r str),
    MediaType,
    Method,
    Path,
}

/// What is wrong with a request's head.
fn wrong_head(status: u16) -> String {
    let most = connections::BUFFER;
    match status {
        414 | 431 => format!(
            "request: expected a first line and headers of at most {most} bytes and 100 headers, found more"
        ),
        _ => "request: expected HTTP/1.1, found a first line or a header that is not; check the method, the path, the \
              headers' names and Content-Length"
            .to_owned(),
    }
}

/// The whole answer to a request whose head can't be read, with its status as HTTP has it.
pub(super) fn unreadable(service: &Service, status: u16) -> Vec<u8> {
    let message = wrong_head(status);
    let code = ErrorCode::BadRequest;
    service.not_a_submission(super::ENTRY_POINT, code, &message);
    let reason = StatusCode::from_u16(status).ok();
    let reason = reason
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let body = body(status, code, "", &message);
    let length = body.len();
    format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: \
         close\r\n\r\n{body}"
    )
    .into_bytes()
}

fn refusal(code: ErrorCode, submission_id: &str, message: &str) -> Response {
    let status = code.http_status();
    let body = body(status, code, submission_id, message);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

fn body(status: u16, code: ErrorCode, submission_id: &str, message: &str) -> String {
    let message = finding::answer(message);
    // What is no id may be of any length, and is not repeated.
    let submission_id = SubmissionId::new(submission_id).map_or_else(|_| String::new(), String::from);
    let body = json!({
        "submission_id": submission_id,
        "status": status,
        "error_code": code.name(),
        "message": message,
        "timestamp": Timestamp::now().to_string(),
    });
    body.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_cannot_be_read_says_what_is_expected() {
        let most = connections::BUFFER;
        for (status, says) in [
            (
                414,
                format!("request: expected a first line and headers of at most {most} bytes and 100 headers, found more"),
            ),
            (
                400,
                "request: expected HTTP/1.1, found a first line or a header that is not; check the method, the path, the headers' \
                 names and Content-Length"
                    .to_owned(),
            ),
        ] {
            assert_eq!(wrong_head(status), says);
        }
    }
}
