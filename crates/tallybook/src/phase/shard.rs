//! [`Shard`]: the memory that one thread writes.

use super::fence::FenceKind;
use super::list::List;
use super::sync::{AtomicU64, Ordering};
use crossbeam_utils::CachePadded;
use std::any::Any;
use std::cell::UnsafeCell;
use std::sync::Arc;

/// The epoch number: one cache line that all writers read, and that changes a few times a second.
pub(super) type Epoch = CachePadded<AtomicU64>;

/// One thread's memory in one registry.
///
/// # Who may do what
/// One thread at a time *owns* a shard (see `Hub::claim`); only the owner enters facts and accesses
/// `table`. The closer reads `seq` and the closed sides of the blocks.
#[repr(align(128))]
pub(crate) struct Shard {
    /// Odd while the owner is inside a fact.
    seq: AtomicU64,
    /// The epoch of the fact that the owner is inside, for the facts that join it.
    current: AtomicU64,
    /// For each clock: the fact (its odd sequence) that was stamped last, and its stamp.
    stamps: [[AtomicU64; 2]; CLOCKS],
    /// The shard's number in the upper bits, and in the lower how many gauges its owners have set:
    /// see `next_call`.
    calls: AtomicU64,
    /// The owner's own: by index, the block of the place that used it last.
    table: UnsafeCell<Vec<Option<Known>>>,
    /// How many blocks `table` has.
    known: AtomicU64,
    /// What the blocks take.
    bytes: AtomicU64,
    /// The blocks, for the closer. Their only owner, but for the closer's copy of the list.
    blocks: List<PlacedBlock>,
}

/// A block that the owner has made, and the number of its place.
#[derive(Clone, Copy)]
struct Known {
    place: u64,
    block: *const (dyn Any + Send + Sync),
}

type AnyBlock = Arc<dyn Any + Send + Sync>;

/// How many clocks can stamp a fact: see `stamp`.
pub(super) const CLOCKS: usize = 2;

/// How many bits count the calls within a shard.
const CALL_BITS: u32 = 40;

/// A block, and the number and the index of its place.
#[derive(Clone)]
pub(super) struct PlacedBlock {
    place: u64,
    pub(super) index: usize,
    pub(super) block: AnyBlock,
    bytes: usize,
}

// SAFETY: only the owner accesses `table` (the contract of `block`); everything else is `Sync`.
unsafe impl Sync for Shard {}
// SAFETY: the pointers in `table` are to blocks, which are `Send` and `Sync`.
unsafe impl Send for Shard {}

impl Shard {
    /// `number` must be unique among the shards of the hub.
    pub(super) fn new(number: u64) -> Self {
        Shard {
            seq: AtomicU64::new(0),
            current: AtomicU64::new(0),
            stamps: std::array::from_fn(|_| [AtomicU64::new(0), AtomicU64::new(0)]),
            calls: AtomicU64::new(number << CALL_BITS),
            table: UnsafeCell::new(Vec::new()),
            known: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            blocks: List::new(),
        }
    }

