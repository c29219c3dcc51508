//! Who runs a channel: takeover, stopping, starting again.

mod support;

use support::{Database, Replica, Setup, message, sent, texts, until};
use switchboard_core::AcceptError;
use switchboard_store::DeliveryState;

#[tokio::test]
async fn one_replica_runs_the_channel_and_another_takes_over() {
    let database = Database::new().await;
    let first = Replica::start(&database, Setup::default());
    first.inbox().await;
    let second = Replica::start(&database, Setup::default());
    first.says("ann", "one").await;
    first.ai.requests.wait(1).await;
    assert!(!second.owns());
    let old_inbox = first.inbox().await;
    first.stop().await;

    second.inbox().await;
    second.says("ann", "two").await;
    assert_eq!(texts(&second.ai.requests.wait(1).await), ["two"]);
    let refused = old_inbox.accept(vec![message("ann", "late")], None).await;
    assert!(matches!(refused, Err(AcceptError::NotOwner | AcceptError::Unavailable { .. })));
    second.stop().await;
    assert_eq!(database.deliveries().await.len(), 2);
}

#[tokio::test]
async fn what_a_replica_stores_that_does_not_run_the_channel_goes_out_too() {
    let database = Database::new().await;
    let owner = Replica::start(&database, Setup::default());
    owner.inbox().await;
    let other = Replica::start(&database, Setup::default());
    other.http_inbox.accept(vec![message("ann", "by http")], None).await.unwrap();
    assert_eq!(texts(&owner.ai.requests.wait(1).await), ["by http"]);
    other.answers("ann", "answer").await;
    assert_eq!(sent(&owner.messenger.sends.wait(1).await), ["answer"]);
    assert!(other.messenger.sends.calls().is_empty());
    owner.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_backlog_is_worked_off_in_order_after_a_start() {
    let database = Database::new().await;
    let before = Replica::start(&database, Setup::default());
    before.inbox().await;
    let events = |chat: usize| (0..30).map(move |n| message(&format!("user-{chat}"), &n.to_string()));
    let idle = before.http_inbox.clone();
    before.stop().await;
    // Nobody runs the channel; HTTP still takes messages in.
    let after = {
        let waiting = Replica::start(&database, Setup::default());
        for chat in 0..20 {
            waiting.http_inbox.accept(events(chat).collect(), None).await.unwrap();
        }
        waiting
    };
    drop(idle);
    let requests = after.ai.requests.wait(600).await;
    for chat in 0..20 {
        let id = format!("c:user-{chat}");
        let numbers: Vec<usize> =
            requests.iter().filter(|(chat, _)| *chat == id).map(|(_, text)| text.parse().unwrap()).collect();
        assert_eq!(numbers, (0..30).collect::<Vec<_>>(), "{id}");
    }
    after.stop().await;
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_and_begins_nothing() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    replica.ai.requests.set_open(false);
    replica.says("ann", "under way").await;
    replica.says("ann", "not begun").await;
    replica.ai.requests.wait(1).await;
    replica.begin_stop();
    until("the adapter stopped", async || !replica.owns()).await;
    replica.ai.requests.set_open(true);
    replica.stop().await;
    let states: Vec<_> = database.deliveries().await.iter().map(|row| row.state).collect();
    assert_eq!(states, [DeliveryState::Sent, DeliveryState::Pending]);

    let next = Replica::start(&database, Setup::default());
    assert_eq!(texts(&next.ai.requests.wait(1).await), ["not begun"]);
    next.stop().await;
}

#[tokio::test]
async fn a_dead_delivery_can_be_retried_while_the_gateway_runs() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    replica.says("ann", "hello").await;
    replica
        .messenger
        .sends
        .answer_next(|| Err(switchboard_core::SendError::Rejected { reason: "no".to_owned() }));
    replica.answers("ann", "first").await;
    until("it is dead", async || {
        database.deliveries().await.iter().any(|row| row.state == DeliveryState::Dead)
    })
    .await;
    let dead = database.deliveries().await[1].id;
    let hour = std::time::Duration::from_hours(1);
    assert!(database.store.retry_delivery(dead, hour).await.unwrap());
    let sends = replica.messenger.sends.wait(2).await;
    assert_eq!(sent(&sends), ["first", "first"]);
    assert_eq!(sends[0].2, sends[1].2);
    replica.stop().await;
}

#[tokio::test]
async fn nobody_takes_over_while_a_stop_finishes_what_is_under_way() {
    let database = Database::new().await;
    let lease_ttl = std::time::Duration::from_secs(5);
    let setup = || Setup { lease_ttl, ..Setup::default() };
    let first = Replica::start(&database, setup());
    first.ai.requests.set_open(false);
    first.says("ann", "slow").await;
    first.ai.requests.wait(1).await;
    let second = Replica::start(&database, setup());
    first.begin_stop();
    // Longer than the lease lasts without a renewal.
    let taken = tokio::time::timeout(lease_ttl * 3 / 2, second.inbox()).await;
    assert!(taken.is_err(), "the channel was taken from a replica that still works");
    first.ai.requests.set_open(true);
    first.stop().await;
    second.inbox().await;
    second.says("ann", "next").await;
    assert_eq!(texts(&second.ai.requests.wait(1).await), ["next"]);
    second.stop().await;
}
