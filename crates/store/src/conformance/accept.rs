//! Taking in what users wrote.

use std::{sync::Arc, time::Duration};

use switchboard_core::{ChatId, ConversationId, Cursor, EventId, Place};

use super::fixture::{HOUR, Owner, chat_detail, committed, hard_texts, key, ready_with, said, sent};
use crate::{Accept, AcceptMessage, AcceptOutcome, ChatRef, LaneState, Payload, Store, StoreError, Stored};

/// One message makes a chat on its route, and a delivery with everything that is needed to send it.
pub async fn the_first_message_makes_its_chat(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let message = AcceptMessage { text: "hello".to_owned(), ..owner.direct("anna", "e1") };
    let stored = owner.say(message.clone()).await;
    let delivery = stored.delivery;

    assert!(stored.position.0 > 0);
    assert_eq!(delivery.message.0, stored.position.0);
    assert_eq!((delivery.seq, delivery.attempts, delivery.run_in), (1, 0, Duration::ZERO));
    assert_eq!((delivery.key.clone(), delivery.lane_was_idle), (message.key, true));
    assert_eq!(delivery.payload, Payload::ToAi { text: "hello".to_owned() });
    assert!(delivery.expires_in <= HOUR && delivery.expires_in > HOUR / 2, "{:?}", delivery.expires_in);
    assert_eq!(delivery.chat.chat_id, ChatId::new("site:anna"));
    assert_eq!(delivery.chat.channel, owner.channel);
    assert_eq!(delivery.chat.conversation, ConversationId::new("dm-anna"));
    assert_eq!(delivery.chat.place, Place::Direct);

    assert_eq!(store.find_chat(&ChatId::new("site:anna")).await.unwrap(), Some(delivery.chat));
    assert_eq!(store.find_chat(&ChatId::new("site:boris")).await.unwrap(), None);
}

/// The next message of a chat stands behind the first; whether it may go at once is told.
pub async fn the_next_message_goes_to_the_same_lane(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let first = owner.say(owner.direct("anna", "e1")).await;
    let second = owner.say(owner.direct("anna", "e2")).await;
    assert_eq!(second.delivery.chat, first.delivery.chat);
    assert_eq!(second.delivery.lane, first.delivery.lane);
    assert_eq!(second.delivery.seq, 2);
    assert!(second.position > first.position);
    assert!(!second.delivery.lane_was_idle, "the first is still pending");

    assert_eq!(owner.settle(&first.delivery, sent()).await, ready_with(&second.delivery));
    assert_eq!(owner.settle(&second.delivery, sent()).await, LaneState::Idle);
    let third = owner.say(owner.direct("anna", "e3")).await;
    assert_eq!((third.delivery.seq, third.delivery.lane_was_idle), (3, true));
}

/// An event is taken once: across calls, across the items of a batch, and within one item.
pub async fn what_was_seen_is_a_duplicate(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    owner.say(owner.direct("anna", "e1")).await;
    let again = owner.take_in(vec![owner.direct("anna", "e1")]).await;
    assert!(matches!(again[..], [Stored::Duplicate]), "{again:?}");

    let item = |events: [&str; 3]| {
        owner.batch(events.iter().map(|event| owner.direct("anna", event)).collect(), None)
    };
    let outcomes = store.accept(vec![item(["e1", "e2", "e2"]), item(["e2", "e3", "e1"])]).await.unwrap();
    let new: Vec<Vec<bool>> = outcomes
        .into_iter()
        .map(|outcome| committed(outcome).iter().map(|stored| matches!(stored, Stored::New { .. })).collect())
        .collect();
    assert_eq!(new, [[false, true, false], [false, true, false]]);
    assert_eq!(owner.history(&ConversationId::new("dm-anna")).await.len(), 3);
    let lane = owner.ready().await[0].lane;
    let seqs: Vec<i64> = owner.pending(lane).await.iter().map(|delivery| delivery.seq).collect();
    assert_eq!(seqs, [1, 2, 3], "duplicates take no number");
}

/// An event's id is unique within its channel only.
pub async fn events_of_two_channels_are_not_confused(store: Arc<dyn Store>) {
    let (site, other) = (Owner::of(&store, "site").await, Owner::of(&store, "other").await);
    let one = site.say(site.direct("anna", "e1")).await.delivery;
    let two = other.say(other.direct("anna", "e1")).await.delivery;
    assert_ne!(one.chat.key, two.chat.key);
    assert_eq!(two.chat.chat_id, ChatId::new("other:anna"));
    assert_ne!(one.lane, two.lane);
}

