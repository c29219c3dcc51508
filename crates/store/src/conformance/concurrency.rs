//! Many at once.

use std::{
    collections::{BTreeMap, HashMap},
    pin::Pin,
    sync::Arc,
};

use switchboard_core::ConversationId;
use tokio::task::JoinSet;

use super::fixture::{Owner, answer, committed, eventually, receive, said, sent};
use crate::{
    Accept, ChatRef, DeliveryFilter, DeliveryState, Direction, LaneId, Payload, Reply, ReplyOutcome,
    ScanFrom, Settle, Settled, Store, StoreResult, Stored,
};

/// Fifteen at once on one chat, which none of them finds: one chat, no gaps, and the order of the
/// positions is the order of the lane.
pub async fn one_chat_has_no_gaps(store: Arc<dyn Store>) {
    let owner = Arc::new(Owner::of(&store, "site").await);
    let mut tasks = JoinSet::new();
    for number in 0..15 {
        let owner = owner.clone();
        tasks.spawn(async move { owner.say(owner.direct("anna", &format!("e{number}"))).await });
    }
    let mut stored: Vec<_> = tasks
        .join_all()
        .await
        .into_iter()
        .map(|said| (said.position, said.delivery.seq, said.delivery.lane, said.delivery.lane_was_idle))
        .collect();
    stored.sort_unstable();
    for (number, (_, seq, lane, idle)) in (1..).zip(&stored) {
        assert_eq!((*seq, *lane, *idle), (number, stored[0].2, number == 1), "{stored:?}");
    }
    assert_eq!(owner.history(&ConversationId::new("dm-anna")).await.len(), 15);
}

/// The same event handed over by five at once is stored by one.
pub async fn one_event_is_stored_once(store: Arc<dyn Store>) {
    let owner = Arc::new(Owner::of(&store, "site").await);
    let mut tasks = JoinSet::new();
    for _ in 0..5 {
        let owner = owner.clone();
        tasks.spawn(async move { owner.take_in(vec![owner.direct("anna", "e1")]).await });
    }
    let stored: Vec<Stored> = tasks.join_all().await.into_iter().flatten().collect();
    let new = stored.iter().filter(|stored| matches!(stored, Stored::New { .. })).count();
    assert_eq!((stored.len(), new), (5, 1));
    assert_eq!(owner.history(&ConversationId::new("dm-anna")).await.len(), 1);
}

/// The same webhook received by five at once is stored by one.
pub async fn one_message_id_is_stored_once(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    let mut tasks = JoinSet::new();
    for _ in 0..5 {
        let (store, chat) = (store.clone(), chat.clone());
        tasks.spawn(async move {
            let reply = Reply { message_id: Some("m1".to_owned()), ..answer(&chat, "hello") };
            receive(&store, reply).await
        });
    }
    let outcomes = tasks.join_all().await;
    let count = |wanted: fn(&ReplyOutcome) -> bool| outcomes.iter().filter(|each| wanted(each)).count();
    assert_eq!(count(|outcome| matches!(outcome, ReplyOutcome::Stored { .. })), 1, "{outcomes:?}");
    assert_eq!(count(|outcome| matches!(outcome, ReplyOutcome::Duplicate)), 4, "{outcomes:?}");
}

/// While many enqueue, one drains by the scan alone: everything is sent, in order, and at the end
/// no lane is left ready or asleep with something in it.
pub async fn no_wake_up_is_lost(store: Arc<dyn Store>) {
    const USERS: usize = 4;
    const TASKS: usize = 6;
    const EACH: usize = 20;
    let owner = Arc::new(Owner::of(&store, "site").await);
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let owner = owner.clone();
        tasks.spawn(async move {
            for number in 0..EACH {
                let user = format!("user-{}", (task + number) % USERS);
                owner.say(owner.direct(&user, &format!("{task}-{number}"))).await;
            }
        });
    }
    let mut order: BTreeMap<LaneId, Vec<i64>> = BTreeMap::new();
    let mut total = 0;
    eventually("the end of the queue", async || {
        total += drain_once(&owner, &mut order).await;
        (total == TASKS * EACH).then_some(())
    })
    .await;
    tasks.join_all().await;

    assert_eq!(order.len(), USERS);
    for seqs in order.values() {
        assert!(seqs.iter().zip(1..).all(|(seq, expected)| *seq == expected), "out of order: {seqs:?}");
    }
    assert_eq!(owner.ready().await, []);
    let pending = DeliveryFilter { state: Some(DeliveryState::Pending), ..DeliveryFilter::default() };
    assert_eq!(store.deliveries(&pending, 10).await.unwrap(), []);
}

