//! [`Slots`]: the counts of all histograms of a set or family, in the collector.
//!
//! They lie in [`Rows`] of [`PAGE`] counts, of which only those exist that were ever touched: a histogram of 514 buckets
//! whose values spread over four octaves takes three or four pages of 128 bytes and its share of the branches above. The
//! versions share what has not changed.

use crate::rows::{Rows, RowsView};
use std::sync::Arc;

/// Counts to a page: two octaves at the default scale.
const PAGE: usize = 16;

/// How many slots lie between the beginnings of two rows, of that many each.
fn stride_of(slots: usize) -> usize {
    slots.next_multiple_of(PAGE)
}

/// Where a row of that many slots begins.
pub(crate) fn start_of(slots: usize, row: usize) -> usize {
    row * stride_of(slots)
}

/// See the module. Each row has `slots` of them.
pub(crate) struct Slots {
    rows: Rows,
    slots: usize,
    is_changed: bool,
    published: Arc<RowsView>,
}

impl Slots {
    /// The slots of a set; `None` if it has none.
    pub(crate) fn of_set(slots: usize) -> Option<Self> {
        Self::new(slots, 512)
    }

    /// The slots of a family, as many to a row; `None` if that is none.
    pub(crate) fn of_family(slots: usize) -> Option<Self> {
        Self::new(slots, 8192)
    }

    fn new(slots: usize, chunk_words: usize) -> Option<Self> {
        let mut rows = Rows::with_pages(PAGE, PAGE, chunk_words);
        let published = Arc::new(rows.publish());
        (slots > 0).then_some(Slots { rows, slots, is_changed: false, published })
    }

    /// Adds counts to slots of a row. `counts` is in order.
    pub(crate) fn add(&mut self, row: usize, counts: &[(usize, u64)]) {
        let start = start_of(self.slots, row);
        for counts in counts.chunk_by(|(one, _), (next, _)| one / PAGE == next / PAGE) {
            self.rows.update((start + counts[0].0) / PAGE, |page| {
                for (slot, n) in counts {
                    let into = &mut page[slot % PAGE];
                    *into = into.wrapping_add(*n);
                }
            });
            self.is_changed = true;
        }
    }

    /// Moves what a row holds to another.
    pub(crate) fn carry(&mut self, from: usize, into: usize) {
        let start = start_of(self.slots, from);
        let mut counts = Vec::new();
        self.rows.tree().each_word(start..start + self.slots, |slot, n| {
            counts.push((slot - start, n));
        });
        self.add(into, &counts);
        for counts in counts.chunk_by(|(one, _), (next, _)| one / PAGE == next / PAGE) {
            self.rows.update((start + counts[0].0) / PAGE, |page| page.fill(0));
        }
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
    pub(crate) fn new(slots: usize) -> Self {
        Counts(vec![0; slots])
    }

    pub(crate) fn add(&mut self, counts: &[(usize, u64)]) {
        for (slot, n) in counts {
            self.0[*slot] = self.0[*slot].wrapping_add(*n);
        }
    }

    /// What has been gathered, in order.
    pub(crate) fn take(&mut self) -> Vec<(usize, u64)> {
        let counts = self.0.iter_mut().enumerate().filter(|(_, n)| **n != 0);
        counts.map(|(slot, n)| (slot, std::mem::take(n))).collect()
    }
}
