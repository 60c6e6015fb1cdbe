//! The REST door: the operator's `RestSubmitter` contract, `POST /api/v1/spark-submit`.

mod answer;
mod query;
mod request;
mod unread;

use super::{
    Service,
    bounded_body::{BoundedBody, Length, Unread},
    http_errors::Form,
    request_guard::RequestGuard,
    service::{Call, ServiceError},
};
use crate::{
    limits::Budget,
    operator::Origin,
    spark::submission::{SubmissionId, SubmitterContext},
    submitter::{Mode, SubmitRequest},
    telemetry::Caller,
};
use answer::{Answer, NoSubmission};
use axum::{
    Router,
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, Request, header::CONTENT_TYPE},
    middleware,
    response::Response,
    routing::post,
};
use request::SparkSubmit;
use std::sync::Arc;

/// The door's name in metrics and logs.
pub(super) const DOOR: &str = "rest";

/// Where submissions are posted.
const PATH: &str = "/api/v1/spark-submit";

#[derive(Clone)]
struct Door {
    service: Service,
    max_request_bytes: usize,
}

/// The contract over `service`. The operator's start waits for any answer to a GET, which is 405 here.
pub(super) fn router(service: Service, max_request_bytes: usize) -> Router {
    let door = Door {
        service,
        max_request_bytes,
    };
    Router::new()
        .route(
            PATH,
            post(spark_submit).fallback(async |State(door): State<Door>| {
                Answer::no_submission(&door.service, &NoSubmission::Method)
            }),
        )
        .fallback(async |State(door): State<Door>| Answer::no_submission(&door.service, &NoSubmission::Path))
        .layer(middleware::from_fn(unread::discarded))
        .with_state(door)
}

/// Answers to requests whose head can't be read, which no route sees.
pub(super) fn errors(service: Service) -> Form {
    Arc::new(move |status| answer::unreadable(&service, status))
}

/// Submits, or with `?dryRun=true` asks the API server whether it would take the objects.
async fn spark_submit(
    State(door): State<Door>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Request<Body>,
) -> Response {
    let mode = match query::mode(query.as_deref()) {
        Ok(mode) => mode,
        Err(message) => return Answer::no_submission(&door.service, &NoSubmission::Bad(&message)),
    };
    if !is_json(&headers) {
        return Answer::no_submission(&door.service, &NoSubmission::MediaType);
    }
    let entry = match door.service.enter(DOOR) {
        Ok(entry) => entry,
        Err(refused) => return Answer::failed("", &refused),
    };
    let through = (door.service.clone(), DOOR);
    let length = Length::AtMost(door.max_request_bytes);
    let arriving = BoundedBody::new(body.into_body(), length, entry.clone(), through, |refused| {
        refused
    });
    let body = match arriving.read(door.max_request_bytes).await {
        Ok(body) => body,
        Err(Unread::Refused(refused)) => return Answer::failed("", &refused),
        Err(Unread::Bad) => {
            let allowed = door.max_request_bytes;
            let message = format!("the body is cut short or longer than {allowed} bytes (MAX_REQUEST_BYTES)");
            return Answer::no_submission(&door.service, &NoSubmission::Bad(&message));
        }
    };
    let caller = Caller::of(|name| headers.get(name)?.to_str().ok());
    submit(&door.service, &body, mode, caller, entry).await
}

/// Reads a body as [`spark_submit`] does; else the text of the refusal.
pub(super) fn read(
    body: &[u8],
    origin: Origin,
    context: &SubmitterContext,
) -> Result<(SubmissionId, SubmitRequest), String> {
    let request = SparkSubmit::read(body, Budget::default()).map_err(|bad| bad.message)?;
    let id = SubmissionId::new(&request.submission_id).map_err(|refusal| refusal.to_string())?;
    let asked = request.asked(&id, origin, context);
    asked
        .map(|asked| (id, asked))
        .map_err(|not_asked| not_asked.error.to_string())
}

async fn submit(service: &Service, body: &[u8], mode: Mode, caller: Caller, entry: RequestGuard) -> Response {
    let request = match SparkSubmit::read(body, entry.budget()) {
        Ok(request) => request,
        Err(_) if entry.lacked_memory() => {
            service.turned_away(DOOR, &ServiceError::NoRoom);
            return Answer::failed("", &ServiceError::NoRoom);
        }
        Err(error) => {
            let kind = NoSubmission::BadOf(&error.submission_id, &error.message);
            return Answer::no_submission(service, &kind);
        }
    };
    let id = request.submission_id.clone();
    let call = Call {
        door: DOOR,
        id: id.clone(),
        // The contract has none: the operator gives up after its own time, and comes back with the same id.
        deadline: None,
        mode,
        context: None,
        caller,
        entry,
    };
    match service
        .submit(call, |id, origin, context| request.asked(id, origin, context))
        .await
    {
        Ok(accepted) => Answer::accepted(&accepted),
        Err(error) => Answer::failed(&id, &error),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    given.is_some_and(|given| {
        let media_type = given.split(';').next().unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case("application/json")
    })
}
