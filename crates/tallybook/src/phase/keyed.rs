//! [`KeyedBlock`]: one thread's write-combining cache over the entries of one family.
//!
//! A line holds what this thread has recorded on one entry in this epoch. A hit is a pointer compare and plain adds. A
//! miss takes the line: what it held becomes a *victim* and is merged into its entry's own cells some misses later, when
//! these have arrived in this core's cache. Merging needs a lock that is only tried; where another thread has it, who may
//! have lost its core with it, what was to be merged is put aside until the epoch is drained. So a writer never waits, and
//! cells are never written by a read-modify-write.
//!
//! While a fact runs, its line is lent and stays where it is. A fact inside of it on the same entry writes to the same
//! line. One that finds no line at all writes to cells of its own, which are merged when it ends.
//!
//! Merging may allocate (the table of a histogram), with two lines between two states. So facts stand
//! [apart](super::Apart) meanwhile.

use super::apart::Apart;
use super::cells::Mergeable;
use super::closer::Quiet;
use super::entry::{KeyedEntry, LentSpill};
use super::sync::{AtomicPtr, AtomicU32, Mutex, Ordering::Relaxed, lock};
use super::word::Word;
use std::ops::Deref;
use std::ptr;
use std::sync::Arc;

/// The most and the fewest lines of a side, and the bytes that a side may take.
const MOST_LINES: usize = if cfg!(tallybook_small) { 2 } else { 1024 };
const LEAST_LINES: usize = if cfg!(tallybook_small) { 2 } else { 16 };
const MOST_BYTES: usize = 64 * 1024;
/// How many lines are looked at for one that can be had, and how much that was put aside.
const PROBES: usize = 2 * VICTIMS;
/// How many misses a victim waits for.
const VICTIMS: usize = if cfg!(tallybook_small) { 1 } else { 8 };

/// The cache: two sides, as in a [`Block`](super::Block).
pub(crate) struct KeyedBlock<X, S> {
    sides: [Side<X, S>; 2],
}

/// Aligned so that the way to the second is a shift.
#[repr(align(128))]
struct Side<X, S> {
    /// Which of the two it is.
    number: usize,
    lines: Box<[Line<X, S>]>,
    /// The lines that are taken, in the order in which they were: `taken` of them.
    dirty: Box<[AtomicU32]>,
    taken: Word,
    /// What the last misses found in their lines; the next to be merged is the one at `turn`.
    victims: [Line<X, S>; VICTIMS],
    turn: Word,
    /// What could not be merged, and what no line could be had for in facts deep inside each other. Nearly always empty.
    extras: Mutex<Vec<Extra<X, S>>>,
    /// The entries whose own cells this thread has written to.
    spilled: AtomicPtr<KeyedEntry<X, S>>,
}

/// On a cache line of its own, so that two lines never share one and a hit touches as few as possible.
#[repr(align(64))]
struct Line<X, S> {
    /// Null where the line is free; its address plus 1 ([`LENT`]) while the cells are lent to a running closure.
    entry: AtomicPtr<KeyedEntry<X, S>>,
    cells: S,
}

// SAFETY: as for `Block`: a side has one user at a time, the owner inside a fact or the closer once it is quiet.
unsafe impl<X: Send + Sync, S: Send> Sync for KeyedBlock<X, S> {}

impl<X: Send + Sync + 'static, S: Mergeable> KeyedBlock<X, S> {
    pub(crate) fn new() -> Self {
        KeyedBlock { sides: [Side::new(0), Side::new(1)] }
    }

    /// How many bytes one cache of this kind takes.
    pub(crate) fn bytes() -> usize {
        let line = size_of::<Line<X, S>>() + size_of::<AtomicU32>();
        size_of::<Self>() + 2 * lines::<X, S>() * line
    }

    /// Lends cells of the entry to `f`.
    ///
    /// # Safety
    /// The caller owns the shard, is inside a fact of `side`, and the entry is held until that fact ends.
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

    /// Makes sure that the closer visits the entry in this epoch, without taking a line from another.
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

    /// Calls `f` with each entry on which something was recorded in the closed epoch, and its cells; the same entry may
    /// come twice. `f` has to drain the cells.
    pub(crate) fn drain(&self, quiet: Quiet, mut f: impl FnMut(&Met<X, S>, &S)) {
        let side = &self.sides[quiet.side];
        for index in &side.dirty[..side.taken.take() as usize] {
            let line = &side.lines[index.load(Relaxed) as usize];
            f(&Met(line.entry.load(Relaxed)), &line.cells);
            line.entry.store(ptr::null_mut(), Relaxed);
        }
        for victim in side.victims.iter().filter(|victim| !victim.entry.load(Relaxed).is_null()) {
            f(&Met(victim.entry.load(Relaxed)), &victim.cells);
            victim.entry.store(ptr::null_mut(), Relaxed);
        }
        for extra in lock(&side.extras).drain(..) {
            f(&Met(extra.entry), &extra.cells);
        }
        let mut next = side.spilled.load(Relaxed);
        side.spilled.store(ptr::null_mut(), Relaxed);
        while !next.is_null() {
            let met = Met(next);
            let (cells, following) = met.take_spill(quiet.side);
            f(&met, cells);
            next = following;
        }
    }
}

