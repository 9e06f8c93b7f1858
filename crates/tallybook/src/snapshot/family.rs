//! [`FamilySnapshot`]: the entries of a family in one snapshot.

use super::nothing;
use crate::family::{Key, Keyed, Shared};
use crate::metric::{Span, Stats};
use crate::pages::Pages;
use crate::row::Row;
use crate::rows::{IndexView, RowsView};
use crate::slots;
use crate::totals::{Changed, OWNERS, Owners};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

/// What a snapshot holds of a family.
pub(crate) struct FamilyPart<K: Key, S: Stats> {
    pub(crate) shared: Arc<Shared<K, S>>,
    pub(crate) rows: RowsView,
    /// The counts of histograms; see [`slots_of`].
    pub(crate) slots: Option<Arc<RowsView>>,
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
pub(crate) const TOTAL_SLOTS: usize = 0;
pub(crate) const RETIRED_SLOTS: usize = 1;
pub(crate) fn slots_of(row: usize) -> usize {
    row + 2
}

impl<K: Key, S: Stats> FamilyPart<K, S> {
    /// A row whose words are given.
    fn row<'a>(&'a self, words: &'a [u64], slots: usize, span: Span) -> Row<'a> {
        let tree = self.slots.as_deref().map(|slots| &**slots);
        Row::new(words, tree, slots::start_of(S::SLOTS, slots), span)
    }

    pub(crate) fn total(&self, span: Span) -> Row<'_> {
        self.row(&self.total, TOTAL_SLOTS, span)
    }

    pub(crate) fn retired(&self, span: Span) -> Row<'_> {
        self.row(&self.retired, RETIRED_SLOTS, span)
    }

    pub(crate) fn owner(&self, row: usize) -> Option<&Arc<Keyed<K, S>>> {
        self.owners.get(row / OWNERS)?.of(row)
    }

    /// The values of a row.
    pub(crate) fn values(&self, row: usize, span: Span, words: &mut Vec<u64>) -> S::Value {
        self.rows.read(row, words);
        S::read(&mut self.row(words, slots_of(row), span))
    }

    /// The same for a single row. Most rows are short enough for this to allocate nothing.
    pub(crate) fn value(&self, row: usize, span: Span) -> S::Value {
        let mut words = [0; 32];
        let Some(words) = words.get_mut(..S::WORDS) else {
            return self.values(row, span, &mut Vec::new());
        };
        self.rows.load(row, words);
        S::read(&mut self.row(words, slots_of(row), span))
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
pub(crate) trait AnyFamily: Send + Sync {
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
            f(&entry.meta.key, entry.meta.since(), self.row(&words, slots_of(row), span));
        }
    }
}

/// A family in one snapshot: the entries that are live or whose last change is shown here, and the totals.
pub struct FamilySnapshot<K: Key, S: Stats> {
    part: Option<Arc<FamilyPart<K, S>>>,
    refused: u64,
    span: Span,
}

impl<K: Key, S: Stats> FamilySnapshot<K, S> {
    pub(crate) fn new(part: Option<Arc<FamilyPart<K, S>>>, refused: u64, span: Span) -> Self {
        FamilySnapshot { part, refused, span }
    }

    /// How many entries it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.part.as_ref().map_or(0, |part| part.live)
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of an entry. The key's `Hash` and `Eq` run on the calling thread, outside of all locks.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<S::Value> {
        let part = self.part.as_ref()?;
        Some(part.value(part.find(key)?, self.span))
    }

    /// When the entry of a key was created, on the registry's clock.
    #[must_use]
    pub fn since(&self, key: &K) -> Option<Duration> {
        let part = self.part.as_ref()?;
        Some(part.owner(part.find(key)?)?.meta.since())
    }

    /// The entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, S::Value)> {
        let entries =
            self.part.iter().flat_map(|part| part.entries().map(move |found| (part, found)));
        let mut words = Vec::new();
        entries.map(move |(part, (row, entry))| {
            (&entry.meta.key, part.values(row, self.span, &mut words))
        })
    }

    /// The entries that changed in the snapshot's interval, new ones included, in no particular order.
    pub fn changed(&self) -> impl Iterator<Item = (&K, S::Value)> {
        let rows = self
            .part
            .iter()
            .flat_map(|part| part.changed.iter().map(move |row| (part, *row as usize)));
        let mut words = Vec::new();
        rows.filter_map(move |(part, row)| {
            Some((&part.owner(row)?.meta.key, part.values(row, self.span, &mut words)))
        })
    }

    /// Everything ever recorded in the family: that of the entries and [`retired`](Self::retired). Counters in it never
    /// go down. Gauges have no total and are `None`.
    #[must_use]
    pub fn total(&self) -> S::Value {
        self.read(FamilyPart::total)
    }

    /// What belongs to entries that are gone.
    #[must_use]
    pub fn retired(&self) -> S::Value {
        self.read(FamilyPart::retired)
    }

    /// How many keys were refused because the family was full.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    fn read(&self, row: impl Fn(&FamilyPart<K, S>, Span) -> Row<'_>) -> S::Value {
        self.part
            .as_ref()
            .map_or_else(|| nothing::<S>(self.span), |part| S::read(&mut row(part, self.span)))
    }
}

impl<K: Key, S: Stats> Clone for FamilySnapshot<K, S> {
    fn clone(&self) -> Self {
        FamilySnapshot { part: self.part.clone(), refused: self.refused, span: self.span }
    }
}
