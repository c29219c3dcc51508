//! Completing attempts.

use std::{sync::Arc, time::Duration};

use switchboard_core::{MessageId, Receipt};

use super::fixture::{HOUR, Owner, answer, dead, detail, ready_with, receive_new, retry, sent};
use crate::{AttemptRow, DeliveryId, DeliveryState, LaneState, LeaseToken, Outcome, Settle, Settled, Store};

/// What an attempt came to is kept, with its history.
pub async fn each_outcome_is_kept(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let receipt = || Receipt { messages: vec![MessageId::new("n-1"), MessageId::new("n 2 \"")] };
    let cases = [
        (Outcome::Sent(receipt()), DeliveryState::Sent),
        (dead("refused: 'why'"), DeliveryState::Dead),
        (retry(Duration::ZERO), DeliveryState::Pending),
    ];
    for (number, (outcome, state)) in cases.into_iter().enumerate() {
        let chat = owner.chat(&format!("user-{number}")).await;
        let delivery = receive_new(&store, answer(&chat, "hello")).await.remove(0);
        owner.settle(&delivery, retry(Duration::ZERO)).await;
        let pending = state == DeliveryState::Pending;
        let lane = if pending { ready_with(&delivery) } else { LaneState::Idle };
        assert_eq!(owner.settle(&delivery, outcome.clone()).await, lane, "{outcome:?}");

        let detail = detail(&store, &delivery).await;
        assert_eq!((detail.row.state, detail.row.attempts), (state, 2));
        assert_eq!(detail.text, "hello");
        assert_eq!(detail.row.finished_at.is_some(), !pending);
        assert_eq!(detail.row.run_at.is_some(), pending);
        let history = detail.history.iter().map(|row| (row.number, row.outcome.as_str(), row.error.as_str()));
        let history: Vec<_> = history.collect();
        let (sent, given_up) = (state == DeliveryState::Sent, state == DeliveryState::Dead);
        let last = if given_up { (2, "dead", "refused: 'why'") } else { (2, "retry", "busy") };
        assert_eq!(history, if sent { vec![(1, "retry", "busy")] } else { vec![(1, "retry", "busy"), last] });
        assert_eq!(detail.native_ids, if sent { receipt().messages } else { vec![] });
        if !sent {
            assert_eq!(detail.row.last_error.as_deref(), Some(last.2));
        }
    }
}

/// What expired before its turn was never tried, and its reason is kept.
pub async fn an_untried_expiry_is_not_counted(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let delivery = owner.say(owner.direct("anna", "e1")).await.delivery;
    owner.settle(&delivery, retry(Duration::ZERO)).await;
    let expiry = Settle { attempted: false, ..owner.completion(&delivery, dead("expired")) };
    assert_eq!(owner.settle_all(vec![expiry]).await, [Settled::Committed(LaneState::Idle)]);
    let detail = detail(&store, &delivery).await;
    assert_eq!((detail.row.state, detail.row.attempts), (DeliveryState::Dead, 1));
    assert_eq!(detail.row.last_error.as_deref(), Some("expired"));
    let last: Option<&AttemptRow> = detail.history.last();
    assert_eq!(last.map(|row| row.error.as_str()), Some("expired"));
}

/// While the head waits, nothing behind it may pass.
pub async fn a_retry_holds_its_lane(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let head = owner.say(owner.direct("anna", "e1")).await.delivery;
    owner.say(owner.direct("anna", "e2")).await;
    let state = owner.settle(&head, retry(HOUR)).await;
    let LaneState::Ready { seq, after } = state else { panic!("it is pending") };
    assert!(seq == head.seq && after <= HOUR && after > HOUR / 2, "{state:?}");
    assert_eq!(owner.ready().await, []);
    assert_eq!(store.load(&owner.channel, &[head.lane], 1).await.unwrap()[0].id, head.id);

    // A shorter wait replaces the longer one.
    assert_eq!(owner.settle(&head, retry(Duration::ZERO)).await, ready_with(&head));
    assert_eq!(owner.ready().await[0].lane, head.lane);
}

/// A message that can never be sent does not hold up the next one.
pub async fn a_dead_delivery_does_not_hold_its_lane(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let head = owner.say(owner.direct("anna", "e1")).await.delivery;
    let next = owner.say(owner.direct("anna", "e2")).await.delivery;
    owner.settle(&head, retry(HOUR)).await;
    assert_eq!(owner.settle(&head, dead("no")).await, ready_with(&next));
    assert_eq!(owner.ready().await[0].lane, head.lane);
    assert_eq!(store.load(&owner.channel, &[head.lane], 1).await.unwrap()[0].id, next.id);
}

