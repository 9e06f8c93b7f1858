//! From a handle to the calling thread's shard: the entry points of recording.
//!
//! A thread keeps its blocks in a hash table ([`recent`]), so that finding the cells of a handle
//! takes one compare and a few loads. If a block is not in the table, it is looked up in the shard
//! that the thread owns ([`claims`]), or in a shard that is borrowed for one fact ([`Loan`]): for
//! facts in destructors of thread-locals, and for facts that stand [apart](super::Apart), such as
//! those of a memory allocator.

use super::apart::{self, Apart};
use super::block::Block;
use super::cells::{Cells, Mergeable};
use super::entry::KeyedEntry;
use super::fence::FenceKind;
use super::keyed::KeyedBlock;
use super::loan::{self, Loan};
use super::place::{Inner, Place};
use super::shard::{Fact, Shard};
use super::{claims, recent, stamp};
use std::any::Any;
use std::ptr;
use std::sync::Arc;

/// A type of block that a place may have in each shard.
trait BlockKind: Any + Send + Sync + Sized {
    /// How many bytes one takes.
    fn bytes() -> usize;
    fn empty() -> Self;
}

impl<S: Cells> BlockKind for Block<S> {
    fn bytes() -> usize {
        size_of::<Self>()
    }
    fn empty() -> Self {
        Block::new()
    }
}

impl<X: Send + Sync + 'static, S: Mergeable> BlockKind for KeyedBlock<X, S> {
    fn bytes() -> usize {
        KeyedBlock::<X, S>::bytes()
    }
    fn empty() -> Self {
        KeyedBlock::new()
    }
}

/// Records one fact on a set.
#[inline(always)]
pub(crate) fn record_block<S: Mergeable>(place: &Place, f: impl FnOnce(&S)) {
    within(place, move |block: &Block<S>, fact| {
        stamp::lend(S::STAMPED, fact.shard(), block.side(fact.side()), f);
    });
}

/// Records one fact on cells whose fields do not ask for stamps, and returns what `f` returns.
/// `None` in a disabled registry, and if the fact is refused.
#[inline(always)]
pub(crate) fn record_cells<C: Cells, T>(place: &Place, f: impl FnOnce(&C) -> T) -> Option<T> {
    // A predictable branch: the address of the cells does not depend on the epoch, so that stores
    // need not wait for its load.
    within(place, move |block: &Block<C>, fact| match fact.side() {
        0 => f(block.side(0)),
        _ => f(block.side(1)),
    })
}

/// Records one fact on an entry that the caller holds. `home` selects the cache line that the entry
/// prefers, here and below: the low bits are its index.
#[inline(always)]
pub(crate) fn record_entry<X: Send + Sync + 'static, S: Mergeable>(
    place: &Place,
    entry: &Arc<KeyedEntry<X, S>>,
    home: u32,
    f: impl FnOnce(&S),
) {
    within(place, move |block: &KeyedBlock<X, S>, fact| {
        let side = fact.side();
        if S::STAMPED {
            let f = move |cells: &S| stamp::lend(true, fact.shard(), cells, f);
            // SAFETY: this thread is inside a fact of that side, and the caller holds the entry.
            unsafe { block.record(side, entry, home, f) };
        } else {
            // SAFETY: as above.
            unsafe { block.record(side, entry, home, f) };
        }
    });
}

/// Shows the collector an entry that the caller holds, without recording anything.
pub(crate) fn touch_entry<X: Send + Sync + 'static, S: Mergeable>(
    place: &Place,
    entry: &Arc<KeyedEntry<X, S>>,
    home: u32,
) {
    within(place, move |block: &KeyedBlock<X, S>, fact| {
        // SAFETY: this thread is inside a fact of that side, and the caller holds the entry.
        unsafe { block.touch(fact.side(), entry, home) };
    });
}