/// Two users of a group have a chat each, unless the group shares one.
pub async fn routes_have_a_chat_each(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let anna = owner.say(owner.group("g1", "anna", "e1")).await.delivery.chat;
    let boris = owner.say(owner.group("g1", "boris", "e2")).await.delivery.chat;
    let anna_elsewhere = owner.say(owner.group("g2", "anna", "e3")).await.delivery.chat;
    let room = owner.say(owner.room("g3", "e4")).await.delivery.chat;
    let room_again = owner.say(owner.room("g3", "e5")).await.delivery.chat;

    let names = [&anna, &boris, &anna_elsewhere, &room].map(|chat| chat.chat_id.as_str());
    assert_eq!(names, ["site:g1:anna", "site:g1:boris", "site:g2:anna", "site:g3"]);
    assert_eq!(room, room_again);
    assert_eq!(anna.place, Place::Group);
    assert_eq!(owner.say(owner.group("g1", "anna", "e6")).await.delivery.chat, anna);
    assert_eq!(chat_detail(&store, &room).await.user, None);
    assert_eq!(chat_detail(&store, &anna).await.user.unwrap().as_str(), "anna");
}

/// The short chat id belongs to the route that came first, forever.
pub async fn a_taken_chat_id_gives_way(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let elsewhere = |event| {
        let mut message = owner.direct("anna", event);
        message.chat.conversation = ConversationId::new("dm-anna-2");
        message.chat.chat_id.unambiguous = ChatId::new("site:dm-anna-2:anna");
        message
    };
    let stored = owner.take_in(vec![owner.direct("anna", "e1"), elsewhere("e2")]).await;
    let names: Vec<String> =
        stored.into_iter().map(|stored| said(stored).delivery.chat.chat_id.to_string()).collect();
    assert_eq!(names, ["site:anna", "site:dm-anna-2:anna"]);
    let again = [elsewhere("e3"), owner.direct("anna", "e4")];
    for (message, name) in again.into_iter().zip(["site:dm-anna-2:anna", "site:anna"]) {
        assert_eq!(owner.say(message).await.delivery.chat.chat_id.as_str(), name);
    }
}

/// A chat that was moved keeps its name; what still comes from the old address is a new chat's,
/// whose two names are both another's by then.
pub async fn a_chat_at_a_left_address_gets_another_name(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let old = ConversationId::new("g1");
    let mut chats: Vec<ChatRef> = Vec::new();
    for (event, name) in [("e1", "site:g1:anna"), ("e2", "site:g1:anna~2"), ("e3", "site:g1:anna~3")] {
        let late = owner.say(owner.group("g1", "anna", event)).await.delivery.chat;
        assert_eq!((late.chat_id.as_str(), &late.conversation), (name, &old));
        assert!(chats.iter().all(|chat| chat.key != late.key), "{late:?}");
        let again = owner.say(owner.group("g1", "anna", &format!("{event} again"))).await.delivery.chat;
        assert_eq!(again, late);
        chats.push(late);
        let new = ConversationId::new(format!("moved-after-{event}"));
        store.move_conversation(&owner.channel, &old, &new).await.unwrap();
    }
    for (chat, event) in chats.iter().zip(["e1", "e2", "e3"]) {
        let moved = ConversationId::new(format!("moved-after-{event}"));
        let found = store.find_chat(&chat.chat_id).await.unwrap().expect("its name stays");
        assert_eq!((found.key, &found.conversation), (chat.key, &moved));
        let there = owner.say(owner.group(moved.as_str(), "anna", &format!("{event} there"))).await;
        assert_eq!(there.delivery.chat, found);
    }
}

/// The cursor is what covers the events: stored with them, and also alone.
pub async fn the_cursor_is_stored_with_its_events(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    assert_eq!(store.cursor(&owner.channel).await.unwrap(), None);
    store.accept(vec![owner.batch(vec![owner.direct("anna", "e1")], Some("1"))]).await.unwrap();
    assert_eq!(store.cursor(&owner.channel).await.unwrap(), Some(Cursor::new("1")));
    store.accept(vec![owner.batch(vec![], Some("2")), owner.batch(vec![], None)]).await.unwrap();
    assert_eq!(store.cursor(&owner.channel).await.unwrap(), Some(Cursor::new("2")));

    // An item that cannot be stored leaves the cursor where it was.
    let bad = AcceptMessage { text: "nul \0".to_owned(), ..owner.direct("anna", "e3") };
    store.accept(vec![owner.batch(vec![owner.direct("anna", "e2"), bad], Some("3"))]).await.unwrap_err();
    assert_eq!(store.cursor(&owner.channel).await.unwrap(), Some(Cursor::new("2")));
    assert!(store.known(&owner.channel, &[EventId::new("e2")]).await.unwrap().is_empty());
}

