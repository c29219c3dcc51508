//! What people ask for.

use std::{collections::BTreeMap, sync::Arc};

use switchboard_core::{AiName, ChannelName, ChatId};

use super::fixture::{HOUR, Owner, answer, chat_detail, dead, detail, receive_new, retry, sent};
use crate::{Delivery, DeliveryFilter, DeliveryId, DeliveryState, Direction, RefusedWebhook, Store};

/// A person repeats what was given up: it takes its old place, before what came later.
pub async fn an_old_delivery_is_retried_first(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let old = owner.say(owner.direct("anna", "e1")).await.delivery;
    owner.settle(&old, dead("no")).await;
    assert_eq!(owner.ready().await, []);
    let later = owner.say(owner.direct("anna", "e2")).await.delivery;
    owner.settle(&later, retry(HOUR)).await;
    assert_eq!(owner.ready().await, [], "the later one waits");

    assert!(store.retry_delivery(old.id, HOUR * 2).await.unwrap());
    assert_eq!(owner.ready().await[0].lane, old.lane, "now, whatever the later one waits for");
    let pending = owner.pending(old.lane).await;
    assert_eq!(pending.iter().map(|each| each.id).collect::<Vec<_>>(), [old.id, later.id]);
    assert!(pending[0].expires_in > HOUR, "a time to live of its own");
    assert_eq!((pending[0].key.clone(), pending[0].seq), (old.key.clone(), 1));
    let row = detail(&store, &old).await.row;
    assert_eq!((row.state, row.finished_at), (DeliveryState::Pending, None));
    assert_eq!(detail(&store, &old).await.history.len(), 1, "its history stays");

    owner.settle(&old, sent()).await;
    assert_eq!(owner.ready().await, [], "the later one still waits");
}

/// What is pending or sent is not sent again.
pub async fn only_what_was_given_up_is_retried(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let [pending, done, given_up, discarded] = four(&owner).await;
    let (waits, was_sent) = (DeliveryState::Pending, DeliveryState::Sent);
    let cases =
        [(pending, false, waits), (done, false, was_sent), (given_up, true, waits), (discarded, true, waits)];
    for (delivery, possible, state) in cases {
        assert_eq!(store.retry_delivery(delivery.id, HOUR).await.unwrap(), possible, "{}", delivery.id);
        assert_eq!(detail(&store, &delivery).await.row.state, state);
        assert!(!store.retry_delivery(delivery.id, HOUR).await.unwrap(), "not twice");
    }
    assert!(!store.retry_delivery(DeliveryId(1 << 40), HOUR).await.unwrap());
}

/// A person gives up the head, which waits: the next one goes at once.
pub async fn discarding_the_head_wakes_the_next(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let head = owner.say(owner.direct("anna", "e1")).await.delivery;
    let next = owner.say(owner.direct("anna", "e2")).await.delivery;
    owner.settle(&head, retry(HOUR)).await;
    assert!(store.discard_delivery(head.id).await.unwrap());
    assert_eq!(owner.ready().await[0].lane, head.lane);
    assert_eq!(owner.pending(head.lane).await[0].id, next.id);
    assert!(detail(&store, &head).await.row.finished_at.is_some());

    assert!(store.discard_delivery(next.id).await.unwrap());
    assert_eq!(owner.ready().await, []);
    let third = owner.say(owner.direct("anna", "e3")).await.delivery;
    assert_eq!((third.seq, third.lane_was_idle), (3, true));
}

/// What was sent or discarded is not discarded.
pub async fn only_what_is_open_is_discarded(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let [pending, done, given_up, discarded] = four(&owner).await;
    for (delivery, possible) in [(pending, true), (done, false), (given_up, true), (discarded, false)] {
        assert_eq!(store.discard_delivery(delivery.id).await.unwrap(), possible, "{}", delivery.id);
        assert!(!store.discard_delivery(delivery.id).await.unwrap(), "not twice");
    }
    assert!(!store.discard_delivery(DeliveryId(1 << 40)).await.unwrap());
    assert_eq!(owner.ready().await, []);
}

