//! The collector's side of a set: where closed epochs are added up.

mod family;

pub(crate) use family::{FamilyTotals, OWNERS, Owners};

use crate::metric::{Metric, Span};
use crate::phase::{Block, Quiet};
use crate::snapshot::Part;
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

/// The totals of one place.
pub(crate) trait Totals: Send {
    /// Moves what a thread recorded in the closed epoch into the totals.
    fn drain(&mut self, block: &(dyn Any + Send + Sync), quiet: Quiet, span: Span);
    /// What the snapshot of `span` shows. Called once per epoch, after its drains.
    fn publish(&mut self, span: Span) -> Part;
    /// How many entries it has.
    fn entries(&self) -> usize {
        0
    }
    /// How many bytes it holds, roughly.
    fn bytes(&self) -> usize;
}

/// The totals of a set.
pub(crate) struct SetTotals<S> {
    row: Vec<u64>,
    /// What was published last; shared by all snapshots until something changes.
    published: Arc<[u64]>,
    set: PhantomData<fn() -> S>,
}

impl<S: Metric> SetTotals<S> {
    pub(crate) fn new() -> Self {
        SetTotals { row: vec![0; S::WORDS], published: vec![0; S::WORDS].into(), set: PhantomData }
    }

    /// Moves what the cells hold into the totals.
    pub(crate) fn add(&mut self, cells: &S, span: Span) {
        cells.drain(&mut self.row, span);
    }
}

impl<S: Metric> Totals for SetTotals<S> {
    fn drain(&mut self, block: &(dyn Any + Send + Sync), quiet: Quiet, span: Span) {
        let block = block.downcast_ref::<Block<S>>();
        let block = block.expect("the registry uses a place for one type only");
        self.add(block.quiet(quiet), span);
    }

    fn publish(&mut self, _: Span) -> Part {
        if *self.row != *self.published {
            self.published = self.row.as_slice().into();
        }
        Part::Set(self.published.clone())
    }

    fn bytes(&self) -> usize {
        2 * S::WORDS * size_of::<u64>()
    }
}
