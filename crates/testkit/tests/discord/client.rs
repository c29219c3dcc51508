//! A bot that knows nothing but HTTP and WebSocket.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Client, Error, RequestBuilder, Response};
use serde_json::{Value, json};
use switchboard_testkit::discord::{Bot, Channel, FakeDiscord};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, client_async};

pub const TOKEN: &str = "MTIz.stand-in.token-of-the-first-bot-in-tests";
/// For whatever a test waits for.
pub const LIMIT: Duration = Duration::from_secs(30);
/// GUILDS, GUILD_MESSAGES, DIRECT_MESSAGES and MESSAGE_CONTENT.
pub const INTENTS: u64 = 1 | 1 << 9 | 1 << 12 | 1 << 15;

/// A status and a body.
pub type Answer = (u16, Value);

#[derive(Clone)]
pub struct Http {
    client: Client,
    base: String,
    token: String,
}

impl Http {
    pub fn new(discord: &FakeDiscord, token: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let agent = "DiscordBot (https://example.com, 1)";
        let client = Client::builder().user_agent(agent).build().expect("a client");
        Self { client, base: format!("{}/api/v10", discord.url()), token: format!("Bot {token}") }
    }

    /// Any call at all: `GET /users/@me`.
    pub fn request(&self, call: &str) -> RequestBuilder {
        let (method, path) = call.split_once(' ').expect("a method and a path");
        let method = method.parse().expect("a method");
        let url = format!("{}{path}", self.base);
        self.client.request(method, url).header("authorization", &self.token)
    }

    /// Makes a call, with a body unless it is null.
    pub async fn response(&self, call: &str, body: &Value) -> Result<Response, Error> {
        let request = self.request(call);
        if body.is_null() { request } else { request.json(body) }.send().await
    }

    pub async fn call(&self, call: &str, body: Value) -> Result<Answer, Error> {
        let response = self.response(call, &body).await?;
        let status = response.status().as_u16();
        Ok((status, if status == 204 { Value::Null } else { response.json().await? }))
    }

    /// Makes a call that must succeed, and returns its result.
    pub async fn result(&self, call: &str, body: Value) -> Value {
        let (status, body) = self.call(call, body).await.expect("an answer");
        assert!(matches!(status, 200 | 204), "{call}: {status} {body}");
        body
    }

    pub async fn get(&self, path: &str) -> Value {
        self.result(&format!("GET {path}"), Value::Null).await
    }

    /// Makes a call that must be refused, and returns the status and the code.
    pub async fn refused(&self, call: &str, body: Value) -> (u16, u64) {
        let (status, body) = self.call(call, body).await.expect("an answer");
        assert!(status >= 400, "{call}: {status} {body}");
        assert!(body["message"].is_string(), "{call}: {body}");
        (status, body["code"].as_u64().expect("a code"))
    }

    pub async fn send(&self, channel: u64, text: &str) -> Value {
        self.result(&to(channel), json!({ "content": text })).await
    }

    /// The texts of a page of history.
    pub async fn texts(&self, channel: &Channel, query: &str) -> Vec<String> {
        let page = self.get(&format!("/channels/{}/messages{query}", channel.id())).await;
        texts(page.as_array().expect("a list"))
    }
}

/// The call that sends to a channel.
pub fn to(channel: u64) -> String {
    format!("POST /channels/{channel}/messages")
}

pub fn texts(messages: &[Value]) -> Vec<String> {
    messages.iter().map(|message| message["content"].as_str().expect("a text").to_owned()).collect()
}

pub fn id(value: &Value) -> u64 {
    value.as_str().expect("ids are strings").parse().expect("ids are digits")
}

/// One connection to the gateway.
pub struct Socket(WebSocketStream<TcpStream>);

/// What comes from the gateway.
#[derive(Debug)]
pub enum Heard {
    Payload(Value),
    /// Closed with a code.
    Closed(u16),
    /// Closed without a word.
    Gone,
}

