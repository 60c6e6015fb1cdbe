//! A request's body that arrives within a time limit and a byte budget.

use super::{
    request_guard::{FREE, RequestGuard},
    service::{Service, ServiceError},
};
use axum::body::{Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use std::{
    error::Error,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Sleep, sleep};

/// How long a body may take, from its request's headers to its end.
pub(super) const ARRIVAL: Duration = Duration::from_secs(10);

type BoxError = Box<dyn Error + Send + Sync>;

/// A body of which each byte is accounted for before it is passed on.
pub(super) struct BoundedBody<B> {
    body: B,
    guard: RequestGuard,
    arrived: usize,
    length: Length,
    end: Pin<Box<Sleep>>,
    within: Duration,
    refused: Refused,
}

/// How long a body is said to be, so that one for which there is no room is refused at its beginning.
pub(super) enum Length {
    /// A gRPC message of at most so many bytes: one byte and the length in four, before all else.
    Message(usize),
    /// At most so long.
    AtMost(usize),
}

/// Bytes before a gRPC message.
const PREFIX: usize = 5;

/// Counts a body that was refused half-way, and says it in the entry point's own form.
type Refused = Box<dyn Fn(ServiceError) -> BoxError + Send>;

/// Why a body was not read.
#[derive(Debug)]
pub(super) enum UnreadBody {
    /// It is longer than allowed, or its caller went away.
    Bad,
    /// It took too long, or there was no room; counted already.
    Refused(ServiceError),
}

impl<B> BoundedBody<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    /// The body of a request that came through `entry_point`; a refusal is said as `form` says it.
    pub(super) fn new<E: Into<BoxError> + 'static>(
        body: B,
        length: Length,
        guard: RequestGuard,
        (service, entry_point): (Service, &'static str),
        form: fn(ServiceError) -> E,
    ) -> Self {
        let counted = guard.clone();
        let refused = move |error| {
            counted.counted();
            match &error {
                ServiceError::TooLong(_) => {
                    service.not_a_submission(entry_point, error.code(), &error.text());
                }
                _ => service.turned_away(entry_point, &error),
            }
            form(error).into()
        };
        Self::within(ARRIVAL, body, length, guard, Box::new(refused))
    }

    fn within(within: Duration, body: B, length: Length, guard: RequestGuard, refused: Refused) -> Self {
        Self {
            body,
            guard,
            arrived: 0,
            length,
            end: Box::pin(sleep(within)),
            within,
            refused,
        }
    }

    /// All of it, copied together: what arrives is often small pieces of large buffers.
    /// One whose length isn't announced counts as one of `most`, as soon as it is not a short one.
    pub(super) async fn read(mut self, most: usize) -> Result<Vec<u8>, UnreadBody> {
        let mut all = Vec::new();
        if let Some(announced) = self.body.size_hint().exact() {
            let announced = usize::try_from(announced).unwrap_or(usize::MAX);
            if announced > most {
                return Err(UnreadBody::Bad);
            }
            self.hold(announced).map_err(UnreadBody::of)?;
            self.length = Length::AtMost(announced);
            all.reserve_exact(announced);
        } else {
            self.length = Length::AtMost(most);
        }
        while let Some(frame) = poll_fn(|context| Pin::new(&mut self).poll_frame(context)).await {
            let Ok(piece) = frame.map_err(UnreadBody::of)?.into_data() else {
                continue;
            };
            if all.len() + piece.len() > most {
                return Err(UnreadBody::Bad);
            }
            if all.len() + piece.len() > all.capacity().max(FREE) {
                all.reserve_exact(most - all.len());
            }
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    /// Accounts for what arrived, and for what is said to follow.
    fn arrived(&mut self, piece: &Bytes) -> Result<(), BoxError> {
        let following = match self.length {
            Length::Message(most) if self.arrived == 0 => {
                let bytes = message(piece);
                // Here, for the codec would say that another try may succeed.
                if bytes > most.saturating_add(PREFIX) {
                    return Err((self.refused)(ServiceError::TooLong(most)));
                }
                bytes
            }
            Length::AtMost(bytes) if self.arrived + piece.len() > FREE => bytes,
            _ => 0,
        };
        self.arrived += piece.len();
        self.hold(self.arrived.max(following))
    }

    fn hold(&self, total: usize) -> Result<(), BoxError> {
        let held = self.guard.hold(total);
        held.map_err(|_| (self.refused)(ServiceError::NoRoom))
    }
}

/// The length of a gRPC message with its prefix, which begins like this.
fn message(start: &[u8]) -> usize {
    let length = start.get(1..PREFIX).and_then(|length| length.try_into().ok());
    length.map_or(0, |length| u32::from_be_bytes(length) as usize + PREFIX)
}

impl UnreadBody {
    fn of(error: BoxError) -> Self {
        error
            .downcast()
            .map_or(Self::Bad, |refused| Self::Refused(*refused))
    }
}

impl<B> HttpBody for BoundedBody<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let held = frame.data_ref().map_or(Ok(()), |piece| self.arrived(piece));
                Poll::Ready(Some(held.map(|()| frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                if !self.guard.waits(context) {
                    return Poll::Ready(Some(Err((self.refused)(ServiceError::GaveWay))));
                }
                if self.end.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                let late = ServiceError::Late(self.within.as_secs());
                Poll::Ready(Some(Err((self.refused)(late))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::request_guard::{ByteBudget, tests::guard};
    use axum::body::Body;
    use futures::{StreamExt as _, stream};
    use std::convert::Infallible;

    fn arriving(room: &ByteBudget, body: Body) -> BoundedBody<Body> {
        let refused = Box::new(Into::into);
        BoundedBody::within(
            Duration::from_millis(50),
            body,
            Length::AtMost(0),
            guard(room),
            refused,
        )
    }

    fn pieces(count: usize) -> impl futures::Stream<Item = Result<Bytes, Infallible>> {
        stream::iter((0..count).map(|_| Ok(Bytes::from(vec![b' '; 1024]))))
    }

    #[tokio::test]
    async fn a_body_is_read_whole_or_refused_for_what_it_lacks() {
        let room = ByteBudget::new(0);
        let declared = arriving(&room, Body::from("abc")).read(3).await;
        assert_eq!(declared.unwrap(), b"abc");
        let whole = arriving(&room, Body::from_stream(pieces(3))).read(3 * 1024).await;
        assert_eq!(whole.unwrap().len(), 3 * 1024);
        for body in [Body::from("abcd"), Body::from_stream(pieces(1))] {
            let long = arriving(&room, body).read(3).await;
            assert!(matches!(long, Err(UnreadBody::Bad)), "{long:?}");
        }
        let stalled = Body::from_stream(pieces(1).chain(stream::pending()));
        let late = arriving(&room, stalled).read(4096).await;
        assert!(
            matches!(late, Err(UnreadBody::Refused(ServiceError::Late(_)))),
            "{late:?}"
        );
    }

    #[tokio::test]
    async fn a_body_for_which_there_is_no_room_is_refused_declared_or_not() {
        let room = ByteBudget::new(0);
        let first = guard(&room);
        first.hold(FREE + (8 << 20)).unwrap();
        for body in [Body::from(vec![b' '; 64 << 10]), Body::from_stream(pieces(17))] {
            let refused = arriving(&room, body).read(4 << 20).await;
            assert!(
                matches!(refused, Err(UnreadBody::Refused(ServiceError::NoRoom))),
                "{refused:?}"
            );
        }
        let short = arriving(&room, Body::from_stream(pieces(16))).read(4 << 20).await;
        assert_eq!(short.unwrap().len(), FREE);
        drop(first);
        let taken = arriving(&room, Body::from_stream(pieces(64))).read(4 << 20).await;
        assert_eq!(taken.unwrap().len(), 64 << 10);
    }

    #[tokio::test]
    async fn a_grpc_message_is_refused_by_its_prefix() {
        let room = ByteBudget::new(0);
        let first = guard(&room);
        first.hold(FREE + (8 << 20)).unwrap();
        for (length, fits) in [(16_u32 << 10, false), (10 << 10, true), (5 << 20, false)] {
            let start = [&[0][..], &length.to_be_bytes()].concat();
            assert_eq!(message(&start), length as usize + PREFIX);
            let mut body = arriving(&room, Body::from(start));
            body.length = Length::Message(4 << 20);
            let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
            assert_eq!(frame.unwrap().is_ok(), fits, "{length}");
        }
    }
}
