#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]
// The derive macros name the crate by its public path, here too.
extern crate self as tallybook;

mod averages;
mod clock;
mod collector;
mod difference;
mod distribution;
mod error;
mod events;
mod family;
mod history;
mod measure;
mod metric;
mod names;
mod pages;
#[allow(unsafe_code)]
mod phase;
mod reader;
mod registry;
mod row;
mod rows;
mod scale;
pub mod schema;
mod set;
mod signal;
mod slots;
mod snapshot;
#[cfg(not(target_family = "wasm"))]
mod ticker;
mod totals;
mod tracker;
mod user;

#[cfg(feature = "tsc")]
pub use clock::TscClock;
pub use clock::{Clock, ManualClock, SystemClock};
pub use collector::{Collector, CollectorStats, CollectorStatsRates, CollectorStatsSnapshot};
pub use difference::Difference;
pub use distribution::{Bucket, Distribution};
pub use error::{CollectError, FamilyFull, RegisterError, StopError, WrongRegistry};
pub use events::{
    Actor, ByKind, Close, Counted, Delivery, Event, EventStats, EventStatsRates,
    EventStatsSnapshot, Full, NoReply, Order, Reducer, Reply, Sender,
};
pub use family::{Entry, Family, Key};
pub use measure::Measure;
pub use metric::{
    Counter, Gauge, GaugeNumber, Histogram, HistogramRates, Label, Live, LiveCount, LiveField,
    LiveRates, Lives, Max, Metric, Min, PerLabel, Span, Stats, TimedLive, TimedLiveCount,
    UpDownCounter, Value,
};
pub use phase::FenceKind;
#[cfg(not(target_family = "wasm"))]
pub use reader::Waited;
pub use reader::{CachedReader, Reader, Snapshots};
pub use registry::{ActorBuilder, FamilyBuilder, Registry, RegistryBuilder};
pub use set::{Open, Record, Set};
pub use snapshot::{Averaged, Declaration, FamilySnapshot, Snapshot, UserPanics};
pub use tallybook_derive::{Event, Label, Stats};
#[cfg(not(target_family = "wasm"))]
pub use ticker::Ticker;
pub use tracker::RateTracker;

/// Locks, and goes on where another thread panicked: nothing that is guarded here is ever left half changed.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// For the derive macros alone.
#[doc(hidden)]
pub mod private {
    pub use crate::events::Amount;
    pub use crate::row::{Drain, Flows, Peaks, Rest, Row};
    #[cfg(feature = "serde")]
    pub use serde;
}

/// Expands to its items where the feature `serde` is on, so that derived code needs no feature of its own.
#[cfg(feature = "serde")]
#[doc(hidden)]
#[macro_export]
macro_rules! __with_serde { ($($item:item)*) => { $($item)* }; }
/// Expands to nothing: the feature `serde` is off.
#[cfg(not(feature = "serde"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __with_serde {
    ($($item:item)*) => {};
}
