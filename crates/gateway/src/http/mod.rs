//! What is served over HTTP, beside the adapters' own routes. One endpoint per file.

mod admission;
mod ai_webhook;
mod body;
mod capacity;
mod client_address;
mod database;
mod event_stream;
mod health;
mod listeners;
mod metrics;
mod refused;
mod server;
mod service;
mod starting;
mod webhook_outcome;

use std::{collections::HashMap, sync::Arc, time::Duration};

use ::metrics_exporter_prometheus::PrometheusHandle;
use axum::{
    Json, Router,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{any, get},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use switchboard_ai::AiBackend;
use switchboard_core::AiName;
use switchboard_engine::Engine;
use switchboard_store::Store;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::RequestBodyTimeoutLayer;

pub(crate) use self::{listeners::Listeners, refused::Refused, webhook_outcome::Outcome};
use crate::{
    config::{AdminConfig, AiConfig, Config},
    telemetry,
};

/// How long a client may leave us waiting for the next piece of a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// When to try again what cannot be done now, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// What the endpoints share.
pub(crate) struct App {
    engine: Arc<Engine>,
    database: database::Database,
    ais: HashMap<String, Ai>,
    metrics: PrometheusHandle,
    metrics_access: metrics::Access,
    troubles: health::Troubles,
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
    metrics_access: metrics::Access,
    stop: CancellationToken,
}

impl AppParts {
    pub(crate) fn new<A>(
        config: &Config<A>,
        backends: &HashMap<AiName, Arc<dyn AiBackend>>,
        metrics: PrometheusHandle,
        stop: CancellationToken,
    ) -> Self {
        let ai = |config: &AiConfig| Ai {
            name: config.name.clone(),
            secret: config.webhook_secret.clone(),
            backend: backends[&config.name].clone(),
        };
        let ais: HashMap<_, _> =
            config.ais.iter().map(|config| (config.name.to_string(), ai(config))).collect();
        telemetry::start_counting_webhooks(config.ais.iter().map(|it| it.name.as_str()));
        let metrics_access = match &config.admin {
            AdminConfig { listen: None, token: Some(token) } => metrics::Access::Token(token.clone()),
            _ => metrics::Access::Everybody,
        };
        Self { ais, metrics, metrics_access, stop }
    }

    pub(crate) fn with(self, engine: Arc<Engine>, store: Arc<dyn Store>) -> App {
        App {
            engine,
            database: database::Database::new(store),
            ais: self.ais,
            metrics: self.metrics,
            metrics_access: self.metrics_access,
            troubles: health::Troubles::default(),
            stop: self.stop,
        }
    }
}

/// What the outside reaches.
fn public_router(app: Arc<App>) -> Router {
    Router::new()
        .route("/webhooks/ai/{ai}/{secret}", any(ai_webhook::receive))
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
    router.fallback(async || not_found()).layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT))
}

/// Whether somebody has shown this secret. Takes as long for a wrong one.
fn same_secret(shown: &str, secret: &SecretString) -> bool {
    Sha256::digest(shown).ct_eq(&Sha256::digest(secret.expose_secret())).into()
}

/// There is nothing here.
fn not_found() -> Response {
    refusal(StatusCode::NOT_FOUND, "not found")
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
