//! [`Delta`]: what one thread recorded on one entry in one epoch, on its way into the totals.

use crate::metric::Metric;
use crate::read::{ExtremaBuffer, FieldExtrema};
use crate::row::{Drain, Row, Span, Sparse};
use std::marker::PhantomData;

/// Reused to keep its allocations.
pub(crate) struct Delta<S> {
    words: Vec<u64>,
    rest: Sparse,
    set: PhantomData<fn() -> S>,
}

impl<S: Metric> Delta<S> {
    pub(crate) fn new() -> Self {
        let (words, rest) = (vec![0; S::WORDS], Sparse::default());
        Delta { words, rest, set: PhantomData }
    }

    /// Moves here what the cells hold. Answers whether there was anything.
    #[inline]
    pub(crate) fn drain(&mut self, cells: &S, span: Span) -> bool {
        self.words.fill(0);
        self.rest.buckets.clear();
        self.rest.extrema.clear();
        cells.drain(&mut Drain::new(&mut self.words, &mut self.rest, span));
        if self.words.iter().all(|word| *word == 0) {
            return false;
        }
        self.rest.buckets.sort_unstable_by_key(|(bucket, _)| *bucket);
        true
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// In order.
    pub(crate) fn buckets(&self) -> &[(usize, u64)] {
        &self.rest.buckets
    }

    /// Adds its extrema to a list, as those of an entry.
    pub(crate) fn tell(&self, place: u32, entry: u64, buffer: &mut ExtremaBuffer) {
        for (field, extrema) in &self.rest.extrema {
            buffer.add(FieldExtrema { of: (place, entry, *field), extrema: *extrema });
        }
    }
}

/// The flows between two rows of words.
pub(crate) fn flows_between<S: Metric>(earlier: &[u64], later: &[u64], span: Span) -> Vec<f64> {
    let [earlier, later] = [earlier, later].map(|words| S::read(&mut Row::of_words(words, span)));
    let mut flows = Vec::new();
    S::flows(&S::difference(&later, &earlier), &mut flows);
    flows
}
