//! [`ExtremaList`]: what was extreme in a stretch of time; [`ExtremaBuffer`]: on its way there.

use crate::row::Extrema;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What was extreme at all places, in order.
pub(crate) struct ExtremaList {
    all: Box<[FieldExtrema]>,
    alive: Arc<AtomicUsize>,
}

/// What was extreme in one field.
#[derive(Clone, Copy)]
pub(crate) struct FieldExtrema {
    /// The place, the entry there ([`Meta::serial`](crate::record::Meta), or [`TOTAL`]), and the
    /// field's number.
    pub(crate) of: (u32, u64, u32),
    pub(crate) extrema: Extrema,
}

/// In the place of an entry: a set, or a family as a whole.
pub(crate) const TOTAL: u64 = 0;

impl ExtremaList {
    /// Those gathered, their bytes counted in `alive` as long as anybody has them.
    pub(crate) fn new(gathered: Vec<FieldExtrema>, alive: &Arc<AtomicUsize>) -> Self {
        let all = folded(gathered).into_boxed_slice();
        alive.fetch_add(size_of_val(&*all), Relaxed);
        ExtremaList { all, alive: alive.clone() }
    }

    /// Those of one entry, by field.
    pub(crate) fn of(&self, place: u32, entry: u64) -> impl Iterator<Item = (u32, Extrema)> {
        let start = self.all.partition_point(|extrema| extrema.of < (place, entry, 0));
        let own = move |extrema: &&FieldExtrema| (extrema.of.0, extrema.of.1) == (place, entry);
        self.all[start..].iter().take_while(own).map(|extrema| (extrema.of.2, extrema.extrema))
    }

    /// Those of a place, by entry and field.
    pub(crate) fn at(&self, place: u32) -> impl Iterator<Item = (u64, u32, Extrema)> {
        let start = self.all.partition_point(|extrema| extrema.of.0 < place);
        let own = move |extrema: &&FieldExtrema| extrema.of.0 == place;
        self.all[start..]
            .iter()
            .take_while(own)
            .map(|extrema| (extrema.of.1, extrema.of.2, extrema.extrema))
    }

    pub(crate) fn merged(&self, later: &Self) -> Self {
        ExtremaList::new(self.all.iter().chain(&later.all).copied().collect(), &self.alive)
    }
}

impl Drop for ExtremaList {
    fn drop(&mut self) {
        self.alive.fetch_sub(size_of_val(&*self.all), Relaxed);
    }
}

/// In order, each field once.
fn folded(mut all: Vec<FieldExtrema>) -> Vec<FieldExtrema> {
    // Where two lists are joined, this merges them.
    all.sort_by_key(|extrema| extrema.of);
    all.dedup_by(|next, kept| {
        let same = next.of == kept.of;
        if same {
            kept.extrema.fold(next.extrema);
        }
        same
    });
    all
}

/// What was extreme since the last snapshot, in any order: no more than twice as many as there are
/// fields in which anything was, whichever number of epochs are closed meanwhile.
pub(crate) struct ExtremaBuffer {
    all: Vec<FieldExtrema>,
    /// At how many they are folded.
    limit: usize,
}

/// So many are kept without folding.
const LEAST: usize = 256;

impl Default for ExtremaBuffer {
    fn default() -> Self {
        ExtremaBuffer { all: Vec::new(), limit: LEAST }
    }
}

impl ExtremaBuffer {
    pub(crate) fn add(&mut self, extrema: FieldExtrema) {
        if self.all.len() >= self.limit {
            self.all = folded(std::mem::take(&mut self.all));
            self.limit = (2 * self.all.len()).max(LEAST);
            self.all.shrink_to(self.limit);
        }
        self.all.push(extrema);
    }

    /// All of them, in any order, some fields more than once.
    pub(crate) fn take(&mut self) -> Vec<FieldExtrema> {
        // What comes until the next snapshot is probably about as much.
        self.limit = self.all.len().max(LEAST);
        std::mem::take(&mut self.all)
    }

    /// The same, without taking them.
    pub(crate) fn to_vec(&self) -> Vec<FieldExtrema> {
        self.all.clone()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.all.capacity() * size_of::<FieldExtrema>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn gathering_is_bounded_and_exact() {
        let mut gathered = ExtremaBuffer::default();
        let mut expected = BTreeMap::new();
        let mut random = 1_u64;
        for _ in 0..100_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let of = (1, random >> 40 & 511, (random >> 50 & 1) as u32);
            let extrema = Extrema::of(random >> 33, random >> 33);
            gathered.add(FieldExtrema { of, extrema });
            expected.entry(of).or_insert(extrema).fold(extrema);
            assert!(gathered.all.len() <= 2 * 1024 + 1);
            assert!(gathered.bytes() <= 4 * 1024 * size_of::<FieldExtrema>());
        }
        let alive = Arc::default();
        let extrema = ExtremaList::new(gathered.take(), &alive);
        assert_eq!(extrema.all.len(), expected.len());
        for (field, (of, seen)) in extrema.all.iter().zip(expected) {
            assert_eq!(field.of, of);
            assert_eq!(field.extrema, seen);
        }
        assert_eq!(alive.load(Relaxed), 1024 * size_of::<FieldExtrema>());
        drop(extrema);
        assert_eq!((alive.load(Relaxed), gathered.all.len()), (0, 0));
    }
}
