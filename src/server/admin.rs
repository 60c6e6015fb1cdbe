//! `/healthz`, `/readyz` and `/metrics`. They never hold a user's value or a template's source.

use super::{Service, readiness::Readiness};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use std::sync::Arc;

/// What Prometheus asks for and understands.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone)]
struct Admin {
    service: Service,
    readiness: Arc<Readiness>,
}

pub(super) fn router(service: Service, readiness: Arc<Readiness>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Admin { service, readiness })
}

/// 200 when submissions are served, 503 when not; the body says which template set is live, and why a newer one
/// is not.
async fn readyz(State(admin): State<Admin>) -> Response {
    let templates = admin.service.templates();
    let state = admin.readiness.state(templates.last_error.is_some());
    let sets: serde_json::Map<_, _> = templates
        .sets
        .into_iter()
        .map(|(name, set)| {
            (
                name,
                json!({"live": set.live, "rejected": set.rejected, "error": set.error}),
            )
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

async fn metrics(State(admin): State<Admin>) -> Response {
    let ready = admin.readiness.state(false).serves();
    ([(CONTENT_TYPE, METRICS_TYPE)], admin.service.metrics_text(ready)).into_response()
}
