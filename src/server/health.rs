//! The health port's own thread: it answers probes whatever the other threads do, and finds those that are stuck.

use super::{
    admin,
    connection_limit::{ConnectionLimit, SilenceLimits},
    connections,
    heartbeat::Heartbeat,
    listener::{Listener, Socket},
    readiness::Readiness,
    service::Service,
};
use std::{net::TcpListener, sync::Arc, thread};
use tokio::{runtime::Builder, sync::oneshot};

/// Connections to health and metrics at once.
const CONNECTIONS: usize = 64;

/// The running thread, which ends soon after this is dropped.
pub(super) struct Health {
    _end: oneshot::Sender<()>,
}

impl Health {
    /// Serves `/healthz`, `/readyz` and `/metrics` at `listener`, and watches the runtimes that `heartbeat` names.
    pub(super) fn start(
        listener: TcpListener,
        service: Service,
        readiness: Arc<Readiness>,
        heartbeat: Heartbeat,
    ) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("can't serve health: {error}");
        listener.set_nonblocking(true).map_err(failed)?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let (end, ended) = oneshot::channel::<()>();
        let serving = async move {
            let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
            let seats = ConnectionLimit::new(CONNECTIONS, SilenceLimits::HEALTH);
            let listener = Listener::new(Socket::Tcp(listener), seats, service.metrics());
            let router = admin::router(service, readiness, heartbeat.verdict());
            tokio::spawn(heartbeat.beat());
            // Nobody is waited for at the end: those who ask now learn it from the closed port.
            tokio::select! {
                () = connections::serve(router, connections::http1(), listener, None, std::future::pending()) => {}
                _ = ended => {}
            }
            Ok::<_, String>(())
        };
        thread::Builder::new()
            .name("health".to_owned())
            .spawn(move || {
                if let Err(error) = runtime.block_on(serving) {
                    tracing::error!("{error}");
                }
            })
            .map_err(failed)?;
        Ok(Self { _end: end })
    }
}
