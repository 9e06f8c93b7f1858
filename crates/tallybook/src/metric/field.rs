//! [`Metric`]: what a field of a set can be.

use crate::phase::{Cells, Mergeable};
use crate::row::{Drain, Flows, Row, RowExtrema, Span};
use crate::schema::{Group, Kind};
use std::fmt::Debug;

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
    /// How many buckets of histograms are its own.
    const BUCKETS: usize = 0;
    /// How many of its fields tell their extrema.
    const EXTREMA: usize = 0;
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
    /// Puts the exact extrema of a stretch of time into a difference over it.
    fn observe(_: &mut Self::Value, _: &mut RowExtrema<'_>) {}
    /// What of a difference has rates.
    fn flows(_: &Self::Value, _: &mut Vec<f64>) {}
    /// The rates, from the flows divided by the time.
    fn rates(flows: &mut Flows<'_>) -> Self::Rates;
    /// Its description.
    fn kind() -> Kind;
}

// The protocol knows no metrics; it sees their cells through these traits. The forwarding calls are
// always inlined.
impl<M: Metric> Cells for M {
    #[inline(always)]
    fn empty() -> Self {
        M::at_rest()
    }
}

impl<M: Metric> Mergeable for M {
    const STAMPED: bool = <M as Metric>::STAMPED;
    const ALLOCATES: bool = M::BUCKETS > 0;

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
    fn group() -> Group;
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
