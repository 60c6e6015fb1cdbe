//! Serves the connections of a listener, each until it ends, is silent for too long, or must make room for another.

use super::{
    connection_limit::{Call, ConnectionSlot},
    listener::{Listener, Opener, Stream},
};
use axum::{Router, body::Bytes};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use std::{
    convert::Infallible,
    future::ready,
    net::IpAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tower::Service;
use tracing::debug;

/// What is kept of an HTTP/1 connection until it is read; a request's headers have to fit, and so does its first line.
pub(super) const BUFFER: usize = 32 << 10;

/// What an HTTP/2 connection may send ahead of what is read: all its calls together, and each.
const CONNECTION_WINDOW: u32 = 256 << 10;
const CALL_WINDOW: u32 = 128 << 10;

/// How often a silent HTTP/2 connection gets a ping, and how long the answer may take.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long a client may keep the connection after GOAWAY.
const FAREWELL: Duration = Duration::from_secs(2);

/// How a connection is spoken on.
pub(super) type Speech = Builder<TokioExecutor>;

/// HTTP/1.1. The time for a request's head is the seat's.
pub(super) fn http1() -> Speech {
    let mut speech = Builder::new(TokioExecutor::new()).http1_only();
    speech
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(BUFFER);
    speech
}

/// HTTP/2, with so many calls of one connection at once: a caller with more waits in its own memory, not in ours.
pub(super) fn http2(most_calls: u32) -> Speech {
    let mut speech = Builder::new(TokioExecutor::new()).http2_only();
    speech
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(most_calls)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(CALL_WINDOW)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE);
    speech
}

/// The calls that all connections of a listener have open together. What is over their number is answered before it becomes a task:
/// a burst of calls would else hold the headers of all of them until there is time for each.
#[derive(Clone)]
pub(super) struct Calls {
    open: Arc<Semaphore>,
    refused: Arc<dyn Fn() -> http::Response<axum::body::Body> + Send + Sync>,
}

impl Calls {
    /// At most so many; `refused` answers one more.
    pub(super) fn new(
        most: usize,
        refused: impl Fn() -> http::Response<axum::body::Body> + Send + Sync + 'static,
    ) -> Self {
        Self {
            open: Arc::new(Semaphore::new(most)),
            refused: Arc::new(refused),
        }
    }
}

/// Serves until `stop` ends; then answers the requests in flight, and takes no more. `calls` is none where a connection has one call at a time.
pub(super) async fn serve(
    router: Router,
    speech: Speech,
    listener: Listener,
    calls: Option<Calls>,
    stop: impl Future<Output = ()>,
) {
    let (stopping, stopped) = watch::channel(false);
    let router = router.with_state(());
    let opener = listener.opener();
    let mut open = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            (stream, seat) = listener.accept() => {
                let (router, speech, opener) = (router.clone(), speech.clone(), opener.clone());
                let router = (router, calls.clone());
                let seat = Arc::new(seat);
                let old_at = listener.old_at();
                open.spawn(one(stream, (seat, old_at), opener, speech, router, stopped.clone()));
            }
            Some(_) = open.join_next() => {}
            () = &mut stop => break,
        }
    }
    drop(listener);
    stopping.send_replace(true);
    while open.join_next().await.is_some() {}
}

