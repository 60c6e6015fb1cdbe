//! Stands before a gRPC service: takes a call's place before its message is read, bounds how the message arrives, and counts what
//! is refused before it is a submission.

use super::{
    Service,
    bounded_body::{BoundedBody, Length},
    request_guard::RequestGuard,
};
use crate::error_code::ErrorCode;
use std::{
    future::{Future, ready},
    pin::Pin,
    task::{Context, Poll},
};
use tonic::{Code, Request, Status, body::Body, server::NamedService};

/// A gRPC service whose calls have a [`RequestGuard`] among their extensions.
#[derive(Clone)]
pub(super) struct Gate<S> {
    service: Service,
    door: &'static str,
    max_request_bytes: usize,
    inner: S,
}

impl<S> Gate<S> {
    pub(super) fn new(service: Service, door: &'static str, max_request_bytes: usize, inner: S) -> Self {
        Self {
            service,
            door,
            max_request_bytes,
            inner,
        }
    }
}

impl<S: NamedService> NamedService for Gate<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> tower::Service<http::Request<Body>> for Gate<S>
where
    S: tower::Service<http::Request<Body>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let entry = match self.service.enter(self.door) {
            Ok(entry) => entry,
            Err(refused) => return Box::pin(ready(Ok(Status::from(refused).into_http()))),
        };
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(entry.clone());
        let through = (self.service.clone(), self.door);
        let length = Length::Message(self.max_request_bytes);
        let body = BoundedBody::new(body, length, entry.clone(), through, Status::from);
        let request = http::Request::from_parts(parts, Body::new(body));
        let (service, door) = (self.service.clone(), self.door);
        let answering = self.inner.call(request);
        Box::pin(async move {
            let response = answering.await?;
            // A message that the codec refuses is seen by nobody else.
            if let Some(status) = Status::from_header_map(response.headers())
                && status.code() != Code::Ok
                && !entry.is_counted()
            {
                service.not_a_submission(door, ErrorCode::BadRequest, status.message());
            }
            Ok(response)
        })
    }
}

/// The entry of a call that came through a gate.
pub(super) fn entry<T>(request: &mut Request<T>) -> Result<RequestGuard, Status> {
    let entry = request.extensions_mut().remove();
    entry.ok_or_else(|| Status::internal("this call came through no gate"))
}
