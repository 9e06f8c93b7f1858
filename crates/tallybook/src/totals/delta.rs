//! [`Delta`]: what one thread recorded on one entry in one epoch, on its way into the totals.

use crate::history::{Extreme, Gathered};
use crate::metric::{Metric, Span};
use crate::row::{Drain, Rest, Row};
use std::marker::PhantomData;

/// Kept from one to the next, so that its memory is.
pub(crate) struct Delta<S> {
    words: Vec<u64>,
    rest: Rest,
    set: PhantomData<fn() -> S>,
}

impl<S: Metric> Delta<S> {
    pub(crate) fn new() -> Self {
        let (words, rest) = (vec![0; S::WORDS], Rest::default());
        Delta { words, rest, set: PhantomData }
    }

    /// Moves here what the cells hold. Answers whether there was anything.
    #[inline]
    pub(crate) fn drain(&mut self, cells: &S, span: Span) -> bool {
        self.words.fill(0);
        self.rest.slots.clear();
        self.rest.peaks.clear();
        cells.drain(&mut Drain::new(&mut self.words, &mut self.rest, span));
        if self.words.iter().all(|word| *word == 0) {
            return false;
        }
        self.rest.slots.sort_unstable_by_key(|(slot, _)| *slot);
        true
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// In order.
    pub(crate) fn slots(&self) -> &[(usize, u64)] {
        &self.rest.slots
    }

    /// What in it has rates.
    pub(crate) fn flows(&self, span: Span) -> Vec<f64> {
        let mut flows = Vec::new();
        S::flows(&S::read(&mut Row::of_words(&self.words, span)), &mut flows);
        flows
    }

    /// Adds its extremes to a list, as those of an entry.
    pub(crate) fn tell(&self, place: u32, entry: u64, extremes: &mut Gathered) {
        for (field, peak) in &self.rest.peaks {
            extremes.add(Extreme { of: (place, entry, *field), peak: *peak });
        }
    }
}

/// What has rates of that which happened between two rows of words.
pub(crate) fn flows_between<S: Metric>(earlier: &[u64], later: &[u64], span: Span) -> Vec<f64> {
    let [earlier, later] = [earlier, later].map(|words| S::read(&mut Row::of_words(words, span)));
    let mut flows = Vec::new();
    S::flows(&S::difference(&later, &earlier), &mut flows);
    flows
}
