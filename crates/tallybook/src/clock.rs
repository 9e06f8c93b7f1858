//! [`Clock`]: where the collector's times come from.

mod function;
#[cfg(feature = "tsc")]
mod tsc;

pub use function::{FnClock, from_fn};
#[cfg(feature = "tsc")]
pub use tsc::TscClock;

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

/// A source of time: [`SystemClock`], [`ManualClock`] for tests, or a function of your own by
/// [`from_fn`].
///
/// The collector reads it a few times per tick, a family once per new entry, and the guard of a
/// [`TimedLive`](crate::TimedLive) when it opens and closes; other facts never do. If it panics in
/// a tick, the tick uses the last time known; elsewhere the panic is the caller's. Times beyond 584
/// years (`u64::MAX` nanoseconds) count as that where they are kept per entry or per fact.
pub trait Clock: Send + Sync + 'static {
    /// Time since an origin of the clock's own. Never runs backwards.
    fn now(&self) -> Duration;
    /// The time of day, which may jump.
    fn wall(&self) -> SystemTime;
    /// The time since an earlier `now`; zero if it is not earlier.
    fn elapsed_since(&self, earlier: Duration) -> Duration {
        self.now().saturating_sub(earlier)
    }
}

/// The system's clocks; the origin is the clock's creation.
///
/// Not on `wasm32-unknown-unknown`, which has no clocks: making one panics there. Implement
/// [`Clock`] with what the host offers, such as `performance.now()`.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl SystemClock {
    /// A clock that starts at zero now.
    ///
    /// # Panics
    /// On `wasm32-unknown-unknown`.
    #[must_use]
    pub fn new() -> Self {
        SystemClock(Instant::now())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A clock that moves only when told to, for tests. Both times start at their epochs: zero, and
/// 1970.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use tallybook::{ManualClock, Registry};
///
/// let clock = Arc::new(ManualClock::new());
/// let registry = Registry::builder().clock(clock.clone()).build();
/// let mut collector = registry.collector()?;
/// clock.advance(Duration::from_secs(2));
/// assert_eq!(collector.tick().interval(), Duration::from_secs(2));
/// # Ok::<(), tallybook::error::CollectError>(())
/// ```
#[derive(Debug, Default)]
pub struct ManualClock(Mutex<Duration>);

impl ManualClock {
    /// A clock at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves both times forward, up to the end of what they can tell.
    pub fn advance(&self, by: Duration) {
        let mut now = crate::support::lock(&self.0);
        *now = now.saturating_add(by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        *crate::support::lock(&self.0)
    }
    fn wall(&self) -> SystemTime {
        // The last time of day that there is, where it would be later than that.
        let latest = (0..64).rev().map(|bits| Duration::from_secs(1 << bits));
        let start = SystemTime::UNIX_EPOCH;
        start.checked_add(self.now()).unwrap_or_else(|| {
            latest.fold(start, |time, more| time.checked_add(more).unwrap_or(time))
        })
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Duration {
        (**self).now()
    }
    fn wall(&self) -> SystemTime {
        (**self).wall()
    }
    fn elapsed_since(&self, earlier: Duration) -> Duration {
        (**self).elapsed_since(earlier)
    }
}
