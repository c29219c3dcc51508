//! Replicas tell each other what there is to do, and do not have to search for it.

mod support;

use std::time::Duration;

use support::{Database, Replica, Setup, message, sent, texts};
use switchboard_core::Inbox;

/// Replicas that search the table once, when they take the channel.
fn setup() -> Setup {
    Setup { scan_every: Duration::from_hours(1), ..Setup::default() }
}

/// Waits until what one replica tells is heard by the other.
async fn wait_for_connection(from: &Inbox, to: &Inbox) {
    let mut listening = to.notes().listen();
    let tell = async {
        loop {
            from.notes().tell("are you there?");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        note = listening.next() => assert_eq!(note, "are you there?"),
        () = tell => {}
    }
}

#[tokio::test]
async fn the_owner_is_told_of_what_another_replica_stored() {
    let database = Database::postgres().await;
    let owner = Replica::start(&database, setup());
    let inbox = owner.inbox().await;
    let other = Replica::start(&database, setup());
    wait_for_connection(&other.http_inbox, &inbox).await;

    // Another user each time: a lane that the owner is just done with may be passed over until the
    // next search, which does not come here.
    for (number, user) in (1..).zip(["ann", "bob", "eve"]) {
        other.http_inbox.accept(vec![message(user, "by http")], None).await.unwrap();
        owner.ai.requests.wait(number).await;
        other.answers(user, &format!("answer {number}")).await;
        owner.messenger.sends.wait(number).await;
    }
    assert_eq!(texts(&owner.ai.requests.calls()), ["by http"; 3]);
    assert_eq!(sent(&owner.messenger.sends.calls()), ["answer 1", "answer 2", "answer 3"]);
    assert!(other.ai.requests.calls().is_empty());
    owner.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn notes_come_to_the_other_replicas_in_order_and_to_none_other() {
    let database = Database::postgres().await;
    let (here, there) = (Replica::start(&database, setup()), Replica::start(&database, setup()));
    let (from, to) = (&here.http_inbox, &there.http_inbox);
    wait_for_connection(from, to).await;
    wait_for_connection(to, from).await;

    let (mut own, mut other) = (from.notes().listen(), to.notes().listen());
    for note in ["typing ann", "quiet ann", "the end"] {
        from.notes().tell(note);
    }
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last| last != "the end") {
        heard.push(other.next().await);
    }
    heard.retain(|note| note != "are you there?");
    assert_eq!(heard, ["typing ann", "quiet ann", "the end"]);

    to.notes().tell("and back");
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last| last != "and back") {
        heard.push(own.next().await);
    }
    heard.retain(|note| note != "are you there?");
    assert_eq!(heard, ["and back"], "nobody hears their own");
    here.stop().await;
    there.stop().await;
}
