//! What happens to messages and answers: order, retries, what is given up.

mod support;

use std::time::Duration;

use support::{Database, Replica, Setup, message, sent, texts, until, webhook};
use switchboard_ai::AiError;
use switchboard_core::{Accepted, Author, ConnectionState, Idempotency, Scope, SendError};
use switchboard_engine::{Backoff, Ignored, OnUnknown, WebhookOutcome};
use switchboard_store::DeliveryState;

#[tokio::test]
async fn messages_go_to_the_ai_and_answers_come_back_in_order() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    for text in ["one", "two", "three"] {
        assert!(matches!(replica.says("ann", text).await, Accepted::Stored(_)));
    }
    assert_eq!(texts(&replica.ai.requests.wait(3).await), ["one", "two", "three"]);
    assert_eq!(replica.ai.requests.calls()[0].0, "c:ann");
    for text in ["1", "2", "3"] {
        assert_eq!(replica.answers("ann", text).await, WebhookOutcome::Stored);
    }
    let sends = replica.messenger.sends.wait(3).await;
    assert_eq!(sent(&sends), ["1", "2", "3"]);
    assert!(sends.iter().all(|(conversation, ..)| conversation == "dm-ann"));
    replica.stop().await;
    assert!(database.deliveries().await.iter().all(|row| row.state == DeliveryState::Sent));
}

#[tokio::test]
async fn an_event_that_comes_twice_is_taken_once() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    let inbox = replica.inbox().await;
    let event = message("ann", "hello");
    let first = inbox.accept(vec![event.clone()], None).await.unwrap();
    let again = inbox.accept(vec![event, message("ann", "next")], None).await.unwrap();
    assert!(matches!(first[0], Accepted::Stored(_)));
    assert_eq!(again[0], Accepted::Duplicate);
    assert_eq!(texts(&replica.ai.requests.wait(2).await), ["hello", "next"]);
    replica.stop().await;
    assert_eq!(database.deliveries().await.len(), 2);
}

#[tokio::test]
async fn the_same_webhook_ten_times_in_parallel_is_one_answer() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    replica.says("ann", "hello").await;
    let webhook = webhook("ann", "answer");
    let outcomes = futures_util::future::join_all((0..10).map(|_| replica.webhook(webhook.clone()))).await;
    assert_eq!(outcomes.iter().filter(|it| **it == WebhookOutcome::Stored).count(), 1);
    assert_eq!(outcomes.iter().filter(|it| **it == WebhookOutcome::Duplicate).count(), 9);
    replica.answers("ann", "last").await;
    assert_eq!(sent(&replica.messenger.sends.wait(2).await), ["answer", "last"]);
    replica.stop().await;
}

#[tokio::test]
async fn webhooks_without_a_message_for_a_user_deliver_nothing() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    replica.says("ann", "hello").await;
    let unknown = replica.answers("nobody", "hm").await;
    assert_eq!(unknown, WebhookOutcome::Ignored(Ignored::UnknownChat));

    let mut other = webhook("ann", "for somebody else");
    other.thread.fields.task_id = Some("task-2".to_owned());
    assert_eq!(replica.webhook(other).await, WebhookOutcome::Ignored(Ignored::OtherTask));

    let mut own = webhook("ann", "hello");
    own.message.as_mut().unwrap().author = Author::User;
    assert_eq!(replica.webhook(own).await, WebhookOutcome::Ignored(Ignored::OwnMessage));

    let mut empty = webhook("ann", "");
    empty.message = None;
    assert_eq!(replica.webhook(empty).await, WebhookOutcome::Ignored(Ignored::NoText));
    assert_eq!(replica.answers("ann", " \n ").await, WebhookOutcome::Ignored(Ignored::NoText));

    replica.answers("ann", "the only one").await;
    assert_eq!(sent(&replica.messenger.sends.wait(1).await), ["the only one"]);
    replica.stop().await;
}

