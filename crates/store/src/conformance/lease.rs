//! Who runs a channel.

use std::{sync::Arc, time::Duration};

use switchboard_core::{ChannelName, Cursor, EventId};
use tokio::task::JoinSet;

use super::fixture::{HOUR, Owner, answer, detail, notice_in, receive_new, reply_message, sent};
use crate::{AcceptMessage, AcceptOutcome, DeliveryState, LeaseToken, Settled, Store};

/// Registering again changes neither the cursor nor the owner.
pub async fn a_channel_is_registered_once(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    store.accept(vec![owner.batch(vec![], Some("c1"))]).await.unwrap();
    store.register_channel(&owner.channel, "web").await.unwrap();
    assert_eq!(store.cursor(&owner.channel).await.unwrap(), Some(Cursor::new("c1")));
    assert!(store.renew(&owner.channel, owner.token, HOUR).await.unwrap());
}

/// A cursor is in its adapter's own format: another adapter must not get it.
pub async fn another_kind_loses_the_cursor(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    store.accept(vec![owner.batch(vec![], Some("c1"))]).await.unwrap();
    store.register_channel(&owner.channel, "telegram").await.unwrap();
    assert_eq!(store.cursor(&owner.channel).await.unwrap(), None);
    store.accept(vec![owner.batch(vec![], Some("c2"))]).await.unwrap();
    store.register_channel(&owner.channel, "telegram").await.unwrap();
    assert_eq!(store.cursor(&owner.channel).await.unwrap(), Some(Cursor::new("c2")));
}

/// Nobody takes a channel from a living owner, however often it asks.
pub async fn an_owned_channel_is_not_taken(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    for _ in 0..3 {
        assert_eq!(acquire(&store, "replica-b", HOUR, false).await, None);
    }
    assert!(store.renew(&owner.channel, owner.token, HOUR).await.unwrap());
    let other = ChannelName::new("other");
    store.register_channel(&other, "web").await.unwrap();
    assert!(store.acquire(&other, "replica-b", HOUR, false).await.unwrap().is_some());
}

/// The owner's time is over: the next one takes it with a greater token, and the former one notices.
pub async fn an_expired_lease_is_taken_over(store: Arc<dyn Store>) {
    let site = ChannelName::new("site");
    store.register_channel(&site, "web").await.unwrap();
    let first = acquire(&store, "replica-a", Duration::ZERO, false).await.expect("it is free");
    let second = acquire(&store, "replica-b", HOUR, false).await.expect("its time is over");
    assert!(second > first);
    assert!(!store.renew(&site, first, HOUR).await.unwrap());
    assert!(store.renew(&site, second, HOUR).await.unwrap());
    assert_eq!(acquire(&store, "replica-a", HOUR, false).await, None);
}

/// Who only wants to know does not take it.
pub async fn it_is_told_whether_a_channel_is_owned(store: Arc<dyn Store>) {
    let site = ChannelName::new("site");
    let owned = async || store.is_owned(&site).await.unwrap();
    assert!(!owned().await, "it is not known");
    store.register_channel(&site, "web").await.unwrap();
    assert!(!owned().await);
    acquire(&store, "replica-a", Duration::ZERO, false).await.expect("it is free");
    assert!(!owned().await, "its owner's time is over");
    let token = acquire(&store, "replica-b", HOUR, false).await.expect("its time is over");
    assert!(owned().await);
    store.release(&site, token).await.unwrap();
    assert!(!owned().await);
}

/// A late renewal is good as long as nobody else came.
pub async fn an_expired_lease_that_nobody_took_is_renewed(store: Arc<dyn Store>) {
    let site = ChannelName::new("site");
    store.register_channel(&site, "web").await.unwrap();
    let token = acquire(&store, "replica-a", Duration::ZERO, false).await.expect("it is free");
    assert!(store.renew(&site, token, HOUR).await.unwrap());
    assert_eq!(acquire(&store, "replica-b", HOUR, false).await, None);
}

/// By force, a living owner loses its channel.
pub async fn force_takes_a_live_lease(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    store.accept(vec![owner.batch(vec![], Some("c1"))]).await.unwrap();
    let lease = store.acquire(&owner.channel, "replica-b", HOUR, true).await.unwrap();
    let lease = lease.expect("force always takes");
    assert!(lease.token > owner.token);
    assert_eq!(lease.cursor, Some(Cursor::new("c1")), "the cursor is handed to the new owner");
    assert!(!store.renew(&owner.channel, owner.token, HOUR).await.unwrap());
}

