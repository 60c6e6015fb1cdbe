//! How many connections a client makes to an API server, which speaks TLS and HTTP/2, or HTTP/1.1 alone.
#![allow(clippy::unwrap_used)]

use crate::support::certificates::{Authority, file};
use axum::Router;
use http::{Request, Version};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use native_submit::cluster::{ClientSettings, Credentials, client};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// An API server of which only this matters: its address, its authority, and the connections that were made to it.
struct ApiServer {
    address: String,
    authority: Authority,
    connections: Arc<AtomicUsize>,
}

impl ApiServer {
    /// Answers each request with the version of HTTP that it came by.
    async fn start(protocols: &[&str]) -> Self {
        let authority = Authority::new("authority");
        let signed = authority.signs();
        let chain = vec![CertificateDer::from_pem_slice(signed.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(signed.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let router = Router::new()
            .fallback(async |request: axum::extract::Request| format!("{:?}", request.version()));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let (acceptor, service) = (acceptor.clone(), TowerToHyperService::new(router.clone()));
                tokio::spawn(async move {
                    let tls = TokioIo::new(acceptor.accept(tcp).await.unwrap());
                    // Ends with an error where the client goes away in between.
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(tls, service)
                        .await;
                });
            }
        });
        Self {
            address,
            authority,
            connections,
        }
    }
}

#[tokio::test]
async fn one_connection_is_made_where_one_is_asked_for_and_http_2_is_spoken() {
    // At most: connections that are no longer needed may be made yet.
    for (one_connection, protocols, version, connections) in [
        (true, &["h2", "http/1.1"][..], Version::HTTP_2, 1..=1),
        (true, &["http/1.1"], Version::HTTP_11, 3..=4),
        (true, &[], Version::HTTP_11, 3..=4),
        (false, &["h2", "http/1.1"], Version::HTTP_11, 3..=4),
    ] {
        let api = ApiServer::start(protocols).await;
        let folder = tempfile::tempdir().unwrap();
        let authority = file(folder.path(), "ca.crt", &api.authority.pem());
        let settings = ClientSettings {
            server: Some(api.address.clone()),
            credentials: Credentials {
                authority_file: Some(authority.display().to_string()),
                ..Credentials::default()
            },
            one_connection,
            ..ClientSettings::default()
        };
        let client = client(&settings).await.unwrap();
        let ask = async || {
            let request = Request::get("/").body(Vec::new()).unwrap();
            client.request_text(request).await.unwrap()
        };
        assert_eq!(ask().await, format!("{version:?}"), "{protocols:?}");
        let beside = futures::future::join3(ask(), ask(), ask()).await;
        assert_eq!(beside.0, format!("{version:?}"));
        let made = api.connections.load(Ordering::SeqCst);
        assert!(connections.contains(&made), "{made} to one with {protocols:?}");
    }
}
