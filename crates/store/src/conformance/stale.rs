//! Keys that are remembered from another history of the database, in which they were other rows'.

use std::{sync::Arc, time::Duration};

use switchboard_core::{Author, ChannelName, IdempotencyKey};

use super::fixture::{Owner, answer, detail, notice_in, receive, receive_new, reply_message, sent};
use crate::{AcceptMessage, Begin, Begun, ChatRef, LaneState, ReplyOutcome, Settle, Settled, Store};

/// An answer for the chat that had this key then is not the chat's that has it now.
pub async fn an_answer_for_another_chat_of_the_same_key_is_unknown(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let (anna, boris) = (owner.chat("anna").await, owner.chat("boris").await);
    let remembered = ChatRef { key: anna.key, ..boris.clone() };
    let elsewhere = ChatRef { channel: ChannelName::new("shop"), ..anna.clone() };
    let batch = vec![answer(&remembered, "for boris"), answer(&anna, "for anna"), answer(&elsewhere, "no")];
    let outcomes = store.reply(batch).await.unwrap();
    let [ReplyOutcome::UnknownChat, ReplyOutcome::Stored { .. }, ReplyOutcome::UnknownChat] = outcomes[..]
    else {
        panic!("{outcomes:?}")
    };
    let said: Vec<String> =
        owner.history(&anna.conversation).await.into_iter().map(|entry| entry.text).collect();
    assert_eq!(said[1..], ["for anna"]);
    assert_eq!(owner.history(&boris.conversation).await.len(), 1);
}

/// What became of the delivery that had this key then says nothing of the one that has it now.
pub async fn a_completion_of_another_delivery_changes_nothing(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let delivery = owner.say(owner.direct("anna", "e1")).await.delivery;
    let before = detail(&store, &delivery).await;
    let other = IdempotencyKey::new("the key of another");
    let remembered = Settle { key: other.clone(), ..owner.completion(&delivery, sent()) };
    let settled = owner.settle_all(vec![remembered]).await;
    let state = LaneState::Ready { seq: delivery.seq, after: Duration::ZERO };
    assert_eq!(settled, [Settled::Committed(state)], "the lane is told as it stands");
    assert_eq!(detail(&store, &delivery).await, before);

    let begin =
        Begin { channel: owner.channel.clone(), fence: owner.token, delivery: delivery.id, key: other };
    assert_eq!(store.begin(vec![begin]).await.unwrap(), [Begun::Committed]);
    assert!(!owner.pending(delivery.lane).await[0].begun);
}

/// A lane that is another channel's now is not read for this one.
pub async fn a_lane_of_another_channel_is_not_loaded(store: Arc<dyn Store>) {
    let (owner, other) = (Owner::of(&store, "site").await, Owner::of(&store, "shop").await);
    let theirs = other.say(other.direct("anna", "e1")).await.delivery;
    assert_eq!(owner.pending(theirs.lane).await, []);
    assert_eq!(other.pending(theirs.lane).await.len(), 1);
}

/// That an answer is late is told to who was found to wait, and to nobody else.
pub async fn a_notice_for_another_chat_of_the_same_key_is_not_due(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let asks = |user: &str| AcceptMessage { notice_after: Some(Duration::ZERO), ..owner.direct(user, user) };
    let anna = owner.say(asks("anna")).await.delivery.chat;
    let boris = owner.say(asks("boris")).await.delivery.chat;
    let remembered = notice_in(&ChatRef { key: anna.key, ..boris });
    let notice = reply_message(Author::Gateway, &["It takes longer than usual."]);
    let told = store.send_notice(&owner.channel, owner.token, &remembered, notice).await.unwrap();
    assert!(told.is_none(), "{told:?}");
    assert_eq!(store.due_notices(&owner.channel, 10).await.unwrap().len(), 2, "both are still due");
    receive_new(&store, answer(&anna, "hello")).await;
    let outcome = receive(&store, answer(&anna, "once more")).await;
    assert!(matches!(outcome, ReplyOutcome::Stored { .. }), "{outcome:?}");
}
