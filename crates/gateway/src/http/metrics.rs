//! `GET /metrics`: for Prometheus.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use switchboard_core::chain;

use super::{App, refusal};
use crate::telemetry;

pub(super) async fn show(State(app): State<Arc<App>>) -> Response {
    match app.store.queue_counts().await {
        Ok(queues) => telemetry::set_gauges(&queues, &app.engine.health()),
        Err(error) => {
            tracing::warn!(error = %chain(&error), "the queues could not be counted");
            return refusal(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer");
        }
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render()).into_response()
}
