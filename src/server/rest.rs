//! The REST entry point: the operator's `RestSubmitter` contract, `POST /api/v1/spark-submit`.

mod answer;
mod query;
mod request;
mod unread;

use super::{
    Service,
    bounded_body::{BoundedBody, Length, UnreadBody},
    http_errors::Form,
    request_guard::RequestGuard,
    service::{ServiceError, SubmitCall},
};
use crate::{
    limits::Budget,
    operator::Origin,
    spark::submission::{EntryPoint, SubmissionId, SubmitterContext},
    submitter::{Mode, SubmitRequest},
    telemetry::Caller,
};
use answer::{NoSubmission, RestAnswer};
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

/// The entry point's name in metrics and logs.
pub(super) const ENTRY_POINT: &str = "rest";

/// Where submissions are posted.
const PATH: &str = "/api/v1/spark-submit";

#[derive(Clone)]
struct RestService {
    service: Service,
    max_request_bytes: usize,
}

/// The contract over `service`. The operator's start waits for any answer to a GET, which is 405 here.
pub(super) fn router(service: Service, max_request_bytes: usize) -> Router {
    let rest = RestService {
        service,
        max_request_bytes,
    };
    Router::new()
        .route(
            PATH,
            post(spark_submit).fallback(async |State(rest): State<RestService>| {
                RestAnswer::no_submission(&rest.service, &NoSubmission::Method)
            }),
        )
        .fallback(async |State(rest): State<RestService>| {
            RestAnswer::no_submission(&rest.service, &NoSubmission::Path)
        })
        .layer(middleware::from_fn(unread::discarded))
        .with_state(rest)
}

/// Answers to requests whose head can't be read, which no route sees.
pub(super) fn errors(service: Service) -> Form {
    Arc::new(move |status| answer::unreadable(&service, status))
}

/// Submits, or with `?dryRun=true` asks the API server whether it would take the objects.
async fn spark_submit(
    State(rest): State<RestService>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Request<Body>,
) -> Response {
    let mode = match query::mode(query.as_deref()) {
        Ok(mode) => mode,
        Err(message) => return RestAnswer::no_submission(&rest.service, &NoSubmission::Bad(&message)),
    };
    if !is_json(&headers) {
        return RestAnswer::no_submission(&rest.service, &NoSubmission::MediaType);
    }
    let guard = match rest.service.enter(ENTRY_POINT) {
        Ok(guard) => guard,
        Err(refused) => return RestAnswer::failed("", &refused),
    };
    let through = (rest.service.clone(), ENTRY_POINT);
    let length = Length::AtMost(rest.max_request_bytes);
    let arriving = BoundedBody::new(body.into_body(), length, guard.clone(), through, |refused| {
        refused
    });
    let body = match arriving.read(rest.max_request_bytes).await {
        Ok(body) => body,
        Err(UnreadBody::Refused(refused)) => return RestAnswer::failed("", &refused),
        Err(UnreadBody::Bad) => {
            let allowed = rest.max_request_bytes;
            let message = format!("the body is cut short or longer than {allowed} bytes (MAX_REQUEST_BYTES)");
            return RestAnswer::no_submission(&rest.service, &NoSubmission::Bad(&message));
        }
    };
    let caller = Caller::of(|name| headers.get(name)?.to_str().ok());
    submit(&rest.service, &body, mode, caller, guard).await
}

/// Reads a body as [`spark_submit`] does; else the text of the refusal.
pub(super) fn read(
    body: &[u8],
    origin: Origin,
    context: &SubmitterContext,
) -> Result<(SubmissionId, SubmitRequest), String> {
    let request = SparkSubmit::read(body, Budget::default()).map_err(|bad| bad.message)?;
    let id = SubmissionId::new(&request.submission_id).map_err(|refusal| refusal.to_string())?;
    match request.into_request(&id, origin, context) {
        Ok(request) => Ok((id, request)),
        Err(rejected) => Err(rejected.error.to_string()),
    }
}

async fn submit(service: &Service, body: &[u8], mode: Mode, caller: Caller, guard: RequestGuard) -> Response {
    let request = match SparkSubmit::read(body, guard.budget()) {
        Ok(request) => request,
        Err(_) if guard.lacked_memory() => {
            service.turned_away(ENTRY_POINT, &ServiceError::NoRoom);
            return RestAnswer::failed("", &ServiceError::NoRoom);
        }
        Err(error) => {
            let kind = NoSubmission::BadOf(&error.submission_id, &error.message);
            return RestAnswer::no_submission(service, &kind);
        }
    };
    let id = request.submission_id.clone();
    let call = SubmitCall {
        entry_point: EntryPoint::Rest,
        id: id.clone(),
        // The contract has none: the operator gives up after its own time, and comes back with the same id.
        deadline: None,
        mode,
        context: None,
        caller,
        guard,
        read: Box::new(move |id, origin, context| request.into_request(id, origin, context)),
    };
    match service.submit(call).await {
        Ok(accepted) => RestAnswer::accepted(&accepted),
        Err(error) => RestAnswer::failed(&id, &error),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    given.is_some_and(|given| {
        let media_type = given.split(';').next().unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case("application/json")
    })
}
