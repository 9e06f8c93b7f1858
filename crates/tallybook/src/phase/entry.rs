//! [`KeyedEntry`]: the part of a family's entry that all threads share: its holders, and the cells
//! for what has been evicted from cache lines.

use super::cells::Cells;
use super::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::ops::Deref;
use std::ptr;
use std::sync::Arc;

/// An entry of a family. Always in an `Arc`.
///
/// # What keeps it alive
/// The family's map keeps it until the closer retires the entry. Caches hold pointers to it (in a
/// line, a victim, the list of spilled entries) only between a fact on it and the drain of that
/// fact's epoch. The entry retires when it has no holder and a snapshot has shown the epoch of the
/// last release, so no such pointer is left then.
pub(crate) struct KeyedEntry<X, S> {
    /// What the family stores with it: the key, the time of creation.
    pub(crate) meta: X,
    /// The entry's row; set by the collector when it first visits the entry.
    row: AtomicU32,
    /// The interval (the low half of its first epoch) in which the collector last visited the
    /// entry.
    visited: AtomicU32,
    /// The number of holders and the epoch of the last release, packed; see `Holders`.
    holders: AtomicU64,
    spills: [Spill<X, S>; 2],
}

/// One side of the entry's own cells, for all threads: what caches evict is merged into them.
struct Spill<X, S> {
    /// [`LOCKED`] and [`LISTED`].
    flags: AtomicU32,
    /// The next entry in the list of spilled entries.
    next: AtomicPtr<KeyedEntry<X, S>>,
    cells: S,
}

/// A thread is writing to the cells.
const LOCKED: u32 = 1;
/// The entry is in the list of spilled entries of some cache.
const LISTED: u32 = 2;

// SAFETY: the `cells` of a spill have one user at a time: the thread that set `LOCKED`, or the
// closer once the side is quiet. Everything else is `Sync` if `X` is.
unsafe impl<X: Sync, S: Send> Sync for KeyedEntry<X, S> {}

/// The unpacked form of `holders`.
#[derive(Clone, Copy)]
struct Holders {
    /// The low half of the epoch of the last release.
    released: u32,
    count: u32,
}

/// The count of a retired entry: it cannot be held again.
const RETIRED: u32 = u32::MAX;
/// The count of an entry that has had more holders at once than can be counted, nearly all of them
/// leaked: it is never released.
const PERMANENT: u32 = u32::MAX - 1;

impl Holders {
    fn unpack(word: u64) -> Self {
        Holders { released: (word >> 32) as u32, count: word as u32 }
    }

    fn pack(self) -> u64 {
        u64::from(self.released) << 32 | u64::from(self.count)
    }
}

impl<X, S: Cells> KeyedEntry<X, S> {
    /// An entry with one holder.
    pub(crate) fn new(meta: X) -> Arc<Self> {
        let spill = || Spill {
            flags: AtomicU32::new(0),
            next: AtomicPtr::new(ptr::null_mut()),
            cells: S::empty(),
        };
        Arc::new(KeyedEntry {
            meta,
            row: AtomicU32::new(u32::MAX),
            visited: AtomicU32::new(0),
            holders: AtomicU64::new(Holders { released: 0, count: 1 }.pack()),
            spills: [spill(), spill()],
        })
    }

    /// The row that the collector assigned to this entry.
    pub(crate) fn row(&self) -> Option<u32> {
        // Relaxed: a reader that looks the row up in a snapshot checks that the entry owns it
        // there.
        Some(self.row.load(Ordering::Relaxed)).filter(|row| *row != u32::MAX)
    }

    pub(crate) fn set_row(&self, row: u32) {
        self.row.store(row, Ordering::Relaxed);
    }

    /// Whether this is the collector's first visit in the interval that begins with this epoch.
    pub(crate) fn is_first_visit(&self, epoch: u64) -> bool {
        // Relaxed: only the collector accesses it. Two epochs with equal low halves are four
        // billion ticks apart, in which the entry would have to be idle; `row` tells the very first
        // visit.
        let first = self.visited.load(Ordering::Relaxed) != epoch as u32;
        self.visited.store(epoch as u32, Ordering::Relaxed);
        first
    }

