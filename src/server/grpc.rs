//! The gRPC entry point: `spark.SparkSubmitService`.

use super::{
    Service,
    gate::{self, Gate},
    service::{RejectedRequest, ServiceError, SubmitCall},
};
use crate::{
    finding::{self, expected},
    limits::{Budget, UNKNOWN_FIELDS},
    operator::{
        Origin,
        application::{self, ApplicationReference},
        wire::{
            RunAltSparkSubmitRequest, RunAltSparkSubmitResponse,
            spark_submit_service_server::{SparkSubmitService, SparkSubmitServiceServer},
        },
    },
    spark::submission::{EntryPoint, Refusal, UnknownFields},
    strict::{self, DocumentShape, Problem, Unread},
    submitter::{Accepted, Mode, SubmitError, SubmitRequest},
    telemetry::Caller,
};
use axum::{
    Router, extract,
    middleware::{self, Next},
};
use std::time::{Duration, Instant};
use tokio::time::timeout_at;
use tonic::{Request, Response, Status, TimeoutExpired, service::Routes};

/// The service as tonic serves it.
pub(super) type Contract = Gate<SparkSubmitServiceServer<GrpcService>>;

/// The entry point's name in metrics and logs.
pub(super) const ENTRY_POINT: &str = "grpc";

/// The header with which a caller says how long it waits.
const TIMEOUT: &str = "grpc-timeout";

/// The implementation of the contract.
pub(super) struct GrpcService {
    service: Service,
}

/// The contract over `service`.
pub(super) fn contract(service: Service, max_request_bytes: usize) -> Contract {
    let grpc = GrpcService {
        service: service.clone(),
    };
    let contract = SparkSubmitServiceServer::new(grpc).max_decoding_message_size(max_request_bytes);
    Gate::new(service, ENTRY_POINT, max_request_bytes, contract)
}

#[tonic::async_trait]
impl SparkSubmitService for GrpcService {
    /// A submission that is refused is a reply with `success = false`, as the operator's client expects it; only
    /// overload and the server's end are gRPC errors, which say that another try may succeed.
    async fn run_alt_spark_submit(
        &self,
        mut request: Request<RunAltSparkSubmitRequest>,
    ) -> Result<Response<RunAltSparkSubmitResponse>, Status> {
        let guard = gate::guard(&mut request)?;
        let deadline = deadline(&request);
        let caller = caller(&request);
        let request = request.into_inner();
        let call = SubmitCall {
            entry_point: EntryPoint::Grpc,
            id: request.submission_id.clone(),
            deadline,
            mode: Mode::Submit,
            context: None,
            caller,
            read: {
                let budget = guard.budget();
                Box::new(move |_, origin, _| submit_request(request, origin.unknown_fields, budget))
            },
            guard,
        };
        match self.service.submit(call).await {
            Ok(accepted) => Ok(Response::new(success(accepted))),
            Err(ServiceError::Submit(error)) if error.over_limit() => {
                Err(Status::invalid_argument(error.to_string()))
            }
            Err(ServiceError::Submit(SubmitError::NoTemplates(error))) if error.starting => {
                Err(Status::unavailable(error.to_string()))
            }
            Err(ServiceError::Submit(error)) => Ok(Response::new(failure(&error))),
            Err(error) => Err(error.into()),
        }
    }
}

/// The whole application, where the request has it; else what the messages can express.
fn submit_request(
    request: RunAltSparkSubmitRequest,
    unknown_fields: UnknownFields,
    budget: Budget,
) -> Result<SubmitRequest, RejectedRequest> {
    let manifest = request.spark_application_manifest;
    if !manifest.is_empty() {
        return of_manifest(&manifest, unknown_fields, budget).map_err(|error| RejectedRequest {
            // What is too large is not read twice.
            about: std::str::from_utf8(&manifest)
                .ok()
                .filter(|_| !error.over_limit())
                .and_then(ApplicationReference::in_text),
            error,
        });
    }
    let Some(application) = request.spark_application else {
        let missing = expected("an application here or in spark_application_manifest").nothing();
        return Err(RejectedRequest {
            error: Refusal::saying("spark_application", missing).into(),
            about: None,
        });
    };
    let about = ApplicationReference::on_the_wire(&application);
    match application::from_wire(application) {
        Ok(application) => Ok(SubmitRequest::Messages(Box::new(application))),
        Err(error) => Err(RejectedRequest {
            error: error.into(),
            about,
        }),
    }
}

