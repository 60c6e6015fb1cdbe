//! `/healthz`, `/readyz` and `/metrics`. They never hold a user's value or a template's source.

use super::{Service, readiness::Readiness};
use crate::templates::DEFAULT_SET;
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

/// 503 where the API server or this process is what lacks; the body says which template set is live, and why a newer one
/// is not.
async fn readyz(State(admin): State<Admin>) -> Response {
    let templates = admin.service.templates();
    let state = admin.readiness.state(&templates);
    let sets: serde_json::Map<_, _> = templates
        .sets
        .into_iter()
        .map(|(name, set)| {
            let mut shown = json!({"live": set.live, "rejected": set.rejected});
            // The default set's stands above.
            if name != DEFAULT_SET {
                shown["error"] = json!(set.error);
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
            "sets": sets,
        },
    });
    let status = if state.is_ready() {
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
    let ready = admin.readiness.state(&admin.service.templates()).serves();
    ([(CONTENT_TYPE, METRICS_TYPE)], admin.service.metrics_text(ready)).into_response()
}
