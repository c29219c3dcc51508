//! Calling the Bot API.
//!
//! The methods and their parameters are teloxide's; the transport is not, for these reasons. teloxide
//! sleeps ten seconds on every 5xx before it says so, which would hold up a chat and keep a place of
//! those under way; it drops the status and `error_code`, without which an outage cannot be told from
//! a refusal; it reads every answer twice; and the `Debug` of its bot prints the token.
//!
//! The token is in the address of every call, so no address leaves this module: errors are stripped
//! of theirs, and what a server says is searched for the token.

use std::{fmt, time::Duration};

use bytes::Bytes;
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use teloxide_core::requests::Payload;
use url::{Host, Url};

use crate::{
    ConfigError, TelegramConfig,
    error::{CallError, Refusal},
};

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an unused connection is kept. Shorter than servers usually keep theirs, so that a request
/// rarely meets a connection that is just being closed: its outcome would be unknown.
const POOL_IDLE: Duration = Duration::from_secs(20);
/// The longest pause that is kept. No server means more, and nobody could add it to a time.
const LONGEST_PAUSE: Duration = Duration::from_hours(24);

/// One bot's access to the Bot API. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    /// Ends with `/bot<token>/`.
    base: SecretString,
    token: SecretString,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// What every answer looks like.
#[derive(Deserialize)]
struct Answer<R> {
    ok: bool,
    #[serde(default = "Option::default")]
    result: Option<R>,
    error_code: Option<u16>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Default, Deserialize)]
struct Parameters {
    migrate_to_chat_id: Option<i64>,
    retry_after: Option<u64>,
}

/// An answer that has been received and not been read yet.
pub(crate) struct Received {
    status: StatusCode,
    /// From the header, where the body does not say it.
    retry_after: Option<u64>,
    body: Bytes,
}

impl Client {
    /// Opens no connection. `timeout` is for a whole call.
    pub(crate) fn new(config: &TelegramConfig, timeout: Duration) -> Result<Self, ConfigError> {
        let mut builder = reqwest::Client::builder()
            // A followed redirect would take the token elsewhere.
            .redirect(Policy::none())
            // A connection that takes longer than the whole call would look like an unknown outcome.
            .connect_timeout(CONNECT_TIMEOUT.min(timeout / 2))
            .timeout(timeout)
            .pool_idle_timeout(POOL_IDLE)
            .tcp_nodelay(true);
        if is_loopback(&config.api_url) {
            builder = builder.no_proxy();
        }
        let token = config.token.clone();
        let base = config.api_url.as_str().trim_end_matches('/');
        let base = SecretString::from(format!("{base}/bot{}/", token.expose_secret()));
        Ok(Self { http: builder.build().map_err(ConfigError::Client)?, base, token })
    }

    /// Calls a method and reads its answer as `R`, which may be less than teloxide reads.
    pub(crate) async fn call<P, R>(&self, payload: &P) -> Result<R, CallError>
    where
        P: Payload + Serialize,
        R: for<'de> Deserialize<'de>,
    {
        let received = self.receive(payload).await?;
        self.read(&received)
    }

    /// Calls a method and returns its answer unread, for [`Self::read`].
    pub(crate) async fn receive<P: Payload + Serialize>(&self, payload: &P) -> Result<Received, CallError> {
        let body = serde_json::to_vec(payload).expect("parameters are maps with text as keys");
        let url = format!("{}{}", self.base.expose_secret(), P::NAME);
        let request =
            self.http.post(url).header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body);
        let response = request.send().await.map_err(CallError::transport)?;
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        let body = response.bytes().await.map_err(CallError::transport)?;
        Ok(Received { status, retry_after, body })
    }

    /// Reads an answer, which may borrow from what was received.
    pub(crate) fn read<'a, R: Deserialize<'a>>(&self, received: &'a Received) -> Result<R, CallError> {
        let Received { status, retry_after, body } = received;
        let answer: Answer<R> = serde_json::from_slice(body)
            .map_err(|error| CallError::Unreadable { status: status.as_u16(), fault: fault(&error) })?;
        if answer.ok {
            let missing = CallError::Unreadable { status: status.as_u16(), fault: "it has no result" };
            return answer.result.ok_or(missing);
        }
        let parameters = answer.parameters.unwrap_or_default();
        Err(CallError::Refused(Refusal {
            code: answer.error_code.unwrap_or(status.as_u16()),
            description: self.without_token(answer.description.unwrap_or_default()),
            retry_after: parameters
                .retry_after
                .or(*retry_after)
                .map(|seconds| Duration::from_secs(seconds).min(LONGEST_PAUSE)),
            migrated_to: parameters.migrate_to_chat_id,
        }))
    }

    /// What a server says, should it repeat the token, or the part of it that is the secret.
    pub(crate) fn without_token(&self, text: String) -> String {
        let token = self.token.expose_secret();
        let secret = token.split_once(':').map_or(token, |(_, secret)| secret);
        if text.contains(secret) { text.replace(token, "<token>").replace(secret, "<token>") } else { text }
    }
}

/// What is wrong with an answer. The error itself would quote it.
fn fault(error: &serde_json::Error) -> &'static str {
    if error.is_data() { "it is JSON of another kind" } else { "it is not JSON" }
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

/// Nobody means a proxy for what runs on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
