//! [`Pace`]: how often a callback that supplies values is called.

use std::time::Duration;

/// How long a callback may take to be called at each tick.
const QUICK: Duration = Duration::from_millis(1);
/// One that takes longer is called again after this many times as long.
const SHARE: u32 = 10;

/// See the module. A callback that took longer than a millisecond is not called again before ten
/// times as long has passed, so it delays few ticks.
#[derive(Default)]
pub(super) struct Pace {
    /// When it may be called again, on the registry's clock.
    next: Duration,
}

impl Pace {
    /// Whether it may be called at this time.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        now >= self.next
    }

    /// To be called after each call.
    pub(super) fn took(&mut self, time: Duration, now: Duration) {
        let pause = if time < QUICK { Duration::ZERO } else { time.saturating_mul(SHARE) };
        self.next = now.saturating_add(pause);
    }
}
