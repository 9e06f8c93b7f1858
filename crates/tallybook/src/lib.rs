#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// The derive macros name the crate by its public path, here too.
extern crate self as tallybook;

pub mod clock;
mod collect;
pub mod distribution;
pub mod error;
pub mod event;
pub mod metric;
#[allow(unsafe_code)]
mod phase;
#[cfg(feature = "process")]
pub mod process;
mod read;
pub mod record;
pub mod registry;
pub mod report;
mod row;
pub mod schema;
mod support;
pub mod walk;

/// Collecting: the collector, its thread and its own statistics.
pub mod collector {
    #[cfg(not(target_family = "wasm"))]
    pub use crate::collect::Ticker;
    pub use crate::collect::{
        Collector, CollectorStats, CollectorStatsRates, CollectorStatsSnapshot, Cut,
    };
}

/// Loading the latest snapshot, waiting for the next one, and rates since the last look.
pub mod reader {
    pub use crate::read::{CachedReader, RateTracker, Reader, Snapshots};
}

/// Snapshots, and what happened between two of them.
pub mod snapshot {
    pub use crate::read::{
        Averaged, Declaration, DeclarationKind, Difference, FamilyEntries, FamilySnapshot,
        Identity, Snapshot, UserPanics,
    };
}

/// What most programs use: `use tallybook::prelude::*`.
pub mod prelude {
    #[doc(no_inline)]
    pub use crate::{
        Counter, Entry, Event, Family, Gauge, Histogram, Label, Live, Max, Min, Open, PerLabel,
        Reader, Reducer, Registry, Set, Snapshot, Stats, TimedLive, UpDownCounter,
    };
}

pub use clock::{Clock, ManualClock, SystemClock};
pub use collect::Collector;
#[cfg(not(target_family = "wasm"))]
pub use collect::Ticker;
pub use distribution::Distribution;
pub use event::{Actor, Counted, Event, Reducer, Sender};
pub use metric::{
    Counter, Gauge, Histogram, Label, Live, Max, Min, PerLabel, Stats, TimedLive, UpDownCounter,
};
pub use read::{Difference, FamilySnapshot, RateTracker, Reader, Snapshot};
pub use record::{Entry, Family, Key, Observed, Open, Record, Set, Timer};
pub use registry::Registry;
pub use tallybook_derive::{Event, Label, Stats};

/// For the derive macros alone.
#[doc(hidden)]
pub mod private {
    pub use crate::event::Amount;
    #[cfg(feature = "serde")]
    pub use crate::metric::SerializeFields;
    pub use crate::metric::{Names, Sealed};
    pub use crate::row::{Drain, Flows, Row, RowExtrema, Span, Sparse};
    #[cfg(feature = "serde")]
    pub use serde;
}

/// Expands to its items where the feature `serde` is on, so that derived code needs no feature of
/// its own.
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
