//! How long to wait before the next attempt.

use std::time::Duration;

/// Exponential, with jitter: attempt *n* waits between half and the whole of `min · 2ⁿ`, at most
/// `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure.
    pub min: Duration,
    /// The longest wait.
    pub max: Duration,
}

impl Backoff {
    /// The wait after `failures` failures before this one; `random` is in 0..1.
    pub fn delay(&self, failures: u32, random: f64) -> Duration {
        let whole = self.min.saturating_mul(1 << failures.min(20)).min(self.max);
        whole.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_the_maximum_and_jitters_downwards_only() {
        let backoff = Backoff { min: Duration::from_secs(1), max: Duration::from_mins(1) };
        assert_eq!(backoff.delay(0, 1.0), Duration::from_secs(1));
        assert_eq!(backoff.delay(0, 0.0), Duration::from_millis(500));
        assert_eq!(backoff.delay(3, 1.0), Duration::from_secs(8));
        assert_eq!(backoff.delay(u32::MAX, 1.0), Duration::from_mins(1));
    }
}
