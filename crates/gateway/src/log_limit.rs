//! Log lines that strangers, or an outage, could make as many of as they like.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// What the number of lines is for.
const WINDOW: Duration = Duration::from_mins(1);

/// Lets so many lines of one kind through in a minute, and counts the others.
pub(crate) struct LogLimit {
    per_minute: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    began: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl LogLimit {
    pub(crate) fn per_minute(per_minute: u32) -> Self {
        Self { per_minute, state: Mutex::default() }
    }

    /// Whether to write a line, with how many were left out since the last one.
    pub(crate) fn admit(&self) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.began.is_none_or(|began| began.elapsed() >= WINDOW) {
            state.began = Some(Instant::now());
            state.written = 0;
        }
        if state.written == self.per_minute {
            state.left_out += 1;
            return None;
        }
        state.written += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn lines_beyond_the_limit_are_counted_and_told_of_a_minute_later() {
        let limit = LogLimit::per_minute(2);
        let admitted: Vec<_> = (0..5).map(|_| limit.admit()).collect();
        assert_eq!(admitted, [Some(0), Some(0), None, None, None]);
        tokio::time::advance(WINDOW).await;
        assert_eq!([limit.admit(), limit.admit(), limit.admit()], [Some(3), Some(0), None]);
    }
}
