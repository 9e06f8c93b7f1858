//! The collector's side of a set: where closed epochs are added up.

mod delta;
mod family;
mod reducer;
mod shown;

use delta::{Delta, flows_between};
pub(crate) use family::FamilyTotals;
pub(crate) use reducer::ReducerTotals;
pub(crate) use shown::{Changed, OWNERS, Owners};

use crate::averages::Averages;
use crate::history::{Gathered, TOTAL};
use crate::metric::{Metric, Span};
use crate::phase::{Block, Quiet};
use crate::slots::Slots;
use crate::snapshot::{Part, SetPart};
use std::any::Any;
use std::sync::Arc;

/// A tick that is being made.
pub(crate) struct Tick<'a> {
    pub(crate) span: Span,
    pub(crate) averages: &'a Averages,
    /// What was extreme in its interval.
    pub(crate) extremes: &'a mut Gathered,
}

/// The totals of one place.
pub(crate) trait Totals: Send {
    /// Called before an epoch is closed.
    fn prepare(&mut self) {}
    /// Moves what a thread recorded in the closed epoch into the totals.
    fn drain(&mut self, block: &(dyn Any + Send + Sync), quiet: Quiet, tick: &mut Tick<'_>);
    /// Called after all drains of an epoch.
    fn settle(&mut self, _: &mut Tick<'_>) {}
    /// What the snapshot of the tick shows. Called once per epoch, after its drains.
    fn publish(&mut self, tick: &mut Tick<'_>) -> Part;
    /// Called when the registry is gone, before the last epochs are drained, which nobody will see.
    fn end(&mut self) {}
    /// How many entries it has.
    fn entries(&self) -> usize {
        0
    }
    /// How many bytes it holds, roughly, and how many of them only for the past.
    fn bytes(&self) -> [usize; 2];
}

/// The totals of a set.
pub(crate) struct SetTotals<S> {
    place: u32,
    words: Vec<u64>,
    slots: Option<Slots>,
    averages: Vec<u64>,
    delta: Delta<S>,
    is_changed: bool,
    /// What was published last; shared by all snapshots until something changes.
    published: Arc<SetPart>,
}

impl<S: Metric> SetTotals<S> {
    pub(crate) fn new(place: usize) -> Self {
        SetTotals {
            place: place as u32,
            words: vec![0; S::WORDS],
            slots: Slots::of_set(S::SLOTS),
            averages: Vec::new(),
            delta: Delta::new(),
            is_changed: true,
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
        if let Some(slots) = &mut self.slots {
            slots.add(0, self.delta.slots());
        }
        self.delta.tell(self.place, TOTAL, tick.extremes);
    }
}

impl<S: Metric> Totals for SetTotals<S> {
    fn drain(&mut self, block: &(dyn Any + Send + Sync), quiet: Quiet, tick: &mut Tick<'_>) {
        let block = block.downcast_ref::<Block<S>>();
        let block = block.expect("the registry uses a place for one type only");
        self.add(block.quiet(quiet), tick);
    }

    fn publish(&mut self, tick: &mut Tick<'_>) -> Part {
        if std::mem::take(&mut self.is_changed) {
            if S::FLOWS > 0 {
                let happened = flows_between::<S>(&self.published.words, &self.words, tick.span);
                self.averages.resize(tick.averages.words(S::FLOWS), 0);
                tick.averages.update(&mut self.averages, &happened);
            }
            self.published = Arc::new(SetPart {
                words: self.words.as_slice().into(),
                slots: self.slots.as_mut().map(Slots::publish),
                averages: self.averages.as_slice().into(),
            });
        }
        Part::Set(self.published.clone())
    }

    fn bytes(&self) -> [usize; 2] {
        let words = 2 * (S::WORDS + self.averages.len()) * size_of::<u64>();
        let slots = self.slots.as_ref();
        let bytes = words + slots.map_or(0, Slots::bytes);
        [bytes, slots.map_or(0, Slots::past_bytes)]
    }
}
