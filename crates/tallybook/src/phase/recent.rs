//! The blocks that a thread used last: a hash table in a thread-local.
//!
//! A block is in the slot of its place's id, or in the slot beside it on the same cache line. A
//! table has at least two slots for each block of the thread, so few blocks are in neither.

use super::place::{Place, SLOT};
use super::shard::{Epoch, Shard};
use std::cell::{Cell, UnsafeCell};
use std::ptr;

/// The size of the smallest table, in lines.
const MIN_LINES: usize = if cfg!(tallybook_small) { 1 } else { 8 };
/// The size of the largest table, in lines. If a thread has more blocks, they replace each other.
const MAX_LINES: usize = if cfg!(tallybook_small) { 1 } else { 1 << 20 };

/// The id of no place.
const NONE: u64 = u64::MAX;

/// A block that this thread used, with its shard and the epoch of its hub.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
struct Recent {
    /// The id of the block's place, or [`NONE`].
    id: u64,
    shard: *const Shard,
    block: *const (),
    epoch: *const Epoch,
}

const NOTHING: Recent =
    Recent { id: NONE, shard: ptr::null(), block: ptr::null(), epoch: ptr::null() };

/// What an offset changes by from a slot to the one beside it.
const BESIDE: usize = SLOT;

const _: () = assert!(size_of::<Recent>() == SLOT, "ids select bytes");

/// The slots of a cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([Recent; 2]);

/// The table of a thread that has not made one.
struct Empty(UnsafeCell<Line>);

// SAFETY: it is never written to.
unsafe impl Sync for Empty {}

static EMPTY: Empty = Empty(UnsafeCell::new(Line([NOTHING; 2])));

struct Table {
    /// [`EMPTY`], or the thread's own memory.
    start: Cell<*mut Line>,
    /// How many lines there are in the thread's own memory.
    lines: Cell<usize>,
    /// Selects the offset of a slot, in bytes.
    mask: Cell<usize>,
}

thread_local! {
    // Has no destructor, so it can be used until the thread ends. `clear` frees the memory.
    static TABLE: Table = const {
        Table { start: Cell::new(EMPTY.0.get()), lines: Cell::new(0), mask: Cell::new(0) }
    };
}

/// What was remembered for the place with this id, if it still is: the shard, the block and the
/// epoch.
#[inline(always)]
pub(super) fn find(id: u64) -> Option<(*const Shard, *const (), *const Epoch)> {
    TABLE.with(|table| table.known(id, 0))
}

/// As `find`, in the slot beside it.
#[inline]
pub(super) fn find_beside(id: u64) -> Option<(*const Shard, *const (), *const Epoch)> {
    TABLE.with(|table| table.known(id, BESIDE))
}

/// Remembers the block of a place. Replaces another place's if there is no slot for it.
///
/// Out of line, and takes the place itself: otherwise the compiler passes the id of the place to
/// the slow path, which costs the fast path an instruction.
#[cold]
#[inline(never)]
pub(super) fn remember(place: &Place, shard: *const Shard, block: *const (), epoch: *const Epoch) {
    TABLE.with(|table| table.remember(Recent { id: place.id, shard, block, epoch }));
}

/// Makes the table large enough for this many blocks. Allocates if it is not.
///
/// The caller must hold an [`Apart`](super::Apart): a fact of the allocator may find blocks
/// meanwhile, but not remember any.
#[cold]
pub(super) fn make_room(blocks: usize) {
    TABLE.with(|table| {
        let lines = blocks.next_power_of_two().clamp(MIN_LINES, MAX_LINES);
        if lines > table.lines.get() {
            let known = table.replace(vec![Line([NOTHING; 2]); lines]);
            let known = known.iter().flat_map(|line| line.0).filter(|recent| recent.id != NONE);
            known.for_each(|recent| table.remember(recent));
        }
    });
}

/// Forgets all blocks, and frees the table.
pub(super) fn clear() {
    TABLE.with(|table| drop(table.replace(Vec::new())));
}

impl Table {
    /// The slot of an id, or the one beside it.
    #[inline(always)]
    fn slot(&self, id: u64, side: usize) -> *mut Recent {
        self.start.get().cast::<Recent>().wrapping_byte_add((id as usize & self.mask.get()) ^ side)
    }

    #[inline(always)]
    fn known(&self, id: u64, side: usize) -> Option<(*const Shard, *const (), *const Epoch)> {
        // SAFETY: `mask` selects offsets of slots in the memory at `start`, and `side` that of
        // another on the same line. Only this thread writes there, and nothing is borrowed then.
        let recent = unsafe { &*self.slot(id, side) };
        (recent.id == id).then_some((recent.shard, recent.block, recent.epoch))
    }

    fn remember(&self, recent: Recent) {
        if self.lines.get() == 0 {
            return;
        }
        let own = self.slot(recent.id, 0);
        // SAFETY: as in `known`, and the memory is this thread's own.
        unsafe {
            // What is there already moves aside: it is used less often.
            if (*own).id != NONE && (*own).id != recent.id {
                *self.slot(recent.id, BESIDE) = *own;
            }
            *own = recent;
        }
    }

    /// Uses this memory from now on, and returns what was used before.
    fn replace(&self, lines: Vec<Line>) -> Box<[Line]> {
        let (start, count) = (self.start.get(), self.lines.get());
        let lines = lines.into_boxed_slice();
        self.lines.set(lines.len());
        if lines.is_empty() {
            self.start.set(EMPTY.0.get());
            self.mask.set(0);
        } else {
            self.mask.set(size_of_val(&*lines) - BESIDE);
            self.start.set(Box::into_raw(lines).cast());
        }
        if count == 0 {
            return Box::default();
        }
        // SAFETY: it came from `into_raw` above, and the table does not have it any more.
        unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(start, count)) }
    }
}
