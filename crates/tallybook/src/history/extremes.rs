//! [`Extremes`]: what was extreme in a stretch of time; [`Gathered`]: on its way there.

use crate::row::Peak;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What was extreme at all places, in order.
pub(crate) struct Extremes {
    all: Box<[Extreme]>,
    alive: Arc<AtomicUsize>,
}

/// What was extreme in one field.
#[derive(Clone, Copy)]
pub(crate) struct Extreme {
    /// The place, the entry there ([`Meta::serial`](crate::family::Meta), or [`TOTAL`]), and the field's number.
    pub(crate) of: (u32, u64, u32),
    pub(crate) peak: Peak,
}

/// In the place of an entry: a set, or a family as a whole.
pub(crate) const TOTAL: u64 = 0;

impl Extremes {
    /// Those gathered, their bytes counted in `alive` as long as anybody has them.
    pub(super) fn new(gathered: Vec<Extreme>, alive: &Arc<AtomicUsize>) -> Self {
        let all = folded(gathered).into_boxed_slice();
        alive.fetch_add(size_of_val(&*all), Relaxed);
        Extremes { all, alive: alive.clone() }
    }

    /// Those of one entry, by field.
    pub(crate) fn of(&self, place: u32, entry: u64) -> impl Iterator<Item = (u32, Peak)> {
        let start = self.all.partition_point(|extreme| extreme.of < (place, entry, 0));
        let own = move |extreme: &&Extreme| (extreme.of.0, extreme.of.1) == (place, entry);
        self.all[start..].iter().take_while(own).map(|extreme| (extreme.of.2, extreme.peak))
    }

    /// Those of a place, by entry and field.
    pub(crate) fn at(&self, place: u32) -> impl Iterator<Item = (u64, u32, Peak)> {
        let start = self.all.partition_point(|extreme| extreme.of.0 < place);
        let own = move |extreme: &&Extreme| extreme.of.0 == place;
        self.all[start..]
            .iter()
            .take_while(own)
            .map(|extreme| (extreme.of.1, extreme.of.2, extreme.peak))
    }

    pub(super) fn merged(&self, later: &Self) -> Self {
        Extremes::new(self.all.iter().chain(&later.all).copied().collect(), &self.alive)
    }
}

impl Drop for Extremes {
    fn drop(&mut self) {
        self.alive.fetch_sub(size_of_val(&*self.all), Relaxed);
    }
}

/// In order, each field once.
fn folded(mut all: Vec<Extreme>) -> Vec<Extreme> {
    // Where two lists are joined, this merges them.
    all.sort_by_key(|extreme| extreme.of);
    all.dedup_by(|next, kept| {
        let same = next.of == kept.of;
        if same {
            kept.peak.fold(next.peak);
        }
        same
    });
    all
}

/// What was extreme since the last snapshot, in any order: no more than twice as many as there are fields in which anything
/// was, whichever number of epochs are closed meanwhile.
pub(crate) struct Gathered {
    all: Vec<Extreme>,
    /// At how many they are folded.
    limit: usize,
}

/// So many are kept without folding.
const LEAST: usize = 256;

impl Default for Gathered {
    fn default() -> Self {
        Gathered { all: Vec::new(), limit: LEAST }
    }
}

impl Gathered {
    pub(crate) fn add(&mut self, extreme: Extreme) {
        if self.all.len() >= self.limit {
            self.all = folded(std::mem::take(&mut self.all));
            self.limit = (2 * self.all.len()).max(LEAST);
            self.all.shrink_to(self.limit);
        }
        self.all.push(extreme);
    }

    /// All of them, in any order, some fields more than once.
    pub(crate) fn take(&mut self) -> Vec<Extreme> {
        // What comes until the next snapshot is probably about as much.
        self.limit = self.all.len().max(LEAST);
        std::mem::take(&mut self.all)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.all.capacity() * size_of::<Extreme>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn gathering_is_bounded_and_exact() {
        let mut gathered = Gathered::default();
        let mut expected = BTreeMap::new();
        let mut random = 1_u64;
        for _ in 0..100_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let of = (1, random >> 40 & 511, (random >> 50 & 1) as u32);
            let peak = Peak::of(random >> 33, random >> 33);
            gathered.add(Extreme { of, peak });
            expected.entry(of).or_insert(peak).fold(peak);
            assert!(gathered.all.len() <= 2 * 1024 + 1);
            assert!(gathered.bytes() <= 4 * 1024 * size_of::<Extreme>());
        }
        let alive = Arc::default();
        let extremes = Extremes::new(gathered.take(), &alive);
        assert_eq!(extremes.all.len(), expected.len());
        for (extreme, (of, peak)) in extremes.all.iter().zip(expected) {
            assert_eq!(extreme.of, of);
            assert_eq!(extreme.peak, peak);
        }
        assert_eq!(alive.load(Relaxed), 1024 * size_of::<Extreme>());
        drop(extremes);
        assert_eq!((alive.load(Relaxed), gathered.all.len()), (0, 0));
    }
}
