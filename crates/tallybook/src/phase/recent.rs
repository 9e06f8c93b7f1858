//! The blocks that a thread used last: a direct-mapped table in a thread-local.

use super::place::Place;
use super::shard::{Epoch, Shard};
use std::cell::Cell;
use std::ptr;

/// How many blocks a thread remembers.
const RECENTS: usize = if cfg!(tallybook_small) { 2 } else { 128 };

/// The id of no place.
const NONE: u64 = u64::MAX;

/// A block that this thread used, with its shard and the epoch of its hub.
struct Recent {
    /// The id of the block's place, or [`NONE`].
    id: Cell<u64>,
    shard: Cell<*const Shard>,
    block: Cell<*const ()>,
    epoch: Cell<*const Epoch>,
}

thread_local! {
    // Has no destructor, so it can be used until the thread ends.
    static RECENT: [Recent; RECENTS] = const {
        [const {
            Recent {
                id: Cell::new(NONE),
                shard: Cell::new(ptr::null()),
                block: Cell::new(ptr::null()),
                epoch: Cell::new(ptr::null()),
            }
        }; RECENTS]
    };
}

/// Which entry of the table is that of the place with this id.
#[inline(always)]
fn index_of(id: u64) -> usize {
    id as usize % RECENTS
}

/// What was remembered for the place with this id, if it still is: the shard, the block and the
/// epoch.
#[inline(always)]
pub(super) fn find(id: u64) -> Option<(*const Shard, *const (), *const Epoch)> {
    RECENT.with(|table| {
        let recent = &table[index_of(id)];
        let known = || (recent.shard.get(), recent.block.get(), recent.epoch.get());
        (recent.id.get() == id).then(known)
    })
}

/// Remembers the block of a place. Replaces another place's.
///
/// Out of line, and takes the place itself: otherwise the compiler passes the id of the place to
/// the slow path, which costs the fast path an instruction.
#[cold]
#[inline(never)]
pub(super) fn remember(place: &Place, shard: *const Shard, block: *const (), epoch: *const Epoch) {
    RECENT.with(|table| {
        let recent = &table[index_of(place.id)];
        recent.id.set(place.id);
        recent.shard.set(shard);
        recent.block.set(block);
        recent.epoch.set(epoch);
    });
}

/// Forgets all blocks.
pub(super) fn clear() {
    RECENT.with(|table| table.iter().for_each(|recent| recent.id.set(NONE)));
}
