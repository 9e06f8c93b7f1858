//! [`Metric`]: what a field of a set can be.

use super::flattened::Names;
use crate::phase::{Cells, Mergeable};
use crate::row::{Drain, Flows, Row, RowExtrema, Span};
use crate::schema::{Group, Kind};
use std::fmt::Debug;

/// Anything that can be a field of a set: the metric types of this crate, nested sets, and
/// [`PerLabel`](crate::PerLabel) of either.
///
/// Sealed: this crate implements it for its own types, and `#[derive(Stats)]` for sets. The
/// methods are internal to both.
// A row of zeros is a row in which nothing has happened. A method that takes from the front of
// its argument (`drain`, `read`, `observe`, `rates`) takes exactly as much as the constants say.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a metric",
    label = "not a metric",
    note = "a field of a set is a `Counter`, `UpDownCounter`, `Gauge`, `Max`, `Min`, `Histogram`, `Live` or `TimedLive`, a struct with `#[derive(Stats)]`, or a `PerLabel` of one of them"
)]
pub trait Metric: Sealed + Send + Sized + 'static {
    /// The metric's value in a snapshot.
    type Value: Value;
    /// The metric's rates per second.
    type Rates: Value;
    /// The number of words that the metric takes in a row.
    #[doc(hidden)]
    const WORDS: usize;
    /// The number of histogram buckets that the metric takes.
    #[doc(hidden)]
    const BUCKETS: usize = 0;
    /// The number of the metric's fields that report extrema.
    #[doc(hidden)]
    const EXTREMA: usize = 0;
    /// The number of the metric's values that have rates.
    #[doc(hidden)]
    const FLOWS: usize = 0;
    /// Whether a fact on it needs a time stamp, because it contains a gauge or a timed live.
    #[doc(hidden)]
    const STAMPED: bool;
    /// The names of its fields, if it is a set.
    #[doc(hidden)]
    const NAMES: Names = Names::NONE;

    /// Cells in which nothing has been recorded.
    #[doc(hidden)]
    fn at_rest() -> Self;
    /// Moves the contents of the cells into other cells.
    #[doc(hidden)]
    fn merge(&self, into: &Self);
    /// Moves the contents of the cells, recorded in epoch `span.last`, into a row.
    #[doc(hidden)]
    fn drain(&self, into: &mut Drain<'_>);
    /// Adds the words of one row to those of another, of the same entry. Both are `WORDS` long.
    #[doc(hidden)]
    fn fold(from: &[u64], into: &mut [u64], span: Span);
    /// Adds the words of an entry's row to a total over entries. A gauge has no total and is left
    /// out.
    #[doc(hidden)]
    fn carry(from: &[u64], into: &mut [u64], span: Span) {
        Self::fold(from, into, span);
    }
    /// The typed value of a row.
    #[doc(hidden)]
    fn read(row: &mut Row<'_>) -> Self::Value;
    /// The change between two values. Gauges and per-interval values are those of `later`.
    #[doc(hidden)]
    fn difference(later: &Self::Value, earlier: &Self::Value) -> Self::Value;
    /// Both values together.
    #[doc(hidden)]
    fn sum(one: &Self::Value, other: &Self::Value) -> Self::Value;
    /// Puts the exact extrema of a period into a difference over it.
    #[doc(hidden)]
    fn observe(_: &mut Self::Value, _: &mut RowExtrema<'_>) {}
    /// Appends the values of a difference that have rates.
    #[doc(hidden)]
    fn flows(_: &Self::Value, _: &mut Vec<f64>) {}
    /// The rates, from the flows divided by the time.
    #[doc(hidden)]
    fn rates(flows: &mut Flows<'_>) -> Self::Rates;
    /// The metric's description.
    #[doc(hidden)]
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

/// A metric's value in a snapshot. Implemented for every type that meets the bounds.
pub trait Value: Clone + Default + Debug + PartialEq + Send + Sync + 'static {}
impl<T: Clone + Default + Debug + PartialEq + Send + Sync + 'static> Value for T {}

/// Seals [`Metric`]: named by this crate and by the code that `#[derive(Stats)]` generates.
#[diagnostic::on_unimplemented(
    message = "`Metric` cannot be implemented by hand for `{Self}`",
    label = "only `#[derive(Stats)]` implements `Metric` outside of tallybook",
    note = "write a struct of metrics with `#[derive(Stats)]`, and use it as a nested set"
)]
pub trait Sealed {}
