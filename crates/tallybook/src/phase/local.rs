//! From a handle to the calling thread's shard.
//!
//! A thread remembers the blocks it used last in a small table of its own, so the way from a handle to its cells is one
//! compare and two loads. Behind that stand the shards that the thread owns ([`Claims`]), and behind those a shard that is
//! borrowed for one fact ([`Loan`]): for facts in destructors of thread-locals, and for those that stand
//! [apart](super::Apart), out of the memory allocator for instance.

use super::apart::{self, Apart};
use super::barrier::Barrier;
use super::block::Block;
use super::cells::{Cells, Mergeable};
use super::entry::KeyedEntry;
use super::hub::{Hub, next_id};
use super::keyed::KeyedBlock;
use super::shard::{Epoch, Fact, Shard};
use super::stamp;
use crate::clock::Clock;
use crate::user;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ptr;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Where a set or a family is found in each shard of a hub.
#[derive(Clone)]
pub(crate) struct Place {
    /// Never used twice in a process; 0 in a disabled registry.
    id: u64,
    /// Its number in its hub. Here rather than in `home`: with handles of two words, opening and dropping a guard in a
    /// disabled registry looks at `home` twice (the bench `off`).
    index: usize,
    /// `None` in a disabled registry.
    home: Option<Arc<Home>>,
}

struct Home {
    hub: Arc<Hub>,
    name: Box<str>,
    clock: Arc<dyn Clock>,
}

impl Place {
    /// Each index of a hub must be used with one type of block only; so only the registry makes places.
    pub(crate) fn new(hub: Arc<Hub>, index: usize, name: &str, clock: Arc<dyn Clock>) -> Self {
        let id = next_id();
        let home = Arc::new(Home { hub, name: name.into(), clock });
        Place { id, index, home: Some(home) }
    }

    /// The place of everything in a disabled registry: nothing is recorded there.
    pub(crate) const fn nowhere() -> Self {
        Place { id: 0, index: 0, home: None }
    }

    /// Which of the recent blocks of a thread it is, if it is one.
    #[inline(always)]
    fn recent(&self) -> usize {
        self.id as usize % RECENTS
    }

    /// The registered name; empty in a disabled registry.
    pub(crate) fn name(&self) -> &str {
        self.home.as_ref().map_or("", |home| &home.name)
    }

    /// The time on its registry's clock; zero in a disabled registry.
    pub(crate) fn now(&self) -> Duration {
        self.home.as_ref().map_or(Duration::ZERO, |home| home.clock.now())
    }

    /// Its number in its hub, and the hub's id; `None` in a disabled registry.
    pub(crate) fn found(&self) -> Option<(usize, u64)> {
        self.home.as_ref().map(|home| (self.index, home.hub.id()))
    }
}

/// A kind of block: what a place holds in each shard.
trait Part: Any + Send + Sync + Sized {
    /// How many bytes one takes.
    fn bytes() -> usize;
    fn empty() -> Self;
}

impl<S: Cells> Part for Block<S> {
    fn bytes() -> usize {
        size_of::<Self>()
    }
    fn empty() -> Self {
        Block::new()
    }
}

impl<X: Send + Sync + 'static, S: Mergeable> Part for KeyedBlock<X, S> {
    fn bytes() -> usize {
        KeyedBlock::<X, S>::bytes()
    }
    fn empty() -> Self {
        KeyedBlock::new()
    }
}

/// One fact on a set.
#[inline(always)]
pub(crate) fn record_block<S: Mergeable>(place: &Place, f: impl FnOnce(&S)) {
    within(place, move |block: &Block<S>, fact| {
        stamp::lend(S::STAMPED, fact.shard(), block.side(fact.side()), f);
    });
}

/// One fact on cells that are no metric. `None` in a disabled registry, and where the fact is refused.
#[inline(always)]
pub(crate) fn record_cells<C: Cells, T>(place: &Place, f: impl FnOnce(&C) -> T) -> Option<T> {
    // A branch, which is foreseen: so the way to the cells does not begin with the epoch, and stores need not wait for it.
    within(place, move |block: &Block<C>, fact| match fact.side() {
        0 => f(block.side(0)),
        _ => f(block.side(1)),
    })
}

