//! What a set's numbers look like without their types.
//!
//! A *row* is a fixed number of 64-bit words, some to each field, and beside them the *slots* of its histograms: counts of
//! which most are zero and which are only ever added to, so nobody needs to know whose they are in order to add them up.
//! What was extreme is told as *peaks*, which belong to one interval and go into the history. All three are walked in the
//! order of the fields, each field taking its share.

use crate::metric::Span;
use crate::rows::Tree;

/// A row being read: each field takes what is its own from the front.
#[derive(Clone)]
pub struct Row<'a> {
    words: &'a [u64],
    slots: Option<&'a Tree>,
    /// The next slot.
    slot: usize,
    span: Span,
}

impl<'a> Row<'a> {
    /// A row without histograms.
    #[must_use]
    pub fn of_words(words: &'a [u64], span: Span) -> Self {
        Row::new(words, None, 0, span)
    }

    /// A row of these words whose slots begin at `slot`.
    pub(crate) fn new(words: &'a [u64], slots: Option<&'a Tree>, slot: usize, span: Span) -> Self {
        Row { words, slots, slot, span }
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

    /// Cuts off the part of a metric of this kind.
    #[cfg(feature = "serde")]
    pub(crate) fn split(&mut self, kind: &crate::schema::Kind) -> Self {
        let (own, rest) = self.words.split_at(kind.words());
        let row = Row { words: own, ..*self };
        self.words = rest;
        self.slot += kind.slots();
        row
    }

    /// Takes the next `count` slots: the number within them, and the count, of those that are not zero, in order.
    pub(crate) fn take_slots(&mut self, count: usize) -> Vec<(usize, u64)> {
        let mut taken = Vec::new();
        if let Some(slots) = self.slots {
            let first = self.slot;
            slots.each_word(first..first + count, |slot, n| taken.push((slot - first, n)));
        }
        self.slot += count;
        taken
    }
}

/// Where cells are drained into: each field takes what is its own from the front.
pub struct Drain<'a> {
    words: &'a mut [u64],
    rest: &'a mut Rest,
    slot: usize,
    peak: u32,
    span: Span,
}

/// What of a drained row is not words.
#[derive(Debug, Default)]
pub struct Rest {
    /// A slot and what is to be added there.
    pub(crate) slots: Vec<(usize, u64)>,
    pub(crate) peaks: Vec<(u32, Peak)>,
}

/// The extremes of what one field saw in an interval. Zero words mean nothing seen, and folding takes the larger of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peak {
    /// The complement of the least.
    pub(crate) low: u64,
    pub(crate) most: u64,
}

impl Peak {
    pub(crate) fn of(least: u64, most: u64) -> Self {
        Peak { low: !least, most }
    }

    pub(crate) fn least(self) -> u64 {
        !self.low
    }

    pub(crate) fn most(self) -> u64 {
        self.most
    }

    pub(crate) fn fold(&mut self, other: Peak) {
        self.low = self.low.max(other.low);
        self.most = self.most.max(other.most);
    }
}

impl<'a> Drain<'a> {
    /// Into these words, which are as many as the metrics take, and this rest.
    pub fn new(words: &'a mut [u64], rest: &'a mut Rest, span: Span) -> Self {
        Drain { words, rest, slot: 0, peak: 0, span }
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

    /// Takes the next `count` slots, and adds to them what `each` tells: the number within them, and a count.
    pub(crate) fn take_slots(
        &mut self,
        count: usize,
        each: impl FnOnce(&mut dyn FnMut(usize, u64)),
    ) {
        let first = self.slot;
        each(&mut |slot, n| self.rest.slots.push((first + slot, n)));
        self.slot += count;
    }

    /// Takes the next peak, and folds into it what was seen.
    pub(crate) fn take_peak(&mut self, seen: Option<Peak>) {
        if let Some(peak) = seen {
            self.rest.peaks.push((self.peak, peak));
        }
        self.peak += 1;
    }
}

/// The peaks of one row over a stretch of time: each field takes its own from the front.
pub struct Peaks<'a> {
    peaks: &'a [(u32, Peak)],
    next: u32,
}

impl<'a> Peaks<'a> {
    /// From a list in order.
    pub(crate) fn new(peaks: &'a [(u32, Peak)]) -> Self {
        Peaks { peaks, next: 0 }
    }

    /// Takes the next peak; `None` if nothing was seen.
    pub(crate) fn take(&mut self) -> Option<Peak> {
        let found = self.peaks.iter().find(|(index, _)| *index == self.next);
        self.next += 1;
        found.map(|(_, peak)| *peak)
    }
}

/// Rates in the order of the fields: each field takes its own from the front.
pub struct Flows<'a>(std::slice::Iter<'a, f64>);

impl<'a> Flows<'a> {
    pub(crate) fn new(flows: &'a [f64]) -> Self {
        Flows(flows.iter())
    }

    /// Takes the next rate.
    pub fn take(&mut self) -> f64 {
        self.0.next().copied().unwrap_or(0.0)
    }
}