/// One turn of a worker: scan, load, settle what was sent.
async fn drain_once(owner: &Owner, order: &mut BTreeMap<LaneId, Vec<i64>>) -> usize {
    let ready =
        owner.store.ready_lanes(&owner.channel, Direction::ToAi, ScanFrom::default(), 2).await.unwrap();
    let lanes: Vec<LaneId> = ready.iter().map(|lane| lane.lane).collect();
    let loaded = owner.store.load(&owner.channel, &lanes, 2).await.unwrap();
    for delivery in &loaded {
        order.entry(delivery.lane).or_default().push(delivery.seq);
    }
    let batch: Vec<_> = loaded.iter().map(|delivery| owner.completion(delivery, sent())).collect();
    let settled = owner.settle_all(batch).await;
    assert!(settled.iter().all(|outcome| matches!(outcome, Settled::Committed(_))), "{settled:?}");
    loaded.len()
}

/// Batches that touch the same chats in opposite orders, while others complete and answer: a
/// store may call that unavailable, but repeating it ends well.
pub async fn batches_that_cross_all_get_through(store: Arc<dyn Store>) {
    const CHATS: usize = 5;
    let owner = Arc::new(Owner::of(&store, "site").await);
    let mut chats = Vec::new();
    for number in 0..CHATS {
        chats.push(owner.chat(&format!("user-{number}")).await);
    }
    let mut tasks = JoinSet::new();
    for task in 0..8_usize {
        let (owner, mut chats) = (owner.clone(), chats.clone());
        if task % 2 == 0 {
            chats.reverse();
        }
        tasks.spawn(async move {
            for round in 0..5 {
                cross(&owner, &chats, &format!("{task}-{round}")).await;
            }
        });
    }
    tasks.join_all().await;

    let expected = 8 * 5;
    let mut lanes: HashMap<LaneId, usize> = HashMap::new();
    assert_eq!(owner.ready().await, []);
    for lane in owner.ready_in(Direction::ToMessenger).await {
        for (seq, delivery) in (1..).zip(owner.pending(lane.lane).await) {
            assert!(matches!(delivery.payload, Payload::ToMessenger { .. }), "{delivery:?}");
            assert_eq!(delivery.seq, seq);
            *lanes.entry(lane.lane).or_default() += 1;
        }
    }
    assert_eq!(lanes.into_values().collect::<Vec<_>>(), [expected; CHATS]);
}

/// A message, its completion and an answer for each of the chats, in their order.
async fn cross(owner: &Owner, chats: &[ChatRef], name: &str) {
    let store = &owner.store;
    let accept = |chat: &ChatRef| {
        let user = chat.conversation.as_str().trim_start_matches("dm-");
        owner.batch(vec![owner.direct(user, &format!("{name}-{user}"))], None)
    };
    let accepts: Vec<Accept> = chats.iter().map(accept).collect();
    let outcomes = persist(|| store.accept(accepts.clone())).await;
    let stored = outcomes.into_iter().flat_map(committed);
    let completions: Vec<Settle> =
        stored.map(|stored| owner.completion(&said(stored).delivery, sent())).collect();
    persist(|| store.settle(completions.clone())).await;
    let replies: Vec<Reply> = chats.iter().map(|chat| answer(chat, name)).collect();
    persist(|| store.reply(replies.clone())).await;
}

/// Repeats a call for as long as the store says that this may help.
async fn persist<'a, T>(call: impl Fn() -> Pin<Box<dyn Future<Output = StoreResult<T>> + Send + 'a>>) -> T {
    for _ in 0..1000 {
        match call().await {
            Ok(value) => return value,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    }
    panic!("a thousand repetitions did not help")
}
