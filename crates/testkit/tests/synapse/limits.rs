//! How much users may do.

use std::time::Duration;

use anyhow::{Context, Result};
use switchboard_testkit::synapse::{Account, Limits, NewRoom, Refusal, SynapseServer, homeserver};

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
    assert!((8..=12).contains(&sent), "{sent} messages passed");
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
    let (sent, refusal) = send_until_refused(&alice, 60).await?;
    assert!((2..60).contains(&sent) && refusal.is_some(), "{sent} messages passed");
    assert_eq!(send_until_refused(&bob, 20).await?, (20, None));
    Ok(())
}
