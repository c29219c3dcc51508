//! Webhooks: what may be set, and how updates are brought there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use switchboard_testkit::wait::wait_for;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{LIMIT, start};

/// What a webhook was told, in order.
#[derive(Clone)]
struct Webhook {
    seen: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    /// How many more updates of a chat are refused.
    refusals: Arc<Mutex<HashMap<i64, u32>>>,
    /// One for each update that may be answered.
    answers: Arc<Semaphore>,
}

impl Webhook {
    async fn listen(answers: usize) -> (Self, SocketAddr, JoinSet<()>) {
        let webhook = Self {
            seen: Arc::default(),
            refusals: Arc::default(),
            answers: Arc::new(Semaphore::new(answers)),
        };
        let router = Router::new().fallback(receive).with_state(webhook.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.expect("the webhook runs") });
        (webhook, address, server)
    }

    /// The texts from a chat, in the order they came.
    fn texts(&self, chat: i64) -> Vec<String> {
        let seen = self.seen.lock().expect("no panic");
        let messages =
            seen.iter().map(|(_, update)| &update["message"]).filter(|message| message["chat"]["id"] == chat);
        messages.filter_map(|message| message["text"].as_str().map(str::to_owned)).collect()
    }

    async fn wait_for(&self, count: usize) {
        let enough = async || (self.seen.lock().expect("no panic").len() >= count).then_some(());
        wait_for("updates at the webhook", LIMIT, enough).await;
    }
}

async fn receive(State(webhook): State<Webhook>, headers: HeaderMap, body: String) -> StatusCode {
    let update: Value = serde_json::from_str(&body).expect("an update");
    let chat = update["message"]["chat"]["id"].as_i64().unwrap_or_default();
    webhook.seen.lock().expect("no panic").push((headers, update));
    webhook.answers.acquire().await.expect("it is never closed").forget();
    let mut refusals = webhook.refusals.lock().expect("no panic");
    match refusals.get_mut(&chat) {
        Some(left) if *left > 0 => {
            *left -= 1;
            StatusCode::INTERNAL_SERVER_ERROR
        }
        _ => StatusCode::OK,
    }
}

#[tokio::test]
async fn a_webhook_gets_what_waits_and_what_comes_with_its_secret() {
    let (_telegram, bot, http) = start().await;
    let (webhook, address, _server) = Webhook::listen(10).await;
    let alice = bot.user("Alice");
    alice.sends("one");
    http.result("setWebhook", json!({ "url": format!("http://{address}/here"), "secret_token": "s3cret-_" }))
        .await;
    alice.sends("two");
    webhook.wait_for(2).await;
    bot.wait_until_confirmed(LIMIT).await;
    assert_eq!(webhook.texts(alice.id()), ["one", "two"]);
    let (headers, update) = webhook.seen.lock().expect("no panic")[0].clone();
    assert_eq!(headers["x-telegram-bot-api-secret-token"], "s3cret-_");
    assert!(update["update_id"].is_i64());

    assert_eq!(http.refused("getUpdates", json!({})).await, (
        409,
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            .to_owned()
    ));
    http.result("deleteWebhook", json!({})).await;
    alice.sends("three");
    assert_eq!(http.poll(json!({})).await.len(), 1);
}

#[tokio::test]
async fn a_chat_waits_for_its_update_and_no_other_does() {
    let (_telegram, bot, http) = start().await;
    let (webhook, address, _server) = Webhook::listen(0).await;
    let (alice, bob) = (bot.user("Alice"), bot.user("Bob"));
    http.result("setWebhook", json!({ "url": format!("http://{address}/") })).await;
    for text in ["one", "two", "three"] {
        alice.sends(text);
        bob.sends(text);
    }
    webhook.wait_for(2).await;
    assert_eq!(webhook.texts(alice.id()), ["one"], "the next comes after an answer");
    assert_eq!(webhook.texts(bob.id()), ["one"], "another chat is not kept waiting");
    webhook.answers.add_permits(100);
    bot.wait_until_confirmed(LIMIT).await;
    assert_eq!(webhook.texts(alice.id()), ["one", "two", "three"]);
}

#[tokio::test]
async fn what_a_webhook_refuses_is_repeated_before_the_next() {
    let (_telegram, bot, http) = start().await;
    let (webhook, address, _server) = Webhook::listen(100).await;
    let alice = bot.user("Alice");
    webhook.refusals.lock().expect("no panic").insert(alice.id(), 2);
    http.result("setWebhook", json!({ "url": format!("http://{address}/") })).await;
    let first = alice.sends("one").update_id;
    alice.sends("two");
    bot.wait_until_confirmed(LIMIT).await;
    assert_eq!(webhook.texts(alice.id()), ["one", "one", "one", "two"]);
    let attempts: Vec<_> = bot.deliveries().iter().map(|attempt| attempt.status).collect();
    assert_eq!(attempts, [Some(500), Some(500), Some(200), Some(200)]);
    assert_eq!(Some(bot.deliveries()[2].update_id), first);
    let info = http.result("getWebhookInfo", json!({})).await;
    assert_eq!(info["last_error_message"], "Wrong response from the webhook: 500 Internal Server Error");
}

