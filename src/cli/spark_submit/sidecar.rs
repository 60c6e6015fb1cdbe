//! A running server on this machine, which has connections, templates and limits ready.

use super::Ending;
use crate::{
    cli::output::message,
    manifest::Identity,
    operator::wire::drop_in::{ShadowReport, SubmitReply, SubmitRequest, drop_in_client::DropInClient},
    server::RELEASE,
    shadow::Comparison,
    spark::submission::{Submission, SubmitterContext},
};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tonic::{
    Code, Request, Status,
    transport::{Channel, Endpoint},
};

/// How long one call may take; the server itself ends within 30 s of its first request to the API server.
const CALL: Duration = Duration::from_secs(60);

/// How long a server may take for the report of shadow mode.
const REPORT: Duration = Duration::from_secs(5);

/// How long a server that is full, draining or gone is tried again.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first pause between tries; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What came of asking.
pub(super) enum SidecarAnswer {
    /// The driver exists.
    Accepted(SubmitReply),
    /// There is no server, or none that understands us. Going on alone is safe: under the same id whatever a server
    /// may have begun is found and completed.
    Nobody,
}

/// Submits through the server at `socket`, as often as it takes for an answer, always under the same id.
pub(super) async fn submit(
    socket: &Path,
    submission: &Submission,
    context: &SubmitterContext,
) -> Result<SidecarAnswer, Ending> {
    let request = SubmitRequest {
        release: RELEASE.to_owned(),
        submission_id: submission.id.to_string(),
        submission: serde_json::to_vec(submission).map_err(|error| Ending::Failed(error.to_string()))?,
        user: context.user.clone(),
        submit_time_ms: context.submit_time_ms,
        environment: context.environment.clone(),
    };
    let end = Instant::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        let status = match once(socket, request.clone()).await {
            Ok(reply) if reply.error_message.is_empty() => return Ok(SidecarAnswer::Accepted(reply)),
            Ok(reply) => return Err(Ending::Failed(reply.error_message)),
            Err(None) => return Ok(SidecarAnswer::Nobody),
            Err(Some(status)) => status,
        };
        match status.code() {
            Code::FailedPrecondition | Code::Unimplemented => return Ok(SidecarAnswer::Nobody),
            Code::ResourceExhausted | Code::Unavailable | Code::DeadlineExceeded | Code::Unknown
                if Instant::now() + pause < end => {}
            _ => return Err(Ending::Failed(status.message().to_owned())),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Tells the server what shadow mode found, where there is one: its metrics and its log are kept, this process is not.
pub(super) async fn report(socket: &Path, comparison: &Comparison, about: Option<&Identity>) {
    let Some(channel) = connect(socket).await else {
        return;
    };
    let mut request = Request::new(ShadowReport {
        release: RELEASE.to_owned(),
        result: comparison.name().to_owned(),
        kinds: comparison.kinds().into_iter().map(str::to_owned).collect(),
        details: comparison.details(),
        submission_id: about.map(|about| about.submission_id.clone()).unwrap_or_default(),
        namespace: about.map(|about| about.namespace.clone()).unwrap_or_default(),
        application: about
            .map(|about| about.application_name.clone())
            .unwrap_or_default(),
    });
    request.set_timeout(REPORT);
    let answered = tokio::time::timeout(REPORT, DropInClient::new(channel).report_shadow(request)).await;
    if !matches!(answered, Ok(Ok(_))) {
        message!(
            "native-submit: shadow: the server at {} did not take the report",
            socket.display()
        );
    }
}

async fn connect(socket: &Path) -> Option<Channel> {
    let address = format!("unix:{}", socket.display());
    Endpoint::from_shared(address).ok()?.connect().await.ok()
}

/// One try; the error is `None` where nobody listens.
async fn once(socket: &Path, request: SubmitRequest) -> Result<SubmitReply, Option<Status>> {
    let channel = connect(socket).await.ok_or(None)?;
    let mut request = Request::new(request);
    for (variable, header) in [("TRACEPARENT", "traceparent"), ("TRACESTATE", "tracestate")] {
        let value = super::super::process::variable(variable).and_then(|value| value.parse().ok());
        if let Some(value) = value {
            request.metadata_mut().insert(header, value);
        }
    }
    request.set_timeout(CALL);
    match DropInClient::new(channel).submit(request).await {
        Ok(reply) => Ok(reply.into_inner()),
        Err(status) => Err(Some(status)),
    }
}

/// Where a server would listen.
pub(super) fn socket() -> PathBuf {
    super::super::process::variable("NATIVE_SUBMIT_SOCKET")
        .unwrap_or_else(|| crate::settings::DEFAULT_SOCKET.to_owned())
        .into()
}
