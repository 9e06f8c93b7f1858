//! [`TimedLive`]: what is open now, and for how long it has been open.
//!
//! With `O` openings at times `o` and `C` closings at times `c`, the total time open by the time
//! `t` is `sum(c) - sum(o) + (O - C) * t`: from `o` to `c` for what is closed, and from `o` to `t`
//! for the rest. So a fact only adds its own time to a sum, and the integral is exact at every cut,
//! also where nothing changes.

use super::field::{Metric, Sealed};
use super::histogram::Histogram;
use super::live::{LiveRates, openable};
use crate::distribution::Distribution;
use crate::phase::{self, Word};
use crate::row::{Drain, Flows, Row, RowExtrema, Span};
use crate::schema::{AGES_SCALE, Kind};
use std::time::Duration;

/// The ages of a [`TimedLive`].
type DurationHistogram = Histogram<Duration, AGES_SCALE>;

/// A [`Live`](crate::Live) that also measures time: the total time that things have been open so
/// far (connected-seconds, viewer-seconds), and the distribution of the ages at which they closed.
///
/// Guards drive it, as they drive `Live`. The registry's clock is read when a guard opens and when
/// it closes, once per fact: everything that one fact opens or closes, in any number of sets, does
/// so at one time. The times are part of the facts, so nothing is sampled: see
/// [`TimedLiveCount::time`].
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use tallybook::{ManualClock, Registry, Stats, TimedLive};
///
/// #[derive(Stats)]
/// struct Broadcast {
///     viewers: TimedLive,
/// }
///
/// let clock = Arc::new(ManualClock::new());
/// let registry = Registry::builder().clock(clock.clone()).build();
/// let broadcast = registry.set::<Broadcast>("broadcast")?;
/// let mut collector = registry.collector()?;
///
/// let one = broadcast.open(Broadcast::viewers);
/// let two = broadcast.open(Broadcast::viewers);
/// clock.advance(Duration::from_secs(10));
/// drop(one);
/// clock.advance(Duration::from_secs(5));
/// let viewers = collector.tick().set(&broadcast).viewers;
/// assert_eq!(viewers.live(), 1);
/// assert_eq!(viewers.time, Duration::from_secs(25)); // ten seconds of two, five of one
/// assert_eq!(viewers.ages.max(), Some(Duration::from_secs(10)));
/// # drop(two);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TimedLive {
    opened: Word,
    /// The sum of the closings' times minus that of the openings' times, in nanoseconds.
    balance_low: Word,
    balance_high: Word,
    /// Their count is the number of closings.
    ages: DurationHistogram,
}

impl TimedLive {
    fn add(&self, nanos: i128) {
        let balance = join(self.balance_low.get(), self.balance_high.get());
        let balance = balance.wrapping_add(nanos);
        self.balance_low.set(balance as u64);
        self.balance_high.set((balance >> 64) as u64);
    }
}

impl openable::Methods for TimedLive {
    const TIMED: bool = true;
    type Opened = Duration;

    #[inline]
    fn on_open(&self, now: impl FnOnce() -> Duration) -> Duration {
        let now = Duration::from_nanos(phase::time(self, now));
        self.opened.add(1);
        self.add(-nanos(now));
        now
    }

    #[inline]
    fn on_close(&self, opened: Duration, now: impl FnOnce() -> Duration) {
        let now = Duration::from_nanos(phase::time(self, now));
        self.add(nanos(now));
        self.ages.record(now.saturating_sub(opened));
    }
}

/// The value of a [`TimedLive`] in a snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimedLiveCount {
    /// The number of openings.
    pub opened: u64,
    /// The number of closings.
    pub closed: u64,
    /// The total time open up to the cut. In a difference of two snapshots, the total time open in
    /// between: divided by the time in between, it is the mean number that was open.
    ///
    /// A fact that began before the cut and read the clock after it counts by that reading, so this
    /// may be short by the length of a few facts. It is never below zero.
    pub time: Duration,
    /// The ages at which things closed.
    pub ages: Distribution<Duration>,
}

