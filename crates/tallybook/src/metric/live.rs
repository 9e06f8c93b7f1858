//! [`Live`]: what is open now, from two counters that only grow.

use super::{Counter, Metric, Span};
use crate::schema::Kind;

/// An opened and a closed counter; what is live is the difference. Driven by guards: [`Set::open`](crate::Set::open)
/// and [`Entry::open`](crate::Entry::open) count an opening now and its closing when the guard drops, on any thread.
/// Every snapshot has `closed <= opened`.
pub struct Live {
    opened: Counter,
    closed: Counter,
}

/// A field of a set that is a [`Live`]: the constants that `#[derive(Stats)]` makes have this type.
pub type LiveField<S> = for<'a> fn(&'a S) -> &'a Live;

impl Live {
    #[inline(always)]
    pub(crate) fn opens(&self) {
        self.opened.inc();
    }

    #[inline(always)]
    pub(crate) fn closes(&self) {
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
    const WORDS: usize = 2;
    const STAMPED: bool = false;

    fn at_rest() -> Self {
        Live { opened: Counter::at_rest(), closed: Counter::at_rest() }
    }
    fn merge(&self, into: &Self) {
        self.opened.merge(&into.opened);
        self.closed.merge(&into.closed);
    }
    fn drain(&self, into: &mut [u64], span: Span) {
        self.opened.drain(&mut into[..1], span);
        self.closed.drain(&mut into[1..], span);
    }
    fn fold(from: &[u64], into: &mut [u64], _: Span) {
        into[0] = into[0].wrapping_add(from[0]);
        into[1] = into[1].wrapping_add(from[1]);
    }
    fn carry(from: &[u64], into: &mut [u64], span: Span) {
        Self::fold(from, into, span);
    }
    fn read(row: &[u64], _: Span) -> LiveCount {
        LiveCount { opened: row[0], closed: row[1] }
    }
    fn difference(later: &LiveCount, earlier: &LiveCount) -> LiveCount {
        LiveCount {
            opened: later.opened.wrapping_sub(earlier.opened),
            closed: later.closed.wrapping_sub(earlier.closed),
        }
    }
    fn sum(one: &LiveCount, other: &LiveCount) -> LiveCount {
        LiveCount {
            opened: one.opened.wrapping_add(other.opened),
            closed: one.closed.wrapping_add(other.closed),
        }
    }
    fn kind() -> Kind {
        Kind::Live
    }
}
