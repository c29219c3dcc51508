//! A running sandbox with both of its neighbours.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use reqwest::{Client, RequestBuilder, Response};
use secrecy::SecretString;
use serde_json::{Value, json};
use switchboard_sandbox::{Handle, Sandbox, SandboxConfig};
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

/// The token that these tests use.
pub const TOKEN: &str = "sandbox-token";
/// Nothing here takes this long, unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// A webhook, as it arrived.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The header `Content-Type`.
    pub content_type: String,
    /// The body, taken apart.
    pub fields: Value,
}

impl Webhook {
    /// The field as a string.
    pub fn text(&self, field: &str) -> &str {
        self.fields[field].as_str().unwrap_or_else(|| panic!("{field} is a string in {}", self.fields))
    }

    /// Author and text.
    pub fn said(&self) -> (&str, &str) {
        (self.text("message_type"), self.text("message_text"))
    }
}

/// A server that takes webhooks.
pub struct Receiver {
    /// Where webhooks go.
    pub url: Url,
    received: watch::Receiver<Vec<Webhook>>,
    /// The statuses of the next answers; 200 after them.
    pub statuses: Arc<Mutex<VecDeque<StatusCode>>>,
    _server: JoinSet<()>,
}

type ReceiverState = (watch::Sender<Vec<Webhook>>, Arc<Mutex<VecDeque<StatusCode>>>);

impl Receiver {
    /// A server on a free port.
    pub async fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self::on(free)
    }

    /// A server at this address.
    pub async fn start_at(address: SocketAddr) -> Self {
        Self::on(TcpListener::bind(address).await.expect("the port is free again"))
    }

    fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("it is bound");
        let url = format!("http://{address}/webhooks/ai/main/secret").parse().expect("a url");
        let (sender, received) = watch::channel(Vec::new());
        let statuses = Arc::new(Mutex::new(VecDeque::new()));
        let state: ReceiverState = (sender, Arc::clone(&statuses));
        let router = Router::new().route("/webhooks/ai/main/secret", post(receive)).with_state(state);
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.expect("the server runs") });
        Self { url, received, statuses, _server: server }
    }

    /// The webhooks that were answered with 2xx, once there are so many.
    pub async fn wait_for(&self, count: usize) -> Vec<Webhook> {
        let mut received = self.received.clone();
        let all = timeout(PATIENCE, received.wait_for(|all| all.len() >= count)).await;
        let Ok(all) = all else { panic!("expected {count} webhooks: {:#?}", self.received()) };
        all.expect("the server runs").clone()
    }

    /// The webhooks that were answered with 2xx until now.
    pub fn received(&self) -> Vec<Webhook> {
        self.received.borrow().clone()
    }

    /// What the next requests are answered with.
    pub fn answer_next(&self, statuses: &[u16]) {
        let statuses = statuses.iter().map(|status| StatusCode::from_u16(*status).expect("a status"));
        self.statuses.lock().expect("no test panics while it holds this").extend(statuses);
    }
}

async fn receive(
    State((received, statuses)): State<ReceiverState>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    let next = statuses.lock().expect("no test panics while it holds this").pop_front();
    let status = next.unwrap_or(StatusCode::OK);
    if status.is_success() {
        let content_type = headers["content-type"].to_str().expect("it is text").to_owned();
        let fields = if content_type == "application/json" {
            serde_json::from_str(&body).expect("it is JSON")
        } else {
            let pairs = url::form_urlencoded::parse(body.as_bytes());
            pairs.map(|(name, value)| (name.into_owned(), Value::from(value))).collect()
        };
        received.send_modify(|all| all.push(Webhook { content_type, fields }));
    }
    status
}

/// A running sandbox; it ends with the test.
pub struct Running {
    /// What steers it.
    pub handle: Handle,
    client: Client,
    stop: CancellationToken,
    service: JoinSet<()>,
}

impl Running {
    /// A sandbox that sends webhooks to this receiver.
    pub async fn start(receiver: &Receiver) -> Self {
        Self::start_with(|config| config.webhook_url = Some(receiver.url.clone())).await
    }

    /// A sandbox of which something is configured.
    pub async fn start_with(configure: impl FnOnce(&mut SandboxConfig)) -> Self {
        // Every test may come first; the others find it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = SandboxConfig::new(([127, 0, 0, 1], 0).into(), SecretString::from(TOKEN));
        configure(&mut config);
        let sandbox = Sandbox::bind(config).await.expect("a free port");
        let handle = sandbox.handle();
        let stop = CancellationToken::new();
        let client = Client::builder().no_proxy().build().expect("a client");
        let mut service = JoinSet::new();
        service.spawn(sandbox.run(stop.clone()));
        Self { handle, client, stop, service }
    }

    /// Stops it, and waits until it has.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let ended = timeout(PATIENCE, self.service.join_next()).await.expect("it stops");
        ended.expect("it was started").expect("it does not panic");
    }

    /// A request to this path.
    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(self.url(path)).json(body)
    }

    /// A request to this path with a body that does not say that it is JSON.
    pub fn post_text(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(self.url(path)).header("content-type", "text/plain").body(body.to_string())
    }

    /// The answer to a request that must be accepted.
    pub async fn posted(&self, path: &str, body: Value) -> Value {
        let response = self.post(path, &body).send().await.expect("it answers");
        let status = response.status();
        let text = response.text().await.expect("it answers whole");
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).expect("it is JSON")
    }

    /// What is at this path.
    pub async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.expect("it answers")
    }

    /// What is at this path, as JSON.
    pub async fn get_json(&self, path: &str) -> Value {
        self.get(path).await.json().await.expect("it is JSON")
    }

    /// A request of the gateway.
    pub fn message(&self, chat_id: &str, message: &str) -> RequestBuilder {
        let body = json!({"task_id": "t", "chat_id": chat_id, "message": message});
        self.post("/api/1.1/wf/send_message_external", &body).bearer_auth(TOKEN)
    }

    /// The status that a request of the gateway is answered with.
    pub async fn status_of(&self, chat_id: &str, message: &str) -> u16 {
        self.message(chat_id, message).send().await.expect("it answers").status().as_u16()
    }

    /// Sends a message that must be taken.
    pub async fn say(&self, chat_id: &str, message: &str) {
        assert_eq!(self.status_of(chat_id, message).await, 200);
    }

    fn url(&self, path: &str) -> Url {
        self.handle.base_url().join(path).expect("a path")
    }
}

/// Waits until something is so.
pub async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("it becomes so in time");
}
