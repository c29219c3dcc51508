//! How much users may do.

use std::time::Duration;

use anyhow::{Context, Result};
use switchboard_testkit::synapse::{Account, Limits, NewRoom, Refusal, SynapseServer, homeserver};
use tokio::task::JoinSet;

/// Sends until the server has had enough, and returns how many messages passed and what it said then.
async fn send_until_refused(account: &Account, at_most: usize) -> Result<(usize, Option<Refusal>)> {
    let room = account.create_room(&NewRoom::group("Parcels")).await?;
    for sent in 0..at_most {
        if let Err(error) = account.say(&room, "quick").await {
            let refusal = error.downcast_ref::<Refusal>().cloned();
            return Ok((sent, Some(refusal.context(error)?)));
        }
    }
    Ok((at_most, None))
}

#[tokio::test]
async fn the_default_limits_are_those_of_a_fresh_synapse() -> Result<()> {
    let server = SynapseServer::launch(Limits::Default)?;
    let alice = server.homeserver().register("alice").await?;
    let (sent, refusal) = send_until_refused(&alice, 20).await?;
    let refusal = refusal.context("a refusal")?;
    // Ten at once, and one more for every five seconds that sending them takes.
    assert!((8..20).contains(&sent), "{sent} messages passed");
    assert_eq!((refusal.status, refusal.errcode.as_str()), (429, "M_LIMIT_EXCEEDED"));
    let wait = refusal.retry_after.context("when to come again")?;
    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(5), "{wait:?}");

    server.homeserver().limit_messages(&alice.user_id, 0, 0).await?;
    let (_, refusal) = send_until_refused(&alice, 20).await?;
    assert_eq!(refusal, None, "who is exempt is not limited");
    Ok(())
}

#[tokio::test]
async fn one_user_can_be_limited_where_nobody_else_is() -> Result<()> {
    let homeserver = homeserver()?;
    let (alice, bob) = (homeserver.register("alice").await?, homeserver.register("bob").await?);
    homeserver.limit_messages(&alice.user_id, 1, 3).await?;
    // At once: one after the other, a slow machine sends less than one in a second.
    let room = alice.create_room(&NewRoom::group("Parcels")).await?;
    let mut saying = JoinSet::new();
    for _ in 0..30 {
        let (alice, room) = (alice.clone(), room.clone());
        saying.spawn(async move { alice.say(&room, "quick").await });
    }
    let answers = saying.join_all().await;
    let passed = answers.iter().filter(|answer| answer.is_ok()).count();
    let limited = |error: &anyhow::Error| error.downcast_ref::<Refusal>().is_some_and(|it| it.status == 429);
    assert!((2..30).contains(&passed), "{passed} messages passed");
    assert!(answers.iter().filter_map(|answer| answer.as_ref().err()).all(limited), "{answers:?}");
    assert_eq!(send_until_refused(&bob, 20).await?, (20, None));
    Ok(())
}
