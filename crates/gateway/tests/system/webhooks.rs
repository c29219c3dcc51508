//! Webhooks of the AI platform, row by row of what is promised about them.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::{Value, json};
use switchboard_core::{ChatId, Flag};
use switchboard_store::{AdminStore as _, Store as _, ThreadRow};
use switchboard_store_sqlite::SqliteStore;

use crate::support::{Database, System, Visitor, WEBHOOK_SECRET};

/// A visitor who has written once and was answered once, so that the chat is known.
async fn known_chat(system: &System) -> Visitor {
    let visitor = system.visitor().await;
    visitor.says("hello").await;
    visitor.wait_for_answers(1).await;
    visitor
}

fn bot(chat_id: &str, message_id: &str, text: &str) -> Value {
    json!({
        "external_chat_id": chat_id, "message_id": message_id, "message_text": text,
        "message_type": "bot", "task_id": "task-1",
    })
}

async fn ten_times_in_parallel(database: Database) {
    let system = System::start(database, "").await;
    let visitor = known_chat(&system).await;
    let body = bot(&visitor.chat_id(), "same-id", "once");
    let answers = join_all((0..10).map(|_| system.webhook(&body))).await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    assert_eq!(answers.iter().filter(|(_, answer)| answer["status"] == "stored").count(), 1);
    assert_eq!(system.webhook(&body).await.1["status"], "duplicate");
    system.webhook(&bot(&visitor.chat_id(), "other-id", "last")).await;
    let page = visitor.wait_for_answers(3).await;
    assert_eq!(page.iter().filter(|it| it.html.contains("once")).count(), 1);
}

#[tokio::test]
async fn the_same_webhook_ten_times_is_one_answer_on_sqlite() {
    ten_times_in_parallel(Database::Sqlite).await;
}

#[tokio::test]
async fn the_same_webhook_ten_times_is_one_answer_on_postgres() {
    ten_times_in_parallel(Database::postgres()).await;
}