/// Lists are filtered by every field, newest first, page by page.
pub async fn deliveries_are_filtered_and_paged(store: Arc<dyn Store>) {
    let (owner, other) = (Owner::of(&store, "site").await, Owner::of(&store, "other").await);
    let [pending, done, given_up, discarded] = four(&owner).await;
    let foreign = other.say(other.direct("anna", "e1")).await.delivery;
    let reply = receive_new(&store, answer(&pending.chat, "hello")).await.remove(0);

    let list = async |filter: DeliveryFilter, limit| -> Vec<DeliveryId> {
        let rows = store.deliveries(&filter, limit).await.unwrap();
        rows.into_iter().map(|row| row.id).collect()
    };
    let all = || DeliveryFilter::default();
    let state = |state| DeliveryFilter { state: Some(state), ..all() };
    let everything = [reply.id, foreign.id, discarded.id, given_up.id, done.id, pending.id];
    assert_eq!(list(all(), 100).await, everything);
    assert_eq!(list(state(DeliveryState::Pending), 100).await, [reply.id, foreign.id, pending.id]);
    assert_eq!(list(state(DeliveryState::Sent), 100).await, [done.id]);
    assert_eq!(list(state(DeliveryState::Dead), 100).await, [given_up.id]);
    assert_eq!(list(state(DeliveryState::Discarded), 100).await, [discarded.id]);
    let channel = DeliveryFilter { channel: Some(other.channel.clone()), ..all() };
    assert_eq!(list(channel, 100).await, [foreign.id]);
    let chat = DeliveryFilter { chat_id: Some(pending.chat.chat_id.clone()), ..all() };
    assert_eq!(list(chat.clone(), 100).await, [reply.id, pending.id]);
    let both = DeliveryFilter { channel: Some(other.channel.clone()), ..chat };
    assert_eq!(list(both, 100).await, []);
    assert_eq!(list(all(), 2).await, everything[..2]);
    assert_eq!(list(DeliveryFilter { before: Some(everything[1]), ..all() }, 2).await, everything[2..4]);

    let row = detail(&store, &given_up).await.row;
    assert_eq!(store.deliveries(&state(DeliveryState::Dead), 1).await.unwrap(), std::slice::from_ref(&row));
    assert_eq!(
        (row.direction, row.channel, row.chat_id),
        (Direction::ToAi, owner.channel, given_up.chat.chat_id)
    );
    assert_eq!((row.seq, row.part, row.attempts), (1, 0, 1));
    assert_eq!(row.last_error.as_deref(), Some("no"));
}

/// What waits and what was given up is counted per channel and direction.
pub async fn open_deliveries_are_counted(store: Arc<dyn Store>) {
    let (owner, other) = (Owner::of(&store, "site").await, Owner::of(&store, "other").await);
    let [pending, ..] = four(&owner).await;
    for text in ["one", "two"] {
        receive_new(&store, answer(&pending.chat, text)).await;
    }
    let foreign = other.say(other.direct("anna", "e1")).await.delivery;
    other.settle(&foreign, sent()).await;

    let counts = store.queue_counts().await.unwrap();
    let open: BTreeMap<_, _> = counts
        .iter()
        .filter(|count| count.pending + count.dead > 0)
        .map(|count| ((count.channel.clone(), count.direction), (count.pending, count.dead)))
        .collect();
    let site = ChannelName::new("site");
    let expected = [((site.clone(), Direction::ToAi), (1, 1)), ((site, Direction::ToMessenger), (2, 0))];
    assert_eq!(open, expected.into());
}

/// A flood of nonsense does not fill the disk, and the last of it can be looked at.
pub async fn the_last_webhooks_are_kept(store: Arc<dyn Store>) {
    let webhook = |number: u8| RefusedWebhook {
        ai: AiName::new("main"),
        reason: format!("reason {number}"),
        content_type: number.is_multiple_of(2).then(|| "text/plain".to_owned()),
        body: vec![number, 0, 255, 0xc3, 0x28],
    };
    assert_eq!(store.webhooks(10).await.unwrap(), []);
    for number in 0..7 {
        store.keep_webhook(&webhook(number), 3).await.unwrap();
    }
    let kept = store.webhooks(10).await.unwrap();
    assert!(kept.windows(2).all(|pair| pair[0].id > pair[1].id));
    let kept: Vec<RefusedWebhook> = kept.into_iter().map(|row| row.webhook).collect();
    assert_eq!(kept, [webhook(6), webhook(5), webhook(4)]);
    assert_eq!(store.webhooks(1).await.unwrap().len(), 1);
}

/// Asking for what is not there is no error.
pub async fn what_is_unknown_is_not_found(store: Arc<dyn Store>) {
    assert_eq!(store.delivery(DeliveryId(1)).await.unwrap(), None);
    assert_eq!(store.chat(&ChatId::new("site:nobody")).await.unwrap(), None);
    assert_eq!(store.cursor(&ChannelName::new("nowhere")).await.unwrap(), None);
    assert_eq!(store.deliveries(&DeliveryFilter::default(), 10).await.unwrap(), []);
    assert_eq!(store.queue_counts().await.unwrap(), []);
}

/// Replicas start at once, and every one of them migrates.
pub async fn migrating_again_does_nothing(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    let before = chat_detail(&store, &chat).await;
    let (one, two, three) = tokio::join!(store.migrate(), store.migrate(), store.migrate());
    one.and(two).and(three).expect("migrating is safe at any time");
    assert_eq!(chat_detail(&store, &chat).await, before);
    store.ping().await.expect("the store can be written to");
}

/// One delivery of each state: pending, sent, dead, discarded; in chats of their own.
async fn four(owner: &Owner) -> [Delivery; 4] {
    let say = async |user: &str| owner.say(owner.direct(user, user)).await.delivery;
    let four = [say("pending").await, say("done").await, say("dead").await, say("discarded").await];
    owner.settle(&four[1], sent()).await;
    owner.settle(&four[2], dead("no")).await;
    assert!(owner.store.discard_delivery(four[3].id).await.unwrap());
    four
}