/// Stops holding an entry. This is a fact, so the collector visits the entry when it drains the
/// epoch.
pub(crate) fn release_entry<X: Send + Sync + 'static, S: Mergeable>(
    place: &Place,
    entry: &Arc<KeyedEntry<X, S>>,
    home: u32,
) {
    within(place, move |block: &KeyedBlock<X, S>, fact| {
        // SAFETY: this thread is inside a fact of that side, and the caller still holds the entry.
        // After `release`, the entry lives until this epoch has been drained.
        unsafe { block.touch(fact.side(), entry, home) };
        entry.release(fact.epoch());
    });
}

/// Calls `f` inside a fact, with this thread's block at the place. `None` in a disabled registry,
/// and if the fact is refused (see [`Apart`]).
#[inline(always)]
fn within<B: BlockKind, T>(place: &Place, f: impl FnOnce(&B, &Fact<'_>) -> T) -> Option<T> {
    let inner = place.inner.as_ref()?;
    let known = recent::find(place.id).or_else(|| recent::find_beside(place.id));
    let Some((shard, block, epoch)) = known else {
        return within_found(place, inner, &mut Some(f));
    };
    // SAFETY: the table holds only blocks of shards that this thread owns. A claim keeps the shard
    // until the thread ends, which clears the table, or until the hub is gone; the place keeps the
    // hub.
    let shard = unsafe { &*shard };
    // SAFETY: as above. The block was remembered under the id of this place, which has one type of
    // block, and it is not removed while the caller holds the place.
    let block = unsafe { &*block.cast::<B>() };
    // SAFETY: it belongs to the hub, which the place keeps.
    let epoch = unsafe { &*epoch };
    // SAFETY: this thread owns the shard. Blocks are remembered only for hubs that use
    // `membarrier`.
    match unsafe { shard.try_enter(epoch, FenceKind::Membarrier) } {
        Some(fact) => Some(f(block, &fact)),
        None => run_joined(place, inner, shard, block, &mut Some(f)),
    }
}

/// Joins the fact that the shard's owner is inside.
///
/// Out of line, to keep the fast path of facts that join nothing short. `f` is passed in an
/// `Option`, here and below: if it were passed by value, its captures would live in memory on the
/// fast path, too.
#[inline(never)]
fn run_joined<B: BlockKind, T>(
    place: &Place,
    inner: &Inner,
    shard: &Shard,
    block: &B,
    f: &mut Option<impl FnOnce(&B, &Fact<'_>) -> T>,
) -> Option<T> {
    if apart::depth() > 0 {
        return within_found(place, inner, f);
    }
    Some(f.take()?(block, &shard.join()))
}

/// As `within`, if the block is not in the table of recent ones or the fact stands apart.
#[cold]
#[inline(never)]
fn within_found<B: BlockKind, T>(
    place: &Place,
    inner: &Inner,
    f: &mut Option<impl FnOnce(&B, &Fact<'_>) -> T>,
) -> Option<T> {
    let hub = &inner.hub;
    let depth = apart::depth();
    if depth >= apart::MAX_DEPTH {
        hub.refuse();
        return None;
    }
    // Making a shard or a block allocates while this thread's lists are being changed.
    let apart = Apart::begin();
    let owned = if depth == 0 { claims::owned(hub) } else { None };
    let loan;
    let shard = match owned.or_else(|| Loan::known(hub, depth)) {
        Some(shard) => shard,
        None => {
            loan = Loan::new(hub, depth);
            // SAFETY: it is dropped at the end of this function, where it is.
            unsafe { loan.link() };
            loan.shard()
        }
    };
    // SAFETY: a claim or a loan keeps the shard until this function returns.
    let shard = unsafe { &*shard };
    // SAFETY: this thread owns the shard, facts stand apart, and the caller holds the place.
    let block = unsafe { shard.block(place.id, place.index, B::bytes(), B::empty) };
    if owned.is_some() && !loan::is_any() && hub.fence() == FenceKind::Membarrier {
        recent::make_room(claims::blocks());
        recent::remember(place, shard, ptr::from_ref(block).cast(), &raw const hub.epoch);
    }
    drop(apart);
    // SAFETY: this thread owns the shard.
    let fact = unsafe { shard.enter(&hub.epoch, hub.fence()) };
    Some(f.take()?(block, &fact))
}