#[tokio::test]
async fn while_the_ai_fails_messages_wait_in_order_and_other_chats_go_on() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    replica
        .ai
        .requests
        .answer_always(|(chat, _)| (chat == "c:ann").then_some(AiError::Unavailable { status: 500 }));
    replica.says("ann", "one").await;
    replica.says("ann", "two").await;
    replica.says("bob", "hi").await;
    until("the other chat goes on and the first one is tried again", async || {
        let calls = replica.ai.requests.calls();
        calls.len() >= 4 && calls.iter().any(|(chat, _)| chat == "c:bob")
    })
    .await;
    let calls = replica.ai.requests.calls();
    assert!(!calls.iter().any(|(_, text)| text == "two"), "two overtook one");

    replica.ai.requests.answer_always(|_| None);
    until("all are sent", async || {
        database.deliveries().await.iter().all(|row| row.state == DeliveryState::Sent)
    })
    .await;
    let calls = replica.ai.requests.calls();
    assert_eq!(texts(&calls).last(), Some(&"two"));
    replica.stop().await;
}

#[tokio::test]
async fn what_the_ai_refuses_is_dead_and_the_next_one_goes_on() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    replica.ai.requests.answer_next(|| Err(AiError::Rejected { status: 400, reason: "too rude".into() }));
    replica.says("ann", "bad").await;
    replica.says("ann", "good").await;
    assert_eq!(texts(&replica.ai.requests.wait(2).await), ["bad", "good"]);
    until("the second is sent", async || database.deliveries().await[1].state == DeliveryState::Sent).await;
    replica.stop().await;
    let rows = database.deliveries().await;
    assert_eq!(rows[0].state, DeliveryState::Dead);
    assert!(rows[0].last_error.as_deref().unwrap().contains("too rude"));
}

#[tokio::test]
async fn a_long_answer_goes_out_in_parts_and_a_retry_repeats_only_its_own() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup { text_limit: 20, ..Setup::default() });
    replica.says("ann", "hello").await;
    replica.messenger.sends.answer_next(|| Ok(()));
    replica.messenger.sends.answer_next(|| Err(SendError::Unavailable("no route".into())));
    replica.answers("ann", "The first part is here.\n\nThe second is there.").await;
    until("all are sent", async || {
        database.deliveries().await.iter().all(|row| row.state == DeliveryState::Sent)
    })
    .await;
    replica.stop().await;
    let sends = replica_texts(&database).await;
    assert!(sends.len() >= 3, "{sends:?}");
}

async fn replica_texts(database: &Database) -> Vec<String> {
    let mut texts = Vec::new();
    for row in database.deliveries().await {
        texts.push(database.store.delivery(row.id).await.unwrap().unwrap().text);
    }
    texts
}

#[tokio::test]
async fn all_attempts_at_one_send_carry_the_same_key() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    replica.says("ann", "hello").await;
    for _ in 0..2 {
        replica.messenger.sends.answer_next(|| Err(SendError::Interrupted("no answer".into())));
    }
    replica.answers("ann", "answer").await;
    replica.answers("ann", "another").await;
    let sends = replica.messenger.sends.wait(4).await;
    assert_eq!(sent(&sends), ["answer", "answer", "answer", "another"]);
    assert!(sends[0].2 == sends[1].2 && sends[1].2 == sends[2].2);
    assert_ne!(sends[2].2, sends[3].2);
    replica.stop().await;
}

#[tokio::test]
async fn an_unknown_outcome_without_keys_is_dropped_where_so_configured() {
    let database = Database::new().await;
    let setup = Setup { idempotency: Idempotency::None, on_unknown: OnUnknown::Drop, ..Setup::default() };
    let replica = Replica::start(&database, setup);
    replica.says("ann", "hello").await;
    replica.messenger.sends.answer_next(|| Err(SendError::Interrupted("no answer".into())));
    replica.answers("ann", "perhaps").await;
    replica.answers("ann", "surely").await;
    assert_eq!(sent(&replica.messenger.sends.wait(2).await), ["perhaps", "surely"]);
    replica.stop().await;
    let rows = database.deliveries().await;
    assert_eq!(rows[1].state, DeliveryState::Dead);
    assert!(rows[1].last_error.as_deref().unwrap().contains("on_unknown"));
}

