//! The service: gRPC and REST for submissions, HTTP for health and metrics, and its orderly end.

mod admin;
mod admission;
mod arriving;
pub mod client;
mod drop_in;
mod entry;
mod gate;
mod grpc;
mod http1;
mod listener;
mod readiness;
mod rest;
mod service;
mod tls;

pub(crate) use drop_in::RELEASE;
pub use service::Service;
pub(crate) use service::now_ms;
pub(crate) use tls::certificates;

use crate::{settings::ServeSettings, watch::Timing, wire};
use listener::{Listener, Seats, Socket};
use readiness::{Patience, Readiness};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tls::{Protocol, Tls};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing::{info, warn};

/// The fewest connections that each door takes at once; more where more submissions are taken.
const CONNECTIONS: usize = 64;

/// Connections to health and metrics at once.
const HEALTH_CONNECTIONS: usize = 64;

/// What a gRPC connection may send ahead of what is read: all its calls together, and each.
const CONNECTION_WINDOW: u32 = 256 << 10;
const CALL_WINDOW: u32 = 128 << 10;

/// How often a silent gRPC connection is asked whether its other end is there, and how long that may take.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long answers may take on their way when nothing is at work any more. What has no end by itself, such as a call that
/// watches the health, is cut off then.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The longest message to health and reflection.
const SHORT_MESSAGE: usize = 4 << 10;

/// Serves until SIGTERM or SIGINT, then lets submissions at work end.
pub async fn serve(
    service: Service,
    settings: &ServeSettings,
    api_server: Option<kube::Client>,
) -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    serve_until(service, settings, api_server, stop).await
}

/// Serves until `stop` ends.
pub async fn serve_until(
    service: Service,
    settings: &ServeSettings,
    api_server: Option<kube::Client>,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), String> {
    let tls = tls(settings, &service)?;
    let _reloading = tls.as_ref().map(|tls| tls.watch(Timing::default()));
    // Those that are turned away have a connection too.
    let most = CONNECTIONS.max(2 * service.capacity() as usize);
    let door = async |name, address, protocol| {
        let (socket, seats) = (listen(address).await?, Seats::of_door(name, most));
        Ok::<_, String>(Listener::new(
            socket,
            tls.clone(),
            protocol,
            seats,
            service.metrics(),
        ))
    };
    let grpc_listener = door(grpc::DOOR, settings.grpc()?, Protocol::Http2).await?;
    let rest_listener = door(rest::DOOR, settings.rest()?, Protocol::Http1).await?;
    let socket = drop_in::listen(&settings.socket)?.map(|listener| {
        let seats = Seats::of_door(drop_in::DOOR, most);
        let socket = Socket::Unix(listener);
        Listener::new(socket, None, Protocol::Http2, seats, service.metrics())
    });
    let health = listen(SocketAddr::new(settings.health_address, settings.health_port)).await?;
    let seats = Seats::new(HEALTH_CONNECTIONS);
    let health = Listener::new(health, None, Protocol::Http1, seats, service.metrics());
    let readiness = Arc::new(Readiness::new(api_server, Patience::default()));
    let (stopping, stopped) = watch::channel(false);

    let admin = admin::router(service.clone(), Arc::clone(&readiness));
    let admin = tokio::spawn(http1::serve(admin, health, std::future::pending()));
    let watching = tokio::spawn(Arc::clone(&readiness).watch());
    let grpc = tokio::spawn(grpc_server(
        service.clone(),
        settings.max_request_bytes,
        grpc_listener,
        stopped.clone(),
    )?);
    let rest = rest::router(service.clone(), settings.max_request_bytes);
    let rest = tokio::spawn(http1::serve(rest, rest_listener, ended(stopped)));
    let drop_in = socket.map(|listener| {
        info!(
            "listening for the drop-in spark-submit at {}",
            settings.socket.display()
        );
        let contract = drop_in::contract(service.clone(), settings.max_request_bytes);
        tokio::spawn(drop_in_server(
            contract,
            most_calls(&service),
            listener,
            stopping.subscribe(),
        ))
    });
    readiness.started();
    let trying = service.clone();
    tokio::spawn(async move {
        trying.templates_tried().await;
        info!(version = env!("CARGO_PKG_VERSION"), "ready");
    });

    stop.await;
    info!(
        in_flight = service.in_flight(),
        "draining: no further submissions are taken"
    );
    readiness.draining();
    service.close();
    stopping.send_replace(true);
    let doors = async {
        let _ = grpc.await;
        let _ = rest.await;
        if let Some(drop_in) = drop_in {
            let _ = drop_in.await;
        }
    };
    let drained = async {
        service.idle().await;
        let _ = tokio::time::timeout(LAST_WORDS, doors).await;
    };
    let late = tokio::time::timeout(settings.drain_timeout, drained)
        .await
        .is_err();
    if late && service.in_flight() > 0 {
        warn!(
            in_flight = service.in_flight(),
            "stopping with submissions at work: DRAIN_TIMEOUT is over"
        );
    }
    watching.abort();
    admin.abort();
    info!("stopped");
    Ok(())
}