/// The outcomes stand in the order of the batch, and one item does not spoil the next.
pub async fn a_batch_keeps_its_order(store: Arc<dyn Store>) {
    let (site, other) = (Owner::of(&store, "site").await, Owner::of(&store, "other").await);
    let mut batch = Vec::new();
    for round in 0..10 {
        batch.push(site.batch(vec![site.direct("anna", &format!("a{round}"))], None));
        batch.push(Accept {
            fence: Some(crate::LeaseToken(site.token.0 + 1000)),
            ..site.batch(vec![site.direct("anna", &format!("x{round}"))], Some("x"))
        });
        batch.push(other.batch(vec![other.direct("boris", &format!("b{round}"))], None));
    }
    let outcomes = store.accept(batch).await.unwrap();
    let events: Vec<Option<String>> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            AcceptOutcome::NotOwner => None,
            AcceptOutcome::Committed(stored) => {
                let delivery = said(stored.into_iter().next().unwrap()).delivery;
                let Payload::ToAi { text } = &delivery.payload else { panic!("{delivery:?}") };
                Some(format!("{} {}", text, delivery.seq))
            }
        })
        .collect();
    for (round, outcome) in events.chunks(3).enumerate() {
        let expected = [
            Some(format!("text of a{round} {}", round + 1)),
            None,
            Some(format!("text of b{round} {}", round + 1)),
        ];
        assert_eq!(outcome, expected);
    }
    assert_eq!(store.cursor(&site.channel).await.unwrap(), None);
}

/// HTTP is served by every replica, so what comes that way needs no ownership.
pub async fn anybody_accepts_without_a_fence(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    store.release(&owner.channel, owner.token).await.unwrap();
    let batch = Accept { fence: None, ..owner.batch(vec![owner.direct("anna", "e1")], None) };
    let outcomes = store.accept(vec![batch]).await.unwrap();
    assert!(matches!(outcomes[..], [AcceptOutcome::Committed(_)]), "{outcomes:?}");
}

/// The cursor is the owner's: what comes with no fence leaves it as it is.
pub async fn a_cursor_without_a_fence_is_ignored(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    store.accept(vec![owner.batch(vec![], Some("1"))]).await.unwrap();
    let anybody = Accept { fence: None, ..owner.batch(vec![owner.direct("anna", "e1")], Some("2")) };
    committed(store.accept(vec![anybody]).await.unwrap().remove(0));
    assert_eq!(store.cursor(&owner.channel).await.unwrap(), Some(Cursor::new("1")));
}

/// People change their names; their chats stay.
pub async fn the_name_is_the_latest(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let named = |event: &str, name: &str| {
        let mut message = owner.direct("anna", event);
        message.chat.user_name = Some(name.to_owned());
        message
    };
    for (event, name) in [("e1", "Anna"), ("e2", "Анна ❤️ <b>")] {
        let chat = owner.say(named(event, name)).await.delivery.chat;
        assert_eq!(chat_detail(&store, &chat).await.user_name.as_deref(), Some(name));
    }
}

/// No text is changed on its way through the store.
pub async fn texts_come_back_as_they_were(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let texts = hard_texts();
    let messages = texts.iter().enumerate().map(|(number, text)| AcceptMessage {
        text: text.clone(),
        ..owner.direct("anna", &format!("e{number} {}", text.chars().take(20).collect::<String>()))
    });
    let messages: Vec<AcceptMessage> = messages.collect();
    let events: Vec<EventId> = messages.iter().map(|message| message.event_id.clone()).collect();
    let stored = owner.take_in(messages).await;
    let lane = said(stored.into_iter().next().unwrap()).delivery.lane;

    let payloads: Vec<Payload> = owner.pending(lane).await.into_iter().map(|each| each.payload).collect();
    let expected: Vec<Payload> = texts.iter().map(|text| Payload::ToAi { text: text.clone() }).collect();
    assert!(payloads == expected, "a delivery's text was changed");
    let history = owner.history(&ConversationId::new("dm-anna")).await;
    assert!(history.iter().map(|entry| &entry.text).eq(&texts), "the history's text was changed");
    assert!(history.iter().flat_map(|entry| &entry.event_id).eq(&events), "an event id was changed");
}

/// Postgres cannot store U+0000, so no store takes it; nothing of the batch is stored then.
pub async fn a_text_with_nul_is_refused(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let bad = AcceptMessage { text: "a\0b".to_owned(), ..owner.direct("boris", "e2") };
    let batch = vec![
        owner.batch(vec![owner.direct("anna", "e1")], None),
        owner.batch(vec![AcceptMessage { key: key(), ..bad }], None),
    ];
    let error = store.accept(batch).await.expect_err("it is refused");
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    assert!(!error.is_transient());
    let events = [EventId::new("e1"), EventId::new("e2")];
    assert!(store.known(&owner.channel, &events).await.unwrap().is_empty());
    owner.say(owner.direct("anna", "e1")).await;
}
