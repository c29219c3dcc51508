//! `GET /metrics`: for Prometheus.
//!
//! Does not need the database: when it does not answer, everything that this process knows by itself is shown, and
//! that it does not answer; how long the queues are is left out then, so that nobody takes the past for the present.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use secrecy::SecretString;
use switchboard_engine::ChannelHealth;

use super::{App, client_address::Origin, refusal, same_secret};
use crate::telemetry;

/// Who may see them.
pub(super) enum Access {
    /// Whoever reaches the listener: it is an administrator's own, or there is no token.
    Everybody,
    /// Who shows the token, and this machine itself.
    Token(SecretString),
}

impl Access {
    fn allows(&self, origin: Origin, headers: &HeaderMap) -> bool {
        let Self::Token(token) = self else { return true };
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let shown = shown.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        origin.is_this_machine() || same_secret(shown, token)
    }
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
) -> Response {
    if !app.metrics_access.allows(origin, &headers) {
        let mut response =
            refusal(StatusCode::UNAUTHORIZED, "show the token of [admin] as Authorization: Bearer …");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return response;
    }
    let channels: Vec<ChannelHealth> = app.engine.health();
    app.troubles.note(&channels);
    telemetry::set_channel_gauges(&channels);
    let queues = app.database.queues().await;
    let database_up = queues.is_some() || app.database.answers().await;
    telemetry::set_database_up(database_up);
    if let Some(queues) = &queues {
        telemetry::set_queue_gauges(queues, &channels);
    }
    let text = telemetry::render(&app.metrics, queues.is_some());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
