//! The service: gRPC and REST for submissions, HTTP for health and metrics, and its orderly end.

mod admin;
mod admission;
mod bounded_body;
pub mod client;
mod connection_limit;
mod connections;
mod drop_in;
mod gate;
mod grpc;
mod health;
mod health_and_reflection;
mod heartbeat;
mod http_errors;
mod listener;
mod readiness;
pub mod reading;
mod request_guard;
mod rest;
mod service;
mod status;
mod stop;
mod tls;

pub(crate) use drop_in::RELEASE;
pub use service::Service;
pub(crate) use service::now_ms;
pub use stop::Stop;
pub(crate) use tls::certificates;

use crate::{operator::wire, settings::ServeSettings, watch::Timing};
use connection_limit::{ConnectionLimit, SilenceLimits};
use connections::Calls;
use health::Health;
use heartbeat::Heartbeat;
use listener::{Listener, Socket};
use readiness::{Readiness, ReadinessTimes};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tls::{Protocol, Tls};
use tokio::{net::TcpListener, runtime::Handle, sync::watch};
use tonic::{Status, service::Routes};
use tracing::{info, warn};

/// The fewest connections that each entry point takes at once; more where more submissions are taken.
const CONNECTIONS: usize = 64;

/// Calls of one connection at once: a caller with more waits in its own memory, not in ours. With all connections of a port
/// (2 × `MAX_IN_FLIGHT`, which is 512 by default) what they hold stays below the 128 MiB that the server may have.
const CALLS: u32 = 32;

/// The fewest calls that all connections of a port may have open together.
const OPEN_CALLS: usize = 256;

/// How long answers may take on their way when nothing is at work any more. What has no end by itself, such as a call that
/// watches the health, is cut off then.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How often the log looks at what `/readyz` says.
const LOOKS: Duration = Duration::from_secs(1);

/// The longest message to health and reflection.
const SHORT_MESSAGE: usize = 4 << 10;

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
    let metrics = service.metrics();
    let seats = || ConnectionLimit::new(most, SilenceLimits::SUBMISSIONS);
    let grpc_listener = Listener::new(listen(settings.grpc()?).await?, seats(), Arc::clone(&metrics))
        .counted_as(grpc::ENTRY_POINT)
        .no_older_than(settings.max_connection_age)
        .with_tls(tls.clone(), Protocol::Http2);
    let rest_listener = Listener::new(listen(settings.rest()?).await?, seats(), Arc::clone(&metrics))
        .counted_as(rest::ENTRY_POINT)
        .no_older_than(settings.max_connection_age)
        .with_tls(tls, Protocol::Http1)
        .with_errors(rest::errors(service.clone()));
    let socket = drop_in::listen(&settings.socket)?.map(|listener| {
        Listener::new(Socket::Unix(listener), seats(), metrics).counted_as(drop_in::ENTRY_POINT)
    });
    let health = bind(SocketAddr::new(settings.health_address, settings.health_port)).await?;
    let health = health.into_std().map_err(|error| error.to_string())?;
    let readiness = Arc::new(Readiness::new(api_server, ReadinessTimes::default()));
    let (stopping, stopped) = watch::channel(false);

    let heartbeat = Heartbeat::new([
        ("submissions", service.runtime()),
        ("connections", Handle::current()),
    ]);
    let health = Health::start(health, service.clone(), Arc::clone(&readiness), heartbeat)?;
    let watching = tokio::spawn(Arc::clone(&readiness).watch());
    let grpc = tokio::spawn(grpc_server(
        service.clone(),
        settings.max_request_bytes,
        grpc_listener,
        stopped.clone(),
    )?);
    let rest = rest::router(service.clone(), settings.max_request_bytes);
    let rest = connections::serve(rest, connections::http1(), rest_listener, None, ended(stopped));
    let rest = tokio::spawn(rest);
    let drop_in = socket.map(|listener| {
        info!(
            "listening for the drop-in spark-submit at {}",
            settings.socket.display()
        );
        let contract = drop_in::contract(service.clone(), settings.max_request_bytes);
        let router = grpc::within_deadline(Routes::new(contract));
        let speech = connections::http2(CALLS);
        tokio::spawn(connections::serve(
            router,
            speech,
            listener,
            Some(calls(&service, drop_in::ENTRY_POINT)),
            ended(stopping.subscribe()),
        ))
    });
    readiness.started();
    let said = tokio::spawn(say_readiness(service.clone(), Arc::clone(&readiness)));

    stop.await;
    info!(
        in_flight = service.in_flight(),
        "draining: no further submissions are taken"
    );
    said.abort();
    readiness.draining();
    service.close();
    stopping.send_replace(true);
    let entry_points = async {
        let _ = grpc.await;
        let _ = rest.await;
        if let Some(drop_in) = drop_in {
            let _ = drop_in.await;
        }
    };
    let drained = async {
        service.idle().await;
        let _ = tokio::time::timeout(LAST_WORDS, entry_points).await;
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
    drop(health);
    info!("stopped");
    Ok(())
}

/// Logs what `/readyz` says once the template sets were tried, and again when it changes.
async fn say_readiness(service: Service, readiness: Arc<Readiness>) {
    service.templates_tried().await;
    let mut said = None;
    loop {
        let state = readiness.state(&service.templates());
        if said != Some(state) {
            let version = env!("CARGO_PKG_VERSION");
            match state.reason() {
                None => info!(version, state = state.name(), "ready"),
                Some(reason) => warn!(version, state = state.name(), "not ready: {reason}"),
            }
            said = Some(state);
        }
        tokio::time::sleep(LOOKS).await;
    }
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
        warn!(
            "gRPC and REST speak TLS, but without TLS_CLIENT_CA_FILE: anybody who reaches them can create pods"
        );
    }
    Ok(Some(Arc::new(tls)))
}

async fn listen(address: SocketAddr) -> Result<Socket, String> {
    bind(address).await.map(Socket::Tcp)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("can't listen on {address}: {error}"))?;
    info!("listening on {}", listener.local_addr().unwrap_or(address));
    Ok(listener)
}

async fn ended(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// The calls that all HTTP/2 connections of a port may have open: those at work, those beside them, and some that are only refused.
fn calls(service: &Service, entry_point: &'static str) -> Calls {
    let most = OPEN_CALLS.max(2 * service.capacity() as usize);
    let service = service.clone();
    Calls::new(most, move || {
        Status::from(service.refused_call(entry_point)).into_http()
    })
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
    let calls = calls(&service, grpc::ENTRY_POINT);
    let contract = grpc::contract(service, max_request_bytes);
    Ok(async move {
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<grpc::Contract>().await;
        let health = health.max_decoding_message_size(SHORT_MESSAGE);
        let end = async move {
            ended(stopped).await;
            reporter.set_not_serving::<grpc::Contract>().await;
        };
        let routes = Routes::new(contract)
            .add_service(health)
            .add_service(v1)
            .add_service(v1alpha);
        let router = health_and_reflection::few(grpc::within_deadline(routes));
        connections::serve(router, connections::http2(CALLS), listener, Some(calls), end).await;
    })
}
