//! The gRPC client: `native-submit submit --server`.

mod address;

pub use address::{Server, ServerError, TlsOptions};

use crate::{
    finding::root_cause,
    operator::wire::{RunAltSparkSubmitRequest, spark_submit_service_client::SparkSubmitServiceClient},
    spark::submission::SubmissionId,
};
use serde_json::{Value, json};
use std::time::Duration;
use tonic::transport::Channel;

/// How long one address may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a call through a server failed.
#[derive(Debug, thiserror::Error)]
pub enum GrpcClientError {
    /// The address can't be used, or the files of its TLS.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// No connection, or it broke. The submission may exist: the same id again is safe.
    #[error("--server {server}: {message}; if the call was sent, repeat it with --submission-id {id}")]
    Transport {
        /// The server.
        server: String,
        /// What happened.
        message: String,
        /// The id that makes a repetition safe.
        id: String,
    },
    /// The server refused the submission.
    #[error("{0}")]
    Refused(String),
}

/// A submission that a server took.
#[derive(Debug)]
pub struct Taken {
    /// The line to print.
    pub line: Value,
    /// What the server finds odd.
    pub warnings: Vec<String>,
}

/// Sends the text of a `SparkApplication` to the server, which reads it whole.
pub async fn submit(
    server: &Server,
    application: String,
    id: &SubmissionId,
    timeout: Duration,
) -> Result<Taken, GrpcClientError> {
    let transport = |message: String| GrpcClientError::Transport {
        server: server.to_string(),
        message,
        id: id.to_string(),
    };
    let channel = connected(server, id, timeout).await?.map_err(transport)?;
    let mut request = tonic::Request::new(RunAltSparkSubmitRequest {
        submission_id: id.to_string(),
        spark_application_manifest: application.into_bytes(),
        ..RunAltSparkSubmitRequest::default()
    });
    request.set_timeout(timeout);
    let reply = SparkSubmitServiceClient::new(channel)
        .run_alt_spark_submit(request)
        .await
        .map_err(|status| transport(said(&status, server)))?
        .into_inner();
    if !reply.success {
        return Err(GrpcClientError::Refused(reply.error_message));
    }
    // A server of an earlier release doesn't say.
    let by_flag = if reply.duplicate_submission() {
        "found"
    } else {
        "created"
    };
    let line = json!({
        "submission_id": id.as_str(),
        "outcome": reply.outcome.as_deref().unwrap_or(by_flag),
        "namespace": reply.namespace,
        "driver_pod_name": reply.driver_pod_name,
        "driver_pod_uid": reply.driver_pod_uid,
        "spark_application_id": reply.spark_application_id,
        "template_set": reply.template_set,
    });
    Ok(Taken {
        line,
        warnings: reply.warnings,
    })
}

/// A connection to the server, or to the first of its addresses that takes one; else why the last one doesn't. Nothing is sent yet, so
/// another address may be tried.
async fn connected(
    server: &Server,
    id: &SubmissionId,
    timeout: Duration,
) -> Result<Result<Channel, String>, ServerError> {
    let turn = id.as_str().bytes().fold(0_usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    let mut refused = String::new();
    for endpoint in server.endpoints(turn).await? {
        let endpoint = endpoint.connect_timeout(CONNECT_TIMEOUT).timeout(timeout);
        match endpoint.connect().await {
            Ok(channel) => return Ok(Ok(channel)),
            Err(error) => refused = root_cause(&error),
        }
    }
    Ok(Err(refused))
}

/// What a call's failure says: the cause where the connection broke, else the server's words.
fn said(status: &tonic::Status, server: &Server) -> String {
    let code = status.code();
    match std::error::Error::source(status).map(root_cause) {
        None => format!("{code:?}: {}", status.message()),
        // A refused client may see no more than a closed connection (TLS 1.3 asks for its certificate last).
        Some(cause) if server.shows_no_certificate() => format!(
            "{code:?}: {cause} (a server that asks for clients' certificates needs --tls-cert and --tls-key)"
        ),
        Some(cause) if server.is_plain() => {
            format!("{code:?}: {cause} (a server that speaks TLS needs https:// in --server)")
        }
        Some(cause) => format!("{code:?}: {cause}"),
    }
}
