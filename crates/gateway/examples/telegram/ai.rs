//! An AI platform that answers every message by webhook, at once, and costs as little as it can.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

/// What the answer to a message begins with; the message follows.
pub const ANSWER: &str = "re: ";

#[derive(Clone)]
struct Platform {
    client: Client<HttpConnector, Full<Bytes>>,
    webhook: String,
    webhooks: TaskTracker,
}

/// Listens until the process ends. The answers go to the gateway's `webhook`.
pub fn serve(listener: std::net::TcpListener, webhook: String, tasks: &TaskTracker) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let platform = Platform { client, webhook, webhooks: tasks.clone() };
    let router = Router::new().route("/api/1.1/wf/send_message_external", post(take)).with_state(platform);
    tasks.spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

async fn take(State(platform): State<Platform>, body: Bytes) -> StatusCode {
    let Ok(message) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST };
    let webhooks = platform.webhooks.clone();
    webhooks.spawn(async move { platform.answer(&message).await });
    StatusCode::OK
}

impl Platform {
    /// Repeats the webhook until it is taken.
    async fn answer(&self, message: &Value) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let webhook = json!({
            "external_chat_id": message["chat_id"],
            "message_text": format!("{ANSWER}{}", message["message"].as_str().unwrap_or_default()),
            "message_type": "bot",
            "message_id": id,
            "thread_id": message["chat_id"],
            "task_id": message["task_id"],
        });
        let body = Bytes::from(webhook.to_string());
        loop {
            let request = hyper::Request::post(&self.webhook)
                .header("content-type", "application/json")
                .body(Full::new(body.clone()))
                .expect("a good request");
            match self.client.request(request).await {
                Ok(answer) if answer.status() == StatusCode::OK => return,
                Ok(answer) => eprintln!("webhook {id}: {}", answer.status()),
                Err(error) => eprintln!("webhook {id}: {error}"),
            }
        }
    }
}
