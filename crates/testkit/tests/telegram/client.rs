//! A bot that knows nothing but HTTP.

use std::time::Duration;

use reqwest::{Client, Error};
use serde_json::{Value, json};
use switchboard_testkit::telegram::{Bot, FakeTelegram};

pub const TOKEN: &str = "123456:AAE-token-of-the-first-bot-in-tests";
/// For whatever a test waits for.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A status and a body.
pub type Answer = (u16, Value);

#[derive(Clone)]
pub struct Http {
    client: Client,
    base: String,
}

impl Http {
    pub fn new(telegram: &FakeTelegram, token: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().build().expect("a client");
        Self { client, base: format!("{}/bot{token}", telegram.url()) }
    }

    /// Calls a method with a JSON body.
    pub async fn call(&self, method: &str, params: Value) -> Result<Answer, Error> {
        let response = self.client.post(format!("{}/{method}", self.base)).json(&params).send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    /// Calls a method that must succeed, and returns its result.
    pub async fn result(&self, method: &str, params: Value) -> Value {
        let (status, mut body) = self.call(method, params).await.expect("an answer");
        assert_eq!((status, &body["ok"]), (200, &Value::Bool(true)), "{method}: {body}");
        body["result"].take()
    }

    /// Calls a method that must be refused, and returns the code and the description.
    pub async fn refused(&self, method: &str, params: Value) -> (u16, String) {
        let (status, body) = self.call(method, params).await.expect("an answer");
        assert_eq!(body["ok"], false, "{method}: {body}");
        assert_eq!(body["error_code"], status, "the body repeats the status");
        (status, body["description"].as_str().expect("a description").to_owned())
    }

    pub async fn send(&self, chat_id: i64, text: &str) -> Value {
        self.result("sendMessage", json!({ "chat_id": chat_id, "text": text })).await
    }

    /// The ids of the updates that a poll finds.
    pub async fn poll(&self, params: Value) -> Vec<i64> {
        let updates = self.result("getUpdates", params).await;
        updates
            .as_array()
            .expect("a list")
            .iter()
            .map(|update| update["update_id"].as_i64().expect("an id"))
            .collect()
    }

    /// Any request at all, below the bot's address.
    pub fn request(&self, method: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("{}/{method}", self.base))
    }
}

/// A server, its bot, and a client that knows the token. Polls are not slowed down.
pub async fn start() -> (FakeTelegram, Bot, Http) {
    let telegram = FakeTelegram::start().await.expect("the server starts");
    let bot = telegram.bot(TOKEN);
    bot.throttled(false);
    let http = Http::new(&telegram, TOKEN);
    (telegram, bot, http)
}