/// Reads a request as [`GrpcService`] does; else why it is refused.
pub(super) fn read(request: RunAltSparkSubmitRequest, origin: Origin) -> Result<SubmitRequest, SubmitError> {
    submit_request(request, origin.unknown_fields, Budget::default()).map_err(|rejected| rejected.error)
}

fn of_manifest(
    manifest: &[u8],
    unknown_fields: UnknownFields,
    mut budget: Budget,
) -> Result<SubmitRequest, SubmitError> {
    let text = std::str::from_utf8(manifest)
        .map_err(|_| Refusal::saying("spark_application_manifest", expected("UTF-8 text")))?;
    let unknown_fields = match unknown_fields {
        UnknownFields::Refuse => application::UnknownFields::Refuse,
        UnknownFields::Pass => application::UnknownFields::Pass,
    };
    let document =
        strict::read_yaml(text, DocumentShape::Application, &mut budget).map_err(|unread| match unread {
            Unread::OverLimit(over) => SubmitError::OverLimit(over),
            unread => SubmitError::Application(Problem::from(unread).into()),
        })?;
    application::few_volumes(&document)?;
    let mut parsed = application::from_value(document, unknown_fields)?;
    UNKNOWN_FIELDS.holds("", parsed.unknown_fields.len())?;
    parsed.application.budget = budget;
    Ok(SubmitRequest::Application(Box::new(parsed)))
}

/// The caller's deadline, from the header `grpc-timeout`.
pub(super) fn deadline<T>(request: &Request<T>) -> Option<Instant> {
    deadline_in(request.metadata().get(TIMEOUT)?.as_bytes())
}

/// A deadline as the header has it: digits and a unit.
fn deadline_in(text: &[u8]) -> Option<Instant> {
    let text = std::str::from_utf8(text).ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: u64 = digits.parse().ok()?;
    let timeout = match unit {
        "H" => Duration::from_secs(count.checked_mul(3600)?),
        "M" => Duration::from_secs(count.checked_mul(60)?),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    };
    Instant::now().checked_add(timeout)
}

/// Calls end when their caller's deadline is over.
pub(super) fn within_deadline(routes: Routes) -> Router {
    routes.into_axum_router().layer(middleware::from_fn(
        async |request: extract::Request, next: Next| {
            let header = request.headers().get(TIMEOUT);
            let Some(deadline) = header.and_then(|header| deadline_in(header.as_bytes())) else {
                return next.run(request).await;
            };
            match timeout_at(deadline.into(), next.run(request)).await {
                Ok(answer) => answer,
                Err(_) => Status::from_error(Box::new(TimeoutExpired(()))).into_http(),
            }
        },
    ))
}

/// The caller's trace.
pub(super) fn caller<T>(request: &Request<T>) -> Caller {
    Caller::of(|name| request.metadata().get(name)?.to_str().ok())
}

fn success(accepted: Accepted) -> RunAltSparkSubmitResponse {
    let duplicate = accepted.submitted.duplicate();
    RunAltSparkSubmitResponse {
        success: true,
        driver_pod_name: Some(accepted.submitted.pod_name),
        driver_pod_uid: accepted.submitted.pod_uid,
        spark_application_id: Some(accepted.submitted.application_id),
        duplicate_submission: Some(duplicate),
        template_set: Some(accepted.template_set),
        namespace: Some(accepted.submitted.namespace),
        outcome: Some(accepted.submitted.outcome.name().to_owned()),
        warnings: accepted.warnings,
        ..RunAltSparkSubmitResponse::default()
    }
}

fn failure(error: &SubmitError) -> RunAltSparkSubmitResponse {
    RunAltSparkSubmitResponse {
        success: false,
        error_message: finding::answer(&error.to_string()).into_owned(),
        error_code: Some(error.code().to_string()),
        retryable: Some(error.code().retryable()),
        ..RunAltSparkSubmitResponse::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_deadline_is_read_from_its_header() {
        let mut request = Request::new(());
        assert_eq!(deadline(&request), None);
        for (text, at_least) in [("10S", 9_000), ("500m", 400), ("1H", 3_500_000)] {
            request
                .metadata_mut()
                .insert("grpc-timeout", text.parse().unwrap());
            let left = deadline(&request).unwrap() - Instant::now();
            assert!(left >= Duration::from_millis(at_least), "{text}: {left:?}");
        }
        for text in ["S", "x", "10", "10X"] {
            request
                .metadata_mut()
                .insert("grpc-timeout", text.parse().unwrap());
            assert_eq!(deadline(&request), None, "{text}");
        }
    }
}