/// One connection from its first byte to its end.
async fn one(
    stream: Stream,
    (seat, old_at): (Arc<ConnectionSlot>, Option<Instant>),
    opener: Opener,
    speech: Speech,
    (router, calls): (Router, Option<Calls>),
    mut stopped: watch::Receiver<bool>,
) {
    let opened = tokio::select! {
        opened = opener.open(stream, seat.first()) => opened,
        () = seat.evicted() => return,
        _ = stopped.wait_for(|stopped| *stopped) => return,
    };
    let Some(connection) = opened else { return };
    let inner = TowerToHyperService::new(Seated {
        seat: Arc::clone(&seat),
        inner: router,
    });
    let service = Bounded { inner, calls };
    let mut served = pin!(speech.serve_connection(TokioIo::new(connection), service));
    let mut silent = pin!(sleep_until(seat.first()));
    let mut old = pin!(sleep_until(old_at.unwrap_or_else(Instant::now)));
    let mut grows_old = old_at.is_some();
    let (mut is_announced, mut is_leaving) = (false, false);
    loop {
        tokio::select! {
            ended = served.as_mut() => {
                if let Err(error) = ended {
                    debug!("a connection ended: {error}");
                }
                return;
            }
            // Dropped, with all its calls that have not arrived.
            () = seat.evicted() => return,
            _ = stopped.wait_for(|stopped| *stopped), if !is_announced => {
                served.as_mut().graceful_shutdown();
                is_announced = true;
            }
            // Its calls go on; further ones need another connection, perhaps to another replica.
            () = old.as_mut(), if grows_old => {
                served.as_mut().graceful_shutdown();
                grows_old = false;
            }
            () = silent.as_mut() => {
                let now = Instant::now();
                let next = match seat.end() {
                    Some(end) if end > now => end,
                    None => now + FAREWELL,
                    Some(_) if is_leaving => return,
                    Some(_) => {
                        served.as_mut().graceful_shutdown();
                        is_leaving = true;
                        now + FAREWELL
                    }
                };
                silent.as_mut().reset(next);
            }
        }
    }
}

/// Enforces the limit of calls. It runs while the connection is read, before there is a task for the call.
struct Bounded {
    inner: TowerToHyperService<Seated<Router>>,
    calls: Option<Calls>,
}

impl hyper::service::Service<http::Request<Incoming>> for Bounded {
    type Response = http::Response<Told<axum::body::Body>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: http::Request<Incoming>) -> Self::Future {
        let open = match &self.calls {
            None => None,
            Some(calls) => match Arc::clone(&calls.open).try_acquire_owned() {
                Ok(open) => Some(open),
                Err(_) => {
                    let response = (calls.refused)().map(|body| Told {
                        body,
                        at_end: None,
                        _call: None,
                    });
                    return Box::pin(ready(Ok(response)));
                }
            },
        };
        let answering = self.inner.call(request);
        Box::pin(async move {
            let answer = answering.await;
            drop(open);
            answer
        })
    }
}

/// The address that a request comes from; none of a Unix socket's. Each request has it as an extension.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) Option<IpAddr>);

/// Tells the seat of each request.
#[derive(Clone)]
struct Seated<S> {
    seat: Arc<ConnectionSlot>,
    inner: S,
}

impl<S, B, A> Service<http::Request<B>> for Seated<S>
where
    S: Service<http::Request<Told<B>>, Response = http::Response<A>>,
    S::Future: Send + 'static,
    B: Body<Data = Bytes>,
    A: Send + 'static,
{
    type Response = http::Response<Told<A>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        request.extensions_mut().insert(Peer(self.seat.peer()));
        let call = Arc::new(self.seat.call());
        if request.body().is_end_stream() {
            call.arrived();
        }
        let answer = Answer(Arc::clone(&call));
        let told = Arc::clone(&call);
        let answering = self.inner.call(request.map(|body| Told {
            body,
            at_end: Some(told),
            _call: None,
        }));
        Box::pin(async move {
            let response = answering.await?;
            drop(answer);
            Ok(response.map(|body| Told {
                body,
                at_end: None,
                _call: Some(call),
            }))
        })
    }
}

/// Somebody waits for an answer.
struct Answer(Arc<Call>);

impl Drop for Answer {
    fn drop(&mut self) {
        self.0.answered();
    }
}

/// A body that reports its end to the seat: a request's arrival, an answer's last byte.
struct Told<B> {
    body: B,
    at_end: Option<Arc<Call>>,
    _call: Option<Arc<Call>>,
}

