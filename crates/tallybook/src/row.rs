//! The values of a set without their types.
//!
//! A *row* is a fixed number of 64-bit words, some per field, plus the *buckets* of its histograms:
//! counts of which most are zero and which are only ever added to, so they are summed without
//! knowing which histogram they belong to. The minimum and maximum of an interval are reported as
//! [`Extrema`], which go into the history. Words, buckets and extrema are all in the order of the
//! fields: each field takes its share from the front.

mod buckets;
mod drain;
mod extrema;
mod flows;
mod pages;
mod rows;
mod span;
mod view;

pub(crate) use buckets::{BucketRows, BucketsView, Counts, start_of};
pub use drain::{Drain, Sparse};
pub use extrema::{Extrema, RowExtrema};
pub use flows::Flows;
pub(crate) use pages::Pages;
pub(crate) use rows::{Index, IndexView, Rows, RowsView};
pub use span::Span;
pub use view::Row;
