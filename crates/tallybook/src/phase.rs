//! The counting protocol: the only place with `unsafe` and with memory orderings.
//!
//! # How a fact is recorded
//! A registry has one [`Hub`], and in it one epoch number. Each recording thread owns a [`Shard`] of that hub. A shard
//! holds a sequence number and, for each set, a [`Block`] of two sides of cells. Recording makes the sequence odd, reads
//! the epoch, writes the side of the epoch's parity with plain loads and stores, and makes the sequence even again.
//!
//! # How an epoch is closed
//! [`Closer::close`] stores the next epoch and issues the heavy barrier; then it waits for each shard whose sequence is
//! odd until it changes. Now the closed epoch's side of every block is quiet, and stays so until the epoch after next
//! opens: it belongs to the closer, which drains it.
//!
//! # Why it is a cut
//! A fact reads its epoch once. If A happened before B, read-read coherence forbids that B reads an older epoch than A,
//! so the facts of epochs `<= e` are closed under happened-before. The barriers (light in the writer, heavy in the
//! closer: together a store-load fence on both sides) exclude that the writer misses the new epoch while the closer
//! misses the odd sequence, so every fact is in exactly one closed side.
//!
//! # Keyed entries
//! A block per thread and key would not fit in memory. A [`KeyedBlock`] is a small write-combining cache instead: a line
//! holds the cells of one [`KeyedEntry`]; what leaves its line is merged into the entry's own two-sided cells.
//!
//! # Facts that stand apart
//! A fact inside a fact joins it. But where this module is between two states of a thread's cells or lists and code of
//! others may run (the memory allocator, for one), a fact must not come to them: it [stands apart](Apart), on a shard that
//! is borrowed for it. So nothing here has to be reentrant, and nothing is allocated under a lock.
//!
//! # Cost
//! Three stores and two loads around the fact's own adds, on lines that only this thread writes. Memory: two sides of
//! cells per thread and set, a fixed cache per thread and family, two sides per key. Shards are reused as threads end, so
//! there are as many as the most threads that ever recorded at once.
//!
//! # `fork`
//! A forked child has the parent's shards but none of its threads but one. Make a new registry in the child.

mod apart;
mod block;
mod cells;
mod claims;
mod closer;
mod entry;
mod fence;
mod hub;
mod keyed;
mod list;
mod loan;
mod local;
#[cfg(all(test, tallybook_loom))]
pub(crate) mod models;
mod patience;
mod place;
mod queue;
mod recent;
mod sequencer;
mod shard;
mod stamp;
mod sync;
mod word;
mod words;

pub(crate) use apart::Apart;
pub(crate) use block::Block;
pub(crate) use cells::{Cells, Mergeable};
pub(crate) use closer::{Closer, Quiet, Stuck};
pub(crate) use entry::KeyedEntry;
pub use fence::FenceKind;
pub(crate) use hub::Hub;
pub(crate) use keyed::{KeyedBlock, Met};
pub(crate) use local::{record_block, record_cells, record_entry, release_entry, touch_entry};
pub(crate) use patience::Patience;
pub(crate) use place::Place;
pub(crate) use queue::{Queue, Room};
pub(crate) use sequencer::{Run, Sequencer};
pub(crate) use stamp::{Stamp, stamp, time};
pub(crate) use word::Word;
pub(crate) use words::Words;
