//! Telling a user that the answer is late.

use std::{sync::Arc, time::Duration};

use switchboard_core::{Author, Position};

use super::fixture::{HOUR, Owner, eventually, notice_in, receive, receive_new, reply_message, webhook};
use crate::{AcceptMessage, ChatRef, Payload, Reply, ReplyOutcome, Store};

/// A user who waits longer than configured shows up; one who does not, or need not, does not.
pub async fn a_notice_is_due_after_its_time(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    ask(&owner, "anna", "e1", Some(HOUR)).await;
    ask(&owner, "boris", "e2", None).await;
    let clara = ask(&owner, "clara", "e3", Some(Duration::from_millis(5))).await;
    let due = eventually("the notice", async || {
        let due = store.due_notices(&owner.channel, 10).await.unwrap();
        (!due.is_empty()).then_some(due)
    });
    assert_eq!(due.await, [notice_in(&clara)]);
    let other = Owner::of(&store, "other").await;
    assert_eq!(store.due_notices(&other.channel, 10).await.unwrap(), []);
}

/// The notice goes out like an answer, once per wait.
pub async fn a_notice_is_sent_once(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = ask(&owner, "anna", "e1", Some(Duration::ZERO)).await;
    let Some(ReplyOutcome::Stored { position, deliveries }) = tell(&owner, &chat).await else {
        panic!("the notice was due")
    };
    assert!(matches!(deliveries[0].payload, Payload::ToMessenger { .. }));
    assert_eq!((deliveries.len(), deliveries[0].seq, deliveries[0].lane_was_idle), (1, 1, true));
    let entry = owner.history(&chat.conversation).await.pop().unwrap();
    assert_eq!((entry.author, entry.position), (Author::Gateway, position));
    assert_ne!(position, Position(0));

    // Neither asking again nor the user's next question makes it due again.
    assert!(tell(&owner, &chat).await.is_none());
    ask(&owner, "anna", "e2", Some(Duration::ZERO)).await;
    assert_eq!(store.due_notices(&owner.channel, 10).await.unwrap(), []);
    assert!(tell(&owner, &chat).await.is_none());

    let waiting = ask(&owner, "boris", "e3", Some(HOUR)).await;
    assert!(tell(&owner, &waiting).await.is_none(), "it is not due yet");
}

/// A notice of which nothing can be sent is done with like any other.
pub async fn a_notice_without_parts_is_stored(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = ask(&owner, "anna", "e1", Some(Duration::ZERO)).await;
    let notice = reply_message(Author::Gateway, &[]);
    let outcome = store.send_notice(&owner.channel, owner.token, &notice_in(&chat), notice).await.unwrap();
    let Some(ReplyOutcome::Stored { deliveries, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(deliveries, []);
    assert_eq!(store.due_notices(&owner.channel, 10).await.unwrap(), []);
    assert_eq!(owner.history(&chat.conversation).await.len(), 2);
}

/// Whoever answers, the wait is over, and the next one can begin.
pub async fn an_answer_ends_the_wait(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    for (author, user) in [(Author::Bot, "anna"), (Author::Operator, "boris")] {
        let reply =
            |chat: &ChatRef| Reply { message: Some(reply_message(author, &["hello"])), ..webhook(chat) };
        let chat = ask(&owner, user, &format!("{user}-1"), Some(Duration::ZERO)).await;
        receive_new(&store, reply(&chat)).await;
        assert!(tell(&owner, &chat).await.is_none(), "{author:?} has answered");

        ask(&owner, user, &format!("{user}-2"), Some(Duration::ZERO)).await;
        assert!(tell(&owner, &chat).await.is_some(), "a new wait");
        receive_new(&store, reply(&chat)).await;
        ask(&owner, user, &format!("{user}-3"), Some(Duration::ZERO)).await;
        assert!(tell(&owner, &chat).await.is_some(), "told before, answered, and waiting again");
    }
}

/// What the gateway itself says is no answer, and neither is a webhook without a message.
pub async fn the_gateway_s_own_message_is_no_answer(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = ask(&owner, "anna", "e1", Some(Duration::ZERO)).await;
    let message = Some(reply_message(Author::Gateway, &["hello"]));
    receive_new(&store, Reply { message, ..webhook(&chat) }).await;
    receive(&store, webhook(&chat)).await;
    assert_eq!(store.due_notices(&owner.channel, 10).await.unwrap().len(), 1);
    assert!(tell(&owner, &chat).await.is_some());
}

/// Writing more does not put off the notice.
pub async fn the_first_question_sets_the_time(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    ask(&owner, "anna", "e1", Some(Duration::ZERO)).await;
    ask(&owner, "anna", "e2", Some(HOUR)).await;
    ask(&owner, "anna", "e3", None).await;
    assert_eq!(store.due_notices(&owner.channel, 10).await.unwrap().len(), 1);
}

/// Who waits longest is told first.
pub async fn the_longest_due_comes_first(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let users = ["anna", "boris", "clara"];
    for user in users {
        owner.chat(user).await;
    }
    let mut expected = Vec::new();
    // Not in the order in which the chats were made.
    for (step, user) in (0..).zip(users.into_iter().rev()) {
        // Some milliseconds apart: two questions may be stored at one and the same time.
        let chat = ask(&owner, user, user, Some(Duration::from_millis(5 * step))).await;
        expected.push(notice_in(&chat));
    }
    let due = eventually("three notices", async || {
        let due = store.due_notices(&owner.channel, 10).await.unwrap();
        (due.len() == 3).then_some(due)
    });
    assert_eq!(due.await, expected);
    assert_eq!(store.due_notices(&owner.channel, 2).await.unwrap(), expected[..2]);
}

async fn ask(owner: &Owner, user: &str, event: &str, notice_after: Option<Duration>) -> ChatRef {
    let message = AcceptMessage { notice_after, ..owner.direct(user, event) };
    owner.say(message).await.delivery.chat
}

async fn tell(owner: &Owner, chat: &ChatRef) -> Option<ReplyOutcome> {
    let notice = reply_message(Author::Gateway, &["It takes longer than usual."]);
    owner
        .store
        .send_notice(&owner.channel, owner.token, &notice_in(chat), notice)
        .await
        .expect("send_notice works")
}
