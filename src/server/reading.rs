//! What each entry point reads out of a request's bytes, without a server around it: for fuzz targets and tests.

use super::{drop_in, grpc, rest};
use crate::{
    limits::Budget,
    operator::{
        Origin,
        wire::{self, RunAltSparkSubmitRequest},
    },
    spark::submission::{SubmissionId, SubmitterContext},
    submitter::SubmitRequest,
};
use prost::Message as _;

/// A request that could be read; else the text that its caller is refused with.
pub type Read = Result<(SubmissionId, SubmitRequest), String>;

/// Reads the body of `POST /api/v1/spark-submit`.
pub fn rest(body: &[u8], origin: Origin, context: &SubmitterContext) -> Read {
    rest::read(body, origin, context)
}

/// Reads the message of the gRPC contract.
pub fn grpc(body: &[u8], origin: Origin) -> Read {
    let request = RunAltSparkSubmitRequest::decode(body).map_err(|error| error.to_string())?;
    let id = SubmissionId::new(&request.submission_id).map_err(|refusal| refusal.to_string())?;
    grpc::read(request, origin)
        .map(|asked| (id, asked))
        .map_err(|error| error.to_string())
}

/// Reads the drop-in's message, which has a submission that the drop-in made.
pub fn drop_in(body: &[u8]) -> Read {
    let request = wire::drop_in::SubmitRequest::decode(body).map_err(|error| error.to_string())?;
    let id = SubmissionId::new(&request.submission_id).map_err(|refusal| refusal.to_string())?;
    let submission =
        drop_in::submission(&request.submission, Budget::default()).map_err(|error| error.to_string())?;
    Ok((id, SubmitRequest::Arguments(Box::new(submission))))
}
