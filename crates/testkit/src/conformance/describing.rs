//! What an adapter says of itself.

use std::time::Duration;

use switchboard_core::{Idempotency, Severity, markup::MIN_LIMIT};

use super::{
    bench::{Bench, Outcome},
    harness::{Harness, Room},
};

/// The capabilities can be kept: no limit too small to split for, no time that is zero.
pub async fn the_capabilities_can_be_kept<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let here = bench.meet(Room::Direct(0)).await?;
    let said = bench.capabilities(&here);
    assert!(said.text.limit >= MIN_LIMIT, "texts are split to {MIN_LIMIT} at least: {said:?}");
    assert!(said.typing.is_none_or(|typing| typing.refresh > Duration::ZERO), "{said:?}");
    assert!(said.attachment.is_none_or(|attachment| attachment.limit > 0), "{said:?}");
    assert_ne!(said.idempotency, Idempotency::Window(Duration::ZERO), "{said:?}");
    let rates = [said.rates.channel, said.rates.conversation];
    assert!(rates.iter().flatten().all(|rate| rate.period > Duration::ZERO), "{said:?}");
    assert_eq!(bench.capabilities(&here), said, "the same at any time");
    Ok(())
}

/// A check tells a person what to do, and nobody on the messenger notices it.
pub async fn a_probe_is_not_noticed<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let here = bench.meet(Room::Direct(0)).await?;
    let mut expected = bench.send(&here, "before").await;
    bench.until_shown(Room::Direct(0), &expected).await;
    for finding in bench.messenger().probe().await {
        assert!(!finding.what.trim().is_empty(), "{finding:?}");
        assert_eq!(
            finding.remedy.is_some(),
            finding.severity != Severity::Ok,
            "what is to be done: {finding:?}"
        );
    }
    expected.extend(bench.send(&here, "after").await);
    bench.until_shown(Room::Direct(0), &expected).await;
    bench.receive(Room::Direct(0), &bench.text("and on")).await?;
    Ok(())
}