#[tokio::test]
async fn webhooks_that_are_not_for_a_user_are_ignored_with_a_reason_and_counted() {
    let system = System::start(Database::Sqlite, "").await;
    let visitor = known_chat(&system).await;
    let mut other_task = bot(&visitor.chat_id(), "1", "hm");
    other_task["task_id"] = json!("task-2");
    let mut own = bot(&visitor.chat_id(), "2", "hello");
    own["message_type"] = json!("Пользователь");
    let mut silent = bot(&visitor.chat_id(), "3", "");
    silent["get_contact"] = json!("да");
    for (body, reason) in [
        (bot("site:nobody", "0", "hm"), "unknown_chat"),
        (other_task, "other_task"),
        (own, "own_message"),
        (silent, "no_text"),
    ] {
        assert_eq!(system.webhook(&body).await, (200, json!({ "status": "ignored", "reason": reason })));
    }
    assert_eq!(visitor.page().await.len(), 2);
    let metrics = system.http.get(format!("{}/metrics", system.url)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for reason in ["unknown_chat", "other_task", "no_text"] {
        let line = format!("switchboard_webhooks_total{{ai=\"main\",outcome=\"{reason}\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
    }
}

#[tokio::test]
async fn an_operators_answer_is_delivered_and_told_apart() {
    let system = System::start(Database::Sqlite, "").await;
    let visitor = known_chat(&system).await;
    let mut body = bot(&visitor.chat_id(), "1", "I am a person.");
    body["message_type"] = json!("operator");
    body["operator"] = json!(true);
    assert_eq!(system.webhook(&body).await.1["status"], "stored");
    let page = visitor.wait_for_answers(2).await;
    assert_eq!(page.last().unwrap().author, "operator");
}

#[tokio::test]
async fn flags_are_kept_with_one_event_per_change_and_a_close_opens_a_new_thread() {
    let system = System::start(Database::Sqlite, "").await;
    let visitor = system.visitor().await;
    system.sandbox.pause(true);
    visitor.says("hello").await;
    system.wait_for_requests(1).await;
    let state = |message_id: &str, fields: Value| {
        let mut body = bot(&visitor.chat_id(), message_id, "");
        body["thread_id"] = json!(1001);
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let both = json!({ "operator": true, "get_contact": "да", "panel_url": "https://p.example/1" });
    for body in [
        state("1", both.clone()),
        state("1", both),
        state("2", json!({ "operator": "", "get_contact": null, "interest": "no" })),
        state("3", json!({ "operator": 0, "close": "yes" })),
    ] {
        assert_eq!(system.webhook(&body).await.0, 200);
    }
    visitor.says("again").await;
    system.wait_for_requests(2).await;

    let threads = threads(&system, &visitor.chat_id()).await;
    assert_eq!(threads.len(), 2);
    assert_eq!(threads[0].thread_id.as_deref(), Some("1001"));
    assert_eq!(threads[0].fields.panel_url.as_deref(), Some("https://p.example/1"));
    let flags =
        [(Flag::GetContact, true), (Flag::Interest, false), (Flag::Operator, false), (Flag::Close, true)];
    assert_eq!(threads[0].flags, BTreeMap::from(flags));
    let mut events: Vec<_> =
        threads[0].events.iter().map(|event| (event.flag.as_str(), event.value)).collect();
    events.sort_unstable();
    let mut expected =
        [(Flag::GetContact, true), (Flag::Operator, true), (Flag::Operator, false), (Flag::Close, true)]
            .map(|(flag, value)| (flag.as_str(), value));
    expected.sort_unstable();
    assert_eq!(events, expected);
    assert!(!threads[0].open && threads[1].open);
    assert_eq!(threads[1].thread_id, None, "the platform has not named it yet");
}

/// The chat's threads as they are stored.
async fn threads(system: &System, chat_id: &str) -> Vec<ThreadRow> {
    let file = system.config.with_file_name("test.db");
    let store = SqliteStore::open_shared(file.to_str().unwrap()).await.unwrap();
    let chat = store.chat(&ChatId::new(chat_id)).await.unwrap().expect("the chat is known");
    store.close().await;
    chat.threads
}

#[tokio::test]
async fn a_form_is_taken_like_json() {
    let system = System::start(Database::Sqlite, "").await;
    let visitor = known_chat(&system).await;
    let chat_id = visitor.chat_id().replace(':', "%3A");
    let form = format!(
        "external_chat_id={chat_id}&message_text=by+form&message_type=%D0%B1%D0%BE%D1%82&message_id=7&task_id=task-1"
    );
    let answer = post(&system, WEBHOOK_SECRET, Some("application/x-www-form-urlencoded"), form).await;
    assert_eq!(answer.0, 200, "{}", answer.1);
    let page = visitor.wait_for_answers(2).await;
    assert!(page.last().unwrap().html.contains("by form"));
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_with_the_right_status_and_a_reason() {
    let system = System::start(Database::Sqlite, "").await;
    let json_type = Some("application/json");
    let good = bot("site:x", "1", "text").to_string();
    let no_chat = json!({ "message_text": "text", "message_type": "bot" }).to_string();
    let cases = [
        ("wrong-secret-0123456789", json_type, good.clone(), 404),
        ("", json_type, good.clone(), 404),
        (WEBHOOK_SECRET, Some("text/plain"), good, 415),
        (WEBHOOK_SECRET, json_type, "x".repeat(1024 * 1024 + 1), 413),
        (WEBHOOK_SECRET, json_type, "{".to_owned(), 400),
        (WEBHOOK_SECRET, json_type, "[]".to_owned(), 400),
        (WEBHOOK_SECRET, json_type, no_chat, 422),
    ];
    for (secret, content_type, body, expected) in cases {
        let (status, answer) = post(&system, secret, content_type, body).await;
        assert_eq!(status, expected, "{answer}");
        let answer: Value = serde_json::from_str(&answer).expect("a JSON reason");
        assert!(answer["error"].as_str().is_some_and(|reason| !reason.is_empty()), "{answer}");
        if expected == 404 {
            assert_eq!(answer, json!({ "error": "not found" }));
        }
    }
}

async fn post(system: &System, secret: &str, content_type: Option<&str>, body: String) -> (u16, String) {
    let mut request = system.http.post(format!("{}/webhooks/ai/main/{secret}", system.url)).body(body);
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let answer = request.send().await.expect("the gateway answers");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}
