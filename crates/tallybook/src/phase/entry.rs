//! [`KeyedEntry`]: one key's shared part: who holds it, and the cells for what has no cache line.

use super::cells::Cells;
use super::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::ops::Deref;
use std::ptr;
use std::sync::Arc;

/// An entry of a family. Always in an `Arc`.
///
/// # Who keeps it alive
/// The family's map does, until the closer retires the entry; and a pointer to it lies in a cache (a line, a victim,
/// the list of spilled entries) only between a fact on it and the drain of that fact's epoch. The entry retires when nobody
/// holds it and a snapshot has shown the epoch of the last release, so no such pointer is left then.
pub(crate) struct KeyedEntry<X, S> {
    /// What the family keeps with it: the key, and when it was created.
    pub(crate) meta: X,
    /// Where the entry's row is; set by the collector when it first meets the entry.
    row: AtomicU32,
    /// The collector's own: the interval (the low half of its first epoch) in which it met the entry last.
    met: AtomicU32,
    /// The epoch (its low half) of the last release, and the number of holders; see `Holders`.
    holders: AtomicU64,
    spills: [Spill<X, S>; 2],
}

/// Cells of one side for all threads: where what has left its cache line goes.
struct Spill<X, S> {
    /// [`LOCKED`] and [`LISTED`].
    flags: AtomicU32,
    /// The next entry of the list that this one is in.
    next: AtomicPtr<KeyedEntry<X, S>>,
    cells: S,
}

/// Somebody is writing to the cells.
const LOCKED: u32 = 1;
/// The entry is in some cache's list of spilled entries.
const LISTED: u32 = 2;

// SAFETY: `cells` of a spill have one user at a time: whoever set `LOCKED`, or the closer once the side is quiet.
// Everything else is `Sync` where `X` is.
unsafe impl<X: Sync, S: Send> Sync for KeyedEntry<X, S> {}

/// `holders` taken apart.
#[derive(Clone, Copy)]
struct Holders {
    /// The low half of the epoch of the last release.
    released: u32,
    count: u32,
}

