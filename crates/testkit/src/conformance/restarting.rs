//! What a restart at any moment may not do: lose something, or double it.

use super::{
    Lacks,
    bench::{Bench, Outcome},
    harness::{Harness, Room},
    ledger::{Plan, Via},
};

/// Killed with the transaction open: everything comes again, in order.
pub async fn killed_before_the_commit_nothing_is_lost<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    bench.ledger.plan(Plan::Hold);
    let texts = [bench.text("first"), bench.text("second"), bench.text("third")];
    for text in &texts {
        bench.platform.write(Room::Direct(0), text).await?;
    }
    bench.until_handed_over(&texts[0], 1).await;
    restart(bench).await;
    bench.until_stored(&texts).await;
    stored_once(bench, &texts).await
}

/// Killed between the commit and the confirmation: what comes again is known by its id.
pub async fn killed_before_the_confirmation_nothing_is_doubled<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    bench.ledger.plan(Plan::HoldAnswer);
    let text = bench.text("only once");
    bench.platform.write(Room::Direct(0), &text).await?;
    bench.until_stored(std::slice::from_ref(&text)).await;
    restart(bench).await;
    stored_once(bench, &[text]).await
}

/// The same event has the same id each time it is handed over, also by another process.
pub async fn an_event_that_comes_again_keeps_its_id<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    bench.ledger.plan(Plan::Hold);
    let text = bench.text("the same");
    bench.platform.write(Room::Direct(0), &text).await?;
    bench.until_handed_over(&text, 1).await;
    restart(bench).await;
    bench.until_stored(std::slice::from_ref(&text)).await;
    let attempts = bench.ledger.attempts();
    let mut ids: Vec<_> = attempts.iter().filter_map(|attempt| attempt.message(&text)).collect();
    assert!(ids.len() > 1, "it was handed over by both processes");
    ids.dedup_by_key(|message| &message.event_id);
    assert_eq!(ids.len(), 1, "one event had several ids: {ids:?}");
    Ok(())
}

/// What is written while no gateway runs comes in afterwards.
pub async fn what_is_written_meanwhile_comes_in<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let before = bench.text("before");
    bench.until_confirmed(&bench.platform.write(Room::Direct(0), &before).await?).await;
    bench.kill().await;
    let texts = [before, bench.text("first"), bench.text("second")];
    for text in &texts[1..] {
        bench.platform.write(Room::Direct(0), text).await?;
    }
    bench.connect().await;
    bench.until_stored(&texts).await;
    stored_once(bench, &texts).await
}

/// Asked to stop while a transaction is open, nothing is lost.
pub async fn stopped_before_the_commit_nothing_is_lost<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    bench.ledger.plan(Plan::Hold);
    let texts = [bench.text("first"), bench.text("second")];
    bench.platform.write(Room::Direct(0), &texts[0]).await?;
    bench.until_handed_over(&texts[0], 1).await;
    bench.platform.write(Room::Direct(0), &texts[1]).await?;
    bench.begin_stop();
    bench.ledger.plan(Plan::Commit);
    assert_eq!(bench.stop().await, Ok(()));
    restart(bench).await;
    bench.until_stored(&texts).await;
    stored_once(bench, &texts).await
}

/// Before an adapter that hands cursors over receives again, it asks for the last one.
pub async fn the_last_cursor_is_asked_for<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    with_a_cursor(bench).await?;
    restart(bench).await;
    asked_for_its_cursor(bench).await
}

/// A cursor that cannot be read at first is not taken for none.
pub async fn a_cursor_that_cannot_be_read_is_asked_for_again<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    with_a_cursor(bench).await?;
    bench.ledger.fail_cursor_reads(2);
    bench.kill().await;
    bench.start().await;
    bench.until("the cursor to be read", async || (!bench.ledger.cursor_fails()).then_some(())).await;
    asked_for_its_cursor(bench).await
}

/// Has something taken, so that a cursor is stored, if the adapter has any.
async fn with_a_cursor<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    bench.receive(Room::Direct(0), &bench.text("hello")).await?;
    assert_eq!(bench.stop().await, Ok(()));
    bench.ledger.cursor().map(|_| ()).ok_or(Lacks("the adapter hands no cursor over"))
}

async fn asked_for_its_cursor<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    let before = bench.ledger.attempts().len();
    bench.receive(Room::Direct(0), &bench.text("hello again")).await?;
    let attempts = bench.ledger.attempts();
    let in_the_dark =
        attempts[before..].iter().find(|attempt| attempt.via == Via::Run && !attempt.cursor_known);
    assert!(in_the_dark.is_none(), "events were handed over before the cursor was given: {in_the_dark:?}");
    Ok(())
}

/// Another process takes over, on the same store.
async fn restart<H: Harness>(bench: &mut Bench<H>) {
    bench.kill().await;
    bench.ledger.plan(Plan::Commit);
    bench.connect().await;
}

/// These texts and no others are stored, once and in order, also after one more has come.
async fn stored_once<H: Harness>(bench: &mut Bench<H>, texts: &[String]) -> Outcome {
    let last = bench.text("last");
    bench.receive(Room::Direct(0), &last).await?;
    let stored: Vec<String> = bench.ledger.messages().into_iter().map(|message| message.text).collect();
    assert_eq!(stored, [texts, &[last]].concat(), "what is stored in the end");
    Ok(())
}
