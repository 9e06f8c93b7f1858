//! [`KeyedBlock`]: one thread's write-combining cache over the entries of one family.
//!
//! A line holds what this thread has recorded on one entry in this epoch. A hit is a pointer
//! compare and plain additions. A miss evicts the line: its contents become a *victim*, which is
//! merged into its entry's own cells some misses later, when these have arrived in this core's
//! cache. Merging uses a try-lock. If another thread holds it, which may have been preempted
//! meanwhile, the victim is set aside until the epoch is drained. So a writer never waits, and
//! cells are never written by a read-modify-write.
//!
//! While a fact runs, its line is lent and cannot be evicted. A nested fact on the same entry
//! writes to the same line. A nested fact that finds no line at all writes to cells of its own,
//! which are merged when it ends.
//!
//! Merging may allocate (the table of a histogram) while two lines are half changed. So facts stand
//! [apart](super::Apart) during it.

use super::apart::Apart;
use super::cells::Mergeable;
use super::closer::Quiet;
use super::entry::{KeyedEntry, LentSpill};
use super::sync::{AtomicPtr, AtomicU32, Mutex, Ordering::Relaxed, lock};
use super::word::Word;
use std::ops::Deref;
use std::ptr;
use std::sync::Arc;

/// The maximum and minimum number of lines of a side, and the bytes that a side may take.
const MAX_LINES: usize = if cfg!(tallybook_small) { 2 } else { 1024 };
const MIN_LINES: usize = if cfg!(tallybook_small) { 2 } else { 16 };
const MAX_BYTES: usize = 64 * 1024;
/// How many lines are probed for one that is not lent, and how many extras for one of the same
/// entry.
const PROBES: usize = 2 * VICTIMS;
/// How many misses pass before a victim is merged.
const VICTIMS: usize = if cfg!(tallybook_small) { 1 } else { 8 };

/// The cache: two sides, as in a [`Block`](super::Block).
pub(crate) struct KeyedBlock<X, S> {
    sides: [Side<X, S>; 2],
}

/// Aligned so that the offset of the second side is a shift.
#[repr(align(128))]
struct Side<X, S> {
    /// Its index: 0 or 1.
    number: usize,
    lines: Box<[Line<X, S>]>,
    /// The indices of the lines in use, in the order in which they were taken; the first `taken`
    /// are valid.
    dirty: Box<[AtomicU32]>,
    taken: Word,
    /// What the last misses evicted; the one at `turn` is merged next.
    victims: [Line<X, S>; VICTIMS],
    turn: Word,
    /// Cells that could not be merged, and those of deeply nested facts that found no line. Nearly
    /// always empty.
    extras: Mutex<Vec<Extra<X, S>>>,
    /// The head of the list of entries whose own cells this thread has written.
    spilled: AtomicPtr<KeyedEntry<X, S>>,
}

/// Aligned so that two lines never share a cache line, and a hit touches as few as possible.
#[repr(align(64))]
struct Line<X, S> {
    /// Null if the line is free; tagged with [`LENT`] while the cells are lent to a running
    /// closure.
    entry: AtomicPtr<KeyedEntry<X, S>>,
    cells: S,
}

// SAFETY: as for `Block`: a side has one user at a time, the owner inside a fact or the closer once
// it is quiet.
unsafe impl<X: Send + Sync, S: Send> Sync for KeyedBlock<X, S> {}

