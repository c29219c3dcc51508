//! The one request of the platform, and what each outcome of it means.
//!
//! There is no idempotency key: what was sent and not answered may or may not have been taken, and
//! is reported as interrupted. Only what certainly did not reach the platform is unreachable.

use std::{sync::RwLock, time::Duration};

use reqwest::{
    Response, StatusCode,
    header::{AUTHORIZATION, DATE, HeaderMap, RETRY_AFTER},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use url::Url;

use super::{
    config::{ConfigError, SelartiConfig, is_loopback},
    token::{TokenError, bearer},
};
use crate::{AiError, AiRequest};

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an unused connection is kept. Shorter than servers usually keep theirs (a minute), so
/// that a request rarely meets a connection that is just being closed: its outcome would be unknown.
const POOL_IDLE: Duration = Duration::from_secs(20);
/// How much of an answer is read at most, in bytes.
const ANSWER_LIMIT: usize = 16 * 1024;
/// How long reading the rest of an answer may take, once its status is known.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest pause that is believed.
const LONGEST_PAUSE: Duration = Duration::from_hours(24);
/// How much of a refusal is kept, in characters.
const REASON_LIMIT: usize = 200;
/// How much of the beginning of a message, in characters, is enough to recognise it by.
const RECOGNISED: usize = 32;
/// What stands for the message where the platform repeats it.
const LEFT_OUT: &str = "…";

/// Speaks to one account.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) http: reqwest::Client,
    pub(super) config: SelartiConfig,
    endpoint: Url,
    /// The token that is in use, as it was when it was read last.
    token: RwLock<SecretString>,
}

/// The body of the request. The platform knows exactly these names.
#[derive(Serialize)]
struct Body<'a> {
    task_id: &'a str,
    chat_id: &'a str,
    message: &'a str,
}

impl Client {
    pub(super) fn new(config: SelartiConfig) -> Result<Self, ConfigError> {
        let endpoint = config.endpoint()?;
        let token = RwLock::new(config.token.read()?);
        let mut builder = reqwest::Client::builder()
            // Followed redirects would take the message, and perhaps the token, elsewhere.
            .redirect(Policy::none())
            // A connection that takes longer than the whole request would look like an unknown outcome.
            .connect_timeout(CONNECT_TIMEOUT.min(config.timeout / 2))
            .timeout(config.timeout)
            .pool_idle_timeout(POOL_IDLE)
            .tcp_nodelay(true);
        if is_loopback(&config.base_url) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(ConfigError::Client)?;
        Ok(Self { http, config, endpoint, token })
    }

    /// Gives one message to the platform. A refused token is read again, and the message is sent
    /// once more if it differs from the refused one.
    pub(super) async fn send(&self, request: &AiRequest<'_>) -> Result<(), AiError> {
        let token = self.token.read().expect("nothing panics while it holds the token").clone();
        match self.attempt(request, &token).await {
            Err(AiError::Unauthorized) => match self.other_than(&token) {
                Some(newer) => self.attempt(request, &newer).await,
                None => Err(AiError::Unauthorized),
            },
            outcome => outcome,
        }
    }

    /// The token as it is now, if it is not the refused one.
    fn other_than(&self, refused: &SecretString) -> Option<SecretString> {
        let token = match self.config.token.read() {
            Ok(token) => token,
            Err(error) => {
                log_unreadable(&error);
                return None;
            }
        };
        if token.expose_secret() == refused.expose_secret() {
            return None;
        }
        tracing::info!("the AI platform refused the token; a newer one was found");
        *self.token.write().expect("nothing panics while it holds the token") = token.clone();
        Some(token)
    }

    async fn attempt(&self, request: &AiRequest<'_>, token: &SecretString) -> Result<(), AiError> {
        let authorization = bearer(token).expect("a token is checked when it is read");
        let body =
            Body { task_id: request.task_id, chat_id: request.chat_id.as_str(), message: request.text };
        let response = self
            .http
            .post(self.endpoint.clone())
            .header(AUTHORIZATION, authorization)
            .json(&body)
            .send()
            .await
            .map_err(failed)?;
        let status = response.status();
        let retry_after = retry_after(response.headers());
        // Read in any case: a connection can be used again only after the answer is read.
        let answer = read_answer(response).await;
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::UNAUTHORIZED => Err(AiError::Unauthorized),
            StatusCode::TOO_MANY_REQUESTS => Err(AiError::RateLimited { retry_after }),
            status if passing(status) => Err(AiError::Unavailable { status: status.as_u16() }),
            status => {
                let reason = reason(&answer, token, request.text);
                Err(AiError::Rejected { status: status.as_u16(), reason })
            }
        }
    }
}

/// Whether the status says nothing about the message: another time it may be taken. A redirect is
/// what a platform under maintenance answers to everything.
fn passing(status: StatusCode) -> bool {
    status.is_server_error() || status.is_redirection() || status == StatusCode::REQUEST_TIMEOUT
}

