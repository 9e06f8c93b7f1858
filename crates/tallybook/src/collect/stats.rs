//! [`CollectorStats`]: the collector's own statistics.

use crate::metric::{Counter, Gauge, Max};

/// The name of the collector's own statistics.
pub(crate) const NAME: &str = "tallybook";

/// The collector's own statistics.
#[derive(Debug, tallybook_derive::Stats)]
pub struct CollectorStats {
    /// Cuts published, stale ones left out.
    pub ticks: Counter,
    /// Time spent in ticks, those of the last one excluded.
    #[stats(unit = "nanoseconds")]
    pub tick_time: Counter,
    /// Time the tick before took.
    #[stats(unit = "nanoseconds")]
    pub last_tick: Max,
    /// Threads that were inside a fact when their epoch was closed and had to be waited for.
    pub waits: Counter,
    /// Ticks at which a thread stayed inside a fact for too long, so that an older cut was
    /// published.
    pub stale: Counter,
    /// Time spent in the callbacks of [observed](crate::Registry::observe) sets. It is part of the
    /// time spent in ticks.
    #[stats(unit = "nanoseconds")]
    pub callback_time: Counter,
    /// Time the slowest callback of the interval took.
    #[stats(unit = "nanoseconds")]
    pub slowest_callback: Max,
    /// Callbacks that were not called at a tick because they had taken long before; see
    /// [`Registry::observe`](crate::Registry::observe).
    pub callbacks_skipped: Counter,
    /// Panics of user code that the collector has caught; see
    /// [`Snapshot::panics`](crate::Snapshot::panics).
    pub panics: Counter,
    /// Facts that were not recorded, because they came out of the memory allocator while it worked
    /// for the recording of a fact that came out of it itself. Only an allocator without a guard
    /// against recursion gets there.
    pub refused: Counter,
    /// Threads' shards: the most threads that ever recorded at once.
    pub shards: Gauge,
    /// Entries in all families.
    pub entries: Gauge,
    /// Memory of shards, entries, totals and history, of the queues of events and of what is merged
    /// in them, as counted by size. Not counted are the tables that histograms make in the cells of
    /// threads and entries, and what keys, events and states own on the heap.
    #[stats(unit = "bytes")]
    pub memory: Gauge,
    /// Earlier cuts that are kept for windows.
    pub history: Gauge,
    /// Memory of what only earlier cuts still show, those that readers keep included, and of the
    /// extrema between them.
    #[stats(unit = "bytes")]
    pub history_memory: Gauge,
}
