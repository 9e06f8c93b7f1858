//! [`BucketRows`]: the counts of all histograms of a set or family, in the collector.
//!
//! Of a row of hundreds of buckets some are in use, most of them neighbours with small counts. So a
//! row is packed ([`packed`]): a bucket takes a byte or two, and one that is empty next to nothing.
//! The bytes lie in [`chains`], and [`Rows`] lead to them; the versions of both share what has not
//! changed. A change packs anew what was packed together, at most [`PART`] buckets.

mod chains;
mod handle;
mod nodes;
mod packed;
mod view;

pub(crate) use view::BucketsView;

use super::rows::Rows;
use chains::Chains;
use handle::Handle;
use packed::{Packer, Unpacker};
use std::sync::Arc;
use view::PART;

/// Handles to a page: one is copied for each touched row, and kept as long as a version shows it.
const PAGE: usize = 8;

/// How many buckets lie between the beginnings of two rows, of that many each.
fn stride_of(buckets: usize) -> usize {
    buckets.next_multiple_of(PART)
}

/// Where a row of that many buckets begins.
pub(crate) fn start_of(buckets: usize, row: usize) -> usize {
    row * stride_of(buckets)
}

/// See the module. Each row has `buckets` of them.
pub(crate) struct BucketRows {
    /// Where the bytes of each part of a row are.
    handles: Rows,
    strings: Chains,
    buckets: usize,
    is_changed: bool,
    published: Arc<BucketsView>,
    /// What a string was, and what it becomes: kept for their allocations.
    old: Vec<u8>,
    new: Vec<u8>,
}

impl BucketRows {
    /// The buckets of a set; `None` if it has none.
    pub(crate) fn of_set(buckets: usize) -> Option<Self> {
        Self::new(buckets, 64)
    }

    /// The buckets of a family, as many to a row; `None` if that is none.
    pub(crate) fn of_family(buckets: usize) -> Option<Self> {
        Self::new(buckets, 4096)
    }

    fn new(buckets: usize, chunk_words: usize) -> Option<Self> {
        let mut handles = Rows::with_pages(1, PAGE, chunk_words);
        let mut strings = Chains::new(chunk_words);
        let published = Arc::new(BucketsView::new(handles.publish(), strings.publish()));
        (buckets > 0).then_some(BucketRows {
            handles,
            strings,
            buckets,
            is_changed: false,
            published,
            old: Vec::new(),
            new: Vec::new(),
        })
    }

    /// Adds counts to buckets of a row. `counts` is in order.
    pub(crate) fn add(&mut self, row: usize, counts: &[(usize, u64)]) {
        let start = start_of(self.buckets, row);
        for counts in counts.chunk_by(|(one, _), (next, _)| one / PART == next / PART) {
            let part = (start + counts[0].0) / PART;
            let old = Handle(self.handles.word(part));
            self.strings.read(old, &mut self.old);
            let mut packer = Packer::new(&mut self.new);
            let mut more = counts.iter().map(|(bucket, n)| (bucket % PART, *n)).peekable();
            for (bucket, n) in Unpacker::new(self.old.iter().copied()) {
                while let Some((bucket, n)) = more.next_if(|more| more.0 < bucket) {
                    packer.add(bucket, n);
                }
                packer.add(bucket, n);
            }
            more.for_each(|(bucket, n)| packer.add(bucket, n));
            packer.finish();
            let new = self.strings.replace(old, &self.new);
            self.set(part, new);
        }
    }

    /// Moves what a row holds to another.
    pub(crate) fn carry(&mut self, from: usize, into: usize) {
        let start = start_of(self.buckets, from);
        let mut counts = Vec::new();
        view::each(
            &self.handles.tree(),
            |handle| self.strings.bytes_of(handle),
            start..start + self.buckets,
            |bucket, n| counts.push((bucket - start, n)),
        );
        self.add(into, &counts);
        self.clear(from);
    }

    /// Empties a row.
    pub(crate) fn clear(&mut self, row: usize) {
        let first = start_of(self.buckets, row) / PART;
        for part in first..first + self.buckets.div_ceil(PART) {
            let old = Handle(self.handles.word(part));
            if old != Handle::EMPTY {
                let empty = self.strings.replace(old, &[]);
                self.set(part, empty);
            }
        }
    }

    fn set(&mut self, part: usize, handle: Handle) {
        self.is_changed = true;
        self.handles.update(part, |handles| handles[0] = handle.0);
    }

    /// The current version, which is the last one if nothing has changed.
    pub(crate) fn publish(&mut self) -> Arc<BucketsView> {
        if std::mem::take(&mut self.is_changed) {
            let view = BucketsView::new(self.handles.publish(), self.strings.publish());
            self.published = Arc::new(view);
        }
        self.published.clone()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.handles.bytes() + self.strings.bytes()
    }