/// What was given back is free at once; a former owner cannot give it back for the next one.
pub async fn a_released_channel_is_free(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    store.release(&owner.channel, owner.token).await.unwrap();
    assert!(!store.renew(&owner.channel, owner.token, HOUR).await.unwrap());
    let second = acquire(&store, "replica-b", HOUR, false).await.expect("it was given back");
    assert!(second > owner.token);
    store.release(&owner.channel, owner.token).await.unwrap();
    assert_eq!(acquire(&store, "replica-c", HOUR, false).await, None);
}

/// Many ask at once, one gets it.
pub async fn one_of_many_gets_the_lease(store: Arc<dyn Store>) {
    store.register_channel(&ChannelName::new("site"), "web").await.unwrap();
    let mut asking = JoinSet::new();
    for replica in 0..8 {
        let store = store.clone();
        asking.spawn(async move { acquire(&store, &format!("replica-{replica}"), HOUR, false).await });
    }
    let got = asking.join_all().await;
    assert_eq!(got.iter().flatten().count(), 1, "{got:?}");
}

/// Every replica signs with the same secret, whoever came first; it outlives the registration.
pub async fn the_first_secret_stays(store: Arc<dyn Store>) {
    let (owner, other) = (Owner::of(&store, "site").await, Owner::of(&store, "other").await);
    assert_eq!(store.channel_secret(&owner.channel, "one").await.unwrap(), "one");
    assert_eq!(store.channel_secret(&owner.channel, "two").await.unwrap(), "one");
    store.register_channel(&owner.channel, "web").await.unwrap();
    assert_eq!(store.channel_secret(&owner.channel, "three").await.unwrap(), "one");
    assert_eq!(store.channel_secret(&other.channel, "two").await.unwrap(), "two");
}

/// Whatever a former owner reports changes nothing, and says so.
pub async fn a_former_owner_changes_nothing(store: Arc<dyn Store>) {
    let former = Owner::of(&store, "site").await;
    let waits = AcceptMessage { notice_after: Some(Duration::ZERO), ..former.direct("anna", "e1") };
    let question = former.say(waits).await.delivery;
    let chat = question.chat.clone();
    let owner = former.successor().await;

    let late = former.batch(vec![former.direct("boris", "e2")], Some("late"));
    let good = owner.batch(vec![owner.direct("clara", "e3")], None);
    let outcomes = store.accept(vec![late, good]).await.unwrap();
    assert!(matches!(outcomes[..], [AcceptOutcome::NotOwner, AcceptOutcome::Committed(_)]), "{outcomes:?}");
    let events = [EventId::new("e2"), EventId::new("e3")];
    assert_eq!(store.known(&owner.channel, &events).await.unwrap(), [EventId::new("e3")].into());
    assert_eq!(store.cursor(&owner.channel).await.unwrap(), None);
    let boris = former.direct("boris", "e2").chat.chat_id.preferred;
    assert_eq!(store.find_chat(&boris).await.unwrap(), None);

    let settled = former.settle_all(vec![former.completion(&question, sent())]).await;
    assert_eq!(settled, [Settled::NotOwner]);
    let row = detail(&store, &question).await.row;
    assert_eq!((row.state, row.attempts), (DeliveryState::Pending, 0));

    let notice = reply_message(switchboard_core::Author::Gateway, &["late"]);
    let told = store.send_notice(&former.channel, former.token, &notice_in(&chat), notice).await.unwrap();
    assert!(told.is_none(), "{told:?}");
    assert_eq!(store.due_notices(&owner.channel, 10).await.unwrap().len(), 1, "it is still due");
    assert!(!store.renew(&former.channel, former.token, HOUR).await.unwrap());

    // The AI's answer is nobody's in particular: it needs no owner.
    receive_new(&store, answer(&chat, "hello")).await;
    owner.settle(&question, sent()).await;
}

async fn acquire(store: &Arc<dyn Store>, replica: &str, ttl: Duration, by_force: bool) -> Option<LeaseToken> {
    let lease = store.acquire(&ChannelName::new("site"), replica, ttl, by_force).await.unwrap();
    lease.map(|lease| lease.token)
}
