//! Showing that an answer is being written.

mod support;

use std::time::Duration;

use support::{Database, Replica, Setup, sent, until};
use switchboard_core::{Scope, SendError};
use tokio::time::Instant;

#[tokio::test]
async fn typing_is_shown_while_the_ai_works_and_gone_with_the_answer() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    replica.says("ann", "hello").await;
    assert_eq!(replica.messenger.typing.wait(1).await, [("dm-ann".to_owned(), true)]);
    replica.answers("ann", "answer").await;
    assert_eq!(replica.messenger.typing.wait(2).await[1], ("dm-ann".to_owned(), false));
    replica.stop().await;
}

#[tokio::test]
async fn an_indicator_that_hangs_does_not_hold_the_stop_up() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    replica.messenger.typing.set_open(false);
    replica.says("ann", "hello").await;
    replica.messenger.typing.wait(1).await;
    let begin = Instant::now();
    replica.stop().await;
    // The indicator would hang for five seconds.
    assert!(begin.elapsed() < Duration::from_millis(4500), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn nothing_is_shown_where_the_platform_asks_to_wait() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    let minute = Duration::from_mins(1);
    replica.says("ann", "hello").await;
    replica
        .messenger
        .sends
        .answer_next(move || Err(SendError::RateLimited { retry_after: minute, scope: Scope::Conversation }));
    replica.answers("ann", "held up").await;
    until("the pause is stored", async || database.deliveries().await[1].attempts == 1).await;
    let shown = replica.messenger.typing.calls().len();
    replica.says("ann", "are you there?").await;
    replica.ai.requests.wait(2).await;
    // Bob is asked for later, so that by his indicator Ann's would have been shown.
    replica.says("bob", "hello").await;
    replica.messenger.typing.wait(shown + 1).await;
    let calls = replica.messenger.typing.calls();
    assert!(calls[shown..].iter().all(|(conversation, _)| conversation == "dm-bob"), "{calls:?}");
    replica.stop().await;
}

/// The next indicator is shown after it, and nothing has died of it.
#[tokio::test]
async fn an_absurd_pause_is_no_longer_than_the_longest() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    for scope in [Scope::Conversation, Scope::Channel] {
        let retry_after = Duration::MAX;
        replica.messenger.typing.answer_next(move || Err(SendError::RateLimited { retry_after, scope }));
    }
    for (number, user) in (1..).zip(["ann", "bob"]) {
        replica.says(user, "hello").await;
        replica.messenger.typing.wait(number).await;
    }
    replica.answers("ann", "answer").await;
    assert_eq!(sent(&replica.messenger.sends.wait(1).await), ["answer"]);
    replica.stop().await;
}
