//! [`FnClock`]: a clock made from a function.

use super::Clock;
use std::fmt;
use std::time::{Duration, SystemTime};

/// A clock that calls `now` for the time since an origin; `now` must never run backwards. The time
/// of day is the system's, unless [`with_wall`](FnClock::with_wall) gives another.
///
/// Under tokio's paused time, for instance, the system's clock goes on while the program's timers
/// stand still, so rates by a [`SystemClock`](super::SystemClock) mean nothing. This clock follows
/// the timers:
///
/// ```
/// use std::time::Duration;
/// use tallybook::{Counter, Registry, Stats, clock};
/// use tokio::time::Instant;
///
/// #[derive(Stats)]
/// struct Server {
///     requests: Counter,
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let start = Instant::now();
/// let clock = clock::from_fn(move || start.elapsed());
/// let registry = Registry::builder().clock(clock).build();
/// let server = registry.set::<Server>("server")?;
/// let collecting = registry.collector()?.run(Duration::from_secs(1), tokio::time::sleep);
/// let collecting = tokio::spawn(collecting);
///
/// server.record(|s| s.requests.add(500));
/// let snapshot = registry.reader().next(0).await?;
/// assert_eq!(snapshot.interval().as_secs(), 1); // of paused time
/// assert_eq!(snapshot.last_interval().rates(&server).requests.round(), 500.0);
/// # collecting.abort();
/// # Ok(())
/// # }
/// ```
///
/// tokio's clock is paused on the threads of its runtime alone: run the collector on it, as here,
/// and not by [`collect_every`](crate::Registry::collect_every), which has a thread of its own.
pub fn from_fn<N: Fn() -> Duration>(now: N) -> FnClock<N> {
    FnClock { now, wall: SystemTime::now }
}

/// A clock made from functions; see [`from_fn`].
#[derive(Clone, Copy)]
pub struct FnClock<N, W = fn() -> SystemTime> {
    now: N,
    wall: W,
}

impl<N, W> FnClock<N, W> {
    /// The same clock with another time of day.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use tallybook::{Clock, clock};
    ///
    /// let clock = clock::from_fn(|| Duration::ZERO).with_wall(|| SystemTime::UNIX_EPOCH);
    /// assert_eq!(clock.wall(), SystemTime::UNIX_EPOCH);
    /// ```
    #[must_use]
    pub fn with_wall<F: Fn() -> SystemTime>(self, wall: F) -> FnClock<N, F> {
        FnClock { now: self.now, wall }
    }
}

impl<N, W> Clock for FnClock<N, W>
where
    N: Fn() -> Duration + Send + Sync + 'static,
    W: Fn() -> SystemTime + Send + Sync + 'static,
{
    fn now(&self) -> Duration {
        (self.now)()
    }
    fn wall(&self) -> SystemTime {
        (self.wall)()
    }
}

impl<N, W> fmt::Debug for FnClock<N, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnClock").finish_non_exhaustive()
    }
}
