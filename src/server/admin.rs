//! `/healthz`, `/readyz`, `/metrics` and the status page. They never hold a user's value or a template's source.

use super::{
    Service,
    connections::Peer,
    heartbeat::Liveness,
    readiness::Readiness,
    status::{self, StatusPage},
};
use crate::{
    finding,
    limits::{FINDINGS, WARNING_BYTES},
    templates::DEFAULT_SET,
};
use axum::{
    Router,
    extract::{Extension, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use std::{sync::Arc, time::SystemTime};

/// What Prometheus asks for and understands.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone)]
struct Admin {
    service: Service,
    readiness: Arc<Readiness>,
    verdict: Arc<Liveness>,
}

pub(super) fn router(service: Service, readiness: Arc<Readiness>, verdict: Arc<Liveness>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/", get(status_page))
        .route("/status", get(status_json))
        .route(
            "/style.css",
            get(async || (status::headers("text/css; charset=utf-8"), status::STYLE)),
        )
        .with_state(Admin {
            service,
            readiness,
            verdict,
        })
}

/// 503 where only a restart helps: a worker thread is stuck.
async fn healthz(State(admin): State<Admin>) -> Response {
    match admin.verdict.stuck() {
        None => "ok\n".into_response(),
        Some(stuck) => (StatusCode::SERVICE_UNAVAILABLE, format!("{stuck}\n")).into_response(),
    }
}

/// 503 where submissions are not served; the body says which template set is live, why a newer one is not, and on how many
/// submissions a set passed a limit.
async fn readyz(State(admin): State<Admin>) -> Response {
    let templates = admin.service.templates();
    let state = admin.readiness.state(&templates);
    let (limits, policies) = (templates.limits_passed, templates.policies_failed);
    let time = |time: SystemTime| Timestamp::try_from(time).map(|time| time.to_string()).ok();
    let sets: serde_json::Map<_, _> = templates
        .sets
        .into_iter()
        .map(|(name, set)| {
            let mut shown = json!({"live": set.live, "rejected": set.rejected});
            // The default set's stands above.
            if name != DEFAULT_SET {
                shown["error"] = json!(set.error);
            }
            let passed = limits.iter().filter(|((set, _), _)| *set == name);
            let passed: serde_json::Map<_, _> = passed
                .map(|((_, limit), passed)| {
                    let shown = json!({"count": passed.count, "last": time(passed.last)});
                    ((*limit).to_owned(), shown)
                })
                .collect();
            if !passed.is_empty() {
                shown["limits_passed"] = passed.into();
            }
            let failed = policies.iter().filter(|((set, _), _)| *set == name);
            let failed: serde_json::Map<_, _> = failed
                .map(|((_, policy), failed)| {
                    let shown =
                        json!({"count": failed.count, "last": time(failed.last), "error": failed.error});
                    (policy.clone(), shown)
                })
                .collect();
            if !failed.is_empty() {
                shown["policies_failed"] = failed.into();
            }
            (name, shown)
        })
        .collect();
    let body = json!({
        "ready": state.serves(),
        "state": state.name(),
        "reason": state.reason(),
        "templates": {
            "live": templates.live,
            "generation": templates.generation,
            "rejected": templates.rejected,
            "error": templates.last_error,
            "warnings": shortened(&templates.warnings),
            "sets": sets,
        },
    });
    let status = if state.serves() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        [(CONTENT_TYPE, "application/json")],
        format!("{body:#}\n"),
    )
        .into_response()
}

/// The first of these lines, and how many more there are.
fn shortened(lines: &[String]) -> Vec<String> {
    let more = lines.len().saturating_sub(FINDINGS);
    let more = (more > 0).then(|| format!("and {more} more"));
    let first = lines.iter().take(FINDINGS);
    first
        .map(|line| finding::cut(line, WARNING_BYTES).into_owned())
        .chain(more)
        .collect()
}

/// What is going on, to be read by people.
async fn status_page(
    State(admin): State<Admin>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Response {
    match admin.status(peer, &headers).html() {
        Ok(page) => (status::headers("text/html; charset=utf-8"), page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// The same for programs.
async fn status_json(
    State(admin): State<Admin>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Response {
    let page = json!(admin.status(peer, &headers));
    (status::headers("application/json"), format!("{page:#}\n")).into_response()
}

impl Admin {
    fn status(&self, peer: Option<Extension<Peer>>, headers: &HeaderMap) -> StatusPage {
        let peer = peer.map_or(Peer(None), |Extension(peer)| peer);
        let names = status::may_know_names(peer, headers);
        StatusPage::of(&self.service, &self.readiness, names)
    }
}

async fn metrics(State(admin): State<Admin>) -> Response {
    let ready = admin.readiness.state(&admin.service.templates()).serves();
    ([(CONTENT_TYPE, METRICS_TYPE)], admin.service.metrics_text(ready)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cluster::{DirectorySink, Layout, Sink},
        operator::{Origin, Webhook},
        server::readiness::ReadinessTimes,
        settings::ServeSettings,
        spark::submission::{SubmitterContext, UnknownFields},
        submitter::{SpecSource, Submitter},
        telemetry::Metrics,
        templates::{Fallback, TemplateStore},
    };
    use clap::{Args as _, FromArgMatches as _};
    use std::time::Duration;
    use tower::ServiceExt as _;

    fn service() -> Service {
        let command = ServeSettings::augment_args(clap::Command::new("serve"));
        let settings = ServeSettings::from_arg_matches(&command.get_matches_from(["serve"])).unwrap();
        let submitter = Submitter {
            templates: Arc::new(TemplateStore::start(
                None,
                Arc::new(|_| Ok(())),
                Fallback::Builtin,
            )),
            sink: Sink::Directory(DirectorySink::new("none", Layout::PerSubmission)),
            metrics: Arc::new(Metrics::default()),
            spec_source: SpecSource::Request,
            webhook: None,
            namespaces: None,
            events: None,
        };
        let origin = Origin {
            webhook: Webhook::Off,
            operator: true,
            unknown_fields: UnknownFields::Pass,
        };
        Service::new(submitter, SubmitterContext::golden(), origin, &settings)
    }

    async fn get(router: &Router, path: &str) -> (StatusCode, String) {
        let request = http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn an_api_server_that_stops_is_reported_after_a_while_and_its_return_too() {
        let stub = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = stub.local_addr().unwrap();
        let version = || Router::new().route("/version", get_version());
        let answering = tokio::spawn(async move { axum::serve(stub, version()).await });
        let config = kube::Config::new(format!("http://{address}").parse().unwrap());
        let client = kube::Client::try_from(config).unwrap();
        let times = ReadinessTimes {
            period: Duration::from_millis(50),
            silence: Duration::from_millis(500),
        };
        let readiness = Arc::new(Readiness::new(Some(client), times));
        readiness.started();
        let router = router(service(), Arc::clone(&readiness), Arc::default());
        let watching = tokio::spawn(Arc::clone(&readiness).watch());
        tokio::time::sleep(times.silence * 2).await;
        assert_eq!(get(&router, "/readyz").await.0, StatusCode::OK);
        answering.abort();
        let became = async |status: StatusCode, state: &str| {
            let end = tokio::time::Instant::now() + Duration::from_secs(20);
            loop {
                let (found, body) = get(&router, "/readyz").await;
                if found == status && body.contains(state) {
                    return;
                }
                assert!(tokio::time::Instant::now() < end, "{found} {body}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        became(
            StatusCode::SERVICE_UNAVAILABLE,
            "\"state\": \"api-server-out-of-reach\"",
        )
        .await;
        assert!(
            get(&router, "/metrics")
                .await
                .1
                .contains("native_submit_ready 0\n")
        );
        assert_eq!(get(&router, "/healthz").await.0, StatusCode::OK);
        let stub = tokio::net::TcpListener::bind(address).await.unwrap();
        tokio::spawn(async move { axum::serve(stub, version()).await });
        became(StatusCode::OK, "\"state\": \"ready\"").await;
        watching.abort();
    }

    /// A refusal will do: the connection is closed, so that none outlives its server.
    fn get_version() -> axum::routing::MethodRouter {
        axum::routing::get(async || (StatusCode::FORBIDDEN, [("connection", "close")], "{}"))
    }
}
