//! Gives a body to the answers that hyper writes by itself: to a request whose head it can't read.
//!
//! Such an answer is a bare head with `content-length: 0`; none of ours is. It is recognized as it is written, so whatever
//! hyper refuses has the body, and there is no second reader of heads that could differ from hyper's.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How long a client may take to close after such an answer, and the most that is read of what it still sends, in bytes. Closing
/// with bytes unread would reset the connection, and the answer may be lost with it.
const LINGER: Duration = Duration::from_secs(1);
const MOST_UNREAD: usize = 1 << 20;

/// Makes the whole answer for a status.
pub(super) type Form = Arc<dyn Fn(u16) -> Vec<u8> + Send + Sync>;

/// A stream on which hyper's own answers have the body of `form`, where there is one.
pub(super) struct WithErrors<S> {
    stream: S,
    form: Option<Form>,
    unsent: Vec<u8>,
    linger: Option<Linger>,
}

struct Linger {
    end: Pin<Box<Sleep>>,
    left: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WithErrors<S> {
    pub(super) fn new(stream: S, form: Option<Form>) -> Self {
        Self {
            stream,
            form,
            unsent: Vec::new(),
            linger: None,
        }
    }

    /// Takes hyper's own answer for ours, if `bytes` are one.
    fn replaces(&mut self, bytes: &[u8]) -> bool {
        let Some((form, status)) = self.form.as_ref().zip(bare_error(bytes)) else {
            return false;
        };
        self.unsent = form(status);
        let end = Box::pin(sleep(LINGER));
        self.linger = Some(Linger {
            end,
            left: MOST_UNREAD,
        });
        true
    }

    fn poll_unsent(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, &self.unsent))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.drain(..sent);
        }
        Poll::Ready(Ok(()))
    }
}

/// The status of a head that says 4xx and has no body, alone.
fn bare_error(bytes: &[u8]) -> Option<u16> {
    let head = std::str::from_utf8(bytes.strip_suffix(b"\r\n\r\n")?).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    let status: u16 = status.parse().ok()?;
    let mut is_bare = false;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        is_bare |= name.eq_ignore_ascii_case("content-length") && value.trim() == "0";
    }
    Some(status).filter(|status| is_bare && (400..500).contains(status))
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WithErrors<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WithErrors<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_unsent(context))?;
        if this.replaces(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut this.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_unsent(context))?;
        let mut filled = parts.iter().filter(|part| !part.is_empty());
        if let (Some(only), None) = (filled.next(), filled.next())
            && this.replaces(only)
        {
            return Poll::Ready(Ok(only.len()));
        }
        Pin::new(&mut this.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_unsent(context))?;
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_unsent(context))?;
        ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        let Some(linger) = &mut this.linger else {
            return Poll::Ready(Ok(()));
        };
        let mut unread = [0; 4096];
        while linger.left > 0 && linger.end.as_mut().poll(context).is_pending() {
            let mut unread = ReadBuf::new(&mut unread);
            match ready!(Pin::new(&mut this.stream).poll_read(context, &mut unread)) {
                Ok(()) if !unread.filled().is_empty() => {
                    linger.left = linger.left.saturating_sub(unread.filled().len());
                }
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_error_is_one() {
        for (head, status) in [
            (
                "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
                Some(400),
            ),
            (
                "HTTP/1.0 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n\r\n",
                Some(431),
            ),
            (
                "HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
                None,
            ),
            (
                "HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 20\r\n\r\n",
                None,
            ),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", None),
            ("HTTP/1.1 100 Continue\r\n\r\n", None),
            ("{\"x\": \"HTTP/1.1 400 \"}", None),
        ] {
            assert_eq!(bare_error(head.as_bytes()), status, "{head}");
        }
    }
}