/// The certificates, where there are to be any.
fn tls(settings: &ServeSettings, service: &Service) -> Result<Option<Arc<Tls>>, String> {
    let Some(files) = settings.tls.files()? else {
        return Ok(None);
    };
    let tls = Tls::load(files, service.metrics()).map_err(|error| error.to_string())?;
    if tls.asks_clients() {
        info!("gRPC and REST speak TLS, with clients that have a certificate of TLS_CLIENT_CA_FILE");
    } else if settings.is_reachable() {
        warn!("gRPC and REST speak TLS, but without TLS_CLIENT_CA_FILE whoever reaches them creates pods");
    }
    Ok(Some(Arc::new(tls)))
}

async fn listen(address: SocketAddr) -> Result<Socket, String> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("can't listen on {address}: {error}"))?;
    info!("listening on {}", listener.local_addr().unwrap_or(address));
    Ok(Socket::Tcp(listener))
}

async fn ended(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// A gRPC server with its bounds for each connection.
fn tonic_server(most_calls: u32) -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .max_concurrent_streams(most_calls)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(CALL_WINDOW)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
}

/// The server on the Unix socket.
async fn drop_in_server(
    contract: drop_in::Contract,
    most_calls: u32,
    listener: Listener,
    stopped: watch::Receiver<bool>,
) {
    let served = tonic_server(most_calls)
        .add_service(contract)
        .serve_with_incoming_shutdown(listener.into_stream(), ended(stopped))
        .await;
    if let Err(error) = served {
        warn!("the drop-in's socket ended: {error}");
    }
}

/// The gRPC server with health and reflection beside the contract.
fn grpc_server(
    service: Service,
    max_request_bytes: usize,
    listener: Listener,
    stopped: watch::Receiver<bool>,
) -> Result<impl Future<Output = ()> + Send, String> {
    let reflection = |builder: tonic_reflection::server::Builder<'static>| {
        builder
            .register_encoded_file_descriptor_set(wire::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let v1 = reflection(tonic_reflection::server::Builder::configure())
        .build_v1()
        .map_err(|error| format!("gRPC reflection: {error}"))?;
    let v1alpha = reflection(tonic_reflection::server::Builder::configure())
        .build_v1alpha()
        .map_err(|error| format!("gRPC reflection: {error}"))?;
    let v1 = v1.max_decoding_message_size(SHORT_MESSAGE);
    let v1alpha = v1alpha.max_decoding_message_size(SHORT_MESSAGE);
    let most_calls = most_calls(&service);
    let contract = grpc::contract(service, max_request_bytes);
    Ok(async move {
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<grpc::Contract>().await;
        let health = health.max_decoding_message_size(SHORT_MESSAGE);
        let end = async move {
            ended(stopped).await;
            reporter.set_not_serving::<grpc::Contract>().await;
        };
        let served = tonic_server(most_calls)
            .add_service(contract)
            .add_service(health)
            .add_service(v1)
            .add_service(v1alpha)
            .serve_with_incoming_shutdown(listener.into_stream(), end)
            .await;
        if let Err(error) = served {
            warn!("gRPC ended: {error}");
        }
    })
}

/// Calls of one connection at once: a caller with more waits in its own memory, not in ours.
fn most_calls(service: &Service) -> u32 {
    service.capacity().saturating_mul(2)
}