/// An entry that [`KeyedBlock::drain`] shows: its address as its `Arc` gave it. Something was recorded on it in the epoch
/// that is being drained, so it lives (see [`KeyedEntry`]) for as long as a `Met` does, which is one call of a closure.
pub(crate) struct Met<X, S>(*const KeyedEntry<X, S>);

impl<X, S> Met<X, S> {
    /// Another owner of the entry.
    pub(crate) fn share(&self) -> Arc<KeyedEntry<X, S>> {
        // SAFETY: the address is that of an `Arc` which is alive, as is said above, and was never narrowed to less.
        unsafe {
            Arc::increment_strong_count(self.0);
            Arc::from_raw(self.0)
        }
    }
}

impl<X, S> Deref for Met<X, S> {
    type Target = KeyedEntry<X, S>;
    fn deref(&self) -> &KeyedEntry<X, S> {
        // SAFETY: it lives, as is said above.
        unsafe { &*self.0 }
    }
}

/// How many lines a side has: a power of two, fewer where the set is large.
fn lines<X, S>() -> usize {
    let fit = (MOST_BYTES / size_of::<Line<X, S>>()).max(1);
    (1 << fit.ilog2()).clamp(LEAST_LINES, MOST_LINES)
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

    /// Lends cells where the entry's own line holds another entry, or is lent already.
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
            // A fact around this one has it, and gives it back.
            Some(line) if is_lent(line.entry.load(Relaxed)) => f(&line.cells),
            Some(line) => line.lend(wanted, f),
            None => f(&Joined { side: self, entry, home, cells: S::empty() }.cells),
        }
    }

    /// The line that entries of this home prefer.
    #[inline(always)]
    fn home_line(&self, home: u32) -> &Line<X, S> {
        let index = home as usize & (self.lines.len() - 1);
        // SAFETY: `lines` makes their number a power of two, so the mask keeps the index below it.
        unsafe { self.lines.get_unchecked(index) }
    }

    /// A line that holds the entry, taken for it if need be; `None` if none can be had now, as the lines that were looked at
    /// are lent to facts that this one is inside of.
    ///
    /// # Safety
    /// As for `KeyedBlock::record`.
    unsafe fn line_of(&self, entry: &Arc<KeyedEntry<X, S>>, home: u32) -> Option<&Line<X, S>> {
        let wanted = Arc::as_ptr(entry).cast_mut();
        let mask = self.lines.len() - 1;
        (0..PROBES).map(|step| (home as usize + step) & mask).find_map(|index| {
            let line = &self.lines[index];
            let holder = line.entry.load(Relaxed);
            if holder == wanted || holder == lent(wanted) {
                return Some(line);
            }
            if holder.is_null() {
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

    /// Makes what is in the line the latest victim. Answers `false`, and leaves the line as it is, if the line is lent.
    ///
    /// # Safety
    /// The caller owns the shard and is inside a fact of this side.
    unsafe fn evict(&self, line: &Line<X, S>) -> bool {
        let holder = line.entry.load(Relaxed);
        if is_lent(holder) {
            return false;
        }
        let _apart = S::ALLOCATES.then(Apart::begin);
        let turn = self.turn.get();
        self.turn.set(turn + 1);
        let victim = &self.victims[turn as usize % VICTIMS];
        let earlier = victim.entry.load(Relaxed);
        if !earlier.is_null() {
            // SAFETY: an unmarked address in a line or a victim is that of an entry on which something was recorded in this
            // epoch, which is not drained yet; see `KeyedEntry`.
            match unsafe { self.lend_spill(earlier) } {
                Some(cells) => victim.cells.merge(&cells),
                None => self.keep(earlier, &victim.cells),
            }
        }
        line.cells.merge(&victim.cells);
        victim.entry.store(holder, Relaxed);
        // SAFETY: as above.
        unsafe { KeyedEntry::prefetch_spill(holder, self.number) };
        true
    }

    /// The entry's own cells of this side, if no other thread has them.
    ///
    /// # Safety
    /// The entry lives until the epoch of this side has been drained.
    #[inline(always)]
    unsafe fn lend_spill(&self, entry: *const KeyedEntry<X, S>) -> Option<LentSpill<'_, X, S>> {
        // SAFETY: passed on from the caller.
        unsafe { KeyedEntry::lend_spill(entry, self.number, &self.spilled) }
    }

    /// Puts the cells of an entry aside until the epoch is drained: with what was put there of it lately, if there is that,
    /// so that there are about as many as entries that others held up.
    #[cold]
    fn keep(&self, entry: *const KeyedEntry<X, S>, cells: &S) {
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

/// Cells that were put aside.
struct Extra<X, S> {
    entry: *const KeyedEntry<X, S>,
    cells: S,
}

// SAFETY: the entry is `Sync` where `X` is `Sync` and `S` is `Send`; see `KeyedEntry`.
unsafe impl<X: Send + Sync, S: Send> Send for Extra<X, S> {}

/// An address of an entry, marked: its line is lent.
fn lent<T>(entry: *mut T) -> *mut T {
    entry.map_addr(|address| address | LENT)
}

fn is_lent<T>(entry: *mut T) -> bool {
    entry.addr() & LENT != 0
}

/// The lowest bit of an address, which is 0 in that of any entry.
const LENT: usize = 1;

impl<X, S> Line<X, S> {
    /// Lends the cells, which belong to the entry at `holder`.
    #[inline(always)]
    fn lend(&self, holder: *mut KeyedEntry<X, S>, f: impl FnOnce(&S)) {
        self.entry.store(lent(holder), Relaxed);
        let _back = Lent { line: self, holder };
        f(&self.cells);
    }
}

/// Takes the loan back, on unwinding too.
struct Lent<'a, X, S> {
    line: &'a Line<X, S>,
    holder: *mut KeyedEntry<X, S>,
}

impl<X, S> Drop for Lent<'_, X, S> {
    #[inline(always)]
    fn drop(&mut self) {
        self.line.entry.store(self.holder, Relaxed);
    }
}

/// Cells for the time of one fact. Dropping it merges them into a line of the entry.
struct Joined<'a, X: Send + Sync + 'static, S: Mergeable> {
    side: &'a Side<X, S>,
    entry: &'a Arc<KeyedEntry<X, S>>,
    home: u32,
    cells: S,
}

impl<X: Send + Sync + 'static, S: Mergeable> Drop for Joined<'_, X, S> {
    fn drop(&mut self) {
        let _apart = Apart::begin();
        // SAFETY: made by `record_elsewhere`, whose caller keeps the contract until the fact ends, which is after this.
        match unsafe { self.side.line_of(self.entry, self.home) } {
            Some(line) => self.cells.merge(&line.cells),
            None => self.side.keep(Arc::as_ptr(self.entry), &self.cells),
        }
    }
}

#[cfg(all(test, not(tallybook_loom)))]
mod tests {
    use super::*;

    type Entry = KeyedEntry<usize, Word>;

    /// Other threads, preempted while they merged, have the own cells of all entries: nobody waits, and each entry gets what
    /// is its own.
    #[test]
    fn where_nothing_can_be_merged_each_entry_keeps_what_is_its_own() {
        let count = 3 * lines::<usize, Word>();
        let entries: Vec<Arc<Entry>> = (0..count).map(Entry::new).collect();
        let block = KeyedBlock::<usize, Word>::new();
        let others = AtomicPtr::new(ptr::null_mut());
        let taken: Vec<_> = entries
            .iter()
            // SAFETY: the entries live until the end.
            .map(|entry| unsafe { Entry::lend_spill(Arc::as_ptr(entry), 0, &others) })
            .collect();
        assert!(taken.iter().all(Option::is_some));
        for round in 0..3 {
            for (n, entry) in entries.iter().enumerate() {
                // SAFETY: there is one thread, no closer meanwhile, and the entries live until the end.
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
