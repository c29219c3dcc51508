//! Calls of the client-server API and of Synapse's own for administrators.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::timeout;

/// An answer that is not success: the error that a call returns then, to be found with `downcast_ref`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status, 429 for instance.
    pub status: u16,
    /// Matrix's code, `M_LIMIT_EXCEEDED` for instance; empty where there is none.
    pub errcode: String,
    /// The explanation for people.
    pub error: String,
    /// When to come again.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}: {}", self.status, self.errcode, self.error)
    }
}

impl std::error::Error for Refusal {}

/// Makes a call and returns the body of its answer.
pub(super) async fn call(
    method: Method,
    url: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Result<Value> {
    const LIMIT: Duration = Duration::from_mins(1);
    let what = format!("{method} {url}");
    let mut request = Request::builder().method(method).uri(url);
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = request.body(Full::new(Bytes::from(body)))?;

    // One for each call: a connection that is kept may be one that a restarted server has closed.
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let exchange = async {
        let (head, body) = client.request(request).await?.into_parts();
        anyhow::Ok((head.status, body.collect().await?.to_bytes()))
    };
    let (status, body) =
        timeout(LIMIT, exchange).await.map_err(Into::into).flatten().context(what.clone())?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status.is_success() { Ok(body) } else { Err(refusal(status, &body)).context(what) }
}

fn refusal(status: StatusCode, body: &Value) -> Refusal {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let retry_after = body["retry_after_ms"].as_u64().map(Duration::from_millis);
    Refusal { status: status.as_u16(), errcode: text("errcode"), error: text("error"), retry_after }
}