    /// Enters a fact, or joins the one that the owner is inside.
    ///
    /// # Safety
    /// The caller owns the shard until the fact is dropped; `epoch` and `fence` are the hub's.
    #[inline(always)]
    pub(super) unsafe fn enter(&self, epoch: &Epoch, fence: FenceKind) -> Fact<'_> {
        // SAFETY: passed on from the caller.
        unsafe { self.try_enter(epoch, fence) }.unwrap_or_else(|| self.join())
    }

    /// Enters a fact; `None` if the owner is inside one.
    ///
    /// # Safety
    /// As for `enter`.
    #[inline(always)]
    pub(super) unsafe fn try_enter(&self, epoch: &Epoch, fence: FenceKind) -> Option<Fact<'_>> {
        // Relaxed: only the owner writes it.
        let seq = self.seq.load(Ordering::Relaxed);
        if seq & 1 == 1 {
            return None;
        }
        // Release: pairs with the Acquire load in `seq`. The closer may wait for the odd number of
        // the *previous* fact to change and read this number instead; it must then see all cells of
        // the previous fact.
        self.seq.store(seq + 1, Ordering::Release);
        fence.light();
        // Acquire: pairs with the Release store in `Closer::open_next`, so that this thread sees
        // the side of this epoch as the closer left it: drained.
        let epoch = epoch.load(Ordering::Acquire);
        // Relaxed: only this thread reads it.
        self.current.store(epoch, Ordering::Relaxed);
        Some(Fact { shard: self, epoch, exit: Some(seq + 2) })
    }

    /// Joins the fact that the owner is inside; the outer one ends it.
    pub(super) fn join(&self) -> Fact<'_> {
        // Relaxed: this thread wrote it.
        Fact { shard: self, epoch: self.current.load(Ordering::Relaxed), exit: None }
    }

    /// The sequence number, for the closer.
    pub(super) fn seq(&self) -> u64 {
        // Acquire: pairs with both Release stores of a fact. A closer that sees the sequence change
        // sees the cells.
        self.seq.load(Ordering::Acquire)
    }

    /// How many bytes the shard and its blocks take.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.load(Ordering::Relaxed) as usize
    }

    /// The stamp of the fact that the owner is inside, from `now` the first time.
    #[inline]
    pub(super) fn stamp(&self, clock: usize, now: impl FnOnce() -> u64) -> u64 {
        let [stamped, stamp] = &self.stamps[clock];
        // Relaxed, all: only the owner accesses them, and `seq` differs between any two facts.
        let fact = self.seq.load(Ordering::Relaxed);
        if stamped.load(Ordering::Relaxed) != fact {
            stamp.store(now(), Ordering::Relaxed);
            stamped.store(fact, Ordering::Relaxed);
        }
        stamp.load(Ordering::Relaxed)
    }

    /// A number that grows from call to call. All numbers of one shard are larger than all numbers
    /// of another, for the first trillion calls; beyond that, two facts of the same nanosecond
    /// could be interleaved.
    #[inline]
    pub(super) fn next_call(&self) -> u64 {
        // Relaxed, both: only the owner accesses it.
        let next = self.calls.load(Ordering::Relaxed).wrapping_add(1);
        self.calls.store(next, Ordering::Relaxed);
        next
    }

    /// Whether the owner is inside a fact. Only the owner may call it.
    pub(super) fn is_inside(&self) -> bool {
        // Relaxed: only the owner writes it.
        self.seq.load(Ordering::Relaxed) & 1 == 1
    }

    /// The block of a place, made by `make` on first touch. It lives until the closer
    /// [forgets](Self::forget) the place.
    ///
    /// # Safety
    /// The caller is the shard's owner, facts that come in meanwhile stand [apart](super::Apart),
    /// and the place with this number and index is held for as long as the block is used.
    pub(super) unsafe fn block<B: Any + Send + Sync>(
        &self,
        place: u64,
        index: usize,
        bytes: usize,
        make: impl FnOnce() -> B,
    ) -> &B {
        // SAFETY: only the owner touches `table`; this reference ends with the statement.
        let known = unsafe { &*self.table.get() }.get(index).copied().flatten();
        // One of another number belonged to an earlier place, and may be gone.
        let known = known.filter(|known| known.place == place).map(|known| known.block);
        let add = |block| {
            // SAFETY: passed on from the caller.
            unsafe { self.add_block(place, index, bytes, block) }
        };
        let block = known.unwrap_or_else(|| add(Arc::new(make())));
        // SAFETY: `blocks` has an `Arc` of it, and the closer takes it out only once nobody holds
        // the place.
        let block = unsafe { &*block };
        block.downcast_ref().expect("the registry uses a place for one type only")
    }

    /// How many blocks the owner has used. Only the owner may call it.
    pub(super) fn known(&self) -> usize {
        // Relaxed: only the owner accesses it.
        self.known.load(Ordering::Relaxed) as usize
    }

    /// Adds a block. It is made by the caller, because making it may run code that records.
    ///
    /// # Safety
    /// As for `block`. The table allocates when it grows, and a fact that the allocator records
    /// must not find it half grown.
    #[cold]
    unsafe fn add_block(
        &self,
        place: u64,
        index: usize,
        bytes: usize,
        block: AnyBlock,
    ) -> *const (dyn Any + Send + Sync) {
        // Relaxed: a statistic.
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let pointer = Arc::as_ptr(&block);
        self.blocks.push(PlacedBlock { place, index, block, bytes });
        // SAFETY: only the owner touches `table`, this is the one reference into it, and facts of
        // the owner's thread that come out of the allocator go to another shard.
        let table = unsafe { &mut *self.table.get() };
        if table.len() <= index {
            table.resize(index + 1, None);
        }
        if table[index].replace(Known { place, block: pointer }).is_none() {
            // Relaxed: only the owner accesses it.
            self.known.store(self.known.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        pointer
    }

    /// Adds the blocks that are not in `known` yet, the closer's list of the blocks of this shard.
    pub(super) fn list_blocks(&self, known: &mut Vec<PlacedBlock>) {
        self.blocks.list(known);
    }

    /// Takes the block of a place out of the shard and out of `known`, the closer's list of its
    /// blocks. Dropping what it returns frees it. The owner's table keeps the address, under a
    /// number that no place will have again.
    pub(super) fn forget(&self, place: u64, known: &mut Vec<PlacedBlock>) -> Vec<PlacedBlock> {
        let is_it = |placed: &PlacedBlock| placed.place == place;
        // The same from both, so that `known` still is the beginning of the other.
        known.retain(|placed| !is_it(placed));
        let gone = self.blocks.take(is_it);
        let bytes: usize = gone.iter().map(|placed| placed.bytes).sum();
        // Relaxed: a number to look at.
        self.bytes.fetch_sub(bytes as u64, Ordering::Relaxed);
        gone
    }
}

/// The inside of a fact. Dropping it ends the fact, on unwinding too; if it joined a fact, the
/// outer one ends it.
pub(super) struct Fact<'a> {
    shard: &'a Shard,
    epoch: u64,
    exit: Option<u64>,
}

impl Fact<'_> {
    #[inline(always)]
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    #[inline(always)]
    pub(super) fn shard(&self) -> &Shard {
        self.shard
    }

    /// Which side of the blocks this fact writes.
    #[inline(always)]
    pub(super) fn side(&self) -> usize {
        side_of(self.epoch)
    }
}

impl Drop for Fact<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(seq) = self.exit {
            // Release: pairs with the Acquire in `seq`. A closer that sees the fact ended sees all
            // of its cells.
            self.shard.seq.store(seq, Ordering::Release);
        }
    }
}

/// Which side of the blocks belongs to an epoch.
#[inline(always)]
pub(super) fn side_of(epoch: u64) -> usize {
    (epoch & 1) as usize
}
