//! gRPC calls that are no submission: health and reflection. They have no admission of their own, and some no end.

use super::{
    connection_limit::{ConnectionLimit, ConnectionSlot, Offer, SilenceLimits},
    grpc,
};
use axum::{
    Router,
    body::{self, Bytes, HttpBody},
    extract,
    middleware::{self, Next},
};
use http_body::{Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::time::sleep_until;
use tonic::{Status, server::NamedService};

/// How many there may be at once.
const MOST: usize = 64;

/// Bounds what is beside the contract, health and reflection, in number, and its requests in time. One too many takes the place of
/// the oldest: some of these calls have no end by themselves.
pub(super) fn few(router: Router) -> Router {
    let seats = ConnectionLimit::new(MOST, SilenceLimits::SUBMISSIONS);
    let contract = format!("/{}/", <grpc::Contract as NamedService>::NAME);
    let bounded = async |seats: ConnectionLimit, request: extract::Request, next: Next| {
        let (Offer::Free(seat) | Offer::Evicting(seat)) = seats.offer(None) else {
            return Status::resource_exhausted("too many calls at once; try again later").into_http();
        };
        tokio::select! {
            answer = next.run(request) => answer.map(|body| body::Body::new(WhileSeated::new(body, seat))),
            () = seat.evicted() => Status::resource_exhausted("a newer call took the place of this one").into_http(),
            () = sleep_until(seat.first()) => Status::unavailable("the request did not arrive in time").into_http(),
        }
    };
    router.layer(middleware::from_fn(
        move |request: extract::Request, next: Next| {
            let seats = (!request.uri().path().starts_with(&contract)).then(|| seats.clone());
            async move {
                match seats {
                    Some(seats) => bounded(seats, request, next).await,
                    None => next.run(request).await,
                }
            }
        },
    ))
}

/// An answer that ends when its call's seat goes to another.
struct WhileSeated {
    body: body::Body,
    evicted: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl WhileSeated {
    fn new(body: body::Body, seat: ConnectionSlot) -> Self {
        let evicted = Box::pin(async move { seat.evicted().await });
        Self { body, evicted }
    }
}

impl HttpBody for WhileSeated {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.evicted.as_mut().poll(context).is_ready() {
            let gone = Status::resource_exhausted("a newer call took the place of this one");
            return Poll::Ready(Some(Err(axum::Error::new(gone))));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
