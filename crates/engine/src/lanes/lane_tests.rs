//! What a lane does next, whatever comes in whatever order.

use switchboard_core::{ChannelName, ChatId, ConversationId, IdempotencyKey, Place};
use switchboard_store::{ChatKey, ChatRef, DeliveryId, LaneId, MessageKey, Payload};

use super::*;

fn queued(seq: i64, now: Instant) -> Queued {
    let delivery = Delivery {
        id: DeliveryId(seq),
        lane: LaneId(1),
        seq,
        chat: ChatRef {
            key: ChatKey(1),
            chat_id: ChatId::new("c:u"),
            channel: ChannelName::new("c"),
            conversation: ConversationId::new("u"),
            place: Place::Direct,
        },
        message: MessageKey(seq),
        key: IdempotencyKey::new("k"),
        payload: Payload::ToAi { text: "hi".to_owned() },
        attempts: 0,
        begun: false,
        run_in: Duration::ZERO,
        expires_in: Duration::from_hours(1),
        lane_was_idle: false,
    };
    Queued::new(delivery, now)
}

fn ready(seq: i64) -> LaneState {
    LaneState::Ready { seq, after: Duration::ZERO }
}

fn head(lane: &Lane) -> Option<i64> {
    lane.head().map(|head| head.delivery.seq)
}

#[tokio::test(start_paused = true)]
async fn what_follows_is_taken_up_and_what_came_before_is_not() {
    let now = Instant::now();
    let mut lane = Lane::starting_with(queued(5, now));
    lane.push(queued(4, now));
    lane.push(queued(5, now));
    lane.push(queued(6, now));
    assert_eq!(lane.finished(ready(6), now), Next::Run);
    assert_eq!(head(&lane), Some(6));
    assert_eq!(lane.finished(LaneState::Idle, now), Next::Leave(None));
}

#[tokio::test(start_paused = true)]
async fn a_gap_or_a_full_window_is_filled_from_the_table() {
    let now = Instant::now();
    let mut lane = Lane::starting_with(queued(1, now));
    lane.push(queued(3, now));
    assert_eq!(lane.finished(ready(2), now), Next::Load);

    let mut lane = Lane::starting_with(queued(1, now));
    for seq in 2..20 {
        lane.push(queued(seq, now));
    }
    for seq in 2..=i64::from(WINDOW) {
        assert_eq!(lane.finished(ready(seq), now), Next::Run);
    }
    assert_eq!(lane.finished(ready(i64::from(WINDOW) + 1), now), Next::Load);
}

#[tokio::test(start_paused = true)]
async fn what_is_pushed_while_the_table_is_read_is_looked_for_again() {
    let now = Instant::now();
    let mut lane = Lane::unread(Direction::ToAi, 0);
    lane.begin_load();
    lane.push(queued(1, now));
    assert_eq!(lane.loaded(Vec::new(), now), Next::Load);
    lane.begin_load();
    assert_eq!(lane.loaded(vec![queued(1, now)], now), Next::Run);
    assert_eq!(lane.finished(LaneState::Idle, now), Next::Leave(None));
}

#[tokio::test(start_paused = true)]
async fn what_was_discarded_or_taken_up_again_in_the_table_counts() {
    let now = Instant::now();
    let two = || {
        let mut lane = Lane::starting_with(queued(5, now));
        lane.push(queued(6, now));
        lane
    };
    assert_eq!(two().finished(ready(3), now), Next::Load, "an older one was retried");
    assert_eq!(two().finished(ready(7), now), Next::Load, "the next one was discarded");
    assert_eq!(two().finished(LaneState::Idle, now), Next::Load, "everything was discarded");
    let later = LaneState::Ready { seq: 7, after: Duration::from_secs(9) };
    assert_eq!(two().finished(later, now), Next::Leave(Some(Duration::from_secs(9))));
}

#[tokio::test(start_paused = true)]
async fn what_has_waited_long_is_read_again() {
    let now = Instant::now();
    let lane = Lane::starting_with(queued(1, now));
    assert!(!lane.is_stale(now + STALE));
    assert!(lane.is_stale(now + STALE + Duration::from_millis(1)));
}
