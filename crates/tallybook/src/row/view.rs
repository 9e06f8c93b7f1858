//! [`Row`]: reading a row.

use super::buckets::BucketsView;
use super::span::Span;

/// A row being read: each field takes what is its own from the front.
#[derive(Clone)]
pub struct Row<'a> {
    words: &'a [u64],
    buckets: Option<&'a BucketsView>,
    /// The next bucket.
    bucket: usize,
    span: Span,
}

impl<'a> Row<'a> {
    /// A row without histograms.
    #[must_use]
    pub fn of_words(words: &'a [u64], span: Span) -> Self {
        Row::new(words, None, 0, span)
    }

    /// A row of these words whose buckets begin at `bucket`.
    pub(crate) fn new(
        words: &'a [u64],
        buckets: Option<&'a BucketsView>,
        bucket: usize,
        span: Span,
    ) -> Self {
        Row { words, buckets, bucket, span }
    }

    /// The epochs that the row is of.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// Takes the next `N` words.
    ///
    /// # Panics
    /// If they are not there.
    pub fn take<const N: usize>(&mut self) -> [u64; N] {
        let (taken, rest) = self.words.split_first_chunk().expect("the row fits its metrics");
        self.words = rest;
        *taken
    }

    /// Whether all words have been taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Takes the next `count` buckets, and calls `each` with the number within them and the count
    /// of those that are not zero, in order.
    pub(crate) fn each_bucket(&mut self, count: usize, each: &mut dyn FnMut(usize, u64)) {
        let first = self.bucket;
        self.bucket += count;
        if let Some(buckets) = self.buckets {
            buckets.each(first..self.bucket, |bucket, n| each(bucket - first, n));
        }
    }

    /// Takes the next `count` buckets: the number within them, and the count, of those that are not
    /// zero, in order.
    pub(crate) fn take_buckets(&mut self, count: usize) -> Vec<(usize, u64)> {
        let mut taken = Vec::new();
        if let Some(buckets) = self.buckets {
            let first = self.bucket;
            buckets.each(first..first + count, |bucket, n| taken.push((bucket - first, n)));
        }
        self.bucket += count;
        taken
    }
}