/// The count of a retired entry: it cannot be held again.
const RETIRED: u32 = u32::MAX;
/// The count of an entry that has had more holders than can be counted, nearly all of them forgotten: it is held for ever.
const FOR_EVER: u32 = u32::MAX - 1;

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
            met: AtomicU32::new(0),
            holders: AtomicU64::new(Holders { released: 0, count: 1 }.pack()),
            spills: [spill(), spill()],
        })
    }

    /// The row that the collector gave to this entry.
    pub(crate) fn row(&self) -> Option<u32> {
        // Relaxed: whoever finds a row in a snapshot compares the snapshot's owner of it.
        Some(self.row.load(Ordering::Relaxed)).filter(|row| *row != u32::MAX)
    }

    pub(crate) fn set_row(&self, row: u32) {
        self.row.store(row, Ordering::Relaxed);
    }

    /// Whether the collector meets the entry for the first time in the interval that begins with this epoch.
    pub(crate) fn meet(&self, epoch: u64) -> bool {
        // Relaxed: only the collector reads and writes it. Two epochs whose low halves are equal are so far apart that the
        // entry would have to rest for four billion ticks; `row` tells the very first meeting.
        let first = self.met.load(Ordering::Relaxed) != epoch as u32;
        self.met.store(epoch as u32, Ordering::Relaxed);
        first
    }

    /// Becomes one more holder, unless the entry has retired. The count stops at [`FOR_EVER`].
    pub(crate) fn hold(&self) -> bool {
        // Acquire: pairs with the release of the last holder, so that what it did stays before what this one will do.
        self.change_holders(Ordering::Acquire, |holders| {
            let more = || Holders { count: (holders.count + 1).min(FOR_EVER), ..holders };
            (holders.count != RETIRED).then(more)
        })
    }

    /// Stops being a holder, inside a fact of `epoch` that has touched the entry's line.
    pub(super) fn release(&self, epoch: u64) {
        let epoch = epoch as u32;
        // Release: pairs with the Acquire in `hold` and `retire`.
        self.change_holders(Ordering::Release, |holders| {
            debug_assert!(holders.count != 0 && holders.count != RETIRED);
            // Of two releases the one of the later epoch counts, and only neighbouring epochs can meet here.
            let ahead = holders.released == epoch.wrapping_add(1);
            let released = if ahead { holders.released } else { epoch };
            let one = u32::from(holders.count != FOR_EVER);
            Some(Holders { released, count: holders.count - one })
        });
    }

    /// Whether nobody holds the entry. May change at any time.
    pub(crate) fn is_unheld(&self) -> bool {
        Holders::unpack(self.holders.load(Ordering::Relaxed)).count == 0
    }

    /// Retires the entry if nobody holds it and the last release was in an epoch before `first`: a snapshot has shown it
    /// since. `first..=last` are the epochs that no snapshot has shown yet, all of which have been drained. Then nothing of
    /// the entry is left to drain, and it can never be held again.
    pub(crate) fn retire(&self, first: u64, last: u64) -> bool {
        // In epochs before the latest that a release can be of: one may be pending after `last`, and the next is open then.
        // Should an age not fit in 32 bits, it comes out too small, and the entry stays.
        let latest = last.wrapping_add(2);
        let interval = u32::try_from(latest.wrapping_sub(first)).unwrap_or(u32::MAX);
        // Acquire: pairs with the Release in `release`. Release: whoever is refused by `hold` because of this sees what the
        // collector did before.
        self.change_holders(Ordering::AcqRel, |holders| {
            let is_shown = (latest as u32).wrapping_sub(holders.released) > interval;
            (holders.count == 0 && is_shown).then_some(Holders { count: RETIRED, ..holders })
        })
    }

    fn change_holders(&self, order: Ordering, f: impl Fn(Holders) -> Option<Holders>) -> bool {
        self.holders
            // Acquire: pairs with the Release in `retire`, for a `hold` that is refused.
            .fetch_update(order, Ordering::Acquire, |word| {
                f(Holders::unpack(word)).map(Holders::pack)
            })
            .is_ok()
    }

    /// The entry's own cells of `side`, for this thread alone until they are given back, and with the entry in the list at
    /// `head` if it was in none; `None` while another thread has them, which the caller must not wait for.
    ///
    /// `this` is the entry's address as its `Arc` gives it: what comes out of the list may become an `Arc` again.
    ///
    /// # Safety
    /// The entry lives until the epoch of `side` has been drained.
    #[inline(always)]
    pub(super) unsafe fn lend_spill<'a>(
        this: *const Self,
        side: usize,
        head: &AtomicPtr<Self>,
    ) -> Option<LentSpill<'a, X, S>> {
        // SAFETY: the caller says that the entry lives.
        let spill = unsafe { &(&(*this).spills)[side] };
        let flags = spill.flags.load(Ordering::Relaxed);
        if flags & LOCKED != 0 {
            return None;
        }
        // Acquire: pairs with the Release in `LentSpill`; the cells are as the last one to have them left them.
        let taken =
            spill.flags.compare_exchange(flags, LOCKED, Ordering::Acquire, Ordering::Relaxed);
        if taken.is_err() {
            return None;
        }
        if flags & LISTED == 0 {
            // Relaxed: `head` is this thread's own, and the closer reads both once the side is quiet.
            spill.next.store(head.load(Ordering::Relaxed), Ordering::Relaxed);
            head.store(this.cast_mut(), Ordering::Relaxed);
        }
        Some(LentSpill { spill })
    }

    /// Asks the processor for the entry's own cells of `side`, to be there some misses later.
    ///
    /// # Safety
    /// The entry lives.
    #[inline(always)]
    pub(super) unsafe fn prefetch_spill(this: *const Self, side: usize) {
        // SAFETY: the caller says that the entry lives.
        let spill = ptr::from_ref(unsafe { &(&(*this).spills)[side] });
        prefetch(spill);
        // They may lie in two lines.
        prefetch(spill.wrapping_add(1).cast::<u8>().wrapping_sub(1));
    }

    /// Takes the entry out of the list it is in: the closer's, on a quiet side. Returns the next one of the list.
    ///
    /// Each writer's last fact of the epoch was seen to be over, so its merges were seen too; nobody is left to race.
    pub(super) fn take_spill(&self, side: usize) -> (&S, *mut Self) {
        let spill = &self.spills[side];
        spill.flags.store(0, Ordering::Relaxed);
        (&spill.cells, spill.next.load(Ordering::Relaxed))
    }
}

/// Asks the processor for what is at the address, where it can be asked.
#[inline(always)]
fn prefetch<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(any(miri, tallybook_loom))))]
    // SAFETY: a hint, which may be given for any address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(any(miri, tallybook_loom)))))]
    let _ = address;
}

/// An entry's own cells, locked. Dropping it gives them back, on unwinding too.
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
    use super::*;
    use crate::phase::word::Word;

    fn count(entry: &KeyedEntry<(), Word>) -> u32 {
        Holders::unpack(entry.holders.load(Ordering::Relaxed)).count
    }

    #[test]
    fn an_entry_with_more_holders_than_can_be_counted_is_held_for_ever() {
        let entry = KeyedEntry::<(), Word>::new(());
        let nearly = Holders { released: 0, count: FOR_EVER - 2 };
        entry.holders.store(nearly.pack(), Ordering::Relaxed);
        assert!(entry.hold());
        entry.release(1);
        assert_eq!(count(&entry), FOR_EVER - 2);
        for _ in 0..5 {
            assert!(entry.hold());
        }
        assert_eq!(count(&entry), FOR_EVER);
        for _ in 0..5 {
            entry.release(2);
        }
        assert_eq!(count(&entry), FOR_EVER);
        assert!(!entry.is_unheld() && !entry.retire(5, 5));
        assert!(entry.hold());
    }

    #[test]
    fn an_entry_retires_if_its_last_release_was_before_the_interval() {
        // The low halves of the epochs go round.
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
    fn an_interval_of_more_epochs_than_can_be_told_apart_retires_nothing() {
        let entry = KeyedEntry::<(), Word>::new(());
        entry.release(1);
        assert!(!entry.retire(2, u64::from(u32::MAX) + 5));
    }
}
