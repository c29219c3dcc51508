//! What is no message: who can be reached, what could not be read, and the gateway's own answers.

use std::{sync::Arc, time::Duration};

use switchboard_core::{Author, ConversationId, EventId, MessageId};

use super::fixture::{Owner, answer, chat_detail, receive_new, reply_message, retry, sent};
use crate::{
    AcceptMessage, Begin, Begun, ChatRef, Delivery, Direction, Incident, LeaseToken, Payload, REACHABLE,
    Store, Stored,
};

/// A change is an event on the chat's thread, once, however often it is handed over.
pub async fn that_a_user_cannot_be_reached_is_an_event(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    let other = owner.chat("boris").await;
    for (event, reachable, new) in [
        ("b1", false, true),
        ("b1", false, false),
        ("b2", false, true),
        ("b3", true, true),
        ("b4", true, true),
    ] {
        let incident = Incident::Reachable { conversation: chat.conversation.clone(), reachable };
        let recorded =
            store.record(&owner.channel, &EventId::new(event), incident).await.expect("record works");
        assert_eq!(recorded, new, "{event}");
    }
    assert_eq!(events(&store, &chat).await, [(REACHABLE.to_owned(), false), (REACHABLE.to_owned(), true)]);
    assert!(events(&store, &other).await.is_empty());

    let nowhere = Incident::Reachable { conversation: ConversationId::new("nowhere"), reachable: false };
    assert!(store.record(&owner.channel, &EventId::new("b5"), nowhere).await.expect("record works"));
}

/// What could not be read is kept once; it is as good as seen.
pub async fn what_cannot_be_read_is_kept_once(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let event = EventId::new("u1");
    for new in [true, false] {
        let incident = Incident::Unreadable { reason: "no type".to_owned(), raw: b"{\"a\":\0\xff}".to_vec() };
        assert_eq!(store.record(&owner.channel, &event, incident).await.expect("record works"), new);
    }
    assert!(
        store
            .known(&owner.channel, std::slice::from_ref(&event))
            .await
            .expect("known works")
            .contains(&event)
    );
}

/// A message that the gateway answers itself does not go to the AI, and nobody waits for it.
pub async fn the_gateway_s_own_answer_goes_to_the_messenger(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let start = AcceptMessage {
        answer: Some(reply_message(Author::Gateway, &["Hello", "again"])),
        notice_after: Some(Duration::ZERO),
        ..owner.direct("anna", "start")
    };
    let stored = owner.take_in(vec![start.clone(), owner.direct("anna", "question"), start]).await;
    let [Stored::New { deliveries, .. }, Stored::New { deliveries: question, .. }, Stored::Duplicate] =
        &stored[..]
    else {
        panic!("not as expected: {stored:?}");
    };
    assert_eq!(texts(deliveries), ["Hello", "again"]);
    assert_eq!(question.len(), 1);
    assert_eq!(question[0].direction(), Direction::ToAi);
    assert_eq!(owner.ready_in(Direction::ToAi).await.len(), 1);
    assert_eq!(owner.pending(deliveries[0].lane).await.len(), 2);
    assert_eq!(owner.pending(question[0].lane).await.len(), 1);
    assert!(store.due_notices(&owner.channel, 9).await.expect("due_notices works").is_empty());

    let said = owner.history(&deliveries[0].chat.conversation).await;
    let mut authors: Vec<_> = said.iter().map(|entry| entry.author).collect();
    authors.sort_by_key(|author| author.as_str());
    assert_eq!(authors, [Author::Gateway, Author::User, Author::User]);
    let answers = receive_new(&store, answer(&deliveries[0].chat, "hi")).await;
    assert_eq!(answers[0].seq, 3);
}

/// In a group, the gateway's own answer refers to what it answers.
pub async fn the_gateway_s_own_answer_in_a_group_is_a_reply(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let start = AcceptMessage {
        answer: Some(reply_message(Author::Gateway, &["Hello"])),
        ..owner.group("room", "anna", "start")
    };
    let stored = owner.take_in(vec![start]).await;
    let [Stored::New { deliveries, .. }] = &stored[..] else { panic!("not as expected: {stored:?}") };
    let Payload::ToMessenger { reply_to, .. } = &deliveries[0].payload else { panic!("to the messenger") };
    assert_eq!(reply_to.as_ref().map(MessageId::as_str), Some("native-start"));
    let loaded = owner.pending(deliveries[0].lane).await;
    assert_eq!(loaded[0].payload, deliveries[0].payload);
}

/// The beginning of an attempt is remembered until it is completed, and only the owner begins one.
pub async fn an_attempt_that_was_begun_is_remembered(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    let delivery = receive_new(&store, answer(&chat, "hi")).await.remove(0);
    let begin = |fence: LeaseToken| Begin {
        channel: owner.channel.clone(),
        fence,
        delivery: delivery.id,
        key: delivery.key.clone(),
    };
    let is_begun = async || owner.pending(delivery.lane).await[0].begun;
    assert!(!is_begun().await);

    let outcomes = store.begin(vec![begin(LeaseToken(owner.token.0 - 1)), begin(owner.token)]).await;
    assert_eq!(outcomes.expect("begin works"), [Begun::NotOwner, Begun::Committed]);
    assert!(is_begun().await);
    owner.settle(&delivery, retry(Duration::ZERO)).await;
    assert!(!is_begun().await);

    owner.settle(&delivery, sent()).await;
    assert_eq!(store.begin(vec![begin(owner.token)]).await.expect("begin works"), [Begun::Committed]);
    assert!(owner.pending(delivery.lane).await.is_empty());
}

/// Who asks what is new learns of everything that was stored since, and not of other channels.
pub async fn news_names_conversations_with_more(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let other = Owner::of(&store, "shop").await;
    let anna = owner.chat("anna").await;
    let start = store.news(&owner.channel, None).await.expect("news works");
    assert!(start.latest.is_empty());

    let boris = owner.say(owner.direct("boris", "e1")).await;
    other.chat("clara").await;
    let position = |news: &switchboard_core::News, chat: &ChatRef| {
        news.latest.iter().find(|(conversation, _)| *conversation == chat.conversation).map(|(_, at)| *at)
    };
    let news = store.news(&owner.channel, Some(start.after)).await.expect("news works");
    assert_eq!(position(&news, &boris.delivery.chat), Some(boris.position));
    assert!(news.latest.iter().all(|(conversation, _)| !conversation.as_str().contains("clara")));

    // Asked from where the last answer ended, what comes later is not missed.
    receive_new(&store, answer(&anna, "hi")).await;
    let last = owner.history(&anna.conversation).await.pop().expect("something was said").position;
    let news = store.news(&owner.channel, Some(news.after)).await.expect("news works");
    assert_eq!(position(&news, &anna), Some(last));
}

async fn events(store: &Arc<dyn Store>, chat: &ChatRef) -> Vec<(String, bool)> {
    let threads = chat_detail(store, chat).await.threads;
    threads.into_iter().flat_map(|thread| thread.events).map(|event| (event.flag, event.value)).collect()
}

/// What goes to the messenger.
fn texts(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries
        .iter()
        .map(|delivery| match &delivery.payload {
            Payload::ToMessenger { text, .. } => text.text(),
            Payload::ToAi { .. } => panic!("not to the AI"),
        })
        .collect()
}
