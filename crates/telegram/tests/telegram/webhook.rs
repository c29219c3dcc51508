//! The route, and watching over its registration.

use std::{future::IntoFuture as _, time::Duration};

use axum::{
    body::Body,
    http::{Request, StatusCode, header::RETRY_AFTER},
    response::Response,
};
use serde_json::json;
use switchboard_core::{ChannelName, ConnectionState, Event};
use switchboard_telegram::{Mode, TelegramConfig, route};
use switchboard_testkit::telegram::{Bot, Fault};
use tokio::{net::TcpListener, task::JoinSet};
use tower::ServiceExt as _;

use crate::support::{Channel, LIMIT};

const URL: &str = "https://chat.example.com/webhooks/telegram/support";
const HEADER: &str = "x-telegram-bot-api-secret-token";

fn by_webhook(config: &mut TelegramConfig) {
    config.mode =
        Mode::Webhook { url: URL.parse().unwrap(), secret: "the channel's own secret".to_owned().into() };
}

/// What Telegram was told to show.
async fn secret(bot: &Bot) -> String {
    let calls = bot.wait_for_calls("setWebhook", 1, LIMIT).await;
    calls[0].params.text("secret_token").unwrap().to_owned()
}

async fn post(channel: &Channel, secret: Option<&str>, body: impl Into<Body>) -> Response {
    let request = Request::post(route(&ChannelName::new("support")));
    let request = secret.into_iter().fold(request, |request, secret| request.header(HEADER, secret));
    channel.router.clone().unwrap().oneshot(request.body(body.into()).unwrap()).await.unwrap()
}

fn update(text: &str) -> String {
    json!({ "update_id": 10_000, "message": {
        "message_id": 1365, "date": 1_441_645_532, "text": text,
        "chat": { "id": 1_111_111, "type": "private", "first_name": "Test", "last_name": "Lastname" },
        "from": { "id": 1_111_111, "is_bot": false, "first_name": "Test", "last_name": "Lastname" },
    } })
    .to_string()
}

#[test]
fn a_channel_s_name_becomes_one_segment_of_the_path() {
    assert_eq!(route(&ChannelName::new("support")), "/webhooks/telegram/support");
    assert_eq!(route(&ChannelName::new("a b/c")), "/webhooks/telegram/a%20b%2Fc");
}

#[tokio::test]
async fn the_webhook_is_registered_at_the_start_and_stays_at_the_end() {
    let channel = Channel::start(by_webhook).await;
    channel.connected().await;
    let params = &channel.bot.calls("setWebhook")[0].params;
    assert_eq!(params.text("url"), Some(URL));
    assert_eq!(params.json("allowed_updates"), Some(json!(["message", "my_chat_member"])));
    assert!(params.integer("max_connections").is_some());
    let secret = secret(&channel.bot).await;
    assert!(secret.len() >= 32 && !secret.contains("secret"), "it is derived");
    let bot = channel.bot.clone();
    let (_fake, _) = channel.stop().await;
    assert_eq!(bot.webhook().as_deref(), Some(URL));
    assert_eq!(bot.calls("deleteWebhook").len(), 0);
}

#[tokio::test]
async fn only_who_knows_the_secret_is_heard() {
    let channel = Channel::start(by_webhook).await;
    let secret = secret(&channel.bot).await;
    for wrong in [None, Some(""), Some("wrong"), Some(&secret[1..])] {
        let refused = post(&channel, wrong, update("hello")).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{wrong:?}");
    }
    assert!(channel.store.lock().events.is_empty());
    assert_eq!(post(&channel, Some(&secret), update("hello")).await.status(), StatusCode::OK);
    assert_eq!(channel.store.lock().events.len(), 1);
}

#[tokio::test]
async fn an_update_is_taken_once_and_after_the_commit_only() {
    let channel = Channel::start(by_webhook).await;
    let secret = secret(&channel.bot).await;
    channel.store.lock().failures = 1;
    let refused = post(&channel, Some(&secret), update("hello")).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key(RETRY_AFTER));
    for _ in 0..2 {
        assert_eq!(post(&channel, Some(&secret), update("hello")).await.status(), StatusCode::OK);
    }
    let stored = channel.store.lock();
    assert_eq!((stored.events.len(), stored.duplicates, &stored.cursor), (1, 1, &None));
}

