//! Calling Discord's REST API, version 10.
//!
//! The transport is not serenity's: its own client, with its limiter on, ignores the configured address, waits out
//! a 429 in place and for ever, and without it loses `retry_after`; and its spans record bodies.
//!
//! The token is in a header that is marked as sensitive, and in no address; nothing of an answer that is not
//! Discord's is kept.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, UNIX_EPOCH},
};

use reqwest::{
    Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::Instant;
use url::{Host, Url};

use crate::{
    ConfigError, DiscordConfig,
    error::{CallError, Refusal},
    limits::{Limits, Pause},
};

/// Discord asks for this form, and blocks what does without.
pub(crate) const USER_AGENT: &str = concat!("DiscordBot (switchboard, ", env!("CARGO_PKG_VERSION"), ")");
/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an unused connection is kept. Shorter than servers usually keep theirs, so that a request
/// rarely meets a connection that is just being closed: its outcome would be unknown.
const POOL_IDLE: Duration = Duration::from_secs(20);
/// How long to wait where Discord asks to and does not say how long.
const UNNAMED_PAUSE: Duration = Duration::from_secs(5);
/// No server means a longer one.
const LONGEST_PAUSE: Duration = Duration::from_hours(24);

/// What is called, as far as limits tell calls apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    /// The method and the sort of call.
    pub(crate) name: &'static str,
    /// The channel or guild in the path, by which buckets are divided.
    pub(crate) major: u64,
}

/// One bot's access to the API.
pub(crate) struct Client {
    http: reqwest::Client,
    /// Ends with `/api/v10`.
    base: String,
    limits: Mutex<Limits>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// An answer that was a success.
pub(crate) struct Reply {
    pub(crate) body: Vec<u8>,
    /// When Discord says that it is, in milliseconds since 1970.
    pub(crate) date: Option<u64>,
    status: u16,
}

impl Reply {
    pub(crate) fn read<R: DeserializeOwned>(&self) -> Result<R, CallError> {
        serde_json::from_slice(&self.body).map_err(|_| CallError::Unreadable { status: self.status })
    }
}

/// What a refusal looks like.
#[derive(Default, Deserialize)]
struct Fault {
    #[serde(default)]
    code: u32,
    /// Whatever else answers in JSON hardly has a text of this name.
    message: Option<String>,
    retry_after: Option<f64>,
    #[serde(default)]
    global: bool,
}

impl Client {
    /// Opens no connection.
    pub(crate) fn new(config: &DiscordConfig) -> Result<Self, ConfigError> {
        let authorization = format!("Bot {}", config.token.expose_secret());
        let mut authorization = HeaderValue::try_from(authorization).map_err(|_| ConfigError::Token)?;
        authorization.set_sensitive(true);
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, authorization)]))
            // A followed redirect would take the token elsewhere.
            .redirect(Policy::none())
            // A connection that takes longer than the whole call would look like an unknown outcome.
            .connect_timeout(CONNECT_TIMEOUT.min(config.call_timeout / 2))
            .timeout(config.call_timeout)
            .pool_idle_timeout(POOL_IDLE)
            .tcp_nodelay(true);
        if is_loopback(&config.api_url) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(ConfigError::Client)?;
        let base = format!("{}/api/v10", config.api_url.as_str().trim_end_matches('/'));
        Ok(Self { http, base, limits: Mutex::default() })
    }

    pub(crate) async fn get<R: DeserializeOwned>(&self, route: Route, path: &str) -> Result<R, CallError> {
        self.call(Method::GET, route, path, None::<&()>).await?.read()
    }

    /// Calls once. Refuses by itself where Discord would ask to wait.
    pub(crate) async fn call<B: Serialize>(
        &self,
        method: Method,
        route: Route,
        path: &str,
        body: Option<&B>,
    ) -> Result<Reply, CallError> {
        self.limits().check(route.name, route.major, Instant::now()).map_err(limited)?;
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            let body = serde_json::to_vec(body).expect("bodies are structures with text as keys");
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body);
        }
        let response = request.send().await.map_err(CallError::transport)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(CallError::transport);
        self.learn(route, status, &headers);
        if status.is_success() {
            return Ok(Reply { body: body?.to_vec(), date: date(&headers), status: status.as_u16() });
        }
        Err(self.failure(route, status, &headers, &body?))
    }

    /// What the headers tell about the next call.
    fn learn(&self, route: Route, status: StatusCode, headers: &HeaderMap) {
        let now = Instant::now();
        let shared = text(headers, "x-ratelimit-scope") == Some("shared");
        let mut limits = self.limits();
        if matches!(status.as_u16(), 401 | 403 | 429) && !shared {
            limits.invalid(now);
        }
        // The pause that a 429 asks for is told instead, and kept by the engine.
        if status != StatusCode::TOO_MANY_REQUESTS
            && text(headers, "x-ratelimit-remaining") == Some("0")
            && let Some(retry_after) = text(headers, "x-ratelimit-reset-after").and_then(seconds)
        {
            limits.pause(route.name, route.major, Pause { retry_after, everything: false }, now);
        }
    }

    fn failure(&self, route: Route, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> CallError {
        let fault = serde_json::from_slice::<Fault>(body).ok();
        let named = fault.as_ref().and_then(|fault| fault.retry_after).and_then(duration);
        // Discord's code tells a slow mode from a limit on calls.
        let slow_mode = fault.as_ref().is_some_and(|fault| matches!(fault.code, 20_016 | 20_028));
        if status == StatusCode::TOO_MANY_REQUESTS && !slow_mode {
            let header = || headers.get(RETRY_AFTER)?.to_str().ok().and_then(seconds);
            let retry_after = named.or_else(header).unwrap_or(UNNAMED_PAUSE);
            let scope = text(headers, "x-ratelimit-scope");
            // Without a word of Discord's own it is the ban, which is for everything.
            let everything = fault.map_or(scope.is_none(), |fault| fault.global)
                || scope == Some("global")
                || headers.contains_key(HeaderName::from_static("x-ratelimit-global"));
            let pause = Pause { retry_after, everything };
            if everything {
                // Also for what the engine does not pace, such as reading history.
                self.limits().pause(route.name, route.major, pause, Instant::now());
            }
            return limited(pause);
        }
        match fault {
            Some(Fault { code, message: Some(message), .. }) => {
                CallError::Refused(Refusal { status: status.as_u16(), code, message, retry_after: named })
            }
            _ => CallError::Unreadable { status: status.as_u16() },
        }
    }

    fn limits(&self) -> MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn limited(pause: Pause) -> CallError {
    CallError::Limited { retry_after: pause.retry_after, everything: pause.everything }
}

fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    headers.get(HeaderName::from_static(name))?.to_str().ok()
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().and_then(duration)
}

