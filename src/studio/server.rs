//! The server behind the page: on loopback, for one author.

use super::{
    guard::{self, Guard},
    page::ASSETS,
    requests,
    settings::StudioSettings,
    workspace::Workspace,
};
use crate::watch::Watch;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::{get, post},
};
use futures::{Stream, StreamExt as _, stream};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};

/// The longest request, in bytes: a file with applications.
const MOST_BYTES: usize = 5 << 20;

/// The most pages that get changes at the same time.
const MOST_PAGES: usize = 32;

/// Requests that make objects at once; others wait.
const MOST_AT_WORK: usize = 2;

/// Why studio can't be started.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on 127.0.0.1:{port}: {error}")]
pub struct StudioError {
    port: u16,
    error: std::io::Error,
}

/// A running studio. It ends when this is dropped.
#[derive(Debug)]
pub struct Studio {
    url: String,
    listener: TcpListener,
    router: Router,
    background: Background,
}

/// What goes on beside the answers.
#[derive(Debug)]
struct Background {
    _watch: Watch,
    completing: JoinHandle<()>,
}

impl Drop for Background {
    fn drop(&mut self) {
        self.completing.abort();
    }
}

#[derive(Clone)]
struct Shared {
    workspace: Arc<Workspace>,
    guard: Guard,
    pages: Arc<Semaphore>,
    work: Arc<Semaphore>,
}

impl Studio {
    /// Listens on loopback; port 0 is any free one. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// Where the port is taken.
    pub async fn start(settings: StudioSettings, port: u16) -> Result<Self, StudioError> {
        let failed = |error| StudioError { port, error };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let opened = tokio::task::spawn_blocking(move || Workspace::open(settings)).await;
        let workspace = Arc::new(opened.map_err(|error| failed(std::io::Error::other(error)))?);
        let guard = Guard::new(port);
        let watch = workspace.watch();
        let shared = Shared {
            workspace: Arc::clone(&workspace),
            guard: guard.clone(),
            pages: Arc::new(Semaphore::new(MOST_PAGES)),
            work: Arc::new(Semaphore::new(MOST_AT_WORK)),
        };
        Ok(Self {
            url: guard.url(),
            listener,
            router: router(shared),
            background: Background {
                _watch: watch,
                completing: tokio::spawn(completing(workspace)),
            },
        })
    }

    /// The address to open, with the token that lets a browser in.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Serves until `stop` ends.
    ///
    /// # Errors
    /// Where no connection can be accepted any more.
    pub async fn serve_until(self, stop: impl Future<Output = ()> + Send) -> Result<(), std::io::Error> {
        let Self {
            listener,
            router,
            background,
            ..
        } = self;
        let served = tokio::select! {
            served = axum::serve(listener, router).into_future() => served,
            () = stop => Ok(()),
        };
        drop(background);
        served
    }
}

/// Tries all applications after each change.
async fn completing(workspace: Arc<Workspace>) {
    let mut progress = workspace.subscribe();
    loop {
        let complete = Arc::clone(&workspace);
        // It tells of a defect by itself; the next change is another try.
        let _ = tokio::task::spawn_blocking(move || complete.complete()).await;
        let behind = progress.wait_for(|progress| progress.generation != progress.complete);
        if behind.await.is_err() {
            return;
        }
    }
}

fn router(shared: Shared) -> Router {
    let mut router = Router::new()
        .route("/api/summary", get(summary))
        .route("/api/events", get(events))
        .route("/api/config-map", get(config_map))
        .route("/api/view", post(view))
        .route("/api/difference", post(difference))
        .route("/api/variables", post(variables))
        .route("/api/source", post(source))
        .route("/api/drop", post(drop_file))
        .route("/api/save", post(save));
    for asset in ASSETS {
        let answer = async || ([(header::CONTENT_TYPE, asset.content_type)], asset.text);
        router = match asset.path {
            "/" => router.route("/", get(page)),
            path => router.route(path, get(answer)),
        };
    }
    router
        .fallback(async || (StatusCode::NOT_FOUND, "there is no such page\n"))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .layer(middleware::from_fn_with_state(shared.clone(), guarded))
        .with_state(shared)
}

