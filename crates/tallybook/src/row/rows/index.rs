//! [`Index`]: from hash to row, in versions that share what has not changed.
//!
//! An open hash table on [`Rows`] of one word: the upper half of a slot is the upper half of the
//! hash, the lower half the row and one, and a free slot is zero. An entry's home is given by the
//! uppermost bits of its hash; it lies there or in the first slot after it that was free, and
//! leaving closes the gap. So neither growing nor shrinking needs the keys, and a look into a
//! version is a few reads in a row, of memory that nobody writes.

use super::{Rows, RowsView};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// How many slots the smallest table has, as a power of two: no fewer than a page.
const LEAST_BITS: u32 = PAGE_WORDS.ilog2();
/// Words of a page, and of a chunk of them: larger pages than a row's, as each look descends to
/// one.
const PAGE_WORDS: usize = 32;
const CHUNK_WORDS: usize = 2048;

/// The collector's side.
pub(crate) struct Index {
    rows: Rows,
    /// How many slots it has, as a power of two.
    bits: u32,
    len: usize,
    /// Tables of other sizes, as long as somebody may hold a version of them.
    replaced: Vec<Rows>,
    /// The last version, if nothing has changed since.
    published: Option<Arc<IndexView>>,
}

/// A version of it.
pub(crate) struct IndexView {
    rows: RowsView,
    bits: u32,
}

/// What a slot holds.
#[derive(Clone, Copy)]
struct Slot(u64);

impl Slot {
    fn new(hash: u64, row: u32) -> Self {
        Slot(tag_of(hash) << 32 | (u64::from(row) + 1))
    }

    fn is_free(self) -> bool {
        self.0 == 0
    }

    fn row(self) -> usize {
        (self.0 as u32 - 1) as usize
    }

    /// Where it would lie in a table of that size if it were alone.
    fn home(self, bits: u32) -> usize {
        home_of(self.0, bits)
    }
}

fn tag_of(hash: u64) -> u64 {
    hash >> 32
}

fn home_of(hash: u64, bits: u32) -> usize {
    (hash >> (u64::BITS - bits)) as usize
}

impl Index {
    pub(crate) fn new() -> Self {
        Index { rows: rows(), bits: LEAST_BITS, len: 0, replaced: Vec::new(), published: None }
    }

    /// Adds a row, which is in it once only.
    pub(crate) fn insert(&mut self, hash: u64, row: u32) {
        if (self.len + 1) * 4 > 3 << self.bits {
            self.resize(self.bits + 1);
        }
        self.len += 1;
        self.place(Slot::new(hash, row));
    }

    /// Takes out a row that is in it.
    pub(crate) fn remove(&mut self, hash: u64, row: u32) {
        let (own, mask) = (Slot::new(hash, row), (1 << self.bits) - 1);
        let mut gap = own.home(self.bits);
        while self.rows.word(gap) != own.0 {
            debug_assert!(self.rows.word(gap) != 0, "what is taken out is in it");
            gap = (gap + 1) & mask;
        }
        // What follows moves up, unless it would get before its home.
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let slot = Slot(self.rows.word(at));
            if slot.is_free() {
                break;
            }
            if at.wrapping_sub(gap) & mask <= at.wrapping_sub(slot.home(self.bits)) & mask {
                self.set(gap, slot);
                gap = at;
            }
        }
        self.set(gap, Slot(0));
        self.len -= 1;
    }

    /// The current version, which is the last one if nothing has changed.
    pub(crate) fn publish(&mut self) -> Arc<IndexView> {
        self.replaced.retain_mut(Rows::is_shown);
        if self.bits > LEAST_BITS && self.len * 8 < 1 << self.bits {
            self.resize((self.len * 2).max(1).ilog2().max(LEAST_BITS - 1) + 1);
        }
        let (rows, bits) = (&mut self.rows, self.bits);
        let publish = || Arc::new(IndexView { rows: rows.publish(), bits });
        self.published.get_or_insert_with(publish).clone()
    }

    /// How many bytes all versions take.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.bytes() + self.replaced.iter().map(Rows::bytes).sum::<usize>()
    }

    /// How many of these bytes only versions of the past have.
    pub(crate) fn past_bytes(&self) -> usize {
        self.rows.past_bytes() + self.replaced.iter().map(Rows::bytes).sum::<usize>()
    }

    fn set(&mut self, at: usize, slot: Slot) {
        self.published = None;
        self.rows.update(at, |row| row[0] = slot.0);
    }

    fn place(&mut self, slot: Slot) {
        let mut free = slot.home(self.bits);
        while self.rows.word(free) != 0 {
            free = (free + 1) & ((1 << self.bits) - 1);
        }
        self.set(free, slot);
    }

    /// Makes a new table. Its cost is that of all slots, which as many insertions or removals have
    /// paid for.
    fn resize(&mut self, bits: u32) {
        let old = std::mem::replace(&mut self.rows, rows());
        (self.bits, self.published) = (bits, None);
        let mut all = Vec::with_capacity(self.len);
        old.tree().each_word(0..usize::MAX, |_, word| all.push(Slot(word)));
        all.into_iter().for_each(|slot| self.place(slot));
        self.replaced.push(old);
    }
}