/// `None` for what no server means: negative numbers, and what is no number.
fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().map(|pause| pause.min(LONGEST_PAUSE))
}

fn date(headers: &HeaderMap) -> Option<u64> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    u64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
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

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use switchboard_core::ChannelName;

    use super::*;

    const ROUTE: Route = Route { name: "GET messages", major: 1 };

    fn client() -> Client {
        rustls::crypto::ring::default_provider().install_default().ok();
        let token = SecretString::from("MTIz.Gx_y.a-secret");
        Client::new(&DiscordConfig::new(ChannelName::new("support"), token)).expect("a client")
    }

    #[test]
    fn a_refusal_is_discord_s_only_in_its_form() {
        let client = client();
        for (body, discord) in [
            (r#"{"message":"Unknown Channel","code":10003}"#, true),
            (r#"{"message":"404: Not Found","code":0}"#, true),
            (r#"{"detail":"Not Found"}"#, false),
            ("{}", false),
            ("[]", false),
            ("not found", false),
        ] {
            let error = client.failure(ROUTE, StatusCode::NOT_FOUND, &HeaderMap::new(), body.as_bytes());
            assert_eq!(error.refusal().is_some(), discord, "{body}");
        }
    }

    #[test]
    fn a_pause_is_for_what_it_names_however_it_is_told() {
        let client = client();
        for (headers, body, seconds, expected) in [
            (vec![("x-ratelimit-scope", "user")], r#"{"retry_after":0.5}"#, 0.5, false),
            (vec![("x-ratelimit-scope", "shared"), ("retry-after", "7")], "", 7.0, false),
            (vec![("x-ratelimit-scope", "global"), ("retry-after", "7")], "", 7.0, true),
            (vec![("x-ratelimit-global", "true")], r#"{"retry_after":2.0}"#, 2.0, true),
            (vec![], r#"{"retry_after":2.0,"global":true}"#, 2.0, true),
            (vec![("retry-after", "60")], "<html>banned</html>", 60.0, true),
            (vec![], "", 5.0, true),
            (vec![("x-ratelimit-scope", "user")], r#"{"retry_after":-1}"#, 5.0, false),
            (vec![("x-ratelimit-scope", "user")], r#"{"retry_after":1e19}"#, 86_400.0, false),
        ] {
            let map = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let map: HeaderMap = map.collect();
            let error = client.failure(ROUTE, StatusCode::TOO_MANY_REQUESTS, &map, body.as_bytes());
            let CallError::Limited { retry_after, everything } = error else { panic!("{error}: {body}") };
            assert_eq!((retry_after.as_secs_f64(), everything), (seconds, expected), "{headers:?} {body}");
        }
    }
}
