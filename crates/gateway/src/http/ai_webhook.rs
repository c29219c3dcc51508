//! `POST /webhooks/ai/{ai}/{secret}`: the AI platform says that something was added to a dialogue.
//!
//! Answered with 200 only after what it asks for is committed.

use std::{error::Error, sync::Arc};

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http_body_util::LengthLimitError;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use switchboard_ai::WebhookError;
use switchboard_core::chain;
use switchboard_engine::WebhookOutcome;
use switchboard_store::RefusedWebhook;
use tower_http::timeout::TimeoutError;

use super::{Ai, App, BODY_TIMEOUT, refusal, try_again};
use crate::telemetry;

/// The largest body that is read.
const MAX_BODY: usize = 1024 * 1024;
/// How many refused webhooks are kept for a person to look at.
const KEEP: u32 = 1000;

pub(super) async fn receive(
    State(app): State<Arc<App>>,
    Path((ai, secret)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(ai) = find(&app, &ai, &secret) else {
        return refusal(StatusCode::NOT_FOUND, "not found");
    };
    let (response, outcome) = match read(body).await {
        Ok(body) => take(&app, ai, content_type(&headers), &body).await,
        Err(unread) => (refusal(unread.status(), &unread.to_string()), unread.outcome()),
    };
    telemetry::count_webhook(ai.name.as_str(), outcome);
    response
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
}

impl Unread {
    fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }

    /// The word that is counted.
    fn outcome(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::TimedOut => "timed_out",
            Self::Broken => "broken",
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

/// The AI, if the secret is right. Takes as long for a wrong one, and for an AI that is not there.
fn find<'a>(app: &'a App, name: &str, secret: &str) -> Option<&'a Ai> {
    let nobody = SecretString::from("");
    let ai = app.ais.get(name);
    let expected = ai.map_or(&nobody, |ai| &ai.secret);
    let (given, expected) = (Sha256::digest(secret), Sha256::digest(expected.expose_secret()));
    ai.filter(|_| bool::from(given.ct_eq(&expected)))
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
}

async fn take(app: &App, ai: &Ai, content_type: Option<&str>, body: &Bytes) -> (Response, &'static str) {
    let webhook = match ai.backend.parse_webhook(content_type, body) {
        Ok(webhook) => webhook,
        Err(error) => return refuse(app, ai, content_type, body, &error).await,
    };
    let chat_id = webhook.chat_id.clone();
    match app.engine.webhook(&ai.name, webhook).await {
        Ok(WebhookOutcome::Stored) => (Json(json!({ "status": "stored" })).into_response(), "stored"),
        Ok(WebhookOutcome::Duplicate) => {
            (Json(json!({ "status": "duplicate" })).into_response(), "duplicate")
        }
        Ok(WebhookOutcome::Ignored(why)) => {
            let reason = why.as_str();
            tracing::debug!(ai = %ai.name, %chat_id, reason, "a webhook was ignored");
            (Json(json!({ "status": "ignored", "reason": reason })).into_response(), reason)
        }
        Err(_) => (unavailable(), "unavailable"),
    }
}

async fn refuse(
    app: &App,
    ai: &Ai,
    content_type: Option<&str>,
    body: &Bytes,
    error: &WebhookError,
) -> (Response, &'static str) {
    let (status, outcome) = match error {
        WebhookError::UnsupportedMediaType => {
            return (refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, &error.to_string()), "unsupported");
        }
        WebhookError::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed"),
        WebhookError::Unprocessable { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "unprocessable"),
    };
    let kept = RefusedWebhook {
        ai: ai.name.clone(),
        reason: error.to_string(),
        content_type: content_type.map(str::to_owned),
        body: body.to_vec(),
    };
    tracing::warn!(ai = %ai.name, reason = %error, "a webhook was refused and kept");
    match app.store.keep_webhook(&kept, KEEP).await {
        Ok(()) => (refusal(status, &error.to_string()), outcome),
        Err(error) => {
            tracing::warn!(ai = %ai.name, error = %chain(&error), "a refused webhook could not be kept");
            (unavailable(), "unavailable")
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
