//! Finding what may run.

use std::{sync::Arc, time::Duration};

use super::fixture::{HOUR, Owner, answer, dead, eventually, receive_new, retry, sent};
use crate::{AcceptMessage, Delivery, Direction, LaneId, ReadyLane, ScanFrom, Store};

/// A scan sees every ready lane once, in one order, however small its pages are.
pub async fn ready_lanes_are_listed_in_order(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let mut expected = Vec::new();
    for number in 0..7 {
        let user = format!("user-{number}");
        let delivery = owner.say(owner.direct(&user, &user)).await.delivery;
        expected.push(delivery.lane);
    }
    let whole = owner.ready().await;
    assert_eq!(lanes(&whole), sorted(expected.into_iter()));
    assert!(whole.iter().all(|lane| lane.scanned.lane == lane.lane.0), "{whole:?}");
    let order = |lane: &ReadyLane| (lane.scanned.ready_at_micros, lane.scanned.lane);
    assert!(whole.windows(2).all(|pair| order(&pair[0]) < order(&pair[1])), "{whole:?}");

    for limit in 1..5 {
        let (mut from, mut read) = (ScanFrom::default(), Vec::new());
        loop {
            let page = store.ready_lanes(&owner.channel, Direction::ToAi, from, limit).await.unwrap();
            assert!(page.len() <= limit as usize);
            let Some(last) = page.last() else { break };
            from = last.scanned;
            read.extend(page);
            assert!(read.len() <= whole.len(), "the scan does not move on");
        }
        assert_eq!(read, whole, "pages of {limit}");
    }
}

/// A scan is of one direction: what is held up in the other does not fill its pages.
pub async fn the_other_direction_s_lanes_are_left_out(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let (mut questions, mut answers) = (Vec::new(), Vec::new());
    for user in ["anna", "boris", "clara"] {
        let question = owner.say(owner.direct(user, user)).await.delivery;
        questions.push(question.lane);
        answers.push(receive_new(&store, answer(&question.chat, "hello")).await[0].lane);
    }
    for (direction, expected) in [(Direction::ToAi, questions), (Direction::ToMessenger, answers)] {
        assert_eq!(lanes(&owner.ready_in(direction).await), sorted(expected.iter().copied()));
        let start = ScanFrom::default();
        let page = store.ready_lanes(&owner.channel, direction, start, 2).await.unwrap();
        assert_eq!(page.len(), 2, "{direction:?}");
        let rest = store.ready_lanes(&owner.channel, direction, page[1].scanned, 2).await.unwrap();
        assert_eq!(lanes(&[page, rest].concat()), sorted(expected.into_iter()));
    }
}

/// A lane that is empty, waits for a retry, or belongs to another channel is not ready. One whose
/// wait is over stands behind those that waited longer.
pub async fn lanes_that_wait_are_left_out(store: Arc<dyn Store>) {
    let (owner, other) = (Owner::of(&store, "site").await, Owner::of(&store, "other").await);
    let say = async |owner: &Owner, user: &str| owner.say(owner.direct(user, user)).await.delivery;
    let (short, long) = (say(&owner, "short").await, say(&owner, "long").await);
    let (done, given_up) = (say(&owner, "done").await, say(&owner, "given up").await);
    let foreign = say(&other, "foreign").await;
    let ready = say(&owner, "ready").await;
    owner.settle(&short, retry(Duration::from_millis(30))).await;
    owner.settle(&long, retry(HOUR)).await;
    owner.settle(&done, sent()).await;
    owner.settle(&given_up, dead("no")).await;

    let both = eventually("the end of the wait", async || {
        let lanes = owner.ready().await;
        (lanes.len() == 2).then_some(lanes)
    });
    let both: Vec<LaneId> = both.await.iter().map(|lane| lane.lane).collect();
    assert_eq!(both, [ready.lane, short.lane]);
    assert_eq!(lanes(&other.ready().await), [foreign.lane]);
    // Another message behind one that waits does not wake the lane.
    assert!(!owner.say(owner.direct("long", "long-2")).await.delivery.lane_was_idle);
    assert_eq!(owner.ready().await.len(), 2);
}

/// Loading gives the head of each lane, as many as asked for, in the order of their lanes.
pub async fn load_gives_the_first_of_each_lane(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let mut said: Vec<Delivery> = Vec::new();
    for number in 0..4 {
        for user in ["anna", "boris", "clara"] {
            said.push(owner.say(owner.direct(user, &format!("{user}-{number}"))).await.delivery);
        }
    }
    owner.settle(&said[0], sent()).await;
    owner.settle(&said[1], retry(HOUR)).await;
    // Of one lane each: anna, boris, and one that does not exist.
    let asked = [said[1].lane, said[0].lane, LaneId(said[2].lane.0 + 1000)];
    let loaded = store.load(&owner.channel, &asked, 2).await.unwrap();
    let mut expected = vec![said[3].clone(), said[6].clone(), said[1].clone(), said[4].clone()];
    expected.sort_by_key(|delivery| (delivery.lane, delivery.seq));
    assert_eq!(summary(&loaded), summary(&expected));

    for delivery in &loaded {
        let original = said.iter().find(|each| each.id == delivery.id).unwrap();
        assert_eq!(delivery.payload, original.payload);
        assert_eq!((&delivery.chat, &delivery.key), (&original.chat, &original.key));
        assert_eq!(delivery.message, original.message);
        assert!(!delivery.lane_was_idle);
        assert!(delivery.expires_in > HOUR / 2);
        let retried = delivery.id == said[1].id;
        assert_eq!(delivery.attempts, u32::from(retried));
        assert_eq!(delivery.run_in > HOUR / 2, retried, "{:?}", delivery.run_in);
        assert!(delivery.run_in <= HOUR);
    }
    assert_eq!(store.load(&owner.channel, &[], 2).await.unwrap(), []);
    assert_eq!(store.load(&owner.channel, &asked, 1).await.unwrap().len(), 2);
}

/// What has expired is still loaded, so that it can be given up.
pub async fn an_expired_delivery_is_loaded_as_expired(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let message = AcceptMessage { ttl: Duration::ZERO, ..owner.direct("anna", "e1") };
    let delivery = owner.say(message).await.delivery;
    assert_eq!(delivery.expires_in, Duration::ZERO);
    assert_eq!(lanes(&owner.ready().await), [delivery.lane]);
    assert_eq!(owner.pending(delivery.lane).await[0].expires_in, Duration::ZERO);
}

fn lanes(ready: &[ReadyLane]) -> Vec<LaneId> {
    sorted(ready.iter().map(|lane| lane.lane))
}

fn sorted(lanes: impl Iterator<Item = LaneId>) -> Vec<LaneId> {
    let mut lanes: Vec<LaneId> = lanes.collect();
    lanes.sort_unstable();
    lanes
}

fn summary(deliveries: &[Delivery]) -> Vec<(LaneId, i64)> {
    deliveries.iter().map(|delivery| (delivery.lane, delivery.seq)).collect()
}