/// One fact on an entry, which the caller holds and which prefers the cache line `home`.
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

/// Shows the collector an entry, which the caller holds, without recording anything.
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

/// Stops holding an entry. A fact too, so that the collector looks at the entry when it closes the epoch.
pub(crate) fn release_entry<X: Send + Sync + 'static, S: Mergeable>(
    place: &Place,
    entry: &Arc<KeyedEntry<X, S>>,
    home: u32,
) {
    within(place, move |block: &KeyedBlock<X, S>, fact| {
        // SAFETY: this thread is inside a fact of that side, and the caller still holds the entry; after `release` the
        // entry lives on until this epoch has been drained.
        unsafe { block.touch(fact.side(), entry, home) };
        entry.release(fact.epoch());
    });
}

/// Calls `f` inside a fact with this thread's block at the place. `None` in a disabled registry, and where the fact is
/// refused (see `Apart`).
#[inline(always)]
fn within<B: Part, T>(place: &Place, f: impl FnOnce(&B, &Fact<'_>) -> T) -> Option<T> {
    let home = place.home.as_ref()?;
    let known = RECENT.with(|recent| {
        let recent = &recent[place.recent()];
        let known = || (recent.shard.get(), recent.block.get(), recent.epoch.get());
        (recent.id.get() == place.id).then(known)
    });
    let Some((shard, block, epoch)) = known else {
        return within_found(place, home, &mut Some(f));
    };
    // SAFETY: what is in the table belongs to a shard that this thread owns; a claim keeps that until the thread ends,
    // which empties the table, or until its hub is gone, and the place keeps the hub.
    let shard = unsafe { &*shard };
    // SAFETY: as above; the block was remembered under this place's number, which stands for one type.
    let block = unsafe { &*block.cast::<B>() };
    // SAFETY: it is the hub's, which the place keeps.
    let epoch = unsafe { &*epoch };
    // SAFETY: this thread owns the shard. Only hubs without fences have their blocks remembered.
    match unsafe { shard.try_enter(epoch, Barrier::Membarrier) } {
        Some(fact) => Some(f(block, &fact)),
        None => run_joined(place, home, shard, block, &mut Some(f)),
    }
}

/// Out of line, so that the way of the facts that join nothing is straight. What is to be called is handed over in an
/// `Option`, here as below: passed by value, what it captured would be in memory on the straight way, too.
#[inline(never)]
fn run_joined<B: Part, T>(
    place: &Place,
    home: &Home,
    shard: &Shard,
    block: &B,
    f: &mut Option<impl FnOnce(&B, &Fact<'_>) -> T>,
) -> Option<T> {
    if apart::depth() > 0 {
        return within_found(place, home, f);
    }
    Some(f.take()?(block, &shard.join()))
}

/// The same where the block is not in the table of recent ones.
#[cold]
#[inline(never)]
fn within_found<B: Part, T>(
    place: &Place,
    home: &Home,
    f: &mut Option<impl FnOnce(&B, &Fact<'_>) -> T>,
) -> Option<T> {
    let hub = &home.hub;
    let depth = apart::depth();
    if depth >= apart::DEEPEST {
        hub.refuse();
        return None;
    }
    // Making what is not there yet allocates, with this thread's lists in the hand.
    let apart = Apart::begin();
    let owned = if depth == 0 { owned(hub) } else { None };
    let loan;
    let shard = match owned.or_else(|| Loan::known(hub, depth)) {
        Some(shard) => shard,
        None => {
            loan = Loan::new(hub, depth);
            LOANS.set(&raw const loan);
            Arc::as_ptr(&loan.shard)
        }
    };
    // SAFETY: a claim or a loan keeps the shard until the end of this function.
    let shard = unsafe { &*shard };
    // SAFETY: this thread owns the shard, and facts stand apart.
    let block = unsafe { shard.block(place.index, B::bytes(), B::empty) };
    drop(apart);
    if owned.is_some() && LOANS.get().is_null() && hub.barrier() == Barrier::Membarrier {
        RECENT.with(|recent| {
            let recent = &recent[place.recent()];
            recent.id.set(place.id);
            recent.shard.set(shard);
            recent.block.set(ptr::from_ref(block).cast());
            recent.epoch.set(&raw const hub.epoch);
        });
    }
    // SAFETY: this thread owns the shard.
    let fact = unsafe { shard.enter(&hub.epoch, hub.barrier()) };
    Some(f.take()?(block, &fact))
}

/// How many blocks a thread remembers.
const RECENTS: usize = if cfg!(tallybook_small) { 2 } else { 128 };

/// The number of no place.
const NONE: u64 = u64::MAX;

/// A block that this thread used, and the shard it is in.
struct Recent {
    /// The place's number, or [`NONE`].
    id: Cell<u64>,
    shard: Cell<*const Shard>,
    block: Cell<*const ()>,
    epoch: Cell<*const Epoch>,
}

thread_local! {
    // Without destructors, so they can be used for as long as the thread runs at all.
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
    /// The innermost loan of the facts that this thread is inside of, or null.
    static LOANS: Cell<*const Loan> = const { Cell::new(ptr::null()) };
    static CLAIMS: Claims = const { Claims(RefCell::new(Vec::new())) };
}

/// The shards that this thread owns. Dropped when the thread ends, which hands them over. Borrowed only while facts stand
/// apart, which do not come here.
struct Claims(RefCell<Vec<Claim>>);

struct Claim {
    id: u64,
    shard: user::Owned<Arc<Shard>>,
    hub: Weak<Hub>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let _apart = Apart::begin();
        let hub = self.hub.upgrade();
        // It is inside where the process exits inside of a fact, which is never over then: nobody may go on in its place.
        if let Some(hub) = &hub
            && !self.shard.is_inside()
        {
            hub.release(Arc::clone(&self.shard));
        }
        // Otherwise this may be the last owner, and with the shard go the events that nobody collected.
        let _told = user::call(|| drop(hub));
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        // Before the shards get new owners: a fact in a later thread-local destructor must not find them here.
        RECENT.with(|recent| recent.iter().for_each(|recent| recent.id.set(NONE)));
        self.0.take();
    }
}

/// This thread's shard in a hub, claimed if it is the first time; `None` where the thread is ending and owns none. To be
/// called while facts stand apart.
fn owned(hub: &Arc<Hub>) -> Option<*const Shard> {
    let find = |claims: &Claims| {
        let mut claims = claims.0.borrow_mut();
        if let Some(known) = claims.iter().find(|claim| claim.id == hub.id()) {
            return Arc::as_ptr(&known.shard);
        }
        claims.retain(|claim| claim.hub.strong_count() > 0);
        let shard = hub.claim();
        let pointer = Arc::as_ptr(&shard);
        let shard = user::Owned::new(shard);
        claims.push(Claim { id: hub.id(), shard, hub: Arc::downgrade(hub) });
        pointer
    };
    CLAIMS.try_with(find).ok()
}

/// A shard for one fact and those that join it: in destructors of thread-locals, after the thread has given up its shards,
/// and where facts stand apart.
struct Loan {
    hub: Arc<Hub>,
    shard: Arc<Shard>,
    /// How far apart the fact stands.
    depth: u32,
    /// The loan of a fact around this one, in another registry or less far apart, or null.
    before: *const Loan,
}

impl Loan {
    /// The shard that is on loan already.
    fn known(hub: &Arc<Hub>, depth: u32) -> Option<*const Shard> {
        let mut known = LOANS.get();
        // SAFETY: loans end in the reverse order of their making, each putting back what it found, so all in the chain live.
        while let Some(loan) = unsafe { known.as_ref() } {
            if Arc::ptr_eq(&loan.hub, hub) && loan.depth == depth {
                return Some(Arc::as_ptr(&loan.shard));
            }
            known = loan.before;
        }
        None
    }

    /// A loan, to be put into the chain where it stays until it is dropped. Not on the heap: giving that memory back would
    /// be work of the allocator again.
    fn new(hub: &Arc<Hub>, depth: u32) -> Self {
        Loan { hub: hub.clone(), shard: hub.claim(), depth, before: LOANS.get() }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        LOANS.set(self.before);
        let _apart = Apart::begin();
        self.hub.release(self.shard.clone());
    }
}
