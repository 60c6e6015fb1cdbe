//! A plain HTTP proxy in front of a real API server, which does wrong what a test asks for.
//!
//! It forwards with the admin's credentials, so its clients need none.
// Each test uses a part of it; and clippy sees that code is a test's only inside #[test].
#![allow(dead_code, clippy::unwrap_used)]

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use kube::Client;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// What is done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// It is forwarded, and so is the answer.
    Pass,
    /// Answered with this status; not forwarded.
    Refuse(u16),
    /// The connection is closed; not forwarded.
    ResetBefore,
    /// Forwarded; the connection is closed in place of the answer.
    ResetAfter,
    /// Not forwarded, and never answered.
    HangBefore,
    /// Forwarded, and never answered.
    HangAfter,
}

/// Decides by the number of the request, from 1.
type Treat = dyn Fn(u64) -> Treatment + Send + Sync;

/// The proxy; it ends when this is dropped.
pub(crate) struct Proxy {
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    client: Client,
    treat: Box<Treat>,
    arrived: AtomicU64,
    /// How many requests are neither answered nor stuck.
    passing: watch::Sender<usize>,
}

impl Proxy {
    /// Starts on a free port, in front of the API server that `client` talks to.
    pub(crate) async fn start(
        client: Client,
        treat: impl Fn(u64) -> Treatment + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            client,
            treat: Box::new(treat),
            arrived: AtomicU64::new(0),
            passing: watch::Sender::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(forward).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, serving }
    }

    /// How many requests have arrived.
    pub(crate) fn arrived(&self) -> u64 {
        self.shared.arrived.load(Ordering::SeqCst)
    }

    /// Waits until each request that has arrived is answered by the API server or stuck here.
    pub(crate) async fn until_quiet(&self) {
        let mut passing = self.shared.passing.subscribe();
        passing.wait_for(|count| *count == 0).await.unwrap();
    }

    /// Writes a kubeconfig that leads here into `folder`.
    pub(crate) fn kubeconfig(&self, folder: &tempfile::TempDir) -> PathBuf {
        let path = folder.path().join("kubeconfig");
        let config = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": {"server": self.url}}],
            "users": [{"name": "proxy", "user": {}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        });
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let passing = Passing::enter(&shared.passing);
    let number = shared.arrived.fetch_add(1, Ordering::SeqCst) + 1;
    let treatment = (shared.treat)(number);
    let answer = match treatment {
        Treatment::Refuse(code) => status(StatusCode::from_u16(code).unwrap()),
        Treatment::ResetBefore | Treatment::HangBefore => status(StatusCode::BAD_GATEWAY),
        Treatment::Pass | Treatment::ResetAfter | Treatment::HangAfter => pass(&shared.client, request).await,
    };
    drop(passing);
    match treatment {
        Treatment::Pass | Treatment::Refuse(_) => answer,
        // Ends the connection's task without an answer, and without the panic hook's noise.
        Treatment::ResetBefore | Treatment::ResetAfter => std::panic::resume_unwind(Box::new("reset")),
        Treatment::HangBefore | Treatment::HangAfter => std::future::pending().await,
    }
}

/// Counts a request as passing until it is dropped, also by a connection that ends.
struct Passing<'a>(&'a watch::Sender<usize>);

impl<'a> Passing<'a> {
    fn enter(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// The API server's answer; its body comes as it comes, for a watch has no end.
async fn pass(client: &Client, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default().to_vec();
    let mut forwarded = http::Request::new(kube::client::Body::from(body));
    *forwarded.method_mut() = parts.method;
    // The path alone: kube's client puts its server before it.
    *forwarded.uri_mut() = parts
        .uri
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .parse()
        .unwrap();
    if let Some(kind) = parts.headers.get(header::CONTENT_TYPE) {
        forwarded.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
    }
    match client.send(forwarded).await {
        Ok(answer) => {
            let (parts, body) = answer.into_parts();
            let mut response = Response::new(Body::new(body));
            *response.status_mut() = parts.status;
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        }
        Err(error) => {
            eprintln!("the proxy has no answer: {error}");
            status(StatusCode::BAD_GATEWAY)
        }
    }
}

fn status(code: StatusCode) -> Response {
    let mut response = Response::new(Body::from("{}"));
    *response.status_mut() = code;
    response
}
