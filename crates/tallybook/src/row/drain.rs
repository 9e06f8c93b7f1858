//! [`Drain`]: moving cells into a row.

use super::extrema::Extrema;
use super::span::Span;

/// Where cells are drained into: each field takes what is its own from the front.
pub struct Drain<'a> {
    words: &'a mut [u64],
    rest: &'a mut Sparse,
    bucket: usize,
    extrema: u32,
    span: Span,
}

/// What of a drained row is not words.
#[derive(Debug, Default)]
pub struct Sparse {
    /// A bucket and what is to be added there.
    pub(crate) buckets: Vec<(usize, u64)>,
    pub(crate) extrema: Vec<(u32, Extrema)>,
}

impl<'a> Drain<'a> {
    /// Into these words, which are as many as the metrics take, and this rest.
    pub fn new(words: &'a mut [u64], rest: &'a mut Sparse, span: Span) -> Self {
        Drain { words, rest, bucket: 0, extrema: 0, span }
    }

    /// The epoch that is being drained.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// Takes the next `count` words.
    ///
    /// # Panics
    /// If they are not there.
    pub fn take(&mut self, count: usize) -> &'a mut [u64] {
        let (taken, rest) = std::mem::take(&mut self.words).split_at_mut(count);
        self.words = rest;
        taken
    }

    /// Takes the next `count` buckets, and adds to them what `each` tells: the number within them,
    /// and a count.
    pub(crate) fn take_buckets(
        &mut self,
        count: usize,
        each: impl FnOnce(&mut dyn FnMut(usize, u64)),
    ) {
        let first = self.bucket;
        each(&mut |bucket, n| self.rest.buckets.push((first + bucket, n)));
        self.bucket += count;
    }

    /// Takes the next extrema, and folds into it what was seen.
    pub(crate) fn take_extrema(&mut self, seen: Option<Extrema>) {
        if let Some(extrema) = seen {
            self.rest.extrema.push((self.extrema, extrema));
        }
        self.extrema += 1;
    }
}
