//! [`Live`]: what is open now, from two counters that only grow.

use super::counter::Counter;
use super::field::Metric;
use crate::row::{Drain, Flows, Row, Span};
use crate::schema::Kind;
use std::time::Duration;

/// An opened and a closed counter; what is live is the difference. Driven by guards: [`Set::open`](crate::Set::open)
/// and [`Entry::open`](crate::Entry::open) count an opening now and its closing when the guard drops, on any thread.
/// Every snapshot has `closed <= opened`. [`TimedLive`](crate::TimedLive) also knows for how long.
pub struct Live {
    opened: Counter,
    closed: Counter,
}

/// A field of a set that is a [`Live`], or another that guards drive: the constants that `#[derive(Stats)]` makes have this
/// type.
pub type LiveField<S, L = Live> = for<'a> fn(&'a S) -> &'a L;

/// What a guard can open and close: [`Live`] and [`TimedLive`](crate::TimedLive).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be opened",
    label = "nothing that opens and closes",
    note = "a guard opens a field that is a `Live` or a `TimedLive`"
)]
pub trait Openable: openable::Sealed + 'static {}
impl<L: openable::Sealed + 'static> Openable for L {}

pub(crate) mod openable {
    use std::time::Duration;

    /// What [`Openable`](super::Openable) come to, closed to other crates.
    pub trait Sealed {
        /// Whether it asks for the time.
        const TIMED: bool;
        /// What a guard remembers of the opening.
        type Opened: Copy + Default + Send + Sync + std::fmt::Debug;
        fn on_open(&self, now: impl FnOnce() -> Duration) -> Self::Opened;
        fn on_close(&self, opened: Self::Opened, now: impl FnOnce() -> Duration);
    }
}

impl openable::Sealed for Live {
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

/// What a snapshot shows of a [`Live`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LiveCount {
    /// How many have been opened.
    pub opened: u64,
    /// How many of them have been closed.
    pub closed: u64,
}

impl LiveCount {
    /// How many are open. In a difference of two snapshots this is the change, and negative where more closed than opened.
    #[must_use]
    pub fn live(&self) -> i64 {
        self.opened.wrapping_sub(self.closed) as i64
    }
}

/// How fast a [`Live`] opens and closes.
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
            // It has begun anew.
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
