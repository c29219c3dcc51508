//! What is served over HTTP, beside the adapters' own routes. One endpoint per file.

mod ai_webhook;
mod client_address;
mod event_stream;
mod health;
mod listeners;
mod metrics;
mod server;
mod starting;

use std::{collections::HashMap, sync::Arc, time::Duration};

use ::metrics_exporter_prometheus::PrometheusHandle;
use axum::{
    Json, Router,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use secrecy::SecretString;
use serde_json::json;
use switchboard_ai::AiBackend;
use switchboard_core::AiName;
use switchboard_engine::Engine;
use switchboard_store::Store;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::RequestBodyTimeoutLayer;

pub(crate) use self::listeners::Listeners;
use crate::config::AiConfig;

/// How long a client may leave us waiting for the next piece of a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// When to try again what cannot be done now, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// What the endpoints share.
pub(crate) struct App {
    engine: Arc<Engine>,
    store: Arc<dyn Store>,
    ais: HashMap<String, Ai>,
    metrics: PrometheusHandle,
    readiness: health::Readiness,
    stop: CancellationToken,
}

/// An AI platform, as its webhooks come in.
struct Ai {
    name: AiName,
    secret: SecretString,
    backend: Arc<dyn AiBackend>,
}

/// An [`App`] before its engine.
pub(crate) struct AppParts {
    ais: HashMap<String, Ai>,
    metrics: PrometheusHandle,
    stop: CancellationToken,
}

impl AppParts {
    pub(crate) fn new(
        configs: &[AiConfig],
        backends: &HashMap<AiName, Arc<dyn AiBackend>>,
        metrics: PrometheusHandle,
        stop: CancellationToken,
    ) -> Self {
        let ai = |config: &AiConfig| Ai {
            name: config.name.clone(),
            secret: config.webhook_secret.clone(),
            backend: backends[&config.name].clone(),
        };
        let ais = configs.iter().map(|config| (config.name.to_string(), ai(config))).collect();
        Self { ais, metrics, stop }
    }

    pub(crate) fn with(self, engine: Arc<Engine>, store: Arc<dyn Store>) -> App {
        App {
            engine,
            store,
            ais: self.ais,
            metrics: self.metrics,
            readiness: health::Readiness::default(),
            stop: self.stop,
        }
    }
}

/// What the outside reaches.
fn public_router(app: Arc<App>) -> Router {
    Router::new()
        .route("/webhooks/ai/{ai}/{secret}", post(ai_webhook::receive))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .with_state(app)
}

/// What is for the company's own people.
fn internal_router(app: Arc<App>) -> Router {
    Router::new().route("/metrics", get(metrics::show)).with_state(app)
}

/// What holds for every route.
fn finish(router: Router) -> Router {
    router
        .fallback(async || refusal(StatusCode::NOT_FOUND, "not found"))
        .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT))
}

/// A refusal with its reason, as JSON.
fn refusal(status: StatusCode, reason: &str) -> Response {
    (status, Json(json!({ "error": reason }))).into_response()
}

/// The answer, with the advice to come again.
fn try_again(mut response: Response) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}