impl Socket {
    /// Connects, without waiting for HELLO.
    pub async fn open(url: &str) -> Self {
        let address = url.strip_prefix("ws://").expect("plain").split('/').next().expect("a host");
        let stream = TcpStream::connect(address).await.expect("the gateway listens");
        let (socket, _) = client_async(format!("{url}?v=10&encoding=json"), stream).await.expect("a socket");
        Self(socket)
    }

    /// Connects and begins a session. READY is the second to be returned.
    pub async fn identify(discord: &FakeDiscord, intents: u64) -> (Self, Value) {
        let mut socket = Self::open(&discord.gateway_url()).await;
        assert_eq!(socket.payload().await["op"], 10);
        socket.say(2, identity(TOKEN, intents)).await;
        let ready = socket.event("READY").await;
        (socket, ready)
    }

    /// Connects where READY said, and goes on with its session after the event `seq`.
    pub async fn resume(ready: &Value, seq: u64) -> Self {
        let mut socket = Self::open(ready["resume_gateway_url"].as_str().expect("an address")).await;
        assert_eq!(socket.payload().await["op"], 10);
        let session = &ready["session_id"];
        socket.say(6, json!({ "token": TOKEN, "session_id": session, "seq": seq })).await;
        socket
    }

    pub async fn say(&mut self, op: u8, data: Value) {
        self.say_text(json!({ "op": op, "d": data }).to_string()).await;
    }

    pub async fn say_text(&mut self, text: String) {
        self.0.send(Message::text(text)).await.expect("the gateway listens");
    }

    /// Closes with a code, and waits until the gateway has too.
    pub async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        self.0.close(Some(frame)).await.expect("the gateway listens");
        while let Some(Ok(_)) = self.0.next().await {}
    }

    pub async fn hear(&mut self) -> Heard {
        match timeout(LIMIT, self.0.next()).await.expect("the gateway says something in time") {
            Some(Ok(Message::Text(text))) => Heard::Payload(serde_json::from_str(&text).expect("JSON")),
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map_or(1005, |frame| frame.code.into());
                // The answer to it is sent by going on.
                while let Some(Ok(_)) = self.0.next().await {}
                Heard::Closed(code)
            }
            Some(Ok(other)) => panic!("the gateway said {other:?}"),
            Some(Err(_)) | None => Heard::Gone,
        }
    }

    pub async fn payload(&mut self) -> Value {
        match self.hear().await {
            Heard::Payload(payload) => payload,
            other => panic!("the connection ended: {other:?}"),
        }
    }

    /// The next event, which must have this name. Returns its content.
    pub async fn event(&mut self, name: &str) -> Value {
        let mut payload = self.payload().await;
        assert_eq!(payload["t"], name, "{payload}");
        payload["d"].take()
    }

    /// The texts of the next messages that are told of.
    pub async fn messages(&mut self, count: usize) -> Vec<String> {
        let mut messages = Vec::new();
        for _ in 0..count {
            messages.push(self.event("MESSAGE_CREATE").await);
        }
        texts(&messages)
    }

    pub async fn closed(&mut self) -> u16 {
        match self.hear().await {
            Heard::Closed(code) => code,
            other => panic!("not closed with a code: {other:?}"),
        }
    }

    /// The connection ended without a word.
    pub async fn gone(&mut self) {
        let heard = self.hear().await;
        assert!(matches!(heard, Heard::Gone), "{heard:?}");
    }
}

/// What IDENTIFY says.
pub fn identity(token: &str, intents: u64) -> Value {
    json!({ "token": token, "intents": intents, "properties": { "os": "", "browser": "", "device": "" } })
}

/// A server, its bot, and a client that knows the token.
pub async fn start() -> (FakeDiscord, Bot, Http) {
    let discord = FakeDiscord::start().await.expect("the server starts");
    let bot = discord.bot(TOKEN);
    let http = Http::new(&discord, TOKEN);
    (discord, bot, http)
}
