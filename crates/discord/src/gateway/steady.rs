//! When a connection counts as up: not when it is made, but when it has held.
//!
//! A connection that is closed again and again as soon as its session is open brings nothing, and looks like a good one
//! at each of these moments.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// Which of the connections of a run it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number(u64);

/// The connection that there is, if there is one.
#[derive(Debug)]
pub(crate) struct Steady {
    /// For how long a connection must be open before it counts.
    hold: Duration,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    number: u64,
    /// Since when its session is open.
    open_since: Option<Instant>,
    /// Whether [`Steady::held`] has returned for it.
    reported: bool,
}

impl Steady {
    pub(crate) fn new(hold: Duration) -> Self {
        Self { hold, state: watch::Sender::new(State { number: 0, open_since: None, reported: false }) }
    }

    /// A connection begins, and ends the one before it.
    pub(super) fn begins(&self) -> Number {
        let mut number = 0;
        self.state.send_modify(|state| {
            number = state.number + 1;
            *state = State { number, open_since: None, reported: false };
        });
        Number(number)
    }

    /// The session of this connection is open. Without effect if the connection has ended meanwhile.
    pub(crate) fn is_open(&self, connection: Number) {
        self.state.send_if_modified(|state| {
            let opens = state.number == connection.0 && state.open_since.is_none();
            if opens {
                state.open_since = Some(Instant::now());
            }
            opens
        });
    }

    /// The connection ended.
    pub(super) fn ends(&self) {
        self.begins();
    }

    /// Waits until a connection has held for which this has not returned before.
    pub(crate) async fn held(&self) {
        let mut changes = self.state.subscribe();
        loop {
            let open = |state: &State| state.open_since.is_some() && !state.reported;
            let state = *changes.wait_for(open).await.expect("the sender lives as long");
            let due = state.open_since.expect("it was waited for") + self.hold;
            let ended = timeout_at(due, changes.wait_for(|now| *now != state)).await.is_ok();
            if !ended && self.report(state) {
                return;
            }
        }
    }

    /// Whether this is still the state, and is reported now.
    fn report(&self, held: State) -> bool {
        self.state.send_if_modified(|state| {
            let same = *state == held;
            state.reported |= same;
            same
        })
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::time::timeout;

    use super::*;

    const HOLD: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn a_connection_counts_once_it_has_held() {
        let steady = Steady::new(HOLD);
        let began = Instant::now();
        steady.is_open(steady.begins());
        steady.held().await;
        assert_eq!(began.elapsed(), HOLD);
        assert!(timeout(10 * HOLD, steady.held()).await.is_err(), "it is reported once");
    }

    #[tokio::test(start_paused = true)]
    async fn connections_that_end_sooner_never_count() {
        let steady = Steady::new(HOLD);
        let mut held = pin!(steady.held());
        for _ in 0..20 {
            steady.is_open(steady.begins());
            assert!(timeout(HOLD / 2, held.as_mut()).await.is_err());
            steady.ends();
            assert!(timeout(HOLD, held.as_mut()).await.is_err(), "there is none");
        }
        steady.is_open(steady.begins());
        held.await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_heard_late_of_a_former_connection_opens_no_other() {
        let steady = Steady::new(HOLD);
        let former = steady.begins();
        steady.ends();
        let present = steady.begins();
        steady.is_open(former);
        assert!(timeout(10 * HOLD, steady.held()).await.is_err());
        steady.is_open(present);
        steady.held().await;
    }
}
