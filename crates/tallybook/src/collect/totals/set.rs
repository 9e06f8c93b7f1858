//! [`SetTotals`]: the totals of a set.

use super::delta::{Delta, flows_between};
use super::part::{Tick, Totals};
use crate::metric::Metric;
use crate::phase::{Block, Quiet};
use crate::read::{Part, SetPart, TOTAL};
use crate::row::{BucketRows, Span};
use std::any::Any;
use std::sync::Arc;

/// See the module.
pub(crate) struct SetTotals<S> {
    place: u32,
    words: Vec<u64>,
    buckets: Option<BucketRows>,
    delta: Delta<S>,
    is_changed: bool,
    /// The first values, where they do not start from zero.
    first: Option<Arc<SetPart>>,
    /// What was published last; shared by all snapshots until something changes.
    published: Arc<SetPart>,
}

impl<S: Metric> SetTotals<S> {
    pub(crate) fn new(place: usize) -> Self {
        SetTotals {
            place: place as u32,
            words: vec![0; S::WORDS],
            buckets: BucketRows::of_set(S::BUCKETS),
            delta: Delta::new(),
            is_changed: true,
            first: None,
            published: Arc::new(SetPart::zeros(S::WORDS)),
        }
    }

    /// Moves what the cells hold into the totals.
    pub(crate) fn add(&mut self, cells: &S, tick: &mut Tick<'_>) {
        if !self.delta.drain(cells, tick.span) {
            return;
        }
        self.is_changed = true;
        S::fold(self.delta.words(), &mut self.words, tick.span);
        if let Some(buckets) = &mut self.buckets {
            buckets.add(0, self.delta.buckets());
        }
        self.delta.tell(self.place, TOTAL, tick.extrema);
    }

    /// What snapshots show of it now.
    fn latest(&mut self, tick: &Tick<'_>) -> Arc<SetPart> {
        if !self.is_changed {
            return self.published.clone();
        }
        let mut averages = self.published.averages.to_vec();
        if S::FLOWS > 0 {
            let happened = flows_between::<S>(&self.published.words, &self.words, tick.span);
            averages.resize(tick.averages.words(S::FLOWS), 0);
            tick.averages.update(&mut averages, &happened);
        }
        Arc::new(SetPart {
            words: self.words.as_slice().into(),
            buckets: self.buckets.as_mut().map(BucketRows::publish),
            averages: averages.into(),
            first: self.first.clone(),
        })
    }

    /// Puts what the cells hold in the place of the totals.
    pub(crate) fn replace(&mut self, cells: &S, tick: &mut Tick<'_>) {
        self.delta.drain(cells, tick.span);
        self.is_changed = true;
        self.words.fill(0);
        S::fold(self.delta.words(), &mut self.words, tick.span);
        if let Some(buckets) = &mut self.buckets {
            buckets.clear(0);
            buckets.add(0, self.delta.buckets());
        }
        self.delta.tell(self.place, TOTAL, tick.extrema);
    }

    /// Counts from the totals as they are: they are not what happened in this interval.
    pub(crate) fn start(&mut self) {
        let first = Arc::new(SetPart {
            words: self.words.as_slice().into(),
            buckets: self.buckets.as_mut().map(BucketRows::publish),
            averages: self.published.averages.clone(),
            first: None,
        });
        self.first = Some(first.clone());
        self.published = first;
    }
}

impl<S: Metric> Totals for SetTotals<S> {
    fn drain(&mut self, block: &(dyn Any + Send + Sync), quiet: Quiet, tick: &mut Tick<'_>) {
        let block = block.downcast_ref::<Block<S>>();
        let block = block.expect("the registry uses a place for one type only");
        self.add(block.quiet(quiet), tick);
    }

    fn publish(&mut self, tick: &mut Tick<'_>) -> Part {
        self.published = self.latest(tick);
        self.is_changed = false;
        Part::Set(self.published.clone())
    }

    fn preview(&mut self, tick: &mut Tick<'_>) -> Part {
        Part::Set(self.latest(tick))
    }

    fn rest(&mut self, _: Span) {
        self.delta = Delta::new();
    }

    fn bytes(&self) -> [usize; 2] {
        let words = (2 * S::WORDS + self.published.averages.len()) * size_of::<u64>();
        let buckets = self.buckets.as_ref();
        let bytes = words + buckets.map_or(0, BucketRows::bytes);
        [bytes, buckets.map_or(0, BucketRows::past_bytes)]
    }
}
