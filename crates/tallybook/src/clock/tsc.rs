//! [`TscClock`]: the processor's time stamp counter.

use super::Clock;
use std::fmt;
use std::time::{Duration, SystemTime};

/// A cheap clock: the processor's time stamp counter, read in about a third of the time that the
/// system's clock takes, by the crate `quanta`. Where there is no counter that can be relied on, it
/// is the system's clock.
///
/// What it costs is accuracy. The counter's frequency is measured against the system's clock once
/// in a process, for up to 200 milliseconds, when the first clock of this kind is made, and is not
/// corrected afterwards as the system's is: the two drift apart, by less than 1 microsecond in a
/// second in most processes and by 16 in some, where we have measured it. So it is for durations,
/// of which that is a fifty-thousandth at most, and as a registry's clock where ages and rates may
/// be off by as little. Reads may be out of order by up to about 100 nanoseconds, on another core;
/// so take differences with [`elapsed_since`](Clock::elapsed_since), which are never below zero.
///
/// ```
/// use std::time::Duration;
/// use tallybook::clock::TscClock;
/// use tallybook::{Clock, Counter, Histogram, Registry, Stats};
///
/// #[derive(Stats)]
/// struct Lookups {
///     done: Counter,
///     took: Histogram<Duration>,
/// }
///
/// let registry = Registry::new();
/// let lookups = registry.set::<Lookups>("lookups")?;
/// let clock = TscClock::new();
///
/// let started = clock.now();
/// // ...
/// let took = clock.elapsed_since(started);
/// lookups.record(|l| {
///     l.done.inc();
///     l.took.record(took);
/// });
/// # Ok::<(), tallybook::error::RegisterError>(())
/// ```
#[derive(Clone)]
pub struct TscClock {
    clock: quanta::Clock,
    /// The counter at the origin.
    origin: u64,
}

impl TscClock {
    /// A clock that starts at zero now. The first one in a process takes up to 200 milliseconds.
    #[must_use]
    pub fn new() -> Self {
        let clock = quanta::Clock::new();
        let origin = clock.raw();
        TscClock { clock, origin }
    }
}

impl Default for TscClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TscClock {
    #[inline]
    fn now(&self) -> Duration {
        Duration::from_nanos(self.clock.delta_as_nanos(self.origin, self.clock.raw()))
    }
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

impl fmt::Debug for TscClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TscClock").field("now", &self.now()).finish_non_exhaustive()
    }
}