impl<X: Send + Sync + 'static, S: Mergeable> KeyedBlock<X, S> {
    pub(crate) fn new() -> Self {
        KeyedBlock { sides: [Side::new(0), Side::new(1)] }
    }

    /// How many bytes a cache of this type takes.
    pub(crate) fn bytes() -> usize {
        let line = size_of::<Line<X, S>>() + size_of::<AtomicU32>();
        size_of::<Self>() + 2 * lines::<X, S>() * line
    }

    /// Lends cells of the entry to `f`.
    ///
    /// # Safety
    /// The caller owns the shard, is inside a fact of `side`, and the entry is held until that fact
    /// ends.
    #[inline(always)]
    pub(super) unsafe fn record(
        &self,
        side: usize,
        entry: &Arc<KeyedEntry<X, S>>,
        home: u32,
        f: impl FnOnce(&S),
    ) {
        let side = &self.sides[side];
        let line = side.home_line(home);
        let wanted = Arc::as_ptr(entry).cast_mut();
        if line.entry.load(Relaxed) == wanted {
            return line.lend(wanted, f);
        }
        // SAFETY: passed on from the caller.
        unsafe { side.record_elsewhere(entry, home, f) }
    }

    /// Makes sure that the closer visits the entry in this epoch. Evicts a line only if the entry's
    /// own cells are locked.
    ///
    /// # Safety
    /// As for `record`.
    pub(super) unsafe fn touch(&self, side: usize, entry: &Arc<KeyedEntry<X, S>>, home: u32) {
        let side = &self.sides[side];
        let here = side.home_line(home).entry.load(Relaxed);
        let is_dirty = here == Arc::as_ptr(entry).cast_mut();
        // SAFETY: passed on from the caller.
        if !is_dirty && unsafe { side.lend_spill(Arc::as_ptr(entry)) }.is_none() {
            // SAFETY: passed on from the caller.
            unsafe { side.record_elsewhere(entry, home, |_| ()) };
        }
    }

    /// Calls `f` with each entry on which something was recorded in the closed epoch, and its
    /// cells. The same entry may be passed several times. `f` must drain the cells.
    pub(crate) fn drain(&self, quiet: Quiet, mut f: impl FnMut(&EntryRef<X, S>, &S)) {
        let side = &self.sides[quiet.side];
        for index in &side.dirty[..side.taken.take() as usize] {
            let line = &side.lines[index.load(Relaxed) as usize];
            f(&EntryRef(line.entry.load(Relaxed)), &line.cells);
            line.entry.store(ptr::null_mut(), Relaxed);
        }
        for victim in side.victims.iter().filter(|victim| !victim.entry.load(Relaxed).is_null()) {
            f(&EntryRef(victim.entry.load(Relaxed)), &victim.cells);
            victim.entry.store(ptr::null_mut(), Relaxed);
        }
        for extra in lock(&side.extras).drain(..) {
            f(&EntryRef(extra.entry), &extra.cells);
        }
        let mut next = side.spilled.load(Relaxed);
        side.spilled.store(ptr::null_mut(), Relaxed);
        while !next.is_null() {
            let entry = EntryRef(next);
            let (cells, following) = entry.take_spill(quiet.side);
            f(&entry, cells);
            next = following;
        }
    }
}

/// A reference to an entry, from [`KeyedBlock::drain`]: the address that its `Arc` returned.
/// Something was recorded on the entry in the epoch that is being drained, so the entry lives (see
/// [`KeyedEntry`]) as long as the `EntryRef` does, which is one call of a closure.
pub(crate) struct EntryRef<X, S>(*const KeyedEntry<X, S>);

impl<X, S> EntryRef<X, S> {
    /// Another owner of the entry.
    pub(crate) fn share(&self) -> Arc<KeyedEntry<X, S>> {
        // SAFETY: the address is that of a live `Arc` (see above), with the provenance of the whole
        // allocation.
        unsafe {
            Arc::increment_strong_count(self.0);
            Arc::from_raw(self.0)
        }
    }
}

impl<X, S> Deref for EntryRef<X, S> {
    type Target = KeyedEntry<X, S>;
    fn deref(&self) -> &KeyedEntry<X, S> {
        // SAFETY: it lives (see above).
        unsafe { &*self.0 }
    }
}

/// How many lines a side has: a power of two, smaller if the set is large.
fn lines<X, S>() -> usize {
    let fit = (MAX_BYTES / size_of::<Line<X, S>>()).max(1);
    (1 << fit.ilog2()).clamp(MIN_LINES, MAX_LINES)
}

