//! Reading back what was said.

use std::sync::Arc;

use switchboard_core::{Author, ConversationId, EventId, Position};

use super::fixture::{Owner, answer, receive_new};
use crate::Store;

/// Users' messages and answers stand in the order in which they were stored, page by page.
pub async fn both_sides_are_merged_in_order(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let mut expected = Vec::new();
    for round in 0..5 {
        // Two users of one group: one conversation, two chats.
        for user in ["anna", "boris"] {
            let event = format!("{user}-{round}");
            let chat = owner.say(owner.group("g1", user, &event)).await.delivery.chat;
            expected.push((Author::User, format!("text of {event}")));
            let text = format!("answer to {event}");
            receive_new(&store, answer(&chat, &text)).await;
            expected.push((Author::Bot, text));
        }
    }
    let group = ConversationId::new("g1");
    let (mut after, mut read) = (Position(0), Vec::new());
    loop {
        let page = store.history(&owner.channel, &group, after, 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        assert!(page.iter().map(|entry| entry.position).is_sorted());
        assert!(page[0].position > after, "the page does not move on");
        after = last.position;
        read.extend(page.into_iter().map(|entry| (entry.author, entry.text)));
    }
    assert_eq!(read, expected);
    let whole = owner.history(&group).await;
    assert!(whole.iter().map(|entry| entry.at).is_sorted());
    assert_eq!(whole[0].event_id, Some(EventId::new("anna-0")));
    assert_eq!(whole[1].event_id, None);
}

/// A history is one conversation's on one channel.
pub async fn one_conversation_does_not_see_another(store: Arc<dyn Store>) {
    let (site, other) = (Owner::of(&store, "site").await, Owner::of(&store, "other").await);
    site.say(site.direct("anna", "e1")).await;
    site.say(site.direct("boris", "e2")).await;
    other.say(other.direct("anna", "e3")).await;
    let anna = ConversationId::new("dm-anna");
    let texts = async |owner: &Owner| -> Vec<String> {
        owner.history(&anna).await.into_iter().map(|entry| entry.text).collect()
    };
    assert_eq!(texts(&site).await, ["text of e1"]);
    assert_eq!(texts(&other).await, ["text of e3"]);
    assert_eq!(site.history(&ConversationId::new("nowhere")).await, []);
}

/// An adapter that reads back a platform's history learns where to stop.
pub async fn known_events_are_told_apart(store: Arc<dyn Store>) {
    let (site, other) = (Owner::of(&store, "site").await, Owner::of(&store, "other").await);
    for number in 0..300 {
        if number % 3 == 0 {
            site.say(site.direct("anna", &format!("e{number}"))).await;
        }
    }
    let all: Vec<EventId> = (0..300).map(|number| EventId::new(format!("e{number}"))).collect();
    let known = store.known(&site.channel, &all).await.unwrap();
    let expected = all.iter().enumerate().filter(|(number, _)| number % 3 == 0);
    assert_eq!(known, expected.map(|(_, event)| event.clone()).collect());
    assert!(store.known(&other.channel, &all).await.unwrap().is_empty());
    assert!(store.known(&site.channel, &[]).await.unwrap().is_empty());
}

/// A group that got another id keeps its chats, with their names and what was said.
pub async fn a_conversation_moves(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let (old, new) = (ConversationId::new("g1"), ConversationId::new("g1-moved"));
    let anna = owner.say(owner.group("g1", "anna", "e1")).await.delivery.chat;
    let boris = owner.say(owner.group("g1", "boris", "e2")).await.delivery.chat;
    let elsewhere = owner.say(owner.group("g2", "anna", "e3")).await.delivery.chat;
    let waiting = receive_new(&store, answer(&anna, "hello")).await;
    store.move_conversation(&owner.channel, &old, &new).await.unwrap();
    store.move_conversation(&owner.channel, &ConversationId::new("nowhere"), &new).await.unwrap();

    for before in [&anna, &boris] {
        let after = store.find_chat(&before.chat_id).await.unwrap().expect("its name stays");
        assert_eq!((after.key, &after.conversation), (before.key, &new));
    }
    assert_eq!(store.find_chat(&elsewhere.chat_id).await.unwrap(), Some(elsewhere));
    assert_eq!(owner.pending(waiting[0].lane).await[0].chat.conversation, new, "what waits goes there");
    assert_eq!(owner.history(&new).await.len(), 3);
    assert_eq!(owner.history(&old).await, []);
    let next = owner.say(owner.group("g1-moved", "anna", "e4")).await.delivery.chat;
    assert_eq!((next.key, next.chat_id), (anna.key, anna.chat_id));
}

/// The messenger was faster than we were: the user wrote at the new address before the old one
/// moved. Both chats stay, and so do the others' moves.
pub async fn a_taken_address_is_left_alone(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let (old, new) = (ConversationId::new("g1"), ConversationId::new("g1-moved"));
    let anna = owner.say(owner.group("g1", "anna", "e1")).await.delivery.chat;
    let boris = owner.say(owner.group("g1", "boris", "e2")).await.delivery.chat;
    let early = owner.say(owner.group("g1-moved", "anna", "e3")).await.delivery.chat;
    store.move_conversation(&owner.channel, &old, &new).await.unwrap();

    assert_ne!(anna.key, early.key);
    for (chat, conversation) in [(&anna, &old), (&boris, &new), (&early, &new)] {
        let after = store.find_chat(&chat.chat_id).await.unwrap().expect("its name stays");
        assert_eq!((after.key, &after.conversation), (chat.key, conversation));
    }
    assert_eq!(owner.say(owner.group("g1-moved", "anna", "e4")).await.delivery.chat.key, early.key);
}
