//! Secrets stay secret, whatever goes wrong.

use std::time::Duration;

use switchboard_core::{ConnectionState, MessageId};
use tokio::time::timeout;

use super::{
    actions::every_other_action,
    bench::{Bench, Outcome},
    harness::{Harness, Room, Trouble},
    ledger::Plan,
    logs,
};

/// How long is waited for what other cases are about; it need not come here.
const PATIENCE: Duration = Duration::from_secs(5);

/// No token or password is in a log line at any level, an error, a finding or a published state.
///
/// What counts as logged is what is logged on the test's own thread, by `tracing` or `log`, dependencies included.
pub async fn no_secret_is_told<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    let (logs, _capturing) = logs::capture();
    bench.connect().await;
    let here = bench.meet(Room::Direct(0)).await?;
    bench.send(&here, "hello").await;
    for action in every_other_action(bench, &here, &MessageId::new("1")) {
        bench.execute(&action).await.ok();
    }
    probe(bench).await;
    have_the_store_refuse(bench).await?;
    let part = bench.parts(&here, "hello").remove(0);
    for trouble in [
        Trouble::Refused,
        Trouble::RateLimited(Duration::from_secs(1)),
        Trouble::Gone,
        Trouble::Unavailable,
        Trouble::AnswerLost,
        Trouble::UnauthorizedOnce,
        Trouble::Unauthorized,
    ] {
        if bench.platform.trouble(Room::Direct(0), trouble).await.is_ok() {
            bench.execute(&bench.sending(&here, part.clone())).await.ok();
        }
    }
    if bench.platform.reachable(false).await.is_ok() {
        let interrupted = |state: &ConnectionState| matches!(state, ConnectionState::Interrupted(_));
        timeout(PATIENCE, bench.until_state("an interruption", interrupted)).await.ok();
        bench.execute(&bench.sending(&here, part.clone())).await.ok();
        probe(bench).await;
    }
    timeout(PATIENCE, bench.stop()).await.ok();

    let told = bench.told().join("\n") + &logs.text();
    for secret in bench.platform.secrets() {
        let line = told.lines().find(|line| line.contains(&secret));
        assert_eq!(line.map(|line| line.replace(&secret, "<the secret>")), None, "a secret was told");
    }
    Ok(())
}

async fn probe<H: Harness>(bench: &Bench<H>) {
    for finding in bench.messenger().probe().await {
        bench.tell(&finding);
    }
}

async fn have_the_store_refuse<H: Harness>(bench: &Bench<H>) -> Outcome {
    bench.ledger.plan(Plan::Refuse(Duration::from_millis(10)));
    let text = bench.text("refused");
    bench.platform.write(Room::Direct(0), &text).await?;
    bench.until_handed_over(&text, 1).await;
    bench.ledger.plan(Plan::Commit);
    Ok(())
}