#[tokio::test]
async fn the_route_serves_where_the_channel_does_not_run() {
    let owner = Channel::start(by_webhook).await;
    let secret = secret(&owner.bot).await;
    let replica = Channel::new(by_webhook).await;
    assert_eq!(post(&replica, Some(&secret), update("hello")).await.status(), StatusCode::OK);
    assert_eq!(replica.messages(1).await[0].text, "hello");
}

#[tokio::test]
async fn an_update_is_not_taken_before_the_bot_is_known() {
    let channel = Channel::start(by_webhook).await;
    let secret = secret(&channel.bot).await;
    channel.bot.plan(Fault::bad_gateway()).on("getMe").next(1);
    let refused = post(&channel, Some(&secret), update("hello")).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(post(&channel, Some(&secret), update("hello")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_and_answered() {
    let channel = Channel::start(by_webhook).await;
    let secret = secret(&channel.bot).await;
    for body in ["no JSON", "{}", r#"{"update_id":7,"message":{}}"#] {
        assert_eq!(post(&channel, Some(&secret), body).await.status(), StatusCode::OK, "{body}");
    }
    let events = channel.events(3).await;
    assert!(events.iter().all(|event| matches!(event, Event::Unreadable(_))), "{events:?}");
    let too_large = "x".repeat(5 * 1024 * 1024);
    assert_eq!(post(&channel, Some(&secret), too_large).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_webhook_that_is_taken_away_is_named_and_registered_again() {
    let channel = Channel::start(by_webhook).await;
    channel.connected().await;
    let http = reqwest::Client::new();
    let delete = http.post(format!("{}/bot{}/deleteWebhook", channel.fake.url(), crate::support::TOKEN));
    delete.send().await.unwrap();
    channel.interrupted("another program removed or replaced").await;
    assert_eq!(channel.bot.webhook().as_deref(), Some(URL));
    channel.connected().await;
}

#[tokio::test]
async fn updates_that_cannot_be_brought_are_told() {
    let channel = Channel::new(by_webhook).await;
    // Nobody listens there.
    channel.bot.webhook_listens_at("127.0.0.1:9".parse().unwrap());
    channel.bot.webhook_backoff(Duration::from_millis(10), Duration::from_millis(50));
    let mut channel = channel;
    channel.run();
    channel.connected().await;
    channel.bot.user("Ann").sends("hello");
    channel.interrupted("Telegram cannot bring updates").await;
}

#[tokio::test]
async fn updates_that_wait_for_another_attempt_are_told_until_they_are_brought() {
    let channel = Channel::new(by_webhook).await;
    channel.bot.webhook_listens_at("127.0.0.1:9".parse().unwrap());
    channel.bot.webhook_backoff(Duration::from_secs(3), Duration::from_secs(3));
    let mut channel = channel;
    channel.run();
    channel.connected().await;
    channel.bot.user("Ann").sends("hello");
    channel.interrupted("Telegram cannot bring updates").await;
    let looked = channel.bot.calls("getWebhookInfo").len();
    channel.bot.wait_for_calls("getWebhookInfo", looked + 2, LIMIT).await;
    assert!(matches!(channel.status.state(), ConnectionState::Interrupted(_)), "nothing was brought");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    channel.bot.webhook_listens_at(listener.local_addr().unwrap());
    let mut served = JoinSet::new();
    served.spawn(axum::serve(listener, channel.router.clone().unwrap()).into_future());
    channel.messages(1).await;
    channel.connected().await;
}

#[tokio::test]
async fn a_refused_registration_is_told_and_repeated() {
    let channel = Channel::new(by_webhook).await;
    let refusal =
        Fault::refused(400, "Bad Request: bad webhook: Failed to resolve host: Name or service not known");
    channel.bot.plan(refusal).on("setWebhook").always();
    let mut channel = channel;
    channel.run();
    channel.interrupted("Failed to resolve host").await;
    channel.bot.heals();
    channel.state("the connection", |state| *state == ConnectionState::Connected).await;
}

#[tokio::test]
async fn one_refusal_of_a_good_token_does_not_end_watching_over_it() {
    let channel = Channel::new(by_webhook).await;
    channel.bot.plan(Fault::unauthorized()).on("getWebhookInfo").next(1);
    let mut channel = channel;
    channel.run();
    channel.connected().await;
    channel.bot.plan(Fault::unauthorized()).always();
    let error = channel.ended().await.expect_err("a person must act");
    assert!(error.remedy.contains("@BotFather"), "{error}");
}
