//! [`FamilySnapshot`]: the entries of a family in one snapshot.

use super::family_part::FamilyPart;
use super::part::nothing;
use crate::metric::Stats;
use crate::record::Key;
use crate::row::{Row, Span};
use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::time::Duration;

/// A family in one snapshot: the entries that are live or whose last change is shown here, and the
/// totals.
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

    /// The values of an entry. The key's `Hash` and `Eq` run on the calling thread, outside of all
    /// locks.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<S::Value> {
        let part = self.part.as_ref()?;
        Some(part.value(part.find(key)?, self.span))
    }

    /// When the entry of a key was created, on the registry's clock.
    #[must_use]
    pub fn created_at(&self, key: &K) -> Option<Duration> {
        let part = self.part.as_ref()?;
        Some(part.owner(part.find(key)?)?.meta.since())
    }

    /// The entries, in no particular order.
    #[must_use]
    pub fn iter(&self) -> FamilyEntries<'_, K, S> {
        let (part, left) = (self.part.as_deref(), self.len());
        FamilyEntries { part, span: self.span, row: 0, left, words: Vec::new() }
    }

    /// The entries that changed in the snapshot's interval, new ones included, in no particular
    /// order.
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

    /// Everything ever recorded in the family: that of the entries and [`retired`](Self::retired).
    /// Counters in it never go down. Gauges have no total and are `None`.
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

impl<'a, K: Key, S: Stats> IntoIterator for &'a FamilySnapshot<K, S> {
    type Item = (&'a K, S::Value);
    type IntoIter = FamilyEntries<'a, K, S>;
    fn into_iter(self) -> FamilyEntries<'a, K, S> {
        self.iter()
    }
}

/// Keys are shown by their `Display`.
impl<K: Key, S: Stats> fmt::Debug for FamilySnapshot<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FamilySnapshot")
            .field("total", &self.total())
            .field("retired", &self.retired())
            .field("refused", &self.refused)
            .field("entries", &self.iter())
            .finish()
    }
}

/// The entries of a family, in no particular order; made by [`FamilySnapshot::iter`].
pub struct FamilyEntries<'a, K: Key, S: Stats> {
    part: Option<&'a FamilyPart<K, S>>,
    span: Span,
    /// The next row, and how many entries are left.
    row: usize,
    left: usize,
    words: Vec<u64>,
}

impl<'a, K: Key, S: Stats> Iterator for FamilyEntries<'a, K, S> {
    type Item = (&'a K, S::Value);

    fn next(&mut self) -> Option<Self::Item> {
        let part = self.part?;
        let mut rows = self.row..part.used;
        let (row, entry) = rows.find_map(|row| Some((row, part.owner(row)?)))?;
        (self.row, self.left) = (row + 1, self.left.saturating_sub(1));
        Some((&entry.meta.key, part.values(row, self.span, &mut self.words)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K: Key, S: Stats> ExactSizeIterator for FamilyEntries<'_, K, S> {}
impl<K: Key, S: Stats> FusedIterator for FamilyEntries<'_, K, S> {}

impl<K: Key, S: Stats> Clone for FamilyEntries<'_, K, S> {
    fn clone(&self) -> Self {
        let FamilyEntries { part, span, row, left, .. } = *self;
        FamilyEntries { part, span, row, left, words: Vec::new() }
    }
}

/// The entries that are left. Keys are shown by their `Display`.
impl<K: Key, S: Stats> fmt::Debug for FamilyEntries<'_, K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone().map(|(key, values)| (key.to_string(), values))).finish()
    }
}
