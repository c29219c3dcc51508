//! Taking in what the AI and its operators wrote.

use std::{sync::Arc, time::Duration};

use switchboard_core::{
    Author, MessageId,
    markup::{Entity, EntityKind, Rendered},
};

use super::fixture::{
    HOUR, Owner, answer, hard_texts, key, receive, receive_new, reply_message, sent, webhook,
};
use crate::{
    ChatKey, ChatRef, DeliveryState, Direction, NewPart, Payload, Reply, ReplyMessage, ReplyOutcome, Store,
    StoreError,
};

/// A chat that does not exist gets nothing, and the caller is told.
pub async fn an_unknown_chat_is_told(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    let nobody = ChatRef { key: ChatKey(chat.key.0 + 1000), ..chat.clone() };
    for reply in [answer(&nobody, "hello"), webhook(&nobody)] {
        let outcome = receive(&store, reply).await;
        assert!(matches!(outcome, ReplyOutcome::UnknownChat), "{outcome:?}");
    }
    assert_eq!(owner.history(&chat.conversation).await.len(), 1);
}

/// Each part is a delivery of its own, in order, to the conversation that was asked from.
pub async fn every_part_is_a_delivery(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    let message = reply_message(Author::Operator, &["one ", "two ", "three"]);
    let keys: Vec<_> = message.parts.iter().map(|part| part.key.clone()).collect();
    let outcome = receive(&store, Reply { message: Some(message), ..webhook(&chat) }).await;
    let ReplyOutcome::Stored { position, deliveries } = outcome else { panic!("{outcome:?}") };

    assert_eq!(deliveries.iter().map(|each| each.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(deliveries.iter().map(|each| each.key.clone()).collect::<Vec<_>>(), keys);
    let idle: Vec<bool> = deliveries.iter().map(|each| each.lane_was_idle).collect();
    assert_eq!(idle, [true, false, false], "only the first may go at once");
    for (delivery, text) in deliveries.iter().zip(["one ", "two ", "three"]) {
        let text = Rendered::Plain { text: text.to_owned() };
        assert_eq!(delivery.payload, Payload::ToMessenger { text, reply_to: None });
        assert_eq!((&delivery.chat, delivery.message.0), (&chat, position.0));
        assert_eq!((delivery.attempts, delivery.run_in), (0, Duration::ZERO));
        assert!(delivery.expires_in <= HOUR && delivery.expires_in > HOUR / 2);
        let detail = store.delivery(delivery.id).await.unwrap().unwrap();
        assert_eq!(
            (detail.row.direction, detail.row.state),
            (Direction::ToMessenger, DeliveryState::Pending)
        );
        assert_eq!(i64::from(detail.row.part) + 1, detail.row.seq);
    }
    let loaded = owner.pending(deliveries[0].lane).await;
    assert_eq!(
        loaded.iter().map(|each| each.id).collect::<Vec<_>>(),
        deliveries.iter().map(|each| each.id).collect::<Vec<_>>()
    );
    let history = owner.history(&chat.conversation).await;
    assert_eq!((history[1].author, history[1].text.as_str()), (Author::Operator, "one two three"));
    assert_eq!((history[1].position, &history[1].event_id), (position, &None));

    let next = receive_new(&store, answer(&chat, "four")).await;
    assert_eq!((next[0].seq, next[0].lane, next[0].lane_was_idle), (4, deliveries[0].lane, false));
}

/// The platform repeats its webhooks; the user sees a message once. Ids are unique per chat only.
pub async fn a_message_id_is_taken_once(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let (anna, boris) = (owner.chat("anna").await, owner.chat("boris").await);
    let named = |chat: &ChatRef, id: &str| Reply { message_id: Some(id.to_owned()), ..answer(chat, id) };
    receive_new(&store, named(&anna, "m1")).await;
    for _ in 0..2 {
        let outcome = receive(&store, named(&anna, "m1")).await;
        assert!(matches!(outcome, ReplyOutcome::Duplicate), "{outcome:?}");
    }
    receive_new(&store, named(&anna, "m2")).await;
    receive_new(&store, named(&boris, "m1")).await;
    for _ in 0..2 {
        receive_new(&store, answer(&anna, "without an id")).await;
    }
    assert_eq!(owner.history(&anna.conversation).await.len(), 1 + 2 + 2);
    assert_eq!(owner.history(&boris.conversation).await.len(), 1 + 1);
}

/// A webhook without a message takes no id: where the message comes later, it is stored, once.
pub async fn a_message_id_without_a_message_is_not_taken(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    let named = |reply: Reply| Reply { message_id: Some("m1".to_owned()), ..reply };
    for _ in 0..2 {
        let outcome = receive(&store, named(webhook(&chat))).await;
        assert!(matches!(outcome, ReplyOutcome::Updated), "{outcome:?}");
    }
    receive_new(&store, named(answer(&chat, "late"))).await;
    let outcome = receive(&store, named(answer(&chat, "late"))).await;
    assert!(matches!(outcome, ReplyOutcome::Duplicate), "{outcome:?}");
    let outcome = receive(&store, named(webhook(&chat))).await;
    assert!(matches!(outcome, ReplyOutcome::Updated), "{outcome:?}");
    assert_eq!(owner.history(&chat.conversation).await.len(), 2);

    // The same within one batch.
    let next = |reply: Reply| Reply { message_id: Some("m2".to_owned()), ..reply };
    let batch = vec![next(webhook(&chat)), next(answer(&chat, "now")), next(answer(&chat, "now"))];
    let outcomes = store.reply(batch).await.unwrap();
    let [ReplyOutcome::Updated, ReplyOutcome::Stored { .. }, ReplyOutcome::Duplicate] = outcomes[..] else {
        panic!("{outcomes:?}")
    };
}

/// A message of which nothing can be sent is part of what was said all the same.
pub async fn a_message_without_parts_is_stored(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let (anna, boris) = (owner.chat("anna").await, owner.chat("boris").await);
    let empty = |chat: &ChatRef| Reply { message: Some(reply_message(Author::Bot, &[])), ..webhook(chat) };
    assert_eq!(receive_new(&store, empty(&anna)).await, []);
    assert_eq!(owner.ready_in(Direction::ToMessenger).await, [], "there is nothing to run");

    let batch = vec![empty(&anna), answer(&boris, "one"), empty(&boris), answer(&anna, "two")];
    let outcomes = store.reply(batch).await.unwrap();
    let deliveries: Vec<Vec<(ChatKey, i64, bool)>> = outcomes
        .iter()
        .map(|outcome| match outcome {
            ReplyOutcome::Stored { deliveries, .. } => {
                deliveries.iter().map(|each| (each.chat.key, each.seq, each.lane_was_idle)).collect()
            }
            other => panic!("not stored: {other:?}"),
        })
        .collect();
    assert_eq!(deliveries, [vec![], vec![(boris.key, 1, true)], vec![], vec![(anna.key, 1, true)]]);
    assert_eq!(owner.history(&anna.conversation).await.len(), 1 + 3);
}

/// The outcomes stand in the order of the batch, and one item does not spoil the next.
pub async fn a_batch_keeps_its_order(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let (anna, boris) = (owner.chat("anna").await, owner.chat("boris").await);
    let named = |chat: &ChatRef, id: &str| Reply { message_id: Some(id.to_owned()), ..answer(chat, id) };
    let nobody = ChatRef { key: ChatKey(boris.key.0 + 1000), ..boris.clone() };
    let outcomes = store
        .reply(vec![
            named(&anna, "m1"),
            named(&boris, "m1"),
            named(&anna, "m1"),
            named(&nobody, "m1"),
            webhook(&boris),
            named(&anna, "m2"),
        ])
        .await
        .unwrap();
    let words: Vec<String> = outcomes
        .iter()
        .map(|outcome| match outcome {
            ReplyOutcome::Stored { deliveries, .. } => {
                format!("{} {}", deliveries[0].chat.chat_id, deliveries[0].seq)
            }
            other => format!("{other:?}"),
        })
        .collect();
    let expected = ["site:anna 1", "site:boris 1", "Duplicate", "UnknownChat", "Updated", "site:anna 2"];
    assert_eq!(words, expected);
}

/// In a group, everybody sees which question is answered, by the first part of its first answer. Where
/// several are open, nobody knows which one it is.
pub async fn answers_in_groups_refer_to_the_question(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let anna = owner.say(owner.group("g1", "anna", "e1")).await.delivery.chat;
    owner.say(owner.group("g1", "boris", "e2")).await;
    let direct = owner.say(owner.direct("clara", "e3")).await.delivery.chat;

    let refers = async |chat: &ChatRef| {
        let message = reply_message(Author::Bot, &["one", "two"]);
        let deliveries = receive_new(&store, Reply { message: Some(message), ..webhook(chat) }).await;
        let loaded = owner.pending(deliveries[0].lane).await;
        let refer = |delivery: &crate::Delivery| match &delivery.payload {
            Payload::ToMessenger { reply_to, .. } => reply_to.clone(),
            Payload::ToAi { .. } => panic!("{delivery:?}"),
        };
        let told: Vec<_> = deliveries.iter().map(refer).collect();
        assert_eq!(told, loaded.iter().map(refer).collect::<Vec<_>>());
        for delivery in &deliveries {
            owner.settle(delivery, sent()).await;
        }
        told
    };
    assert_eq!(refers(&anna).await, [Some(MessageId::new("native-e1")), None]);
    assert_eq!(refers(&anna).await, [None, None], "it has been answered");
    owner.say(owner.group("g1", "anna", "e4")).await;
    assert_eq!(refers(&anna).await[0], Some(MessageId::new("native-e4")));
    owner.say(owner.group("g1", "anna", "e5")).await;
    owner.say(owner.group("g1", "anna", "e6")).await;
    assert_eq!(refers(&anna).await, [None, None], "two were open");
    owner.take_in(vec![owner.group("g1", "anna", "e7"), owner.group("g1", "anna", "e8")]).await;
    assert_eq!(refers(&anna).await, [None, None], "two were open, taken in together");
    owner.say(owner.group("g1", "anna", "e9")).await;
    assert_eq!(refers(&anna).await[0], Some(MessageId::new("native-e9")));
    assert_eq!(refers(&direct).await, [None, None]);
}

/// No text is changed on its way through the store, in whichever form it was rendered.
pub async fn texts_come_back_as_they_were(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    let mut forms = Vec::new();
    for text in hard_texts() {
        forms.push(Rendered::Markdown { text: text.clone() });
        forms.push(Rendered::Html { html: format!("<p>{text}</p>"), text: text.clone() });
        let kinds = [EntityKind::Bold, EntityKind::Pre { language: Some("ru\"st".to_owned()) }];
        let entities = kinds.map(|kind| Entity { offset: 0, length: 1, kind }).into();
        forms.push(Rendered::Entities { text, entities });
    }
    let message = ReplyMessage {
        author: Author::Bot,
        text: hard_texts().concat(),
        parts: forms.iter().map(|text| NewPart { key: key(), text: text.clone() }).collect(),
        ttl: HOUR,
    };
    let deliveries = receive_new(&store, Reply { message: Some(message), ..webhook(&chat) }).await;
    let loaded = owner.pending(deliveries[0].lane).await;
    for read in [deliveries, loaded] {
        assert_eq!(read.len(), forms.len());
        for (delivery, form) in read.into_iter().zip(&forms) {
            let Payload::ToMessenger { text, .. } = delivery.payload else { panic!("{delivery:?}") };
            assert!(text == *form, "changed: {form:?}");
        }
    }
    assert_eq!(owner.history(&chat.conversation).await[1].text, hard_texts().concat());
}

/// Postgres cannot store U+0000, so no store takes it; nothing of the batch is stored then.
pub async fn a_text_with_nul_is_refused(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    for (text, part) in [("a\0b", "ab"), ("ab", "a\0b")] {
        let mut bad = reply_message(Author::Bot, &[part]);
        bad.text = text.to_owned();
        let batch = vec![answer(&chat, "good"), Reply { message: Some(bad), ..webhook(&chat) }];
        let error = store.reply(batch).await.expect_err("it is refused");
        assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    }
    assert_eq!(owner.history(&chat.conversation).await.len(), 1);
    assert_eq!(receive_new(&store, answer(&chat, "good")).await[0].seq, 1);
}
