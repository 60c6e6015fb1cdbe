//! HTTP/1.1 with bounds on each connection: how long it may be silent, and how much of it is kept unread.

use super::listener::Listener;
use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use std::time::Duration;
use tracing::debug;

/// How long a connection may take for the headers of its next request: longer than the 90 s for which Go's clients, and so the
/// operator, keep one. Who closes first races with the other's next request.
const HEADERS: Duration = Duration::from_secs(100);

/// What is kept of a connection until it is read; headers have to fit.
const BUFFER: usize = 32 << 10;

/// Serves until `stop` ends; then answers what was asked, and no more.
pub(super) async fn serve(router: Router, mut listener: Listener, stop: impl Future<Output = ()>) {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(BUFFER);
    let open = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let connection = tokio::select! {
            connection = listener.next() => connection,
            () = &mut stop => break,
        };
        let service = TowerToHyperService::new(router.clone());
        let (builder, watcher) = (builder.clone(), open.watcher());
        tokio::spawn(async move {
            let served = builder.serve_connection(TokioIo::new(connection), service);
            if let Err(error) = watcher.watch(served.into_owned()).await {
                debug!("a connection ended: {error}");
            }
        });
    }
    drop(listener);
    open.shutdown().await;
}
