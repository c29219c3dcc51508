//! When the platform is told that something has been taken: after the commit, and then surely.

use std::time::Duration;

use super::{
    bench::{Bench, Outcome},
    harness::{Harness, Room},
    ledger::{Plan, Via},
};

/// How often the case of a store that refuses looks on.
const REFUSALS: usize = 3;

/// As long as the transaction is open, the platform is told nothing; the rest goes on meanwhile.
pub async fn nothing_is_confirmed_before_the_commit<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let elsewhere = bench.meet(Room::Direct(1)).await?;
    bench.ledger.plan(Plan::Hold);
    let text = bench.text("do not lose this");
    let written = bench.platform.write(Room::Direct(0), &text).await?;
    bench.platform.confirmed(&written).await?;
    bench.until_handed_over(&text, 1).await;
    // An adapter that confirms beside the commit and not after it has all this time to do so.
    let mut shown = Vec::new();
    for number in 0..5 {
        shown.extend(bench.send(&elsewhere, &format!("answer {number}")).await);
        bench.until_shown(Room::Direct(1), &shown).await;
        assert!(!bench.platform.confirmed(&written).await?, "it was confirmed before it was stored");
    }
    bench.ledger.plan(Plan::Commit);
    bench.until_stored(&[text]).await;
    bench.until_confirmed(&written).await;
    Ok(())
}

/// What the store could not take is handed over again after the pause that it asked for, is not confirmed before,
/// and is taken once.
pub async fn what_the_store_refused_is_handed_over_again<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    let pause = Duration::from_millis(200);
    bench.connect().await;
    bench.ledger.plan(Plan::Refuse(pause));
    let texts = [bench.text("first"), bench.text("second")];
    let written = bench.platform.write(Room::Direct(0), &texts[0]).await?;
    bench.until_handed_over(&texts[0], REFUSALS).await;
    assert!(!bench.platform.confirmed(&written).await.unwrap_or(false), "it was confirmed and not stored");
    bench.platform.write(Room::Direct(0), &texts[1]).await?;
    bench.ledger.plan(Plan::Commit);
    bench.until_stored(&texts).await;
    bench.until_confirmed(&written).await;
    let stored: Vec<String> = bench.ledger.messages().into_iter().map(|message| message.text).collect();
    assert_eq!(stored, texts, "each once, in order");

    let attempts = bench.ledger.attempts();
    let times: Vec<_> = attempts
        .iter()
        // Whoever calls an adapter's routes decides himself when to come again.
        .filter(|attempt| attempt.via == Via::Run && attempt.message(&texts[0]).is_some())
        .map(|attempt| attempt.at)
        .collect();
    let early = times.windows(2).map(|pair| pair[1] - pair[0]).find(|waited| *waited < pause);
    assert_eq!(early, None, "the store asked to wait {pause:?}");
    Ok(())
}

/// What another replica was quicker to store is confirmed as well.
pub async fn a_duplicate_is_confirmed<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    confirmed_although(bench, Plan::Duplicate).await
}

/// What the channel's rules leave out is confirmed as well.
pub async fn what_the_rules_leave_out_is_confirmed<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    confirmed_although(bench, Plan::Ignore).await
}

async fn confirmed_although<H: Harness>(bench: &mut Bench<H>, plan: Plan) -> Outcome {
    bench.connect().await;
    bench.ledger.plan(plan);
    let text = bench.text("not stored here");
    let written = bench.platform.write(Room::Direct(0), &text).await?;
    bench.until_handed_over(&text, 1).await;
    bench.until_confirmed(&written).await;
    bench.ledger.plan(Plan::Commit);
    bench.receive(Room::Direct(0), &bench.text("and on")).await?;
    let times = bench.ledger.attempts().iter().filter(|attempt| attempt.message(&text).is_some()).count();
    assert_eq!(times, 1, "it was handed over again");
    Ok(())
}

/// Once another replica owns the channel, this one confirms nothing, hands nothing over, and is no error.
///
/// Its run may end then, or wait for the stop that follows.
pub async fn another_owner_ends_receiving<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    bench.ledger.plan(Plan::NotOwner);
    let text = bench.text("for the new owner");
    let written = bench.platform.write(Room::Direct(0), &text).await?;
    bench.until_handed_over(&text, 1).await;
    if bench
        .ledger
        .attempts()
        .iter()
        .any(|attempt| attempt.via == Via::Routes && attempt.message(&text).is_some())
    {
        bench.until_stored(&[text]).await;
        return Err(super::Lacks("it receives by routes, which serve whoever owns the channel"));
    }
    bench.platform.write(Room::Direct(0), &bench.text("this one too")).await?;
    assert_eq!(bench.stop().await, Ok(()), "it is no error that another replica owns the channel");
    assert!(!bench.platform.confirmed(&written).await.unwrap_or(false), "it was confirmed and not stored");
    bench.kill().await;
    bench.ledger.plan(Plan::Commit);
    bench.connect().await;
    bench.until_stored(&[text]).await;
    Ok(())
}