impl<X: Send + Sync + 'static, S: Mergeable> Side<X, S> {
    fn new(number: usize) -> Self {
        let line = |_| Line { entry: AtomicPtr::new(ptr::null_mut()), cells: S::empty() };
        let lines = lines::<X, S>();
        Side {
            number,
            lines: (0..lines).map(line).collect(),
            dirty: (0..lines).map(|_| AtomicU32::new(0)).collect(),
            taken: Word::new(0),
            victims: std::array::from_fn(line),
            turn: Word::new(0),
            extras: Mutex::new(Vec::new()),
            spilled: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Lends cells if the entry's home line holds another entry or is lent already.
    ///
    /// # Safety
    /// As for `KeyedBlock::record`.
    #[inline(never)]
    unsafe fn record_elsewhere(
        &self,
        entry: &Arc<KeyedEntry<X, S>>,
        home: u32,
        f: impl FnOnce(&S),
    ) {
        let wanted = Arc::as_ptr(entry).cast_mut();
        let line = self.home_line(home);
        // SAFETY: passed on from the caller.
        if !line.entry.load(Relaxed).is_null() && unsafe { self.evict(line) } {
            line.entry.store(wanted, Relaxed);
            return line.lend(wanted, f);
        }
        // SAFETY: passed on from the caller.
        match unsafe { self.line_of(entry, home) } {
            // An outer fact has borrowed it, and will return it.
            Some(line) if is_lent(line.entry.load(Relaxed)) => f(&line.cells),
            Some(line) => line.lend(wanted, f),
            None => f(&Temporary { side: self, entry, home, cells: S::empty() }.cells),
        }
    }

    /// The line that entries with this `home` prefer.
    #[inline(always)]
    fn home_line(&self, home: u32) -> &Line<X, S> {
        let index = home as usize & (self.lines.len() - 1);
        // SAFETY: the number of lines is a power of two, so the masked index is below it.
        unsafe { self.lines.get_unchecked(index) }
    }

    /// A line that holds the entry, taken for it if necessary. `None` if all probed lines are lent
    /// to outer facts.
    ///
    /// # Safety
    /// As for `KeyedBlock::record`.
    unsafe fn line_of(&self, entry: &Arc<KeyedEntry<X, S>>, home: u32) -> Option<&Line<X, S>> {
        let wanted = Arc::as_ptr(entry).cast_mut();
        let mask = self.lines.len() - 1;
        (0..PROBES).map(|step| (home as usize + step) & mask).find_map(|index| {
            let line = &self.lines[index];
            let occupant = line.entry.load(Relaxed);
            if occupant == wanted || occupant == lent(wanted) {
                return Some(line);
            }
            if occupant.is_null() {
                let taken = self.taken.get();
                self.dirty[taken as usize].store(index as u32, Relaxed);
                self.taken.set(taken + 1);
                line.entry.store(wanted, Relaxed);
                return Some(line);
            }
            // SAFETY: passed on from the caller.
            let gives_way = unsafe { self.evict(line) };
            gives_way.then(|| line.entry.store(wanted, Relaxed)).map(|()| line)
        })
    }

    /// Makes the contents of the line the latest victim. If the line is lent, does nothing and
    /// returns `false`.
    ///
    /// # Safety
    /// The caller owns the shard and is inside a fact of this side.
    unsafe fn evict(&self, line: &Line<X, S>) -> bool {
        let occupant = line.entry.load(Relaxed);
        if is_lent(occupant) {
            return false;
        }
        let _apart = S::ALLOCATES.then(Apart::begin);
        let turn = self.turn.get();
        self.turn.set(turn + 1);
        let victim = &self.victims[turn as usize % VICTIMS];
        let earlier = victim.entry.load(Relaxed);
        if !earlier.is_null() {
            // SAFETY: an untagged address in a line or a victim is that of an entry on which
            // something was recorded in this epoch, which is not drained yet; see `KeyedEntry`.
            match unsafe { self.lend_spill(earlier) } {
                Some(cells) => victim.cells.merge(&cells),
                None => self.set_aside(earlier, &victim.cells),
            }
        }
        line.cells.merge(&victim.cells);
        victim.entry.store(occupant, Relaxed);
        // SAFETY: as above.
        unsafe { KeyedEntry::prefetch_spill(occupant, self.number) };
        true
    }

    /// Locks the entry's own cells of this side, if no other thread has.
    ///
    /// # Safety
    /// The entry lives until the epoch of this side has been drained.
    #[inline(always)]
    unsafe fn lend_spill(&self, entry: *const KeyedEntry<X, S>) -> Option<LentSpill<'_, X, S>> {
        // SAFETY: passed on from the caller.
        unsafe { KeyedEntry::lend_spill(entry, self.number, &self.spilled) }
    }

    /// Sets the cells of an entry aside until the epoch is drained. Merges them into recent extras
    /// of the same entry, so that there are about as many extras as entries that others have
    /// locked.
    #[cold]
    fn set_aside(&self, entry: *const KeyedEntry<X, S>, cells: &S) {
        let _apart = Apart::begin();
        let mut extras = lock(&self.extras);
        match extras.iter().rev().take(PROBES).find(|extra| ptr::eq(extra.entry, entry)) {
            Some(extra) => cells.merge(&extra.cells),
            None => {
                let extra = Extra { entry, cells: S::empty() };
                cells.merge(&extra.cells);
                extras.push(extra);
            }
        }
    }
}

