//! Somebody on the page, as the page's own script talks to the gateway.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use super::PATIENCE;

/// How long the page waits before it sends a message again.
const SEND_AGAIN: Duration = Duration::from_millis(50);

/// A visitor of the page.
pub struct Visitor {
    http: Client,
    /// `http://…/chat/{channel}`
    base: String,
    token: String,
    /// The visitor's id, which is also that of the user.
    pub id: String,
}

/// A message on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub position: i64,
    pub author: String,
    pub html: String,
}

impl Visitor {
    pub async fn new(http: Client, base: String) -> Self {
        let session = http.post(format!("{base}/session")).send().await.expect("the gateway answers");
        assert!(session.status().is_success(), "{}", session.status());
        let session: Value = session.json().await.expect("JSON");
        let text = |key: &str| session[key].as_str().expect(key).to_owned();
        Self { http, base, token: text("token"), id: text("visitor") }
    }

    /// The id under which the AI platform knows this visitor.
    pub fn chat_id(&self) -> String {
        format!("site:{}", self.id)
    }

    /// Posts a message once, under this id.
    pub async fn post(&self, id: Uuid, text: &str) -> reqwest::Result<Response> {
        let body = json!({ "id": id, "text": text });
        self.authorized(self.http.post(format!("{}/messages", self.base))).json(&body).send().await
    }

    /// Posts a message until it is taken, as the page does.
    pub async fn says(&self, text: &str) {
        let id = Uuid::new_v4();
        let send = async {
            loop {
                match self.post(id, text).await {
                    Ok(answer) if answer.status().is_success() => return,
                    Ok(_) | Err(_) => tokio::time::sleep(SEND_AGAIN).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, send).await.unwrap_or_else(|_| panic!("{text:?} was never taken"));
    }

    /// Opens the stream of events after a position.
    pub async fn events(&self, after: i64) -> Events {
        let request = self.authorized(self.http.get(format!("{}/events", self.base)));
        let response = request.header("last-event-id", after).send().await.expect("the gateway answers");
        assert!(response.status().is_success(), "{}", response.status());
        Events { response, buffer: Vec::new() }
    }

    /// Everything on the page, as a reload shows it.
    pub async fn page(&self) -> Vec<Shown> {
        self.events(0).await.until_ready().await
    }

    /// Waits until the page shows so many messages of anybody but the visitor.
    pub async fn wait_for_answers(&self, count: usize) -> Vec<Shown> {
        let mut events = self.events(0).await;
        let mut shown: Vec<Shown> = Vec::new();
        let wait = async {
            while shown.iter().filter(|message| message.author != "user").count() < count {
                shown.extend(events.next_message().await);
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, wait).await.is_ok();
        assert!(in_time, "waited in vain for {count} answers: {shown:#?}");
        shown
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(&self.token)
    }
}

/// An open stream of events.
pub struct Events {
    response: Response,
    buffer: Vec<u8>,
}

impl Events {
    /// The next event, as (name, data); `None` when the stream ended.
    pub async fn next(&mut self) -> Option<(String, String)> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|it| it == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                let block = String::from_utf8(block).expect("events are UTF-8");
                let field = |name: &str| {
                    block.lines().find_map(|line| line.strip_prefix(name)).map(|it| it.trim().to_owned())
                };
                if let Some(event) = field("event:") {
                    return Some((event, field("data:").unwrap_or_default()));
                }
                continue;
            }
            let chunk = self.response.chunk().await.ok()??;
            self.buffer.extend_from_slice(&chunk);
        }
    }

    /// The next message; `None` when the stream ended.
    pub async fn next_message(&mut self) -> Option<Shown> {
        loop {
            let (event, data) = self.next().await?;
            if event == "message" {
                return Some(shown(&data));
            }
        }
    }

    /// All messages up to what is stored by now.
    async fn until_ready(mut self) -> Vec<Shown> {
        let mut messages = Vec::new();
        let read = async {
            while let Some((event, data)) = self.next().await {
                match event.as_str() {
                    "message" => messages.push(shown(&data)),
                    "ready" => break,
                    _ => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, read).await.expect("the stream says when it is ready");
        messages
    }
}

fn shown(data: &str) -> Shown {
    let data: Value = serde_json::from_str(data).expect("JSON");
    Shown {
        position: data["position"].as_i64().expect("a position"),
        author: data["author"].as_str().expect("an author").to_owned(),
        html: data["html"].as_str().expect("html").to_owned(),
    }
}
