//! `POST /webhooks/ai/{ai}/{secret}`: the AI platform says that something was added to a dialogue.
//!
//! Answered with 200 only after what it asks for is committed.

use std::{
    error::Error,
    sync::{Arc, LazyLock},
};

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http_body_util::LengthLimitError;
use secrecy::SecretString;
use serde_json::json;
use switchboard_ai::WebhookError;
use switchboard_core::chain;
use switchboard_engine::WebhookOutcome;
use switchboard_store::RefusedWebhook;
use tower_http::timeout::TimeoutError;

use super::{
    Ai, App, BODY_TIMEOUT, body::NoRoom, not_found, refusal, same_secret, try_again, webhook_outcome::Outcome,
};
use crate::{log_limit::LogLimit, telemetry};

/// The largest body that is read.
const MAX_BODY: usize = 1024 * 1024;
/// How many refused webhooks are kept for a person to look at.
const KEEP: u32 = 1000;
/// How many lines a minute tell of webhooks to addresses that are none: anybody can send those.
const MISSES_TOLD: u32 = 10;

pub(super) async fn receive(
    State(app): State<Arc<App>>,
    method: Method,
    address: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let ai = match find(&app, &method, address) {
        Ok(ai) => ai,
        Err(miss) => return miss.refuse(),
    };
    let (response, outcome) = match read(body).await {
        Ok(body) => take(&app, ai, content_type(&headers), &body).await,
        Err(unread) => {
            tracing::warn!(ai = %ai.name, reason = %unread, "a webhook was refused");
            (refusal(unread.status(), &unread.to_string()), unread.outcome())
        }
    };
    telemetry::count_webhook(ai.name.as_str(), outcome);
    response
}

/// Why there is nothing at this address. Whoever asks is told nothing more.
struct Miss {
    /// Of an AI that exists, or empty: what was asked for may be anything.
    ai: String,
    reason: &'static str,
}

impl Miss {
    fn refuse(self) -> Response {
        static TOLD: LazyLock<LogLimit> = LazyLock::new(|| LogLimit::per_minute(MISSES_TOLD));
        let Self { ai, reason } = self;
        if let Some(left_out) = TOLD.admit() {
            tracing::warn!(ai, reason, left_out, "a webhook was refused: there is nothing at its address");
        }
        telemetry::count_webhook(&ai, Outcome::NotFound);
        not_found()
    }
}

/// The AI, if the secret is right. Takes as long for a wrong one, and for an AI that is not there.
fn find<'a>(
    app: &'a App,
    method: &Method,
    address: Result<Path<(String, String)>, PathRejection>,
) -> Result<&'a Ai, Miss> {
    let Ok(Path((name, secret))) = address else {
        return Err(Miss { ai: String::new(), reason: "the address is not UTF-8" });
    };
    let nobody = SecretString::from("");
    let ai = app.ais.get(&name);
    let expected = ai.map_or(&nobody, |ai| &ai.secret);
    let known = same_secret(&secret, expected);
    let Some(ai) = ai else { return Err(Miss { ai: String::new(), reason: "there is no such AI" }) };
    let miss = |reason| Err(Miss { ai: name, reason });
    match known {
        false => miss("the secret is wrong"),
        true if method != Method::POST => miss("it is no POST"),
        true => Ok(ai),
    }
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Unread {
    #[error("over 1 MiB")]
    TooLarge,
    #[error("the body took too long to arrive")]
    TimedOut,
    #[error("the body did not arrive whole")]
    Broken,
    #[error("too many bodies at the same time")]
    NoRoom,
}

impl Unread {
    fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn outcome(self) -> Outcome {
        match self {
            Self::TooLarge => Outcome::TooLarge,
            Self::TimedOut => Outcome::TimedOut,
            Self::Broken => Outcome::Broken,
            Self::NoRoom => Outcome::NoRoom,
        }
    }
}

