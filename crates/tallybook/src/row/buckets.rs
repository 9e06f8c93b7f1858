//! [`BucketRows`]: the counts of all histograms of a set or family, in the collector.
//!
//! Of a row of hundreds of buckets some are in use, most of them neighbours with small counts. So a
//! row is packed ([`packed`]): a bucket takes a byte or two, and one that is empty next to nothing.
//! The bytes lie in [`chains`], and [`Rows`] lead to them; the versions of both share what has not
//! changed. A change packs anew what was packed together, at most [`PART`] buckets.

mod chains;
mod packed;
mod view;

pub(crate) use view::BucketsView;

use super::rows::Rows;
use chains::{Chains, Handle};
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
