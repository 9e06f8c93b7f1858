//! [`Timer`]: the guard that measures a duration.

use super::recorder::Record;
use super::select::{Labelled, Select};
use crate::metric::{Histogram, Timed, TimerField};
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// The guard of a `Histogram<Duration>`: records the time since it was made, when it is dropped.
/// Made by [`Set::timer`](crate::Set::timer) and [`Entry::timer`](crate::Entry::timer).
///
/// A timer records exactly one duration, or none after [`discard`](Timer::discard). It is `Send` if
/// its parts are, and may live across an `.await`: a future that is cancelled, and a panic that
/// unwinds, drop their timers, which record the time up to then. A timer that is leaked records
/// nothing.
///
/// The time is that of the registry's clock, which is read when the timer is made and when it ends.
/// In a disabled registry it is not read, and nothing is recorded.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use tallybook::{Histogram, ManualClock, Registry, Set, Stats, Timer};
///
/// #[derive(Stats)]
/// struct Requests {
///     latency: Histogram<Duration>,
/// }
///
/// struct Request {
///     timer: Timer<Set<Requests>>,
/// }
///
/// let clock = Arc::new(ManualClock::new());
/// let registry = Registry::builder().clock(clock.clone()).build();
/// let requests = registry.set::<Requests>("requests")?;
///
/// let request = Request { timer: requests.timer(Requests::latency) };
/// clock.advance(Duration::from_millis(30));
/// drop(request);
///
/// let timer = requests.timer(Requests::latency);
/// clock.advance(Duration::from_millis(50));
/// assert_eq!(timer.stop(), Duration::from_millis(50));
///
/// requests.timer(Requests::latency).discard();
///
/// let latency = registry.collector()?.tick().set(&requests).latency;
/// assert_eq!((latency.count(), latency.sum()), (2, Duration::from_millis(80)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "it records when it is dropped"]
pub struct Timer<R: Record, F = TimerField<<R as Record>::Stats>, H: Timed = Histogram<Duration>>
where
    F: Select<R::Stats, H>,
{
    on: R,
    field: F,
    /// `None` once it has ended.
    started: Option<Duration>,
    histogram: PhantomData<fn() -> H>,
}

/// The guard of a `Histogram<Duration>` under a value of a label, made by
/// [`Set::timer_label`](crate::Set::timer_label) and
/// [`Entry::timer_label`](crate::Entry::timer_label).
pub type TimerLabel<R, K, H = Histogram<Duration>> =
    Timer<R, Labelled<<R as Record>::Stats, K, H>, H>;

impl<R: Record, H: Timed, F: Select<R::Stats, H>> Timer<R, F, H> {
    #[inline]
    pub(super) fn new(on: R, field: F) -> Self {
        let started = Some(on.now());
        Timer { on, field, started, histogram: PhantomData }
    }

    /// The time since the timer was made, on the registry's clock; zero in a disabled registry.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.on.now().saturating_sub(self.started.unwrap_or_default())
    }

    /// Records the duration now, and returns it; zero in a disabled registry.
    #[inline]
    pub fn stop(mut self) -> Duration {
        self.end()
    }

    /// Ends the timer and records nothing.
    #[inline]
    pub fn discard(mut self) {
        self.started = None;
    }

    /// The handle that it was made on, to record more there.
    pub fn on(&self) -> &R {
        &self.on
    }

    /// Records the duration, unless the timer has ended.
    #[inline]
    fn end(&mut self) -> Duration {
        let Some(started) = self.started.take() else { return Duration::ZERO };
        let took = self.on.now().saturating_sub(started);
        self.on.record(|stats| self.field.select(stats).record_time(took));
        took
    }
}

impl<R: Record, H: Timed, F: Select<R::Stats, H>> Drop for Timer<R, F, H> {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}

impl<R: Record + fmt::Debug, H: Timed, F: Select<R::Stats, H>> fmt::Debug for Timer<R, F, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut timer = f.debug_struct("Timer");
        timer.field("on", &self.on).field("started", &self.started).finish_non_exhaustive()
    }
}
