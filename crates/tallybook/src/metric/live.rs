//! [`Live`]: what is open now, as two counters that only grow.

use super::counter::Counter;
use super::field::{Metric, Sealed};
use crate::row::{Drain, Flows, Row, Span};
use crate::schema::Kind;
use std::time::Duration;

/// The number of things that are open now: a counter of openings and one of closings.
///
/// Guards drive it. [`Set::open`](crate::Set::open) and [`Entry::open`](crate::Entry::open) count
/// an opening, and the guard counts the closing when it is dropped, on any thread. Every snapshot
/// has `closed <= opened`. [`TimedLive`](crate::TimedLive) also measures for how long things are
/// open.
pub struct Live {
    opened: Counter,
    closed: Counter,
}

/// A metric that a guard opens and closes: [`Live`] or [`TimedLive`](crate::TimedLive).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be opened",
    label = "not a `Live` or a `TimedLive`",
    note = "a guard opens a field that is a `Live` or a `TimedLive`; `open_label` opens one in a `PerLabel`"
)]
pub trait Openable: openable::Methods + 'static {}
impl<L: openable::Methods + 'static> Openable for L {}

pub(crate) mod openable {
    use std::time::Duration;

    /// The methods of [`Openable`](super::Openable), hidden from other crates.
    pub trait Methods {
        /// Whether the metric reads the clock.
        const TIMED: bool;
        /// What a guard keeps from the opening.
        type Opened: Copy + Default + Send + Sync + std::fmt::Debug;
        fn on_open(&self, now: impl FnOnce() -> Duration) -> Self::Opened;
        fn on_close(&self, opened: Self::Opened, now: impl FnOnce() -> Duration);
    }
}

impl openable::Methods for Live {
    const TIMED: bool = false;
    type Opened = ();

    #[inline(always)]
    fn on_open(&self, _: impl FnOnce() -> Duration) {
        self.opened.inc();
    }

    #[inline(always)]
    fn on_close(&self, (): (), _: impl FnOnce() -> Duration) {
        self.closed.inc();
    }
}

/// The value of a [`Live`] in a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LiveCount {
    /// The number of openings.
    pub opened: u64,
    /// The number of closings.
    pub closed: u64,
}

impl LiveCount {
    /// The number of things that are open. In a difference of two snapshots this is the change,
    /// which is negative if more closed than opened.
    #[must_use]
    pub fn live(&self) -> i64 {
        self.opened.wrapping_sub(self.closed) as i64
    }
}

/// The rates of a [`Live`] or a [`TimedLive`](crate::TimedLive).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LiveRates {
    /// Openings per second.
    pub opened: f64,
    /// Closings per second.
    pub closed: f64,
}

#[cfg(feature = "serde")]
impl serde::Serialize for LiveRates {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut row = to.serialize_struct("LiveRates", 2)?;
        row.serialize_field("opened", &self.opened)?;
        row.serialize_field("closed", &self.closed)?;
        row.end()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for LiveCount {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut row = to.serialize_struct("LiveCount", 3)?;
        row.serialize_field("opened", &self.opened)?;
        row.serialize_field("closed", &self.closed)?;
        row.serialize_field("live", &self.live())?;
        row.end()
    }
}

impl Sealed for Live {}

impl Metric for Live {
    type Value = LiveCount;
    type Rates = LiveRates;
    const WORDS: usize = 2;
    const FLOWS: usize = 2;
    const STAMPED: bool = false;

    fn at_rest() -> Self {
        Live { opened: Counter::at_rest(), closed: Counter::at_rest() }
    }
    fn merge(&self, into: &Self) {
        self.opened.merge(&into.opened);
        self.closed.merge(&into.closed);
    }
    fn drain(&self, into: &mut Drain<'_>) {
        self.opened.drain(into);
        self.closed.drain(into);
    }
    fn fold(from: &[u64], into: &mut [u64], _: Span) {
        into[0] = into[0].wrapping_add(from[0]);
        into[1] = into[1].wrapping_add(from[1]);
    }
    fn read(row: &mut Row<'_>) -> LiveCount {
        let [opened, closed] = row.take();
        LiveCount { opened, closed }
    }
    fn difference(later: &LiveCount, earlier: &LiveCount) -> LiveCount {
        if later.opened < earlier.opened || later.closed < earlier.closed {
            // It was reset.
            return *later;
        }
        LiveCount { opened: later.opened - earlier.opened, closed: later.closed - earlier.closed }
    }
    fn sum(one: &LiveCount, other: &LiveCount) -> LiveCount {
        LiveCount {
            opened: one.opened.wrapping_add(other.opened),
            closed: one.closed.wrapping_add(other.closed),
        }
    }
    fn flows(increase: &LiveCount, flows: &mut Vec<f64>) {
        flows.extend([increase.opened as f64, increase.closed as f64]);
    }
    fn rates(flows: &mut Flows<'_>) -> LiveRates {
        LiveRates { opened: flows.take(), closed: flows.take() }
    }
    fn kind() -> Kind {
        Kind::Live
    }
}