    /// Adds a holder, unless the entry has retired. The count stops at [`PERMANENT`].
    pub(crate) fn hold(&self) -> bool {
        // Acquire: pairs with the Release in `release`, so that what the previous holder did
        // happens before what this one does.
        self.change_holders(Ordering::Acquire, |holders| {
            let more = || Holders { count: (holders.count + 1).min(PERMANENT), ..holders };
            (holders.count != RETIRED).then(more)
        })
    }

    /// Removes a holder, inside a fact of `epoch` that has touched the entry's line.
    pub(super) fn release(&self, epoch: u64) {
        let epoch = epoch as u32;
        // Release: pairs with the Acquire in `hold` and `retire`.
        self.change_holders(Ordering::Release, |holders| {
            debug_assert!(holders.count != 0 && holders.count != RETIRED);
            // The release of the later epoch counts. Only neighbouring epochs can meet here.
            let ahead = holders.released == epoch.wrapping_add(1);
            let released = if ahead { holders.released } else { epoch };
            let one = u32::from(holders.count != PERMANENT);
            Some(Holders { released, count: holders.count - one })
        });
    }

    /// Whether the entry has no holder. Another thread may change that at any time.
    pub(crate) fn is_unheld(&self) -> bool {
        Holders::unpack(self.holders.load(Ordering::Relaxed)).count == 0
    }

    /// Retires the entry if it has no holder and the last release was in an epoch before `first`,
    /// so that a snapshot has shown it. `first..=last` are the epochs that no snapshot has shown
    /// yet, all of which have been drained. A retired entry has nothing left to drain, and can
    /// never be held again.
    pub(crate) fn retire(&self, first: u64, last: u64) -> bool {
        // `latest` is the latest epoch that a release can be of: the epoch after `last` may be
        // pending, and then the next one is open. An age that does not fit in 32 bits appears too
        // small, and the entry stays.
        let latest = last.wrapping_add(2);
        let interval = u32::try_from(latest.wrapping_sub(first)).unwrap_or(u32::MAX);
        // Acquire: pairs with the Release in `release`. Release: a thread whose `hold` is refused
        // sees what the collector did before.
        self.change_holders(Ordering::AcqRel, |holders| {
            let is_shown = (latest as u32).wrapping_sub(holders.released) > interval;
            (holders.count == 0 && is_shown).then_some(Holders { count: RETIRED, ..holders })
        })
    }

    fn change_holders(&self, order: Ordering, f: impl Fn(Holders) -> Option<Holders>) -> bool {
        self.holders
            // Acquire: for a `hold` that is refused; pairs with the Release in `retire`.
            .fetch_update(order, Ordering::Acquire, |word| {
                f(Holders::unpack(word)).map(Holders::pack)
            })
            .is_ok()
    }

