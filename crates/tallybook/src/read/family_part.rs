//! [`FamilyPart`]: what a snapshot holds of a family.

use super::owners::{Changed, OWNERS, Owners};
use crate::metric::Stats;
use crate::record::{Hasher, Key, Keyed};
use crate::row::{BucketsView, IndexView, Pages, Row, RowsView, Span, start_of};
use std::any::Any;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

/// See the module.
pub(crate) struct FamilyPart<K: Key, S: Stats> {
    /// Not what handles share: who has that holds the family.
    pub(crate) hasher: Hasher,
    /// Its place, and its registry's number.
    pub(crate) place: Option<(usize, u64)>,
    pub(crate) rows: RowsView,
    /// The counts of histograms; see [`buckets_of`].
    pub(crate) buckets: Option<Arc<BucketsView>>,
    pub(crate) averages: Option<RowsView>,
    pub(crate) owners: Pages<Owners<K, S>>,
    /// From the hashes of keys to rows.
    pub(crate) index: Arc<IndexView>,
    /// How many rows there are, those of no entry included.
    pub(crate) used: usize,
    pub(crate) live: usize,
    pub(crate) total: Box<[u64]>,
    pub(crate) total_averages: Box<[u64]>,
    pub(crate) retired: Box<[u64]>,
    /// The rows that changed in the interval.
    pub(crate) changed: Changed,
}

/// Which row of counts is the total's, that of what has retired, and that of an entry's row.
pub(crate) const TOTAL_BUCKETS: usize = 0;
pub(crate) const RETIRED_BUCKETS: usize = 1;
pub(crate) fn buckets_of(row: usize) -> usize {
    row + 2
}

impl<K: Key, S: Stats> FamilyPart<K, S> {
    /// A row whose words are given.
    fn row<'a>(&'a self, words: &'a [u64], buckets: usize, span: Span) -> Row<'a> {
        Row::new(words, self.buckets.as_deref(), start_of(S::BUCKETS, buckets), span)
    }

    pub(crate) fn total(&self, span: Span) -> Row<'_> {
        self.row(&self.total, TOTAL_BUCKETS, span)
    }

    pub(crate) fn retired(&self, span: Span) -> Row<'_> {
        self.row(&self.retired, RETIRED_BUCKETS, span)
    }

    pub(crate) fn owner(&self, row: usize) -> Option<&Arc<Keyed<K, S>>> {
        self.owners.get(row / OWNERS)?.of(row)
    }

    /// The values of a row.
    pub(crate) fn values(&self, row: usize, span: Span, words: &mut Vec<u64>) -> S::Value {
        self.rows.read(row, words);
        S::read(&mut self.row(words, buckets_of(row), span))
    }

    /// The same for a single row. Most rows are short enough for this to allocate nothing.
    pub(crate) fn value(&self, row: usize, span: Span) -> S::Value {
        let mut words = [0; 32];
        let Some(words) = words.get_mut(..S::WORDS) else {
            return self.values(row, span, &mut Vec::new());
        };
        self.rows.load(row, words);
        S::read(&mut self.row(words, buckets_of(row), span))
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (usize, &Arc<Keyed<K, S>>)> {
        (0..self.used).filter_map(|row| Some((row, self.owner(row)?)))
    }

    /// The row of a key. The key's `Hash` and `Eq` run on the reader's thread, and nothing live is
    /// touched.
    pub(crate) fn find(&self, key: &K) -> Option<usize> {
        let hash = self.hasher.hash_one(key);
        self.index.find(hash, |row| self.owner(row).is_some_and(|owner| owner.meta.key == *key))
    }
}

/// An entry of a family without its types.
pub(crate) struct AnyEntry<'a> {
    /// What its `Display` shows is the label's value.
    pub(crate) key: &'a dyn fmt::Display,
    /// Which one of the family it is. Never used twice.
    pub(crate) serial: u64,
    /// When it was created, on the registry's clock.
    pub(crate) since: Duration,
}

/// A family without its types.
pub(crate) trait AnyFamily: Any + Send + Sync {
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    /// The rows of the total and of what has retired.
    fn totals(&self, span: Span) -> [Row<'_>; 2];
    fn total_averages(&self) -> &[u64];
    /// How many entries there are, and how many rows, of which some may be nobody's.
    fn len(&self) -> usize;
    fn rows(&self) -> usize;
    /// The rows that changed in the interval.
    fn changed(&self) -> &[u32];
    /// The entry of a row, if it is one's.
    fn entry(&self, row: usize) -> Option<AnyEntry<'_>>;
    /// The row of an entry, whose words are read into `words`.
    fn row_of<'a>(&'a self, row: usize, words: &'a mut Vec<u64>, span: Span) -> Row<'a>;
    /// Reads the averages of an entry. Answers whether the family keeps them.
    fn averages_of(&self, row: usize, words: &mut Vec<u64>) -> bool;
}

impl<K: Key, S: Stats> AnyFamily for FamilyPart<K, S> {
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
    fn totals(&self, span: Span) -> [Row<'_>; 2] {
        [self.total(span), self.retired(span)]
    }
    fn total_averages(&self) -> &[u64] {
        &self.total_averages
    }
    fn len(&self) -> usize {
        self.live
    }
    fn rows(&self) -> usize {
        self.used
    }
    fn changed(&self) -> &[u32] {
        &self.changed
    }
    fn entry(&self, row: usize) -> Option<AnyEntry<'_>> {
        let meta = &self.owner(row)?.meta;
        Some(AnyEntry { key: &meta.key, serial: meta.serial, since: meta.since() })
    }
    fn row_of<'a>(&'a self, row: usize, words: &'a mut Vec<u64>, span: Span) -> Row<'a> {
        self.rows.read(row, words);
        self.row(words, buckets_of(row), span)
    }
    fn averages_of(&self, row: usize, words: &mut Vec<u64>) -> bool {
        let averages = self.averages.as_ref();
        averages.is_some_and(|averages| {
            averages.read(row, words);
            true
        })
    }
}