impl IndexView {
    /// The first row of a hash that `is` the one looked for. It is also asked about rows whose
    /// hashes are alike.
    pub(crate) fn find(&self, hash: u64, mut is: impl FnMut(usize) -> bool) -> Option<usize> {
        let mut at = home_of(hash, self.bits);
        loop {
            // No page, no slot that was ever taken.
            let page = self.rows.page_from(at)?;
            for word in page {
                let slot = Slot(word.load(Relaxed));
                if slot.is_free() {
                    return None;
                }
                if slot.0 >> 32 == tag_of(hash) && is(slot.row()) {
                    return Some(slot.row());
                }
            }
            at = (at + page.len()) & ((1 << self.bits) - 1);
        }
    }
}

fn rows() -> Rows {
    Rows::with_pages(1, PAGE_WORDS, CHUNK_WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// Few homes, near the end of the table too, and some keys whose hashes are equal.
    fn hash_of(key: u32, spread: u32) -> u64 {
        let key = u64::from(key / 2);
        match spread {
            0 => 0,
            1 => !0 - ((key % 7) << 58),
            2 => key.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            _ => (key << 59) | ((key % 3) << 32),
        }
    }

    type Model = HashMap<u32, u32>;

    fn is_as(view: &IndexView, model: &Model, keys: u32, spread: u32) -> bool {
        let owners: HashMap<u32, u32> = model.iter().map(|(key, row)| (*row, *key)).collect();
        (0..keys).all(|key| {
            let is_own = |row: usize| owners[&(row as u32)] == key;
            view.find(hash_of(key, spread), is_own) == model.get(&key).map(|row| *row as usize)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]
        /// Versions are published, kept and dropped in any order: each finds what was there when it
        /// was made.
        #[test]
        fn versions_find_what_they_had(
            spread in 0..4_u32,
            steps in prop::collection::vec((0..10_u8, 0..120_u32), 1..300),
        ) {
            const KEYS: u32 = 120;
            let (mut index, mut model) = (Index::new(), Model::new());
            let (mut free, mut used) = (Vec::new(), 0);
            let mut held: Vec<(Arc<IndexView>, Model)> = Vec::new();
            for (what, key) in steps {
                match what {
                    0..6 if !model.contains_key(&key) => {
                        let row = free.pop().unwrap_or_else(|| {
                            used += 1;
                            used - 1
                        });
                        index.insert(hash_of(key, spread), row);
                        model.insert(key, row);
                    }
                    0..8 => if let Some(row) = model.remove(&key) {
                        index.remove(hash_of(key, spread), row);
                        free.push(row);
                    },
                    8 => held.push((index.publish(), model.clone())),
                    _ if held.is_empty() => {}
                    _ => drop(held.swap_remove(key as usize % held.len())),
                }
            }
            held.push((index.publish(), model));
            for (view, then) in &held {
                prop_assert!(is_as(view, then, KEYS, spread));
            }
        }
    }

    /// It is as large as what it holds, and no longer as what it held.
    #[test]
    fn it_grows_and_shrinks_and_tells_its_bytes() {
        let mut index = Index::new();
        let hash = |row: u32| hash_of(2 * row, 2);
        (0..10_000).for_each(|row| index.insert(hash(row), row));
        let full = index.publish();
        let bytes = index.bytes();
        assert!((80_000..1_000_000).contains(&bytes), "{bytes}");
        assert_eq!(index.past_bytes(), 0);
        (10..10_000).for_each(|row| index.remove(hash(row), row));
        let small = index.publish();
        assert!(index.past_bytes() >= 80_000, "{}", index.past_bytes());
        assert!(
            (0..10_000).all(|row| full.find(hash(row), |found| found == row as usize).is_some())
        );
        assert_eq!(
            (0..10_000).filter(|row| small.find(hash(*row), |_| true).is_some()).count(),
            10
        );
        drop((full, small));
        index.publish();
        index.publish();
        assert!(index.bytes() < 100_000, "{}", index.bytes());
    }
}