fn log_unreadable(error: &TokenError) {
    tracing::warn!(%error, "the AI platform refused the token, and it cannot be read again");
}

/// A request that got no answer.
fn failed(error: reqwest::Error) -> AiError {
    let connecting = error.is_connect();
    let cause = Box::new(error.without_url());
    if connecting { AiError::Unreachable(cause) } else { AiError::Interrupted(cause) }
}

/// The beginning of the answer. Its status counts already, so nothing can go wrong here any more.
async fn read_answer(mut response: Response) -> Vec<u8> {
    let mut answer = Vec::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            answer.extend_from_slice(&chunk);
            if answer.len() >= ANSWER_LIMIT {
                break;
            }
        }
    };
    // Out of time: what came until now is enough.
    let _: Result<(), tokio::time::error::Elapsed> = tokio::time::timeout(ANSWER_TIMEOUT, read).await;
    answer
}

/// What the platform says, in one line, without the token and the message that it may have
/// repeated: it ends in logs.
fn reason(answer: &[u8], token: &SecretString, message: &str) -> String {
    // JSON is written anew: the same text has many forms in it.
    let text = match serde_json::from_slice::<serde_json::Value>(answer) {
        Ok(json) => json.to_string(),
        Err(_) => String::from_utf8_lossy(answer).into_owned(),
    };
    let text = text.replace(token.expose_secret(), "[token]");
    let quoted = serde_json::Value::from(message).to_string();
    let text = without(without(text, message), &quoted[1..quoted.len() - 1]);
    let line: String = text
        .chars()
        .map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c })
        .take(REASON_LIMIT)
        .collect();
    match line.trim() {
        "" => "it gave no reason".to_owned(),
        line => line.to_owned(),
    }
}

/// The text without the message; and, where the message is broken off, without all that follows
/// its beginning.
fn without(text: String, message: &str) -> String {
    let message = message.trim();
    if message.is_empty() {
        return text;
    }
    let mut text = text.replace(message, LEFT_OUT);
    if let Some((end, _)) = message.char_indices().nth(RECOGNISED)
        && let Some(at) = text.find(&message[..end])
    {
        text.truncate(at);
        text.push_str(LEFT_OUT);
    }
    text
}

/// How long to wait: seconds, or a date, which is measured by the platform's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds).min(LONGEST_PAUSE));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let now = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    // A date in the past: at once.
    Some(until.duration_since(now).unwrap_or_default().min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_by_the_senders_clock() {
        let now = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (value, date, expected) in [
            (Some("7"), Some(now), Some(7)),
            (Some(" 0 "), None, Some(0)),
            (Some("Sun, 06 Nov 1994 08:50:07 GMT"), Some(now), Some(30)),
            (Some("Sun, 06 Nov 1994 08:49:00 GMT"), Some(now), Some(0)),
            (Some("Sun, 06 Nov 1994 08:50:07 GMT"), None, None),
            (Some("18446744073709551615"), Some(now), Some(86_400)),
            (Some("-1"), Some(now), None),
            (Some("soon"), Some(now), None),
            (None, Some(now), None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(RETRY_AFTER, value.parse().expect("a header"));
            }
            if let Some(date) = date {
                headers.insert(DATE, date.parse().expect("a header"));
            }
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{value:?} {date:?}");
        }
    }

    #[test]
    fn a_reason_is_one_short_line_without_the_token() {
        let token = SecretString::from("s3cret");
        let of = |answer: &[u8]| reason(answer, &token, "hello");
        assert_eq!(of(b"{\n\"bad\": \"Bearer s3cret\"\0}"), "{ \"bad\": \"Bearer [token]\" }");
        assert_eq!(of(&[b'x'; 5000]).len(), REASON_LIMIT);
        assert_eq!(of(" \u{fffd}я".repeat(400).as_bytes()).chars().count(), REASON_LIMIT - 1);
        assert_eq!(of(b" \n"), "it gave no reason");
    }

    #[test]
    fn a_reason_does_not_repeat_the_message() {
        let token = SecretString::from("s3cret");
        let long = "My number is 4111 1111 1111 1111, and \"that\" is all.";
        for (message, answer, expected) in [
            ("привет, я \"Анна\"", "cannot take привет, я \"Анна\"!", "cannot take …!"),
            ("привет\n\"Анна\"", r#"{"error": "no: привет\n\"Анна\""}"#, r#"{"error":"no: …"}"#),
            ("привет", r#"{"error": "\u043f\u0440\u0438\u0432\u0435\u0442?"}"#, r#"{"error":"…?"}"#),
            (long, "you said: My number is 4111 1111 1111 1111, an", "you said: …"),
            ("  ", "bad task", "bad task"),
            ("unrelated", "bad task", "bad task"),
        ] {
            assert_eq!(reason(answer.as_bytes(), &token, message), expected);
        }
    }
}