    /// How many of these bytes only versions of the past have.
    pub(crate) fn past_bytes(&self) -> usize {
        self.handles.past_bytes() + self.strings.past_bytes()
    }
}

/// Counts that are gathered, to be added all at once.
pub(crate) struct Counts(Vec<u64>);

impl Counts {
    pub(crate) fn new(buckets: usize) -> Self {
        Counts(vec![0; buckets])
    }

    pub(crate) fn add(&mut self, counts: &[(usize, u64)]) {
        for (bucket, n) in counts {
            self.0[*bucket] = self.0[*bucket].wrapping_add(*n);
        }
    }

    /// What has been gathered, in order.
    pub(crate) fn take(&mut self) -> Vec<(usize, u64)> {
        let counts = self.0.iter_mut().enumerate().filter(|(_, n)| **n != 0);
        counts.map(|(bucket, n)| (bucket, std::mem::take(n))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Three parts to a row, the last of which is not full.
    const BUCKETS: usize = 2 * PART + 100;
    const ROWS: usize = 40;

    /// By row and bucket.
    type Model = BTreeMap<(usize, usize), u64>;

    fn is_as(view: &BucketsView, model: &Model) -> bool {
        (0..ROWS).all(|row| {
            let mut found = Vec::new();
            let start = start_of(BUCKETS, row);
            // In two ranges, as two histograms of a set would have it.
            for range in [start..start + 700, start + 700..start + BUCKETS] {
                view.each(range, |bucket, n| found.push((bucket - start, n)));
            }
            let own = model.range((row, 0)..(row + 1, 0));
            found.into_iter().eq(own.map(|((_, bucket), n)| (*bucket, *n)))
        })
    }

    fn add(model: &mut Model, row: usize, counts: &[(usize, u64)]) {
        for (bucket, n) in counts {
            let count = model.entry((row, *bucket)).or_default();
            *count = count.wrapping_add(*n);
        }
        model.retain(|_, n| *n != 0);
    }

    fn taken(model: &mut Model, row: usize) -> Vec<(usize, u64)> {
        let mut after = model.split_off(&(row, 0));
        model.append(&mut after.split_off(&(row + 1, 0)));
        after.into_iter().map(|((_, bucket), n)| (bucket, n)).collect()
    }

    /// Values lie close together, and some buckets are named twice.
    fn counts() -> impl Strategy<Value = Vec<(usize, u64)>> {
        let near = (0..BUCKETS - 60)
            .prop_flat_map(|first| prop::collection::vec((first..first + 60, 1..100_u64), 1..20));
        let any = prop::collection::vec((0..BUCKETS, any::<u64>()), 1..20);
        let sorted = |mut counts: Vec<(usize, u64)>| {
            counts.sort_by_key(|(bucket, _)| *bucket);
            counts
        };
        prop_oneof![4 => near, 1 => any].prop_map(sorted)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]
        /// Versions are published, kept and dropped in any order: each shows what was there when it
        /// was made.
        #[test]
        fn versions_keep_what_they_had(
            steps in prop::collection::vec((0..10_u8, 0..ROWS, counts()), 1..100),
        ) {
            let mut rows = BucketRows::of_family(BUCKETS).unwrap();
            let mut model = Model::new();
            let mut held: Vec<(Arc<BucketsView>, Model)> = Vec::new();
            for (what, row, counts) in steps {
                match what {
                    0..6 => {
                        rows.add(row, &counts);
                        add(&mut model, row, &counts);
                    }
                    6 => {
                        let into = (row + 1) % ROWS;
                        rows.carry(row, into);
                        let carried = taken(&mut model, row);
                        add(&mut model, into, &carried);
                    }
                    7 => {
                        rows.clear(row);
                        taken(&mut model, row);
                    }
                    8 => held.push((rows.publish(), model.clone())),
                    _ if held.is_empty() => {}
                    _ => drop(held.swap_remove(row % held.len())),
                }
            }
            held.push((rows.publish(), model));
            for (view, then) in &held {
                prop_assert!(is_as(view, then));
            }
        }
    }

    /// What was measured of latencies, which are log-normal: about fifty neighbours have most of
    /// the counts.
    #[test]
    fn a_thousand_values_take_a_hundred_bytes() {
        const KEYS: usize = 10_000;
        let mut rows = BucketRows::of_family(514).unwrap();
        let counts: Vec<_> = (0..50).map(|at: usize| (140 + at, 40 - at as u64 / 2)).collect();
        (0..KEYS).for_each(|row| rows.add(row, &counts));
        let each = rows.bytes() / KEYS;
        assert!((90..150).contains(&each), "{each}");
        // One value lies in the handle.
        let mut rows = BucketRows::of_family(514).unwrap();
        (0..KEYS).for_each(|row| rows.add(row, &[(160, 1)]));
        assert_eq!(rows.strings.bytes(), 0);
    }
}
