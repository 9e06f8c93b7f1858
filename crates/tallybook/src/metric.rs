//! The metric types: what a field of a set can be.
//!
//! A value of such a type is a handful of cells, so a struct of them *is* the block of memory that
//! one thread writes: `record` lends a reference into the recording thread's own block, and the
//! compiler works out the offsets. The collector drains a block into a row, rows fold into rows,
//! and a reader turns a row into typed values. Two values have a difference; its flows divided by
//! the time are rates.

pub(crate) mod averages;
mod constants;
mod counter;
mod debug;
mod extremum;
mod field;
mod flattened;
mod gauge;
mod histogram;
mod label;
mod live;
mod per_label;
mod timed;

pub use constants::{LabelledField, LiveField, TimerField};
pub use counter::{Counter, UpDownCounter};
pub use extremum::{Max, Min};
#[doc(hidden)]
pub use field::Sealed;
pub use field::{Metric, Stats, Value};
#[doc(hidden)]
pub use flattened::Names;
#[cfg(feature = "serde")]
#[doc(hidden)]
pub use flattened::SerializeFields;
pub use gauge::{Gauge, GaugeNumber};
pub use histogram::{Histogram, HistogramRates, Timed};
pub use label::Label;
pub use live::{Live, LiveCount, LiveRates, Openable};
pub use per_label::{Boxed, Inline, PerLabel, Placement};
pub(crate) use timed::time_open;
pub use timed::{TimedLive, TimedLiveCount};
