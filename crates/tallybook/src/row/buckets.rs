//! [`BucketRows`]: the counts of all histograms of a set or family, in the collector.
//!
//! They lie in [`Rows`] of [`PAGE`] counts, of which only those exist that were ever touched: a
//! histogram of 514 buckets whose values spread over four octaves takes three or four pages of 128
//! bytes and its share of the branches above. The versions share what has not changed.

use crate::row::{Rows, RowsView};
use std::sync::Arc;

/// Counts to a page: two octaves at the default scale.
const PAGE: usize = 16;

/// How many buckets lie between the beginnings of two rows, of that many each.
fn stride_of(buckets: usize) -> usize {
    buckets.next_multiple_of(PAGE)
}

/// Where a row of that many buckets begins.
pub(crate) fn start_of(buckets: usize, row: usize) -> usize {
    row * stride_of(buckets)
}

/// See the module. Each row has `buckets` of them.
pub(crate) struct BucketRows {
    rows: Rows,
    buckets: usize,
    is_changed: bool,
    published: Arc<RowsView>,
}

impl BucketRows {
    /// The buckets of a set; `None` if it has none.
    pub(crate) fn of_set(buckets: usize) -> Option<Self> {
        Self::new(buckets, 512)
    }

    /// The buckets of a family, as many to a row; `None` if that is none.
    pub(crate) fn of_family(buckets: usize) -> Option<Self> {
        Self::new(buckets, 8192)
    }

    fn new(buckets: usize, chunk_words: usize) -> Option<Self> {
        let mut rows = Rows::with_pages(PAGE, PAGE, chunk_words);
        let published = Arc::new(rows.publish());
        (buckets > 0).then_some(BucketRows { rows, buckets, is_changed: false, published })
    }

    /// Adds counts to buckets of a row. `counts` is in order.
    pub(crate) fn add(&mut self, row: usize, counts: &[(usize, u64)]) {
        let start = start_of(self.buckets, row);
        for counts in counts.chunk_by(|(one, _), (next, _)| one / PAGE == next / PAGE) {
            self.rows.update((start + counts[0].0) / PAGE, |page| {
                for (bucket, n) in counts {
                    let into = &mut page[bucket % PAGE];
                    *into = into.wrapping_add(*n);
                }
            });
            self.is_changed = true;
        }
    }

    /// Moves what a row holds to another.
    pub(crate) fn carry(&mut self, from: usize, into: usize) {
        let start = start_of(self.buckets, from);
        let mut counts = Vec::new();
        self.rows.tree().each_word(start..start + self.buckets, |bucket, n| {
            counts.push((bucket - start, n));
        });
        self.add(into, &counts);
        self.clear(from);
    }

    /// Empties a row.
    pub(crate) fn clear(&mut self, row: usize) {
        let start = start_of(self.buckets, row);
        let mut pages = Vec::new();
        self.rows.tree().each_word(start..start + self.buckets, |bucket, _| {
            pages.push(bucket / PAGE);
        });
        pages.dedup();
        self.is_changed |= !pages.is_empty();
        pages.into_iter().for_each(|page| self.rows.update(page, |page| page.fill(0)));
    }

    /// The current version, which is the last one if nothing has changed.
    pub(crate) fn publish(&mut self) -> Arc<RowsView> {
        if std::mem::take(&mut self.is_changed) {
            self.published = Arc::new(self.rows.publish());
        }
        self.published.clone()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.rows.bytes()
    }

    /// How many of these bytes only versions of the past have.
    pub(crate) fn past_bytes(&self) -> usize {
        self.rows.past_bytes()
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