impl<B: Body + Unpin> Body for Told<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let is_end = match &frame {
            Poll::Ready(None) => true,
            Poll::Ready(Some(Ok(_))) => self.body.is_end_stream(),
            _ => false,
        };
        if let (true, Some(call)) = (is_end, &self.at_end) {
            call.arrived();
        }
        frame
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
    use crate::{
        server::{
            connection_limit::{ConnectionLimit, SilenceLimits},
            listener::Socket,
        },
        telemetry::Metrics,
    };
    use axum::routing::{get, post};
    use std::{net::SocketAddr, time::Duration};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
        time::timeout,
    };

    const SOON: Duration = Duration::from_secs(20);

    async fn serving(speech: Speech, patience: SilenceLimits, most: usize) -> SocketAddr {
        serving_until(speech, patience, most, Duration::ZERO).await
    }

    async fn serving_until(
        speech: Speech,
        patience: SilenceLimits,
        most: usize,
        age: Duration,
    ) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seats = ConnectionLimit::new(most, patience);
        let listener = Listener::new(Socket::Tcp(listener), seats, Arc::new(Metrics::default()));
        let listener = listener.no_older_than(age);
        let router = Router::new()
            .route("/", get(async || "here"))
            .route(
                "/slow",
                get(async || {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    "late"
                }),
            )
            .route("/body", post(async |body: Bytes| body.len().to_string()));
        tokio::spawn(serve(router, speech, listener, None, std::future::pending()));
        address
    }

    async fn said(address: SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn rest(mut stream: TcpStream) -> String {
        let mut all = Vec::new();
        let read = timeout(SOON, stream.read_to_end(&mut all)).await;
        // What is closed with bytes unread is reset.
        let _ = read.expect("it is closed in time");
        String::from_utf8_lossy(&all).into_owned()
    }

    #[tokio::test]
    async fn what_is_half_sent_or_silent_is_closed_and_what_is_at_work_is_not() {
        let patience = SilenceLimits {
            first: Duration::from_millis(300),
            idle: Duration::from_millis(300),
        };
        let address = serving(http1(), patience, 64).await;
        for half in [
            "",
            "G",
            "GET / HT",
            "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
        ] {
            assert_eq!(rest(said(address, half).await).await, "", "{half}");
        }
        let idle = rest(said(address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await).await;
        assert!(idle.ends_with("here"), "{idle}");
        let slow = rest(said(address, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await).await;
        assert!(slow.ends_with("late"), "{slow}");
    }

    #[tokio::test]
    async fn one_that_is_old_ends_once_its_calls_are_answered() {
        let patience = SilenceLimits {
            first: Duration::from_secs(600),
            idle: Duration::from_secs(600),
        };
        let age = Duration::from_millis(300);
        let address = serving_until(http1(), patience, 64, age).await;
        for (path, answer) in [("/", "here"), ("/slow", "late")] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
            let all = rest(said(address, &request).await).await;
            assert!(all.ends_with(answer), "{all}");
        }
    }

    #[tokio::test]
    async fn an_http2_connection_that_ends_is_reported_so() {
        let patience = SilenceLimits {
            first: Duration::from_millis(300),
            idle: Duration::from_secs(600),
        };
        let address = serving(http2(8), patience, 64).await;
        let mut stream = said(address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        let mut all = Vec::new();
        let _ = timeout(SOON, stream.read_to_end(&mut all)).await.unwrap();
        let mut frames = &all[..];
        let mut kinds = Vec::new();
        while let [a, b, c, kind, ..] = frames {
            kinds.push(*kind);
            let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
            frames = &frames[(9 + length).min(frames.len())..];
        }
        // 7 is GOAWAY.
        assert!(kinds.contains(&7), "{kinds:?}");
    }

    #[tokio::test]
    async fn a_new_one_gets_in_for_the_oldest_that_never_asked() {
        let patience = SilenceLimits {
            first: Duration::from_secs(600),
            idle: Duration::from_secs(600),
        };
        let address = serving(http1(), patience, 4).await;
        let mut held = Vec::new();
        for _ in 0..20 {
            held.push(
                said(
                    address,
                    "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
                )
                .await,
            );
        }
        let answer =
            rest(said(address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await).await;
        assert!(answer.ends_with("here"), "{answer}");
    }
}
