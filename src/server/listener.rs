//! What all servers listen with: TCP, with TLS where it is set, or a Unix socket.
//!
//! Handshakes and first bytes are waited for beside each other and beside accepting: a client that says nothing keeps nobody
//! waiting. Connections are bounded in number by [`ConnectionLimit`].

use super::{
    connection_limit::{ConnectionLimit, ConnectionSlot, Offer},
    http_errors::{Form, WithErrors},
    tls::{Protocol, Tls},
};
use crate::{
    error_code::ErrorCode,
    telemetry::{LogLimiter, Metrics},
};
use std::{
    io::{self, ErrorKind, IoSlice},
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    time::{self, Instant},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tracing::{debug, info, warn};
use uuid::Uuid;

/// How long a client that is refused may take to close.
const LINGER: Duration = Duration::from_secs(1);

/// The most that is read of what it still sends.
const MOST_UNREAD: u64 = 64 << 10;

/// The pause after an error of the machine (no file descriptors above all), which would else come back at once.
const PAUSE: Duration = Duration::from_millis(200);

/// Accepts connections for one entry point.
pub(super) struct Listener {
    socket: Socket,
    seats: ConnectionLimit,
    /// What submissions are counted by; none where there are none.
    entry_point: Option<&'static str>,
    metrics: Arc<Metrics>,
    seldom: LogLimiter,
    opener: Opener,
    most_age: Option<Duration>,
}

/// Where connections come from.
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Makes an accepted stream one that may be spoken on.
#[derive(Clone)]
pub(super) struct Opener {
    tls: Option<(Arc<Tls>, Protocol)>,
    errors: Option<Form>,
    metrics: Arc<Metrics>,
}

/// What is spoken on.
pub(super) type Connection = WithErrors<Stream>;

impl Socket {
    async fn accept(&self) -> io::Result<(Stream, Option<IpAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Small messages back and forth: waiting to fill a packet only costs time.
                let _ = stream.set_nodelay(true);
                Ok((Stream::Plain(stream), Some(peer.ip())))
            }
            Self::Unix(listener) => Ok((Stream::Unix(listener.accept().await?.0), None)),
        }
    }
}

impl Listener {
    pub(super) fn new(socket: Socket, seats: ConnectionLimit, metrics: Arc<Metrics>) -> Self {
        Self {
            socket,
            seats,
            entry_point: None,
            most_age: None,
            seldom: LogLimiter::default(),
            opener: Opener {
                tls: None,
                errors: None,
                metrics: Arc::clone(&metrics),
            },
            metrics,
        }
    }

    /// The same for a port that submissions come through: refused connections are counted by this name.
    pub(super) fn counted_as(self, entry_point: &'static str) -> Self {
        Self {
            entry_point: Some(entry_point),
            ..self
        }
    }

    /// The same, whose connections end once they are so old; zero is no age.
    pub(super) fn no_older_than(self, age: Duration) -> Self {
        let most_age = (!age.is_zero()).then_some(age);
        Self { most_age, ..self }
    }

    /// When a connection that comes now will be old: a tenth of the age sooner or later, so that not all end at once.
    pub(super) fn old_at(&self) -> Option<Instant> {
        let age = self.most_age?;
        let spread = f64::from(Uuid::new_v4().as_bytes()[0]) / 255.0;
        Instant::now().checked_add(age.mul_f64(0.9 + 0.2 * spread))
    }

    /// The same with TLS, where there are certificates.
    pub(super) fn with_tls(mut self, tls: Option<Arc<Tls>>, protocol: Protocol) -> Self {
        self.opener.tls = tls.map(|tls| (tls, protocol));
        self
    }

    /// The same with a body for requests that are no HTTP/1.
    pub(super) fn with_errors(mut self, errors: Form) -> Self {
        self.opener.errors = Some(errors);
        self
    }

    /// The next connection that has a seat. Dropping the future loses none.
    pub(super) async fn accept(&self) -> (Stream, ConnectionSlot) {
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    if let Some(seat) = self.seat(peer) {
                        return (stream, seat);
                    }
                }
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    warn!("can't accept a connection: {error}");
                    time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn seat(&self, peer: Option<IpAddr>) -> Option<ConnectionSlot> {
        let (seat, what) = match self.seats.offer(peer) {
            Offer::Free(seat) => return Some(seat),
            Offer::Evicting(seat) => (
                Some(seat),
                "a connection without a request at work is closed for a new one: there are too many",
            ),
            Offer::Full => (None, "a connection is closed: there are too many"),
        };
        if let (None, Some(entry_point)) = (&seat, self.entry_point) {
            self.metrics.submission(entry_point, "overloaded");
            self.metrics.failure(ErrorCode::SubmitterOverloaded);
        }
        if let Some(left_out) = self.seldom.line() {
            warn!(entry_point = self.entry_point, left_out, "{what}");
        }
        seat
    }

    /// What opens the connections.
    pub(super) fn opener(&self) -> Opener {
        self.opener.clone()
    }
}

impl Opener {
    /// The connection, when the client has begun to speak and its handshake, if there is one, succeeded.
    pub(super) async fn open(&self, stream: Stream, until: Instant) -> Option<Connection> {
        let stream = match (&self.tls, stream) {
            (Some((tls, protocol)), Stream::Plain(stream)) => {
                let acceptor = tls.acceptor(*protocol);
                Stream::Tls(Box::new(
                    established(acceptor, stream, until, &self.metrics).await?,
                ))
            }
            (_, stream) => {
                time::timeout_at(until, stream.speaks()).await.ok()?.ok()?;
                stream
            }
        };
        Some(WithErrors::new(stream, self.errors.clone()))
    }
}

/// The connection, if its handshake succeeds.
async fn established(
    tls: TlsAcceptor,
    stream: TcpStream,
    until: Instant,
    metrics: &Metrics,
) -> Option<TlsStream<TcpStream>> {
    let peer = stream.peer_addr().ok().map(tracing::field::display);
    let (error, stream) = match time::timeout_at(until, tls.accept(stream).into_fallible()).await {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err((error, stream))) => (error, Some(stream)),
        Err(_) => (io::Error::new(ErrorKind::TimedOut, "not done in time"), None),
    };
    metrics.tls_handshake_failed();
    if error.kind() == ErrorKind::UnexpectedEof {
        // A probe that only looks whether the port is open.
        debug!(peer, "TLS handshake: {error}");
    } else {
        info!(peer, "TLS handshake: {error}");
    }
    if let Some(stream) = stream {
        linger(stream).await;
    }
    None
}

/// Lets the client read the alert that says why: closing with bytes of its own unread would reset the connection.
async fn linger(mut stream: TcpStream) {
    let _ = stream.shutdown().await;
    let mut rest = stream.take(MOST_UNREAD);
    let _ = time::timeout(LINGER, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
}

/// The client went away before it was accepted.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}

/// A connection's bytes, encrypted or not.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

impl Stream {
    /// Waits for the first byte, or the end.
    async fn speaks(&self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.peek(&mut [0]).await.map(drop),
            Self::Tls(stream) => stream.get_ref().0.peek(&mut [0]).await.map(drop),
            Self::Unix(stream) => stream.readable().await,
        }
    }
}

/// What hyper and tonic read and write.
trait ReadWrite: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> ReadWrite for S {}

impl Stream {
    fn of(self: Pin<&mut Self>) -> Pin<&mut dyn ReadWrite> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream),
            Self::Tls(stream) => Pin::new(stream),
            Self::Unix(stream) => Pin::new(stream),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.of().poll_read(context, into)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.of().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.of().poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.of().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.of().poll_shutdown(context)
    }
}