#[tokio::test]
async fn what_no_webhook_took_goes_back_to_the_queue_or_is_dropped() {
    let (_telegram, bot, http) = start().await;
    let (webhook, address, _server) = Webhook::listen(0).await;
    let (alice, bob) = (bot.user("Alice"), bot.user("Bob"));
    http.result("setWebhook", json!({ "url": format!("http://{address}/") })).await;
    let sent: Vec<_> =
        [&alice, &bob, &alice].iter().filter_map(|user| user.sends("Hello").update_id).collect();
    webhook.wait_for(2).await;
    assert_eq!(http.result("getWebhookInfo", json!({})).await["pending_update_count"], 3);
    http.result("deleteWebhook", json!({})).await;
    assert_eq!(bot.webhook(), None);
    assert_eq!(http.poll(json!({})).await, sent);

    http.result("setWebhook", json!({ "url": format!("http://{address}/"), "drop_pending_updates": true }))
        .await;
    assert_eq!(bot.unconfirmed_count(), 0);
}

#[tokio::test]
async fn a_poll_that_waits_is_terminated_by_a_webhook() {
    let (_telegram, bot, http) = start().await;
    let poll = http.refused("getUpdates", json!({ "timeout": 50 }));
    let set = async {
        bot.wait_until_polled(LIMIT).await;
        http.result("setWebhook", json!({ "url": "https://example.com/" })).await
    };
    let (refused, _) = tokio::join!(poll, set);
    assert_eq!(refused, (409, "Conflict: terminated by setWebhook request".to_owned()));
}

#[tokio::test]
async fn a_webhook_elsewhere_is_called_where_the_test_says() {
    let (_telegram, bot, http) = start().await;
    let (webhook, address, _server) = Webhook::listen(10).await;
    bot.webhook_listens_at(address);
    let params = json!({ "url": "https://chat.example.com/telegram", "allowed_updates": ["message"] });
    http.result("setWebhook", params).await;
    let info = http.result("getWebhookInfo", json!({})).await;
    assert_eq!(info["url"], "https://chat.example.com/telegram");
    assert_eq!((&info["max_connections"], &info["allowed_updates"]), (&json!(40), &json!(["message"])));

    assert_eq!(bot.push_update(json!({ "edited_message": {} })), None);
    bot.user("Alice").sends("Hello");
    webhook.wait_for(1).await;
    assert_eq!(webhook.seen.lock().expect("no panic")[0].0["host"], "chat.example.com");
}

#[tokio::test]
async fn urls_and_secrets_that_telegram_refuses_are_refused() {
    let (_telegram, bot, http) = start().await;
    let ports = "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443";
    let cases = [
        ("http://example.com/", "a", "bad webhook: An HTTPS URL must be provided for webhook"),
        ("https://example.com:8080/", "a", ports),
        ("ftp://example.com/", "a", "invalid webhook URL specified"),
        ("https://", "a", "invalid webhook URL specified"),
        ("https://example.com/", "not allowed", "secret token contains unallowed characters"),
        ("https://example.com/", &"a".repeat(257), "secret token is too long"),
    ];
    for (url, secret_token, reason) in cases {
        let refused = http.refused("setWebhook", json!({ "url": url, "secret_token": secret_token })).await;
        assert_eq!(refused, (400, format!("Bad Request: {reason}")), "{url}");
    }
    let begin = Instant::now();
    http.refused("setWebhook", json!({ "url": "ftp://example.com/" })).await;
    bot.throttled(true);
    let again = http.call("setWebhook", json!({ "url": "https://example.com/" })).await.expect("an answer");
    // That second may be over, where the machine is slow.
    assert!(
        again.0 == 429 || begin.elapsed() >= Duration::from_secs(1),
        "one webhook in a second: {again:?}"
    );
    assert_eq!(bot.webhook().is_some(), again.0 == 200);
}

#[tokio::test]
async fn parts_of_a_form_are_read() {
    let (_telegram, bot, http) = start().await;
    let part = |name: &str, value: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body =
        part("url", "https://example.com/here") + &part("allowed_updates", "[\"message\"]") + "--x--\r\n";
    let request =
        http.request("SetWebhook").header("content-type", "multipart/form-data; boundary=x").body(body);
    assert!(request.send().await.expect("an answer").status().is_success());
    assert_eq!(bot.webhook().as_deref(), Some("https://example.com/here"));
    assert_eq!(http.result("getWebhookInfo", json!({})).await["allowed_updates"], json!(["message"]));
}