/// A person was faster: the report changes nothing, and tells how the lane stands.
pub async fn a_settled_delivery_stays_as_it_is(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let discarded = owner.say(owner.direct("anna", "e1")).await.delivery;
    let next = owner.say(owner.direct("anna", "e2")).await.delivery;
    assert!(store.discard_delivery(discarded.id).await.unwrap());
    let before = detail(&store, &discarded).await;
    for outcome in [sent(), retry(HOUR), dead("no")] {
        assert_eq!(owner.settle(&discarded, outcome).await, ready_with(&next));
    }
    assert_eq!(detail(&store, &discarded).await, before);
    assert_eq!(owner.settle(&next, sent()).await, LaneState::Idle);
    assert_eq!(owner.settle(&next, dead("twice")).await, LaneState::Idle);
    assert_eq!(detail(&store, &next).await.row.state, DeliveryState::Sent);

    // A delivery that does not exist (any more) is settled like one that is not pending.
    let nothing = Settle { delivery: DeliveryId(next.id.0 + 1000), ..owner.completion(&next, sent()) };
    assert_eq!(owner.settle_all(vec![nothing]).await, [Settled::Committed(LaneState::Idle)]);
}

/// A person discarded the next one meanwhile: the one behind it is reported.
pub async fn the_first_pending_delivery_is_reported(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let mut said = Vec::new();
    for number in 0..4 {
        said.push(owner.say(owner.direct("anna", &format!("e{number}"))).await.delivery);
    }
    assert!(store.discard_delivery(said[1].id).await.unwrap());
    assert_eq!(owner.settle(&said[0], sent()).await, ready_with(&said[2]));
    assert_eq!(store.load(&owner.channel, &[said[0].lane], 1).await.unwrap()[0].id, said[2].id);
    // What was given up long ago stands in its old place again.
    assert!(store.retry_delivery(said[1].id, HOUR).await.unwrap());
    assert_eq!(owner.settle(&said[2], sent()).await, ready_with(&said[1]));
    assert_eq!(owner.settle(&said[1], sent()).await, ready_with(&said[3]));
}

/// Several completions of one lane in one call: each sees what the one before it did.
pub async fn completions_of_one_lane_apply_in_order(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let mut said = Vec::new();
    for number in 0..3 {
        said.push(owner.say(owner.direct("anna", &format!("e{number}"))).await.delivery);
    }
    let other = owner.say(owner.direct("boris", "other")).await.delivery;
    let outcomes = owner.settle_all(vec![
        owner.completion(&said[0], retry(HOUR)),
        owner.completion(&other, sent()),
        owner.completion(&said[0], sent()),
        owner.completion(&said[1], dead("no")),
        owner.completion(&said[2], sent()),
    ]);
    let states: Vec<LaneState> = outcomes
        .await
        .into_iter()
        .map(|outcome| match outcome {
            Settled::Committed(state) => state,
            Settled::NotOwner => panic!("the owner was taken for another"),
        })
        .collect();
    let waits = |after| after > HOUR / 2;
    assert!(matches!(states[0], LaneState::Ready { seq: 1, after } if waits(after)), "{states:?}");
    let rest = [LaneState::Idle, ready_with(&said[1]), ready_with(&said[2]), LaneState::Idle];
    assert_eq!(states[1..], rest);
    assert_eq!(owner.ready().await, []);
    let attempts = [(&said[0], 2), (&said[1], 1), (&said[2], 1)];
    for (delivery, count) in attempts {
        assert_eq!(detail(&store, delivery).await.row.attempts, count);
    }
}

/// One item that comes too late is told so; the others are committed.
pub async fn a_former_owner_s_completion_does_not_spoil_the_batch(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let first = owner.say(owner.direct("anna", "e1")).await.delivery;
    let second = owner.say(owner.direct("boris", "e2")).await.delivery;
    let late = Settle { fence: LeaseToken(owner.token.0 - 1), ..owner.completion(&first, sent()) };
    let outcomes = owner.settle_all(vec![late, owner.completion(&second, sent())]).await;
    assert_eq!(outcomes, [Settled::NotOwner, Settled::Committed(LaneState::Idle)]);
    assert_eq!(detail(&store, &first).await.row.state, DeliveryState::Pending);
    assert_eq!(detail(&store, &second).await.row.state, DeliveryState::Sent);
}
