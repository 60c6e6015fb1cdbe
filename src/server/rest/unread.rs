//! What the caller of a refused request still sends. To close a connection with bytes unread is to reset it, and the answer may
//! be lost with it.

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::header::EXPECT,
    middleware::Next,
    response::Response,
};
use http_body::{Frame, SizeHint};
use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::timeout;

/// How long the rest may take; a slower client has read the answer or never will.
const LINGER: Duration = Duration::from_secs(1);

/// The most that is read of it, in bytes.
const MOST: usize = 8 << 20;

/// Answers, and lets what wasn't read of the request arrive, keeping nothing of it.
pub(super) async fn discarded(request: Request, next: Next) -> Response {
    // A client that waits for `100 Continue` sends nothing.
    let waits = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    let body = Shared(Arc::new(Mutex::new(body)));
    let rest = body.clone();
    let response = next.run(Request::from_parts(parts, Body::new(body))).await;
    // Beside the answer, which must not wait for it.
    if !waits && !rest.is_end_stream() {
        tokio::spawn(timeout(LINGER, rest.discard()));
    }
    response
}

/// A body that is there after its reader is gone.
#[derive(Clone)]
struct Shared(Arc<Mutex<Body>>);

impl Shared {
    fn with<R>(&self, act: impl FnOnce(Pin<&mut Body>) -> R) -> R {
        act(Pin::new(
            &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner),
        ))
    }

    async fn discard(self) {
        let mut left = MOST;
        while let Some(Ok(frame)) = poll_fn(|context| self.with(|body| body.poll_frame(context))).await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.with(|body| body.poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}