impl TimedLiveCount {
    /// The number of things that are open. In a difference of two snapshots this is the change,
    /// which is negative if more closed than opened.
    #[must_use]
    pub fn live(&self) -> i64 {
        self.opened.wrapping_sub(self.closed) as i64
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for TimedLiveCount {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut row = to.serialize_struct("TimedLiveCount", 5)?;
        row.serialize_field("opened", &self.opened)?;
        row.serialize_field("closed", &self.closed)?;
        row.serialize_field("live", &self.live())?;
        row.serialize_field("time", &self.time.as_secs_f64())?;
        row.serialize_field("ages", &self.ages)?;
        row.end()
    }
}

impl Sealed for TimedLive {}

/// The words of a row are `[opened, balance, balance's upper half]`, then those of the ages.
impl Metric for TimedLive {
    type Value = TimedLiveCount;
    type Rates = LiveRates;
    const WORDS: usize = 3 + DurationHistogram::WORDS;
    const BUCKETS: usize = DurationHistogram::BUCKETS;
    const EXTREMA: usize = DurationHistogram::EXTREMA;
    const FLOWS: usize = 2;
    const STAMPED: bool = true;

    fn at_rest() -> Self {
        TimedLive {
            opened: Word::new(0),
            balance_low: Word::new(0),
            balance_high: Word::new(0),
            ages: DurationHistogram::at_rest(),
        }
    }
    fn merge(&self, into: &Self) {
        into.opened.add(self.opened.take());
        into.add(join(self.balance_low.take(), self.balance_high.take()));
        self.ages.merge(&into.ages);
    }
    fn drain(&self, into: &mut Drain<'_>) {
        let balance = [self.balance_low.take(), self.balance_high.take()];
        let from = [self.opened.take(), balance[0], balance[1]];
        add(&from, into.take(3));
        self.ages.drain(into);
    }
    fn fold(from: &[u64], into: &mut [u64], span: Span) {
        let ((own, ages), (into, into_ages)) = (from.split_at(3), into.split_at_mut(3));
        add(own, into);
        DurationHistogram::fold(ages, into_ages, span);
    }
    fn read(row: &mut Row<'_>) -> TimedLiveCount {
        let at = row.span().at;
        let [opened, low, high] = row.take();
        let ages = DurationHistogram::read(row);
        let closed = ages.count();
        TimedLiveCount { opened, closed, time: time_open([opened, closed], [low, high], at), ages }
    }
    fn difference(later: &TimedLiveCount, earlier: &TimedLiveCount) -> TimedLiveCount {
        if later.opened < earlier.opened || later.closed < earlier.closed {
            // It was reset.
            return later.clone();
        }
        TimedLiveCount {
            opened: later.opened - earlier.opened,
            closed: later.closed - earlier.closed,
            time: later.time.saturating_sub(earlier.time),
            ages: later.ages.difference(&earlier.ages),
        }
    }
    fn sum(one: &TimedLiveCount, other: &TimedLiveCount) -> TimedLiveCount {
        TimedLiveCount {
            opened: one.opened.wrapping_add(other.opened),
            closed: one.closed.wrapping_add(other.closed),
            time: one.time.saturating_add(other.time),
            ages: one.ages.merged(&other.ages),
        }
    }
    fn observe(value: &mut TimedLiveCount, extrema: &mut RowExtrema<'_>) {
        DurationHistogram::observe(&mut value.ages, extrema);
    }
    fn flows(increase: &TimedLiveCount, flows: &mut Vec<f64>) {
        flows.extend([increase.opened as f64, increase.closed as f64]);
    }
    fn rates(flows: &mut Flows<'_>) -> LiveRates {
        LiveRates { opened: flows.take(), closed: flows.take() }
    }
    fn kind() -> Kind {
        Kind::TimedLive
    }
}

/// For how long all have been open by `at`, from the words of a row.
pub(crate) fn time_open([opened, closed]: [u64; 2], balance: [u64; 2], at: Duration) -> Duration {
    let live = i128::from(opened.wrapping_sub(closed) as i64);
    let time = join(balance[0], balance[1]).wrapping_add(live.wrapping_mul(nanos(at)));
    duration(time)
}

/// Adds one row's words to those of another, the ages' aside.
fn add(from: &[u64], into: &mut [u64]) {
    into[0] = into[0].wrapping_add(from[0]);
    let balance = join(into[1], into[2]).wrapping_add(join(from[1], from[2]));
    into[1] = balance as u64;
    into[2] = (balance >> 64) as u64;
}

fn join(low: u64, high: u64) -> i128 {
    (u128::from(high) << 64 | u128::from(low)) as i128
}

fn nanos(time: Duration) -> i128 {
    time.as_nanos() as i128
}

/// Zero if it is negative.
fn duration(nanos: i128) -> Duration {
    let nanos = u128::try_from(nanos).unwrap_or(0);
    let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
    Duration::new(seconds, (nanos % 1_000_000_000) as u32)
}
