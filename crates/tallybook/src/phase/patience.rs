//! [`Patience`]: for how long writers inside a fact are waited for, and how.

use super::sync::{spin_loop, yield_now};
use std::time::{Duration, Instant};

/// A patience that is spent by waiting.
///
/// A fact takes nanoseconds, but its thread may have lost its core inside of it. It gets one again when those before it
/// have had theirs; so where several threads want each core (the *crowd*), they are waited for as many times as long, up to
/// [`MOST`] times.
pub(crate) struct Patience {
    limit: Duration,
    /// Whether a crowd makes it longer.
    is_elastic: bool,
    steps: u32,
    /// When waiting began in earnest.
    since: Option<Instant>,
}

/// How many times as long a crowd is waited for at most.
const MOST: u32 = 50;
/// How many times to look at once, and how many times to let others run in between, before sleeping.
const SPINS: u32 = 64;
const YIELDS: u32 = 16;
/// For how long to sleep at least and at most: a writer that has no core gets it sooner if nobody spins for it.
const NAPS: [Duration; 2] = [Duration::from_micros(50), Duration::from_millis(2)];

impl Patience {
    /// For as long as this where each thread has a core.
    pub(crate) fn new(limit: Duration) -> Self {
        Patience { limit, is_elastic: true, steps: 0, since: None }
    }

    /// For as long as this and no longer.
    pub(crate) fn exactly(limit: Duration) -> Self {
        Patience { is_elastic: false, ..Patience::new(limit) }
    }

    /// Waits a little; `false` if the patience is over.
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
        // There is one thread and no clock, and it is this thread that is inside of a fact.
        if cfg!(all(target_family = "wasm", target_os = "unknown")) {
            return false;
        }
        if self.since.get_or_insert_with(Instant::now).elapsed() >= self.limit(crowd) {
            return false;
        }
        if step < SPINS + YIELDS {
            yield_now();
        } else {
            std::thread::sleep(self.nap());
        }
        true
    }

    /// For how long a crowd is waited for.
    pub(crate) fn limit(&self, crowd: u32) -> Duration {
        let times = if self.is_elastic { crowd.clamp(1, MOST) } else { 1 };
        self.limit.saturating_mul(times)
    }

    /// For how long to sleep before the next look: longer and longer.
    fn nap(&self) -> Duration {
        let doublings = (self.steps - SPINS - YIELDS) / 4;
        NAPS[0].saturating_mul(1 << doublings.min(16)).min(NAPS[1])
    }
}

#[cfg(all(test, not(tallybook_loom)))]
mod tests {
    use super::*;

    #[test]
    fn none_is_over_at_once() {
        assert!(!Patience::new(Duration::ZERO).wait(100));
    }

    #[test]
    fn a_crowd_is_waited_for_as_many_times_as_long_up_to_a_limit() {
        let patience = Patience::new(Duration::from_millis(20));
        let limits = [0, 1, 3, 1000].map(|crowd| patience.limit(crowd).as_millis());
        assert_eq!(limits, [20, 20, 60, 1000]);
        assert_eq!(Patience::exactly(Duration::MAX).limit(1000), Duration::MAX);
        assert_eq!(Patience::new(Duration::MAX).limit(1000), Duration::MAX);
    }

    #[test]
    fn naps_grow_and_stay_short() {
        let mut patience = Patience::new(Duration::MAX);
        patience.steps = SPINS + YIELDS + 1;
        assert_eq!(patience.nap(), NAPS[0]);
        patience.steps = u32::MAX;
        assert_eq!(patience.nap(), NAPS[1]);
    }
}
