//! [`Patience`]: how long and in which way the closer waits for writers that are inside a fact.

use super::sync::{spin_loop, yield_now};
use std::time::{Duration, Instant};

/// A time limit for waiting, and how much of it has been used.
///
/// A fact takes nanoseconds, but its thread may be preempted inside it. The thread runs again after
/// the others in its queue had their turn. So the limit is multiplied by the number of threads per
/// core (the *crowd*), up to [`MAX_CROWD`] times.
pub(crate) struct Patience {
    limit: Duration,
    /// Whether a crowd extends the limit.
    is_elastic: bool,
    steps: u32,
    /// When the spinning was over.
    since: Option<Instant>,
}

/// The maximum factor by which a crowd extends the limit.
const MAX_CROWD: u32 = 50;
/// How many waits spin, and how many of those after them yield, before waits sleep.
const SPINS: u32 = 64;
const YIELDS: u32 = 16;
/// The minimum and the maximum time to sleep: a writer without a core gets one sooner if the closer
/// does not spin.
const SLEEPS: [Duration; 2] = [Duration::from_micros(50), Duration::from_millis(2)];

impl Patience {
    /// Waits for at most `limit` if each thread has a core, and for longer if there is a crowd.
    pub(crate) fn new(limit: Duration) -> Self {
        Patience { limit, is_elastic: true, steps: 0, since: None }
    }

    /// Waits for at most `limit`, whatever the crowd.
    pub(crate) fn exactly(limit: Duration) -> Self {
        Patience { is_elastic: false, ..Patience::new(limit) }
    }

    /// Waits a little; `false` if the limit is reached.
    pub(crate) fn wait(&mut self, crowd: u32) -> bool {
        let step = self.steps;
        self.steps = step.saturating_add(1);
        if cfg!(tallybook_loom) {
            yield_now();
            return true;
        }
        if self.limit.is_zero() {
            return false;
        }
        if step < SPINS {
            spin_loop();
            return true;
        }
        // There is one thread and no clock, and this thread is the one inside a fact.
        if cfg!(all(target_family = "wasm", target_os = "unknown")) {
            return false;
        }
        if self.since.get_or_insert_with(Instant::now).elapsed() >= self.limit(crowd) {
            return false;
        }
        if step < SPINS + YIELDS {
            yield_now();
        } else {
            std::thread::sleep(self.sleep_time());
        }
        true
    }

    /// The limit for a crowd.
    pub(crate) fn limit(&self, crowd: u32) -> Duration {
        let times = if self.is_elastic { crowd.clamp(1, MAX_CROWD) } else { 1 };
        self.limit.saturating_mul(times)
    }

    /// How long to sleep before the next look; grows with the steps.
    fn sleep_time(&self) -> Duration {
        let doublings = (self.steps - SPINS - YIELDS) / 4;
        SLEEPS[0].saturating_mul(1 << doublings.min(16)).min(SLEEPS[1])
    }
}

#[cfg(all(test, not(tallybook_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_zero_is_reached_at_once() {
        assert!(!Patience::new(Duration::ZERO).wait(100));
    }

    #[test]
    fn a_crowd_extends_the_limit_up_to_a_maximum() {
        let patience = Patience::new(Duration::from_millis(20));
        let limits = [0, 1, 3, 1000].map(|crowd| patience.limit(crowd).as_millis());
        assert_eq!(limits, [20, 20, 60, 1000]);
        assert_eq!(Patience::exactly(Duration::MAX).limit(1000), Duration::MAX);
        assert_eq!(Patience::new(Duration::MAX).limit(1000), Duration::MAX);
    }

    #[test]
    fn sleeps_grow_up_to_a_maximum() {
        let mut patience = Patience::new(Duration::MAX);
        patience.steps = SPINS + YIELDS + 1;
        assert_eq!(patience.sleep_time(), SLEEPS[0]);
        patience.steps = u32::MAX;
        assert_eq!(patience.sleep_time(), SLEEPS[1]);
    }
}