/// Cells that were set aside.
struct Extra<X, S> {
    entry: *const KeyedEntry<X, S>,
    cells: S,
}

// SAFETY: the entry is `Sync` if `X` is `Sync` and `S` is `Send`; see `KeyedEntry`.
unsafe impl<X: Send + Sync, S: Send> Send for Extra<X, S> {}

/// The address of an entry, tagged: its line is lent.
fn lent<T>(entry: *mut T) -> *mut T {
    entry.map_addr(|address| address | LENT)
}

fn is_lent<T>(entry: *mut T) -> bool {
    entry.addr() & LENT != 0
}

/// The tag: the lowest bit of an address, which is 0 for any entry.
const LENT: usize = 1;

impl<X, S> Line<X, S> {
    /// Lends the cells, which are those of the entry at `occupant`.
    #[inline(always)]
    fn lend(&self, occupant: *mut KeyedEntry<X, S>, f: impl FnOnce(&S)) {
        self.entry.store(lent(occupant), Relaxed);
        let _lent = Lent { line: self, occupant };
        f(&self.cells);
    }
}

/// Ends the loan when it is dropped, on unwinding too.
struct Lent<'a, X, S> {
    line: &'a Line<X, S>,
    occupant: *mut KeyedEntry<X, S>,
}

impl<X, S> Drop for Lent<'_, X, S> {
    #[inline(always)]
    fn drop(&mut self) {
        self.line.entry.store(self.occupant, Relaxed);
    }
}

/// Temporary cells of one fact. Dropping it merges them into a line of the entry.
struct Temporary<'a, X: Send + Sync + 'static, S: Mergeable> {
    side: &'a Side<X, S>,
    entry: &'a Arc<KeyedEntry<X, S>>,
    home: u32,
    cells: S,
}

impl<X: Send + Sync + 'static, S: Mergeable> Drop for Temporary<'_, X, S> {
    fn drop(&mut self) {
        let _apart = Apart::begin();
        // SAFETY: made by `record_elsewhere`, whose caller upholds the contract until the fact
        // ends, which is after this.
        match unsafe { self.side.line_of(self.entry, self.home) } {
            Some(line) => self.cells.merge(&line.cells),
            None => self.side.set_aside(Arc::as_ptr(self.entry), &self.cells),
        }
    }
}

#[cfg(all(test, not(tallybook_loom)))]
mod tests {
    use super::*;

    type Entry = KeyedEntry<usize, Word>;

    /// Other threads were preempted while they had the cells of all entries locked: the writer does
    /// not wait, and each entry gets what was recorded on it.
    #[test]
    fn while_nothing_can_be_merged_each_entry_keeps_its_own_counts() {
        let count = 3 * lines::<usize, Word>();
        let entries: Vec<Arc<Entry>> = (0..count).map(Entry::new).collect();
        let block = KeyedBlock::<usize, Word>::new();
        let others = AtomicPtr::new(ptr::null_mut());
        let taken: Vec<_> = entries
            .iter()
            // SAFETY: the entries live until the end of the test.
            .map(|entry| unsafe { Entry::lend_spill(Arc::as_ptr(entry), 0, &others) })
            .collect();
        assert!(taken.iter().all(Option::is_some));
        for round in 0..3 {
            for (n, entry) in entries.iter().enumerate() {
                // SAFETY: there is one thread and no closer, and the entries live until the end of
                // the test.
                unsafe { block.record(0, entry, n as u32, |c| c.add(n as u64 + round)) };
            }
        }
        drop(taken);
        let mut found = vec![0; count];
        block.drain(Quiet { side: 0 }, |entry, cells| {
            found[entry.meta] += cells.take();
        });
        let wanted = |n: usize| 3 * n as u64 + 3;
        assert_eq!(found, (0..count).map(wanted).collect::<Vec<_>>());
    }
}