/// Lets in who may be let in, before anything is read of the request.
async fn guarded(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let uri = request.uri();
    let is_admitted = shared
        .guard
        .admits(request.method(), uri.path(), uri.query(), request.headers());
    let mut response = if is_admitted {
        next.run(request).await
    } else {
        let why = "403: open the address that native-submit studio printed\n";
        (StatusCode::FORBIDDEN, why).into_response()
    };
    guard::protect(response.headers_mut());
    response
}

/// The page itself. Who has the token in the address gets it as a cookie.
async fn page(State(shared): State<Shared>) -> Response {
    let page = ASSETS.first().map_or("", |asset| asset.text);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::SET_COOKIE, shared.guard.cookie()),
    ];
    (headers, page).into_response()
}

async fn summary(State(shared): State<Shared>) -> Response {
    json(&*shared.workspace.summary())
}

async fn view(State(shared): State<Shared>, body: Bytes) -> Response {
    shared
        .answer(&body, |workspace, request| workspace.view(&request))
        .await
}

async fn difference(State(shared): State<Shared>, body: Bytes) -> Response {
    shared
        .answer(&body, |workspace, request| workspace.difference(&request))
        .await
}

async fn variables(State(shared): State<Shared>, body: Bytes) -> Response {
    shared
        .answer(&body, |workspace, request| workspace.variables(&request))
        .await
}

async fn source(State(shared): State<Shared>, body: Bytes) -> Response {
    let source = |workspace: &Workspace, request: requests::OfSource| workspace.source(&request.file);
    shared.answer(&body, source).await
}

async fn drop_file(State(shared): State<Shared>, body: Bytes) -> Response {
    let drop_file = |workspace: &Workspace, request: requests::Drop| workspace.drop_file(request);
    shared.answer(&body, drop_file).await
}

async fn save(State(shared): State<Shared>, body: Bytes) -> Response {
    shared
        .answer(&body, |workspace, request| workspace.save(&request))
        .await
}

async fn config_map(State(shared): State<Shared>) -> Response {
    match shared.workspace.config_map() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response(),
        Err(error) => refused(StatusCode::UNPROCESSABLE_ENTITY, &error),
    }
}

/// Tells a page of each change until it is gone.
async fn events(State(shared): State<Shared>) -> Response {
    let Ok(page) = Arc::clone(&shared.pages).try_acquire_owned() else {
        let why = format!("expected at most {MOST_PAGES} open pages, found more; close one");
        return refused(StatusCode::SERVICE_UNAVAILABLE, &why);
    };
    let progress = shared.workspace.subscribe();
    let changes = stream::unfold((progress, true, page), async |(mut progress, is_first, page)| {
        if !is_first {
            progress.changed().await.ok()?;
        }
        let now = *progress.borrow_and_update();
        Some((now, (progress, false, page)))
    });
    Sse::new(messages(changes))
        .keep_alive(KeepAlive::default())
        .into_response()
}

fn messages(
    changes: impl Stream<Item = impl Serialize> + Send + 'static,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    changes.map(|change| {
        let text = serde_json::to_string(&change).unwrap_or_default();
        Ok(Event::default().data(text))
    })
}

impl Shared {
    /// Answers a request by work that blocks.
    async fn answer<R, A>(
        &self,
        body: &Bytes,
        work: impl FnOnce(&Workspace, R) -> Result<A, String> + Send + 'static,
    ) -> Response
    where
        R: DeserializeOwned + Send + 'static,
        A: Serialize + Send + 'static,
    {
        let request = match serde_json::from_slice(body) {
            Ok(request) => request,
            Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        let permit = Arc::clone(&self.work).acquire_owned().await;
        let workspace = Arc::clone(&self.workspace);
        let worked = tokio::task::spawn_blocking(move || {
            let answer = work(&workspace, request);
            drop(permit);
            answer
        });
        match worked.await {
            Ok(Ok(answer)) => json(&answer),
            Ok(Err(error)) => refused(StatusCode::UNPROCESSABLE_ENTITY, &error),
            Err(_) => refused(StatusCode::INTERNAL_SERVER_ERROR, "a defect stopped this request"),
        }
    }
}

fn json(answer: &impl Serialize) -> Response {
    match serde_json::to_vec(answer) {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], Body::from(text)).into_response(),
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn refused(status: StatusCode, error: &str) -> Response {
    let text = serde_json::json!({"error": error}).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}
