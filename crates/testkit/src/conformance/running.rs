//! How a run begins, goes on and ends, and what is published meanwhile.

use switchboard_core::ConnectionState;

use super::{
    bench::{Bench, Outcome},
    harness::{Harness, Room},
};

/// After the first round trip the connection is published as such.
pub async fn a_connection_is_published<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    bench.receive(Room::Direct(0), &bench.text("hello")).await?;
    bench.until_state("the state to be connected", |state| *state == ConnectionState::Connected).await;
    Ok(())
}

/// A connection that breaks is published, made again, and loses nothing.
pub async fn an_interruption_is_published_and_overcome<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    bench.receive(Room::Direct(0), &bench.text("before")).await?;
    interrupt(bench).await?;
    let meanwhile = bench.text("meanwhile");
    bench.platform.write(Room::Direct(0), &meanwhile).await?;
    bench.platform.reachable(true).await?;
    bench.until_state("the state to be connected again", |state| *state == ConnectionState::Connected).await;
    bench.until_stored(std::slice::from_ref(&meanwhile)).await;
    bench.receive(Room::Direct(0), &bench.text("after")).await?;
    let times = bench.ledger.messages().iter().filter(|message| message.text == meanwhile).count();
    assert_eq!(times, 1, "what was written meanwhile came in once");
    Ok(())
}

/// A run that has something to do, and then nothing, goes on.
pub async fn the_run_goes_on_until_it_is_stopped<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    for _ in 0..3 {
        let conversation = bench.meet(Room::Direct(0)).await?;
        bench.send(&conversation, "and back").await;
    }
    assert_eq!(bench.ended(), None, "nobody stopped the run");
    Ok(())
}

/// A run that waits for the platform ends when it is stopped, without an error.
pub async fn stop_ends_the_run<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    bench.receive(Room::Direct(0), &bench.text("hello")).await?;
    assert_eq!(bench.stop().await, Ok(()));
    Ok(())
}

/// A run that tries to connect again ends when it is stopped, without an error.
pub async fn stop_ends_the_run_while_the_platform_is_away<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    interrupt(bench).await?;
    assert_eq!(bench.stop().await, Ok(()));
    Ok(())
}

/// Takes the platform away, and waits until that is published.
pub(super) async fn interrupt<H: Harness>(bench: &Bench<H>) -> Outcome {
    bench.platform.reachable(false).await?;
    bench
        .until_state(
            "the interruption to be published, with a reason",
            |state| matches!(state, ConnectionState::Interrupted(reason) if !reason.is_empty()),
        )
        .await;
    Ok(())
}
