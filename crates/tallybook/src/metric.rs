//! The metric types: what a field of a set can be.
//!
//! A value of such a type is a handful of cells, so a struct of them *is* the block of memory that one thread writes:
//! `record` lends a reference into the recording thread's own block and the compiler works out the offsets. The
//! collector moves what stands in a block into a [row](crate::row) (`drain`), rows fold into rows, and a reader turns a row
//! into typed values (`read`). Two values have a difference, its flows divided by the time are rates.

pub(crate) mod averages;
mod counter;
mod extremum;
mod field;
mod gauge;
mod histogram;
mod label;
mod live;
mod timed;

pub use counter::{Counter, UpDownCounter};
pub use extremum::{Max, Min};
pub use field::{Metric, Stats, Value};
pub use gauge::{Gauge, GaugeNumber};
pub use histogram::{Histogram, HistogramRates};
pub use label::{Label, PerLabel};
pub use live::{Live, LiveCount, LiveField, LiveRates, Openable};
pub(crate) use timed::time_open;
pub use timed::{TimedLive, TimedLiveCount};
