//! [`FamilyPart`]: what a snapshot holds of a family.

use super::owners::{Changed, OWNERS, Owners};
use crate::metric::Stats;
use crate::record::{Key, Keyed, Shared};
use crate::row::{IndexView, Pages, Row, RowsView, Span, start_of};
use std::any::Any;
use std::sync::Arc;
#[cfg(feature = "serde")]
use std::time::Duration;

/// See the module.
pub(crate) struct FamilyPart<K: Key, S: Stats> {
    pub(crate) shared: Arc<Shared<K, S>>,
    pub(crate) rows: RowsView,
    /// The counts of histograms; see [`buckets_of`].
    pub(crate) buckets: Option<Arc<RowsView>>,
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
        let tree = self.buckets.as_deref().map(|buckets| &**buckets);
        Row::new(words, tree, start_of(S::BUCKETS, buckets), span)
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

    /// The row of a key. The key's `Hash` and `Eq` run on the reader's thread, and nothing live is touched.
    pub(crate) fn find(&self, key: &K) -> Option<usize> {
        let hash = self.shared.hash(key);
        self.index.find(hash, |row| self.owner(row).is_some_and(|owner| owner.meta.key == *key))
    }
}

#[cfg(feature = "serde")]
pub(crate) type EachEntry<'a> = dyn FnMut(&dyn std::fmt::Display, Duration, Row<'_>) + 'a;

/// A family without its types, for those that walk the schema.
pub(crate) trait AnyFamily: Any + Send + Sync {
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    #[cfg(feature = "serde")]
    fn totals(&self, span: Span) -> [Row<'_>; 2];
    /// Calls `f` with the key, the time of creation and the row of each entry.
    #[cfg(feature = "serde")]
    fn each(&self, span: Span, f: &mut EachEntry<'_>);
}

impl<K: Key, S: Stats> AnyFamily for FamilyPart<K, S> {
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
    #[cfg(feature = "serde")]
    fn totals(&self, span: Span) -> [Row<'_>; 2] {
        [self.total(span), self.retired(span)]
    }
    #[cfg(feature = "serde")]
    fn each(&self, span: Span, f: &mut EachEntry<'_>) {
        let mut words = Vec::new();
        for (row, entry) in self.entries() {
            self.rows.read(row, &mut words);
            f(&entry.meta.key, entry.meta.since(), self.row(&words, buckets_of(row), span));
        }
    }
}
