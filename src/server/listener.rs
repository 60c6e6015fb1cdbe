//! What gRPC and REST listen with: TCP, with TLS where it is set.
//!
//! Handshakes go on beside each other and beside accepting, each with an end: a client that says nothing keeps
//! nobody waiting.

use super::tls::{Protocol, Tls};
use crate::telemetry::Metrics;
use futures::Stream;
use std::{
    convert::Infallible,
    io::{self, ErrorKind, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tonic::transport::server::Connected;
use tracing::{debug, info, warn};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How long a client that is refused may take to close.
const LINGER: Duration = Duration::from_secs(1);

/// The most that is read of what it still sends.
const MOST_UNREAD: u64 = 64 << 10;

/// Handshakes at once; further connections wait in the kernel's queue.
const MOST_HANDSHAKES: usize = 1024;

/// The pause after an error of the machine (no file descriptors above all), which would else come back at once.
const PAUSE: Duration = Duration::from_millis(200);

/// Accepts connections for one door.
pub(super) struct Listener {
    tcp: TcpListener,
    tls: Option<(Arc<Tls>, Protocol)>,
    handshakes: JoinSet<Option<(Connection, SocketAddr)>>,
    metrics: Arc<Metrics>,
}

impl Listener {
    pub(super) fn new(tcp: TcpListener, tls: Option<(Arc<Tls>, Protocol)>, metrics: Arc<Metrics>) -> Self {
        Self {
            tcp,
            tls,
            handshakes: JoinSet::new(),
            metrics,
        }
    }

    /// The next connection that may be spoken on. Dropping the future loses none.
    async fn next(&mut self) -> (Connection, SocketAddr) {
        loop {
            tokio::select! {
                Some(ended) = self.handshakes.join_next() => {
                    if let Ok(Some(connection)) = ended {
                        return connection;
                    }
                }
                accepted = self.tcp.accept(), if self.handshakes.len() < MOST_HANDSHAKES => match accepted {
                    Ok((stream, peer)) => {
                        // Small messages back and forth: waiting to fill a packet only costs time.
                        let _ = stream.set_nodelay(true);
                        match &self.tls {
                            None => return (Connection::Plain(stream), peer),
                            Some((tls, protocol)) => {
                                let tls = tls.acceptor(*protocol);
                                let metrics = Arc::clone(&self.metrics);
                                self.handshakes.spawn(async move {
                                    let stream = established(tls, stream, peer, &metrics).await?;
                                    Some((Connection::Tls(Box::new(stream)), peer))
                                });
                            }
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

    /// The connections as tonic takes them.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Connection, Infallible>> + Send {
        futures::stream::unfold(self, |mut listener| async {
            let (connection, _) = listener.next().await;
            Some((Ok(connection), listener))
        })
    }
}

/// The connection, if its handshake succeeds.
async fn established(
    tls: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    metrics: &Metrics,
) -> Option<TlsStream<TcpStream>> {
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
        debug!(%peer, "TLS handshake: {error}");
    } else {
        info!(%peer, "TLS handshake: {error}");
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

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        self.next().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// A connection, encrypted or not.
pub(super) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What axum and tonic read and write.
trait ReadWrite: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> ReadWrite for S {}

impl Connection {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut dyn ReadWrite> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream),
            Self::Tls(stream) => Pin::new(stream),
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
        self.stream().poll_read(context, into)
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
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}
