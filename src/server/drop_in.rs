//! The entry point of the drop-in `spark-submit`: gRPC over a Unix socket that only its own user can open.
//!
//! The drop-in has read its own arguments, files and environment, and sends what came of them. So nothing of this
//! service is within its reach, and what it names is its own.

use super::{
    Service,
    gate::{self, Gate},
    service::{ServiceError, SubmitCall},
};
use crate::{
    finding::{self, Warnings, is_name},
    kubernetes::kinds,
    limits::{Budget, OverLimit},
    operator::wire::drop_in::{
        self as wire, ShadowReply, ShadowReport, SubmitReply,
        drop_in_server::{DropIn, DropInServer},
    },
    redaction::shown,
    spark::submission::{EntryPoint, Reach, Submission, SubmitterContext},
    strict::{self, DocumentShape, Unread},
    submitter::{Accepted, Mode, SubmitRequest},
    telemetry::SHADOW_RESULTS,
    whole_file,
};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};
use tokio::net::UnixListener;
use tonic::{Request, Response, Status};
use tracing::{info, warn};

/// The entry point's name in metrics and logs.
pub(super) const ENTRY_POINT: &str = "drop-in";

/// This release; drop-in and server must be the same, for a submission's JSON is no contract.
pub(crate) const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// The implementation.
pub(super) struct DropInService {
    service: Service,
}

/// The service as tonic serves it.
pub(super) type Contract = Gate<DropInServer<DropInService>>;

/// The entry point over `service`.
pub(super) fn contract(service: Service, max_request_bytes: usize) -> Contract {
    let drop_in = DropInService {
        service: service.clone(),
    };
    let contract = DropInServer::new(drop_in).max_decoding_message_size(max_request_bytes);
    Gate::new(service, ENTRY_POINT, max_request_bytes, contract)
}

#[tonic::async_trait]
impl DropIn for DropInService {
    async fn submit(
        &self,
        mut request: Request<wire::SubmitRequest>,
    ) -> Result<Response<SubmitReply>, Status> {
        let guard = gate::guard(&mut request)?;
        let deadline = super::grpc::deadline(&request);
        let caller = super::grpc::caller(&request);
        let request = request.into_inner();
        if request.release != RELEASE {
            let found = shown(&request.release);
            return Err(Status::failed_precondition(format!(
                "the drop-in is of release {found}, this server of {RELEASE}"
            )));
        }
        let submission = match submission(&request.submission, guard.budget()) {
            Ok(submission) => submission,
            Err(_) if guard.lacked_memory() => {
                guard.counted();
                self.service.turned_away(ENTRY_POINT, &ServiceError::NoRoom);
                return Err(ServiceError::NoRoom.into());
            }
            Err(error) => {
                let message = error.to_string();
                return Err(match error {
                    NotRead::OverLimit(_) => Status::invalid_argument(message),
                    NotRead::Other => Status::failed_precondition(message),
                });
            }
        };
        let context = SubmitterContext {
            submit_time_ms: request.submit_time_ms,
            user: request.user,
            environment: request.environment,
            reach: Reach::Process,
            ..SubmitterContext::golden()
        };
        let call = SubmitCall {
            entry_point: EntryPoint::SparkSubmit,
            id: request.submission_id,
            deadline,
            mode: Mode::Submit,
            context: Some(context),
            caller,
            guard,
            read: Box::new(move |_, _, _| Ok(SubmitRequest::Resolved(Box::new(submission)))),
        };
        match self.service.submit(call).await {
            Ok(accepted) => Ok(Response::new(reply(accepted))),
            Err(ServiceError::Submit(error)) => Ok(Response::new(SubmitReply {
                error_message: finding::answer(&error.to_string()).into_owned(),
                ..SubmitReply::default()
            })),
            Err(error) => Err(error.into()),
        }
    }

    async fn report_shadow(&self, request: Request<ShadowReport>) -> Result<Response<ShadowReply>, Status> {
        let report = request.into_inner();
        let metrics = self.service.metrics();
        let result = known(SHADOW_RESULTS.into_iter(), &report.result);
        metrics.shadow(result);
        for kind in &report.kinds {
            metrics.shadow_difference(known(kinds::of_submissions(), kind));
        }
        // Nothing of it was checked yet: what is no name is not logged, and details are cut.
        let [submission_id, namespace, application] =
            [&report.submission_id, &report.namespace, &report.application]
                .map(|name| Some(name.as_str()).filter(|name| is_name(name)));
        if result == "equal" {
            info!(submission_id, namespace, application, "shadow: equal");
        } else {
            let details: Warnings = report.details.iter().collect();
            let details = details.lines().collect::<Vec<_>>().join("; ");
            warn!(
                submission_id,
                namespace, application, result, details, "shadow: not equal"
            );
        }
        Ok(Response::new(ShadowReply {}))
    }
}

/// Why a submission can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotRead {
    /// It is larger than a limit allows.
    #[error(transparent)]
    OverLimit(OverLimit),
    /// It is none.
    #[error("the submission can't be read")]
    Other,
}

/// A submission as the drop-in writes it, within the limits of what a submission comes to.
pub(super) fn submission(json: &[u8], mut budget: Budget) -> Result<Submission, NotRead> {
    let read = strict::read_json(json, DocumentShape::Rendered, &mut budget);
    let value = read.map_err(|unread| match unread {
        Unread::OverLimit(over) => NotRead::OverLimit(over.below("submission")),
        Unread::Problem(_) | Unread::KeyTwice(_) => NotRead::Other,
    })?;
    serde_json::from_value(value).map_err(|_| NotRead::Other)
}

/// What shadow mode says, in its own words: the sender may be of another release, and a label never holds what it likes.
fn known(mut words: impl Iterator<Item = &'static str>, word: &str) -> &'static str {
    words.find(|known| *known == word).unwrap_or("other")
}

fn reply(accepted: Accepted) -> SubmitReply {
    SubmitReply {
        error_message: String::new(),
        outcome: accepted.submitted.outcome.name().to_owned(),
        namespace: accepted.submitted.namespace,
        pod_name: accepted.submitted.pod_name,
        application_id: accepted.submitted.application_id,
        warnings: accepted.warnings,
        pod_uid: accepted.submitted.pod_uid.unwrap_or_default(),
    }
}

/// Listens at `path` if there is its directory, which is how a deployment asks for it. The socket is its owner's alone from
/// the moment that it stands there; one that an earlier process left is replaced.
pub(super) fn listen(path: &Path) -> Result<Option<UnixListener>, String> {
    let Some(directory) = path.parent().filter(|directory| directory.is_dir()) else {
        return Ok(None);
    };
    let failed = |error: std::io::Error| format!("NATIVE_SUBMIT_SOCKET {}: {error}", path.display());
    // A name that nobody can have put a link at.
    let staged = directory.join(whole_file::unguessable("sock"));
    let listener = UnixListener::bind(&staged).map_err(failed)?;
    let placed = fs::set_permissions(&staged, fs::Permissions::from_mode(0o600))
        .and_then(|()| fs::rename(&staged, path));
    if placed.is_err() {
        let _ = fs::remove_file(&staged);
    }
    placed.map_err(failed)?;
    Ok(Some(listener))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_its_owners_alone_and_replaces_an_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("submit.sock");
        for _ in 0..2 {
            let _listener = listen(&path).unwrap().unwrap();
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            tokio::net::UnixStream::connect(&path).await.unwrap();
        }
        assert!(listen(&folder.path().join("none/submit.sock")).unwrap().is_none());
    }
}