#[tokio::test]
async fn a_pause_that_the_platform_asks_for_stops_exactly_its_scope() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    replica.says("ann", "hello").await;
    replica.says("bob", "hello").await;
    let minute = Duration::from_mins(1);
    replica
        .messenger
        .sends
        .answer_next(move || Err(SendError::RateLimited { retry_after: minute, scope: Scope::Conversation }));
    replica.answers("ann", "held up").await;
    replica.messenger.sends.wait(1).await;
    replica.answers("bob", "free").await;
    replica.messenger.sends.wait(2).await;
    replica
        .messenger
        .sends
        .answer_next(move || Err(SendError::RateLimited { retry_after: minute, scope: Scope::Channel }));
    replica.answers("bob", "stops everything").await;
    replica.messenger.sends.wait(3).await;
    until("the pause is stored", async || database.deliveries().await.last().unwrap().attempts == 1).await;
    replica.says("eve", "hello").await;
    replica.answers("eve", "waits").await;
    replica.ai.requests.wait(3).await;
    assert_eq!(sent(&replica.messenger.sends.calls()), ["held up", "free", "stops everything"]);
    replica.stop().await;
}

#[tokio::test]
async fn a_pause_is_as_long_as_the_platform_says_however_often_it_failed() {
    let database = Database::new().await;
    let hour = Duration::from_hours(1);
    let backoff = Backoff { min: hour, max: hour };
    let replica = Replica::start(&database, Setup { backoff, ..Setup::default() });
    replica.says("ann", "hello").await;
    let retry_after = Duration::from_millis(20);
    for _ in 0..3 {
        replica
            .messenger
            .sends
            .answer_next(move || Err(SendError::RateLimited { retry_after, scope: Scope::Conversation }));
    }
    replica.answers("ann", "held up").await;
    replica.messenger.sends.wait(4).await;
    until("it is sent", async || database.deliveries().await[1].state == DeliveryState::Sent).await;
    replica.stop().await;
}

#[tokio::test]
async fn sending_that_works_hides_no_refusal_that_keeps_the_adapter_from_receiving() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    let status = replica.inbox().await.status().clone();
    let refused = || ConnectionState::Unauthorized("the adapter's reason".to_owned());
    replica.says("ann", "hello").await;
    status.set(refused());
    replica.answers("ann", "one").await;
    until("it is sent", async || database.deliveries().await[1].state == DeliveryState::Sent).await;
    assert_eq!(status.state(), refused());
    // What is heard of sending is taken back by sending.
    status.set(ConnectionState::Connected);
    let gone = || Err(SendError::Unauthorized { reason: "401".to_owned() });
    replica.messenger.sends.answer_next(gone);
    replica.answers("ann", "two").await;
    until("it is refused", async || status.state() != ConnectionState::Connected).await;
    replica.stop().await;
}

#[tokio::test]
async fn what_expires_is_dead_without_another_attempt() {
    let database = Database::new().await;
    let setup = Setup {
        ttl: Duration::from_millis(300),
        backoff: Backoff { min: Duration::from_millis(100), max: Duration::from_millis(100) },
        ..Setup::default()
    };
    let replica = Replica::start(&database, setup);
    replica.ai.requests.answer_always(|_| Some(AiError::Unavailable { status: 503 }));
    replica.says("ann", "hello").await;
    until("it is given up", async || database.deliveries().await[0].state == DeliveryState::Dead).await;
    let rows = database.deliveries().await;
    assert!(rows[0].last_error.as_deref().unwrap().contains("expired"));
    assert_eq!(rows[0].attempts as usize, replica.ai.requests.calls().len());
    replica.stop().await;
}

