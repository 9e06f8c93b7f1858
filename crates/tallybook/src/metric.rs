//! The metric types: what a field of a set can be.
//!
//! A value of such a type is a handful of cells, so a struct of them *is* the block of memory that one thread writes:
//! `record` lends a reference into the recording thread's own block and the compiler works out the offsets. The
//! collector moves what stands in a block into a [row](crate::row) (`drain`), rows fold into rows, and a reader turns a row
//! into typed values (`read`). Two values have a difference, its flows divided by the time are rates.

mod counter;
mod gauge;
mod histogram;
mod label;
mod live;
mod peak;
mod timed;

pub use counter::{Counter, UpDownCounter};
pub use gauge::{Gauge, GaugeNumber};
#[cfg(feature = "serde")]
pub(crate) use histogram::read_histogram;
pub use histogram::{Histogram, HistogramRates};
pub use label::{Label, PerLabel};
pub(crate) use live::lives;
pub use live::{Live, LiveCount, LiveField, LiveRates, Lives};
pub use peak::{Max, Min};
pub use timed::{TimedLive, TimedLiveCount};

/// The histogram inside of a [`TimedLive`].
type DurationHistogram = Histogram<Duration>;

use crate::row::{Drain, Flows, Peaks, Row};
use crate::schema::Kind;
use std::fmt::Debug;
use std::time::Duration;

/// The epochs that a drain or a snapshot is about: `first..=last`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first epoch of the interval.
    pub first: u64,
    /// The epoch that closed it.
    pub last: u64,
    /// When the last one was closed, on the registry's clock.
    pub at: Duration,
}

/// Anything that can be a field of a set: the metric types of this crate, nested sets, and [`PerLabel`] of either.
///
/// `#[derive(Stats)]` implements it; nobody else has to. A row of zeros is a row in which nothing has happened. Whatever
/// takes from the front of something (`drain`, `read`, `observe`, `rates`) takes as much as the constants say.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a metric",
    label = "not a metric",
    note = "a field of a set is a `Counter`, `UpDownCounter`, `Gauge`, `Max`, `Min`, `Histogram`, `Live` or `TimedLive`, a struct with `#[derive(Stats)]`, or a `PerLabel` of one of them"
)]
pub trait Metric: Send + Sized + 'static {
    /// What a snapshot shows of it.
    type Value: Value;
    /// Its rates per second.
    type Rates: Value;
    /// How many words of a row are its own.
    const WORDS: usize;
    /// How many slots of histograms are its own.
    const SLOTS: usize = 0;
    /// How many of its fields tell their extremes.
    const PEAKS: usize = 0;
    /// How many of its numbers have rates.
    const FLOWS: usize = 0;
    /// Whether a fact on it needs a time stamp (it holds a gauge).
    const STAMPED: bool;

    /// Cells in which nothing has been recorded.
    fn at_rest() -> Self;
    /// Moves what the cells hold into other cells.
    fn merge(&self, into: &Self);
    /// Moves what the cells hold, recorded in epoch `span.last`, into a row.
    fn drain(&self, into: &mut Drain<'_>);
    /// Adds the words of one row to those of another, of the same entry. Both are `WORDS` long.
    fn fold(from: &[u64], into: &mut [u64], span: Span);
    /// Adds the words of an entry's row to a total over entries. A gauge has no total and is left out.
    fn carry(from: &[u64], into: &mut [u64], span: Span) {
        Self::fold(from, into, span);
    }
    /// The typed value of a row.
    fn read(row: &mut Row<'_>) -> Self::Value;
    /// What happened between two values. Gauges and per-interval values are those of `later`.
    fn difference(later: &Self::Value, earlier: &Self::Value) -> Self::Value;
    /// Both values together.
    fn sum(one: &Self::Value, other: &Self::Value) -> Self::Value;
    /// Puts the exact extremes of a stretch of time into a difference over it.
    fn observe(_: &mut Self::Value, _: &mut Peaks<'_>) {}
    /// What of a difference has rates.
    fn flows(_: &Self::Value, _: &mut Vec<f64>) {}
    /// The rates, from the flows divided by the time.
    fn rates(flows: &mut Flows<'_>) -> Self::Rates;
    /// Its description.
    fn kind() -> Kind;
}

// The protocol knows no metrics; it sees their cells through these traits. The forwarding calls are
// always inlined.
impl<M: Metric> crate::phase::Cells for M {
    #[inline(always)]
    fn empty() -> Self {
        M::at_rest()
    }
}

impl<M: Metric> crate::phase::Mergeable for M {
    const STAMPED: bool = <M as Metric>::STAMPED;
    const ALLOCATES: bool = M::SLOTS > 0;

    #[inline(always)]
    fn merge(&self, into: &Self) {
        Metric::merge(self, into);
    }
}

/// A set: a struct of metrics, declared with `#[derive(Stats)]`, recorded together.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a set",
    label = "not a set",
    note = "a set is a struct of metrics with `#[derive(Stats)]`"
)]
pub trait Stats: Metric {
    /// The declaration: names, help texts, units, kinds.
    fn group() -> crate::schema::Group;
}

/// What a snapshot shows of a metric: an immutable value.
#[cfg(not(feature = "serde"))]
pub trait Value: Clone + Default + Debug + PartialEq + Send + Sync + 'static {}
#[cfg(not(feature = "serde"))]
impl<T: Clone + Default + Debug + PartialEq + Send + Sync + 'static> Value for T {}

/// What a snapshot shows of a metric: an immutable value.
#[cfg(feature = "serde")]
pub trait Value:
    Clone + Default + Debug + PartialEq + Send + Sync + serde::Serialize + 'static
{
}
#[cfg(feature = "serde")]
impl<T: Clone + Default + Debug + PartialEq + Send + Sync + serde::Serialize + 'static> Value
    for T
{
}
