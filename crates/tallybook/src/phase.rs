//! The counting protocol: the only module with `unsafe` and with memory orderings other than
//! Relaxed. It knows nothing of metrics, rows or registries; what it needs of the memory that facts
//! write is said by [`Cells`] and [`Mergeable`].
//!
//! # How a fact is recorded
//! A registry has one [`Hub`], which holds one epoch number. Each recording thread owns a shard of
//! that hub. A shard holds a sequence number and, for each set, a [`Block`] with two sides of
//! cells. Recording makes the sequence odd, reads the epoch, writes the side of the epoch's parity
//! with plain loads and stores, and makes the sequence even again.
//!
//! # How an epoch is closed
//! [`Closer::close`] stores the next epoch, issues the heavy fence and reads the sequences of all
//! shards. It then waits for each sequence that was odd until it changes. Now the closed epoch's
//! side of every block is quiet, and stays so until the epoch after next opens: it belongs to the
//! closer, which drains it.
//!
//! # Why it is a cut
//! A fact reads its epoch once. If A happened before B, read-read coherence forbids B to read an
//! older epoch than A, so the facts of epochs `<= e` are closed under happened-before. The fences
//! (light in the writer, heavy in the closer: together a store-load fence on both sides) make it
//! impossible that the writer misses the new epoch while the closer misses the odd sequence, so
//! every fact is in exactly one closed side.
//!
//! # Keyed entries
//! A block per thread and key would take too much memory. A [`KeyedBlock`] is a small
//! write-combining cache instead: a line holds the cells of one [`KeyedEntry`], and cells that are
//! evicted from their line are merged into the entry's own two-sided cells.
//!
//! # Facts that stand apart
//! A fact inside a fact joins it. But where this module is in the middle of changing a thread's
//! cells or lists, and code from outside may run (the memory allocator, for example), a fact must
//! not access them. Such a fact [stands apart](Apart): it is recorded on a shard that is borrowed
//! for it. So nothing here has to be reentrant, and nothing is allocated under a lock.
//!
//! # Blocks that are removed
//! A set that was unregistered gives its blocks back. Threads record through handles, and a handle
//! holds the [`Place`]. Once the registry finds that nothing else holds the place, and all epochs
//! up to then are drained, the closer [removes the blocks](Closer::forget) from all shards. Their
//! addresses stay in the tables of threads, under the id of a place that is never used again.
//!
//! # Cost
//! Three stores and two loads besides the fact's own additions, on lines that only this thread
//! writes. Memory: two sides of cells per thread and set, a fixed cache per thread and family, two
//! sides per key. Shards are reused when threads end, so there are as many as the maximum number of
//! threads that recorded at once.
//!
//! # `fork`
//! A forked child has the parent's shards, but only one of its threads. Create a new registry in
//! the child.

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
pub(crate) use keyed::{EntryRef, KeyedBlock};
pub(crate) use local::{record_block, record_cells, record_entry, release_entry, touch_entry};
pub(crate) use patience::Patience;
pub(crate) use place::{Place, owners};
pub(crate) use queue::{Queue, Room};
pub(crate) use sequencer::{Run, Sequencer};
pub(crate) use stamp::{Stamp, stamp, time};
pub(crate) use word::Word;
pub(crate) use words::Words;