    /// Locks the entry's own cells of `side`. Adds the entry to the list at `head` if it is in
    /// none. `None` if another thread has locked them; the caller must not wait for it.
    ///
    /// `this` is the entry's address as returned by its `Arc`: an element of the list may become an
    /// `Arc` again.
    ///
    /// # Safety
    /// The entry lives until the epoch of `side` has been drained.
    #[inline(always)]
    pub(super) unsafe fn lend_spill<'a>(
        this: *const Self,
        side: usize,
        head: &AtomicPtr<Self>,
    ) -> Option<LentSpill<'a, X, S>> {
        // SAFETY: the caller guarantees that the entry lives.
        let spill = unsafe { &(&(*this).spills)[side] };
        let flags = spill.flags.load(Ordering::Relaxed);
        if flags & LOCKED != 0 {
            return None;
        }
        // Acquire: pairs with the Release in `LentSpill`: this thread sees the cells as the last
        // one that locked them left them.
        let taken =
            spill.flags.compare_exchange(flags, LOCKED, Ordering::Acquire, Ordering::Relaxed);
        if taken.is_err() {
            return None;
        }
        if flags & LISTED == 0 {
            // Relaxed: `head` belongs to this thread, and the closer reads both once the side is
            // quiet.
            spill.next.store(head.load(Ordering::Relaxed), Ordering::Relaxed);
            head.store(this.cast_mut(), Ordering::Relaxed);
        }
        Some(LentSpill { spill })
    }

    /// Prefetches the entry's own cells of `side`, which are needed some misses later.
    ///
    /// # Safety
    /// The entry lives.
    #[inline(always)]
    pub(super) unsafe fn prefetch_spill(this: *const Self, side: usize) {
        // SAFETY: the caller guarantees that the entry lives.
        let spill = ptr::from_ref(unsafe { &(&(*this).spills)[side] });
        prefetch(spill);
        // They may span two cache lines.
        prefetch(spill.wrapping_add(1).cast::<u8>().wrapping_sub(1));
    }

    /// Removes the entry from its list, and returns its cells and the next entry. For the closer,
    /// on a quiet side.
    ///
    /// The closer has seen the end of each writer's last fact of the epoch, and so its merges:
    /// there is no concurrent access.
    pub(super) fn take_spill(&self, side: usize) -> (&S, *mut Self) {
        let spill = &self.spills[side];
        spill.flags.store(0, Ordering::Relaxed);
        (&spill.cells, spill.next.load(Ordering::Relaxed))
    }
}

/// Prefetches the cache line at the address, on targets that can.
#[inline(always)]
fn prefetch<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(any(miri, tallybook_loom))))]
    // SAFETY: a hint, valid for any address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(any(miri, tallybook_loom)))))]
    let _ = address;
}

/// The locked cells of an entry. Dropping it unlocks them, on unwinding too.
pub(super) struct LentSpill<'a, X, S> {
    spill: &'a Spill<X, S>,
}

impl<X, S> Deref for LentSpill<'_, X, S> {
    type Target = S;
    #[inline(always)]
    fn deref(&self) -> &S {
        &self.spill.cells
    }
}

impl<X, S> Drop for LentSpill<'_, X, S> {
    #[inline(always)]
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `lend_spill`.
        self.spill.flags.store(LISTED, Ordering::Release);
    }
}

#[cfg(all(test, not(tallybook_loom)))]
mod tests {
    use super::super::word::Word;
    use super::*;

    fn count(entry: &KeyedEntry<(), Word>) -> u32 {
        Holders::unpack(entry.holders.load(Ordering::Relaxed)).count
    }

    #[test]
    fn an_entry_with_more_holders_than_can_be_counted_is_never_released() {
        let entry = KeyedEntry::<(), Word>::new(());
        let nearly = Holders { released: 0, count: PERMANENT - 2 };
        entry.holders.store(nearly.pack(), Ordering::Relaxed);
        assert!(entry.hold());
        entry.release(1);
        assert_eq!(count(&entry), PERMANENT - 2);
        for _ in 0..5 {
            assert!(entry.hold());
        }
        assert_eq!(count(&entry), PERMANENT);
        for _ in 0..5 {
            entry.release(2);
        }
        assert_eq!(count(&entry), PERMANENT);
        assert!(!entry.is_unheld() && !entry.retire(5, 5));
        assert!(entry.hold());
    }

    #[test]
    fn an_entry_retires_if_its_last_release_was_before_the_interval() {
        // Including epochs whose low halves wrap around.
        for last in [10, u64::from(u32::MAX), u64::from(u32::MAX) + 1, (7 << 32) + 3] {
            for length in 1..5 {
                for age in 0..8 {
                    let entry = KeyedEntry::<(), Word>::new(());
                    let released = (last + 1 - age) as u32;
                    entry.holders.store(Holders { released, count: 0 }.pack(), Ordering::Relaxed);
                    assert_eq!(entry.retire(last + 1 - length, last), age > length);
                    assert_eq!(entry.hold(), age <= length);
                }
            }
        }
    }

    #[test]
    fn an_interval_of_more_epochs_than_fit_in_32_bits_retires_nothing() {
        let entry = KeyedEntry::<(), Word>::new(());
        entry.release(1);
        assert!(!entry.retire(2, u64::from(u32::MAX) + 5));
    }
}
