//! Taking in what visitors write.

use std::sync::atomic::Ordering;

use axum::body::Body;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Site, rate};

#[tokio::test]
async fn a_message_is_stored_once_however_often_it_is_posted() {
    let site = Site::new();
    let (visitor, id) = (site.visitor().await, Uuid::new_v4());
    let first = site.post_message(&visitor, id, "hello").await;
    assert_eq!((first.status.as_u16(), first.json()), (200, json!({ "status": "stored", "position": 1 })));
    assert_eq!(first.header("cache-control"), Some("no-store"));
    let again = site.post_message(&visitor, id, "hello").await;
    assert_eq!(
        (again.status.as_u16(), again.json()),
        (200, json!({ "status": "duplicate", "position": null }))
    );
    assert_eq!(site.intake.texts(&visitor.conversation), ["hello"]);
}

#[tokio::test]
async fn the_same_id_of_another_visitor_is_another_message() {
    let site = Site::new();
    let (one, other, id) = (site.visitor().await, site.visitor().await, Uuid::new_v4());
    assert_eq!(site.post_message(&one, id, "mine").await.json()["status"], "stored");
    assert_eq!(site.post_message(&other, id, "yours").await.json()["status"], "stored");
    assert_eq!(site.intake.texts(&one.conversation), ["mine"]);
    assert_eq!(site.intake.texts(&other.conversation), ["yours"]);
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let site = Site::with("site", |config| config.max_text = 10);
    let token = site.visitor().await.token;
    let message = |text: &str| json!({ "id": Uuid::new_v4(), "text": text }).to_string();
    let cases = [
        (message(""), 422, "empty"),
        (message(" \n\t"), 422, "empty"),
        (message("\0"), 422, "empty"),
        (message("ёёёёёёёёёёё"), 413, "too_long"),
        (message(&"x".repeat(100_000)), 413, "too_long"),
        ("{".to_owned(), 400, "json"),
        (r#"{"id":"1","text":"hello"}"#.to_owned(), 400, "json"),
        (json!({ "text": "hello" }).to_string(), 400, "json"),
        (json!({ "id": Uuid::new_v4() }).to_string(), 400, "json"),
        (json!({ "id": Uuid::new_v4(), "text": 1 }).to_string(), 400, "json"),
    ];
    for (body, status, error) in cases {
        let answer = site.post_body(&token, body.clone()).await;
        assert_eq!(answer.refusal(), (status, error.to_owned()), "{body:.60}");
        assert!(answer.json()["reason"].is_string());
        assert_eq!(answer.json()["limit"], if status == 413 { json!(10) } else { json!(null) });
    }
}

#[tokio::test]
async fn the_longest_message_is_taken_however_it_is_written() {
    let site = Site::with("site", |config| config.max_text = 500);
    let visitor = site.visitor().await;
    // Every code point as two escapes: the longest form that JSON has.
    let body = format!(r#"{{"id":"{}","text":"{}"}}"#, Uuid::new_v4(), r"\ud83d\ude00".repeat(500));
    assert_eq!(site.post_body(&visitor.token, body).await.status.as_u16(), 200);
    assert_eq!(site.intake.texts(&visitor.conversation), ["😀".repeat(500)]);
}

#[tokio::test]
async fn a_character_that_no_store_takes_is_left_out() {
    let site = Site::new();
    let visitor = site.visitor().await;
    site.post_message(&visitor, Uuid::new_v4(), "be\0fore").await;
    assert_eq!(site.intake.texts(&visitor.conversation), ["before"]);
}

#[tokio::test]
async fn one_visitors_flood_is_refused_and_nobody_elses_messages() {
    let site = Site::with("site", |config| config.flood = rate(3));
    let (loud, quiet) = (site.visitor().await, site.visitor().await);
    for _ in 0..3 {
        assert_eq!(site.post_message(&loud, Uuid::new_v4(), "hey").await.status.as_u16(), 200);
    }
    let refused = site.post_message(&loud, Uuid::new_v4(), "hey").await;
    assert_eq!(refused.refusal(), (429, "flood".to_owned()));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((3_500..=3_600).contains(&wait), "{wait}");
    assert_eq!(refused.json()["retry_after"], wait);
    assert_eq!(site.post_message(&quiet, Uuid::new_v4(), "hello").await.status.as_u16(), 200);
    assert_eq!(site.intake.texts(&loud.conversation).len(), 3);
}

#[tokio::test]
async fn while_nothing_can_be_stored_nothing_is_confirmed() {
    let site = Site::new();
    let (visitor, id) = (site.visitor().await, Uuid::new_v4());
    site.intake.down.store(true, Ordering::SeqCst);
    let refused = site.post_message(&visitor, id, "hello").await;
    assert_eq!(refused.refusal(), (503, "unavailable".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("3"), "2.5 s, rounded up");
    site.intake.down.store(false, Ordering::SeqCst);
    assert_eq!(site.post_message(&visitor, id, "hello").await.json()["status"], "stored");
}

#[tokio::test]
async fn only_posting_takes_a_message_in() {
    let site = Site::new();
    let answer = site.send(site.get("/messages").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status.as_u16(), 405);
}
