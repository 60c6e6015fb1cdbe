//! The service: gRPC and REST for submissions, HTTP for health and metrics, and its orderly end.

mod admin;
mod admission;
pub mod client;
mod grpc;
mod readiness;
mod rest;
mod service;

pub use service::Service;
pub(crate) use service::now_ms;

use crate::{settings::ServeSettings, wire};
use readiness::Readiness;
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tonic::transport::server::TcpIncoming;
use tracing::{info, warn};

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
    let grpc_listener = listen(settings.grpc()?).await?;
    let rest_listener = listen(settings.rest()?).await?;
    let health_listener = listen(SocketAddr::new(settings.health_address, settings.health_port)).await?;
    let readiness = Arc::new(Readiness::new(api_server));
    let (stopping, stopped) = watch::channel(false);

    let admin = admin::router(service.clone(), Arc::clone(&readiness));
    let admin = tokio::spawn(async move { axum::serve(health_listener, admin).await });
    let watching = tokio::spawn(Arc::clone(&readiness).watch());
    let grpc = tokio::spawn(grpc_server(
        service.clone(),
        settings.max_request_bytes,
        grpc_listener,
        stopped.clone(),
    )?);
    let rest = rest::router(service.clone(), settings.max_request_bytes);
    let rest = tokio::spawn(rest_server(rest, rest_listener, stopped));
    readiness.started();
    info!(version = env!("CARGO_PKG_VERSION"), "ready");

    stop.await;
    info!(
        in_flight = service.in_flight(),
        "draining: no further submissions are taken"
    );
    readiness.draining();
    service.close();
    stopping.send_replace(true);
    let drained = async {
        let _ = grpc.await;
        let _ = rest.await;
        service.idle().await;
    };
    if tokio::time::timeout(settings.drain_timeout, drained)
        .await
        .is_err()
    {
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

async fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("can't listen on {address}: {error}"))?;
    info!("listening on {}", listener.local_addr().unwrap_or(address));
    Ok(listener)
}

/// The REST server: at the end it answers what was asked, and no more.
async fn rest_server(router: axum::Router, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    let end = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(end).await {
        warn!("REST ended: {error}");
    }
}

/// The gRPC server with health and reflection beside the contract.
fn grpc_server(
    service: Service,
    max_request_bytes: usize,
    listener: TcpListener,
    mut stopped: watch::Receiver<bool>,
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
    let contract = grpc::contract(service, max_request_bytes);
    Ok(async move {
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<grpc::Contract>().await;
        let end = async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
            reporter.set_not_serving::<grpc::Contract>().await;
        };
        let served = tonic::transport::Server::builder()
            .add_service(contract)
            .add_service(health)
            .add_service(v1)
            .add_service(v1alpha)
            .serve_with_incoming_shutdown(TcpIncoming::from(listener), end)
            .await;
        if let Err(error) = served {
            warn!("gRPC ended: {error}");
        }
    })
}
