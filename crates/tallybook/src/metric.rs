//! The metric types: what a field of a set can be.
//!
//! A value of such a type is a handful of cells, so a struct of them *is* the block of memory that one thread writes:
//! `record` lends a reference into the recording thread's own block and the compiler works out the offsets. The
//! collector moves what stands in a block into a row of 64-bit words (`drain`), rows fold into rows, and a reader turns a
//! row into typed values (`read`).

mod counter;
mod gauge;
mod label;
mod live;
mod peak;

pub use counter::{Counter, UpDownCounter};
pub use gauge::{Gauge, GaugeNumber};
pub use label::{Label, PerLabel};
pub use live::{Live, LiveCount, LiveField};
pub use peak::{Max, Min};

use crate::schema::Kind;
use std::fmt::Debug;

/// The epochs that a drain or a snapshot is about: `first..=last`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first epoch of the interval.
    pub first: u64,
    /// The epoch that closed it.
    pub last: u64,
}

/// Anything that can be a field of a set: the metric types of this crate, nested sets, and [`PerLabel`] of either.
///
/// `#[derive(Stats)]` implements it; nobody else has to. All rows handed to one implementation hold `WORDS` words, and
/// a row of zeros is a row in which nothing has happened.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a metric",
    label = "not a metric",
    note = "a field of a set is a `Counter`, `UpDownCounter`, `Gauge`, `Max`, `Min` or `Live`, a struct with `#[derive(Stats)]`, or a `PerLabel` of one of them"
)]
pub trait Metric: Send + Sized + 'static {
    /// What a snapshot shows of it.
    type Value: Value;
    /// Length of its row.
    const WORDS: usize;
    /// Whether a fact on it needs a time stamp (it holds a gauge).
    const STAMPED: bool;

    /// Cells in which nothing has been recorded.
    fn at_rest() -> Self;
    /// Moves what the cells hold into other cells.
    fn merge(&self, into: &Self);
    /// Moves what the cells hold, recorded in epoch `span.last`, into a row.
    fn drain(&self, into: &mut [u64], span: Span);
    /// Adds one row to another, of the same entry.
    fn fold(from: &[u64], into: &mut [u64], span: Span);
    /// Adds an entry's row to a total over entries. A gauge has no total and is left out.
    fn carry(from: &[u64], into: &mut [u64], span: Span);
    /// The typed value of a row, for a snapshot of `span`.
    fn read(row: &[u64], span: Span) -> Self::Value;
    /// What happened between two values. Gauges and per-interval values are those of `later`.
    fn difference(later: &Self::Value, earlier: &Self::Value) -> Self::Value;
    /// Both values together.
    fn sum(one: &Self::Value, other: &Self::Value) -> Self::Value;
    /// Its description.
    fn kind() -> Kind;
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