/// The whole body. The time limit is for all of it: one that comes byte by byte would otherwise
/// hold its connection for months.
async fn read(body: Body) -> Result<Bytes, Unread> {
    let read = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY)).await;
    read.map_err(|_| Unread::TimedOut)?.map_err(|error| {
        if caused_by::<LengthLimitError>(&error) {
            Unread::TooLarge
        } else if caused_by::<TimeoutError>(&error) {
            Unread::TimedOut
        } else if caused_by::<NoRoom>(&error) {
            Unread::NoRoom
        } else {
            Unread::Broken
        }
    })
}

fn caused_by<E: Error + 'static>(error: &dyn Error) -> bool {
    let mut next = error.source();
    while let Some(cause) = next {
        if cause.is::<E>() {
            return true;
        }
        next = cause.source();
    }
    false
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
}

async fn take(app: &App, ai: &Ai, content_type: Option<&str>, body: &Bytes) -> (Response, Outcome) {
    let webhook = match ai.backend.parse_webhook(content_type, body) {
        Ok(webhook) => webhook,
        Err(error) => return refuse(app, ai, content_type, body, &error).await,
    };
    let chat_id = webhook.chat_id.clone();
    match app.engine.webhook(&ai.name, webhook).await {
        Ok(WebhookOutcome::Stored) => (Json(json!({ "status": "stored" })).into_response(), Outcome::Stored),
        Ok(WebhookOutcome::Duplicate) => {
            (Json(json!({ "status": "duplicate" })).into_response(), Outcome::Duplicate)
        }
        Ok(WebhookOutcome::Ignored(why)) => {
            let reason = why.as_str();
            tracing::debug!(ai = %ai.name, %chat_id, reason, "a webhook was ignored");
            (Json(json!({ "status": "ignored", "reason": reason })).into_response(), Outcome::Ignored(why))
        }
        Err(_) => (unavailable(), Outcome::Unavailable),
    }
}

async fn refuse(
    app: &App,
    ai: &Ai,
    content_type: Option<&str>,
    body: &Bytes,
    error: &WebhookError,
) -> (Response, Outcome) {
    let (status, outcome) = match error {
        WebhookError::UnsupportedMediaType => {
            tracing::warn!(ai = %ai.name, reason = %error, "a webhook was refused");
            return (refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, &error.to_string()), Outcome::Unsupported);
        }
        WebhookError::Malformed(_) => (StatusCode::BAD_REQUEST, Outcome::Malformed),
        WebhookError::Unprocessable { .. } => (StatusCode::UNPROCESSABLE_ENTITY, Outcome::Unprocessable),
    };
    let kept = RefusedWebhook {
        ai: ai.name.clone(),
        reason: error.to_string(),
        content_type: content_type.map(str::to_owned),
        body: body.to_vec(),
    };
    tracing::warn!(ai = %ai.name, reason = %error, "a webhook was refused and kept");
    match app.database.store().keep_webhook(&kept, KEEP).await {
        Ok(()) => (refusal(status, &error.to_string()), outcome),
        Err(error) => {
            tracing::warn!(ai = %ai.name, error = %chain(&error), "a refused webhook could not be kept");
            (unavailable(), Outcome::Unavailable)
        }
    }
}

fn unavailable() -> Response {
    try_again(refusal(StatusCode::SERVICE_UNAVAILABLE, "the database is away; try again"))
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, io, time::Duration};

    use futures_util::{StreamExt as _, stream};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_must_arrive_whole_and_in_time() {
        let byte_by_byte = stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_secs(29)).await;
            Some((Ok::<_, Infallible>("x"), ()))
        });
        let broken = stream::iter([Ok("{"), Err(io::Error::from(io::ErrorKind::ConnectionReset))]);
        for (body, expected) in [
            (Body::from("{}"), Ok(Bytes::from("{}"))),
            (Body::from(vec![b'x'; MAX_BODY]), Ok(Bytes::from(vec![b'x'; MAX_BODY]))),
            (Body::from(vec![b'x'; MAX_BODY + 1]), Err(Unread::TooLarge)),
            (Body::from_stream(byte_by_byte.take(1000)), Err(Unread::TimedOut)),
            (Body::from_stream(broken), Err(Unread::Broken)),
        ] {
            assert_eq!(read(body).await, expected);
        }
    }
}
