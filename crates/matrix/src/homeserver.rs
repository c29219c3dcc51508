//! The homeserver without the SDK: the few calls that must not touch the device's keys.
//!
//! The SDK's client opens a device whenever it has a session. Looking at an account beside a running gateway, or
//! asking whose a token is, must not.

use std::time::Duration;

use matrix_sdk::reqwest::{Client, Method, RequestBuilder, StatusCode, header::RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use switchboard_core::chain;

use crate::{MatrixConfig, error::Fault};

/// How to ask it.
pub(crate) struct Homeserver {
    base: String,
    token: Option<SecretString>,
    timeout: Duration,
}

/// Whose a token is.
#[derive(Debug, Deserialize)]
pub(crate) struct Owner {
    pub(crate) user_id: String,
    pub(crate) device_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    #[serde(default)]
    errcode: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    soft_logout: bool,
}

impl Homeserver {
    /// For calls with this token.
    pub(crate) fn new(config: &MatrixConfig, token: SecretString) -> Self {
        Self { token: Some(token), ..Self::anonymous(config) }
    }

    /// For calls that anybody may make.
    pub(crate) fn anonymous(config: &MatrixConfig) -> Self {
        let base = config.homeserver_url.as_str().trim_end_matches('/').to_owned();
        Self { base, token: None, timeout: config.call_timeout }
    }

    pub(crate) async fn who_am_i(&self) -> Result<Owner, Fault> {
        self.call(Method::GET, "/_matrix/client/v3/account/whoami", None).await
    }

    pub(crate) async fn get<R: DeserializeOwned>(&self, path: &str) -> Result<R, Fault> {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post<R: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<R, Fault> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call<R: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<R, Fault> {
        let client = Client::builder().timeout(self.timeout).build();
        let client = client.map_err(|error| Fault::Unavailable(chain(&error)))?;
        let mut request = client.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        answer(request).await
    }
}

async fn answer<R: DeserializeOwned>(request: RequestBuilder) -> Result<R, Fault> {
    let response = request.send().await.map_err(|error| {
        let connecting = error.is_connect();
        let reason = chain(&error.without_url());
        if connecting { Fault::Unavailable(reason) } else { Fault::Lost(reason) }
    })?;
    let (status, wait) = (response.status(), response.headers().get(RETRY_AFTER).cloned());
    let body = response.bytes().await.map_err(|error| Fault::Lost(chain(&error.without_url())))?;
    if status.is_success() {
        return serde_json::from_slice(&body)
            .map_err(|error| Fault::Lost(format!("the answer is not as Matrix specifies it: {error}")));
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        let seconds = wait.and_then(|wait| wait.to_str().ok()?.parse().ok()).unwrap_or(5);
        return Err(Fault::Limited(Duration::from_secs(seconds)));
    }
    let Ok(refusal) = serde_json::from_slice::<Refusal>(&body) else {
        return Err(Fault::Lost(format!("something answered {}: no error of Matrix", status.as_u16())));
    };
    Err(match refusal.errcode.as_str() {
        "M_UNKNOWN_TOKEN" if refusal.soft_logout => Fault::LoggedOutSoftly,
        "M_UNKNOWN_TOKEN" | "M_MISSING_TOKEN" | "M_USER_DEACTIVATED" | "M_USER_LOCKED" => {
            Fault::LoggedOut(refusal.error)
        }
        "M_USER_SUSPENDED" => Fault::Suspended(refusal.error),
        _ if status.is_server_error() => {
            Fault::Lost(format!("the homeserver answered {}: {}", status.as_u16(), refusal.error))
        }
        code => {
            Fault::Refused { status: status.as_u16(), code: code.to_owned(), message: refusal.error.clone() }
        }
    })
}
