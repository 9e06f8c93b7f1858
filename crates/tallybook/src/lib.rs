//! Concurrency-safe statistics for programs in which thousands of tasks or threads produce facts at
//! once. Recording a fact costs about a plain store, and every snapshot is a state that the program
//! could have been in.
//!
//! ```
//! use std::time::Duration;
//! use tallybook::{Counter, Histogram, Live, Registry, Stats};
//!
//! #[derive(Stats)]
//! struct Server {
//!     /// Requests answered.
//!     answered: Counter,
//!     /// Payload sent.
//!     #[stats(unit = "bytes")]
//!     sent: Counter,
//!     /// Time from request to answer.
//!     latency: Histogram<Duration>,
//!     /// Requests in progress.
//!     open: Live,
//! }
//!
//! let registry = Registry::new();
//! let server = registry.set::<Server>("server")?;
//! let ticker = registry.collect_every(Duration::from_millis(500))?;
//!
//! // On any thread, in any task:
//! let open = server.open(Server::open); // closes when dropped
//! let timer = server.timer(Server::latency);
//! server.record(|s| {
//!     s.answered.inc();
//!     s.sent.add(1024);
//!     timer.stop(); // one fact: in a snapshot entirely or not at all
//! });
//! drop(open);
//!
//! // Anywhere else:
//! let reader = registry.reader();
//! ticker.stop()?; // makes a last exact cut
//! let now = reader.latest();
//! let seen = now.set(&server);
//! assert_eq!((seen.answered, seen.latency.count(), seen.open.live()), (1, 1, 0));
//! println!("{now}"); // everything, as text
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The [guide] shows how to do common tasks: count, time, tell clients apart, read, test, serve,
//! shut down. The [examples] are whole programs.
//!
//! # Promises
//!
//! 1. **A fact is whole.** A snapshot holds everything that one `record` call changes, nested calls
//!    included, or nothing of it.
//! 2. **A snapshot is a consistent cut.** If it holds a fact, it holds everything that happened
//!    before that fact began: `responses <= requests`, and parts sum to totals.
//! 3. **Nothing is lost or counted twice**, whatever threads, tasks, keys, writers and the collector
//!    do. If a thread stays inside a fact for too long, the snapshot is marked
//!    [stale](Snapshot::is_stale).
//! 4. **Writers never wait.** After a thread's first fact on a set, recording takes no lock, and it
//!    allocates only when the values of a histogram spread further than before.
//! 5. **Readers never wait and never disturb.** The latest snapshot is a pointer load.
//! 6. **Totals never go backwards.** The counts of a key that leaves move into its family's retired
//!    total.
//! 7. **Off is free.** [`Registry::disabled`] gives the same types, and calls that do nothing.
//!
//! # Where to look
//!
//! | to | see |
//! | --- | --- |
//! | declare what is counted | [`Stats`](macro@Stats), [`Label`](macro@Label) and the fields in [`metric`] |
//! | register it | [`Registry`], [`registry`] |
//! | record | [`Set`], [`Family`], [`Entry`], [`Open`], [`Timer`], [`record`] |
//! | collect | [`Registry::collect_every`], [`Collector`], [`collector`] |
//! | read | [`Reader`], [`Snapshot`], [`Difference`], [`RateTracker`], [`Distribution`] |
//! | send events to an owner | [`Event`](macro@Event), [`Reducer`], [`Actor`], [`mod@event`] |
//! | read without types | [`walk`], [`schema`] |
//! | send a snapshot elsewhere, combine several | [`report`] |
//! | choose the source of time | [`clock`] |
//!
//! # Features
//!
//! None of them is on by default.
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `serde` | `Serialize` for snapshots, summaries and reports; `Deserialize` for reports |
//! | `msgpack` | reports in MessagePack; includes `serde` |
//! | `tsc` | `TscClock`, a clock for durations that is cheaper to read than the system's |
//! | `process` | `process`: memory, CPU time, threads and open files of the process |
//!
//! # Targets
//!
//! It works wherever `std` does. On WebAssembly, where threads cannot block, [`Collector::run`]
//! collects as a future, and [`Registry::new`] needs a clock on `wasm32-unknown-unknown`. The
//! [README] lists what other targets lack.
//!
//! [examples]: https://docs.rs/crate/tallybook/latest/source/examples/
//! [README]: https://docs.rs/crate/tallybook/latest/source/README.md

#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// The derive macros name the crate by its public path, here too.
extern crate self as tallybook;

pub mod clock;
mod collect;
pub mod distribution;
pub mod error;
pub mod event;
pub mod guide;
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
    pub use crate::read::{CachedReader, RateTracker, Reader, SnapshotGuard, Snapshots};
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

/// The README's code is tested with the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

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
