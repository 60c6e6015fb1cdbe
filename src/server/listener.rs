//! What all servers listen with: TCP, with TLS where it is set, or a Unix socket.
//!
//! First bytes and handshakes are waited for beside each other and beside accepting, each with an end: a client that says
//! nothing keeps nobody waiting. Connections are bounded in number: one too many is closed at once, for it would wait for
//! the end of another that nobody knows.

use super::tls::{Protocol, Tls};
use crate::{
    error_code::ErrorCode,
    telemetry::{Metrics, Seldom},
};
use std::{
    convert::Infallible,
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{self, Sleep},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tonic::transport::server::Connected;
use tracing::{debug, info, warn};

/// How long a handshake may take, and without TLS a connection's first byte.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How long a client that is refused may take to close.
const LINGER: Duration = Duration::from_secs(1);

/// The most that is read of what it still sends.
const MOST_UNREAD: u64 = 64 << 10;

/// The pause after an error of the machine (no file descriptors above all), which would else come back at once.
const PAUSE: Duration = Duration::from_millis(200);

/// Accepts connections for one door.
pub(super) struct Listener {
    socket: Socket,
    tls: Option<Arc<Tls>>,
    protocol: Protocol,
    beginning: JoinSet<Option<Connection>>,
    seats: Seats,
    metrics: Arc<Metrics>,
}

/// Where connections come from.
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// How many connections there may be, and what becomes of more.
pub(super) struct Seats {
    free: Arc<Semaphore>,
    /// What submissions are counted by; none where there are none.
    door: Option<&'static str>,
    full: Seldom,
}

impl Seats {
    /// Seats of a door that submissions come through.
    pub(super) fn of_door(door: &'static str, most: usize) -> Self {
        Self {
            door: Some(door),
            ..Self::new(most)
        }
    }

    pub(super) fn new(most: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(most)),
            door: None,
            full: Seldom::default(),
        }
    }

    fn take(&self, metrics: &Metrics) -> Option<OwnedSemaphorePermit> {
        let seat = Arc::clone(&self.free).try_acquire_owned().ok();
        if seat.is_none() {
            if let Some(door) = self.door {
                metrics.submission(door, "overloaded");
                metrics.failure(ErrorCode::SubmitterOverloaded);
            }
            if let Some(left_out) = self.full.line() {
                warn!(
                    door = self.door,
                    left_out, "a connection is closed: there are too many"
                );
            }
        }
        seat
    }
}

impl Socket {
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Small messages back and forth: waiting to fill a packet only costs time.
                let _ = stream.set_nodelay(true);
                Ok(Stream::Plain(stream))
            }
            Self::Unix(listener) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}

impl Listener {
    pub(super) fn new(
        socket: Socket,
        tls: Option<Arc<Tls>>,
        protocol: Protocol,
        seats: Seats,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            socket,
            tls,
            protocol,
            beginning: JoinSet::new(),
            seats,
            metrics,
        }
    }

    /// The next connection that may be spoken on. Dropping the future loses none.
    pub(super) async fn next(&mut self) -> Connection {
        loop {
            tokio::select! {
                Some(ended) = self.beginning.join_next() => {
                    if let Ok(Some(connection)) = ended {
                        return connection;
                    }
                }
                accepted = self.socket.accept() => match accepted {
                    Ok(stream) => {
                        if let Some(seat) = self.seats.take(&self.metrics) {
                            self.begin(stream, seat);
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
    }

    fn begin(&mut self, stream: Stream, seat: OwnedSemaphorePermit) {
        let acceptor = self.tls.as_ref().map(|tls| tls.acceptor(self.protocol));
        let protocol = self.protocol;
        let metrics = Arc::clone(&self.metrics);
        self.beginning.spawn(async move {
            let stream = match (acceptor, stream) {
                (Some(tls), Stream::Plain(stream)) => {
                    Stream::Tls(Box::new(established(tls, stream, &metrics).await?))
                }
                (_, stream) => {
                    time::timeout(HANDSHAKE, stream.speaks()).await.ok()?.ok()?;
                    stream
                }
            };
            Some(Connection {
                stream,
                preface: Preface::of(protocol),
                _seat: seat,
            })
        });
    }

    /// The connections as tonic takes them.
    pub(super) fn into_stream(self) -> impl futures::Stream<Item = Result<Connection, Infallible>> + Send {
        futures::stream::unfold(self, |mut listener| async {
            let connection = listener.next().await;
            Some((Ok(connection), listener))
        })
    }
}

/// The connection, if its handshake succeeds.
async fn established(tls: TlsAcceptor, stream: TcpStream, metrics: &Metrics) -> Option<TlsStream<TcpStream>> {
    let peer = stream.peer_addr().ok().map(tracing::field::display);
    let (error, stream) = match time::timeout(HANDSHAKE, tls.accept(stream).into_fallible()).await {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err((error, stream))) => (error, Some(stream)),
        Err(_) => {
            let late = format!("not done in {} s", HANDSHAKE.as_secs());
            (io::Error::new(ErrorKind::TimedOut, late), None)
        }
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

/// A connection, which has its seat until it is dropped.
pub(super) struct Connection {
    stream: Stream,
    preface: Option<Preface>,
    _seat: OwnedSemaphorePermit,
}

/// The bytes with which a client begins HTTP/2, and by when they must be there: what looks after a connection from then on
/// begins with them.
struct Preface {
    lacks: usize,
    end: Pin<Box<Sleep>>,
}

impl Preface {
    /// RFC 9113, 3.4: 24 bytes.
    const LENGTH: usize = 24;

    fn of(protocol: Protocol) -> Option<Self> {
        match protocol {
            Protocol::Http1 => None,
            Protocol::Http2 => Some(Self {
                lacks: Self::LENGTH,
                end: Box::pin(time::sleep(HANDSHAKE)),
            }),
        }
    }
}

/// What is spoken on, encrypted or not.
enum Stream {
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

impl Connection {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut dyn ReadWrite> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream),
            Stream::Tls(stream) => Pin::new(stream),
            Stream::Unix(stream) => Pin::new(stream),
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let connection = self.get_mut();
        let before = into.filled().len();
        let read = Pin::new(&mut *connection).stream().poll_read(context, into);
        if let Some(preface) = &mut connection.preface {
            preface.lacks = preface.lacks.saturating_sub(into.filled().len() - before);
            if preface.lacks == 0 {
                connection.preface = None;
            } else if read.is_pending() && preface.end.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
            Stream::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}