#[tokio::test]
async fn a_late_answer_is_announced_once_and_still_comes() {
    let database = Database::new().await;
    let notice = Some(("It takes **longer** than usual.".to_owned(), Duration::from_millis(50)));
    let replica = Replica::start(&database, Setup { notice, ..Setup::default() });
    replica.ai.requests.answer_always(|_| Some(AiError::Unavailable { status: 500 }));
    replica.says("ann", "one").await;
    replica.messenger.sends.wait(1).await;
    replica.says("ann", "two").await;
    replica.ai.requests.answer_always(|_| None);
    until("both are taken", async || {
        database.deliveries().await.iter().all(|row| row.state == DeliveryState::Sent)
    })
    .await;
    replica.answers("ann", "at last").await;
    let sends = replica.messenger.sends.wait(2).await;
    assert_eq!(sent(&sends), ["It takes longer than usual.", "at last"]);

    replica.says("ann", "three").await;
    let sends = replica.messenger.sends.wait(3).await;
    assert_eq!(sent(&sends)[2], "It takes longer than usual.", "after an answer, it may be late again");
    replica.stop().await;
}

#[tokio::test]
async fn an_adapter_that_panics_over_one_text_costs_that_text_only() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    replica.says("ann", "hello").await;
    replica.messenger.sends.answer_next(|| panic!("on purpose"));
    replica.answers("ann", "cursed").await;
    replica.answers("ann", "fine").await;
    assert_eq!(sent(&replica.messenger.sends.wait(2).await), ["cursed", "fine"]);
    replica.stop().await;
    let rows = database.deliveries().await;
    assert_eq!(rows[1].state, DeliveryState::Dead);
    assert!(rows[1].last_error.as_deref().unwrap().contains("panicked"));
}

#[tokio::test]
async fn a_crowd_that_waits_for_the_ai_does_not_hold_up_answers() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    replica.says("ann", "hello").await;
    replica.ai.requests.wait(1).await;
    replica.ai.requests.set_open(false);
    let crowd = (0..1500).map(|number| message(&format!("user-{number}"), "hm")).collect();
    replica.inbox().await.accept(crowd, None).await.unwrap();
    replica.ai.requests.wait(2).await;
    replica.answers("ann", "answer").await;
    assert_eq!(sent(&replica.messenger.sends.wait(1).await), ["answer"]);
    replica.ai.requests.set_open(true);
    replica.ai.requests.wait(1501).await;
    replica.stop().await;
}

#[tokio::test]
async fn a_conversation_that_moved_is_followed_at_once() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    replica.says("ann", "hello").await;
    replica
        .messenger
        .sends
        .answer_next(|| Err(SendError::Moved { to: switchboard_core::ConversationId::new("new-place") }));
    replica.answers("ann", "answer").await;
    replica.messenger.sends.wait(2).await;
    replica.answers("ann", "another").await;
    let sends = replica.messenger.sends.wait(3).await;
    let places: Vec<&str> = sends.iter().map(|(place, ..)| place.as_str()).collect();
    assert_eq!(places, ["dm-ann", "new-place", "new-place"]);
    assert_eq!(sends[0].2, sends[1].2);
    replica.stop().await;
}

#[tokio::test]
async fn what_is_discarded_behind_a_running_attempt_is_not_sent() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    replica.ai.requests.set_open(false);
    for text in ["running", "discarded", "next"] {
        replica.says("ann", text).await;
    }
    replica.ai.requests.wait(1).await;
    let discarded = database.deliveries().await[1].id;
    assert!(database.store.discard_delivery(discarded).await.unwrap());
    replica.ai.requests.set_open(true);
    assert_eq!(texts(&replica.ai.requests.wait(2).await), ["running", "next"]);
    replica.stop().await;
}
